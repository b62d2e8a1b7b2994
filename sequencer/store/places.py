"""What happens to everybody's place when a course changes? Many rows of `enrolment` at once, for who publishes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, func, or_, select, update

from sequencer.core.model import (
    CourseId,
    DeliveryState,
    EnrolmentId,
    EnrolmentState,
    Preference,
    SubscriberId,
    SubscriberState,
)
from sequencer.store.database import Transaction
from sequencer.store.tables import delivery, enrolment, subscriber

_PAGE = 1000
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many people stand at one step in one state, and when the first and the last of them are due."""

    state: EnrolmentState
    step: int
    people: int
    first_due: datetime | None
    last_due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Somebody whose next hour may have to be planned anew: `last` is when they got their last lesson, if any."""

    enrolment_id: EnrolmentId
    subscriber_id: SubscriberId
    run: int
    step: int
    timezone: str
    preference: Preference
    paused_until: datetime | None
    due_at: datetime | None
    finished_at: datetime | None
    last: datetime | None
    held_due_at: datetime | None = None


def crowds(tx: Transaction, course: CourseId) -> Sequence[Crowd]:
    """Everybody on the course, by state and step; who has left us or is suppressed is not counted."""
    columns = (enrolment.c.state, enrolment.c.step)
    query = (
        select(*columns, func.count(), func.min(enrolment.c.next_due_at), func.max(enrolment.c.next_due_at))
        .join(subscriber, subscriber.c.id == enrolment.c.subscriber_id)
        .where(enrolment.c.course_id == course, subscriber.c.state == SubscriberState.ACTIVE)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        Crowd(state=row[0], step=row[1], people=row[2], first_due=row[3], last_due=row[4]) for row in tx.execute(query)
    ]


def move(tx: Transaction, course: CourseId, steps: Mapping[int, int]) -> int:
    """Give each place of people who have not finished its new count, all at once; how many were moved.

    What is on the wire for them stays on it: the step counts it already.
    """
    changed = {old: new for old, new in steps.items() if old != new}
    if not changed:
        return 0
    moved = tx.execute(
        update(enrolment)
        .where(
            enrolment.c.course_id == course,
            enrolment.c.state != EnrolmentState.FINISHED,
            enrolment.c.step.in_(list(changed)),
        )
        .values(step=case(changed, value=enrolment.c.step), fence=enrolment.c.fence + 1)
    )
    return moved.rowcount


def finished(tx: Transaction, course: CourseId, *, since: datetime) -> Iterator[Waiting]:
    """Who finished the course since then and is still with us, locked, a page at a time."""
    condition = and_(enrolment.c.state == EnrolmentState.FINISHED, enrolment.c.finished_at >= since)
    yield from _people(tx, course, condition)


def waiting(tx: Transaction, course: CourseId) -> Iterator[Waiting]:
    """Who waits for a lesson, locked, a page at a time."""
    yield from _people(tx, course, enrolment.c.next_due_at.is_not(None))


def due(tx: Transaction, course: CourseId) -> Iterator[Waiting]:
    """Who waits for a lesson, or is held while the course stands still, locked, a page at a time."""
    yield from _people(tx, course, or_(enrolment.c.next_due_at.is_not(None), enrolment.c.held_due_at.is_not(None)))


def held(tx: Transaction, course: CourseId) -> Iterator[Waiting]:
    """Whose lesson was due while the course stood still, locked, a page at a time."""
    yield from _people(tx, course, enrolment.c.held_due_at.is_not(None))


def close(tx: Transaction, course: CourseId, *, lessons: int) -> None:
    """Who has finished has had it all: also what was added, unless they were taken back before."""
    tx.execute(
        update(enrolment)
        .where(enrolment.c.course_id == course, enrolment.c.state == EnrolmentState.FINISHED)
        .values(step=lessons)
    )


def reopen(tx: Transaction, rows: Sequence[tuple[EnrolmentId, int, datetime]]) -> None:
    """These people, who had finished, go on: at a step, at an hour."""
    statement = (
        update(enrolment)
        .where(enrolment.c.id == bindparam("which"))
        .values(
            state=EnrolmentState.ACTIVE,
            step=bindparam("at"),
            next_due_at=bindparam("due"),
            finished_at=None,
            fence=enrolment.c.fence + 1,
        )
    )
    for page in _pages(rows):
        tx.execute(statement, [{"which": which, "at": step, "due": due} for which, step, due in page])


def retime(tx: Transaction, rows: Sequence[tuple[EnrolmentId, datetime]]) -> None:
    """These people's next lesson is due at another hour."""
    statement = (
        update(enrolment)
        .where(enrolment.c.id == bindparam("which"), enrolment.c.next_due_at.is_not(None))
        .values(next_due_at=bindparam("due"), fence=enrolment.c.fence + 1)
    )
    for page in _pages(rows):
        tx.execute(statement, [{"which": which, "due": due} for which, due in page])


