"""What is there about a person, in whichever table? To be shown or erased: asked of the tables themselves.

A table that refers to people, or to what is theirs, is found by its references: none can be forgotten here. The
suppression list refers to nobody, and stays.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Table, delete, exists, or_, select
from sqlalchemy.exc import IntegrityError

from sequencer.core.model import Pairs, SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import Named, delivery, metadata, referred, subscriber

_TRIES = 5


def forgettable(tx: Transaction, *, until: datetime, limit: int) -> Sequence[SubscriberId]:
    """People who never confirmed and signed up last before then, locked, those first who did so first.

    Left out are those whom somebody else holds, and those to whom a message is on its way this very moment.
    """
    under_way = exists().where(delivery.c.subscriber_id == subscriber.c.id, delivery.c.lease_until.is_not(None))
    query = (
        select(subscriber.c.id)
        .where(subscriber.c.confirmed_at.is_(None), subscriber.c.asked_at <= until, ~under_way)
        .order_by(subscriber.c.asked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [SubscriberId(which) for which in tx.execute(query).scalars()]


def erase(tx: Transaction, people: Sequence[SubscriberId]) -> None:
    """Erase these people with all that is theirs."""
    for more in (*[True] * _TRIES, False):
        try:
            with tx.begin_nested():
                _erase(tx, people)
        except IntegrityError:
            # Whoever sends gave them a row between two of our statements: next time it is seen.
            if not more:
                raise
        else:
            return


def kept(tx: Transaction, who: SubscriberId) -> Mapping[str, Sequence[Mapping[str, object]]]:
    """All rows about a person, by table, each by column, in the order in which they were made.

    What is a set or a table of its own in a column is a list or a dictionary.
    """
    found: dict[str, Sequence[Mapping[str, object]]] = {}
    for table in metadata.sorted_tables:
        theirs = _theirs(table, [who])
        if theirs is not None:
            rows = tx.execute(select(table).where(theirs).order_by(*table.primary_key)).mappings()
            found[table.name] = [{column.name: _plain(column, row[column]) for column in table.columns} for row in rows]
    return found


def _plain(column: Column[Any], value: object) -> object:
    if isinstance(column.type, Named):
        return dict(cast("Pairs", value))
    if isinstance(value, frozenset | tuple):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return value


def _erase(tx: Transaction, people: Sequence[SubscriberId]) -> None:
    for table in reversed(metadata.sorted_tables) if people else ():
        theirs = _theirs(table, people)
        if theirs is not None:
            tx.execute(delete(table).where(theirs))


def _theirs(table: Table, people: Sequence[SubscriberId]) -> ColumnElement[bool] | None:
    """Which rows of a table are these people's, or belong to something of theirs; None where none can."""
    if table is subscriber:
        return table.c.id.in_(people)
    keys = [(column, to) for column in table.columns if (to := referred(column)) is not None]
    # Who names the person is theirs, whatever else it names: and by the person, every table has an index.
    direct = [column.in_(people) for column, to in keys if to.table is subscriber]
    if direct:
        return or_(*direct)
    about = [(column, to, _theirs(to.table, people)) for column, to in keys]
    by_way = [column.in_(select(to).where(theirs)) for column, to, theirs in about if theirs is not None]
    return or_(*by_way) if by_way else None
