"""When may messages start, where several workers share one rate? Slots on a timeline, leased in chunks.

A generic cell rate algorithm (ITU-T I.371): all that is kept of a rate is one instant, `tat`, the first that nobody
holds. A lease takes the slots that follow it, one `interval` apart, and a slot is good for `grace` from its instant on.
So whoever leases what, is late with it, or dies holding it: within any time t no more messages start than
(t + grace) / interval + 1. Instants are whole nanoseconds, as sums of fractions lose messages.
"""

import math
from collections import deque
from dataclasses import dataclass, replace

SECOND = 1_000_000_000
PATIENCE = 60.0  # seconds for which a message may lie claimed until its turn comes; well within its lease
AHEAD = 5.0  # seconds for which slots are leased beforehand: what a worker that dies takes with it
_LEAST_GRACE, _MOST_GRACE = 1.0, 10.0
_CAP_GRACE = 3.0  # seconds within which somebody who is busy with other mail comes to it
_CAP_SPAN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many messages in so much time: the nanoseconds between two of them, and how late one may start."""

    interval: int
    grace: int


def rate(messages: float, seconds: float = 1.0) -> Rate:
    """At most `messages` in `seconds`, evenly; never a little more, by rounding."""
    apart = seconds / messages
    grace = min(max(apart, _LEAST_GRACE), _MOST_GRACE)
    return Rate(interval=math.ceil(apart * SECOND), grace=int(grace * SECOND))


def cap(messages: int, seconds: float, *, apart: float = 0.0) -> Rate:
    """Never more than `messages` within any `seconds`, however they are counted; where that is less, within a minute.

    A little slower than evenly spread, so that those who are late make no more of them. `apart` is how far apart, in
    seconds, those may start who have the turns: a turn has to last until one of them can use it.
    """
    span = max(seconds, _CAP_SPAN)
    grace = _CAP_GRACE + min(2 * apart, PATIENCE + _MOST_GRACE)
    return Rate(interval=math.ceil((span + grace) * seconds / (messages * span) * SECOND), grace=int(grace * SECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The slots that were leased at `now`: `count` of them from `first` on; `tat` is to be kept."""

    now: int
    first: int
    count: int
    tat: int


def lease(rate: Rate, tat: int, now: int, *, wanted: int, ahead: float = AHEAD, patience: float = PATIENCE) -> Lease:
    """The next slots within `ahead` seconds, `wanted` at most; one at least, unless its turn is more than a minute off.

    A clock that was set back, or a rate that was made faster, costs a minute and one interval at most. The minute is
    `patience`.
    """
    reach = int(max(ahead, patience) * SECOND)
    first = min(max(tat, now), now + reach + rate.interval)
    count = min(wanted, max(0, (now + int(ahead * SECOND) - first) // rate.interval + 1))
    if not count and wanted and first - now <= reach:
        count = 1
    # Where there is none, what is too far off must not stay there until the clock comes to it.
    after = first + count * rate.interval if count else min(tat, now + reach + rate.interval)
    return Lease(now=now, first=first, count=count, tat=after)


def given_back(rate: Rate, tat: int, *, end: int, unused: int) -> int:
    """`tat` after the last `unused` slots of the lease that ended at `end` were not needed.

    Where somebody has leased what follows they are lost: nobody may hold the slots of another.
    """
    return tat - unused * rate.interval if tat == end else tat


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a relay may be given now, in seconds from now: `most` messages may be claimed.

    Of their turns the first `count` come `interval` apart after `wait`, each good for `grace`; with an interval of 0
    there is no rate, and no turn to wait for.
    """

    most: int
    count: int = 0
    wait: float = 0.0
    interval: float = 0.0
    grace: float = 0.0


def grant(rate: Rate, leased: Lease, *, most: int) -> Grant:
    """A lease as it is handed on: how long from now, as clocks are different elsewhere."""
    return Grant(
        most=most,
        count=leased.count,
        wait=(leased.first - leased.now) / SECOND,
        interval=rate.interval / SECOND,
        grace=rate.grace / SECOND,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a message may start, by its worker's own clock: not before `start`, and not after `end`."""

    start: float
    end: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slots:
    opens: float
    closes: float
    interval: float
    count: int

    def later(self, at: float) -> "_Slots":
        """Without those that are over by then."""
        over = min(self.count, max(0, math.ceil((at - self.closes) / self.interval)))
        return self.after(over)

    def after(self, some: int) -> "_Slots":
        passed = some * self.interval
        return replace(self, opens=self.opens + passed, closes=self.closes + passed, count=self.count - some)


class Purse:
    """The turns that one worker holds, by its own clock in seconds; those that it did not use in time are lost."""

    def __init__(self) -> None:
        self._slots: deque[_Slots] = deque()
        self._spared: _Slots | None = None

    def put(self, grant: Grant, *, asked: float, answered: float) -> None:
        """What was granted between these two instants, whenever that was: later at its beginning, sooner at its end."""
        if grant.count:
            opens, closes = answered + grant.wait, asked + grant.wait + grant.grace
            self._slots.append(_Slots(opens=opens, closes=closes, interval=grant.interval, count=grant.count))

    def count(self, now: float) -> int:
        """How many turns are not over."""
        self._drop(now)
        return sum(some.count for some in self._slots)

    def is_open(self, now: float) -> bool:
        """Whether a message may start at once."""
        self._drop(now)
        return bool(self._slots) and self._slots[0].opens <= now

    def take(self, at: float) -> Turn | None:
        """The next turn of those that are not over at that time; None where there is none, and nothing changes then."""
        if not any(some.later(at).count for some in self._slots):
            return None
        self._drop(at)
        first = self._slots[0]
        self._slots[0] = first.after(1)
        return Turn(start=max(at, first.opens), end=first.closes)

    def spare(self, now: float) -> int:
        """How many of the last lease were not used, which is the end of it; they are ours no longer."""
        self._drop(now)
        self._spared = self._slots.pop() if self._slots else None
        return self._spared.count if self._spared else 0

    def keep(self) -> None:
        """Nobody took them back: they are ours after all."""
        if self._spared:
            self._slots.append(self._spared)
        self._spared = None

    def _drop(self, now: float) -> None:
        while self._slots:
            self._slots[0] = self._slots[0].later(now)
            if self._slots[0].count:
                break
            self._slots.popleft()
