"""Which rows does a journal correct? Those of messages whose end it knows, and those that are not there."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy import func, insert, select, update

from sequencer.core.model import (
    CourseId,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EnrolmentId,
    EnrolmentState,
    LessonId,
    Preference,
    RevisionId,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.records import Noted, Record
from sequencer.store import deliveries, sequences
from sequencer.store.database import Transaction
from sequencer.store.places import Waiting
from sequencer.store.tables import delivery, enrolment, lesson, subscriber

_WORDS = "A sender's journal says that it was sent."
_LONG_AGO = 1  # a lease that has run out: whoever recovers decides as after any crash
_CAMPAIGNS: Mapping[DeliveryKind, str] = {
    DeliveryKind.CONFIRMATION: "consent",
    DeliveryKind.REMINDER: "consent",
    DeliveryKind.FAREWELL: "departure",
    DeliveryKind.MOVE: "address_change",
    DeliveryKind.ISSUE: "issue",
}
Key = tuple[DeliveryKind, int, SubscriberId, int]


def rows(tx: Transaction, wanted: Collection[Record]) -> Mapping[Key, Delivery]:
    """The ledger's rows of these messages, as far as there are any."""
    query = select(delivery).where(
        delivery.c.subscriber_id.in_({one.subscriber_id for one in wanted}),
        delivery.c.campaign_id.in_({one.campaign_id for one in wanted}),
    )
    found = [deliveries.read(row) for row in tx.execute(query)]
    return {(one.kind, one.campaign_id, one.subscriber_id, one.run): one for one in found}


def people(tx: Transaction, wanted: Iterable[SubscriberId]) -> Mapping[SubscriberId, SubscriberState]:
    """Those of these people whom the database knows, and how they stand with us."""
    query = select(subscriber.c.id, subscriber.c.state).where(subscriber.c.id.in_(list(wanted)))
    return {SubscriberId(which): state for which, state in tx.execute(query)}


def course_of(tx: Transaction, which: LessonId) -> CourseId | None:
    """The course of a lesson; None where the lesson is not known."""
    found = tx.execute(select(lesson.c.course_id).where(lesson.c.id == which)).scalar_one_or_none()
    return None if found is None else CourseId(found)


def reserve(tx: Transaction, highest: Mapping[str, int]) -> None:
    """The database numbers new rows behind these ids: whom the journal knows and it does not is nobody else, ever."""
    last = sequences.last(tx)
    sequences.count_on(tx, {name: which for name, which in highest.items() if which > last.get(name, 0)})


def ids(noted: Record) -> Mapping[str, int]:
    """The ids that a record names, by table."""
    named = {"subscriber": int(noted.subscriber_id), "delivery": int(noted.delivery_id)}
    if noted.enrolment_id is not None:
        named["enrolment"] = int(noted.enrolment_id)
    if noted.kind in _CAMPAIGNS:
        named[_CAMPAIGNS[noted.kind]] = noted.campaign_id
    return named


def add(tx: Transaction, noted: Record, place: EnrolmentId | None, revision: RevisionId | None) -> None:
    """The ledger's row of a message that it did not know, by its old id: sent, or as a dead sender leaves it."""
    taken = tx.execute(select(delivery.c.id).where(delivery.c.id == noted.delivery_id)).one_or_none() is not None
    sent = noted.outcome is Noted.ACCEPTED
    at = datetime.fromtimestamp(noted.at, UTC)
    tx.execute(
        insert(delivery).values(
            **({} if taken else {"id": noted.delivery_id}),
            kind=noted.kind,
            campaign_id=noted.campaign_id,
            subscriber_id=noted.subscriber_id,
            run=noted.run,
            enrolment_id=place,
            revision_id=revision,
            state=DeliveryState.SENT if sent else DeliveryState.SENDING,
            attempt=noted.attempt,
            doubts=0,
            lease_until=None if sent else _LONG_AGO,
            relay="",
            reply=_WORDS if sent else "",
            created_at=at,
            finished_at=at if sent else None,
        )
    )


def doubt(tx: Transaction, row: Delivery, *, attempt: int) -> None:
    """A message that waits may have been sent already: it is as a dead sender leaves it."""
    tx.execute(
        update(delivery)
        .where(delivery.c.id == row.id, delivery.c.attempt == row.attempt, delivery.c.state == row.state)
        .values(state=DeliveryState.SENDING, attempt=attempt, due_at=None, lease_until=_LONG_AGO)
    )


def place(tx: Transaction, who: SubscriberId, course: CourseId) -> tuple[Waiting, EnrolmentState] | None:
    """The person's place in the course, locked, and whether they are on it; None where they never began it."""
    columns = (enrolment, subscriber.c.timezone, subscriber.c.send_at, subscriber.c.days)
    query = (
        select(*columns)
        .join(subscriber, subscriber.c.id == enrolment.c.subscriber_id)
        .where(enrolment.c.subscriber_id == who, enrolment.c.course_id == course)
        .with_for_update(of=enrolment)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    found = Waiting(
        enrolment_id=EnrolmentId(row.id),
        subscriber_id=who,
        run=row.run,
        step=row.step,
        timezone=row.timezone,
        preference=Preference(send_at=row.send_at, days=row.days, pace=row.pace),
        paused_until=row.paused_until,
        due_at=row.next_due_at,
        finished_at=row.finished_at,
        last=None,
        held_due_at=row.held_due_at,
    )
    return found, row.state


def begin(tx: Transaction, noted: Record, course: CourseId, *, due_at: datetime | None, now: datetime) -> None:
    """The person is on the course: they began it after the backup. By the id that their place had, where it is free."""
    free = noted.enrolment_id is not None and not _is_taken(tx, noted.enrolment_id)
    tx.execute(
        insert(enrolment).values(
            **({"id": noted.enrolment_id} if free else {}),
            subscriber_id=noted.subscriber_id,
            course_id=course,
            run=noted.run if noted.kind is DeliveryKind.LESSON else 0,
            step=0,
            state=EnrolmentState.ACTIVE,
            next_due_at=due_at,
            fence=0,
            started_at=now,
        )
    )


def move(
    tx: Transaction, one: Waiting, *, run: int, step: int, due_at: datetime | None, finished_at: datetime | None
) -> None:
    """The person goes on at this step and hour; without an hour somebody else says it."""
    state = EnrolmentState.ACTIVE if finished_at is None else EnrolmentState.FINISHED
    tx.execute(
        update(enrolment)
        .where(enrolment.c.id == one.enrolment_id)
        .values(
            run=run,
            step=step,
            state=state,
            next_due_at=due_at,
            held_due_at=None,
            finished_at=finished_at,
            fence=enrolment.c.fence + 1,
        )
    )


def _is_taken(tx: Transaction, which: EnrolmentId) -> bool:
    return bool(tx.execute(select(func.count()).where(enrolment.c.id == which)).scalar_one())
