"""Who wants their mail at another address? Rows of `address_change`, from the asking to the confirming, or back."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, func, insert, select, update

from sequencer.core.model import Address, Move, MoveId, Subscriber, SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import address_change


def record(tx: Transaction, person: Subscriber, to: Address, *, ip: str, now: datetime) -> MoveId:
    """Keep that a person asked for this address."""
    row = insert(address_change).values(
        subscriber_id=person.id,
        normalized=to.normalized,
        wire=to.wire,
        needs_smtputf8=int(to.needs_smtputf8),
        former_normalized=person.address.normalized,
        former_wire=person.address.wire,
        former_needs_smtputf8=int(person.address.needs_smtputf8),
        ip=ip,
        asked_at=now,
    )
    return MoveId(tx.execute(row.returning(address_change.c.id)).scalar_one())


def get(tx: Transaction, which: MoveId) -> Move | None:
    """One of these, or None."""
    row = tx.execute(select(address_change).where(address_change.c.id == which)).one_or_none()
    return None if row is None else _move(row)


def of(tx: Transaction, who: SubscriberId) -> Sequence[Move]:
    """All of a person's, the oldest first."""
    query = select(address_change).where(address_change.c.subscriber_id == who).order_by(address_change.c.id)
    return [_move(row) for row in tx.execute(query)]


def asked_for(tx: Transaction, to: Address, *, since: datetime) -> int:
    """How often anybody has asked for this address since then."""
    query = select(func.count()).where(address_change.c.normalized == to.normalized, address_change.c.asked_at > since)
    return int(tx.execute(query).scalar_one())


def confirm(tx: Transaction, which: MoveId, *, now: datetime) -> None:
    """Keep when it was confirmed."""
    tx.execute(update(address_change).where(address_change.c.id == which).values(confirmed_at=now))


def take_back(tx: Transaction, which: MoveId, *, now: datetime) -> None:
    """Keep when it was taken back."""
    tx.execute(update(address_change).where(address_change.c.id == which).values(taken_back_at=now))


def _move(row: Row[tuple[object, ...]]) -> Move:
    former, after = row.former_needs_smtputf8, row.needs_smtputf8
    return Move(
        id=MoveId(row.id),
        subscriber_id=SubscriberId(row.subscriber_id),
        before=Address(normalized=row.former_normalized, wire=row.former_wire, needs_smtputf8=bool(former)),
        after=Address(normalized=row.normalized, wire=row.wire, needs_smtputf8=bool(after)),
        ip=row.ip,
        asked_at=row.asked_at,
        confirmed_at=row.confirmed_at,
        taken_back_at=row.taken_back_at,
    )
