"""Who may send from this database now? From a SQLite file one process at a time; from PostgreSQL anybody, by leases.

The lock on a file beside the database is the kernel's: it is gone with the process that held it. So whoever gets it
knows that every lease in the ledger belongs to the dead, and need not wait for it to run out.
"""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sequencer.errors import BadDatabase
from sequencer.store import trouble
from sequencer.store.database import Database

log = logging.getLogger(__name__)

# A lock of the transaction, not of the session: it holds behind PgBouncer too.
_NO_LONGER = text("SET LOCAL idle_in_transaction_session_timeout = '60s'")
_TRY = text("SELECT pg_try_advisory_xact_lock(7362879, :shard)")


class Turn(StrEnum):
    """Whether this process may send: alone, beside others, or not now because another does."""

    ALONE = "alone"
    SHARED = "shared"
    TAKEN = "taken"


@contextmanager
def turn(database: Database) -> Iterator[Turn]:
    """Our turn to send, for as long as this is entered; `TAKEN` is said at once, not waited for.

    Raises BadDatabase where no lock can be had beside the file.
    """
    name = database.engine.url.database
    if not database.is_sqlite or not name:
        yield Turn.SHARED
        return
    with ExitStack() as held:
        try:
            lock = held.enter_context(Path(f"{name}-sender").open("ab"))
            mine = Turn.ALONE if _is_ours(lock) else Turn.TAKEN
        except OSError as error:
            raise BadDatabase(
                f"The database cannot be sent from: {name}-sender cannot be locked ({error.strerror}); let the user of "
                "this program write the folder, and see that its disk has room."
            ) from error
        if mine is Turn.TAKEN:
            log.info("sender.taken", extra={"file": name})
        yield mine


@contextmanager
def alone(database: Database, shard: int) -> Iterator[bool]:
    """Whether nobody else drains this shard of a PostgreSQL database; for as long as this is entered nobody else will.

    It spares work and protects nothing: PostgreSQL lets go of it when the connection dies, and after a minute in which
    its holder may have been frozen. Raises BadDatabase where the database cannot be used.
    """
    with trouble.told(), database.engine.connect() as connection:
        connection.execute(_NO_LONGER)
        mine = bool(connection.execute(_TRY, {"shard": shard}).scalar_one())
        try:
            yield mine
        finally:
            # Whether PostgreSQL let go of it before us does not matter.
            with suppress(DBAPIError):
                connection.rollback()


def _is_ours(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
