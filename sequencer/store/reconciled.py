"""Which rows does a relay's log correct? What the ledger does not know to be sent, and what it does not have at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, insert, select, update

from sequencer.core import lifecycle
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import (
    NEWSLETTER,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    EnrolmentId,
    EnrolmentState,
    IssueId,
    LessonId,
    RevisionId,
    SubscriberId,
)
from sequencer.store.database import Transaction
from sequencer.store.places import Waiting
from sequencer.store.tables import course, delivery, enrolment

_PAGE = 1000
_WORDS = "A relay's log says that it was sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody on the newsletter, and their place there."""

    subscriber_id: SubscriberId
    enrolment_id: EnrolmentId


def unsettled(tx: Transaction) -> Sequence[DeliveryId]:
    """Lessons and issues that the ledger has begun and whose end it does not know."""
    query = select(delivery.c.id).where(
        delivery.c.kind.in_((DeliveryKind.LESSON, DeliveryKind.ISSUE)),
        delivery.c.state.in_(lifecycle.before(DeliveryEvent.RECONCILE)),
    )
    return [DeliveryId(which) for which in tx.execute(query).scalars()]


def insert_sent(
    tx: Transaction, one: Waiting, lessons: Sequence[LessonId], revision: RevisionId, *, now: datetime
) -> None:
    """Ledger rows of lessons that this person was sent, and of which the ledger knows nothing."""
    mine = {"subscriber_id": one.subscriber_id, "enrolment_id": one.enrolment_id, "revision_id": revision}
    rows = [
        {"kind": DeliveryKind.LESSON, "campaign_id": lesson, "run": one.run, **mine, **_sent(now)} for lesson in lessons
    ]
    tx.execute(insert(delivery), rows)


def unsent(tx: Transaction, which: IssueId, run: int) -> Iterator[Sequence[Reader]]:
    """Everybody who is, or was, on the newsletter and of whom the ledger has no row of this run, some at a time."""
    known = exists().where(
        delivery.c.kind == DeliveryKind.ISSUE,
        delivery.c.campaign_id == which,
        delivery.c.subscriber_id == enrolment.c.subscriber_id,
        delivery.c.run == run,
    )
    query = (
        select(enrolment.c.id, enrolment.c.subscriber_id)
        .join(course, course.c.id == enrolment.c.course_id)
        .where(course.c.slug == NEWSLETTER, ~known)
        .order_by(enrolment.c.id)
        .limit(_PAGE)
    )
    after = 0
    while rows := tx.execute(query.where(enrolment.c.id > after)).all():
        after = rows[-1].id
        yield [Reader(subscriber_id=row.subscriber_id, enrolment_id=row.id) for row in rows]


def insert_issues(tx: Transaction, readers: Sequence[Reader], which: IssueId, run: int, *, now: datetime) -> None:
    """Ledger rows of an issue that these people were sent, and of which the ledger knows nothing."""
    mine = {"kind": DeliveryKind.ISSUE, "campaign_id": which, "run": run, "revision_id": None, **_sent(now)}
    rows = [{"subscriber_id": one.subscriber_id, "enrolment_id": one.enrolment_id, **mine} for one in readers]
    if rows:
        tx.execute(insert(delivery), rows)


def of_other_runs(tx: Transaction, who: Sequence[SubscriberId], which: IssueId, run: int) -> Sequence[DeliveryId]:
    """Messages of the same issue to these people in other runs."""
    query = select(delivery.c.id).where(
        delivery.c.kind == DeliveryKind.ISSUE,
        delivery.c.campaign_id == which,
        delivery.c.subscriber_id.in_(list(who)),
        delivery.c.run != run,
    )
    return [DeliveryId(one) for one in tx.execute(query).scalars()] if who else []


def _sent(now: datetime) -> Mapping[str, object]:
    state = {"state": DeliveryState.SENT, "attempt": 1, "doubts": 0, "relay": "", "reply": _WORDS}
    return {**state, "created_at": now, "finished_at": now}


def move(tx: Transaction, which: EnrolmentId, *, step: int, due_at: datetime | None, now: datetime) -> None:
    """The person goes on at this step and hour; without an hour they have finished."""
    over = {"state": EnrolmentState.FINISHED, "finished_at": now} if due_at is None else {}
    tx.execute(
        update(enrolment)
        .where(enrolment.c.id == which)
        .values(step=step, next_due_at=due_at, held_due_at=None, fence=enrolment.c.fence + 1, **over)
    )
