"""How much was a relay given lately? One row an hour, for relays that have a limit for the day."""

from datetime import datetime

from sqlalchemy import Column, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.store.database import Transaction
from sequencer.store.tables import relay_use

_HOUR = 3600
_HOURS = 24


def used(tx: Transaction, relay: str, *, now: datetime) -> int:
    """How many messages the relay took within the last 24 hours, counted in whole hours: never less than it took."""
    return _sum(tx, relay_use.c.messages, relay, now)


def issues(tx: Transaction, relay: str, *, now: datetime) -> int:
    """How many of them were newsletters."""
    return _sum(tx, relay_use.c.issues, relay, now)


def use(tx: Transaction, relay: str, messages: int, *, issues: int = 0, now: datetime) -> None:
    """The relay is given so many more, of which so many newsletters; what is older than two days is forgotten."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    made = insert(relay_use).values(relay=relay, hour=_hour(now), messages=messages, issues=issues)
    tx.execute(
        made.on_conflict_do_update(
            index_elements=[relay_use.c.relay, relay_use.c.hour],
            set_={
                "messages": relay_use.c.messages + made.excluded.messages,
                "issues": relay_use.c.issues + made.excluded.issues,
            },
        )
    )
    tx.execute(delete(relay_use).where(relay_use.c.relay == relay, relay_use.c.hour < _hour(now) - 2 * _HOURS))


def _sum(tx: Transaction, column: Column[int], relay: str, now: datetime) -> int:
    query = select(func.coalesce(func.sum(column), 0)).where(
        relay_use.c.relay == relay, relay_use.c.hour >= _hour(now) - _HOURS
    )
    return int(tx.execute(query).scalar_one())


def _hour(instant: datetime) -> int:
    return int(instant.timestamp()) // _HOUR
