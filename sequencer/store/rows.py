"""How does a whole table leave one database and come into another? A page at a time, with a fingerprint on the way.

Values travel as the drivers have them: whole numbers, texts and bytes, the same in both databases.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Table, column, func, select, table, tuple_

from sequencer.errors import BadDatabase
from sequencer.store import trouble
from sequencer.store.database import Transaction
from sequencer.store.tables import metadata

Row = tuple[Any, ...]

_FIRST = 50  # rows of the first page, of which the size of a row is learnt
_MOST = 5_000
_LEAST = 5
_WEIGHT = 4_000_000  # about as many bytes a page holds: memory grows neither with the list nor with what images weigh
_WRAP = 1 << 64


@dataclass(frozen=True, slots=True)
class Print:
    """What is in a table: how many rows, and the sum of their digests, which does not know their order."""

    rows: int = 0
    sum: int = 0

    @property
    def checksum(self) -> str:
        """The sum as it is shown."""
        return f"{self.sum:016x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a table, and the fingerprint of all that were read until now."""

    rows: Sequence[Row]
    until_now: Print


def tables() -> tuple[str, ...]:
    """All tables by their names, each behind those that it refers to."""
    return tuple(one.name for one in metadata.sorted_tables)


def count(tx: Transaction, name: str) -> int:
    """How many rows are in the table."""
    return int(tx.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one())


def pages(tx: Transaction, name: str) -> Iterator[Page]:
    """All rows of the table by its primary key, a page at a time."""
    which = metadata.tables[name]
    bare = table(which.name, *(column(one.name) for one in which.columns))
    keys = [bare.c[one.name] for one in which.primary_key]
    at = [list(which.columns.keys()).index(one.name) for one in which.primary_key]
    query = select(bare).order_by(*keys)
    limit, known, after = _FIRST, Print(), None
    while True:
        beyond = query if after is None else query.where(tuple_(*keys) > tuple_(*after))
        rows = [tuple(row) for row in tx.execute(beyond.limit(limit))]
        if not rows:
            return
        known, weight = _added(known, rows)
        yield Page(rows=rows, until_now=known)
        after = [rows[-1][position] for position in at]
        limit = max(_LEAST, min(_MOST, _WEIGHT * len(rows) // weight))


def fingerprint(tx: Transaction, name: str) -> Print:
    """What is in the table now."""
    known = Print()
    for page in pages(tx, name):
        known = page.until_now
    return known


def write(tx: Transaction, name: str, rows: Sequence[Row]) -> None:
    """Add these rows, as they are. Raises BadDatabase, naming the table, where the database does not take them."""
    which, driver = metadata.tables[name], tx.dialect.loaded_dbapi
    try:
        if tx.dialect.name == "sqlite":
            _insert(tx, which, rows)
        else:
            _copy(tx, which, rows)
    except driver.Error as error:
        first, last = (tuple(row[: len(which.primary_key)]) for row in (rows[0], rows[-1]))
        raise BadDatabase(
            f'The rows {_shown(first)} to {_shown(last)} of the table "{name}" cannot be written: '
            f"{trouble.reason(error)}; nothing of them was, and the source is as it was."
        ) from error


def _insert(tx: Transaction, which: Table, rows: Sequence[Row]) -> None:
    cursor = tx.connection.cursor()
    names = ", ".join(f'"{one.name}"' for one in which.columns)
    marks = ", ".join("?" for _ in which.columns)
    cursor.executemany(f'INSERT INTO "{which.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608 (names of ours)
    cursor.close()


def _copy(tx: Transaction, which: Table, rows: Sequence[Row]) -> None:
    # Through the table's own name: where it has partitions, PostgreSQL finds each row's.
    cursor: Any = tx.connection.cursor()
    names = ", ".join(f'"{one.name}"' for one in which.columns)
    with cursor.copy(f'COPY "{which.name}" ({names}) FROM STDIN') as into:
        for row in rows:
            into.write_row(row)
    cursor.close()


def _added(known: Print, rows: Sequence[Row]) -> tuple[Print, int]:
    """The fingerprint with these rows too, and what they weigh."""
    total, weight = known.sum, 0
    for row in rows:
        written = repr(row).encode()
        weight += len(written)
        total += int.from_bytes(blake2b(written, digest_size=8).digest(), "big")
    return Print(known.rows + len(rows), total % _WRAP), weight


def _shown(key: Row) -> str:
    return ", ".join(str(part) for part in key)
