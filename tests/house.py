"""What do tests build with? A small course, a courier that follows a script, and a house that holds them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select

from sequencer.content.templates import Templates
from sequencer.core.model import (
    Accepted,
    Address,
    Course,
    Delivery,
    DeliveryId,
    DeliveryState,
    Enrolment,
    Gap,
    Lesson,
    Mailbox,
    Outcome,
    Parcel,
    Report,
    Rhythm,
    SignupRequest,
    Stage,
    Subscriber,
    SubscriberId,
    Ticket,
    WhenUncertain,
)
from sequencer.delivery.courier import Carried, Ledger
from sequencer.delivery.way import Lane
from sequencer.flows import disown, dispatch, edits, leaving, optin, preferences, signup, upkeep
from sequencer.flows.dispatch import Tick
from sequencer.flows.preferences import Wish
from sequencer.flows.press import Imprint, Press
from sequencer.flows.reminders import Patience
from sequencer.flows.upkeep import Terms, Tidied
from sequencer.forms import Form
from sequencer.message import address
from sequencer.relays import Relay
from sequencer.store import deliveries, enrolments, erasure, subscribers
from sequencer.store.database import Database
from sequencer.store.journal import Journal
from sequencer.store.tables import door_use, subscriber, suppression

SECRET = "a secret of tests that is long enough"
LONDON = ZoneInfo("Europe/London")
# A Monday, an hour before lessons go out; London is at UTC then.
NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
EIGHT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FORM = Form(key="newsletter", course="small")
# A link works for 7 days, a reminder goes out after 3, and who never confirmed is forgotten after 30.
TERMS = Terms(patience=Patience(link=7 * DAY, reminder=3 * DAY), forget_after=30 * DAY)


def small_course(lessons: int = 3, **changes: object) -> Course:
    """A course of a few short lessons, daily at eight."""
    given: dict[str, object] = {
        "slug": "small",
        "title": "A Small Course",
        "subtitle": "",
        "author": "Ann Author",
        "brand": "The Brand",
        "language": "en",
        "site": "https://example.org",
        "sender": Mailbox(name="Ann Author", address="ann@example.org"),
        "rhythm": Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(days=1)),
        "uncertain": WhenUncertain.RETRY,
        "lessons": tuple(small_lesson(number) for number in range(1, lessons + 1)),
    }
    return Course(**{**given, **changes})  # type: ignore[arg-type]


def small_lesson(number: int, **changes: object) -> Lesson:
    """One short lesson."""
    given: dict[str, object] = {
        "key": f"lesson-{number}",
        "subject": f"Subject {number}",
        "preheader": f"Preheader {number}",
        "theme": f"Theme {number}",
        "body": f"Words of lesson {number} for {{{{ subscriber.name or 'you' }}}}.\n",
        "source": f"small/{number:02}.md",
        "line": 6,
    }
    return Lesson(**{**given, **changes})  # type: ignore[arg-type]


SCRIPT = Relay(host="script.test", port=25, tls="off", key="script")
PLACES = [Lane(relay=SCRIPT)] * 200

Answer = Outcome | tuple[Stage, Outcome]


@dataclass(slots=True)
class ScriptedCourier:
    """Carries messages to a list, and answers each with the next of its `answers`; when they run out, accepts.

    An answer alone falls after the content was sent; with a stage before it, where it fell.
    """

    answers: list[Answer] = field(default_factory=list)
    sent: list[Parcel] = field(default_factory=list)
    tried: list[Parcel] = field(default_factory=list)
    down: str = ""

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more."""
        if self.down:
            return Carried(tried=0, trouble=self.down, down=(self.down,))
        before = len(self.tried)
        while batch := ledger.next_batch(PLACES):
            for parcel in batch:
                self._send(parcel, ledger)
        return Carried(tried=len(self.tried) - before)

    def _send(self, parcel: Parcel, ledger: Ledger) -> None:
        self.tried.append(parcel)
        answer = self.answers.pop(0) if self.answers else Accepted(reply="250 2.0.0 Ok")
        stage, outcome = answer if isinstance(answer, tuple) else (Stage.CONTENT, answer)
        if stage is Stage.CONTENT:
            if parcel.ticket.delivery_id not in ledger.record([parcel.ticket], []):
                return
            self.sent.append(parcel)
        ledger.record([], [Report(ticket=parcel.ticket, outcome=outcome, relay="script")])


@dataclass(slots=True, kw_only=True)
class Between:
    """A ledger, with something else happening just before an intent, or just before an answer is written down."""

    ledger: Ledger
    before_intent: Callable[[], None]
    before_report: Callable[[], None]

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        """As the ledger says."""
        return self.ledger.next_batch(places)

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        """As the ledger says, a moment later."""
        if intents:
            self.before_intent()
        if reports:
            self.before_report()
        return self.ledger.record(intents, reports)


