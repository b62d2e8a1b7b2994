"""How often was something asked for lately, and how often confirmed? Counters by the hour, shared by all processes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql

from sequencer.core import floods
from sequencer.core.floods import Use, Uses
from sequencer.store import crowd
from sequencer.store.database import Transaction
from sequencer.store.tables import door_use

KEPT = timedelta(days=8)
_MOST = 500  # parameters of one question


def uses(tx: Transaction, subjects: Collection[str], *, now: datetime) -> Uses:
    """What was counted of these within the last day."""
    found: dict[str, list[Use]] = {}
    if tx.dialect.name == "sqlite":
        for subject, hour, asked, confirmed in crowd.uses(tx, subjects, since=floods.hour(now) - 24):
            found.setdefault(subject, []).append(Use(hour=hour, asked=asked, confirmed=confirmed))
        return found
    names = sorted(subjects)
    for first in range(0, len(names), _MOST):
        query = select(door_use).where(
            door_use.c.subject.in_(names[first : first + _MOST]), door_use.c.hour >= floods.hour(now) - 24
        )
        for row in tx.execute(query):
            found.setdefault(row.subject, []).append(Use(hour=row.hour, asked=row.asked, confirmed=row.confirmed))
    return found


def count(tx: Transaction, asked: Mapping[str, int], *, now: datetime) -> None:
    """So many more were asked for, each by its subject."""
    hour = floods.hour(now)
    _add(tx, [(one, hour, many, 0) for one, many in asked.items()])


def confirm(tx: Transaction, subjects: Iterable[str], *, now: datetime) -> None:
    """One more was confirmed for each of these."""
    hour = floods.hour(now)
    _add(tx, [(one, hour, 0, 1) for one in subjects])


def forget(tx: Transaction, *, now: datetime, limit: int = 10_000) -> int:
    """Drop counters that nobody asks for any more, so many at a time; how many went."""
    old = select(door_use.c.subject, door_use.c.hour).where(door_use.c.hour < floods.hour(now - KEPT)).limit(limit)
    gone = [(row.subject, row.hour) for row in tx.execute(old)]
    if gone:
        same = (door_use.c.hour < floods.hour(now - KEPT), door_use.c.hour.in_({hour for _, hour in gone}))
        tx.execute(delete(door_use).where(*same))
    return len(gone)


def _add(tx: Transaction, rows: Sequence[tuple[str, int, int, int]]) -> None:
    if not rows:
        return
    # In one order, so that two processes never wait for each other in a circle.
    rows = sorted(rows)
    if tx.dialect.name == "sqlite":
        crowd.count(tx, rows)
        return
    make = postgresql.insert(door_use)
    more = make.on_conflict_do_update(
        index_elements=["subject", "hour"],
        set_={
            "asked": door_use.c.asked + make.excluded.asked,
            "confirmed": door_use.c.confirmed + make.excluded.confirmed,
        },
    )
    names = ("subject", "hour", "asked", "confirmed")
    tx.execute(more, [dict(zip(names, row, strict=True)) for row in rows])
