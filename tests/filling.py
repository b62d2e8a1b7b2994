"""What if every table held something? Rows made from the tables themselves, so that none can be forgotten."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Column, LargeBinary, String, Table, insert

from sequencer.store.database import Transaction
from sequencer.store.tables import (
    Coded,
    Named,
    Numbers,
    TimeOfDay,
    UtcDateTime,
    Weekdays,
    Words,
    metadata,
)

_WHEN = datetime(2026, 3, 2, tzinfo=UTC)


def fill(tx: Transaction, *, rows: int = 3) -> None:
    """So many rows in each table; the last one is without whatever may be left out."""
    for table in metadata.sorted_tables:
        tx.execute(insert(table), [_row(table, number, bare=number == rows) for number in range(1, rows + 1)])


def _row(table: Table, number: int, *, bare: bool) -> dict[str, Any]:
    return {one.name: None if bare and one.nullable else _value(one, number) for one in table.columns}


def _value(column: Column[Any], number: int) -> object:
    kind = column.type
    if (column.table.name, column.name) == ("pause", "name"):
        return f"shard:{number}"  # the code knows what may stand there
    if isinstance(kind, Coded):
        return kind.members[number % len(kind.members)]
    if isinstance(kind, String):
        # Text of all sorts: quotes, tabs, what COPY has marks for, and letters beyond ASCII.
        words = f"{number}'\"\t\\N\n{{ }}–ü🙂"
        return words[: kind.length] if kind.length else words * 3
    if isinstance(kind, LargeBinary):
        return bytes(range(256)) * (number + 400)
    makers: Mapping[type, object] = {
        UtcDateTime: _WHEN + timedelta(seconds=number),
        Named: (("name", f"value {number}"),),
        Words: ("one", f"“{number}”"),
        Numbers: (number, number + 1),
        TimeOfDay: time(number % 24),
        Weekdays: frozenset({number % 7}),
    }
    return makers.get(type(kind), number)
