"""What was sent to whom, and what became of it? The ledger: one row a person and message, made before it is sent.

Each move is one fenced update: it names the attempt it belongs to and the states that `core.lifecycle` allows before
it, and counts only for the rows it returns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, func, or_, select, update

from sequencer.core import lifecycle
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import (
    Address,
    Claim,
    CourseId,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    Enrolment,
    EnrolmentId,
    EnrolmentState,
    Preference,
    RevisionId,
    SubscriberId,
    SubscriberState,
    Ticket,
)
from sequencer.store.database import Transaction, clock
from sequencer.store.hot import CLAIM_LEASE
from sequencer.store.tables import address_change, delivery, enrolment, subscriber

UNSEEN = "The sender stopped before an answer was seen."
_WAITING = and_(delivery.c.state.in_(lifecycle.before(DeliveryEvent.CLAIM)), delivery.c.due_at.is_not(None))
# What answers a person's own press goes out before lessons, and before new lessons are claimed; a reminder after them,
# and issues after everything.
AT_ONCE = (DeliveryKind.CONFIRMATION, DeliveryKind.FAREWELL, DeliveryKind.MOVE, DeliveryKind.ACCESS)
BEHIND = (DeliveryKind.REMINDER,)
LAST = (DeliveryKind.ISSUE,)
# By their names, so that a million newsletters that wait are not read to be left out.
_BEFORE = tuple(kind for kind in DeliveryKind if kind not in (*BEHIND, *LAST))
_RANK = case((delivery.c.kind.in_(AT_ONCE), 0), (delivery.c.kind.in_(BEHIND), 2), else_=1)


def claim_waiting(
    tx: Transaction, *, now: datetime, limit: int, still: Collection[CourseId] = (), only: Collection[DeliveryKind] = ()
) -> Sequence[DeliveryId]:
    """Take up to `limit` waiting rows whose time has come: queued, deferred, or uncertain and to be sent once more.

    What answers a person's own press comes first, then lessons; what comes behind new lessons is taken only where it is
    asked for by its kind, as the `only` one. Lessons of people who are not active any more are left alone, and whatever
    belongs to courses that stand `still`.
    """
    picked = (
        select(delivery.c.id)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
        .where(delivery.c.state.in_(lifecycle.before(DeliveryEvent.CLAIM)), delivery.c.due_at <= now, _wanted())
        .where(delivery.c.kind.in_(list(only or _BEFORE)))
        # By rank also where all are of one: or SQLite reads what waits in order, newsletters and all, to save a sort.
        .order_by(*([] if len(only) == 1 else [_RANK]), delivery.c.due_at, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
    )
    if still:
        resting = exists().where(enrolment.c.id == delivery.c.enrolment_id, enrolment.c.course_id.in_(list(still)))
        picked = picked.where(~resting)
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
    """These rows as claims, what answers a person's own press first.

    What is about a move goes to the addresses of the move: first to the new one, then a word of it to the former.
    """
    moving = and_(delivery.c.kind == DeliveryKind.MOVE, address_change.c.id == delivery.c.campaign_id)
    query = (
        select(*delivery.c, *_person_columns(), enrolment.c.course_id, enrolment.c.step, enrolment.c.pace)
        .add_columns(subscriber.c.state.label("of_person"), enrolment.c.state.label("of_place"))
        .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
        .outerjoin(address_change, moving)
        .outerjoin(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        .where(delivery.c.id.in_(list(ids)))
        .order_by(_RANK, delivery.c.id)
    )
    return [
        Claim(
            id=DeliveryId(row.id),
            attempt=row.attempt,
            kind=row.kind,
            campaign_id=row.campaign_id,
            subscriber_id=SubscriberId(row.subscriber_id),
            run=row.run,
            doubts=row.doubts,
            spared=row.spared,
            relay=row.relay,
            enrolment_id=None if row.enrolment_id is None else EnrolmentId(row.enrolment_id),
            revision_id=None if row.revision_id is None else RevisionId(row.revision_id),
            course_id=None if row.course_id is None else CourseId(row.course_id),
            step=row.step or 0,
            created_at=row.created_at,
            address=Address(normalized=row.at, wire=row.wire, needs_smtputf8=bool(row.needs_smtputf8)),
            name=row.name,
            timezone=row.timezone,
            preference=Preference(send_at=row.send_at, days=row.days, pace=row.pace),
            is_wanted=row.of_person is SubscriberState.ACTIVE and row.of_place in (None, EnrolmentState.ACTIVE),
        )
        for row in tx.execute(query)
    ]


def expired(tx: Transaction, *, limit: int, dead: bool = False) -> Sequence[Delivery]:
    """Rows whose lease has run out by the database's clock: their sender is dead, or as good as dead.

    With `dead`, all leased rows: the caller knows that no sender lives.
    """
    query = (
        select(delivery)
        .where(delivery.c.lease_until.is_not(None) if dead else delivery.c.lease_until <= clock(tx))
        .order_by(delivery.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [read(row) for row in tx.execute(query)]


def is_left_behind(tx: Transaction) -> bool:
    """Whether any lease has run out by the database's clock."""
    # By the first of them: not to be asked of all rows by a database that has not counted them yet.
    first = select(delivery.c.lease_until).where(delivery.c.lease_until.is_not(None)).order_by(delivery.c.lease_until)
    oldest = first.limit(1).subquery()
    return tx.execute(select(oldest.c.lease_until).where(oldest.c.lease_until <= clock(tx))).first() is not None


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
            spared=delivery.c.spared + (1 if to is DeliveryState.DEFERRED else 0),
            reply=UNSEEN,
        )
    )


