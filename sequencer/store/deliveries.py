"""What was sent to whom, and what became of it? The ledger: one row a person and message, made before it is sent.

Each move is one fenced update: it names the attempt it belongs to and the states that `core.lifecycle` allows before
it, and counts only for the rows it returns.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core import lifecycle
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import (
    Address,
    Claim,
    ConsentId,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    Enrolment,
    EnrolmentId,
    LessonId,
    RevisionId,
    SubscriberId,
    SubscriberState,
    Ticket,
)
from sequencer.store.database import Transaction, clock
from sequencer.store.tables import delivery, subscriber

# A claimed row has no content on the wire; a sending one may wait ten minutes for its answer (RFC 5321 §4.5.3.2.6).
CLAIM_LEASE = 300
SENDING_LEASE = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRow:
    """A ledger row to be made for a lesson that is due."""

    lesson_id: LessonId
    subscriber_id: SubscriberId
    run: int
    enrolment_id: EnrolmentId
    revision_id: RevisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How one attempt ended: the event, and what is to be written beside the new state."""

    ticket: Ticket
    event: DeliveryEvent
    reply: str
    relay: str
    due_at: datetime | None = None


def queue_confirmation(tx: Transaction, consent: ConsentId, who: SubscriberId, *, now: datetime) -> None:
    """Queue the mail that asks whether it was them; due at once."""
    tx.execute(
        insert(delivery).values(
            kind=DeliveryKind.CONFIRMATION,
            campaign_id=consent,
            subscriber_id=who,
            run=0,
            state=DeliveryState.QUEUED,
            attempt=0,
            doubts=0,
            due_at=now,
            relay="",
            reply="",
            created_at=now,
        )
    )


def confirmations(tx: Transaction, who: SubscriberId, *, since: datetime) -> Sequence[datetime]:
    """When confirmations were queued for a person, those after `since`."""
    query = select(delivery.c.created_at).where(
        delivery.c.subscriber_id == who,
        delivery.c.kind == DeliveryKind.CONFIRMATION,
        delivery.c.created_at > since,
    )
    return list(tx.execute(query).scalars())


def claim_lessons(tx: Transaction, rows: Sequence[LessonRow], *, now: datetime) -> dict[EnrolmentId, DeliveryId]:
    """Make the ledger rows of lessons that are due, claimed in the same breath.

    An enrolment that is missing in the answer has had this lesson: the ledger has its row already.
    """
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(delivery)
    values = [
        {
            "kind": DeliveryKind.LESSON,
            "campaign_id": row.lesson_id,
            "subscriber_id": row.subscriber_id,
            "run": row.run,
            "enrolment_id": row.enrolment_id,
            "revision_id": row.revision_id,
            "state": DeliveryState.CLAIMED,
            "attempt": 1,
            "doubts": 0,
            "relay": "",
            "reply": "",
            "created_at": now,
        }
        for row in rows
    ]
    made = tx.execute(
        make.values(values)
        .on_conflict_do_nothing(index_elements=["kind", "campaign_id", "subscriber_id", "run"])
        .returning(delivery.c.id, delivery.c.enrolment_id)
    ).all()
    if made:
        tx.execute(
            update(delivery)
            .where(delivery.c.id.in_([row.id for row in made]))
            .values(lease_until=clock(tx) + CLAIM_LEASE)
        )
    return {EnrolmentId(row.enrolment_id): DeliveryId(row.id) for row in made}


