"""When must work end? Told once, by a signal: nothing more is begun, and some seconds later nothing is waited for."""

import math
import threading
import time

GRACE = 6.0  # seconds for what is on the wire when we are told to stop; what has no answer then is uncertain


class Ending:
    """The end of a process, seen from all its threads. `grace` is how long what runs may still take."""

    def __init__(self, *, grace: float = GRACE) -> None:
        self._grace = grace
        self._begun = threading.Event()
        self._over_at = math.inf

    def begin(self) -> None:
        """From now on nothing new is begun. Safe to call twice, and from a signal."""
        if not self._begun.is_set():
            self._over_at = time.monotonic() + self._grace
            self._begun.set()

    def has_begun(self) -> bool:
        """Whether nothing new may be begun."""
        return self._begun.is_set()

    def is_over(self) -> bool:
        """Whether not even the answers that are awaited may be waited for."""
        return time.monotonic() > self._over_at

    def wait(self, seconds: float | None = None) -> bool:
        """Come back when it has begun, or after so many seconds; whether it has begun."""
        return self._begun.wait(seconds)