def cancel(
    tx: Transaction, who: SubscriberId, *, reason: str, but: Collection[DeliveryKind] = (), now: datetime
) -> int:
    """Nothing that is not on the wire yet goes out to this person, `but` these kinds; how many messages that were."""
    cancelled = tx.execute(
        update(delivery)
        .where(delivery.c.subscriber_id == who, delivery.c.state.in_(lifecycle.before(DeliveryEvent.CANCEL)))
        .where(delivery.c.kind.not_in(list(but)))
        .values(state=DeliveryState.SKIPPED, due_at=None, lease_until=None, reply=reason, finished_at=now)
    )
    # What is uncertain stays so, but is not sent once more.
    tx.execute(
        update(delivery)
        .where(delivery.c.subscriber_id == who, delivery.c.state == DeliveryState.UNCERTAIN)
        .values(due_at=None)
    )
    return cancelled.rowcount


def withhold(tx: Transaction, ticket: Ticket, *, reason: str, now: datetime) -> None:
    """A message that was claimed is not to be sent after all."""
    tx.execute(
        update(delivery)
        .where(
            delivery.c.id == ticket.delivery_id,
            delivery.c.attempt == ticket.attempt,
            delivery.c.state.in_(lifecycle.before(DeliveryEvent.CANCEL)),
        )
        .values(state=DeliveryState.SKIPPED, due_at=None, lease_until=None, reply=reason, finished_at=now)
    )


def cancel_of(tx: Transaction, place: Enrolment, *, reason: str, now: datetime) -> None:
    """No lesson of this place that is not on the wire yet goes out, nor one in doubt once more."""
    tx.execute(
        update(delivery)
        .where(_of(place), delivery.c.state.in_(lifecycle.before(DeliveryEvent.CANCEL)))
        .values(state=DeliveryState.SKIPPED, due_at=None, lease_until=None, reply=reason, finished_at=now)
    )
    tx.execute(update(delivery).where(_of(place), delivery.c.state == DeliveryState.UNCERTAIN).values(due_at=None))


def pass_over(tx: Transaction, before: datetime, *, reason: str, now: datetime, limit: int) -> Sequence[DeliveryId]:
    """Of the lessons that were begun before then and wait to be tried again, the first are passed over.

    They are as if nobody had tried them. What is in doubt stays so, and is not sent once more. Lessons on the wire are
    left alone.
    """
    query = (
        select(delivery.c.id)
        .where(_WAITING, delivery.c.kind == DeliveryKind.LESSON, delivery.c.created_at < before)
        .order_by(delivery.c.due_at, delivery.c.id)
        .limit(limit)
        .with_for_update()
    )
    ids = [DeliveryId(which) for which in tx.execute(query).scalars()]
    among = delivery.c.id.in_(ids)
    tx.execute(
        update(delivery)
        .where(among, delivery.c.state.in_(lifecycle.before(DeliveryEvent.CANCEL)))
        .values(state=DeliveryState.SKIPPED, attempt=0, due_at=None, reply=reason, finished_at=now)
    )
    tx.execute(update(delivery).where(among, delivery.c.state == DeliveryState.UNCERTAIN).values(due_at=None))
    return ids


