"""Does a database hold still while it is copied, and is there anything in the one that is copied to?"""

from collections.abc import Mapping

from sqlalchemy import exists, func, inspect, select, text

from sequencer.errors import BadRequest
from sequencer.store.database import Database, Transaction, clock
from sequencer.store.tables import metadata

_PATIENCE = "5s"  # for programs that write at this moment


def hold_still(tx: Transaction, *, others_may_write: bool) -> None:
    """What is read in this transaction is of one moment; unless others may write, nobody does until it ends.

    The first statement of the transaction. Raises BadRequest where somebody goes on writing.
    """
    if tx.dialect.name == "sqlite":
        return  # one writer at a time, and whoever reads sees one moment
    tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    be_patient(tx)
    if not others_may_write:
        names = ", ".join(f'"{one.name}"' for one in metadata.sorted_tables)
        tx.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
        tx.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))


def be_patient(tx: Transaction) -> None:
    """A copy takes its time: no limit of this server for single statements, or for pauses between them, counts here."""
    if tx.dialect.name != "sqlite":
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            tx.execute(text(f"SET LOCAL {name} = 0"))


def leases(tx: Transaction) -> Mapping[str, int]:
    """How many rows of which tables are somebody's at this moment; tables without any are left out."""
    found = {}
    for one in metadata.sorted_tables:
        if "lease_until" in one.columns:
            held = select(func.count()).select_from(one).where(one.c.lease_until > clock(tx))
            found[one.name] = int(tx.execute(held).scalar_one())
    return {name: number for name, number in found.items() if number}


def occupied(database: Database) -> tuple[str, ...]:
    """The tables of ours that hold rows already."""
    with database.read() as tx:
        there = set(inspect(tx).get_table_names())
        ours = [one for one in metadata.sorted_tables if one.name in there]
        return tuple(one.name for one in ours if tx.execute(select(exists(select(1).select_from(one)))).scalar_one())


def empty(database: Database) -> None:
    """Take all rows out of our tables."""
    with database.begin() as tx:
        there = set(inspect(tx).get_table_names())
        ours = [one.name for one in reversed(metadata.sorted_tables) if one.name in there]
        if tx.dialect.name == "sqlite":
            for name in ours:
                tx.execute(text(f'DELETE FROM "{name}"'))  # noqa: S608 (a name of ours)
        elif ours:
            names = ", ".join(f'"{name}"' for name in ours)
            tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))


def refuse_same(source: Database, target: Database) -> None:
    """Raises BadRequest where both are one database."""
    one, other = source.engine.url, target.engine.url
    if (one.get_backend_name(), one.host, one.port, one.database) == (
        other.get_backend_name(),
        other.host,
        other.port,
        other.database,
    ):
        raise BadRequest("A database cannot be copied to itself; name another one as the target.")
