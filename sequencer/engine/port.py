"""What is asked of an engine? To carry hints to whoever has time for them; a hint says "look at this shard now".

The rows are the truth. A hint may be lost, doubled, late or merged with another, and no message is lost or doubled by
it: who follows a hint claims rows, and who finds none is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from sequencer.engine.ending import Ending

Drain: TypeAlias = Callable[[int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many hints wait, and how many are being followed; None where the engine does not tell."""

    waiting: int | None
    running: int | None


class Engine(Protocol):
    """Carries hints between processes. All calls are plain; `hint` may be called beside `run_worker`."""

    def prepare(self) -> None:
        """Make what the engine needs before its first hint; safe to run twice, and by two at once."""
        ...

    def hint(self, shards: Sequence[int]) -> None:
        """Say that these shards should be looked at. Several hints at one shard that wait may become one."""
        ...

    def run_worker(self, drain: Drain, *, concurrency: int, ending: Ending) -> None:
        """Follow hints, so many at once, until the ending begins; comes back when what runs then is done.

        `drain` raises nothing.
        """
        ...

    def sweep_stalled(self) -> int:
        """Forget hints whose worker is dead, as the next tick gives new ones; how many there were."""
        ...

    def stats(self) -> Load:
        """How much there is to do for the engine, which is not how much mail there is to send."""
        ...

    def close(self) -> None:
        """Let go of whatever connections there are."""
        ...
