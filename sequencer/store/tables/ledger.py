"""Where does the ledger lie? Messages to people, issues to all, and what was done with lessons."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sequencer.store.tables.columns import (
    DELIVERY_KIND,
    DELIVERY_STATE,
    ISSUE_STATE,
    D,
    UtcDateTime,
    Words,
    _Id,
    identity,
    metadata,
    reference,
)

# The ledger. `due_at` is when a waiting row may be tried, by the schedule's clock; `lease_until` is until when a
# claimed or sending row is somebody's, by the database's clock.
#
# To look each person up costs a lock on their row, which is written: a fifth of all that PostgreSQL does for a message.
# What has a place is vouched for by it: whoever erases a person locks their places before they take the messages. What
# has none is written by those who hold the person. Revisions are never erased.
delivery = Table(
    "delivery",
    metadata,
    identity(),
    Column("kind", DELIVERY_KIND, nullable=False),
    Column("campaign_id", _Id, nullable=False),
    reference("subscriber", checked=False),
    Column("run", SmallInteger, nullable=False),
    reference("enrolment", nullable=True),
    reference("revision", nullable=True, checked=False),
    Column("state", DELIVERY_STATE, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("doubts", SmallInteger, nullable=False),
    Column("spared", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", UtcDateTime),
    Column("lease_until", BigInteger),
    Column("relay", String(255), nullable=False),
    Column("reply", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("kind", "campaign_id", "subscriber_id", "run"),
)


# Only waiting rows have a due time, only leased rows a lease: so both indexes are as small as what is going on.
WAITING = text("due_at IS NOT NULL")


LEASED = text("lease_until IS NOT NULL")


Index("delivery_waiting", delivery.c.due_at, delivery.c.id, sqlite_where=WAITING, postgresql_where=WAITING)


# Each kind in its own order: who answers a press must not look through a million newsletters that wait.
Index(
    "delivery_lane",
    delivery.c.kind,
    delivery.c.due_at,
    delivery.c.id,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)


Index("delivery_leased", delivery.c.lease_until, sqlite_where=LEASED, postgresql_where=LEASED)


Index("ix_delivery_subscriber", delivery.c.subscriber_id)


# What is uncertain stays for ever in the ledger, and is looked for among millions; here are only those rows.
UNCERTAIN = text(f"state = {DELIVERY_STATE.members.index(D.UNCERTAIN)}")


Index("delivery_uncertain", delivery.c.id, sqlite_where=UNCERTAIN, postgresql_where=UNCERTAIN)


# One newsletter to the list: its words as they were scheduled. `run` counts how often it was scheduled anew.
issue = Table(
    "issue",
    metadata,
    identity(),
    Column("key", String(100), nullable=False, unique=True),
    Column("run", SmallInteger, nullable=False),
    Column("state", ISSUE_STATE, nullable=False),
    Column("content", Text, nullable=False),
    Column("scheduled_at", UtcDateTime, nullable=False),
    Column("opens_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)


Index("issue_archive", issue.c.opens_at, issue.c.id)


# How far an issue has come among those who are due it at one moment: a cursor, whatever the length of the list.
broadcast_lane = Table(
    "broadcast_lane",
    metadata,
    identity(),
    reference("issue"),
    Column("zones", Words, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("zone", SmallInteger, nullable=False),
    Column("cursor", _Id, nullable=False),
    Column("next_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
)


# Only lanes that are not over are in it.
_OPEN_LANE = text("next_at IS NOT NULL")


Index(
    "broadcast_lane_open",
    broadcast_lane.c.due_at,
    broadcast_lane.c.id,
    sqlite_where=_OPEN_LANE,
    postgresql_where=_OPEN_LANE,
)


Index("ix_broadcast_lane_issue", broadcast_lane.c.issue_id)


# Lessons that a person has ticked, in each pass through the course.
done = Table(
    "done",
    metadata,
    Column("enrolment_id", _Id, ForeignKey("enrolment.id"), primary_key=True, autoincrement=False),
    Column("lesson_id", _Id, ForeignKey("lesson.id"), primary_key=True, autoincrement=False),
    Column("run", SmallInteger, primary_key=True, autoincrement=False),
    Column("done_at", UtcDateTime, nullable=False),
)
