"""How much may a relay be given now? Its pace, its connections, its day, and whether to leave it alone for a while.

Arithmetic on values. `now` is in seconds of a clock that only goes forward, but for the day's allowance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Protocol

DAY_HOURS = 24
_PROOF = 20  # messages over each open connection before one more is opened
_CALM = 1.0  # seconds in which several refusals count as one
_BURST = 1.0  # seconds of its rate that a relay may be given at once after it had nothing
_PATIENCE = 60.0  # seconds for which a message may lie claimed until its turn comes; well within its lease
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0  # seconds for which a relay, or a domain, is left alone
_PROBE = 5.0  # seconds between two messages that find out whether it works again
_TRIPS = 3  # refusals in a row before a domain is left alone
_GROWN = 25.0  # the logarithm of seventy thousand million
_DOMAIN_WAIT, _LONGEST_DOMAIN_WAIT = 300.0, 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A rate as a generic cell rate algorithm (ITU-T I.371): `due` is when the next message may start."""

    rate: float
    due: float = 0.0

    def spend(self, now: float, *, share: float = 1.0) -> tuple["Pace", float]:
        """The pace after one more message, and for how many seconds that one has to wait; `share` slows the rate."""
        start = max(self.due, now - _BURST)
        wait = max(0.0, start - now)
        return replace(self, due=start + 1 / (self.rate * share)), wait

    def budget(self, now: float, *, ahead: float, share: float = 1.0) -> int:
        """How many messages may start within the next `ahead` seconds: one at least, unless its turn is far off."""
        if self.due - now > _PATIENCE:
            return 0
        return max(1, int((now + ahead - max(self.due, now - _BURST)) * self.rate * share))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How many connections may be open: halved when the relay asks us to slow down, one more after each proof.

    Additive increase, multiplicative decrease, as TCP does it (RFC 5681).
    """

    most: int
    now: int
    proven: int = 0
    calm_at: float = 0.0

    @property
    def share(self) -> float:
        """The part of what the settings allow that is used now."""
        return self.now / self.most

    def grown(self) -> "Window":
        """After a message that was taken."""
        if self.now >= self.most:
            return self
        if self.proven + 1 < _PROOF * self.now:
            return replace(self, proven=self.proven + 1)
        return replace(self, now=self.now + 1, proven=0)

    def halved(self, now: float) -> "Window":
        """After the relay asked us to slow down; several that ask at the same moment ask once."""
        if now < self.calm_at:
            return self
        return replace(self, now=max(1, self.now // 2), proven=0, calm_at=now + _CALM)

    def shrunk(self, to: int) -> "Window":
        """After the relay would not let one more connection in beside `to` others."""
        return replace(self, now=max(1, min(self.now, to)), proven=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What workers tell each other: a relay, or a domain at it, is left alone for `left` seconds more.

    Where `failures` is 0 it works again. The relay itself is meant where the domain is empty.
    """

    relay: str
    domain: str = ""
    left: float = 0.0
    failures: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Whether something is left alone, because it failed; the longer, the oftener it failed in a row."""

    trips: int = 1
    first: float = _FIRST_WAIT
    longest: float = _LONGEST_WAIT
    failures: int = 0
    until: float = 0.0
    probing: bool = False

    def is_open(self, now: float) -> bool:
        """Whether it is to be left alone."""
        return now < self.until

    def failed(self, now: float, *, least: float = 0.0) -> "Breaker":
        """After a failure; left alone for `least` seconds, where that is said. What failed meanwhile counts once."""
        if self.is_open(now) and not least and not self.probing:
            return self
        failures = self.failures + 1
        beyond = failures - self.trips
        wait = 0.0 if beyond < 0 else min(self.longest, self.first * 2.0 ** min(beyond, 20))
        return replace(self, failures=failures, until=max(self.until, now + max(wait, least)), probing=False)

    def probed(self, now: float) -> "Breaker":
        """After one was let through to find out: the next one waits for what becomes of it."""
        return replace(self, until=now + _PROBE, probing=True) if self.failures >= self.trips else self

    def heard(self, now: float, rest: Rest) -> "Breaker":
        """After another worker's word; what we know ourselves stands where it is the harder one."""
        if rest.failures < self.failures or now + rest.left <= self.until:
            return self
        return replace(self, failures=rest.failures, until=now + max(rest.left, 0.0), probing=False)

    def worked(self) -> "Breaker":
        """After a success."""
        return replace(self, failures=0, until=0.0, probing=False) if self.failures or self.until else self


def for_domain() -> Breaker:
    """The breaker of a recipient's domain: a few refusals trip it, and it rests for longer."""
    return Breaker(trips=_TRIPS, first=_DOMAIN_WAIT, longest=_LONGEST_DOMAIN_WAIT)


class Ramp(Protocol):
    """A warm-up: so many messages on the day `since`, and `growth` times as many on each day that follows."""

    @property
    def since(self) -> date:
        """The first day."""
        ...

    @property
    def first(self) -> int:
        """How many on that day."""
        ...

    @property
    def growth(self) -> float:
        """Above 1."""
        ...


def allowance(*, quota: int, ramp: Ramp | None, now: datetime) -> int | None:
    """How many messages a relay may be given within 24 hours; None for any number."""
    warm = None
    if ramp is not None:
        days = (now.astimezone(UTC).date() - ramp.since).days
        # Once it has grown so much, no quota is left that it would hold back; and floats have an end.
        warm = 0 if days < 0 else int(ramp.first * ramp.growth ** min(days, math.ceil(_GROWN / math.log(ramp.growth))))
    return min((it for it in (quota or None, warm) if it is not None), default=None)


class Share(Protocol):
    """Somebody who takes a share: `weight` against the others, `room` for so many now."""

    @property
    def weight(self) -> int:
        """The share, against those of the others."""
        ...

    @property
    def room(self) -> int:
        """How many can be taken now."""
        ...


def shares(takers: Sequence[Share], had: Sequence[int] = ()) -> list[int]:
    """Whose turn it is, as positions in `takers`: each by its weight, as evenly as can be, until no room is left.

    Smooth weighted round-robin, which goes on from what each has `had` lately. Who has no room leaves the turn to the
    others; those of weight 0 are last.
    """
    room = [one.room for one in takers]
    if len(takers) == 1:
        return [0] * room[0]
    turns: list[int] = []
    for spare in (False, True):
        weights = [1 if spare and not one.weight else 0 if spare else one.weight for one in takers]
        taken, whole = sum(had), sum(weights)
        credit = [taken * weight - got * whole for weight, got in zip(weights, had or [0] * len(takers), strict=True)]
        while live := [which for which, weight in enumerate(weights) if weight and room[which] > 0]:
            for which in live:
                credit[which] += weights[which]
            chosen = max(live, key=lambda which: credit[which])
            credit[chosen] -= sum(weights[which] for which in live)
            room[chosen] -= 1
            turns.append(chosen)
        if turns:
            break
    return turns
