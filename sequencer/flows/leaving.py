"""How do people leave, a course or everything? By a link, a page or an admin: one commit each, kept with its reason."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sequencer.core import lifecycle, tokens
from sequencer.core.hooks import Happening
from sequencer.core.lifecycle import SubscriberEvent
from sequencer.core.model import (
    Course,
    CourseId,
    DeliveryKind,
    Departure,
    Enrolment,
    EnrolmentState,
    LeaveReason,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.tokens import Purpose
from sequencer.flows import directory, telling, voice
from sequencer.flows.silence import stop_courses
from sequencer.store import courses, deliveries, departures, enrolments, notices, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

MOST_WORDS = 1000
EVERYTHING = "*"  # no course has such a name
ONE_MAIL_IN = timedelta(days=1)
# On the page one may undo only while whoever pressed is still in front of it: such a link may have been passed on, and
# nobody else is to bring somebody back. From then on the mail is the way.
ON_THE_PAGE = timedelta(hours=1)
_LEFT = "The person left before it was sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodbye:
    """Why somebody leaves, as far as they say."""

    reason: LeaveReason | None = None
    words: str = ""


SILENT = Goodbye()
BY_US = Goodbye(reason=LeaveReason.BY_US)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """What an unsubscribe link is about, as things stand.

    `course` is the one whose mail it stood in, `choices` those that go on, that one first. `left` is the one course
    that was left, None for everything; `departure` is what is kept of it, and `is_mailed`: a mail says how to undo it.
    """

    course: Course | None
    choices: tuple[Course, ...] = ()
    departure: Departure | None = None
    left: Course | None = None
    has_left: bool = False
    may_undo: bool = False
    is_mailed: bool = False


def to_leave(db: Database, secret: str, token: str, *, now: datetime) -> Leaver:
    """What an unsubscribe link is about; changes nothing. Raises BadRequest for a link that is not ours."""
    opened = tokens.unseal(secret, Purpose.LEAVE, token, now=now)
    with db.read() as tx:
        return _leaver(tx, SubscriberId(opened.subject), CourseId(opened.about), None, now)


def leave(
    db: Database, secret: str, token: str, *, scope: str = "", goodbye: Goodbye = SILENT, now: datetime
) -> Leaver:
    """Unsubscribe by a link: what is not on the wire yet is cancelled with it. Idempotent; nobody is no error.

    `scope` names a course of the person's, or the newsletter; whatever it says else means everything. One click says
    nothing (RFC 8058): in a lesson it means everything, in an issue the newsletter, for who is on a course beside it.
    """
    opened = tokens.unseal(secret, Purpose.LEAVE, token, now=now)
    who = SubscriberId(opened.subject)
    with db.begin() as tx:
        person = subscribers.lock(tx, who)
        place = _meant(tx, who, CourseId(opened.about), scope) if person else None
        gone = None
        if person is not None:
            gone = depart(tx, who, goodbye, now=now) if place is None else leave_course(tx, person, place, goodbye, now)
            if gone is not None:
                _tell(tx, gone, now)
        return _leaver(tx, who, CourseId(opened.about), place.course_id if place else None, now)


def leave_person(db: Database, who: SubscriberId, *, now: datetime) -> None:
    """An admin unsubscribes a person: nothing more goes there unless they sign up again. Idempotent, without a mail."""
    with db.begin() as tx:
        depart(tx, who, BY_US, now=now)


def leave_one(db: Database, who: SubscriberId, slug: str, *, now: datetime) -> bool:
    """The person leaves this course of theirs; whether there was something to leave."""
    with db.begin() as tx:
        person = subscribers.lock(tx, who)
        place = _place(tx, who, slug) if person else None
        gone = leave_course(tx, person, place, SILENT, now) if person and place else None
        if gone is not None:
            _tell(tx, gone, now)
    return gone is not None


def depart(tx: Transaction, who: SubscriberId, goodbye: Goodbye, *, now: datetime) -> Departure | None:
    """The person leaves everything; what is kept of that, None where they had left already, or are nobody."""
    person = subscribers.lock(tx, who)
    if person is None:
        return None
    state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.LEAVE)
    if state is not person.state:
        subscribers.save(tx, replace(person, state=state, left_at=now))
    cancelled = deliveries.cancel(tx, who, reason=_LEFT, but=[DeliveryKind.FAREWELL], now=now)
    places = enrolments.lock_of(tx, who)
    stop_courses(tx, places)
    log.info("subscriber.left", extra={"subscriber": who, "cancelled": cancelled})
    if state is person.state:
        return None
    telling.happened(tx, Happening.UNSUBSCRIBED, person, now=now, reason=goodbye.reason)
    return _kept(tx, who, None, goodbye, [one for one in places if one.state is EnrolmentState.ACTIVE], now)


def leave_course(
    tx: Transaction, person: Subscriber, place: Enrolment, goodbye: Goodbye, now: datetime
) -> Departure | None:
    """The person, who is locked, leaves one course and stays for the rest; None where they were not on it any more."""
    stopped = directory.stop(tx, [place], reason=_LEFT, now=now)
    if not stopped:
        return None
    log.info("subscriber.left_course", extra={"subscriber": person.id, "enrolment": place.id})
    telling.happened(tx, Happening.UNSUBSCRIBED, person, place.course_id, now=now, reason=goodbye.reason)
    return _kept(tx, person.id, place.course_id, goodbye, [place], now)


def _kept(
    tx: Transaction,
    who: SubscriberId,
    course: CourseId | None,
    goodbye: Goodbye,
    stopped: Sequence[Enrolment],
    now: datetime,
) -> Departure:
    ids = [place.id for place in stopped]
    which = departures.record(
        tx, who, course, reason=goodbye.reason, words=goodbye.words[:MOST_WORDS], stopped=ids, now=now
    )
    found = departures.get(tx, which)
    assert found is not None  # noqa: S101 (made above)
    return found


def _tell(tx: Transaction, gone: Departure, now: datetime) -> None:
    """A mail says how to undo it, one a day at most, to whom has ever confirmed."""
    person = subscribers.get(tx, gone.subscriber_id)
    last = notices.last_at(tx, gone.subscriber_id, DeliveryKind.FAREWELL)
    if person is None or person.confirmed_at is None or (last is not None and now < last + ONE_MAIL_IN):
        return
    if subscribers.suppression_of(tx, person.address) is None and voice.of_departure(tx, gone) is not None:
        notices.queue(tx, DeliveryKind.FAREWELL, gone.id, gone.subscriber_id, now=now)


def _meant(tx: Transaction, who: SubscriberId, about: CourseId, scope: str) -> Enrolment | None:
    """The one place that somebody leaves by a link in a mail of `about`; None for everything."""
    if scope:
        return _place(tx, who, scope)
    mine = enrolments.of(tx, who)
    letter = next((place for place in mine if place.course_id == about and _course(tx, about).is_newsletter), None)
    others = [place for place in mine if place != letter and place.state is EnrolmentState.ACTIVE]
    return letter if others else None


def _place(tx: Transaction, who: SubscriberId, slug: str) -> Enrolment | None:
    """The person's place in the course of this name."""
    which = courses.published_ids(tx, [slug]).get(slug)
    return next((place for place in enrolments.of(tx, who) if place.course_id == which), None)


