"""What happened to somebody, and why? Reads the ledger and tells it as it is; changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sequencer.content.render import Mail
from sequencer.core import tokens
from sequencer.core.model import (
    Address,
    Consent,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    IssueId,
    Subscriber,
    SubscriberState,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import outlook
from sequencer.flows.outlook import Place, Sent
from sequencer.flows.press import Press
from sequencer.store import consents, courses, deliveries, enrolments, issues, subscribers
from sequencer.store.database import Database, Transaction
from sequencer.store.subscribers import Suppression

_LETTERS: Mapping[DeliveryKind, str] = MappingProxyType(
    {
        DeliveryKind.REMINDER: "reminder to confirm",
        DeliveryKind.FAREWELL: "word of farewell",
        DeliveryKind.MOVE: "question at a new address",
        DeliveryKind.ACCESS: "way to what is kept of them",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Everything that explains what a person got, gets, and does not get."""

    person: Subscriber
    consents: Sequence[Consent]
    sent: Sequence[Sent]
    places: Sequence[Place]
    suppression: Suppression | None
    blockers: Sequence[str]


def people(db: Database, *, state: SubscriberState | None = None) -> Iterator[Subscriber]:
    """All people in the order in which they came, read a page at a time."""
    after = 0
    while True:
        with db.read() as tx:
            page = subscribers.listed(tx, state=state, after=after)
        yield from page
        if not page:
            return
        after = page[-1].id


def find(db: Database, address: Address) -> Subscriber:
    """The person of an address. Raises NotFound where we do not know them."""
    with db.read() as tx:
        return _known(tx, address)


def why(db: Database, address: Address, *, now: datetime) -> Why:
    """The whole story of one person. Raises NotFound where we do not know them."""
    with db.read() as tx:
        person = _known(tx, address)
        sent = [Sent(delivery=row, what=what(tx, row)) for row in deliveries.of(tx, person.id)]
        places = [outlook.of(tx, person, place, now=now) for place in enrolments.of(tx, person.id)]
        suppression = subscribers.suppression_of(tx, person.address)
        return Why(
            person=person,
            consents=consents.of(tx, person.id),
            sent=sent,
            places=places,
            suppression=suppression,
            blockers=outlook.blockers(tx, person, suppression, sent, places, now=now),
        )


def ledger(db: Database, *, state: DeliveryState | None = None) -> Iterator[Sent]:
    """The ledger in the order in which it was written, read a page at a time."""
    after = 0
    while True:
        with db.read() as tx:
            page = [Sent(delivery=row, what=what(tx, row)) for row in deliveries.listed(tx, state=state, after=after)]
        yield from page
        if not page:
            return
        after = page[-1].delivery.id


def sent_message_ids(db: Database, press: Press) -> Iterator[str]:
    """The Message-ID of each lesson that the ledger calls sent, read a page at a time."""
    after = 0
    while True:
        with db.read() as tx:
            page = deliveries.listed(tx, state=DeliveryState.SENT, after=after)
            for row in page:
                if row.kind is DeliveryKind.LESSON and row.revision_id is not None:
                    sender = press.archive.revision(tx, row.revision_id).course.sender.address
                    yield press.message_id(row, sender)
        if not page:
            return
        after = page[-1].id


def in_flight(db: Database) -> int:
    """How many messages somebody is sending just now."""
    with db.read() as tx:
        states = deliveries.count(tx)
    return states.get(DeliveryState.CLAIMED, 0) + states.get(DeliveryState.SENDING, 0)


def web_view(db: Database, press: Press, secret: str, token: str, *, now: datetime) -> Mail:
    """A lesson or an issue as a page. Raises BadRequest for a link that is not ours."""
    which = DeliveryId(tokens.unseal(secret, Purpose.VIEW, token, now=now).subject)
    with db.read() as tx:
        row = deliveries.get(tx, which)
        if row is not None and row.kind is DeliveryKind.ISSUE:
            # As it was sent to this person, also where it was called off for the others.
            return press.issue_page(press.archive.issue(tx, IssueId(row.campaign_id)))
        if row is None or row.kind is not DeliveryKind.LESSON or row.revision_id is None:
            raise BadRequest("This lesson is not here any more.")
        return press.web_view(row, press.archive.revision(tx, row.revision_id))


def _known(tx: Transaction, address: Address) -> Subscriber:
    person = subscribers.find(tx, address)
    if person is None:
        raise NotFound(f"We do not know {address.normalized}.")
    return person


def what(tx: Transaction, row: Delivery) -> str:
    """What a message is, in words."""
    if row.kind is DeliveryKind.ISSUE:
        issue = issues.get(tx, IssueId(row.campaign_id))
        return f"issue: {issue.letter.subject}" if issue else "issue"
    if row.kind is not DeliveryKind.LESSON or row.revision_id is None:
        return _LETTERS.get(row.kind, f"{row.kind} mail")
    revision = courses.revision(tx, row.revision_id)
    step = [int(which) for which in revision.lesson_ids].index(row.campaign_id)
    return f"lesson {step + 1}: {revision.course.lessons[step].subject}"
