"""Was this used before? Digests of what counts once only: solved challenges, messages of other programs."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.store.database import Transaction
from sequencer.store.tables import used


def first(tx: Transaction, digest: str, *, until: datetime) -> bool:
    """Whether nobody has used it up yet; it is now, with this transaction, and stays so until then at least.

    Of two at the same moment the second waits for the first, and hears no.
    """
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(used)
    row = {"digest": digest, "until": until}
    return tx.execute(make.values(row).on_conflict_do_nothing().returning(used.c.digest)).first() is not None


def forget(tx: Transaction, *, now: datetime, limit: int = 10_000) -> int:
    """Drop what may be used again, so many at a time; how many went."""
    over = select(used.c.digest).where(used.c.until <= now).limit(limit)
    return tx.execute(delete(used).where(used.c.digest.in_(over))).rowcount
