"""May somebody ask once more? So many requests in so much time, in a burst or evenly.

A generic cell rate algorithm (ITU-T I.371): all that is kept of a caller is one instant, `due`, at which their quota
would be whole again. Instants are whole nanoseconds, as sums of fractions lose requests.
"""

from dataclasses import dataclass

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
    """What came of a request for a request: `due` is to be kept; `reset` and `wait` are seconds, for the caller."""

    allowed: bool
    due: int
    left: int
    reset: int
    wait: int = 0


def spend(quota: Quota, due: int, now: int) -> Spent:
    """The state after one more request; a refused one costs nothing, a clock that is set back one window at most."""
    due = min(max(due, now), now + quota.span)
    after = due + quota.interval
    over = after - now - quota.span
    if over > 0:
        return Spent(allowed=False, due=due, left=0, reset=_seconds(due - now), wait=_seconds(over))
    return Spent(allowed=True, due=after, left=-over // quota.interval, reset=_seconds(after - now))


def _seconds(nanoseconds: int) -> int:
    """Whole seconds, rounded up."""
    return -(-nanoseconds // SECOND)
