"""Which id does the next row get? A copy must count on where its source would have: no id is ever given twice.

Links and Message-IDs are made of ids. A source may have given ids that no row has any more, to people who were erased;
their old links must not be about somebody new.
"""

from collections.abc import Mapping

from sqlalchemy import Table, func, inspect, select, text

from sequencer.store.database import Transaction
from sequencer.store.tables import metadata


def counted() -> tuple[Table, ...]:
    """The tables whose rows the database numbers by itself."""
    return tuple(one for one in metadata.sorted_tables if one.autoincrement_column is not None)


def last(tx: Transaction) -> Mapping[str, int]:
    """For each such table the highest id that was ever given, as far as the database knows; 0 for none."""
    found = {one.name: _highest(tx, one) for one in counted()}
    given = _given_in_sqlite(tx) if tx.dialect.name == "sqlite" else _given_in_postgresql(tx)
    return {name: max(highest, given.get(name, 0)) for name, highest in found.items()}


def count_on(tx: Transaction, after: Mapping[str, int]) -> None:
    """From now on the tables' rows are numbered after these."""
    for name, highest in after.items():
        if highest and tx.dialect.name == "sqlite":
            _count_on_in_sqlite(tx, name, highest)
        elif highest:
            tx.execute(_SET, {"name": name, "id": _key(name), "highest": highest})


_SET = text("SELECT setval(pg_get_serial_sequence(:name, :id), :highest)")


def _key(name: str) -> str:
    key = metadata.tables[name].autoincrement_column
    assert key is not None  # noqa: S101 (such tables are what this is about)
    return key.name


def _highest(tx: Transaction, which: Table) -> int:
    return int(tx.execute(select(func.coalesce(func.max(which.c[_key(which.name)]), 0))).scalar_one())


def _given_in_sqlite(tx: Transaction) -> Mapping[str, int]:
    # The table is there once a table that asks for it was made.
    if not inspect(tx).has_table("sqlite_sequence"):
        return {}
    return {str(row.name): int(row.seq) for row in tx.execute(text("SELECT name, seq FROM sqlite_sequence"))}


def _count_on_in_sqlite(tx: Transaction, name: str, highest: int) -> None:
    if not metadata.tables[name].dialect_options["sqlite"]["autoincrement"]:
        return
    values = {"name": name, "highest": highest}
    changed = tx.execute(text("UPDATE sqlite_sequence SET seq = :highest WHERE name = :name"), values)
    if not changed.rowcount:
        tx.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :highest)"), values)


def _given_in_postgresql(tx: Transaction) -> Mapping[str, int]:
    query = text("SELECT coalesce(pg_sequence_last_value(to_regclass(pg_get_serial_sequence(:name, :id))), 0)")
    keys = {one.name: _key(one.name) for one in counted()}
    return {name: int(tx.execute(query, {"name": name, "id": key}).scalar_one()) for name, key in keys.items()}