def put_off(tx: Transaction, place: Enrolment, *, due_at: datetime) -> None:
    """A lesson of this place that was put off is tried again at that hour; what is in doubt keeps its own."""
    deferred = delivery.c.state == DeliveryState.DEFERRED
    tx.execute(update(delivery).where(_of(place), deferred, delivery.c.due_at.is_not(None)).values(due_at=due_at))


def put_off_all(tx: Transaction, kinds: Collection[DeliveryKind], *, now: datetime, until: datetime) -> None:
    """Whatever of these kinds might be tried now is tried then."""
    tx.execute(
        update(delivery)
        .where(_WAITING, delivery.c.kind.in_(list(kinds)), delivery.c.due_at <= now)
        .values(due_at=until)
    )


def revive(tx: Transaction, place: Enrolment, *, due_at: datetime) -> bool:
    """The lesson that was skipped when the person left, or was put off since, is due again; whether there was one.

    What belongs to an earlier pass through the course stays as it is, and so does what was passed over.
    """
    tried = delivery.c.attempt > 0
    revived = delivery.c.state.in_(lifecycle.before(DeliveryEvent.REVIVE))
    tx.execute(
        update(delivery)
        .where(_of(place), delivery.c.run == place.run, revived, tried)
        .values(state=DeliveryState.DEFERRED, due_at=due_at, finished_at=None)
    )
    waiting = tx.execute(update(delivery).where(_of(place), _WAITING).values(due_at=due_at))
    return waiting.rowcount > 0


def is_open(tx: Transaction, place: Enrolment) -> bool:
    """Whether a lesson of this place is under way, or waits to be tried again."""
    under_way = delivery.c.state.in_((DeliveryState.CLAIMED, DeliveryState.SENDING))
    query = select(delivery.c.id).where(_of(place), or_(under_way, _WAITING)).limit(1)
    return tx.execute(query).one_or_none() is not None


def last_lessons(
    tx: Transaction, people: Iterable[SubscriberId], *, since: datetime
) -> Mapping[SubscriberId, datetime]:
    """When each of these people got their last lesson of any course, those after `since`; or will within a moment."""
    at = func.max(func.coalesce(delivery.c.finished_at, delivery.c.created_at))
    states = (DeliveryState.CLAIMED, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNCERTAIN)
    query = (
        select(delivery.c.subscriber_id, at)
        .where(
            delivery.c.subscriber_id.in_(list(people)),
            delivery.c.kind == DeliveryKind.LESSON,
            delivery.c.state.in_(states),
        )
        .group_by(delivery.c.subscriber_id)
        .having(at > since)
    )
    return {SubscriberId(row[0]): row[1] for row in tx.execute(query)}


def last_accepted(tx: Transaction, place: Enrolment) -> datetime | None:
    """When the last lesson of this enrolment was accepted, or may have been; None where none was."""
    at = func.coalesce(delivery.c.finished_at, delivery.c.created_at)
    states = (DeliveryState.SENT, DeliveryState.UNCERTAIN)
    query = select(func.max(at)).where(_of(place), delivery.c.state.in_(states))
    found: datetime | None = tx.execute(query).scalar_one()
    return found


def had(tx: Transaction, place: Enrolment) -> Sequence[Delivery]:
    """The lessons of this place in its present pass, whatever became of them, in the order in which they were made."""
    rows = tx.execute(select(delivery).where(_of(place), delivery.c.run == place.run).order_by(delivery.c.id))
    return [read(row) for row in rows]


def of(tx: Transaction, who: SubscriberId) -> Sequence[Delivery]:
    """All messages to a person, in the order in which they were made."""
    rows = tx.execute(select(delivery).where(delivery.c.subscriber_id == who).order_by(delivery.c.id))
    return [read(row) for row in rows]


