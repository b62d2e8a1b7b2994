"""Which processes work here, and which of them have fallen silent? Told by the database's clock, for whoever looks.

Nothing depends on it: who is dead is told by leases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sequencer.store import workers
from sequencer.store.database import Database, Transaction
from sequencer.store.workers import Post, Worker, WorkerId

__all__ = ["BEAT", "Post", "Present", "beat", "enter", "leave", "listed", "living"]

BEAT = 10.0  # seconds between two signs of life
SILENT_AFTER = timedelta(seconds=30)
FORGET_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A process on the roster, and whether it has given a sign of life lately."""

    worker: Worker
    alive: bool


def enter(db: Database, post: Post) -> WorkerId:
    """Put a process on the roster, and take those off it that have been silent for a day."""
    with db.begin() as tx:
        workers.forget(tx, silent_for=FORGET_AFTER)
        return workers.add(tx, post)


def beat(db: Database, which: WorkerId, post: Post, *, clock_ahead: timedelta | None = None) -> bool:
    """A sign of life, and how far the machine's clock is ahead; whether the process still was on the roster."""
    with db.begin() as tx:
        return workers.beat(tx, which, post, clock_ahead=clock_ahead)


def leave(db: Database, which: WorkerId, post: Post) -> None:
    """Take a process off the roster, because it ends."""
    with db.begin() as tx:
        workers.remove(tx, which, post)


def listed(db: Database) -> Sequence[Present]:
    """Every process on the roster, the oldest first."""
    with db.read() as tx:
        return _present(tx)


def living(tx: Transaction) -> Sequence[Worker]:
    """Those on the roster that have given a sign of life lately."""
    return [one.worker for one in _present(tx) if one.alive]


def _present(tx: Transaction) -> Sequence[Present]:
    return [Present(worker=one, alive=one.silent_for <= SILENT_AFTER) for one in workers.listed(tx)]
