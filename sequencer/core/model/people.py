"""Who is a person to us? What they agreed to, where they stand, and what they asked for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sequencer.core.model.course import COURSES_OWN, Pace, Preference
from sequencer.core.model.ids import ConsentId, CourseId, DepartureId, EnrolmentId, MoveId, Pairs, SubscriberId


class SubscriberState(StrEnum):
    """Where a person stands with us."""

    PENDING = "pending"
    ACTIVE = "active"
    LEFT = "left"
    SUPPRESSED = "suppressed"


class EnrolmentState(StrEnum):
    """Where a person stands in a course."""

    ACTIVE = "active"
    FINISHED = "finished"
    STOPPED = "stopped"


class SuppressionReason(StrEnum):
    """Why an address gets no more mail."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    DISOWNED = "disowned"


# What others may tell us of an address; that a sign-up was not theirs its owners say themselves.
REPORTED = (SuppressionReason.COMPLAINT, SuppressionReason.BOUNCE, SuppressionReason.MANUAL)


class Assent(StrEnum):
    """How we know that somebody agreed: they pressed the button of a `mail`, or nobody asked them.

    In place of that a `form` of the site is trusted to know them, or they agreed `elsewhere`, as an admin or a program
    of the site says.
    """

    MAIL = "mail"
    FORM = "form"
    ELSEWHERE = "elsewhere"


class LeaveReason(StrEnum):
    """Why somebody left, where they or we know it. The words for it are the page's."""

    TOO_OFTEN = "too often"
    TOO_LITTLE_TIME = "too little time"
    NOT_AS_EXPECTED = "not as expected"
    NEVER_ASKED_FOR = "never asked for"
    OTHER = "other"
    BY_US = "by us"


# How the site's programs may name what happened to somebody; what we tell others has a dot in its name.
EVENT_NAME = "[a-z][a-z0-9_-]{0,63}"


# A tuple, as one is made for each message, and a frozen dataclass takes twice as long.
class Address(NamedTuple):
    """An e-mail address: `normalized` is the key by which we know the person, `wire` what goes on the envelope.

    The domain on the wire is in ASCII (RFC 5890).
    """

    normalized: str
    wire: str
    needs_smtputf8: bool = False


# A tuple, as one is made for each sign-up of a flood, and a frozen dataclass takes twice as long.
class SignupRequest(NamedTuple):
    """What a sign-up form said, whichever `shape` it came in (the name of a preset); `timezone` is known to be a zone.

    `utm` says which campaign brought the visitor, `language` is a tag like de-AT.
    """

    form: str
    address: Address
    name: str
    timezone: str
    note: str
    source_url: str
    ip: str
    user_agent: str = ""
    language: str = ""
    shape: str = ""
    utm: Pairs = ()
    attributes: Pairs = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person and an address; `attributes` and `tags` are what the site's forms and programs told of them."""

    id: SubscriberId
    address: Address
    name: str
    timezone: str
    state: SubscriberState
    created_at: datetime
    confirmed_at: datetime | None = None
    left_at: datetime | None = None
    preference: Preference = COURSES_OWN
    language: str = ""
    attributes: Pairs = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """When, where and to which words somebody agreed; what they asked for takes effect when they confirm.

    `newsletter`: they asked for it too, beside the course. `disowned_at` is when the owner of the address said that it
    had not been them.
    """

    id: ConsentId
    subscriber_id: SubscriberId
    course_id: CourseId
    form: str
    wording: str
    name: str
    timezone: str
    note: str
    source_url: str
    ip: str
    asked_at: datetime
    confirmed_at: datetime | None = None
    confirmed_ip: str = ""
    disowned_at: datetime | None = None
    assent: Assent = Assent.MAIL
    wording_version: str = ""
    user_agent: str = ""
    language: str = ""
    shape: str = ""
    utm: Pairs = ()
    attributes: Pairs = ()
    tags: tuple[str, ...] = ()
    newsletter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Somebody left a course, or everything (`course_id` is None); `stopped` are the places that ended with it.

    `reason` and `words` are theirs, where they gave any.
    """

    id: DepartureId
    subscriber_id: SubscriberId
    course_id: CourseId | None
    reason: LeaveReason | None
    words: str
    left_at: datetime
    stopped: tuple[EnrolmentId, ...] = ()
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Somebody wants their mail at another address: from `before` to `after`, which is theirs once it is confirmed.

    `taken_back_at` is when the owner of the address before said that it had not been them.
    """

    id: MoveId
    subscriber_id: SubscriberId
    before: Address
    after: Address
    ip: str
    asked_at: datetime
    confirmed_at: datetime | None = None
    taken_back_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A person on a course. `step` counts the lessons that have been claimed for them; `run` the passes they made.

    `pace` is their own, where they chose one. Before `paused_until` nothing is due; `held_due_at` is what was due while
    the whole course rests.
    """

    id: EnrolmentId
    subscriber_id: SubscriberId
    course_id: CourseId
    run: int
    step: int
    state: EnrolmentState
    next_due_at: datetime | None
    started_at: datetime
    finished_at: datetime | None = None
    pace: Pace | None = None
    paused_until: datetime | None = None
    held_due_at: datetime | None = None
