"""Which bytes does a claim become? Compiles each mail once and fills in the person, their links and their headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.content import entry, lines
from sequencer.content.digest import NO_DIGEST, Digest
from sequencer.content.render import (
    ACCESS,
    FAREWELL,
    FAREWELL_COURSE,
    MOVED,
    NOT_ASKED,
    Asked,
    CompiledMail,
    Mail,
    Person,
    compile_issue,
    compile_lesson,
    compile_letter,
)
from sequencer.content.templates import Templates
from sequencer.content.words import Words
from sequencer.core import tokens
from sequencer.core.model import (
    Claim,
    Consent,
    ConsentId,
    Course,
    Delivery,
    DeliveryId,
    DeliveryKind,
    Departure,
    Enrolment,
    EnrolmentId,
    Issue,
    LessonId,
    Move,
    Parcel,
    Revision,
    SubscriberId,
)
from sequencer.core.tokens import Purpose
from sequencer.flows.archive import Archive
from sequencer.message import dkim, quoted
from sequencer.message.dkim import Signers
from sequencer.message.mime import Letter, assemble
from sequencer.relays import Relay
from sequencer.store.asking import Question

_NO_LINKS = {"unsubscribe": "", "preferences": "", "view": "", "course": ""}
UNDO_WITHIN = timedelta(days=30)  # after leaving, and after moving to another address
ACCESS_WITHIN = timedelta(days=1)
# How long their links work, where it is not as long as that of a confirmation.
_WITHIN = {FAREWELL: UNDO_WITHIN, FAREWELL_COURSE: UNDO_WITHIN, MOVED: UNDO_WITHIN, ACCESS: ACCESS_WITHIN}
_MOST_COMPILED = 256  # mails kept compiled; beyond that the oldest is compiled anew when needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """What every mail of this installation shares. Images are fetched from `base_url`, or from `site` where it says.

    `archive` is where everybody reads the issues of the newsletter, "" where nobody does.
    """

    base_url: str
    secret: str
    postal_address: str
    confirm_within: int
    timezone: ZoneInfo | None = None
    site: str = ""
    archive: str = ""


class Press:
    """Makes parcels. One for each installation; keeps what was published, and compiled mails by what they are of.

    `signs`: a parcel takes a private key's work, which is done in C beside whatever else Python does.
    """

    def __init__(self, templates: Templates, imprint: Imprint, signers: Signers | None = None) -> None:
        self.archive = Archive(imprint.timezone)
        self.signs = signers is not None and signers.is_needed
        self._signers = signers
        self._templates = templates
        self._imprint = imprint
        self._compiled: dict[tuple[str, int, int], CompiledMail] = {}

    def lesson(self, claim: Claim, revision: Revision, relay: Relay, *, digest: Digest = NO_DIGEST) -> Parcel:
        """The parcel of a lesson, made for this relay. Raises BadContent where it cannot be made."""
        course = revision.course
        leave = self.leave_url(claim.subscriber_id, revision.course_id)
        links = {
            "unsubscribe": leave,
            "preferences": self.preferences_url(claim.subscriber_id),
            "view": self.view_url(claim.id),
            "course": self.course_url(claim.enrolment_id or EnrolmentId(0)),
        }
        mail = self._lesson(revision, claim.campaign_id).fill(
            Person(name=claim.name, address=claim.address.normalized, links=links, digest=digest)
        )
        return self._parcel(
            claim,
            course,
            relay,
            mail,
            list_name=course.title,
            list_id=_list_id(course),
            unsubscribe=leave,
        )

    def issue(self, claim: Claim, issue: Issue, relay: Relay) -> Parcel:
        """The parcel of an issue, made for this relay. Raises BadContent where it cannot be made."""
        course = issue.words
        leave = self.leave_url(claim.subscriber_id, claim.course_id or 0)
        links = {
            "unsubscribe": leave,
            "preferences": self.preferences_url(claim.subscriber_id),
            "view": self.view_url(claim.id),
            "course": "",
        }
        mail = self._issue(issue).fill(Person(name=claim.name, address=claim.address.normalized, links=links))
        return self._parcel(
            claim,
            course,
            relay,
            mail,
            list_name=course.title,
            list_id=_list_id(course),
            list_archive=self._imprint.archive,
            unsubscribe=leave,
        )

    def letter(
        self,
        claim: Claim,
        template: str,
        links: Mapping[str, str],
        revision: Revision,
        relay: Relay,
        *,
        asked: Asked = NOT_ASKED,
    ) -> Parcel:
        """The parcel of a mail that is no lesson, by its template: no list, no name, nothing that a visitor wrote.

        `asked` is what it says of whoever asked for it.
        """
        mail = self._letter(revision, template).fill(Person(name="", address="", links=links, asked=asked))
        return self._parcel(claim, revision.course, relay, mail, automatic=True)

    def web_view(self, row: Delivery, revision: Revision) -> Mail:
        """A lesson as a page: without the links that act for the person, as pages are passed on."""
        person = Person(name="", address="", links=_NO_LINKS)
        return self._compile(revision, _step(revision, row.campaign_id)).fill(person)

    def issue_page(self, issue: Issue) -> Mail:
        """An issue as a page for everybody: without anything of a person's."""
        links = {**_NO_LINKS, "archive": self._imprint.archive}
        return self._compile_issue(issue).fill(Person(name="", address="", links=links))

    def issue_entry(self, issue: Issue, address: str) -> Mail:
        """An issue for feed readers, as `issue_page` for everybody: its words alone, and its preheader as the text."""
        base = self._imprint.site or self._imprint.base_url
        return entry.entry(issue.words, templates=self._templates, base_url=base, address=address)

    def at(self, path: str) -> str:
        """The address of this path here."""
        return f"{self._imprint.base_url}{path}"

    def view_url(self, which: DeliveryId) -> str:
        """The address of a lesson as a page; good for ever."""
        return f"{self._imprint.base_url}/v/{tokens.seal(self._imprint.secret, Purpose.VIEW, which)}"

    def expires_at(self, consent: Consent | Question) -> datetime:
        """Until when the link of a confirmation mail works."""
        return consent.asked_at + timedelta(days=self._imprint.confirm_within)

    def confirm_url(self, consent: Consent | Question) -> str:
        """The address at which somebody confirms; good for some days."""
        return self._until("confirm", Purpose.CONFIRM, consent.id, self.expires_at(consent))

    def disown_url(self, which: ConsentId) -> str:
        """The address at which the owner of an address says that it was not them; good for as long as it is kept."""
        return f"{self._imprint.base_url}/notme/{tokens.seal(self._imprint.secret, Purpose.DISOWN, which)}"

    def undo_url(self, gone: Departure) -> str:
        """The address at which somebody comes back who has left; good for some weeks."""
        return self._until("back", Purpose.BACK, gone.id, gone.left_at + UNDO_WITHIN)

    def move_until(self, move: Move) -> datetime:
        """Until when somebody's new address may be confirmed."""
        return move.asked_at + timedelta(days=self._imprint.confirm_within)

    def move_url(self, move: Move) -> str:
        """The address at which somebody says that a new address is theirs."""
        return self._until("move", Purpose.MOVE, move.id, self.move_until(move))

    def stay_url(self, move: Move) -> str:
        """The address at which they take that back who read mail at the former one."""
        return self._until("move", Purpose.MOVE, move.id, (move.confirmed_at or move.asked_at) + UNDO_WITHIN, about=1)

    def data_url(self, who: SubscriberId, asked_at: datetime) -> str:
        """The address of all that is kept of a person; good for a day."""
        return self._until("data", Purpose.DATA, who, asked_at + ACCESS_WITHIN)

    def course_url(self, which: EnrolmentId) -> str:
        """The address of the person's course page, with its buttons; good for ever."""
        return f"{self._imprint.base_url}/c/{tokens.seal(self._imprint.secret, Purpose.REMOTE, which)}"

    def subject(self, course: Course, step: int, *, name: str) -> str:
        """The subject of a lesson, as a list of lessons shows it to somebody of this name."""
        return lines.subject(self._templates, course, step, name=name)

    def words(self, course: Course) -> Words:
        """What we say in the language of a course."""
        return self._templates.words(course.language)

    def event_id(self, place: Enrolment, lesson: LessonId, course: Course) -> str:
        """Names a lesson of a person's pass in calendars, whenever it comes."""
        domain = course.sender.address.rpartition("@")[2]
        named = (self._imprint.secret, "event", lesson, place.subscriber_id, place.run)
        return tokens.message_id(*named, domain=domain).strip("<>")

    def leave_url(self, who: SubscriberId, course: int) -> str:
        """The address at which the person leaves, by one click or on a page; good for ever."""
        token = tokens.seal(self._imprint.secret, Purpose.LEAVE, who, about=course)
        return f"{self._imprint.base_url}/u/{token}"

    def preferences_url(self, who: SubscriberId) -> str:
        """The address of the person's preferences; good for ever."""
        return f"{self._imprint.base_url}/p/{tokens.seal(self._imprint.secret, Purpose.PREFERENCES, who)}"

    def _lesson(self, revision: Revision, lesson_id: int) -> CompiledMail:
        """The lesson, compiled once into the lines that travel."""
        step = _step(revision, lesson_id)
        key = ("lesson", revision.id, step)
        if key not in self._compiled:
            self._keep(key, self._compile(revision, step))
        return self._compiled[key]

    def _issue(self, issue: Issue) -> CompiledMail:
        """The issue, compiled once a run into the lines that travel."""
        key = ("issue", issue.id, issue.run)
        if key not in self._compiled:
            self._keep(key, self._compile_issue(issue))
        return self._compiled[key]

    def _compile_issue(self, issue: Issue) -> CompiledMail:
        imprint = self._imprint
        return compile_issue(
            issue.words,
            templates=self._templates,
            postal_address=imprint.postal_address,
            base_url=imprint.site or imprint.base_url,
        )

    def _until(self, path: str, purpose: Purpose, subject: int, expires_at: datetime, *, about: int = 0) -> str:
        token = tokens.seal(self._imprint.secret, purpose, subject, about=about, expires_at=expires_at)
        return f"{self._imprint.base_url}/{path}/{token}"

    def _letter(self, revision: Revision, template: str) -> CompiledMail:
        key = (template, revision.id, 0)
        if key not in self._compiled:
            imprint = self._imprint
            within = _WITHIN.get(template, timedelta(days=imprint.confirm_within))
            address = imprint.postal_address
            made = compile_letter(
                revision.course, template, templates=self._templates, postal_address=address, days=within.days
            )
            self._keep(key, made)
        return self._compiled[key]

    def _compile(self, revision: Revision, step: int) -> CompiledMail:
        imprint = self._imprint
        return compile_lesson(
            revision.course,
            step,
            templates=self._templates,
            postal_address=imprint.postal_address,
            base_url=imprint.site or imprint.base_url,
        )

    def _keep(self, key: tuple[str, int, int], compiled: CompiledMail) -> None:
        if len(self._compiled) >= _MOST_COMPILED:
            del self._compiled[next(iter(self._compiled))]
        self._compiled[key] = compiled.encoded(quoted.encode)

    def _parcel(
        self,
        claim: Claim,
        course: Course,
        relay: Relay,
        mail: Mail,
        *,
        list_name: str = "",
        list_id: str = "",
        list_archive: str = "",
        unsubscribe: str = "",
        automatic: bool = False,
    ) -> Parcel:
        letter = Letter(
            sender=course.sender,
            recipient=claim.address.wire,
            subject=mail.subject,
            language=course.language,
            message_id=self.message_id(claim, course.sender.address),
            date=_date(claim),
            list_name=list_name,
            list_id=list_id,
            list_archive=list_archive,
            unsubscribe=unsubscribe,
            automatic=automatic,
        )
        return Parcel(
            ticket=claim.ticket,
            relay=relay.name,
            sender=course.sender.address,
            recipient=claim.address.wire,
            needs_smtputf8=claim.address.needs_smtputf8,
            content=self._signed(claim, course.sender.address, relay, assemble(letter, mail.text, mail.html)),
        )

    def _signed(self, claim: Claim, sender: str, relay: Relay, content: bytes) -> bytes:
        if self._signers is None:
            return content
        signers = self._signers.for_domain(sender.rpartition("@")[2], unsigned=relay.unsigned)
        return dkim.sign(content, signers, timestamp=_date(claim))

    def message_id(self, row: Delivery | Claim, sender: str) -> str:
        """The Message-ID of a delivery from this sender's address; each attempt has the same."""
        return tokens.message_id(
            self._imprint.secret,
            row.kind,
            row.campaign_id,
            row.subscriber_id,
            row.run,
            domain=sender.rpartition("@")[2],
        )

    def lesson_message_id(self, lesson: LessonId, who: SubscriberId, run: int, sender: str) -> str:
        """The Message-ID that a lesson to this person has, or would have."""
        domain = sender.rpartition("@")[2]
        return tokens.message_id(self._imprint.secret, DeliveryKind.LESSON, lesson, who, run, domain=domain)

    def issue_message_id(self, issue: Issue, who: SubscriberId, run: int) -> str:
        """The Message-ID that an issue to this person has, or would have, in the run of this number."""
        domain = issue.words.sender.address.rpartition("@")[2]
        return tokens.message_id(self._imprint.secret, DeliveryKind.ISSUE, issue.id, who, run, domain=domain)


def _list_id(course: Course) -> str:
    # RFC 2919: the same for as long as the course, or the newsletter, lives.
    return f"{course.slug}.list-id.{course.sender.address.rpartition('@')[2]}"


def _step(revision: Revision, lesson_id: int) -> int:
    return [int(which) for which in revision.lesson_ids].index(lesson_id)


def _date(claim: Claim) -> datetime:
    # The row's birth, not the attempt's time: a second attempt carries the very bytes of the first.
    return claim.created_at
