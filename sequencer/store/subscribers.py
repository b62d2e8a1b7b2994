"""Who are the people? Rows of `subscriber`, and the suppression list that outlasts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.model import Address, Preference, Subscriber, SubscriberId, SubscriberState, SuppressionReason
from sequencer.store.database import Transaction
from sequencer.store.tables import subscriber, suppression


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
        },
    )
    return _subscriber(tx.execute(_locked().where(subscriber.c.normalized == address.normalized)).one())


def lock(tx: Transaction, who: SubscriberId) -> Subscriber | None:
    """The person, locked until the transaction ends; None where there is no such person."""
    row = tx.execute(_locked().where(subscriber.c.id == who)).one_or_none()
    return None if row is None else _subscriber(row)


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


def suppress(tx: Transaction, address: Address, *, reason: SuppressionReason, detail: str, now: datetime) -> None:
    """Put the address on the suppression list; an address that is on it stays there for its first reason."""
    known = select(suppression.c.id).where(suppression.c.normalized == address.normalized)
    if tx.execute(known).one_or_none() is None:
        tx.execute(
            insert(suppression).values(normalized=address.normalized, reason=reason, detail=detail, created_at=now)
        )


def suppression_of(tx: Transaction, address: Address) -> Suppression | None:
    """Why the address gets no more mail; None where it may."""
    row = tx.execute(select(suppression).where(suppression.c.normalized == address.normalized)).one_or_none()
    if row is None:
        return None
    return Suppression(normalized=row.normalized, reason=row.reason, detail=row.detail, created_at=row.created_at)


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
