"""Which issues of the newsletter are there, in which words? Rows of `issue`, and the lanes on which each goes out."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.lifecycle import DeliveryEvent, before
from sequencer.core.model import (
    NEWSLETTER,
    Course,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    Issue,
    IssueId,
    IssueState,
    Lane,
    LaneId,
)
from sequencer.store import courses
from sequencer.store.database import Transaction
from sequencer.store.tables import broadcast_lane, delivery, issue


def add(tx: Transaction, words: Course, lanes: Sequence[Lane], *, now: datetime) -> IssueId | None:
    """Schedule an issue that never was, on these lanes; None where somebody else, who was sooner, just has."""
    fresh = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(issue)
    made = tx.execute(
        fresh.values(key=words.lessons[0].key, run=0, state=IssueState.SCHEDULED, **_written(words, lanes, now))
        .on_conflict_do_nothing()
        .returning(issue.c.id)
    ).scalar_one_or_none()
    if made is None:
        return None
    _open(tx, IssueId(made), lanes)
    return IssueId(made)


def again(tx: Transaction, which: Issue, words: Course, lanes: Sequence[Lane], *, now: datetime) -> None:
    """Schedule an issue anew that was called off, in another run; its lanes take the place of those there were."""
    tx.execute(
        update(issue)
        .where(issue.c.id == which.id)
        .values(run=which.run + 1, state=IssueState.SCHEDULED, **_written(words, lanes, now))
    )
    tx.execute(broadcast_lane.delete().where(broadcast_lane.c.issue_id == which.id))
    _open(tx, which.id, lanes)


def _written(words: Course, lanes: Sequence[Lane], now: datetime) -> Mapping[str, object]:
    opens_at = min(one.due_at for one in lanes)
    return {"content": courses.to_json(words), "scheduled_at": now, "opens_at": opens_at}


def _open(tx: Transaction, which: IssueId, lanes: Sequence[Lane]) -> None:
    rows = [
        {"issue_id": which, "zones": one.zones, "due_at": one.due_at, "zone": 0, "cursor": 0, "next_at": one.due_at}
        for one in lanes
    ]
    tx.execute(insert(broadcast_lane), rows)


def move(tx: Transaction, which: IssueId, state: IssueState) -> None:
    """Write where an issue stands."""
    tx.execute(update(issue).where(issue.c.id == which).values(state=state))


def close(tx: Transaction, which: IssueId, *, now: datetime) -> None:
    """End the lanes of an issue that are not over; what has gone out on them has."""
    open_ones = and_(broadcast_lane.c.issue_id == which, broadcast_lane.c.next_at.is_not(None))
    tx.execute(update(broadcast_lane).where(open_ones).values(next_at=None, ended_at=now))


def cancel(tx: Transaction, which: IssueId, *, reason: str, now: datetime) -> int:
    """Nothing of this issue that is not on the wire yet goes out; how many messages that were."""
    # Only what waits or is claimed is looked for, by the indexes of these alone: many millions may have been sent.
    going = or_(delivery.c.due_at.is_not(None), delivery.c.lease_until.is_not(None))
    mine = and_(delivery.c.kind == DeliveryKind.ISSUE, delivery.c.campaign_id == which, going)
    return _stop(tx, mine, reason=reason, now=now)


def withhold(tx: Transaction, which: Collection[DeliveryId], *, reason: str, now: datetime) -> None:
    """These messages of issues do not go out, as far as they are not on the wire yet."""
    if which:
        _stop(tx, delivery.c.id.in_(list(which)), reason=reason, now=now)


def _stop(tx: Transaction, mine: ColumnElement[bool], *, reason: str, now: datetime) -> int:
    cancelled = tx.execute(
        update(delivery)
        .where(mine, delivery.c.state.in_(before(DeliveryEvent.CANCEL)))
        .values(state=DeliveryState.SKIPPED, due_at=None, lease_until=None, reply=reason, finished_at=now)
    )
    tx.execute(update(delivery).where(mine, delivery.c.state == DeliveryState.UNCERTAIN).values(due_at=None))
    return cancelled.rowcount


def find(tx: Transaction, key: str) -> Issue | None:
    """The issue of this key, locked; None where it was never scheduled."""
    row = tx.execute(select(issue).where(issue.c.key == key).with_for_update()).one_or_none()
    return None if row is None else _issue(row)


def of_key(tx: Transaction, key: str) -> Issue | None:
    """The same, not locked."""
    row = tx.execute(select(issue).where(issue.c.key == key)).one_or_none()
    return None if row is None else _issue(row)


def get(tx: Transaction, which: IssueId) -> Issue | None:
    """One issue, or None."""
    row = tx.execute(select(issue).where(issue.c.id == which)).one_or_none()
    return None if row is None else _issue(row)


def standing(tx: Transaction, which: Collection[IssueId]) -> Mapping[IssueId, tuple[IssueState, int]]:
    """Where these issues stand, and in which run, without reading their words."""
    query = select(issue.c.id, issue.c.state, issue.c.run).where(issue.c.id.in_(list(which)))
    return {IssueId(row.id): (row.state, row.run) for row in tx.execute(query)}


def listed(tx: Transaction) -> Sequence[Issue]:
    """All issues that were ever scheduled, the newest first."""
    rows = tx.execute(select(issue).order_by(issue.c.opens_at.desc(), issue.c.id.desc()))
    return [_issue(row) for row in rows]


def published(tx: Transaction, *, now: datetime, skip: int = 0, limit: int) -> Sequence[Issue]:
    """Issues that are due to somebody by now and were not called off, the newest first: a page of the archive."""
    query = select(issue).where(issue.c.opens_at <= now, issue.c.state != IssueState.CANCELLED)
    rows = tx.execute(query.order_by(issue.c.opens_at.desc(), issue.c.id.desc()).offset(skip).limit(limit))
    return [_issue(row) for row in rows]


def count_published(tx: Transaction, *, now: datetime) -> int:
    """How many issues the archive holds."""
    query = select(func.count()).where(issue.c.opens_at <= now, issue.c.state != IssueState.CANCELLED)
    return int(tx.execute(query).scalar_one())


def lanes(tx: Transaction, which: IssueId) -> Sequence[Lane]:
    """The lanes of an issue, in the order in which they are due."""
    query = select(broadcast_lane).where(broadcast_lane.c.issue_id == which)
    return [lane(row) for row in tx.execute(query.order_by(broadcast_lane.c.due_at, broadcast_lane.c.id))]


def outcomes(tx: Transaction, which: IssueId) -> Mapping[DeliveryState, int]:
    """How many messages of an issue are in which state; states without any are left out."""
    query = (
        select(delivery.c.state, func.count())
        .where(delivery.c.kind == DeliveryKind.ISSUE, delivery.c.campaign_id == which)
        .group_by(delivery.c.state)
    )
    return {state: number for state, number in tx.execute(query)}  # noqa: C416 (typed rows, not a dict of rows)


def lane(row: Row[Any]) -> Lane:
    """A row of `broadcast_lane` as a value."""
    return Lane(
        id=LaneId(row.id),
        issue_id=IssueId(row.issue_id),
        zones=row.zones,
        due_at=row.due_at,
        zone=row.zone,
        cursor=row.cursor,
        next_at=row.next_at,
        ended_at=row.ended_at,
    )


def _issue(row: Row[Any]) -> Issue:
    return Issue(
        id=IssueId(row.id),
        key=row.key,
        run=row.run,
        state=row.state,
        words=courses.from_json(NEWSLETTER, row.content),
        scheduled_at=row.scheduled_at,
        opens_at=row.opens_at,
    )
