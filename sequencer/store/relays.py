"""How much was a relay given lately? One row an hour, for relays that have a limit for the day."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.store.database import Transaction
from sequencer.store.tables import relay_use

_HOUR = 3600
_HOURS = 24


def used(tx: Transaction, relay: str, *, now: datetime) -> int:
    """How many messages the relay took within the last 24 hours, counted in whole hours: never less than it took."""
    query = select(func.coalesce(func.sum(relay_use.c.messages), 0)).where(
        relay_use.c.relay == relay, relay_use.c.hour >= _hour(now) - _HOURS
    )
    found: int = tx.execute(query).scalar_one()
    return int(found)


def use(tx: Transaction, relay: str, messages: int, *, now: datetime) -> None:
    """The relay took so many more; what is older than two days is forgotten."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    made = insert(relay_use).values(relay=relay, hour=_hour(now), messages=messages)
    tx.execute(
        made.on_conflict_do_update(
            index_elements=[relay_use.c.relay, relay_use.c.hour],
            set_={"messages": relay_use.c.messages + made.excluded.messages},
        )
    )
    tx.execute(delete(relay_use).where(relay_use.c.relay == relay, relay_use.c.hour < _hour(now) - 2 * _HOURS))


def _hour(instant: datetime) -> int:
    return int(instant.timestamp()) // _HOUR
