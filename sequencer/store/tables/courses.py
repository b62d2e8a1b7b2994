"""Where do courses lie? What was published, and who is on them."""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sequencer.store.tables.columns import ENROLMENT_STATE, PACE, UtcDateTime, identity, metadata, reference

course = Table(
    "course",
    metadata,
    identity(),
    Column("slug", String(100), nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("paused_at", UtcDateTime),
    Column("paused_because", Text, nullable=False, server_default=""),
)


revision = Table(
    "revision",
    metadata,
    identity(),
    reference("course"),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    UniqueConstraint("course_id", "number"),
)


lesson = Table(
    "lesson",
    metadata,
    identity(),
    reference("course"),
    Column("key", String(100), nullable=False),
    UniqueConstraint("course_id", "key"),
)


# What lessons show, by the SHA-256 of the bytes: revisions share them, and none is ever changed.
image = Table(
    "image",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("media_type", String(32), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)


# Narrow and hot: who is due, found by one partial index whose size is the number of people in a course.
enrolment = Table(
    "enrolment",
    metadata,
    identity(),
    reference("subscriber"),
    reference("course"),
    Column("run", SmallInteger, nullable=False),
    Column("step", SmallInteger, nullable=False),
    Column("state", ENROLMENT_STATE, nullable=False),
    Column("next_due_at", UtcDateTime),
    Column("fence", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("pace", PACE),
    Column("paused_until", UtcDateTime),
    Column("held_due_at", UtcDateTime),
    UniqueConstraint("subscriber_id", "course_id"),
    sqlite_autoincrement=True,
)


Index(
    "enrolment_due",
    enrolment.c.next_due_at,
    enrolment.c.id,
    sqlite_where=text("next_due_at IS NOT NULL"),
    postgresql_where=text("next_due_at IS NOT NULL"),
)
