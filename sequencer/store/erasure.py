"""What is there about a person, in whichever table, and how is all of it erased? Asked of the tables themselves.

A table that refers to people, or to what is theirs, is found by its foreign keys: none can be forgotten here. The
suppression list refers to nobody, and stays.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, delete, or_, select

from sequencer.core.model import SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import metadata, subscriber


def erase(tx: Transaction, people: Sequence[SubscriberId]) -> None:
    """Erase these people with all that is theirs."""
    if not people:
        return
    for table in reversed(metadata.sorted_tables):
        theirs = _theirs(table, people)
        if theirs is not None:
            tx.execute(delete(table).where(theirs))


def _theirs(table: Table, people: Sequence[SubscriberId]) -> ColumnElement[bool] | None:
    """Which rows of a table are these people's, or belong to something of theirs; None where none can."""
    if table is subscriber:
        return table.c.id.in_(people)
    keys = [(column, key.column) for column in table.columns for key in column.foreign_keys]
    # Who names the person is theirs, whatever else it names: and by the person, every table has an index.
    direct = [column.in_(people) for column, to in keys if to.table is subscriber]
    if direct:
        return or_(*direct)
    about = [(column, to, _theirs(to.table, people)) for column, to in keys]
    by_way = [column.in_(select(to).where(theirs)) for column, to, theirs in about if theirs is not None]
    return or_(*by_way) if by_way else None
