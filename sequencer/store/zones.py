"""In which zones do people live, by which rules were their hours planned, and whose are to be planned anew?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.model import SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import subscriber, zone_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A zone by the `rules` it was last seen with, a digest of what they say from `since` to `until`.

    After a change so many `passes` over its people are left; the next one begins at `due_at`, and stands behind the
    person `cursor`.
    """

    name: str
    rules: str
    since: datetime
    until: datetime
    passes: int = 0
    due_at: datetime | None = None
    cursor: int = 0


def in_use(tx: Transaction) -> Sequence[str]:
    """The zones in which anybody lives: a look at the index for each."""
    names: list[str] = []
    query = select(func.min(subscriber.c.timezone))
    name = tx.execute(query).scalar_one()
    while name is not None:
        names.append(name)
        name = tx.execute(query.where(subscriber.c.timezone > name)).scalar_one()
    return names


def known(tx: Transaction) -> Mapping[str, Zone]:
    """The zones that were seen before, by name."""
    return {row.name: _read(row) for row in tx.execute(select(zone_rules))}


def lock_due(tx: Transaction, name: str, *, now: datetime) -> Zone | None:
    """This zone, locked, where a pass over its people is due; None where none is, or somebody else is at it."""
    query = (
        select(zone_rules)
        .where(zone_rules.c.name == name, zone_rules.c.passes > 0, zone_rules.c.due_at <= now)
        .with_for_update(skip_locked=True)
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _read(row)


def save(tx: Transaction, zone: Zone) -> None:
    """Write it down, whether it was known before or not."""
    values = {one.name: getattr(zone, one.name) for one in fields(Zone)}
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    made = insert(zone_rules).values(**values)
    tx.execute(made.on_conflict_do_update(index_elements=[zone_rules.c.name], set_=values))


def people(tx: Transaction, zone: Zone, *, limit: int) -> Sequence[SubscriberId]:
    """The next people of this zone, behind its cursor."""
    query = (
        select(subscriber.c.id)
        .where(subscriber.c.timezone == zone.name, subscriber.c.id > zone.cursor)
        .order_by(subscriber.c.id)
        .limit(limit)
    )
    return [SubscriberId(which) for which in tx.execute(query).scalars()]


def _read(row: Row[*tuple[Any, ...]]) -> Zone:
    return Zone(**{one.name: getattr(row, one.name) for one in fields(Zone)})
