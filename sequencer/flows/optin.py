"""How does somebody come to be on a course? They confirm by a mail's link, or a form or an admin vouches for them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sequencer.core import abuse, lifecycle, schedule, tokens
from sequencer.core.hooks import Happening
from sequencer.core.lifecycle import EnrolmentEvent, SubscriberEvent
from sequencer.core.model import (
    NEWSLETTER,
    Assent,
    Consent,
    ConsentId,
    Course,
    CourseId,
    Enrolment,
    EnrolmentState,
    Revision,
    SignupRequest,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest
from sequencer.flows import hours, replan, telling
from sequencer.forms import Form, OptIn
from sequencer.store import asking, consents, courses, deliveries, door, enrolments, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

NOT_OURS = "This link is not one of ours any more. Please sign up again."
_ANSWERED = "It was confirmed before this was sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What a person hears when they have confirmed. `first_due` is on their own clock; None where nothing is due."""

    course: Course
    first_due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """What was asked for by a link that has expired: the course, and the form where it can be asked for again.

    Both are missing where it is so long ago that nothing is kept of it. `was_used`: it was confirmed in time.
    """

    course: Course | None = None
    form: str = ""
    was_used: bool = False


def to_confirm(db: Database, secret: str, token: str, *, now: datetime) -> Course:
    """The course that a confirmation link is for; changes nothing. Raises BadRequest for a link that is no good."""
    which = ConsentId(tokens.unseal(secret, Purpose.CONFIRM, token, now=now).subject)
    with db.read() as tx:
        consent = consents.get(tx, which)
        if consent is None:
            raise BadRequest(NOT_OURS)
        return courses.revision(tx, courses.current_id(tx, consent.course_id)).course


def lapsed(db: Database, secret: str, token: str) -> Lapsed:
    """What a confirmation link was for that works no more. Raises BadRequest for a link that never was ours."""
    which = ConsentId(tokens.read(secret, Purpose.CONFIRM, token).subject)
    with db.read() as tx:
        consent = consents.get(tx, which)
        if consent is None:
            return Lapsed()
        course = courses.revision(tx, courses.current_id(tx, consent.course_id)).course
        return Lapsed(course=course, form=consent.form, was_used=consent.confirmed_at is not None)


def confirm(db: Database, secret: str, token: str, *, ip: str, now: datetime) -> Confirmed:
    """The person confirms: active, enrolled, the first lesson planned, in one commit. Twice is once.

    Raises BadRequest for a link that is no good, was disowned, or was used before the person left.
    """
    which = ConsentId(tokens.unseal(secret, Purpose.CONFIRM, token, now=now).subject)
    with db.begin() as tx:
        known = consents.get(tx, which)
        if known is not None and known.confirmed_at is None:
            # Counters before people, as sign-ups take them: nobody waits in a circle.
            _count(tx, known, secret, now)
        person = subscribers.lock(tx, known.subscriber_id) if known else None
        consent = consents.lock(tx, which)
        if consent is None or person is None:
            raise BadRequest(NOT_OURS)
        suppressed = subscribers.suppression_of(tx, person.address) is not None
        _refuse_used(consent, person, suppressed=suppressed)
        if consent.confirmed_at is None:
            consents.confirm(tx, which, ip=ip, now=now)
            asking.answered(tx, person.id, which, reason=_ANSWERED, now=now)
            person = activate(tx, person, consent, now)
            telling.happened(tx, Happening.CONFIRMED, person, consent.course_id, now=now, form=consent.form)
        revision, place = _on_all(tx, person, consent, now)
    log.info("subscriber.confirmed", extra={"subscriber": person.id, "consent": which})
    due = place.next_due_at
    local = schedule.in_zone(due, hours.zone(person.timezone, replan.UTC)) if due else None
    return Confirmed(course=revision.course, first_due=local)


def _count(tx: Transaction, consent: Consent, secret: str, now: datetime) -> None:
    person = subscribers.get(tx, consent.subscriber_id)
    if person is not None:
        door.confirm(tx, abuse.answered(consent.form, person.address.normalized, secret).values(), now=now)


def admit(
    tx: Transaction, who: SubscriberId, course: CourseId, request: SignupRequest, form: Form, *, now: datetime
) -> bool:
    """Put somebody on the course who came by a form of single opt-in, its reason kept as proof; whether they are on it.

    Never whose address is suppressed, nor who has left us or the course: those are asked by mail, like everybody by
    any other form. The person is locked by the caller.
    """
    if form.opt_in is not OptIn.SINGLE:
        return False
    person = subscribers.get(tx, who)
    assert person is not None  # noqa: S101 (locked by the caller)
    if person.state not in (SubscriberState.PENDING, SubscriberState.ACTIVE):
        return False
    if subscribers.suppression_of(tx, person.address) is not None:
        return False
    places = [enrolments.find(tx, who, one) for one in (course, *(_newsletter(tx) if form.newsletter else ()))]
    if all(places) or any(place is not None and place.state is EnrolmentState.STOPPED for place in places):
        return all(place is not None and place.state is not EnrolmentState.STOPPED for place in places)
    note = " ".join(filter(None, [request.note, f"Nobody was asked by mail: {form.single_because}"]))
    told = request._replace(note=note)
    version = form.wording_version
    vouch(
        tx,
        person,
        course,
        told,
        wording=form.consent,
        wording_version=version,
        assent=Assent.FORM,
        newsletter=form.newsletter,
        now=now,
    )
    log.info("subscriber.admitted", extra={"subscriber": who, "form": form.key})
    return True