def get(tx: Transaction, which: DeliveryId) -> Delivery | None:
    """One row of the ledger, or None."""
    row = tx.execute(select(delivery).where(delivery.c.id == which)).one_or_none()
    return None if row is None else read(row)


def lock(tx: Transaction, which: DeliveryId) -> Delivery | None:
    """One row of the ledger, locked until the transaction ends, or None."""
    row = tx.execute(select(delivery).where(delivery.c.id == which).with_for_update()).one_or_none()
    return None if row is None else read(row)


def wait_until(tx: Transaction, row: Delivery, *, due_at: datetime) -> None:
    """Let a row that waits be tried at another time."""
    tx.execute(
        update(delivery)
        .where(delivery.c.id == row.id, delivery.c.state.in_(lifecycle.before(DeliveryEvent.CLAIM)))
        .values(due_at=due_at)
    )


def listed(
    tx: Transaction, *, state: DeliveryState | None = None, after: int = 0, limit: int = 1000
) -> Sequence[Delivery]:
    """The ledger, a page at a time: rows whose id is above `after`."""
    query: Select[tuple[object, ...]] = select(delivery).where(delivery.c.id > after)
    if state is not None:
        query = query.where(delivery.c.state == state)
    return [read(row) for row in tx.execute(query.order_by(delivery.c.id).limit(limit))]


def count(tx: Transaction) -> Mapping[DeliveryState, int]:
    """How many messages are in which state; states without any are left out."""
    rows = tx.execute(select(delivery.c.state, func.count()).group_by(delivery.c.state))
    return {state: number for state, number in rows}  # noqa: C416 (typed rows, not a dict of rows)


def next_due(tx: Transaction) -> datetime | None:
    """When the next waiting message may be claimed; None where none waits."""
    query = (
        select(delivery.c.due_at)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
        .where(_WAITING, _wanted())
        .order_by(delivery.c.due_at, delivery.c.id)
        .limit(1)
    )
    return tx.execute(query).scalar_one_or_none()


def _wanted() -> ColumnElement[bool]:
    """Whether the person of a message gets it: lessons while they are active, anything else unless suppressed.

    Issues are taken in any case: those that nobody wants any more are found out then, and not left waiting.
    """
    issues = delivery.c.kind.in_(LAST)
    other = and_(delivery.c.kind != DeliveryKind.LESSON, subscriber.c.state != SubscriberState.SUPPRESSED)
    return or_(issues, other, subscriber.c.state == SubscriberState.ACTIVE)


def _of(place: Enrolment) -> ColumnElement[bool]:
    # The person too: theirs is the index.
    return and_(delivery.c.subscriber_id == place.subscriber_id, delivery.c.enrolment_id == place.id)


def _person_columns() -> tuple[ColumnElement[object], ...]:
    person, move = subscriber.c, address_change.c
    is_new = delivery.c.run == 0
    return (
        func.coalesce(case((is_new, move.normalized), else_=move.former_normalized), person.normalized).label("at"),
        func.coalesce(case((is_new, move.wire), else_=move.former_wire), person.wire).label("wire"),
        func.coalesce(
            case((is_new, move.needs_smtputf8), else_=move.former_needs_smtputf8), person.needs_smtputf8
        ).label("needs_smtputf8"),
        person.name,
        person.timezone,
        person.send_at,
        person.days,
    )


def read(row: Row[tuple[object, ...]]) -> Delivery:
    """A row of `delivery` as a value."""
    return Delivery(
        id=DeliveryId(row.id),
        kind=row.kind,
        campaign_id=row.campaign_id,
        subscriber_id=SubscriberId(row.subscriber_id),
        run=row.run,
        state=row.state,
        attempt=row.attempt,
        doubts=row.doubts,
        spared=row.spared,
        enrolment_id=None if row.enrolment_id is None else EnrolmentId(row.enrolment_id),
        revision_id=None if row.revision_id is None else RevisionId(row.revision_id),
        due_at=row.due_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        relay=row.relay,
        reply=row.reply,
    )
