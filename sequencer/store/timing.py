"""How long does the database take? Each transaction, from its beginning to the end of its commit."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from sequencer.store.database import Database

_BEGAN = "began"


@contextmanager
def timed(db: Database, heard: Callable[[str, float], None]) -> Iterator[None]:
    """As long as this is entered, `heard` is told of each transaction: "read" or "write", and its seconds.

    What is said to SQLite by a bare cursor counts too, as a transaction is timed as a whole.
    """

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.info[_BEGAN] = ("write" if writes else "read", time.perf_counter())

    def checkin(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        kind, began = entry.info.pop(_BEGAN, ("", 0.0))
        if kind:
            heard(kind, time.perf_counter() - began)

    pool = db.engine.pool
    # Before our own listener, which waits for whoever writes to the file.
    event.listen(db.engine, "begin", begin, insert=True)
    event.listen(pool, "checkin", checkin)
    try:
        yield
    finally:
        event.remove(db.engine, "begin", begin)
        event.remove(pool, "checkin", checkin)
