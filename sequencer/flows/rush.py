"""Do many wait at the sign-up door of this process? Whoever sends in it makes room for them, and says so here."""

import time
from dataclasses import dataclass

MANY = 10  # who wait at once: then the door is busy, and not only open
# Seconds for which it stays so when they have had their answers: those come to many at once, and the next ask already.
LASTS = 0.5


@dataclass(slots=True)
class Rush:
    """How many wait for the answer to their sign-up. Counted by the door's event loop alone, read by any thread."""

    waiting: int = 0
    until: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether there are so many that a computing neighbour would be felt."""
        return self.waiting >= MANY or time.monotonic() < self.until

    def __enter__(self) -> None:
        """One more waits for as long as this is entered."""
        self.waiting += 1
        if self.waiting >= MANY:
            self.until = time.monotonic() + LASTS

    def __exit__(self, *_: object) -> None:
        """They wait no more, whatever they heard."""
        self.waiting -= 1
