"""Where does that lie which other programs ask and are told?"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
)

from sequencer.store.tables.columns import UtcDateTime, Words, _Id, identity, metadata, reference
from sequencer.store.tables.ledger import LEASED, WAITING

# The keys of programs that speak to the API, by their digest only.
api_key = Table(
    "api_key",
    metadata,
    identity(),
    Column("name", String(100), nullable=False, unique=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    # When its quota is whole again, in nanoseconds since 1970.
    Column("quota_due", BigInteger, nullable=False, server_default="0"),
)


# What the API answered to a request that had an idempotency key.
api_answer = Table(
    "api_answer",
    metadata,
    Column("api_key_id", _Id, ForeignKey("api_key.id"), primary_key=True, autoincrement=False),
    Column("key", String(64), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("answered_at", UtcDateTime, nullable=False),
)


Index("ix_api_answer_answered_at", api_answer.c.answered_at)


# What happened to somebody: told by the site ("bought"), or by us to other programs ("lesson.sent").
event = Table(
    "event",
    metadata,
    identity(),
    Column("name", String(100), nullable=False),
    reference("subscriber", nullable=True),
    Column("payload", Text, nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
)


Index("ix_event_subscriber", event.c.subscriber_id)


# Which addresses of other programs are told of which events.
hook = Table(
    "hook",
    metadata,
    identity(),
    Column("name", String(100), nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("events", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("old_secret", Text, nullable=False, server_default=""),
    Column("old_until", UtcDateTime),
    Column("insecure", SmallInteger, nullable=False),
    Column("with_address", SmallInteger, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("why", Text, nullable=False, server_default=""),
    Column("failing_since", UtcDateTime),
    Column("rests_until", UtcDateTime),
)


# One event to one address, with what came of it.
hook_call = Table(
    "hook_call",
    metadata,
    identity(),
    reference("hook"),
    reference("event"),
    Column("attempt", SmallInteger, nullable=False),
    Column("due_at", UtcDateTime),
    Column("lease_until", BigInteger),
    Column("status", SmallInteger),
    Column("reply", Text, nullable=False),
    Column("finished_at", UtcDateTime),
)


Index(
    "hook_call_due",
    hook_call.c.hook_id,
    hook_call.c.due_at,
    hook_call.c.id,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)


Index("hook_call_leased", hook_call.c.lease_until, sqlite_where=LEASED, postgresql_where=LEASED)


Index("ix_hook_call_hook", hook_call.c.hook_id, hook_call.c.id)


Index("ix_hook_call_event", hook_call.c.event_id)
