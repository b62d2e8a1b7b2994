"""Where does that lie which all processes share? What stands still, what relays were given, and who works."""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
)

from sequencer.store.tables.columns import UtcDateTime, identity, metadata

# What stands still by an admin's word: "everything", "relay:own", "shard:3"; a course says so itself.
pause = Table(
    "pause",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
)


# How many messages a relay with a limit for the day was given, by the hour (in hours since 1970), or is about to be;
# `issues` are those of them that are newsletters.
relay_use = Table(
    "relay_use",
    metadata,
    Column("relay", String(255), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("messages", Integer, nullable=False),
    Column("issues", Integer, nullable=False, server_default="0"),
)


# Rates that all workers share, a relay's ("own") or a domain's at one ("own/web.de"): the first instant that nobody
# holds, in nanoseconds since 1970 by the database's clock. Of a domain also where its lines end ("own/web.de issues").
rate_bucket = Table(
    "rate_bucket",
    metadata,
    Column("name", String(600), primary_key=True),
    Column("tat", BigInteger, nullable=False),
)


# What is left alone, and until when (nanoseconds since 1970, by the database's clock): a relay where the domain is
# empty, or a domain at a relay.
rest = Table(
    "rest",
    metadata,
    Column("relay", String(255), primary_key=True),
    Column("domain", String(255), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)


# Which processes work here, and by how many seconds the clocks of their machines are ahead of the database's. Nothing
# depends on it: it is for whoever wants to know.
worker = Table(
    "worker",
    metadata,
    identity(),
    Column("kind", String(16), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("concurrency", SmallInteger, nullable=False),
    Column("host", String(255), nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(50), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("clock_ahead", Integer),
)
