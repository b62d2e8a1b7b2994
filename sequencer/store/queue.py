"""How much waits to be sent? Counted by the small indexes alone, up to a number, so that asking costs little ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnClause, ColumnElement, Select, column, func, select, table

from sequencer.core.model import DeliveryKind, DeliveryState
from sequencer.store.database import Transaction, clock
from sequencer.store.shards import EVERYBODY
from sequencer.store.tables import UNCERTAIN, UtcDateTime, delivery

MOST = 100_000  # entries of an index that are counted; a list of any length answers as quickly


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """So many; with `more` there are more than that."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        """As people read it."""
        return f"more than {self.number:,}" if self.more else f"{self.number:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """So many messages of a kind wait in the ledger in one state; of them so many may be tried now."""

    kind: DeliveryKind
    state: DeliveryState
    number: int
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What senders hold: claimed, on the wire, and how much of it has outlived its lease."""

    claimed: int
    sending: int
    expired: int


def due(
    tx: Transaction, *, until: datetime, after: datetime | None = None, people: str = EVERYBODY, most: int = MOST
) -> Count:
    """How many people's next lesson is due `until` then, and later than `after`; of those in the table `people`."""
    at = _at(people)
    query = select(at).where(at <= until)
    return _count(tx, query if after is None else query.where(at > after), most)


def oldest(tx: Transaction, *, people: str = EVERYBODY) -> datetime | None:
    """Since when the lesson is due that is due longest, or when the first one will be; None where none is planned."""
    at = _at(people)
    found: datetime | None = tx.execute(select(func.min(at)).where(at.is_not(None))).scalar_one()
    return found


def waiting(tx: Transaction, *, now: datetime, most: int = MOST) -> tuple[Sequence[Waiting], bool]:
    """What waits in the ledger, by kind and state; whether there is more than was counted."""
    columns = delivery.c.kind, delivery.c.state, delivery.c.due_at
    some = select(*columns).where(delivery.c.due_at.is_not(None)).order_by(delivery.c.due_at).limit(most + 1).subquery()
    is_due = func.count().filter(some.c.due_at <= now)
    query = select(some.c.kind, some.c.state, func.count(), is_due).group_by(some.c.kind, some.c.state)
    found = [
        Waiting(kind=kind, state=state, number=number, due=due)
        for kind, state, number, due in tx.execute(query.order_by(some.c.kind, some.c.state))
    ]
    return found, sum(one.number for one in found) > most


def held(tx: Transaction, *, most: int = MOST) -> Held:
    """What senders hold at this moment, by the database's clock."""
    columns = delivery.c.state, delivery.c.lease_until
    some = select(*columns).where(delivery.c.lease_until.is_not(None)).order_by(delivery.c.lease_until).limit(most)
    leased = some.subquery()

    def number(which: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(which)

    row = tx.execute(
        select(
            number(leased.c.state == DeliveryState.CLAIMED),
            number(leased.c.state == DeliveryState.SENDING),
            number(leased.c.lease_until <= clock(tx)),
        )
    ).one()
    return Held(claimed=row[0], sending=row[1], expired=row[2])


def uncertain(tx: Transaction, *, most: int = MOST) -> tuple[Count, int]:
    """Of how many messages nobody knows whether they arrived, and how many of these are held for an admin."""
    some = select(delivery.c.due_at).where(UNCERTAIN).order_by(delivery.c.id).limit(most + 1).subquery()
    number, again = tx.execute(select(func.count(), func.count(some.c.due_at)).select_from(some)).one()
    return _up_to(number, most), number - again


def _at(people: str) -> ColumnClause[datetime | None]:
    return table(people, column("next_due_at", UtcDateTime)).c.next_due_at


def _count(tx: Transaction, query: Select[datetime | None], most: int) -> Count:
    some = query.limit(most + 1).subquery()
    return _up_to(tx.execute(select(func.count()).select_from(some)).scalar_one(), most)


def _up_to(number: int, most: int) -> Count:
    return Count(number=min(number, most), more=number > most)