def claim_waiting(tx: Transaction, *, now: datetime, limit: int) -> Sequence[DeliveryId]:
    """Take up to `limit` waiting rows whose time has come: queued, deferred, or uncertain and to be sent once more.

    Confirmations come first. Lessons of people who are not active any more are left alone.
    """
    eligible = or_(delivery.c.kind == DeliveryKind.CONFIRMATION, subscriber.c.state == SubscriberState.ACTIVE)
    picked = (
        select(delivery.c.id)
        .join(subscriber)
        .where(delivery.c.state.in_(lifecycle.before(DeliveryEvent.CLAIM)), delivery.c.due_at <= now, eligible)
        .where(subscriber.c.state != SubscriberState.SUPPRESSED)
        .order_by(delivery.c.kind, delivery.c.due_at, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
    )
    ids = [DeliveryId(which) for which in tx.execute(picked).scalars()]
    if ids:
        tx.execute(
            update(delivery)
            .where(delivery.c.id.in_(ids))
            .values(
                state=DeliveryState.CLAIMED,
                attempt=delivery.c.attempt + 1,
                due_at=None,
                lease_until=clock(tx) + CLAIM_LEASE,
            )
        )
    return ids


def claims(tx: Transaction, ids: Iterable[DeliveryId]) -> Sequence[Claim]:
    """What is needed to send these claimed rows, confirmations first."""
    query = (
        select(*delivery.c, *_person_columns())
        .join(subscriber)
        .where(delivery.c.id.in_(list(ids)))
        .order_by(delivery.c.kind, delivery.c.id)
    )
    return [
        Claim(
            delivery=_delivery(row),
            address=Address(normalized=row.normalized, wire=row.wire, needs_smtputf8=bool(row.needs_smtputf8)),
            name=row.name,
            timezone=row.timezone,
        )
        for row in tx.execute(query)
    ]


def intend(tx: Transaction, tickets: Sequence[Ticket]) -> frozenset[DeliveryId]:
    """Say that content is about to be written. It may be written only for the deliveries that are returned.

    One whose lease ran out, that was taken by another, or whose owner left in the meantime is not returned.
    """
    now = clock(tx)
    update_ = (
        update(delivery)
        .where(
            _named(tickets),
            delivery.c.state.in_(lifecycle.before(DeliveryEvent.INTEND)),
            delivery.c.lease_until > now,
        )
        .values(state=DeliveryState.SENDING, lease_until=now + SENDING_LEASE)
        .returning(delivery.c.id)
    )
    return frozenset(DeliveryId(which) for which in tx.execute(update_).scalars())


def settle(tx: Transaction, settlements: Sequence[Settlement], *, now: datetime) -> frozenset[DeliveryId]:
    """Write how attempts ended; returns those that were still theirs to settle."""
    settled: set[DeliveryId] = set()
    for event in dict.fromkeys(one.event for one in settlements):
        settled |= _settle(tx, event, [one for one in settlements if one.event is event], now)
    return frozenset(settled)


def _settle(tx: Transaction, event: DeliveryEvent, settlements: Sequence[Settlement], now: datetime) -> set[DeliveryId]:
    """All settlements of one event: who still holds their attempt is locked first, then written in one statement."""
    sources = lifecycle.before(event)
    held = select(delivery.c.id).where(_named([one.ticket for one in settlements]), delivery.c.state.in_(sources))
    ids = set(tx.execute(held.order_by(delivery.c.id).with_for_update()).scalars())
    after = lifecycle.move(lifecycle.DELIVERY, sources[-1], event)
    done = after in (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED)
    written = [
        {"which": one.ticket.delivery_id, "said": one.reply, "through": one.relay, "again": one.due_at}
        for one in settlements
        if one.ticket.delivery_id in ids
    ]
    if written:
        tx.execute(
            update(delivery)
            .where(delivery.c.id == bindparam("which"))
            .values(
                state=after,
                reply=bindparam("said"),
                relay=bindparam("through"),
                due_at=bindparam("again"),
                lease_until=None,
                doubts=delivery.c.doubts + (1 if after is DeliveryState.UNCERTAIN else 0),
                finished_at=now if done else None,
            ),
            written,
        )
    return {DeliveryId(which) for which in ids}


def expired(tx: Transaction, *, limit: int) -> Sequence[Delivery]:
    """Rows whose lease has run out by the database's clock: their sender is dead, or as good as dead."""
    query = (
        select(delivery)
        .where(
            delivery.c.state.in_((DeliveryState.CLAIMED, DeliveryState.SENDING)),
            delivery.c.lease_until <= clock(tx),
        )
        .order_by(delivery.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_delivery(row) for row in tx.execute(query)]


def expire(tx: Transaction, which: Delivery, *, to: DeliveryState, due_at: datetime | None) -> None:
    """Take a row back whose lease ran out: `deferred` where nothing was sent, `uncertain` where it may have been."""
    tx.execute(
        update(delivery)
        .where(
            delivery.c.id == which.id,
            delivery.c.attempt == which.attempt,
            delivery.c.state.in_(lifecycle.before(DeliveryEvent.EXPIRE, to=to)),
        )
        .values(
            state=to,
            due_at=due_at,
            lease_until=None,
            doubts=delivery.c.doubts + (1 if to is DeliveryState.UNCERTAIN else 0),
            reply="The sender stopped before an answer was seen.",
        )
    )


def cancel(tx: Transaction, who: SubscriberId, *, reason: str, now: datetime) -> int:
    """Nothing that is not on the wire yet goes out to this person; how many messages that were."""
    cancelled = tx.execute(
        update(delivery)
        .where(delivery.c.subscriber_id == who, delivery.c.state.in_(lifecycle.before(DeliveryEvent.CANCEL)))
        .values(state=DeliveryState.SKIPPED, due_at=None, lease_until=None, reply=reason, finished_at=now)
    )
    # What is uncertain stays so, but is not sent once more.
    tx.execute(
        update(delivery)
        .where(delivery.c.subscriber_id == who, delivery.c.state == DeliveryState.UNCERTAIN)
        .values(due_at=None)
    )
    return cancelled.rowcount


def revive(tx: Transaction, place: Enrolment, *, due_at: datetime) -> bool:
    """The lesson that was skipped when the person left is due again; whether there was one."""
    revived = tx.execute(
        update(delivery)
        .where(_of(place), delivery.c.state.in_(lifecycle.before(DeliveryEvent.REVIVE)))
        .values(state=DeliveryState.DEFERRED, due_at=due_at, finished_at=None)
    )
    return revived.rowcount > 0


def last_accepted(tx: Transaction, place: Enrolment) -> datetime | None:
    """When the last lesson of this enrolment was accepted; None where none was."""
    query = select(func.max(delivery.c.finished_at)).where(_of(place), delivery.c.state == DeliveryState.SENT)
    found: datetime | None = tx.execute(query).scalar_one()
    return found


def of(tx: Transaction, who: SubscriberId) -> Sequence[Delivery]:
    """All messages to a person, in the order in which they were made."""
    rows = tx.execute(select(delivery).where(delivery.c.subscriber_id == who).order_by(delivery.c.id))
    return [_delivery(row) for row in rows]


def get(tx: Transaction, which: DeliveryId) -> Delivery | None:
    """One row of the ledger, or None."""
    row = tx.execute(select(delivery).where(delivery.c.id == which)).one_or_none()
    return None if row is None else _delivery(row)


def listed(
    tx: Transaction, *, state: DeliveryState | None = None, after: int = 0, limit: int = 1000
) -> Sequence[Delivery]:
    """The ledger, a page at a time: rows whose id is above `after`."""
    query: Select[tuple[object, ...]] = select(delivery).where(delivery.c.id > after)
    if state is not None:
        query = query.where(delivery.c.state == state)
    return [_delivery(row) for row in tx.execute(query.order_by(delivery.c.id).limit(limit))]


def count(tx: Transaction) -> Mapping[DeliveryState, int]:
    """How many messages are in which state; states without any are left out."""
    rows = tx.execute(select(delivery.c.state, func.count()).group_by(delivery.c.state))
    return {state: number for state, number in rows}  # noqa: C416 (typed rows, not a dict of rows)


def next_due(tx: Transaction) -> datetime | None:
    """When the next waiting message may be tried; None where none waits."""
    waiting = and_(delivery.c.state.in_(lifecycle.before(DeliveryEvent.CLAIM)), delivery.c.due_at.is_not(None))
    found: datetime | None = tx.execute(select(func.min(delivery.c.due_at)).where(waiting)).scalar_one()
    return found


def _of(place: Enrolment) -> ColumnElement[bool]:
    # The person too: theirs is the index.
    return and_(delivery.c.subscriber_id == place.subscriber_id, delivery.c.enrolment_id == place.id)


def _named(tickets: Sequence[Ticket]) -> ColumnElement[bool]:
    return tuple_(delivery.c.id, delivery.c.attempt).in_([(one.delivery_id, one.attempt) for one in tickets])


def _person_columns() -> tuple[ColumnElement[object], ...]:
    person = subscriber.c
    return person.normalized, person.wire, person.needs_smtputf8, person.name, person.timezone


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        kind=row.kind,
        campaign_id=row.campaign_id,
        subscriber_id=SubscriberId(row.subscriber_id),
        run=row.run,
        state=row.state,
        attempt=row.attempt,
        doubts=row.doubts,
        enrolment_id=None if row.enrolment_id is None else EnrolmentId(row.enrolment_id),
        revision_id=None if row.revision_id is None else RevisionId(row.revision_id),
        due_at=row.due_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        relay=row.relay,
        reply=row.reply,
    )
