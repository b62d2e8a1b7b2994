"""What happened to somebody? Rows of `event`; they are added, never changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from sqlalchemy import insert, select

from sequencer.core.model import SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import event

EventId = NewType("EventId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened: told by a program of the site, or by us; `payload` is a JSON object."""

    id: EventId
    name: str
    subscriber_id: SubscriberId | None
    payload: str
    happened_at: datetime


def record(
    tx: Transaction, name: str, who: SubscriberId | None, payload: Mapping[str, object], *, now: datetime
) -> EventId:
    """Keep that this happened."""
    row = insert(event).values(name=name, subscriber_id=who, payload=json.dumps(payload), happened_at=now)
    return EventId(tx.execute(row.returning(event.c.id)).scalar_one())


def of(tx: Transaction, who: SubscriberId) -> Sequence[Event]:
    """What happened to a person, in the order in which we heard of it."""
    query = select(event).where(event.c.subscriber_id == who).order_by(event.c.id)
    return [
        Event(
            id=EventId(row.id),
            name=row.name,
            subscriber_id=None if row.subscriber_id is None else SubscriberId(row.subscriber_id),
            payload=row.payload,
            happened_at=row.happened_at,
        )
        for row in tx.execute(query)
    ]
