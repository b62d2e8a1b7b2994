"""Who are the people? Rows of `subscriber`, and the suppression list that outlasts them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Row, Select, cast, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from sequencer.core.model import (
    Address,
    CourseId,
    Preference,
    Subscriber,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from sequencer.store import crowd
from sequencer.store.database import Transaction
from sequencer.store.tables import enrolment, subscriber, suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that gets no more mail, and why."""

    normalized: str
    reason: SuppressionReason
    detail: str
    created_at: datetime


def ensure(tx: Transaction, address: Address, *, name: str, timezone: str, now: datetime) -> Subscriber:
    """The person of this address, locked; made as `pending` where we did not know them."""
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(subscriber)
    tx.execute(
        make.on_conflict_do_nothing(index_elements=["normalized"]),
        {
            "wire": address.wire,
            "normalized": address.normalized,
            "needs_smtputf8": int(address.needs_smtputf8),
            "name": name,
            "timezone": timezone,
            "state": SubscriberState.PENDING,
            "created_at": now,
            "asked_at": now,
        },
    )
    row = tx.execute(_locked().where(subscriber.c.normalized == address.normalized)).one_or_none()
    if row is None:
        # They were there, and were forgotten between our two statements.
        return ensure(tx, address, name=name, timezone=timezone, now=now)
    _asked_again(tx, [address.normalized], now)
    return _subscriber(row)


def ensure_all(
    tx: Transaction, addresses: Sequence[Address], *, timezone: str, now: datetime
) -> tuple[Mapping[str, Subscriber], frozenset[str]]:
    """The people of these addresses by their normalized form, locked; and those of them who were made, as `pending`."""
    named = {address.normalized: address for address in addresses}
    # In one order, so that two processes never wait for each other in a circle.
    ids = _made(tx, [named[one] for one in sorted(named)], timezone=timezone, now=now)
    found = {one: _new(which, named[one], timezone=timezone, now=now) for one, which in ids.items()}
    made = frozenset(ids)
    known = [one for one in named if one not in made]
    if known:
        query = _locked().where(subscriber.c.normalized.in_(known)).order_by(subscriber.c.normalized)
        found |= {row.normalized: _subscriber(row) for row in tx.execute(query)}
        _asked_again(tx, sorted(found.keys() - made), now)
    if len(found) < len(named):
        # Some were there, and were forgotten between our two statements.
        lost = [address for one, address in named.items() if one not in found]
        again, anew = ensure_all(tx, lost, timezone=timezone, now=now)
        return {**found, **again}, made | anew
    return found, made


def suppressed_among(tx: Transaction, normalized: Collection[str]) -> frozenset[str]:
    """Those of these addresses that are on the suppression list."""
    if tx.dialect.name == "sqlite":
        return crowd.suppressed(tx, normalized)
    query = select(suppression.c.normalized).where(suppression.c.normalized.in_(list(normalized)))
    return frozenset(tx.execute(query).scalars())


def lock(tx: Transaction, who: SubscriberId) -> Subscriber | None:
    """The person, locked until the transaction ends; None where there is no such person."""
    row = tx.execute(_locked().where(subscriber.c.id == who)).one_or_none()
    return None if row is None else _subscriber(row)


def lock_free(tx: Transaction, people: Collection[SubscriberId]) -> Mapping[SubscriberId, Subscriber]:
    """Those of these people whom nobody else holds, locked until the transaction ends; nobody is waited for."""
    query = select(subscriber).where(subscriber.c.id.in_(list(people)))
    rows = tx.execute(query.with_for_update(key_share=True, skip_locked=True))
    return {person.id: person for person in map(_subscriber, rows)}


def get(tx: Transaction, who: SubscriberId) -> Subscriber | None:
    """The person, or None."""
    row = tx.execute(select(subscriber).where(subscriber.c.id == who)).one_or_none()
    return None if row is None else _subscriber(row)


def find(tx: Transaction, address: Address) -> Subscriber | None:
    """The person of this address, or None."""
    row = tx.execute(select(subscriber).where(subscriber.c.normalized == address.normalized)).one_or_none()
    return None if row is None else _subscriber(row)


def listed(
    tx: Transaction, *, state: SubscriberState | None = None, after: int = 0, limit: int = 1000
) -> Sequence[Subscriber]:
    """People in the order in which they came, a page at a time: those whose id is above `after`."""
    query = select(subscriber).where(subscriber.c.id > after).order_by(subscriber.c.id).limit(limit)
    if state is not None:
        query = query.where(subscriber.c.state == state)
    return [_subscriber(row) for row in tx.execute(query)]


def page(
    tx: Transaction,
    *,
    after: int,
    limit: int,
    states: Collection[SubscriberState] = (),
    course: CourseId | None = None,
    tag: str = "",
    address: Address | None = None,
) -> Sequence[Subscriber]:
    """People whose id is above `after`, in that order; of these states, on this course (or once), with this tag."""
    query = select(subscriber).where(subscriber.c.id > after).order_by(subscriber.c.id).limit(limit)
    if states:
        query = query.where(subscriber.c.state.in_(list(states)))
    if course is not None:
        query = query.where(
            exists().where(enrolment.c.subscriber_id == subscriber.c.id, enrolment.c.course_id == course)
        )
    if tag:
        query = query.where(_has_tag(tx, tag))
    if address is not None:
        query = query.where(subscriber.c.normalized == address.normalized)
    return [_subscriber(row) for row in tx.execute(query)]


