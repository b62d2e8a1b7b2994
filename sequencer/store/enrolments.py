"""Where is everybody in their course? Rows of `enrolment`: the only schedule that there is for a person."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Row, column, func, insert, literal, select, table, tuple_, update

from sequencer.core.model import CourseId, Enrolment, EnrolmentId, EnrolmentState, SubscriberId
from sequencer.store import shards
from sequencer.store.database import Transaction
from sequencer.store.hot import Place
from sequencer.store.tables import enrolment


def find(tx: Transaction, who: SubscriberId, course: CourseId) -> Enrolment | None:
    """The person's place in the course, locked; None where they never began it."""
    row = tx.execute(
        select(enrolment).where(enrolment.c.subscriber_id == who, enrolment.c.course_id == course).with_for_update()
    ).one_or_none()
    return None if row is None else _enrolment(row)


def present(tx: Transaction, people: Collection[SubscriberId]) -> frozenset[tuple[SubscriberId, CourseId]]:
    """Who of these people is on which course, or has finished it; those who stopped are left out."""
    query = select(enrolment.c.subscriber_id, enrolment.c.course_id).where(
        enrolment.c.subscriber_id.in_(list(people)), enrolment.c.state != EnrolmentState.STOPPED
    )
    return frozenset((SubscriberId(who), CourseId(course)) for who, course in tx.execute(query))


def get(tx: Transaction, which: EnrolmentId) -> Enrolment | None:
    """One place in a course, as it is now; None where there is no such."""
    row = tx.execute(select(enrolment).where(enrolment.c.id == which)).one_or_none()
    return None if row is None else _enrolment(row)


def lock(tx: Transaction, which: EnrolmentId) -> Enrolment | None:
    """One place in a course, locked until the transaction ends."""
    row = tx.execute(select(enrolment).where(enrolment.c.id == which).with_for_update()).one_or_none()
    return None if row is None else _enrolment(row)


def of(tx: Transaction, who: SubscriberId) -> Sequence[Enrolment]:
    """All courses of a person, the oldest first."""
    rows = tx.execute(select(enrolment).where(enrolment.c.subscriber_id == who).order_by(enrolment.c.id))
    return [_enrolment(row) for row in rows]


def lock_of(tx: Transaction, who: SubscriberId) -> Sequence[Enrolment]:
    """All courses of a person, locked until the transaction ends, the oldest first."""
    query = select(enrolment).where(enrolment.c.subscriber_id == who).order_by(enrolment.c.id).with_for_update()
    return [_enrolment(row) for row in tx.execute(query)]


def page(
    tx: Transaction,
    *,
    after: int,
    limit: int,
    who: SubscriberId | None = None,
    course: CourseId | None = None,
    state: EnrolmentState | None = None,
) -> Sequence[Enrolment]:
    """Places whose id is above `after`, in that order; of this person, in this course, in this state."""
    query = select(enrolment).where(enrolment.c.id > after).order_by(enrolment.c.id).limit(limit)
    wanted = ((enrolment.c.subscriber_id, who), (enrolment.c.course_id, course), (enrolment.c.state, state))
    for key, value in wanted:
        if value is not None:
            query = query.where(key == value)
    return [_enrolment(row) for row in tx.execute(query)]


def start(
    tx: Transaction, who: SubscriberId, course: CourseId, *, due_at: datetime | None, now: datetime
) -> EnrolmentId:
    """Put a person at the beginning of a course, or on the newsletter, where no lesson is due."""
    made = tx.execute(
        insert(enrolment)
        .values(
            subscriber_id=who,
            course_id=course,
            run=0,
            step=0,
            state=EnrolmentState.ACTIVE,
            next_due_at=due_at,
            fence=0,
            started_at=now,
        )
        .returning(enrolment.c.id)
    )
    return EnrolmentId(made.scalar_one())


def save(tx: Transaction, place: Enrolment) -> None:
    """Write state, place, due time and what the person chose.

    Bumps the fence, so that whoever read the row before knows it has moved.
    """
    tx.execute(
        update(enrolment)
        .where(enrolment.c.id == place.id)
        .values(
            state=place.state,
            next_due_at=place.next_due_at,
            finished_at=place.finished_at,
            step=place.step,
            run=place.run,
            pace=place.pace,
            paused_until=place.paused_until,
            held_due_at=place.held_due_at,
            fence=enrolment.c.fence + 1,
        )
    )


def next_due(tx: Transaction, people: str = shards.EVERYBODY, since: Place | None = None) -> datetime | None:
    """When the next lesson of anybody of `people` is due, a shard's table; None where nobody waits for one.

    With `since`, of those who stand behind it in the order in which they are claimed.
    """
    due, which = column("next_due_at", enrolment.c.next_due_at.type), column("id", enrolment.c.id.type)
    query = select(due).select_from(table(people)).where(due.is_not(None)).order_by(due, which).limit(1)
    if since is not None:
        behind = tuple_(literal(since.due_at, due.type), literal(since.enrolment_id, which.type))
        query = query.where(tuple_(due, which) > behind)
    return tx.execute(query).scalar_one_or_none()


def count_due(tx: Transaction, *, until: datetime, most: int) -> int:
    """How many lessons are due by then, counted no further than to `most`."""
    some = select(enrolment.c.id).where(enrolment.c.next_due_at <= until).limit(most).subquery()
    return tx.execute(select(func.count()).select_from(some)).scalar_one()


def count(tx: Transaction, course: CourseId) -> dict[EnrolmentState, int]:
    """How many people of a course stand where; states without anybody are left out."""
    rows = tx.execute(
        select(enrolment.c.state, func.count()).where(enrolment.c.course_id == course).group_by(enrolment.c.state)
    )
    return {state: number for state, number in rows}  # noqa: C416 (typed rows, not a dict of rows)


def _enrolment(row: Row[tuple[object, ...]]) -> Enrolment:
    return Enrolment(
        id=EnrolmentId(row.id),
        subscriber_id=SubscriberId(row.subscriber_id),
        course_id=CourseId(row.course_id),
        run=row.run,
        step=row.step,
        state=row.state,
        next_due_at=row.next_due_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        pace=row.pace,
        paused_until=row.paused_until,
        held_due_at=row.held_due_at,
    )
