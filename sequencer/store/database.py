"""How is the database reached? One engine, transactions that write, transactions that read."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import OperationalError

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, literal_column, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql import ColumnElement

from sequencer.errors import BadSettings
from sequencer.store import postgresql, trouble

Transaction = Connection

# FULL: with NORMAL a power cut may undo the last commits, that is intents and outcomes, that is duplicates.
_CACHE = 8  # megabytes: enough for lists up to a million
_PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "wal_autocheckpoint=10000",
    "temp_store=MEMORY",
)
_WAL_TRIES = 100
PATIENCE = "10"  # seconds that a writer waits for the one before it


class Database:
    """SQLite or PostgreSQL, made by `connect`. Rows come in and frozen values go out, in the files beside this one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether one process at a time may write."""
        return self.engine.dialect.name == "sqlite"

    @property
    def connections_in_use(self) -> int:
        """How many connections somebody uses at this moment."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """A transaction that writes; commits at the end, rolls back on any exception.

        Raises BadDatabase where the database cannot be used.
        """
        with (
            trouble.told(),
            self._our_turn() if self.is_sqlite else nullcontext(),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads: one consistent view. Raises BadDatabase where the database cannot be used."""
        with trouble.told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _our_turn(self) -> Iterator[None]:
        # SQLite lets one writer in and has the others doze; in our own process we can wait without dozing. Not for
        # ever: while another program holds the file, whoever is next here waits for it too, one after the other.
        patience = float(str(self.engine.url.query.get("timeout", PATIENCE)))
        if not self._writing.acquire(timeout=patience):
            raise trouble.crowded()
        try:
            yield
        finally:
            self._writing.release()

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def connect(url: str, *, root: Path, name: str = 'The option "database_url"') -> Database:
    """The database at `url`; a relative SQLite file lies below `root`. Raises BadSettings where it cannot be opened.

    `name` says where the address was given.

    `?timeout=` behind a SQLite file says how many seconds to wait for another program that writes, `?cache=` how many
    megabytes of it are kept in memory; `?pool=` behind PostgreSQL how many connections are kept.
    """
    try:
        parsed = make_url(url)
        cache = _cache(parsed)
        if parsed.drivername == "sqlite" and parsed.database:
            parsed = parsed.set(database=str(root / parsed.database)).update_query_dict(
                {"timeout": parsed.query.get("timeout", PATIENCE)}
            )
            parsed = parsed.difference_update_query(["cache"])
        engine = postgresql.engine(parsed) if parsed.get_backend_name() == "postgresql" else create_engine(parsed)
    except DBAPIError as error:
        raise _unusable(error, name) from error
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise BadSettings(f"{name} cannot be used: {error}.") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: _prepare_sqlite(connection, cache))
        event.listen(engine, "begin", _begin_sqlite)
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise _unusable(error, name) from error
    except (TypeError, ValueError) as error:
        raise BadSettings(f"{name} cannot be used: {error}.") from error
    return Database(engine)


def _unusable(error: DBAPIError, name: str) -> BadSettings:
    said = trouble.sentence(error, name=f"The database of {name[0].lower()}{name[1:]}")
    return BadSettings(said or f"{name} cannot be used: {trouble.reason(error)}.")


def clock(tx: Transaction) -> ColumnElement[int]:
    """Now, in epoch seconds, by the database's clock: what leases are measured with on every node."""
    if tx.dialect.name == "sqlite":
        return literal_column("CAST(strftime('%s', 'now') AS INTEGER)")
    return func.floor(func.extract("epoch", func.clock_timestamp()))


def instant(tx: Transaction) -> datetime:
    """Now, by the clock of a PostgreSQL."""
    now: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


def _cache(url: URL) -> int:
    """The megabytes that the address gives to SQLite's cache, or the usual ones. Raises ValueError."""
    given = str(url.query.get("cache", _CACHE))
    if url.drivername == "sqlite" and not re.fullmatch("[1-9][0-9]{0,4}", given):
        raise ValueError("cache takes a number of megabytes like 64")
    return int(given) if given.isdecimal() else _CACHE


def _prepare_sqlite(connection: DBAPIConnection, cache: int) -> None:
    # The driver's own idea of when a transaction begins is switched off; _begin_sqlite says it.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in (*_PRAGMAS, f"cache_size={-1024 * cache}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: DBAPICursor) -> None:
    # Of two that turn a new file into WAL at once, one is told "locked" at once, whatever its busy timeout; a lock for
    # writing does wait.
    for _ in range(_WAL_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except OperationalError:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("COMMIT")
        else:
            return
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE: who will write waits at the door, not half-way with a read lock it cannot upgrade.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
