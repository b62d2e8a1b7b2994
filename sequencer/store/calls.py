"""Who was told of what, and what came of it? Rows of `hook_call`, and of `event` as far as they are ours.

A call is held by a lease on the database's clock, and settled by its attempt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, insert, or_, select, update

from sequencer.core.hooks import Call, CallId, Event, Hook, HookId
from sequencer.core.model import SubscriberId
from sequencer.store import hooks
from sequencer.store.database import Transaction, clock
from sequencer.store.tables import event, hook, hook_call

LEASE = 120  # seconds: longer than any call of a batch takes
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One call as the log shows it: `due_at` where it waits, `finished_at` where it got through or was given up."""

    event: Event
    attempt: int
    status: int | None
    reply: str
    due_at: datetime | None
    finished_at: datetime | None
    under_way: bool


def tell(tx: Transaction, name: str, told: Sequence[tuple[SubscriberId, str]], *, now: datetime) -> int:
    """Write down that this happened to these people, with a JSON text each, for every hook that listens.

    For none, nothing is written. A disabled hook is not called: what it misses waits for a replay.
    """
    listening = hooks.listening(tx, name)
    if not listening or not told:
        return 0
    made = insert(event).returning(event.c.id)
    events = [{"name": name, "subscriber_id": who, "payload": text, "happened_at": now} for who, text in told]
    ids = tx.execute(made, events).scalars().all()
    calls = [
        {"hook_id": one.id, "event_id": which, "attempt": 0, "reply": "", "due_at": None if one.disabled_at else now}
        for which in ids
        for one in listening
    ]
    tx.execute(insert(hook_call), calls)
    return len(calls)


def is_anything_due(tx: Transaction, *, now: datetime) -> bool:
    """Whether there is a call to make, or one to take back from who died over it."""
    waiting = exists().where(hook_call.c.hook_id == hook.c.id, hook_call.c.due_at <= now)
    due = select(hook.c.id).where(hooks.is_open(now), waiting).limit(1)
    left = select(hook_call.c.id).where(hook_call.c.lease_until <= clock(tx)).limit(1)
    return tx.execute(due).first() is not None or tx.execute(left).first() is not None


def recover(tx: Transaction, *, now: datetime) -> int:
    """What dead senders held is due again; nobody knows whether it was sent."""
    left = (
        select(hook_call.c.id)
        .where(hook_call.c.lease_until.is_not(None), hook_call.c.lease_until <= clock(tx))
        .with_for_update(skip_locked=True)
    )
    ids = tx.execute(left).scalars().all()
    if ids:
        tx.execute(update(hook_call).where(hook_call.c.id.in_(ids)).values(due_at=now, lease_until=None))
    return len(ids)


