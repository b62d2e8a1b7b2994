"""Which things does the house speak of? The nouns, as frozen values."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import NewType, TypeAlias

SubscriberId = NewType("SubscriberId", int)
ConsentId = NewType("ConsentId", int)
CourseId = NewType("CourseId", int)
LessonId = NewType("LessonId", int)
RevisionId = NewType("RevisionId", int)
EnrolmentId = NewType("EnrolmentId", int)
DeliveryId = NewType("DeliveryId", int)
DepartureId = NewType("DepartureId", int)
MoveId = NewType("MoveId", int)
IssueId = NewType("IssueId", int)
LaneId = NewType("LaneId", int)

Pairs: TypeAlias = tuple[tuple[str, str], ...]


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


class DeliveryState(StrEnum):
    """How far one message to one person has come. `uncertain`: the server's answer to the content was never seen."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    SKIPPED = "skipped"


class IssueState(StrEnum):
    """Where an issue stands: it is to go out or is going out, everybody's has been made ready, or it was called off."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    CANCELLED = "cancelled"


class DeliveryKind(StrEnum):
    """What a message is for; what answers a person's own press goes before lessons, and issues behind them.

    `farewell` says to whom has left how to undo it, `move` asks at a new address whether it is theirs, and `access`
    holds the way to what is kept of a person.
    """

    CONFIRMATION = "confirmation"
    LESSON = "lesson"
    REMINDER = "reminder"
    FAREWELL = "farewell"
    MOVE = "move"
    ACCESS = "access"
    ISSUE = "issue"


class SuppressionReason(StrEnum):
    """Why an address gets no more mail."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    DISOWNED = "disowned"


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


# How long a message in doubt rests before it is sent again: time for the relay's late word.
DOUBT_FOR = timedelta(minutes=15)

# How the site's programs may name what happened to somebody; what we tell others has a dot in its name.
EVENT_NAME = "[a-z][a-z0-9_-]{0,63}"

# The name of the newsletter among the courses: people are on it as they are on a course, and issues go to whom is.
NEWSLETTER = "newsletter"

# How mails look where a course names no theme of its own.
DEFAULT_THEME = "paper"


class WhenUncertain(StrEnum):
    """What a course does about a message whose fate is unknown: send it again, leave it to an admin, or let it be."""

    RETRY = "retry"
    HOLD = "hold"
    ASSUME_SENT = "assume sent"


class Finishers(StrEnum):
    """Who of those that had finished gets lessons that were added behind: those of the last 90 days, all, or nobody."""

    RECENT = "90 days"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The least time between two lessons. Days are days of the person's calendar, hours are elapsed time."""

    days: int = 0
    hours: int = 0

    def __str__(self) -> str:
        """As an author would write it."""
        count, unit = (self.hours, "hour") if self.hours else (self.days, "day")
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When lessons may arrive: the local hour, the weekdays (Monday is 0), and the least time between two.

    Nothing arrives on the dates of `blackout`, nor on the days (month, day) of every year in `yearly`. `spread` is the
    window from `send_at` over which people are spread, each at a second of their own.
    """

    send_at: time
    days: frozenset[int]
    gap: Gap
    blackout: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    spread: timedelta = timedelta(0)


class Pace(StrEnum):
    """How fast a person wants their lessons, where they do not leave it to the course."""

    DAILY = "daily"
    EVERY_OTHER_DAY = "every other day"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A person's own hour, weekdays and pace; None where they leave it to the course."""

    send_at: time | None = None
    days: frozenset[int] | None = None
    pace: Pace | None = None


COURSES_OWN = Preference()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A time in which nothing goes out: from `since`, up to but without `until`."""

    since: datetime
    until: datetime


class CatchUp(StrEnum):
    """What becomes of lessons whose day passed in an interruption: shifted, skipped, or listed in the next one."""

    SHIFT = "shift"
    SKIP = "skip"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address with the name shown before it."""

    name: str
    address: str


# Below this path of our site are the images that lessons show.
IMAGES = "/i"


