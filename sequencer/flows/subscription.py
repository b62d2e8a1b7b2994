"""How do people come, stay and leave? Sign up, confirm, leave, refuse, change preferences: one commit each."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sequencer.core import lifecycle, schedule, tokens, verdicts
from sequencer.core.lifecycle import EnrolmentEvent, SubscriberEvent
from sequencer.core.model import (
    Address,
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
from sequencer.core.verdicts import SignupVerdict
from sequencer.errors import BadRequest, BadSettings, NotFound
from sequencer.flows import hours, replan
from sequencer.flows.ledger import stop_courses
from sequencer.forms import Form
from sequencer.store import consents, courses, deliveries, enrolments, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What a person hears when they have confirmed. `first_due` is on their own clock; None where nothing is due."""

    course: Course
    first_due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a person hears when they leave; `course` is the one whose link they followed, if it was one's."""

    course: Course | None


def sign_up(db: Database, request: SignupRequest, form: Form, *, zone: ZoneInfo, now: datetime) -> SignupVerdict:
    """Take a sign-up: the person (pending), what they agreed to, and a confirmation mail, in one commit.

    Nothing about a person changes before they confirm. The door must answer the same for each verdict.
    """
    with db.begin() as tx:
        course = _published(tx, form.course).course_id
        # Without the name: who typed it need not be who confirms.
        person = subscribers.ensure(tx, request.address, name="", timezone=zone.key, now=now)
        verdict = _judge(tx, person, course, now)
        if verdict is SignupVerdict.CONFIRM:
            consent = consents.record(tx, person.id, course, request, wording=form.consent, now=now)
            deliveries.queue_confirmation(tx, consent, person.id, now=now)
    log.info("signup.taken", extra={"subscriber": person.id, "form": form.key, "verdict": verdict})
    return verdict


def to_confirm(db: Database, secret: str, token: str, *, now: datetime) -> Course:
    """The course that a confirmation link is for; changes nothing. Raises BadRequest for a link that is no good."""
    which = ConsentId(tokens.unseal(secret, Purpose.CONFIRM, token, now=now).subject)
    with db.read() as tx:
        consent = consents.get(tx, which)
        if consent is None:
            raise BadRequest("This link is not one of ours any more. Please sign up again.")
        return courses.revision(tx, courses.current_id(tx, consent.course_id)).course


def confirm(db: Database, secret: str, token: str, *, ip: str, now: datetime) -> Confirmed:
    """The person confirms: active, enrolled, the first lesson planned, in one commit. Twice is once.

    Raises BadRequest for a link that is no good, or was used before the person left.
    """
    which = ConsentId(tokens.unseal(secret, Purpose.CONFIRM, token, now=now).subject)
    with db.begin() as tx:
        known = consents.get(tx, which)
        person = subscribers.lock(tx, known.subscriber_id) if known else None
        consent = consents.lock(tx, which)
        if consent is None or person is None:
            raise BadRequest("This link is not one of ours any more. Please sign up again.")
        suppressed = subscribers.suppression_of(tx, person.address) is not None
        _refuse_used(consent, person, suppressed=suppressed)
        if consent.confirmed_at is None:
            consents.confirm(tx, which, ip=ip, now=now)
            person = _activate(tx, person, name=consent.name, timezone=consent.timezone, now=now)
        revision, place = _enrol(tx, person, consent.course_id, now)
    log.info("subscriber.confirmed", extra={"subscriber": person.id, "consent": which})
    due = place.next_due_at
    local = schedule.in_zone(due, hours.zone(person.timezone, replan.UTC)) if due else None
    return Confirmed(course=revision.course, first_due=local)


def add(
    db: Database,
    address: Address,
    form: Form,
    *,
    name: str,
    zone: ZoneInfo,
    reason: str,
    now: datetime,
    chosen: ZoneInfo | None = None,
) -> SubscriberId:
    """An admin adds somebody who agreed elsewhere; `reason` says where and is kept as their consent.

    `zone` is for somebody new; a zone that was `chosen` takes the place of the one that is known.
    Raises BadRequest for an address that is suppressed, or whose owner has left: only they can come back.
    """
    timezone = chosen.key if chosen else ""
    request = SignupRequest(
        form=form.key, address=address, name=name, timezone=timezone, note=reason, source_url="", ip=""
    )
    with db.begin() as tx:
        course = _published(tx, form.course).course_id
        person = subscribers.ensure(tx, address, name=name, timezone=timezone or zone.key, now=now)
        if subscribers.suppression_of(tx, address) or person.state is SubscriberState.SUPPRESSED:
            raise BadRequest(f"{address.normalized} is on the suppression list and gets no more mail.")
        if person.state is SubscriberState.LEFT:
            raise BadRequest(f"{address.normalized} has unsubscribed; only they can come back, by a sign-up form.")
        consent = consents.record(tx, person.id, course, request, wording=reason, now=now)
        consents.confirm(tx, consent, ip="", now=now)
        person = _activate(tx, person, name=name, timezone=timezone, now=now)
        _enrol(tx, person, course, now)
    log.info("subscriber.added", extra={"subscriber": person.id})
    return person.id


def leave(db: Database, secret: str, token: str, *, now: datetime) -> Left:
    """Unsubscribe by a link: what is not on the wire yet is cancelled with it. Idempotent."""
    opened = tokens.unseal(secret, Purpose.LEAVE, token, now=now)
    leave_person(db, SubscriberId(opened.subject), now=now)
    return to_leave(db, secret, token, now=now)


def to_leave(db: Database, secret: str, token: str, *, now: datetime) -> Left:
    """What an unsubscribe link is about; changes nothing. Raises BadRequest for a link that is not ours."""
    about = CourseId(tokens.unseal(secret, Purpose.LEAVE, token, now=now).about)
    if not about:
        return Left(course=None)
    with db.read() as tx:
        return Left(course=courses.revision(tx, courses.current_id(tx, about)).course)