def claim(tx: Transaction, of: Hook, *, now: datetime, limit: int) -> Sequence[Call]:
    """Take up to `limit` calls of this hook that are due, the oldest first; nobody else has them then."""
    picked = (
        select(hook_call.c.id)
        .where(hook_call.c.hook_id == of.id, hook_call.c.due_at.is_not(None), hook_call.c.due_at <= now)
        .order_by(hook_call.c.due_at, hook_call.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = tx.execute(picked).scalars().all()
    if not ids:
        return []
    taken = update(hook_call).where(hook_call.c.id.in_(ids))
    tx.execute(taken.values(attempt=hook_call.c.attempt + 1, due_at=None, lease_until=clock(tx) + LEASE))
    rows = tx.execute(_with_event().where(hook_call.c.id.in_(ids)).order_by(hook_call.c.id))
    return [Call(id=CallId(row.call), attempt=row.attempt, hook=of, event=_event(row)) for row in rows]


def settle(
    tx: Transaction, call: Call, *, status: int | None, reply: str, due_at: datetime | None, over_at: datetime | None
) -> bool:
    """Write what came of a call; False where it is not ours any more."""
    mine = and_(hook_call.c.id == call.id, hook_call.c.attempt == call.attempt, hook_call.c.lease_until.is_not(None))
    row = update(hook_call).where(mine)
    return bool(
        tx.execute(
            row.values(status=status, reply=reply, due_at=due_at, finished_at=over_at, lease_until=None)
        ).rowcount
    )


def release(tx: Transaction, call: Call, *, now: datetime) -> None:
    """Nothing was heard of a call since we stopped: it is due again, and the try does not count."""
    mine = and_(hook_call.c.id == call.id, hook_call.c.attempt == call.attempt, hook_call.c.lease_until.is_not(None))
    tx.execute(update(hook_call).where(mine).values(attempt=call.attempt - 1, due_at=now, lease_until=None))


def rest(tx: Transaction, which: HookId) -> None:
    """What waits for a hook that is disabled now waits for a replay."""
    tx.execute(update(hook_call).where(hook_call.c.hook_id == which).values(due_at=None))


def log(tx: Transaction, which: HookId, *, limit: int) -> Sequence[Logged]:
    """The last calls of a hook, the newest first."""
    rows = tx.execute(_with_event().where(hook_call.c.hook_id == which).order_by(hook_call.c.id.desc()).limit(limit))
    return [
        Logged(
            event=_event(row),
            attempt=row.attempt,
            status=row.status,
            reply=row.reply,
            due_at=row.due_at,
            finished_at=row.finished_at,
            under_way=row.lease_until is not None,
        )
        for row in rows
    ]


def replay(tx: Transaction, which: HookId, *, since: datetime | None, now: datetime) -> int:
    """What did not get through is due now; with `since`, everything that happened since then. How many calls."""
    again: ColumnElement[bool] = hook_call.c.lease_until.is_(None)
    if since is None:
        again &= or_(hook_call.c.status.is_(None), hook_call.c.status < 200, hook_call.c.status >= 300)  # noqa: PLR2004
    else:
        again &= hook_call.c.event_id.in_(select(event.c.id).where(event.c.happened_at >= since))
    row = update(hook_call).where(hook_call.c.hook_id == which, again)
    return tx.execute(row.values(due_at=now, attempt=0, finished_at=None)).rowcount


def forget(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Drop calls that wait for nothing, of events from before then, and the events with them; how many calls.

    Only the oldest are looked at, `limit` of them: the others are younger.
    """
    oldest = (
        select(hook_call.c.id, hook_call.c.event_id)
        .where(hook_call.c.due_at.is_(None), hook_call.c.lease_until.is_(None))
        .order_by(hook_call.c.id)
        .limit(limit)
        .subquery()
    )
    old = select(oldest).join(event, event.c.id == oldest.c.event_id).where(event.c.happened_at < before)
    found = tx.execute(old).all()
    _drop(tx, [row.id for row in found], sorted({row.event_id for row in found}))
    return len(found)


def drop_all(tx: Transaction, which: HookId) -> None:
    """Drop the log of a hook that is locked."""
    found = tx.execute(select(hook_call.c.id, hook_call.c.event_id).where(hook_call.c.hook_id == which)).all()
    _drop(tx, [row.id for row in found], [row.event_id for row in found])


def _drop(tx: Transaction, ids: Sequence[int], events: Sequence[int]) -> None:
    """Drop these calls, and these events as far as no hook is still to be told of them, or was."""
    for some in _pages(ids):
        tx.execute(delete(hook_call).where(hook_call.c.id.in_(some)))
    kept = exists().where(hook_call.c.event_id == event.c.id)
    for some in _pages(events):
        tx.execute(delete(event).where(event.c.id.in_(some), ~kept))


def _pages(ids: Sequence[int]) -> Sequence[Sequence[int]]:
    return [ids[first : first + _PAGE] for first in range(0, len(ids), _PAGE)]


def _with_event() -> Select[tuple[object, ...]]:
    columns = (event.c.name, event.c.payload, event.c.happened_at, event.c.id.label("of"))
    return select(*hook_call.c, hook_call.c.id.label("call"), *columns).join(event, event.c.id == hook_call.c.event_id)


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(id=row.of, name=row.name, payload=row.payload, happened_at=row.happened_at)
