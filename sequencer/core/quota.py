"""May somebody ask once more? So many requests in so much time, in a burst or evenly.

A generic cell rate algorithm (ITU-T I.371): all that is kept of a caller is one instant, `due`, at which their quota
would be whole again. Instants are whole nanoseconds, as sums of fractions lose requests. Who has to look far for it
may take several requests at once, and hand them out one by one.
"""

from dataclasses import dataclass
from datetime import datetime

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most so many requests in `window` seconds."""

    most: int
    window: int

    @property
    def span(self) -> int:
        """The window, in nanoseconds."""
        return self.window * SECOND

    @property
    def interval(self) -> int:
        """The nanoseconds after which one request comes back."""
        return self.span // self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What came of asking for requests: `due` is to be kept; `reset` and `wait` are seconds, for the caller."""

    granted: int
    due: int
    left: int
    reset: int
    wait: int = 0

    @property
    def allowed(self) -> bool:
        """Whether anything was granted."""
        return self.granted > 0


def spend(quota: Quota, due: int, now: int, *, most: int = 1) -> Spent:
    """The state after `most` requests more, or as many as there are; a refused one costs nothing.

    A clock that is set back costs one window at most.
    """
    due = min(max(due, now), now + quota.span)
    room = now + quota.span - due
    granted = min(most, room // quota.interval)
    if granted < 1:
        return Spent(granted=0, due=due, left=0, reset=_seconds(due - now), wait=_seconds(quota.interval - room))
    after = due + granted * quota.interval
    left = (room - granted * quota.interval) // quota.interval
    return Spent(granted=granted, due=after, left=left, reset=_seconds(after - now))


def instant(now: datetime) -> int:
    """The moment in whole nanoseconds."""
    return int(now.timestamp() * SECOND)


def _seconds(nanoseconds: int) -> int:
    """Whole seconds, rounded up."""
    return -(-nanoseconds // SECOND)
