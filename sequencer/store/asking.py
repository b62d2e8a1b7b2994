"""Which mails ask the owner of an address whether it was them? Confirmations and reminders, in the ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import and_, insert, or_, select, update

from sequencer.core import lifecycle
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import ConsentId, CourseId, Delivery, DeliveryKind, DeliveryState, SubscriberId
from sequencer.store import crowd, deliveries
from sequencer.store.database import Transaction
from sequencer.store.tables import consent, delivery

KINDS = (DeliveryKind.CONFIRMATION, DeliveryKind.REMINDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a mail that asks has to know of a consent; `answered` where its giver confirmed or disowned it.

    `ip` is from where it was asked for, "" where nobody knows. `newsletter`: they asked for it too, beside the course.
    """

    id: ConsentId
    course_id: CourseId
    asked_at: datetime
    ip: str
    answered: bool
    newsletter: bool


def queue(
    tx: Transaction,
    kind: DeliveryKind,
    asked: Sequence[tuple[ConsentId, SubscriberId]],
    *,
    now: datetime,
    due: Mapping[ConsentId, datetime] = MappingProxyType({}),
) -> None:
    """Queue a mail about each of these consents, one of each kind for a consent; `due` then, or at once."""
    if tx.dialect.name == "sqlite":
        crowd.queue(tx, kind, asked, now=now, due=due)
        return
    rows = [
        {
            "kind": kind,
            "campaign_id": which,
            "subscriber_id": who,
            "run": 0,
            "state": DeliveryState.QUEUED,
            "attempt": 0,
            "doubts": 0,
            "due_at": due.get(which, now),
            "relay": "",
            "reply": "",
            "created_at": now,
        }
        for which, who in asked
    ]
    if rows:
        tx.execute(insert(delivery), rows)


def of(tx: Transaction, people: Collection[SubscriberId]) -> Mapping[SubscriberId, Sequence[Delivery]]:
    """The mails that asked these people, in the order in which they were made; who has none is left out."""
    query = select(delivery).where(delivery.c.subscriber_id.in_(list(people)), delivery.c.kind.in_(KINDS))
    found: dict[SubscriberId, list[Delivery]] = {}
    for row in tx.execute(query.order_by(delivery.c.id)):
        one = deliveries.read(row)
        found.setdefault(one.subscriber_id, []).append(one)
    return found


def about(tx: Transaction, which: Collection[ConsentId]) -> Mapping[ConsentId, Question]:
    """What these consents ask; those that are gone are left out."""
    if not which:
        return {}
    answered = or_(consent.c.confirmed_at.is_not(None), consent.c.disowned_at.is_not(None))
    query = select(consent.c.id, consent.c.course_id, consent.c.asked_at, consent.c.ip, answered, consent.c.newsletter)
    return {
        ConsentId(one): Question(
            id=ConsentId(one),
            course_id=CourseId(course),
            asked_at=at,
            ip=ip,
            answered=bool(over),
            newsletter=bool(newsletter),
        )
        for one, course, at, ip, over, newsletter in tx.execute(query.where(consent.c.id.in_(list(which))))
    }


def answered(tx: Transaction, who: SubscriberId, which: ConsentId, *, reason: str, now: datetime) -> None:
    """Nobody is asked once more about this consent, nor reminded of any other; `reason` is kept in the rows."""
    about = and_(
        delivery.c.subscriber_id == who,
        delivery.c.kind.in_(KINDS),
        or_(delivery.c.kind == DeliveryKind.REMINDER, delivery.c.campaign_id == which),
    )
    tx.execute(
        update(delivery)
        .where(about, delivery.c.state.in_(lifecycle.before(DeliveryEvent.CANCEL)))
        .values(state=DeliveryState.SKIPPED, due_at=None, lease_until=None, reply=reason, finished_at=now)
    )
    tx.execute(update(delivery).where(about, delivery.c.state == DeliveryState.UNCERTAIN).values(due_at=None))
