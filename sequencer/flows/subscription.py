"""How do people stay and leave? Be added by an admin, leave, change preferences: one commit each."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core import lifecycle, tokens
from sequencer.core.lifecycle import SubscriberEvent
from sequencer.core.model import (
    Address,
    Assent,
    Course,
    CourseId,
    Enrolment,
    Revision,
    SignupRequest,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, BadSettings, NotFound
from sequencer.flows import optin, replan
from sequencer.flows.ledger import stop_courses
from sequencer.forms import Form
from sequencer.store import courses, deliveries, enrolments, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a person hears when they leave; `course` is the one whose link they followed, if it was one's."""

    course: Course | None


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
        return admit(tx, request, form, zone=zone, now=now).id


def admit(tx: Transaction, request: SignupRequest, form: Form, *, zone: ZoneInfo, now: datetime) -> Subscriber:
    """Somebody who agreed elsewhere is on the course; the request's note says where, and is kept as their consent.

    Raises BadRequest for an address that is suppressed, or whose owner has left: only they can come back.
    """
    address = request.address
    course = _published(tx, form.course).course_id
    person = subscribers.ensure(tx, address, name=request.name, timezone=request.timezone or zone.key, now=now)
    if subscribers.suppression_of(tx, address) or person.state is SubscriberState.SUPPRESSED:
        raise BadRequest(f"{address.normalized} is on the suppression list and gets no more mail.")
    if person.state is SubscriberState.LEFT:
        raise BadRequest(f"{address.normalized} has unsubscribed; only they can come back, by a sign-up form.")
    person = optin.vouch(tx, person, course, request, wording=request.note, assent=Assent.ELSEWHERE, now=now)
    log.info("subscriber.added", extra={"subscriber": person.id})
    return person


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
        depart(tx, who, now=now)


def depart(tx: Transaction, who: SubscriberId, *, now: datetime) -> None:
    """The same, within a transaction that does more."""
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
                enrolments.save(tx, replace(place, next_due_at=replan.next_due(tx, person, place, revision, now=now)))
    log.info("subscriber.changed", extra={"subscriber": who})
    return person


def _published(tx: Transaction, slug: str) -> Revision:
    revision = courses.current(tx, slug)
    if revision is None:
        raise BadSettings(f'The course "{slug}" is not published yet; run "sequencer course apply {slug}".')
    return revision


def places(db: Database, who: SubscriberId) -> Sequence[tuple[Enrolment, Course]]:
    """The person's courses with their place in each."""
    with db.read() as tx:
        return [
            (place, courses.revision(tx, courses.current_id(tx, place.course_id)).course)
            for place in enrolments.of(tx, who)
        ]
