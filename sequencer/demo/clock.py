"""What time is it in the demo? A clock that stands still, jumps forward, and can be let go."""

import time
from datetime import UTC, datetime, timedelta


class DrivenClock:
    """Callable like any clock. Stands at the time it was set to; after `let_go` it runs on from there."""

    def __init__(self, start: datetime) -> None:
        self._base = start
        self._since: float | None = None

    def __call__(self) -> datetime:
        """Now."""
        if self._since is None:
            return self._base
        return self._base + timedelta(seconds=time.monotonic() - self._since)

    def jump(self, to: datetime) -> None:
        """Move to a later time; an earlier one is not gone back to."""
        self._base = max(to, self())
        if self._since is not None:
            self._since = time.monotonic()

    def let_go(self) -> None:
        """From now on the clock runs."""
        self._since = time.monotonic()


def real_now() -> datetime:
    """The real time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
