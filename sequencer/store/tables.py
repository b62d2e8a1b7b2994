"""Which tables are there? Names, columns and indexes, the same in SQLite and PostgreSQL.

Instants are whole seconds since 1970 in UTC; states are small numbers, so that the hot rows stay narrow.
"""

import json
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from sequencer.core.model import (
    Assent,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    IssueState,
    Pace,
    Pairs,
    SubscriberState,
    SuppressionReason,
)

_State = TypeVar("_State", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as whole epoch seconds; a naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To epoch seconds."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A datetime without a zone came to the store.")
        return int(value.timestamp())

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From epoch seconds."""
        return None if value is None else datetime.fromtimestamp(value, UTC)


class Coded(TypeDecorator[_State], Generic[_State]):
    """A StrEnum kept as a small number: the position in `members`, which may only ever grow at its end."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, *members: _State) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: _State | None, dialect: Dialect) -> int | None:
        """To the number."""
        return None if value is None else self.members.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> _State | None:
        """From the number."""
        return None if value is None else self.members[value]


class Named(TypeDecorator[Pairs]):
    """Names with their values, in order, kept as a JSON object."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Pairs | None, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else json.dumps(dict(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Pairs | None:
        """From JSON."""
        return None if value is None else tuple(json.loads(value).items())


class Words(TypeDecorator[tuple[str, ...]]):
    """Words in order, kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        """From JSON."""
        return None if value is None else tuple(json.loads(value))


class Numbers(TypeDecorator[tuple[int, ...]]):
    """Ids in order, kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[int, ...] | None, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[int, ...] | None:
        """From JSON."""
        return None if value is None else tuple(json.loads(value))


class TimeOfDay(TypeDecorator[time]):
    """A local hour, kept as minutes after midnight."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: time | None, dialect: Dialect) -> int | None:
        """To minutes."""
        return None if value is None else 60 * value.hour + value.minute

    def process_result_value(self, value: int | None, dialect: Dialect) -> time | None:
        """From minutes."""
        return None if value is None else time(*divmod(value, 60))