def go_on(tx: Transaction, rows: Sequence[tuple[EnrolmentId, int, datetime]]) -> None:
    """These people wait for another lesson: that of this step, at this hour."""
    statement = (
        update(enrolment)
        .where(enrolment.c.id == bindparam("which"), enrolment.c.next_due_at.is_not(None))
        .values(step=bindparam("at"), next_due_at=bindparam("due"), fence=enrolment.c.fence + 1)
    )
    for page in _pages(rows):
        tx.execute(statement, [{"which": which, "at": step, "due": due} for which, step, due in page])


def put_back(tx: Transaction, rows: Sequence[tuple[EnrolmentId, int, datetime]]) -> None:
    """These people, whose lesson was just claimed, wait for it again: at this step, until this hour."""
    statement = (
        update(enrolment)
        .where(enrolment.c.id == bindparam("which"))
        .values(step=bindparam("at"), next_due_at=bindparam("due"))
    )
    for page in _pages(rows):
        tx.execute(statement, [{"which": which, "at": step, "due": due} for which, step, due in page])


def _pages(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    return (rows[at : at + _PAGE] for at in range(0, len(rows), _PAGE))


def of_people(tx: Transaction, people: Sequence[SubscriberId]) -> Sequence[tuple[CourseId, Waiting]]:
    """The places at which these people wait for a lesson, locked, with their courses."""
    found = and_(enrolment.c.subscriber_id.in_(list(people)), enrolment.c.next_due_at.is_not(None))
    return _with_courses(tx, _waiting().where(found).order_by(enrolment.c.id))


def due_before(tx: Transaction, before: datetime, *, limit: int) -> Sequence[tuple[CourseId, Waiting]]:
    """The first places at which somebody waits for a lesson that was due before then, locked, with their courses."""
    found = and_(enrolment.c.next_due_at.is_not(None), enrolment.c.next_due_at < before)
    order = (enrolment.c.next_due_at, enrolment.c.id)
    return _with_courses(tx, _waiting().where(found).order_by(*order).limit(limit))


def _with_courses(tx: Transaction, query: Select[*tuple[Any, ...]]) -> Sequence[tuple[CourseId, Waiting]]:
    rows = tx.execute(query.add_columns(enrolment.c.course_id))
    return [(CourseId(row.course_id), _read(row)) for row in rows]


def _people(tx: Transaction, course: CourseId, condition: ColumnElement[bool]) -> Iterator[Waiting]:
    query = _waiting().where(enrolment.c.course_id == course, condition).order_by(enrolment.c.id).limit(_PAGE)
    after = 0
    while rows := tx.execute(query.where(enrolment.c.id > after)).all():
        after = rows[-1][0]
        yield from (_read(row) for row in rows)


def _waiting() -> Select[*tuple[Any, ...]]:
    at = func.coalesce(delivery.c.finished_at, delivery.c.created_at)
    last = (
        select(func.max(at))
        .where(
            delivery.c.subscriber_id == enrolment.c.subscriber_id,
            delivery.c.enrolment_id == enrolment.c.id,
            delivery.c.state.in_((DeliveryState.SENT, DeliveryState.UNCERTAIN)),
        )
        .scalar_subquery()
    )
    columns = (
        *(enrolment.c.id, enrolment.c.subscriber_id, enrolment.c.step, subscriber.c.timezone),
        *(subscriber.c.send_at, subscriber.c.days, enrolment.c.pace, enrolment.c.paused_until),
    )
    hours = (enrolment.c.next_due_at, enrolment.c.finished_at, last, enrolment.c.run, enrolment.c.held_due_at)
    return (
        select(*columns, *hours)
        .join(subscriber, subscriber.c.id == enrolment.c.subscriber_id)
        .where(subscriber.c.state == SubscriberState.ACTIVE)
        .with_for_update(of=enrolment)
    )


def _read(row: Row[*tuple[Any, ...]]) -> Waiting:
    return Waiting(
        enrolment_id=EnrolmentId(row[0]),
        subscriber_id=SubscriberId(row[1]),
        step=row[2],
        timezone=row[3],
        preference=Preference(send_at=row[4], days=row[5], pace=row[6]),
        paused_until=row[7],
        due_at=row[8],
        finished_at=row[9],
        last=row[10],
        run=row[11],
        held_due_at=row[12],
    )
