"""What are other programs told, and what follows from their answer? Events, the body of a call, the table of retries.

By Standard Webhooks: an event keeps its id over all tries and replays, and a call that does not get through is tried
again for three days.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NewType, TypeAlias

HookId = NewType("HookId", int)
CallId = NewType("CallId", int)

SECRET_BYTES = 32
ROTATION = timedelta(hours=24)  # for so long the secret before signs too
# The schedule that Standard Webhooks recommends.
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
DISABLE_AFTER = timedelta(days=3)  # of failures, with nothing that got through between them
LONGEST_REST = timedelta(days=1)
REST = timedelta(minutes=1)  # for who is overrun and does not say for how long
MOST_WORDS = 1000  # characters of what others said, such as a mail server
_JITTER = 0.1
_SLOW = (429, 502, 504)
_GONE = 410
_OK = range(200, 300)
_DIGITS = 9


class Happening(StrEnum):
    """What other programs can be told of. A dot is in each name: what the site tells us has none."""

    SUBSCRIBED = "subscriber.subscribed"
    CONFIRMED = "subscriber.confirmed"
    SENT = "lesson.sent"
    ISSUE_SENT = "issue.sent"
    FINISHED = "course.finished"
    UNSUBSCRIBED = "subscriber.unsubscribed"
    BOUNCED = "subscriber.bounced"
    COMPLAINED = "subscriber.complained"


MEANINGS: Mapping[Happening, str] = MappingProxyType(
    {
        Happening.SUBSCRIBED: "Somebody asks for a course. They have not confirmed it yet.",
        Happening.CONFIRMED: "Somebody is on a course: they confirmed, were vouched for, or came back.",
        Happening.SENT: "A mail server has taken a lesson.",
        Happening.ISSUE_SENT: "A mail server has taken an issue of the newsletter.",
        Happening.FINISHED: "Somebody has come to the end of a course.",
        Happening.UNSUBSCRIBED: "Somebody left a course or everything, or said that it never was them.",
        Happening.BOUNCED: "The address is dead; nothing more is sent there.",
        Happening.COMPLAINED: "The owner reported our mail as spam; nothing more is sent there.",
    }
)
TEST = "hook.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """An address that is told of some events. `insecure`: it is on this machine, and may do without TLS.

    While `old_until` has not come, what is sent is signed by the secret before too.
    """

    id: HookId
    name: str
    url: str
    secret: str = field(repr=False)
    events: frozenset[str]
    created_at: datetime
    old_secret: str = field(default="", repr=False)
    old_until: datetime | None = None
    insecure: bool = False
    with_address: bool = True
    disabled_at: datetime | None = None
    why: str = ""
    failing_since: datetime | None = None
    rests_until: datetime | None = None

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, the newest first."""
        old = self.old_until is not None and now < self.old_until
        return (self.secret, self.old_secret) if old else (self.secret,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, as it was written down; `payload` is JSON."""

    id: int
    name: str
    payload: str
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One event for one hook, to be sent for the `attempt`th time."""

    id: CallId
    attempt: int
    hook: Hook
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The program answered."""

    status: int
    reply: str
    rest: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """It could not be asked, or gave no answer: `slow` where it took too long."""

    reason: str
    slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """We were told to stop before there was an answer."""


Reply: TypeAlias = Answered | Unreached | Unsent


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows: it is `taken`, or tried `again` (None: given up). `rests_until` and `disabled` are the hook's."""

    taken: bool = False
    again: datetime | None = None
    rests_until: datetime | None = None
    disabled: str = ""


def spell(secret: str) -> str:
    """A secret as both sides keep it, of random bytes in base64."""
    return f"whsec_{secret}"


def name(event: Event) -> str:
    """The id of an event, the same in each try, to each hook and after a restored backup: receivers know it again."""
    told = f"{event.id}|{event.name}|{event.happened_at.isoformat()}|{event.payload}"
    return "evt_" + hashlib.sha256(told.encode()).hexdigest()[:32]


def body(event: Event, *, with_address: bool) -> bytes:
    """What is sent: the same bytes in each try."""
    data = json.loads(event.payload)
    if not with_address and "subscriber" in data:
        data["subscriber"] = {key: value for key, value in data["subscriber"].items() if key != "email"}
    at = event.happened_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"type": event.name, "timestamp": at, "data": data}, ensure_ascii=False).encode()


def judge(reply: Answered | Unreached, call: Call, *, now: datetime) -> Verdict:
    """What follows from this answer to this try."""
    if isinstance(reply, Answered) and reply.status in _OK:
        return Verdict(taken=True)
    rest = timedelta(0)
    if isinstance(reply, Answered):
        if reply.status == _GONE:
            return Verdict(disabled="It answered 410: it does not want to be told any more.")
        rest = reply.rest or (REST if reply.status in _SLOW else rest)
    elif reply.slow:
        rest = REST
    since = call.hook.failing_since
    days = DISABLE_AFTER.days
    over = since is not None and now - since >= DISABLE_AFTER
    return Verdict(
        again=_again(call, rest, now),
        rests_until=now + rest if rest else None,
        disabled=f"For {days} days nothing got through." if over else "",
    )


def asked_rest(text: str, *, now: datetime) -> timedelta:
    """How long a Retry-After asks us to wait (RFC 9110 §10.2.3), a day at most; zero where it says nothing we know."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:_DIGITS])), LONGEST_REST)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return timedelta(0)
    # RFC 9110 §5.6.7: a date is in GMT, also where it does not say so.
    until = until.replace(tzinfo=until.tzinfo or UTC)
    return min(max(until - now, timedelta(0)), LONGEST_REST)


def _again(call: Call, rest: timedelta, now: datetime) -> datetime | None:
    if call.attempt > len(RETRY_AFTER):
        return None
    # Spread, so that not all that failed together comes together again; the same way each time.
    dice = zlib.crc32(f"{call.id}|{call.attempt}".encode()) / 0xFFFFFFFF
    return now + max(RETRY_AFTER[call.attempt - 1] * (1 + _JITTER * dice), rest)
