"""Does the sender of this process live? It says so after each pass; whoever counts passes hears of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sequencer.flows.dispatch import Tick

SILENCE = 120.0  # seconds: a pass claims for thirty, and may then wait for the answers to what is on the wire


def _nobody(_tick: Tick, _seconds: float) -> None:
    """Nobody counts."""


@dataclass(slots=True)
class Pulse:
    """One process: whether it sends, when its sender last did well, whether it is stopping.

    Instants are seconds of a clock that only goes forward. A process that sends nothing has no silence either.
    """

    last: float | None = None
    is_stopping: bool = False
    heard: Callable[[Tick, float], None] = field(default=_nobody)

    def beat(self, at: float) -> None:
        """The sender looks, and all is well; the first time, it begins to."""
        self.last = at

    def passed(self, tick: Tick, *, at: float, seconds: float) -> None:
        """A pass has gone well, and took so long."""
        self.beat(at)
        self.heard(tick, seconds)

    def stop(self) -> None:
        """The process is told to end: nothing new is to be brought to it."""
        self.is_stopping = True

    def silence(self, at: float) -> float:
        """For how many seconds the sender has been silent; 0 where there is none."""
        return 0.0 if self.last is None else at - self.last
