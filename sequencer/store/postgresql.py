"""How is PostgreSQL connected to? With our name, with limits on how long anything may take, through PgBouncer too.

The limits come with the connection. PgBouncer, which lends one connection to many, refuses such settings and keeps no
state from one transaction to the next: there each transaction begins with them. For the same reason no statement is
prepared; ours are few, and each is planned for as many rows as it brings.
"""

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

NAME = "sequencer"
_POOL = 10  # connections that are kept; as many again for a moment
_MOST = 1000
# In milliseconds. Whoever forgets a transaction lets go of what it locks, and of the dead rows that it keeps.
_LIMITS = {"idle_in_transaction_session_timeout": 60_000, "statement_timeout": 300_000, "lock_timeout": 30_000}
# Compiling a statement takes a tenth of a second, which no short one is worth; what `hot.steer` says looks dear to it.
_WAYS = {"jit": "off"}
_SET = text(
    "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in {**_LIMITS, **_WAYS}.items())
)
_UNLIMITED = text("SELECT " + ", ".join(f"set_config('{name}', '0', true)" for name in _LIMITS))


def engine(url: URL) -> Engine:
    """The engine for this address; `?pool=` behind it says how many connections are kept. Raises ValueError.

    Raises DBAPIError where nobody answers.
    """
    size = _pool(url)
    url = url.difference_update_query(["pool"])
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    limits = " ".join(f"-c {name}={value}" for name, value in {**_LIMITS, **_WAYS}.items())
    made = _made(url, size, options=limits)
    try:
        made.connect().close()
    except DBAPIError as error:
        if "startup parameter" not in str(error.orig):
            raise
        made.dispose()
        made = _made(url, size)
        event.listen(made, "begin", _limit)
    return made


def unlimited(tx: Connection) -> None:
    """This transaction may take as long as it takes: it changes the tables."""
    tx.execute(_UNLIMITED)


def _made(url: URL, size: int, **more: str) -> Engine:
    given = {"application_name": NAME, "prepare_threshold": None, **more}
    given = {name: value for name, value in given.items() if name not in url.query}
    # Whoever has an answer to settle must not find out that the server was restarted meanwhile: it would be lost, and
    # the message sent twice. So a connection is tried before it is used.
    return create_engine(url, connect_args=given, pool_size=size, max_overflow=size, pool_pre_ping=True)


def _pool(url: URL) -> int:
    given = str(url.query.get("pool", _POOL))
    if not given.isdecimal() or not 0 < int(given) <= _MOST:
        raise ValueError(f"pool takes a number of connections from 1 to {_MOST}")
    return int(given)


def _limit(connection: Connection) -> None:
    connection.exec_driver_sql(str(_SET))