class ImageKind(StrEnum):
    """A kind of image that mail programs show, by how the names of its files end."""

    PNG = "png"
    JPEG = "jpg"
    GIF = "gif"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """As HTTP calls it."""
        return "image/jpeg" if self is ImageKind.JPEG else f"image/{self}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A file beside the lessons that one of them shows, known by what is in it: `digest` is the SHA-256 of its bytes.

    `to` is its address as the lesson's Markdown has it; `width` and `height` are the pixels that are seen.
    """

    to: str
    digest: str
    kind: ImageKind
    width: int
    height: int

    @property
    def path(self) -> str:
        """Where our site shows it: never another file there, whatever becomes of the one beside the lesson."""
        return f"{IMAGES}/{self.digest}.{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One theme of the article. `key` is the front matter's id; `source` and `line` say where the body begins."""

    key: str
    subject: str
    preheader: str
    theme: str
    body: str
    gap: Gap | None = None
    added: str = ""
    source: str = ""
    line: int = 1
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course as its author wrote it. The newsletter is one without lessons: only issues come of it.

    Who finishes it begins the one that `next` names; with the higher `priority` it goes before others that are due at
    the same time. `holidays` names the country whose public holidays are without lessons. Who is told to have done
    something that is in `exit_on` stops at once.
    """

    slug: str
    title: str
    subtitle: str
    author: str
    brand: str
    language: str
    site: str
    sender: Mailbox
    rhythm: Rhythm
    uncertain: WhenUncertain
    lessons: tuple[Lesson, ...]
    doubt_for: timedelta = DOUBT_FOR
    theme: str = DEFAULT_THEME
    finishers: Finishers = Finishers.RECENT
    next: str = ""
    priority: int = 0
    holidays: str = ""
    catch_up: CatchUp = CatchUp.SHIFT
    exit_on: tuple[str, ...] = ()

    @property
    def is_newsletter(self) -> bool:
        """Whether people who are on it get issues, and no lessons."""
        return self.slug == NEWSLETTER

    def rhythm_to(self, step: int) -> Rhythm:
        """The rhythm that leads to the lesson at `step`, whose own gap goes before the course's."""
        return replace(self.rhythm, gap=self.lessons[step].gap or self.rhythm.gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A published, immutable version of a course; `lesson_ids` runs beside `course.lessons`."""

    id: RevisionId
    course_id: CourseId
    number: int
    course: Course
    lesson_ids: tuple[LessonId, ...]
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One newsletter to the list, as it was scheduled and not changed since: `words` holds it as the only lesson.

    `key` is the front matter's id. Whoever schedules it anew, after it was called off, makes another `run` of it. It is
    in the archive from `opens_at` on, when it is due to the first of its readers.
    """

    id: IssueId
    key: str
    run: int
    state: IssueState
    words: Course
    scheduled_at: datetime
    opens_at: datetime

    @property
    def letter(self) -> Lesson:
        """Its subject and text."""
        return self.words.lessons[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Readers of an issue who are due it at one moment: those in `zones`, or all where none is named.

    `zone` counts the zones that are done with, and `cursor` is the last subscriber of the present one whose message was
    made ready. `next_at` is when to go on with it, None when it is over (`ended_at`).
    """

    id: LaneId
    issue_id: IssueId
    zones: tuple[str, ...]
    due_at: datetime
    zone: int = 0
    cursor: int = 0
    next_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An e-mail address: `normalized` is the key by which we know the person, `wire` what goes on the envelope.

    The domain on the wire is in ASCII (RFC 5890).
    """

    normalized: str
    wire: str
    needs_smtputf8: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupRequest:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one person: a row of the ledger. `campaign_id` is the id of what it is about.

    That is a lesson, an issue, a consent, a departure or a move; for `access` the second in which it was asked for.
    """

    id: DeliveryId
    kind: DeliveryKind
    campaign_id: int
    subscriber_id: SubscriberId
    run: int
    state: DeliveryState
    attempt: int
    doubts: int
    spared: int
    enrolment_id: EnrolmentId | None
    revision_id: RevisionId | None
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    relay: str
    reply: str

    @property
    def is_passed_over(self) -> bool:
        """Whether it was never to be sent, as the lesson's day had passed in an interruption; `reply` says so."""
        return self.kind is DeliveryKind.LESSON and self.state is DeliveryState.SKIPPED and self.attempt == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to send one message, for as long as the lease lasts; `attempt` fences every later word about it.

    Of the attempts `spared` were none: the message went back without a server having looked at it. A lesson's claim
    knows the place it belongs to: `step` is the person's once this lesson is over. `is_wanted`: the person gets our
    mail, and is on what this belongs to, as far as it belongs to anything.
    """

    id: DeliveryId
    attempt: int
    kind: DeliveryKind
    campaign_id: int
    subscriber_id: SubscriberId
    run: int
    doubts: int
    spared: int
    relay: str
    enrolment_id: EnrolmentId | None
    revision_id: RevisionId | None
    course_id: CourseId | None
    step: int
    created_at: datetime
    address: Address
    name: str
    timezone: str
    preference: Preference = COURSES_OWN
    is_wanted: bool = True

    @property
    def ticket(self) -> "Ticket":
        """What the ledger needs to know the claim again."""
        return Ticket(delivery_id=self.id, attempt=self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Names one attempt at one delivery."""

    delivery_id: DeliveryId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A finished message and where it goes. Its lines end in CRLF and none begins with a dot: it is sent as it is.

    `relay` names the one that it was made for. `at_once`: it answers a person's own press, and goes before others.
    """

    ticket: Ticket
    relay: str
    sender: str
    recipient: str
    needs_smtputf8: bool
    content: bytes
    at_once: bool = False


class Stage(StrEnum):
    """How far a conversation about one message had come when the answer fell."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"


class Slow(StrEnum):
    """Whom an answer asks us to spare: the relay a little, the relay altogether, or the recipient's domain."""

    NOBODY = "nobody"
    RELAY = "relay"
    STOP = "stop"
    DOMAIN = "domain"


class Blame(StrEnum):
    """Whom a refusal is about: the person's address, the message, us and our relay, or nobody in particular."""

    ADDRESS = "address"
    MESSAGE = "message"
    US = "us"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The relay has taken responsibility (RFC 5321 §6.1)."""

    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Not taken now; to be tried again. `after`: the least wait the answer asks for, where it asks.

    Where no server looked at the message it was not `tried`, and goes back as it was, for `after`.
    """

    reply: str
    blame: Blame = Blame.US
    after: timedelta = timedelta(0)
    slow: Slow = Slow.NOBODY
    tried: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Not taken, ever; a dead address is to be suppressed."""

    reply: str
    blame: Blame
    slow: Slow = Slow.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The content went out and the answer was never seen."""

    reply: str


Outcome = Accepted | Deferred | Rejected | Uncertain


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one attempt, and at which relay."""

    ticket: Ticket
    outcome: Outcome
    relay: str
