"""What do the site's programs learn of people and their places in courses, and what may they change?

Each act happens within the transaction of the request that asks for it: the answer may be kept with it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core.model import (
    Address,
    CourseId,
    Enrolment,
    EnrolmentId,
    EnrolmentState,
    Revision,
    SignupRequest,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.errors import BadRequest, Conflict, NotFound
from sequencer.flows import optin, seats, subscription
from sequencer.flows.seats import Seat
from sequencer.flows.silence import stop_courses
from sequencer.forms import Form
from sequencer.store import courses, deliveries, enrolments, subscribers
from sequencer.store.database import Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which people are asked for; whoever only `sees_left` cannot tell who is suppressed from who has left."""

    sees_left: bool
    state: SubscriberState | None = None
    course: str = ""
    tag: str = ""
    address: Address | None = None


def people(tx: Transaction, wanted: Wanted, *, after: int, limit: int) -> Sequence[Subscriber]:
    """People whose id is above `after`, in that order, and as far as they are to be seen."""
    course = None
    if wanted.course:
        course = courses.published_ids(tx, [wanted.course]).get(wanted.course)
        if course is None:
            return []
    states = [wanted.state] if wanted.state else []
    if wanted.sees_left and SubscriberState.LEFT in states:
        states.append(SubscriberState.SUPPRESSED)
    found = subscribers.page(
        tx, after=after, limit=limit, states=states, course=course, tag=wanted.tag, address=wanted.address
    )
    return [seen(one) for one in found] if wanted.sees_left else found


def seen(person: Subscriber) -> Subscriber:
    """The person as whoever sees them who may not know whom a bounce or a complaint has silenced: they have left."""
    if person.state is SubscriberState.SUPPRESSED:
        person = replace(person, state=SubscriberState.LEFT)
    return replace(person, left_at=None)


def person(tx: Transaction, who: SubscriberId) -> Subscriber:
    """One person as they are now. Raises NotFound."""
    return _there(subscribers.get(tx, who))


def lock(tx: Transaction, who: SubscriberId) -> Subscriber:
    """One person, locked until the transaction ends. Raises NotFound."""
    return _there(subscribers.lock(tx, who))


def bring(tx: Transaction, request: SignupRequest, form: Form, *, zone: ZoneInfo, now: datetime) -> Subscriber:
    """Somebody who agreed elsewhere joins, with all that is told of them; the request's note is the proof.

    Raises Conflict, in the same words for who has left and who is suppressed: only they can come back.
    """
    try:
        return subscription.admit(tx, request, form, zone=zone, now=now)
    except BadRequest as error:
        raise Conflict("Only the owner of this address can bring it back, by a sign-up form.") from error


def of_address(tx: Transaction, address: Address) -> Subscriber | None:
    """The person of this address, or None."""
    return subscribers.find(tx, address)


def change(tx: Transaction, before: Subscriber, after: Subscriber, *, now: datetime) -> None:
    """Write what is known of a person; where their clock or rhythm is another one now, what comes is planned anew."""
    subscribers.save(tx, after)
    if (before.timezone, before.preference) != (after.timezone, after.preference):
        for place in enrolments.lock_of(tx, after.id):
            seats.save(tx, Seat(person=after, place=place, revision=seats.words(tx, place)), now)
    log.info("subscriber.changed", extra={"subscriber": after.id})


def places(
    tx: Transaction, *, who: SubscriberId | None, course: str, state: EnrolmentState | None, after: int, limit: int
) -> Sequence[Enrolment]:
    """Places in courses whose id is above `after`, in that order."""
    which = courses.published_ids(tx, [course]).get(course) if course else None
    if course and which is None:
        return []
    return enrolments.page(tx, after=after, limit=limit, who=who, course=which, state=state)


def place(tx: Transaction, which: EnrolmentId) -> Enrolment:
    """One place in a course. Raises NotFound."""
    found = enrolments.get(tx, which)
    if found is None:
        raise NotFound("There is no such enrolment.")
    return found


def words(tx: Transaction, course: CourseId) -> Revision:
    """What is published of a course now."""
    return courses.revision(tx, courses.current_id(tx, course))


def catalogue(tx: Transaction) -> Sequence[Revision]:
    """Every course as it is published now."""
    return courses.all_current(tx)


def enrol(tx: Transaction, who: Subscriber, slug: str, *, now: datetime) -> tuple[Enrolment, bool]:
    """Put somebody on a course, or back to their place in it; and whether anything has changed.

    Raises NotFound where there is no such course, and Conflict for who does not get our mail.
    """
    which = courses.published_ids(tx, [slug]).get(slug)
    if which is None:
        raise NotFound(f'There is no course "{slug}".')
    if who.state is not SubscriberState.ACTIVE:
        raise Conflict("This person does not get our mail: they have not confirmed yet, or have left.")
    before = enrolments.find(tx, who.id, which)
    _, after = optin.enrol(tx, who, which, now)
    changed = before is None or before.state is not after.state
    if changed:
        log.info("enrolment.begun", extra={"enrolment": after.id, "course": slug})
    return after, changed


def stop(tx: Transaction, places: Sequence[Enrolment], *, reason: str, now: datetime) -> Sequence[EnrolmentId]:
    """Nothing more comes of these courses, whose person is locked, and what is not on the wire yet is cancelled.

    Gives those that stop with it; who had finished stays finished.
    """
    for one in places:
        deliveries.cancel_of(tx, one, reason=reason, now=now)
    held = [found for one in places if (found := enrolments.lock(tx, one.id)) is not None]
    stopped = [one for one in held if one.state is EnrolmentState.ACTIVE]
    stop_courses(tx, held)
    for one in stopped:
        # A lesson may have been claimed before the place was ours.
        deliveries.cancel_of(tx, one, reason=reason, now=now)
        log.info("enrolment.stopped", extra={"enrolment": one.id, "reason": reason})
    return [one.id for one in stopped]


def _there(found: Subscriber | None) -> Subscriber:
    if found is None:
        raise NotFound("There is no such subscriber.")
    return found