def leave_person(db: Database, who: SubscriberId, *, now: datetime) -> None:
    """The person gets no more mail unless they sign up again. Idempotent; nobody is nobody, and no error."""
    with db.begin() as tx:
        person = subscribers.lock(tx, who)
        if person is None:
            return
        state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.LEAVE)
        if state is not person.state:
            subscribers.save(tx, replace(person, state=state, left_at=now))
        cancelled = deliveries.cancel(tx, who, reason="The person left before it was sent.", now=now)
        stop_courses(tx, enrolments.lock_of(tx, who))
    log.info("subscriber.left", extra={"subscriber": who, "cancelled": cancelled})


def preferences(db: Database, secret: str, token: str, *, now: datetime) -> Subscriber:
    """The person a preferences link belongs to. Raises BadRequest for a link that is not ours."""
    who = SubscriberId(tokens.unseal(secret, Purpose.PREFERENCES, token, now=now).subject)
    with db.read() as tx:
        person = subscribers.get(tx, who)
    if person is None:
        raise NotFound("We do not know this person any more.")
    return person


def prefer(db: Database, secret: str, token: str, *, name: str, zone: ZoneInfo, now: datetime) -> Subscriber:
    """Change name and zone; what is due next is planned anew by the new clock, never earlier than now."""
    who = preferences(db, secret, token, now=now).id
    with db.begin() as tx:
        person = subscribers.lock(tx, who)
        if person is None:
            raise NotFound("We do not know this person any more.")
        person = replace(person, name=name, timezone=zone.key)
        subscribers.save(tx, person)
        for place in enrolments.lock_of(tx, who):
            if place.next_due_at is not None:
                revision = courses.revision(tx, courses.current_id(tx, place.course_id))
                enrolments.save(tx, replace(place, next_due_at=_planned(tx, person, revision, place, now)))
    log.info("subscriber.changed", extra={"subscriber": who})
    return person


def _published(tx: Transaction, slug: str) -> Revision:
    revision = courses.current(tx, slug)
    if revision is None:
        raise BadSettings(f'The course "{slug}" is not published yet; run "sequencer course apply {slug}".')
    return revision


def _judge(tx: Transaction, person: Subscriber, course: CourseId, now: datetime) -> SignupVerdict:
    since = max(person.confirmed_at or _LONG_AGO, person.left_at or _LONG_AGO)
    place = enrolments.find(tx, person.id, course)
    suppressed = subscribers.suppression_of(tx, person.address) is not None
    return verdicts.signup(
        SubscriberState.SUPPRESSED if suppressed else person.state,
        on_course=place is not None and place.state is not EnrolmentState.STOPPED,
        confirmations=deliveries.confirmations(tx, person.id, since=since),
        now=now,
    )


def _refuse_used(consent: Consent, person: Subscriber, *, suppressed: bool) -> None:
    """A link does not bring back who left after using it, nor whose address is suppressed."""
    if suppressed or person.state is SubscriberState.SUPPRESSED:
        raise BadRequest("We do not write to this address any more. Please write to us if you think that is wrong.")
    used = consent.confirmed_at is not None
    left = person.left_at is not None and person.left_at >= consent.asked_at
    if person.state is SubscriberState.LEFT and (used or left):
        raise BadRequest("This link is used up. Please sign up again if you would like to come back.")


def _activate(tx: Transaction, person: Subscriber, *, name: str, timezone: str, now: datetime) -> Subscriber:
    state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.CONFIRM)
    person = replace(
        person,
        state=state,
        name=name or person.name,
        timezone=timezone or person.timezone,
        confirmed_at=now if state is not person.state else person.confirmed_at,
    )
    subscribers.save(tx, person)
    return person


def _enrol(tx: Transaction, person: Subscriber, course: CourseId, now: datetime) -> tuple[Revision, Enrolment]:
    """Put the person on the course, or back to their place in it."""
    revision = courses.revision(tx, courses.current_id(tx, course))
    place = enrolments.find(tx, person.id, course)
    if place is None:
        enrolments.start(tx, person.id, course, due_at=_planned(tx, person, revision, None, now), now=now)
    elif place.state is EnrolmentState.STOPPED:
        # Who comes back does not wait for the end of a pause that they once chose.
        place = replace(place, paused_until=None)
        due = _planned(tx, person, revision, place, now)
        state = lifecycle.move(lifecycle.ENROLMENT, place.state, EnrolmentEvent.RESUME)
        skipped = deliveries.revive(tx, place, due_at=due)
        enrolments.save(tx, replace(place, state=state, next_due_at=None if skipped else due))
    found = enrolments.find(tx, person.id, course)
    assert found is not None  # noqa: S101 (made above, in this transaction)
    return revision, found


def _planned(
    tx: Transaction, person: Subscriber, revision: Revision, place: Enrolment | None, now: datetime
) -> datetime:
    """When the person's next lesson is due by their own rhythm as it is now, a gap after the last one."""
    if place is not None:
        return replan.next_due(tx, person, place, revision, now=now)
    rhythm = hours.to_lesson(revision.course, 0, since=now, preference=person.preference)
    zone = hours.zone(person.timezone, replan.UTC)
    return schedule.first_due(now, zone, rhythm, share=hours.share(person.id, revision))


def places(db: Database, who: SubscriberId) -> Sequence[tuple[Enrolment, Course]]:
    """The person's courses with their place in each."""
    with db.read() as tx:
        return [
            (place, courses.revision(tx, courses.current_id(tx, place.course_id)).course)
            for place in enrolments.of(tx, who)
        ]
