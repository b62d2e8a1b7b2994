"""Who may send from this database now? From a SQLite file one process at a time; from PostgreSQL anybody, by leases.

The lock on a file beside the database is the kernel's: it is gone with the process that held it. So whoever gets it
knows that every lease in the ledger belongs to the dead, and need not wait for it to run out.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from sequencer.store.database import Database


class Turn(StrEnum):
    """Whether this process may send: alone, beside others, or not now because another does."""

    ALONE = "alone"
    SHARED = "shared"
    TAKEN = "taken"


@contextmanager
def turn(database: Database) -> Iterator[Turn]:
    """Our turn to send, for as long as this is entered; `TAKEN` is said at once, not waited for."""
    name = database.engine.url.database
    if not database.is_sqlite or not name:
        yield Turn.SHARED
        return
    with Path(f"{name}-sender").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield Turn.TAKEN
            return
        yield Turn.ALONE
