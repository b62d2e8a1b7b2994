"""Was this used before? Digests of what counts once only: solved challenges, messages of other programs."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.store.database import Transaction
from sequencer.store.tables import used


def first(tx: Transaction, digest: str, *, until: datetime, now: datetime) -> bool:
    """Whether it is not used up at this moment; it is then, with this transaction, and until then.

    Of two at the same moment the second waits for the first, and hears no. What was used long enough ago may be used
    again, whether it has been forgotten or not.
    """
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(used)
    row = make.values({"digest": digest, "until": until})
    once = row.on_conflict_do_update(index_elements=["digest"], set_={"until": until}, where=used.c.until <= now)
    return tx.execute(once.returning(used.c.digest)).first() is not None


def forget(tx: Transaction, *, now: datetime, limit: int = 10_000) -> int:
    """Drop what may be used again, so many at a time; how many went."""
    over = select(used.c.digest).where(used.c.until <= now).limit(limit)
    return tx.execute(delete(used).where(used.c.digest.in_(over))).rowcount
