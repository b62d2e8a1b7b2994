"""How often was something asked for lately, and how often confirmed? Counters by the hour, shared by all processes."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql

from sequencer.core import abuse, floods
from sequencer.core.abuse import Kind
from sequencer.core.floods import Use, Uses
from sequencer.store import crowd
from sequencer.store.database import Transaction
from sequencer.store.tables import door_use

KEPT = timedelta(days=8)
_MOST = 500  # parameters of one question


def uses(tx: Transaction, subjects: Collection[str], *, now: datetime, within: timedelta = timedelta(days=1)) -> Uses:
    """What was counted of these within the last day, or as long as is said and counters are kept."""
    found: dict[str, list[Use]] = {}
    names, since = sorted(subjects), floods.hour(now - within)
    if tx.dialect.name == "sqlite":
        for subject, hour, asked, confirmed in crowd.uses(tx, subjects, since=since):
            found.setdefault(subject, []).append(Use(hour=hour, asked=asked, confirmed=confirmed))
        return found
    for first in range(0, len(names), _MOST):
        query = select(door_use).where(door_use.c.subject.in_(names[first : first + _MOST]), door_use.c.hour >= since)
        for row in tx.execute(query):
            found.setdefault(row.subject, []).append(Use(hour=row.hour, asked=row.asked, confirmed=row.confirmed))
    return found


def counted(tx: Transaction, named: Sequence[Mapping[Kind, str]], *, now: datetime) -> Uses:
    """What was counted of the subjects of these sign-ups, each kind for as long as it counts."""
    for_long = {one for subjects in named for kind, one in subjects.items() if kind in abuse.LONG}
    found = uses(tx, {one for subjects in named for one in subjects.values()} - for_long, now=now)
    return {**found, **uses(tx, for_long, now=now, within=KEPT)} if for_long else found


def count(tx: Transaction, asked: Mapping[str, int], *, now: datetime) -> None:
    """So many more were asked for, each by its subject."""
    _add(tx, asked, {}, floods.hour(now))


def confirm(tx: Transaction, subjects: Iterable[str], *, now: datetime) -> None:
    """One more was confirmed for each of these."""
    _add(tx, {}, Counter(iter(subjects)), floods.hour(now))


def forget(tx: Transaction, *, now: datetime, behind: str = "", limit: int = 10_000) -> tuple[int, str]:
    """Drop counters that nobody asks for any more among the next `limit` behind that subject.

    How many went, and the subject behind which to go on, "" where there is none: an index by the hour would cost each
    sign-up more than it costs to look through all of them now and then.
    """
    here = door_use.c.subject > behind
    next_ones = select(door_use.c.subject).where(here).order_by(door_use.c.subject)
    last = tx.execute(next_ones.limit(1).offset(limit - 1)).scalar()
    until = door_use.c.subject <= last if last is not None else here
    gone = tx.execute(delete(door_use).where(here, until, door_use.c.hour < floods.hour(now - KEPT)))
    return gone.rowcount, last or ""


def _add(tx: Transaction, asked: Mapping[str, int], confirmed: Mapping[str, int], hour: int) -> None:
    # In one order, so that two processes never wait for each other in a circle.
    subjects = sorted(asked.keys() | confirmed.keys())
    if not subjects:
        return
    if tx.dialect.name == "sqlite":
        crowd.count(tx, asked, confirmed, hour=hour)
        return
    make = postgresql.insert(door_use)
    more = make.on_conflict_do_update(
        index_elements=["subject", "hour"],
        set_={
            "asked": door_use.c.asked + make.excluded.asked,
            "confirmed": door_use.c.confirmed + make.excluded.confirmed,
        },
    )
    rows = [
        {"subject": one, "hour": hour, "asked": asked.get(one, 0), "confirmed": confirmed.get(one, 0)}
        for one in subjects
    ]
    tx.execute(more, rows)
