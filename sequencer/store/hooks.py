"""Which programs are told of what happens, and how do they fare? Rows of `hook`.

Whoever locks several locks the hook before its calls (`store/calls.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sequencer.core.hooks import Hook, HookId
from sequencer.core.model import CourseId
from sequencer.store.database import Transaction
from sequencer.store.tables import course, hook


def add(tx: Transaction, new: Hook) -> bool:
    """Keep a new hook, whose id is the database's to give; False where one has this name."""
    row = insert(hook).values(
        name=new.name,
        url=new.url,
        secret=new.secret,
        events=tuple(sorted(new.events)),
        insecure=int(new.insecure),
        with_address=int(new.with_address),
        created_at=new.created_at,
    )
    try:
        with tx.begin_nested():
            tx.execute(row)
    except IntegrityError:
        return False
    return True


def listed(tx: Transaction) -> Sequence[Hook]:
    """All hooks, the oldest first."""
    return [read(row) for row in tx.execute(select(hook).order_by(hook.c.id))]


def lock(tx: Transaction, name: str) -> Hook | None:
    """The hook of this name, locked until the transaction ends: nobody tells it of anything before."""
    row = tx.execute(select(hook).where(hook.c.name == name).with_for_update()).one_or_none()
    return None if row is None else read(row)


def hold(tx: Transaction, which: HookId) -> Hook | None:
    """The hook, locked against others who change it, while it may be told of events."""
    row = tx.execute(select(hook).where(hook.c.id == which).with_for_update(key_share=True)).one_or_none()
    return None if row is None else read(row)


def save(tx: Transaction, now: Hook) -> None:
    """Write what changes about a hook: secrets, and how it fares."""
    row = update(hook).where(hook.c.id == now.id)
    tx.execute(
        row.values(
            secret=now.secret,
            old_secret=now.old_secret,
            old_until=now.old_until,
            disabled_at=now.disabled_at,
            why=now.why,
            failing_since=now.failing_since,
            rests_until=now.rests_until,
        )
    )


def remove(tx: Transaction, which: HookId) -> None:
    """Drop a hook that is locked and has no calls any more."""
    tx.execute(delete(hook).where(hook.c.id == which))


def wanted(tx: Transaction) -> frozenset[str]:
    """The names of events that anybody is to be told of."""
    return frozenset(name for events in tx.execute(select(hook.c.events)).scalars() for name in events)


def listening(tx: Transaction, name: str) -> Sequence[Hook]:
    """The hooks that are to be told of this; none of them is removed before the transaction ends."""
    rows = tx.execute(select(hook).order_by(hook.c.id).with_for_update(read=True, key_share=True))
    return [one for one in map(read, rows) if name in one.events]


def slugs(tx: Transaction, courses: Collection[CourseId]) -> Mapping[CourseId, str]:
    """What these courses are called."""
    query = select(course.c.id, course.c.slug).where(course.c.id.in_(list(courses)))
    return {CourseId(row.id): row.slug for row in tx.execute(query)} if courses else {}


def open_now(tx: Transaction, *, now: datetime) -> Sequence[Hook]:
    """The hooks that may be called: not disabled, and not left alone for a while."""
    return [read(row) for row in tx.execute(select(hook).where(is_open(now)).order_by(hook.c.id))]


def is_open(now: datetime) -> ColumnElement[bool]:
    """In SQL: whether a hook may be called."""
    return and_(hook.c.disabled_at.is_(None), or_(hook.c.rests_until.is_(None), hook.c.rests_until <= now))


def read(row: Row[tuple[object, ...]]) -> Hook:
    """A row as a value."""
    return Hook(
        id=HookId(row.id),
        name=row.name,
        url=row.url,
        secret=row.secret,
        events=frozenset(row.events),
        created_at=row.created_at,
        old_secret=row.old_secret,
        old_until=row.old_until,
        insecure=bool(row.insecure),
        with_address=bool(row.with_address),
        disabled_at=row.disabled_at,
        why=row.why,
        failing_since=row.failing_since,
        rests_until=row.rests_until,
    )