class Weekdays(TypeDecorator[frozenset[int]]):
    """Days of the week, Monday is 0, kept as a bit each."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: frozenset[int] | None, dialect: Dialect) -> int | None:
        """To bits."""
        return None if value is None else sum(1 << day for day in value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> frozenset[int] | None:
        """From bits."""
        return None if value is None else frozenset(day for day in range(7) if value >> day & 1)


D = DeliveryState
SUBSCRIBER_STATE = Coded(
    SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.LEFT, SubscriberState.SUPPRESSED
)
ENROLMENT_STATE = Coded(EnrolmentState.ACTIVE, EnrolmentState.FINISHED, EnrolmentState.STOPPED)
DELIVERY_STATE = Coded(D.QUEUED, D.CLAIMED, D.SENDING, D.SENT, D.DEFERRED, D.FAILED, D.UNCERTAIN, D.SKIPPED)
DELIVERY_KIND = Coded(
    DeliveryKind.CONFIRMATION,
    DeliveryKind.LESSON,
    DeliveryKind.REMINDER,
    DeliveryKind.FAREWELL,
    DeliveryKind.MOVE,
    DeliveryKind.ACCESS,
    DeliveryKind.ISSUE,
)
ISSUE_STATE = Coded(IssueState.SCHEDULED, IssueState.SENT, IssueState.CANCELLED)
PACE = Coded(Pace.DAILY, Pace.EVERY_OTHER_DAY, Pace.WEEKLY)
SUPPRESSION_REASON = Coded(
    SuppressionReason.BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.MANUAL, SuppressionReason.DISOWNED
)
ASSENT = Coded(Assent.MAIL, Assent.FORM, Assent.ELSEWHERE)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows by itself only in an INTEGER primary key. Where links name rows by their ids, and rows may be
# erased, it must count on (sqlite_autoincrement): else an old link would one day be about somebody new.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True)


def _to(target: str, *, nullable: bool = False) -> Column[int]:
    return Column(f"{target}_id", _Id, ForeignKey(f"{target}.id"), nullable=nullable)


subscriber = Table(
    "subscriber",
    metadata,
    _id(),
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

course = Table(
    "course",
    metadata,
    _id(),
    Column("slug", String(100), nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("paused_at", UtcDateTime),
    Column("paused_because", Text, nullable=False, server_default=""),
)

revision = Table(
    "revision",
    metadata,
    _id(),
    _to("course"),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    UniqueConstraint("course_id", "number"),
)

lesson = Table(
    "lesson",
    metadata,
    _id(),
    _to("course"),
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

consent = Table(
    "consent",
    metadata,
    _id(),
    _to("subscriber"),
    _to("course"),
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

# Narrow and hot: who is due, found by one partial index whose size is the number of people in a course.
enrolment = Table(
    "enrolment",
    metadata,
    _id(),
    _to("subscriber"),
    _to("course"),
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

# The ledger. `due_at` is when a waiting row may be tried, by the schedule's clock; `lease_until` is until when a
# claimed or sending row is somebody's, by the database's clock.
delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("kind", DELIVERY_KIND, nullable=False),
    Column("campaign_id", _Id, nullable=False),
    _to("subscriber"),
    Column("run", SmallInteger, nullable=False),
    _to("enrolment", nullable=True),
    _to("revision", nullable=True),
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
_WAITING = text("due_at IS NOT NULL")
_LEASED = text("lease_until IS NOT NULL")
Index("delivery_waiting", delivery.c.due_at, delivery.c.id, sqlite_where=_WAITING, postgresql_where=_WAITING)
# Each kind in its own order: who answers a press must not look through a million newsletters that wait.
Index(
    "delivery_lane",
    delivery.c.kind,
    delivery.c.due_at,
    delivery.c.id,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index("delivery_leased", delivery.c.lease_until, sqlite_where=_LEASED, postgresql_where=_LEASED)
Index("ix_delivery_subscriber", delivery.c.subscriber_id)
# What is uncertain stays for ever in the ledger, and is looked for among millions; here are only those rows.
UNCERTAIN = text(f"state = {DELIVERY_STATE.members.index(D.UNCERTAIN)}")
Index("delivery_uncertain", delivery.c.id, sqlite_where=UNCERTAIN, postgresql_where=UNCERTAIN)

# One newsletter to the list: its words as they were scheduled. `run` counts how often it was scheduled anew.
issue = Table(
    "issue",
    metadata,
    _id(),
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
    _id(),
    _to("issue"),
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

# Rates that all workers share, each a relay's: the first instant that nobody holds, in nanoseconds since 1970 by the
# database's clock.
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

suppression = Table(
    "suppression",
    metadata,
    _id(),
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
    _id(),
    _to("subscriber"),
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
    _id(),
    _to("subscriber"),
    _to("course", nullable=True),
    Column("reason", String(64), nullable=False),
    Column("words", Text, nullable=False),
    Column("left_at", UtcDateTime, nullable=False),
    Column("stopped", Numbers, nullable=False, server_default="[]"),
    Column("undone_at", UtcDateTime),
    sqlite_autoincrement=True,
)
Index("ix_departure_subscriber", departure.c.subscriber_id)

# How often something was asked for and confirmed, by the hour (in hours since 1970); `subject` is a keyed digest of an
# address, a network, a domain or a form.
door_use = Table(
    "door_use",
    metadata,
    Column("subject", String(40), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("asked", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
)
Index("ix_door_use_hour", door_use.c.hour)

# What may be used once only, by a digest of it: solved challenges, deliveries of other programs' webhooks.
used = Table(
    "used",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
)
Index("ix_used_until", used.c.until)

# The keys of programs that speak to the API, by their digest only.
api_key = Table(
    "api_key",
    metadata,
    _id(),
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
    _id(),
    Column("name", String(100), nullable=False),
    _to("subscriber", nullable=True),
    Column("payload", Text, nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
)
Index("ix_event_subscriber", event.c.subscriber_id)

# Which addresses of other programs are told of which events.
hook = Table(
    "hook",
    metadata,
    _id(),
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
    _id(),
    _to("hook"),
    _to("event"),
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
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index("hook_call_leased", hook_call.c.lease_until, sqlite_where=_LEASED, postgresql_where=_LEASED)
Index("ix_hook_call_hook", hook_call.c.hook_id, hook_call.c.id)
Index("ix_hook_call_event", hook_call.c.event_id)

# Which processes work here. Nothing depends on it: it is for whoever wants to know.
worker = Table(
    "worker",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("concurrency", SmallInteger, nullable=False),
    Column("host", String(255), nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(50), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
)
