"""How much may each relay be given now? Its rate and its day's quota, which all workers share, during one pass.

What is promised is written down before it is used: turns of a rate are leased, and messages of a quota are reserved,
before anything is claimed. What was not needed is given back at the end; a worker that dies first takes it with it, so
that too little is sent rather than too much.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sequencer.core import limits, precedence, rates
from sequencer.core.model import Ticket
from sequencer.core.rates import Grant, Rate
from sequencer.relays import Relay
from sequencer.store import rates as buckets
from sequencer.store import relays
from sequencer.store.database import Database, Transaction

_PART = 10  # of what is left of a day, how much is reserved at once
_LEAST = 10


class Ration:
    """What this pass has leased and reserved. May be called from two threads, one for claims and one for outcomes."""

    def __init__(self, db: Database, *, now: datetime) -> None:
        self._db = db
        self._now = now
        # By relay: reserved and in nobody's hand; by attempt, for which relay one of them is used.
        self._free: Counter[str] = Counter()
        self._used: dict[Ticket, str] = {}
        self._letters: set[Ticket] = set()
        self._issues: Counter[str] = Counter()
        self._ends: dict[str, tuple[Rate, int]] = {}
        self._counting = threading.Lock()

    def lease(self, relay: Relay, room: int, held: int) -> Grant:
        """Leave to claim `room` messages at most, and turns for as many as do not hold one; one short transaction."""
        most = limits.allowance(quota=relay.daily_quota, ramp=relay.warm_up, now=self._now)
        wanted = max(0, room - held) if relay.rate else 0
        if not wanted and (most is None or self._free[relay.name] >= room):
            return _leave(relay, room)
        with self._db.begin() as tx:
            if most is not None:
                room = self._reserve(tx, relay.name, room, most)
            wanted = min(wanted, max(0, room - held))
            if not wanted:
                return _leave(relay, room)
            rate = rates.rate(relay.rate)
            leased = buckets.lease(tx, relay.name, rate, wanted=wanted)
        if leased.count:
            self._ends[relay.name] = (rate, leased.tat)
        return rates.grant(rate, leased, most=room)

    @property
    def counts(self) -> bool:
        """Whether anything is in hand of which it matters what became of it."""
        return bool(self._used)

    def spend(self, ticket: Ticket, relay: Relay, *, issue: bool = False) -> None:
        """This message was claimed for the relay: one that was reserved is in hand. Newsletters are counted apart."""
        if relay.daily_quota or relay.warm_up:
            with self._counting:
                self._free[relay.name] -= 1
                self._used[ticket] = relay.name
                if issue:
                    self._letters.add(ticket)

    def taken(self, tickets: Iterable[Ticket]) -> None:
        """The relay took these, or may have: what was reserved for them is used up."""
        for ticket in tickets:
            if (relay := self._used.pop(ticket, None)) and ticket in self._letters:
                self._letters.discard(ticket)
                with self._counting:
                    self._issues[relay] += 1

    def not_taken(self, tickets: Iterable[Ticket]) -> None:
        """The relay took none of these: as many others may be sent instead."""
        for ticket in tickets:
            if relay := self._used.pop(ticket, None):
                self._letters.discard(ticket)
                with self._counting:
                    self._free[relay] += 1

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        """The pass is over: nobody needs what is left, nor the last turns of each relay, so many of them.

        Those whose turns were taken back: where another leased what follows, or this pass leased nothing, none are.
        """
        ends = {name: self._ends.pop(name) for name, turns in unused.items() if turns and name in self._ends}
        free, issues = +self._free, +self._issues
        taken: set[str] = set()
        if not ends and not free and not issues:
            return taken
        with self._db.begin() as tx:
            # In one order for all, as each relay is locked.
            for name in sorted({*ends, *free, *issues}):
                if name in ends:
                    rate, end = ends[name]
                    if buckets.give_back(tx, name, rate, end=end, unused=unused[name]):
                        taken.add(name)
                if free[name] or issues[name]:
                    relays.use(tx, name, -free[name], issues=issues[name], now=self._now)
        self._free.clear()
        self._issues.clear()
        return taken

    def for_issues(
        self, tx: Transaction, among: Sequence[Relay], *, share: int, lessons: Callable[[int], int]
    ) -> int | None:
        """How many newsletters these relays may still be given today; None where one of them has no limit.

        `lessons` counts those that are due within a day, as far as it matters: up to so many.
        """
        days = [limits.allowance(quota=one.daily_quota, ramp=one.warm_up, now=self._now) for one in among]
        if None in days or not days:
            return None
        most = sum(day or 0 for day in days)
        left = most + self._free.total() - sum(relays.used(tx, one.name, now=self._now) for one in among)
        issues = self._issues.total() + sum(relays.issues(tx, one.name, now=self._now) for one in among)
        return precedence.of_day(most=most, left=left, issues=issues, lessons=lessons(max(0, left)), share=share)

    def _reserve(self, tx: Transaction, name: str, room: int, most: int) -> int:
        """For how many messages, `room` at most, there is leave; what is missing is reserved, by and by."""
        missing = room - self._free[name]
        if missing > 0:
            buckets.lock(tx, name)
            left = most - relays.used(tx, name, now=self._now)
            more = max(0, min(missing, left, max(_LEAST, left // _PART)))
            if more:
                relays.use(tx, name, more, now=self._now)
                with self._counting:
                    self._free[name] += more
        return max(0, min(room, self._free[name]))


def _leave(relay: Relay, room: int) -> Grant:
    """Leave to claim, and no new turns; where there is a rate, turns are needed all the same."""
    return Grant(most=room, interval=1 / relay.rate if relay.rate else 0.0)
