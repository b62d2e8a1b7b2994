"""Who is told how long each part of the work takes? Nobody, until somebody listens."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

Told = Callable[[str, dict[str, int | str]], AbstractContextManager[object]]


@dataclass(slots=True)
class Spans:
    """The parts of the work in one process, each entered when it begins and left when it ends, one within another.

    What stands beside a name are numbers and words of ours, never a person's.
    """

    told: Told | None = None

    def __call__(self, name: str, **beside: int | str) -> AbstractContextManager[object]:
        """A part of the work, for as long as this is entered."""
        return nullcontext() if self.told is None else self.told(name, beside)
