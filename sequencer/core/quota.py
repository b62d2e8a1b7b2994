"""May somebody ask once more? So many requests in so much time, in a burst or evenly.

A generic cell rate algorithm (ITU-T I.371): all that is kept of a caller is one instant, `due`, at which their quota
would be whole again. `now` is in seconds.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most so many requests in `window` seconds."""

    most: int
    window: int

    @property
    def interval(self) -> float:
        """The seconds in which one request comes back."""
        return self.window / self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What came of a request for a request: `due` is to be kept, the others are for the caller, in whole seconds."""

    allowed: bool
    due: float
    left: int
    reset: int
    wait: int = 0


def spend(quota: Quota, due: float, now: float) -> Spent:
    """The state after one more request; a refused one costs nothing, a clock that is set back one window at most."""
    due = min(max(due, now), now + quota.window)
    after = due + quota.interval
    over = after - now - quota.window
    # Sums of fractions miss whole numbers by a little.
    if over > quota.interval / 1000:
        return Spent(allowed=False, due=due, left=0, reset=math.ceil(due - now), wait=max(1, math.ceil(over)))
    left = int((quota.window - (after - now)) / quota.interval + 1 / 1000)
    return Spent(allowed=True, due=after, left=left, reset=math.ceil(after - now))