def _leaver(tx: Transaction, who: SubscriberId, about: CourseId, left: CourseId | None, now: datetime) -> Leaver:
    """How things stand with a person; `left` is the course that was just left, if it was one."""
    person, about_course = subscribers.get(tx, who), _course(tx, about) if about else None
    if person is None:
        return Leaver(course=about_course, has_left=True)
    going = [place.course_id for place in enrolments.of(tx, who) if place.state is EnrolmentState.ACTIVE]
    going.sort(key=lambda course: course != about)
    gone = _last(tx, person, left)
    told = gone is not None and notices.is_about(tx, who, DeliveryKind.FAREWELL, gone.id)
    fresh = gone is not None and person.confirmed_at is not None and now < gone.left_at + ON_THE_PAGE
    return Leaver(
        course=about_course,
        choices=tuple(_course(tx, course) for course in going),
        departure=gone,
        left=_course(tx, left) if left is not None else None,
        has_left=left is not None or person.state in (SubscriberState.LEFT, SubscriberState.SUPPRESSED),
        may_undo=fresh,
        is_mailed=told,
    )


def _last(tx: Transaction, person: Subscriber, course: CourseId | None) -> Departure | None:
    """The departure that holds: of this course, or of everything."""
    found = [one for one in departures.of(tx, person.id) if one.course_id == course and one.undone_at is None]
    if course is None:
        found = [one for one in found if person.state is SubscriberState.LEFT and one.left_at == person.left_at]
    return found[-1] if found else None


def _course(tx: Transaction, which: CourseId) -> Course:
    return courses.revision(tx, courses.current_id(tx, which)).course
