"""Which bytes would a mail be? A proof: one copy, pulled from the files as they are, for nobody on a list."""

from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from urllib.parse import urlsplit

from sequencer.content.digest import NO_DIGEST, Digest
from sequencer.content.render import LETTERS, SAMPLE_ASKED
from sequencer.core.model import (
    Address,
    Claim,
    Course,
    CourseId,
    DeliveryId,
    DeliveryKind,
    Issue,
    IssueId,
    IssueState,
    LessonId,
    Parcel,
    Revision,
    RevisionId,
    SubscriberId,
)
from sequencer.flows.press import Press
from sequencer.relays import Relay

# No row has this id: a link of a proof is for nobody, whichever secret sealed it.
_NOBODY = 0
_FIRST = RevisionId(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom a proof is made."""

    name: str
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A message as a mailbox opens it. `opening`: its words as a list of mails shows them, the preheader first."""

    subject: str
    html: str
    text: str
    source: str
    opening: str


def pull(
    press: Press,
    course: Course,
    step: int,
    reader: Reader,
    *,
    relay: Relay,
    now: datetime,
    digest: Digest = NO_DIGEST,
    content: RevisionId = _FIRST,
) -> Parcel:
    """The lesson at `step` as it would travel. Raises BadContent where it cannot be made.

    `press` holds a secret that signs nothing real, and keeps what it compiled: whoever gives it the same step with
    other words says so by another `content`.
    """
    claim = _claim(DeliveryKind.LESSON, step, reader, now)
    return press.lesson(claim, _revision(course, content, now), relay, digest=digest)


def pull_issue(press: Press, words: Course, reader: Reader, *, relay: Relay, now: datetime) -> Parcel:
    """An issue, the only lesson of `words`, likewise."""
    issue = Issue(
        id=IssueId(_NOBODY),
        key=words.lessons[0].key,
        run=0,
        state=IssueState.SCHEDULED,
        words=words,
        scheduled_at=now,
        opens_at=now,
    )
    return press.issue(_claim(DeliveryKind.ISSUE, _NOBODY, reader, now), issue, relay)


def pull_letter(
    press: Press,
    template: str,
    course: Course,
    reader: Reader,
    *,
    relay: Relay,
    now: datetime,
    content: RevisionId = _FIRST,
) -> Parcel:
    """A mail that is no lesson, by its template, likewise; its links lead nowhere."""
    links = {name: press.at(urlsplit(sample).path) for name, sample in LETTERS[template].items()}
    claim = _claim(DeliveryKind.CONFIRMATION, _NOBODY, reader, now)
    asked = replace(SAMPLE_ASKED, when=press.words(course).time(now))
    return press.letter(claim, template, links, _revision(course, content, now), relay, asked=asked)


def opened(content: bytes) -> Proof:
    """What a mailbox makes of the bytes."""
    message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    html = _part(message, "html")
    words = _Words()
    words.feed(html)
    return Proof(
        subject=str(message["Subject"]),
        html=html,
        text=_part(message, "plain"),
        source=content.decode("utf-8", "replace").replace("\r\n", "\n"),
        opening=" ".join("".join(words.found).split()),
    )


def _claim(kind: DeliveryKind, step: int, reader: Reader, now: datetime) -> Claim:
    return Claim(
        id=DeliveryId(_NOBODY),
        attempt=1,
        kind=kind,
        campaign_id=step,
        subscriber_id=SubscriberId(_NOBODY),
        run=1,
        doubts=0,
        spared=0,
        relay="",
        enrolment_id=None,
        revision_id=None,
        course_id=None,
        step=step + 1,
        created_at=now,
        address=reader.address,
        name=reader.name,
        timezone="UTC",
    )


def _revision(course: Course, content: RevisionId, now: datetime) -> Revision:
    return Revision(
        id=content,
        course_id=CourseId(_NOBODY),
        number=_NOBODY,
        course=course,
        lesson_ids=tuple(LessonId(step) for step in range(len(course.lessons))),
        published_at=now,
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if isinstance(part, EmailMessage) else ""


class _Words(HTMLParser):
    """What can be read in a body, hidden or not: a list of mails shows the preheader, which the mail itself hides."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("head", "style")
        self.found.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("head", "style")
        self.found.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)