def vouch(
    tx: Transaction,
    person: Subscriber,
    course: CourseId,
    request: SignupRequest,
    *,
    wording: str,
    wording_version: str = "",
    assent: Assent,
    newsletter: bool = False,
    now: datetime,
) -> Subscriber:
    """Put a person on a course whom nobody asks by mail: what they agreed to, and how we know, is kept as consent."""
    which = consents.record(
        tx,
        person.id,
        course,
        request,
        wording=wording,
        wording_version=wording_version,
        assent=assent,
        newsletter=newsletter,
        now=now,
    )
    consents.confirm(tx, which, ip="", now=now)
    asking.answered(tx, person.id, which, reason=_ANSWERED, now=now)
    consent = consents.get(tx, which)
    assert consent is not None  # noqa: S101 (made above, in this transaction)
    person = activate(tx, person, consent, now)
    _on_all(tx, person, consent, now)
    for what in (Happening.SUBSCRIBED, Happening.CONFIRMED):
        telling.happened(tx, what, person, course, now=now, form=request.form)
    return person


def activate(tx: Transaction, person: Subscriber, consent: Consent, now: datetime) -> Subscriber:
    """The person gets mail from now on, and what the consent says of them counts: the later word; tags add up."""
    state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.CONFIRM)
    person = replace(
        person,
        state=state,
        name=consent.name or person.name,
        timezone=consent.timezone or person.timezone,
        language=consent.language or person.language,
        attributes=tuple({**dict(person.attributes), **dict(consent.attributes)}.items()),
        tags=tuple(dict.fromkeys((*person.tags, *consent.tags))),
        confirmed_at=now if state is not person.state else person.confirmed_at,
    )
    subscribers.save(tx, person)
    return person


def _on_all(tx: Transaction, person: Subscriber, consent: Consent, now: datetime) -> tuple[Revision, Enrolment]:
    """Put the person on what they agreed to: the course, and the newsletter where they asked for it too."""
    for newsletter in _newsletter(tx) if consent.newsletter else ():
        if newsletter != consent.course_id:
            before = enrolments.find(tx, person.id, newsletter)
            enrol(tx, person, newsletter, now)
            if before is None or before.state is EnrolmentState.STOPPED:
                telling.happened(tx, Happening.CONFIRMED, person, newsletter, now=now, form=consent.form)
    return enrol(tx, person, consent.course_id, now)


def _newsletter(tx: Transaction) -> Sequence[CourseId]:
    """The newsletter, if there is one."""
    return list(courses.published_ids(tx, [NEWSLETTER]).values())


def enrol(tx: Transaction, person: Subscriber, course: CourseId, now: datetime) -> tuple[Revision, Enrolment]:
    """Put the person on the course, or back to their place in it."""
    revision = courses.revision(tx, courses.current_id(tx, course))
    place = enrolments.find(tx, person.id, course)
    if place is None:
        enrolments.start(tx, person.id, course, due_at=_first_due(person, revision, now), now=now)
    elif place.state is EnrolmentState.STOPPED:
        # Who comes back does not wait for the end of a pause that they once chose.
        place = replace(place, paused_until=None)
        state = lifecycle.move(lifecycle.ENROLMENT, place.state, EnrolmentEvent.RESUME)
        due = None if revision.course.is_newsletter else replan.next_due(tx, person, place, revision, now=now)
        # An issue that was skipped when they left is not sent when they come back: it is old news.
        skipped = due is not None and deliveries.revive(tx, place, due_at=due)
        enrolments.save(tx, replace(place, state=state, next_due_at=None if skipped else due))
    found = enrolments.find(tx, person.id, course)
    assert found is not None  # noqa: S101 (made above, in this transaction)
    return revision, found


def _first_due(person: Subscriber, revision: Revision, now: datetime) -> datetime | None:
    """When the first lesson is due, by the person's own rhythm; None on the newsletter."""
    if revision.course.is_newsletter:
        return None
    rhythm = hours.to_lesson(revision.course, 0, since=now, preference=person.preference)
    zone = hours.zone(person.timezone, replan.UTC)
    return schedule.first_due(now, zone, rhythm, share=hours.share(person.id, revision))


def _refuse_used(consent: Consent, person: Subscriber, *, suppressed: bool) -> None:
    """A link does not bring back who left after using it, nor whose address is suppressed."""
    if suppressed or person.state is SubscriberState.SUPPRESSED:
        raise BadRequest("We do not write to this address any more. Please write to us if you think that is wrong.")
    if consent.disowned_at is not None:
        raise BadRequest("You told us that this sign-up was not yours. Please sign up again if you want the course.")
    used = consent.confirmed_at is not None
    left = person.left_at is not None and person.left_at >= consent.asked_at
    if person.state is SubscriberState.LEFT and (used or left):
        raise BadRequest("This link is used up. Please sign up again if you would like to come back.")
