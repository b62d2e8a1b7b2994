"""Which message of those that lie here is next? What answers a press, what has its turn now, then the others.

A message with a turn of its own lies aside until that has come, and nobody waits behind it.
"""

from bisect import bisect_right, insort
from collections import deque
from operator import itemgetter

from sequencer.core.model import Parcel

_start = itemgetter(0)


class Backlog:
    """The messages that are claimed for one relay and not begun. Times are in seconds of the courier's clock."""

    def __init__(self) -> None:
        self._ready: deque[Parcel] = deque()
        self._pressed: deque[Parcel] = deque()
        # Those with a turn, the first turn first. Few: no domain's turns are leased for longer than some seconds.
        self._timed: list[tuple[float, Parcel]] = []

    def __len__(self) -> int:
        return len(self._pressed) + len(self._ready) + len(self._timed)

    def ready(self, now: float) -> int:
        """How many might start now."""
        return len(self._pressed) + len(self._ready) + bisect_right(self._timed, now, key=_start)

    def opens(self, now: float) -> float | None:
        """When the next turn comes; None where none is waited for."""
        return next((start for start, _ in self._timed if start > now), None)

    def push(self, parcel: Parcel) -> None:
        """Lay a message down, behind those of its kind."""
        if parcel.turn is not None:
            insort(self._timed, (parcel.turn.start, parcel), key=_start)
        else:
            (self._pressed if parcel.at_once else self._ready).append(parcel)

    def put_back(self, parcel: Parcel) -> None:
        """It was not begun after all: it is the next one of its kind."""
        if parcel.turn is not None:
            self.push(parcel)
        else:
            (self._pressed if parcel.at_once else self._ready).appendleft(parcel)

    def urgent(self, now: float) -> Parcel | None:
        """The next of those that overtake others: what answers a press, or has its turn now."""
        if self._pressed:
            return self._pressed.popleft()
        return self._timed.pop(0)[1] if self._timed and self._timed[0][0] <= now else None

    def is_late(self, now: float) -> bool:
        """Whether the next of those that have a turn was not begun within it."""
        return bool(self._timed) and is_late(self._timed[0][1], now)

    def take(self, now: float) -> Parcel | None:
        """The next one that may start now."""
        return self.urgent(now) or (self._ready.popleft() if self._ready else None)

    def pop(self) -> Parcel | None:
        """Any of them, whether it may start or not."""
        if self._timed:
            return self._timed.pop(0)[1]
        return self._pressed.popleft() if self._pressed else self._ready.popleft() if self._ready else None


def is_late(parcel: Parcel, now: float) -> bool:
    """Whether its turn at its domain is over."""
    return parcel.turn is not None and parcel.turn.end < now
