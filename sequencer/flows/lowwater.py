"""Where does the next claim begin to look? Behind the last one: before it lie rows that are dead, or somebody else's.

While an old snapshot is open somewhere (a dump, a report), PostgreSQL keeps what was claimed since in its indexes, and
each claim that begins at the beginning walks over all of it. So claims begin behind a mark. What is planned into the
past, let go of by somebody else or moved by an edit lies before it: so whenever a claim comes back short, and at least
once a minute, one looks from the beginning.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sequencer.store import hot
from sequencer.store.database import Transaction
from sequencer.store.hot import Due, Place

LONGEST = 60.0  # seconds between two looks from the beginning, at most
CHEAP = 0.05  # seconds that a look from the beginning may always take
_SHARE = 20  # a dear one is taken so many times its own length apart


class LowWater:
    """The mark of one sender, for one shard; `clock` gives seconds and only goes forward.

    With `thrifty`, what a short claim leaves out may wait, a minute at most, where looking from the beginning has
    become dear; without, it never waits.
    """

    def __init__(self, *, thrifty: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._thrifty = thrifty
        self._clock = clock
        self._mark: Place | None = None
        self._whole_at = -math.inf
        self._cost = 0.0

    @property
    def since(self) -> Place | None:
        """Behind which place to look now; None for everything."""
        return self._mark if self._clock() - self._whole_at < LONGEST else None

    @property
    def may_look_whole(self) -> bool:
        """Whether everything may be looked at because behind the mark there was too little."""
        if not self._thrifty or self._cost <= CHEAP:
            return True
        return self._clock() - self._whole_at >= min(LONGEST, self._cost * _SHARE)

    def claim_due(self, tx: Transaction, *, now: datetime, limit: int, people: str) -> Sequence[Due]:
        """People whose lesson is due, behind the mark; where they are too few, whoever was left out before it.

        Where `tx` comes to nothing the mark is too far on, and whoever lies before it is found as all others are.
        """
        since, due = self.since, list[Due]()
        if since is not None:
            due += hot.claim_due(tx, now=now, limit=limit, people=people, since=since)
            self._claimed(due)
        if since is None or (len(due) < limit and self.may_look_whole):
            with self.whole():
                rest = hot.claim_due(tx, now=now, limit=limit - len(due), people=people)
            self._claimed(rest, rest=len(rest) < limit - len(due))
            due += rest
        return due

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Around a look at everything: what it costs says how soon the next one is."""
        began = self._clock()
        yield
        self._whole_at = self._clock()
        self._cost = self._whole_at - began

    def found(self) -> None:
        """A look at everything that took nothing has found something: the next claim begins at the beginning."""
        self._whole_at = -math.inf

    def _claimed(self, due: Sequence[Due], *, rest: bool = False) -> None:
        # Where these were all that was left anywhere, the mark need not go back.
        if due:
            last = Place(due_at=due[-1].due_at, enrolment_id=due[-1].enrolment_id)
            self._mark = max(last, self._mark) if rest and self._mark is not None else last


class Marks:
    """The marks of a program that sends again and again, a shard each."""

    def __init__(self) -> None:
        self._of: dict[int | None, LowWater] = {}

    def of(self, shard: int | None = None) -> LowWater:
        """The mark of this shard. Who sends from it takes turns: a mark is for one pass at a time."""
        return self._of.setdefault(shard, LowWater(thrifty=True))
