"""What time is it, where several machines send from one database? The database's: each machine's own may be wrong.

What is due, what is planned and what is noted goes by one clock then, as leases do. A machine whose own clock is off
sends nothing early and nothing late.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.store import database
from sequencer.store.database import Database

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks at the database's clock, at least
TOLERANCE = timedelta(seconds=5)  # by which a machine's own clock may be off before it is told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    at: datetime
    since: float


class SharedClock:
    """The database's clock, for all threads of a process; a callable like any other clock.

    Between two looks it is counted on by `ticks`, seconds of a clock that only goes forward, so telling the time asks
    nobody. It may be behind by the way to the database, and never is ahead. `own` is this machine's clock.
    """

    def __init__(
        self, db: Database, own: Callable[[], datetime], *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._own = own
        self._ticks = ticks
        self._looking = threading.Lock()
        self._is_told = False
        self._seen = self._ask()

    def __call__(self) -> datetime:
        """Now."""
        seen = self._seen
        return seen.at + timedelta(seconds=self._ticks() - seen.since)

    def look(self) -> None:
        """Ask the database anew, no more than once a second. Raises BadDatabase where it cannot be used.

        A machine's own clock that is off is told to the log once, and so is that it is right again.
        """
        if self._ticks() - self._seen.since < EVERY or not self._looking.acquire(blocking=False):
            return
        try:
            self._seen = self._ask()
            self._tell()
        finally:
            self._looking.release()

    @property
    def ahead(self) -> timedelta:
        """By how much this machine's own clock is ahead; below zero where it is behind."""
        return self._own() - self()

    def _ask(self) -> _Seen:
        with self._db.read() as tx:
            return _Seen(at=database.instant(tx), since=self._ticks())

    def _tell(self) -> None:
        ahead = self.ahead
        is_off = abs(ahead) > TOLERANCE
        if is_off and not self._is_told:
            log.warning("clock.off", extra={"seconds": round(ahead.total_seconds())})
        elif self._is_told and not is_off:
            log.warning("clock.right")
        self._is_told = is_off