def count(tx: Transaction) -> dict[SubscriberState, int]:
    """How many people stand where; states without anybody are left out."""
    query = select(subscriber.c.state, func.count()).group_by(subscriber.c.state)
    return {state: number for state, number in tx.execute(query)}  # noqa: C416 (typed rows, not a dict of rows)


def save(tx: Transaction, person: Subscriber) -> None:
    """Write what may change about a person: name, zone, state and its times, preferences, what is known of them."""
    tx.execute(
        update(subscriber)
        .where(subscriber.c.id == person.id)
        .values(
            name=person.name,
            timezone=person.timezone,
            state=person.state,
            confirmed_at=person.confirmed_at,
            left_at=person.left_at,
            send_at=person.preference.send_at,
            days=person.preference.days,
            language=person.language,
            attributes=person.attributes,
            tags=person.tags,
        )
    )


def move(tx: Transaction, who: SubscriberId, to: Address) -> bool:
    """Give a person another address; False, and nothing is changed, where it is somebody's already."""
    new = {"normalized": to.normalized, "wire": to.wire, "needs_smtputf8": int(to.needs_smtputf8)}
    try:
        with tx.begin_nested():
            tx.execute(update(subscriber).where(subscriber.c.id == who).values(**new))
    except IntegrityError:
        return False
    return True


def suppress(
    tx: Transaction, address: Address, *, reason: SuppressionReason, detail: str, now: datetime
) -> Suppression:
    """Put the address on the suppression list; what stands there: who is on it stays there for their first reason."""
    known = suppression_of(tx, address)
    if known is not None:
        return known
    one = {"normalized": address.normalized, "reason": reason, "detail": detail, "created_at": now}
    return _suppression(tx.execute(insert(suppression).values(**one).returning(suppression)).one())


def lift(tx: Transaction, address: Address) -> Suppression | None:
    """Take the address off the suppression list; what stood there, or None."""
    found = suppression_of(tx, address)
    tx.execute(delete(suppression).where(suppression.c.normalized == address.normalized))
    return found


def suppressions(tx: Transaction, *, after: str = "", limit: int = 1000) -> Sequence[Suppression]:
    """The suppression list in the order of its addresses, a page at a time: those behind `after`."""
    query = select(suppression).where(suppression.c.normalized > after).order_by(suppression.c.normalized).limit(limit)
    return [_suppression(row) for row in tx.execute(query)]


def suppression_of(tx: Transaction, address: Address) -> Suppression | None:
    """Why the address gets no more mail; None where it may."""
    row = tx.execute(select(suppression).where(suppression.c.normalized == address.normalized)).one_or_none()
    return None if row is None else _suppression(row)


def _made(tx: Transaction, addresses: Sequence[Address], *, timezone: str, now: datetime) -> Mapping[str, SubscriberId]:
    """Make those people who are not there yet, as `pending`; the ids of those who were made, by their addresses."""
    if tx.dialect.name == "sqlite":
        return crowd.ensure(tx, addresses, timezone=timezone, now=now)
    rows = [
        {
            "wire": one.wire,
            "normalized": one.normalized,
            "needs_smtputf8": int(one.needs_smtputf8),
            "name": "",
            "timezone": timezone,
            "state": SubscriberState.PENDING,
            "created_at": now,
            "asked_at": now,
        }
        for one in addresses
    ]
    make = postgresql.insert(subscriber).on_conflict_do_nothing(index_elements=["normalized"])
    added = make.returning(subscriber.c.normalized, subscriber.c.id)
    return {normalized: SubscriberId(which) for normalized, which in tx.execute(added, rows)}


def _new(which: SubscriberId, address: Address, *, timezone: str, now: datetime) -> Subscriber:
    """Who was made a moment ago, as their row says: instants are kept in whole seconds."""
    state, at = SubscriberState.PENDING, now.astimezone(UTC).replace(microsecond=0)
    return Subscriber(id=which, address=address, name="", timezone=timezone, state=state, created_at=at)


def _asked_again(tx: Transaction, addresses: Sequence[str], now: datetime) -> None:
    """Whoever signs up anew and never confirmed is not forgotten yet."""
    if addresses:
        tx.execute(
            update(subscriber)
            .where(subscriber.c.normalized.in_(addresses), subscriber.c.confirmed_at.is_(None))
            .values(asked_at=now)
        )


def _suppression(row: Row[tuple[object, ...]]) -> Suppression:
    return Suppression(normalized=row.normalized, reason=row.reason, detail=row.detail, created_at=row.created_at)


def _has_tag(tx: Transaction, tag: str) -> ColumnElement[bool]:
    if tx.dialect.name != "sqlite":
        return cast(subscriber.c.tags, postgresql.JSONB).contains([tag])
    each = func.json_each(subscriber.c.tags).table_valued("value")
    return exists(select(each.c.value).where(each.c.value == tag))


def _locked() -> Select[tuple[object, ...]]:
    # Not the key: a claim that makes ledger rows for this person, its places locked, need not wait in a circle.
    return select(subscriber).with_for_update(key_share=True)


def _subscriber(row: Row[tuple[object, ...]]) -> Subscriber:
    return Subscriber(
        id=SubscriberId(row.id),
        address=Address(normalized=row.normalized, wire=row.wire, needs_smtputf8=bool(row.needs_smtputf8)),
        name=row.name,
        timezone=row.timezone,
        state=row.state,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        left_at=row.left_at,
        preference=Preference(send_at=row.send_at, days=row.days),
        language=row.language,
        attributes=row.attributes,
        tags=row.tags,
    )
