"""Which rows does a relay's log correct? What the ledger does not know to be sent, and what it does not have at all."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from sequencer.core import lifecycle
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import (
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    EnrolmentId,
    EnrolmentState,
    LessonId,
    RevisionId,
)
from sequencer.store.database import Transaction
from sequencer.store.places import Waiting
from sequencer.store.tables import delivery, enrolment

_WORDS = "A relay's log says that it was sent."


def unsettled(tx: Transaction) -> Sequence[DeliveryId]:
    """Lessons that the ledger has begun and whose end it does not know."""
    query = select(delivery.c.id).where(
        delivery.c.kind == DeliveryKind.LESSON,
        delivery.c.state.in_(lifecycle.before(DeliveryEvent.RECONCILE)),
    )
    return [DeliveryId(which) for which in tx.execute(query).scalars()]


def insert_sent(
    tx: Transaction, one: Waiting, lessons: Sequence[LessonId], revision: RevisionId, *, now: datetime
) -> None:
    """Ledger rows of lessons that this person was sent, and of which the ledger knows nothing."""
    tx.execute(
        insert(delivery),
        [
            {
                "kind": DeliveryKind.LESSON,
                "campaign_id": lesson,
                "subscriber_id": one.subscriber_id,
                "run": one.run,
                "enrolment_id": one.enrolment_id,
                "revision_id": revision,
                "state": DeliveryState.SENT,
                "attempt": 1,
                "doubts": 0,
                "relay": "",
                "reply": _WORDS,
                "created_at": now,
                "finished_at": now,
            }
            for lesson in lessons
        ],
    )


def move(tx: Transaction, which: EnrolmentId, *, step: int, due_at: datetime | None, now: datetime) -> None:
    """The person goes on at this step and hour; without an hour they have finished."""
    over = {"state": EnrolmentState.FINISHED, "finished_at": now} if due_at is None else {}
    tx.execute(
        update(enrolment)
        .where(enrolment.c.id == which)
        .values(step=step, next_due_at=due_at, held_due_at=None, fence=enrolment.c.fence + 1, **over)
    )
