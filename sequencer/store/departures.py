"""Who left, what, and why? Rows of `departure`; one is added each time, and at most undone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, insert, select, update

from sequencer.core.model import (
    CourseId,
    Departure,
    DepartureId,
    EnrolmentId,
    LeaveReason,
    SubscriberId,
)
from sequencer.store.database import Transaction
from sequencer.store.tables import departure


def record(
    tx: Transaction,
    who: SubscriberId,
    course: CourseId | None,
    *,
    reason: LeaveReason | None,
    words: str,
    stopped: Sequence[EnrolmentId],
    now: datetime,
) -> DepartureId:
    """Keep that somebody left, and which places ended with it."""
    row = insert(departure).values(
        subscriber_id=who,
        course_id=course,
        reason=reason or "",
        words=words,
        stopped=tuple(stopped),
        left_at=now,
    )
    return DepartureId(tx.execute(row.returning(departure.c.id)).scalar_one())


def get(tx: Transaction, which: DepartureId) -> Departure | None:
    """One departure, or None."""
    row = tx.execute(select(departure).where(departure.c.id == which)).one_or_none()
    return None if row is None else _departure(row)


def of(tx: Transaction, who: SubscriberId) -> Sequence[Departure]:
    """All departures of a person, the oldest first."""
    rows = tx.execute(select(departure).where(departure.c.subscriber_id == who).order_by(departure.c.id))
    return [_departure(row) for row in rows]


def undo(tx: Transaction, which: DepartureId, *, now: datetime) -> None:
    """Keep when it was undone first."""
    first = (departure.c.id == which, departure.c.undone_at.is_(None))
    tx.execute(update(departure).where(*first).values(undone_at=now))


def _departure(row: Row[tuple[object, ...]]) -> Departure:
    return Departure(
        id=DepartureId(row.id),
        subscriber_id=SubscriberId(row.subscriber_id),
        course_id=None if row.course_id is None else CourseId(row.course_id),
        reason=LeaveReason(row.reason) if row.reason else None,
        words=row.words,
        left_at=row.left_at,
        stopped=tuple(EnrolmentId(which) for which in row.stopped),
        undone_at=row.undone_at,
    )