@dataclass
class Meddler(ScriptedCourier):
    """Carries as the script says, while something else happens."""

    before_intent: Callable[[], None] = lambda: None
    before_report: Callable[[], None] = lambda: None

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more."""
        return super().carry(Between(ledger=ledger, before_intent=self.before_intent, before_report=self.before_report))


@cache
def templates() -> Templates:
    """The shipped templates, read once."""
    return Templates()


class House:
    """Flows over one database, with a scripted courier; every call says what time it is."""

    def __init__(self, db: Database, courier: ScriptedCourier | None = None) -> None:
        self.db = db
        self.courier = courier or ScriptedCourier()
        self.journal: Journal | None = None
        self.templates = templates()
        imprint = Imprint(
            base_url="https://mail.example.org",
            secret=SECRET,
            postal_address="1 Example Street",
            confirm_within=7,
            archive="https://mail.example.org/archive",
        )
        self.press = Press(self.templates, imprint)

    def publish(self, course: Course, now: datetime = NOW) -> None:
        """Publish a course that is known to be sound; to compile it for a trial would be most of each test's time."""
        with self.db.begin() as tx:
            edits.publish(tx, course, now=now)

    def tick(self, now: datetime, *, stop: Callable[[], bool] = lambda: False) -> Tick:
        """One pass."""
        return dispatch.tick(self.db, self.courier, self.press, now=now, stop=stop, journal=self.journal)

    def sign_up(self, email: str, now: datetime = NOW, *, name: str = "", zone: str = "") -> str:
        """Somebody signs up by the form; the verdict."""
        request = SignupRequest(
            form=FORM.key,
            address=address.parse(email),
            name=name,
            timezone=zone,
            note="",
            source_url="https://example.org/article",
            ip="192.0.2.1",
        )
        return signup.sign_up(self.db, request, FORM, zone=LONDON, now=now)

    def confirm(self, email: str, now: datetime = NOW) -> optin.Confirmed:
        """They press the button of the last confirmation mail they got."""
        return optin.confirm(self.db, SECRET, self.token(email, "confirm"), ip="192.0.2.1", now=now)

    def join(self, email: str, now: datetime = NOW, *, name: str = "", zone: str = "") -> optin.Confirmed:
        """Somebody signs up, gets the mail, and confirms."""
        self.sign_up(email, now, name=name, zone=zone)
        self.tick(now)
        return self.confirm(email, now)

    def refuse(self, email: str, now: datetime = NOW) -> disown.Doubted:
        """They press "that was not me", from the last mail that asked them."""
        return disown.disown(self.db, SECRET, self.token(email, "notme"), now=now)

    def take_back(self, email: str, now: datetime = NOW) -> disown.Doubted:
        """They press "it was me after all" on the page behind it."""
        return disown.undo(self.db, SECRET, self.token(email, "notme"), now=now)

    def leave_now(self, email: str, now: datetime = NOW) -> None:
        """They are unsubscribed, whatever mail they have."""
        leaving.leave_person(self.db, self.person(email).id, now=now)

    def prefer(self, email: str, now: datetime = NOW, *, name: str | None = None, zone: ZoneInfo | None = None) -> None:
        """They choose another name or zone on their preferences page."""
        preferences.prefer(self.db, self.person(email).id, Wish(name=name, zone=zone), now=now)

    def forget_everybody(self) -> None:
        """Nobody is known any more; what is published stays."""
        self.courier.sent.clear()
        with self.db.begin() as tx:
            erasure.erase(tx, [SubscriberId(which) for which in tx.execute(select(subscriber.c.id)).scalars()])
            tx.execute(delete(suppression))
            tx.execute(delete(door_use))

    def tidy(self, now: datetime, terms: Terms = TERMS) -> Tidied:
        """The upkeep of every hour."""
        return upkeep.tidy(self.db, terms, now=now)

    def leave(self, email: str, now: datetime = NOW) -> None:
        """They press the unsubscribe button of the last lesson they got."""
        leaving.leave(self.db, SECRET, self.token(email, "u"), now=now)

    def token(self, email: str, kind: str) -> str:
        """The token of the last link of this kind (confirm, u, p, v) that they were sent."""
        for parcel in reversed(self.courier.sent):
            words = unfolded(parcel.content)
            if parcel.recipient == email and (
                found := re.search(rf"https://mail\.example\.org/{kind}/([\w-]+)", words)
            ):
                return found.group(1)
        raise AssertionError(f"no {kind} link was sent to {email}")

    def person(self, email: str) -> Subscriber:
        """The row of a person."""
        with self.db.read() as tx:
            found = subscribers.find(tx, address.parse(email))
        assert found is not None
        return found

    def place(self, email: str) -> Enrolment:
        """The person's place in their only course."""
        with self.db.read() as tx:
            (place,) = enrolments.of(tx, self.person(email).id)
        return place

    def ledger(self, email: str) -> Sequence[Delivery]:
        """All messages to a person."""
        with self.db.read() as tx:
            return deliveries.of(tx, self.person(email).id)

    def states(self, email: str) -> list[DeliveryState]:
        """The states of all messages to a person, confirmations too."""
        return [row.state for row in self.ledger(email)]

    def subjects(self, email: str) -> list[str]:
        """The subjects of what was sent to a person, in order."""
        return subjects(parcel for parcel in self.courier.sent if parcel.recipient == email)


def subjects(parcels: Iterable[Parcel]) -> list[str]:
    """The Subject headers, as they stand on the wire."""
    found = (re.search(rb"^Subject: (.*)\r$", parcel.content, re.MULTILINE) for parcel in parcels)
    return [match.group(1).decode() for match in found if match]


def unfolded(content: bytes) -> str:
    """The message with its soft line breaks undone, to look for words in it."""
    return content.replace(b"=\r\n", b"").replace(b"=3D", b"=").decode()


def an_address(text: str = "someone@example.org") -> Address:
    """An address."""
    return address.parse(text)
