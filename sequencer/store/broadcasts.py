"""How far has each issue come, and to whom does it go next? A cursor a lane, moved with the rows it made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.model import (
    NEWSLETTER,
    CourseId,
    DeliveryKind,
    DeliveryState,
    EnrolmentId,
    EnrolmentState,
    IssueId,
    Lane,
    SubscriberId,
    SubscriberState,
)
from sequencer.store.database import Transaction
from sequencer.store.issues import lane as lane_of
from sequencer.store.tables import broadcast_lane, course, delivery, enrolment, subscriber

_OPEN = broadcast_lane.c.next_at.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The next subscribers of a lane, by their ids: above `after`, up to and with `upto`. `is_last`: none follow."""

    lane: Lane
    after: int
    upto: int
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who is to get an issue, by their place on the newsletter."""

    subscriber_id: SubscriberId
    enrolment_id: EnrolmentId
    due_at: datetime


def wait(tx: Transaction, *, now: datetime, until: datetime) -> None:
    """Lanes that might be gone on with are looked at again then."""
    tx.execute(update(broadcast_lane).where(_OPEN, broadcast_lane.c.next_at <= now).values(next_at=until))


def next_at(tx: Transaction) -> datetime | None:
    """When the next lane goes on; None where none is open, or the newsletter stands still."""
    still = exists().where(course.c.slug == NEWSLETTER, course.c.paused_at.is_not(None))
    found: datetime | None = tx.execute(
        select(func.min(broadcast_lane.c.next_at)).where(_OPEN, ~still)
    ).scalar_one_or_none()
    return found


def due(tx: Transaction, *, now: datetime) -> Lane | None:
    """The lane that goes on now, the earliest first, locked: of several at once each waits for the one before it."""
    query = (
        select(broadcast_lane)
        .where(_OPEN, broadcast_lane.c.next_at <= now)
        .order_by(broadcast_lane.c.due_at, broadcast_lane.c.id)
        .limit(1)
        .with_for_update()
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else lane_of(row)


def window(tx: Transaction, lane: Lane, *, limit: int) -> Window:
    """The next `limit` subscribers of the lane, of its present zone, whether they get the issue or not."""
    ids = select(subscriber.c.id).where(subscriber.c.id > lane.cursor)
    if lane.zones:
        ids = ids.where(subscriber.c.timezone == lane.zones[lane.zone])
    found = ids.order_by(subscriber.c.id).limit(limit).subquery()
    number, last = tx.execute(select(func.count(), func.max(found.c.id))).one()
    return Window(lane=lane, after=lane.cursor, upto=last or lane.cursor, is_last=number < limit)


def fill(tx: Transaction, at: Window, which: IssueId, run: int, newsletter: CourseId, *, now: datetime) -> int:
    """Make ready the messages of a window, for those who get the issue; how many that were."""
    ready = _readers(at, which, newsletter).add_columns(*_fresh(which, run, now))
    insertion = _insert(tx).from_select([*_OF_READER, *_OF_ALL], ready)
    return tx.execute(insertion.on_conflict_do_nothing()).rowcount


def fill_in(tx: Transaction, readers: Sequence[Reader], which: IssueId, run: int, *, now: datetime) -> int:
    """The same for these readers, each at a time of their own."""
    if not readers:
        return 0
    rows = [
        {
            "subscriber_id": one.subscriber_id,
            "enrolment_id": one.enrolment_id,
            **_values(which, run, max(one.due_at, now)),
        }
        for one in readers
    ]
    return tx.execute(_insert(tx).values(rows).on_conflict_do_nothing()).rowcount


def readers(
    tx: Transaction, at: Window, which: IssueId, newsletter: CourseId, others: Collection[IssueId]
) -> Mapping[tuple[SubscriberId, EnrolmentId], datetime | None]:
    """Who in a window gets the issue, and when they got, or will get, one of those other issues last."""
    last = func.max(func.coalesce(delivery.c.finished_at, delivery.c.due_at, delivery.c.created_at))
    got = and_(
        delivery.c.kind == DeliveryKind.ISSUE,
        delivery.c.campaign_id.in_(list(others)),
        delivery.c.subscriber_id == subscriber.c.id,
        delivery.c.state.not_in((DeliveryState.SKIPPED, DeliveryState.FAILED)),
    )
    query = _readers(at, which, newsletter).add_columns(select(last).where(got).scalar_subquery().label("last"))
    return {(SubscriberId(row[0]), EnrolmentId(row[1])): row[2] for row in tx.execute(query)}


def recent(tx: Transaction, which: IssueId, *, since: datetime) -> Sequence[IssueId]:
    """Other issues that went out to somebody after `since`, or are going out."""
    begun = or_(broadcast_lane.c.cursor > 0, broadcast_lane.c.zone > 0)
    query = (
        select(broadcast_lane.c.issue_id)
        .where(broadcast_lane.c.issue_id != which, or_(broadcast_lane.c.ended_at > since, and_(_OPEN, begun)))
        .distinct()
    )
    return [IssueId(one) for one in tx.execute(query).scalars()]


def move(tx: Transaction, lane: Lane) -> None:
    """Write how far a lane, which is locked, has come."""
    tx.execute(
        update(broadcast_lane)
        .where(broadcast_lane.c.id == lane.id)
        .values(zone=lane.zone, cursor=lane.cursor, next_at=lane.next_at, ended_at=lane.ended_at)
    )


def is_over(tx: Transaction, which: IssueId) -> bool:
    """Whether no lane of this issue is open."""
    query = select(broadcast_lane.c.id).where(broadcast_lane.c.issue_id == which, _OPEN).limit(1)
    return tx.execute(query).one_or_none() is None


def zones(tx: Transaction, newsletter: CourseId) -> Mapping[str, int]:
    """How many people are on the newsletter, by their zones."""
    query = (
        select(subscriber.c.timezone, func.count())
        .join(enrolment, enrolment.c.subscriber_id == subscriber.c.id)
        .where(_is_on(newsletter))
        .group_by(subscriber.c.timezone)
    )
    return {name: number for name, number in tx.execute(query)}  # noqa: C416 (typed rows, not a dict of rows)


def had(tx: Transaction, which: IssueId) -> int:
    """To how many people this issue has gone, or may have, in whichever run."""
    mine = and_(delivery.c.kind == DeliveryKind.ISSUE, delivery.c.campaign_id == which)
    query = select(func.count()).where(mine, delivery.c.state != DeliveryState.SKIPPED)
    return int(tx.execute(query).scalar_one())


_OF_READER = ("subscriber_id", "enrolment_id")
_OF_ALL = ("kind", "campaign_id", "run", "state", "attempt", "doubts", "relay", "reply", "due_at", "created_at")


def _readers(at: Window, which: IssueId, newsletter: CourseId) -> Select[tuple[int, int]]:
    """Who in this window is on the newsletter by the lane's hour, and has not got the issue in an earlier run.

    Who has paused gets no issue of that time, then or later.
    """
    lane = at.lane
    rests = and_(enrolment.c.paused_until.is_not(None), enrolment.c.paused_until > lane.due_at)
    got = exists().where(
        delivery.c.kind == DeliveryKind.ISSUE,
        delivery.c.campaign_id == which,
        delivery.c.subscriber_id == subscriber.c.id,
        delivery.c.state != DeliveryState.SKIPPED,
    )
    query = (
        select(subscriber.c.id, enrolment.c.id)
        .join(enrolment, enrolment.c.subscriber_id == subscriber.c.id)
        .where(subscriber.c.id > at.after, subscriber.c.id <= at.upto)
        .where(_is_on(newsletter), enrolment.c.started_at <= lane.due_at, ~rests, ~got)
    )
    return query.where(subscriber.c.timezone == lane.zones[lane.zone]) if lane.zones else query


def _is_on(newsletter: CourseId) -> ColumnElement[bool]:
    return and_(
        enrolment.c.course_id == newsletter,
        enrolment.c.state == EnrolmentState.ACTIVE,
        subscriber.c.state == SubscriberState.ACTIVE,
    )


def _values(which: IssueId, run: int, at: datetime) -> dict[str, object]:
    values = (DeliveryKind.ISSUE, which, run, DeliveryState.QUEUED, 0, 0, "", "", at, at)
    return dict(zip(_OF_ALL, values, strict=True))


def _fresh(which: IssueId, run: int, now: datetime) -> list[ColumnElement[object]]:
    return [literal(value, delivery.c[name].type) for name, value in _values(which, run, now).items()]


def _insert(tx: Transaction) -> "sqlite.Insert | postgresql.Insert":
    return (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(delivery)
