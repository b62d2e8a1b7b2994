"""Where do people lie? Who they are, what they agreed to, and when they left."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from sequencer.store.tables.columns import (
    ASSENT,
    SUBSCRIBER_STATE,
    SUPPRESSION_REASON,
    Named,
    Numbers,
    TimeOfDay,
    UtcDateTime,
    Weekdays,
    Words,
    identity,
    metadata,
    reference,
)

subscriber = Table(
    "subscriber",
    metadata,
    identity(),
    Column("normalized", String(320), nullable=False, unique=True),
    Column("wire", String(320), nullable=False),
    Column("needs_smtputf8", SmallInteger, nullable=False),
    Column("name", String(200), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("state", SUBSCRIBER_STATE, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("asked_at", UtcDateTime),
    Column("confirmed_at", UtcDateTime),
    Column("left_at", UtcDateTime),
    Column("send_at", TimeOfDay),
    Column("days", Weekdays),
    Column("language", String(35), nullable=False, server_default=""),
    Column("attributes", Named, nullable=False, server_default="{}"),
    Column("tags", Words, nullable=False, server_default="[]"),
    sqlite_autoincrement=True,
)


# Only who never confirmed is in it, by when they signed up last (`asked_at`): they are forgotten one day.
_UNCONFIRMED = text("confirmed_at IS NULL")


Index(
    "subscriber_unconfirmed",
    subscriber.c.asked_at,
    sqlite_where=_UNCONFIRMED,
    postgresql_where=_UNCONFIRMED,
)


# An issue that goes out at everybody's own hour finds its readers by their zones.
Index("subscriber_zone", subscriber.c.timezone, subscriber.c.id)


# The rules of a zone in which somebody lives, as a digest of its changes of the clock from `since` to `until`. Where
# they have changed, so many `passes` over its people are to be made, each from `due_at` on, behind the `cursor`.
zone_rules = Table(
    "zone_rules",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("rules", String(64), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("passes", SmallInteger, nullable=False),
    Column("due_at", UtcDateTime),
    Column("cursor", BigInteger, nullable=False),
)


consent = Table(
    "consent",
    metadata,
    identity(),
    reference("subscriber"),
    reference("course"),
    Column("form", String(64), nullable=False),
    Column("wording", Text, nullable=False),
    Column("name", String(200), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("source_url", Text, nullable=False),
    Column("ip", String(45), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("confirmed_ip", String(45), nullable=False, server_default=""),
    Column("disowned_at", UtcDateTime),
    Column("wording_version", String(64), nullable=False, server_default=""),
    Column("user_agent", Text, nullable=False, server_default=""),
    Column("language", String(35), nullable=False, server_default=""),
    Column("shape", String(64), nullable=False, server_default=""),
    Column("utm", Named, nullable=False, server_default="{}"),
    Column("attributes", Named, nullable=False, server_default="{}"),
    Column("tags", Words, nullable=False, server_default="[]"),
    Column("assent", ASSENT, nullable=False, server_default="0"),
    Column("considered_at", UtcDateTime),
    Column("newsletter", SmallInteger, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)


Index("ix_consent_subscriber", consent.c.subscriber_id)


# Only those are in it of which it is not known yet whether to remind their giver (`considered_at`).
_OPEN = text("confirmed_at IS NULL AND considered_at IS NULL")


Index("consent_open", consent.c.asked_at, consent.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)


suppression = Table(
    "suppression",
    metadata,
    identity(),
    Column("normalized", String(320), nullable=False, unique=True),
    Column("reason", SUPPRESSION_REASON, nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


# Who asks to get their mail at another address; it is theirs when they have confirmed from there. Whoever reads mail at
# the address before (`former_…`) may take it back.
address_change = Table(
    "address_change",
    metadata,
    identity(),
    reference("subscriber"),
    Column("normalized", String(320), nullable=False),
    Column("wire", String(320), nullable=False),
    Column("needs_smtputf8", SmallInteger, nullable=False),
    Column("former_normalized", String(320), nullable=False),
    Column("former_wire", String(320), nullable=False),
    Column("former_needs_smtputf8", SmallInteger, nullable=False),
    Column("ip", String(45), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("taken_back_at", UtcDateTime),
    sqlite_autoincrement=True,
)


Index("ix_address_change_subscriber", address_change.c.subscriber_id)


Index("ix_address_change_normalized", address_change.c.normalized)


# Who left, what (a course, or everything where there is none), which places ended with it, and why where they said so.
departure = Table(
    "departure",
    metadata,
    identity(),
    reference("subscriber"),
    reference("course", nullable=True),
    Column("reason", String(64), nullable=False),
    Column("words", Text, nullable=False),
    Column("left_at", UtcDateTime, nullable=False),
    Column("stopped", Numbers, nullable=False, server_default="[]"),
    Column("undone_at", UtcDateTime),
    sqlite_autoincrement=True,
)


Index("ix_departure_subscriber", departure.c.subscriber_id)
