"""What happened to somebody, and why? Reads the ledger and tells it as it is; changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.content.render import Mail
from sequencer.core import schedule, tokens
from sequencer.core.model import (
    Address,
    Consent,
    Course,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    Enrolment,
    EnrolmentState,
    Preference,
    Subscriber,
    SubscriberState,
)
from sequencer.core.rhythm import to_lesson
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import replan
from sequencer.flows.press import Press
from sequencer.store import consents, courses, deliveries, enrolments, subscribers
from sequencer.store.database import Database, Transaction
from sequencer.store.subscribers import Suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message of a person's past, with the words it carried."""

    delivery: Delivery
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A person's place in a course. `next_due` is on their own clock; `rule` says why then; None: nothing is due."""

    enrolment: Enrolment
    course: Course
    next_lesson: str
    next_due: datetime | None
    rule: str


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


def why(db: Database, address: Address) -> Why:
    """The whole story of one person. Raises NotFound where we do not know them."""
    with db.read() as tx:
        person = subscribers.find(tx, address)
        if person is None:
            raise NotFound(f"We do not know {address.normalized}.")
        rows = deliveries.of(tx, person.id)
        places = [_place(tx, person, place) for place in enrolments.of(tx, person.id)]
        suppression = subscribers.suppression_of(tx, person.address)
        return Why(
            person=person,
            consents=consents.of(tx, person.id),
            sent=[Sent(delivery=row, what=_what(tx, row)) for row in rows],
            places=places,
            suppression=suppression,
            blockers=_blockers(person, suppression, rows, places),
        )


def ledger(db: Database, *, state: DeliveryState | None = None) -> Iterator[Sent]:
    """The ledger in the order in which it was written, read a page at a time."""
    after = 0
    while True:
        with db.read() as tx:
            page = [Sent(delivery=row, what=_what(tx, row)) for row in deliveries.listed(tx, state=state, after=after)]
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
    """A lesson as a page. Raises BadRequest for a link that is not ours."""
    which = DeliveryId(tokens.unseal(secret, Purpose.VIEW, token, now=now).subject)
    with db.read() as tx:
        row = deliveries.get(tx, which)
        if row is None or row.kind is not DeliveryKind.LESSON or row.revision_id is None:
            raise BadRequest("This lesson is not here any more.")
        return press.web_view(row, press.archive.revision(tx, row.revision_id))


def _place(tx: Transaction, person: Subscriber, place: Enrolment) -> Place:
    revision = courses.revision(tx, courses.current_id(tx, place.course_id))
    lessons = revision.course.lessons
    due = place.next_due_at
    return Place(
        enrolment=place,
        course=revision.course,
        next_lesson=lessons[place.step].subject if place.step < len(lessons) else "",
        next_due=schedule.in_zone(due, ZoneInfo(person.timezone)) if due else None,
        rule=_rule(revision.course, place.step, replan.preference(person, place)) + _pause(tx, person, place)
        if due
        else "",
    )


def _rule(course: Course, step: int, preference: Preference) -> str:
    rhythm = to_lesson(course, step, preference)
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    every = len(rhythm.days) == len(names)
    days = "every day" if every else ", ".join(names[day] for day in sorted(rhythm.days))
    gap = "as soon as that comes" if step == 0 else f"at least {rhythm.gap} after the lesson before"
    minutes = rhythm.spread // timedelta(minutes=1)
    window = f" or up to {minutes} minutes later" if minutes else ""
    off = [f"public holidays ({course.holidays})"] if course.holidays else []
    if rhythm.blackout or rhythm.yearly:
        off.append("the days that course.toml leaves out")
    but = f", not on {' or '.join(off)}" if off else ""
    chosen = (("hour", preference.send_at), ("days", preference.days), ("pace", preference.pace))
    own = [name for name, value in chosen if value is not None]
    whose = f" ({' and '.join(own)} chosen by the person)" if own else ""
    return f"{days} at {rhythm.send_at:%H:%M}{window} on the person's clock{but}, {gap}{whose}"


def _pause(tx: Transaction, person: Subscriber, place: Enrolment) -> str:
    """The person's pause, unless they had a lesson since."""
    last = deliveries.last_accepted(tx, place)
    if place.paused_until is None or (last is not None and last >= place.paused_until):
        return ""
    day = schedule.in_zone(place.paused_until, ZoneInfo(person.timezone))
    return f"; the person has paused until {day:%A %d %B %Y}"


def _what(tx: Transaction, row: Delivery) -> str:
    if row.kind is DeliveryKind.CONFIRMATION or row.revision_id is None:
        return "confirmation mail"
    revision = courses.revision(tx, row.revision_id)
    step = [int(which) for which in revision.lesson_ids].index(row.campaign_id)
    return f"lesson {step + 1}: {revision.course.lessons[step].subject}"


def _blockers(
    person: Subscriber, suppression: Suppression | None, rows: Sequence[Delivery], places: Sequence[Place]
) -> Sequence[str]:
    """What stands between the person and their next lesson, a sentence each."""
    blockers = []
    if suppression is not None:
        blockers.append(f"The address is suppressed ({suppression.reason}): {suppression.detail}")
    if person.state is SubscriberState.PENDING:
        blockers.append("The person has not confirmed their address yet.")
    if person.state is SubscriberState.LEFT and person.left_at:
        blockers.append(f"The person unsubscribed on {person.left_at:%d %B %Y at %H:%M} UTC.")
    for row in rows:
        if row.state is DeliveryState.UNCERTAIN:
            again = f"it is sent once more at {row.due_at:%Y-%m-%d %H:%M} UTC" if row.due_at else "it is held"
            blockers.append(f"Message {row.id} is uncertain, {again}: {row.reply}")
        if row.state in (DeliveryState.DEFERRED, DeliveryState.QUEUED) and row.due_at:
            last = f" The relay said: {row.reply}" if row.reply else ""
            blockers.append(f"Message {row.id} waits until {row.due_at:%Y-%m-%d %H:%M} UTC.{last}")
    if places and all(place.enrolment.state is EnrolmentState.FINISHED for place in places):
        blockers.append("Every course of this person is finished.")
    if person.state is SubscriberState.ACTIVE and not places:
        blockers.append("The person is on no course.")
    return blockers
