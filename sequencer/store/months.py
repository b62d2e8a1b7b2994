"""In which months does the ledger lie, which come next, and which may go? Partitions of `delivery`, a month each.

Where the ledger is partitioned, an id begins with the month in which its row was made, counted from January 1970 by the
database's clock: so whoever knows an id knows the partition, and the id alone stays the key.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text

from sequencer.core.model import DeliveryState
from sequencer.store.database import Database, Transaction
from sequencer.store.tables import DELIVERY_STATE

BITS = 40  # of an id that count on, month after month; what stands above them is the month, and JavaScript can count it
FIRST = "delivery_first"  # what was there before the ledger was divided
BEYOND = "delivery_beyond"  # what has no month of its own yet
AHEAD = 2  # months that are there before they begin
# Each row is written three times within seconds: room for that on its page, and a vacuum long before the month is over.
STORAGE = "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"

_UNCERTAIN = DELIVERY_STATE.members.index(DeliveryState.UNCERTAIN)
_BY_MONTH = re.compile(r"delivery_(\d{4})_(\d{2})")
_PATIENCE = "SET LOCAL lock_timeout = '2s'"
_THIS_MONTH = text("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")
_CHILDREN = text("""
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = to_regclass('delivery') ORDER BY c.relname""")


def number(year: int, month: int) -> int:
    """The number of a month: what ids made in it begin with."""
    return (year - 1970) * 12 + month - 1


def now(tx: Transaction) -> int:
    """The month that it is by the database's clock."""
    today = datetime.fromtimestamp(tx.execute(_THIS_MONTH).scalar_one(), UTC)
    return number(today.year, today.month)


def table(month: int) -> str:
    """The partition of a month."""
    return f"delivery_{1970 + month // 12}_{month % 12 + 1:02}"


def there(tx: Transaction) -> Sequence[str]:
    """The partitions of the ledger; none where it is not partitioned, or on SQLite."""
    return [] if tx.dialect.name == "sqlite" else list(tx.execute(_CHILDREN).scalars())


def make(tx: Transaction, month: int) -> None:
    """Make the partition of a month."""
    low, high = month << BITS, month + 1 << BITS
    tx.exec_driver_sql(
        f"CREATE TABLE {table(month)} PARTITION OF delivery FOR VALUES FROM ({low}) TO ({high}) WITH ({STORAGE})"
    )


def make_ahead(db: Database) -> Sequence[str]:
    """Make the months that come next, as far as they are missing; those that were made.

    What has no month lies beyond all of them meanwhile. Raises BadDatabase where the ledger cannot be had at once.
    """
    made: list[str] = []
    for step in range(AHEAD + 1):
        with db.begin() as tx:
            known = there(tx)
            month = now(tx) + step if known else 0
            if known and table(month) not in known and _is_free(tx, month):
                tx.exec_driver_sql(_PATIENCE)
                make(tx, month)
                made.append(table(month))
    return made


def drop_old(db: Database, *, keep: int) -> Sequence[str]:
    """Drop the partitions of months that ended more than `keep` months ago, and in which nothing is open any more.

    Open is what waits, is in a sender's hands, or is uncertain. Which lesson somebody had stays known all the same
    (`delivery_key`). Raises BadDatabase where a partition cannot be had at once.
    """
    with db.read() as tx:
        known, until = there(tx), now(tx) - keep if not db.is_sqlite else 0
    dropped = []
    for name in known:
        last = _last_month(db, name)
        if last is not None and last < until:
            with db.begin() as tx:
                tx.exec_driver_sql(_PATIENCE)
                tx.exec_driver_sql(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
                if not _is_open(tx, name):
                    tx.exec_driver_sql(f"DROP TABLE {name}")
                    dropped.append(name)
    return dropped


def _last_month(db: Database, name: str) -> int | None:
    """The last month of which a partition holds anything; None for what has no end."""
    if match := _BY_MONTH.fullmatch(name):
        return number(int(match[1]), int(match[2]))
    if name != FIRST:
        return None
    with db.read() as tx:
        row = tx.exec_driver_sql(f"SELECT created_at FROM {FIRST} ORDER BY id DESC LIMIT 1").first()  # noqa: S608
    if row is None:
        return None
    made = datetime.fromtimestamp(row[0], UTC)
    return number(made.year, made.month)


def _is_open(tx: Transaction, name: str) -> bool:
    ways = ("due_at IS NOT NULL", "lease_until IS NOT NULL", f"state = {_UNCERTAIN}")  # each has its own small index
    return any(tx.exec_driver_sql(f"SELECT 1 FROM {name} WHERE {way} LIMIT 1").first() for way in ways)  # noqa: S608


def _is_free(tx: Transaction, month: int) -> bool:
    """Whether nothing of a month lies beyond already: then it stays there."""
    low, high = month << BITS, month + 1 << BITS
    query = f"SELECT EXISTS (SELECT 1 FROM {BEYOND} WHERE id >= {low} AND id < {high})"  # noqa: S608
    return not tx.exec_driver_sql(query).scalar_one()
