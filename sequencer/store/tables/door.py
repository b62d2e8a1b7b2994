"""Where does that lie which the sign-up door counts?"""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    String,
    Table,
)

from sequencer.store.tables.columns import UtcDateTime, metadata

# How often something was asked for and confirmed, by the hour (in hours since 1970); `subject` is a keyed digest of an
# address, a network, a domain or a form.
door_use = Table(
    "door_use",
    metadata,
    Column("subject", String(40), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("asked", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
    # Each sign-up of a flood adds some: they lie in their index itself, and there is no other.
    sqlite_with_rowid=False,
)


# What may be used once only, by a digest of it: solved challenges, deliveries of other programs' webhooks.
used = Table(
    "used",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
)


Index("ix_used_until", used.c.until)
