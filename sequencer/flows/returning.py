"""How does somebody come back who left by mistake, or by somebody else's hand? They undo it, for some weeks."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sequencer.core import lifecycle, tokens
from sequencer.core.hooks import Happening
from sequencer.core.lifecycle import SubscriberEvent
from sequencer.core.model import (
    Course,
    Departure,
    DepartureId,
    Enrolment,
    EnrolmentState,
    Subscriber,
    SubscriberState,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import hours, optin, replan, telling
from sequencer.store import courses, departures, enrolments, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A departure and its undoing. `courses` are those that go on, each with its next lesson's hour on their clock.

    Before it is undone they are those that would. `is_done`: it was undone, now or before.
    """

    departure: Departure
    courses: Sequence[tuple[Course, datetime | None]]
    is_done: bool


def to_undo(db: Database, secret: str, token: str, *, now: datetime) -> Return:
    """What a link would undo; changes nothing. Raises BadRequest where it is no good, or nothing can be undone."""
    which = _named(secret, token, now)
    with db.read() as tx:
        gone = departures.get(tx, which)
        person = subscribers.get(tx, gone.subscriber_id) if gone else None
        return _seen(tx, *_allowed(tx, gone, person))


def undo(db: Database, secret: str, token: str, *, now: datetime) -> Return:
    """They did not mean to leave: they go on at their place, in one commit. Twice is once.

    Raises BadRequest where it is no good, or where they left again since then, or may not be written to any more.
    """
    which = _named(secret, token, now)
    with db.begin() as tx:
        known = departures.get(tx, which)
        person = subscribers.lock(tx, known.subscriber_id) if known else None
        gone, person = _allowed(tx, departures.get(tx, which), person)
        if gone.undone_at is None:
            departures.undo(tx, which, now=now)
            if person.state is SubscriberState.LEFT:
                state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.UNDO)
                person = replace(person, state=state, left_at=None)
                subscribers.save(tx, person)
            for place in _stopped(tx, gone):
                optin.enrol(tx, person, place.course_id, now)
            telling.happened(tx, Happening.CONFIRMED, person, gone.course_id, now=now, form=None)
            log.info("subscriber.returned", extra={"subscriber": person.id, "departure": which})
        undone, person = departures.get(tx, which), subscribers.get(tx, person.id)
        return _seen(tx, *_allowed(tx, undone, person))


def _named(secret: str, token: str, now: datetime) -> DepartureId:
    return DepartureId(tokens.unseal(secret, Purpose.BACK, token, now=now).subject)


def _allowed(tx: Transaction, gone: Departure | None, person: Subscriber | None) -> tuple[Departure, Subscriber]:
    """Both, where this may be undone, or was."""
    if gone is None or person is None:
        raise NotFound("We keep nothing of this any more.")
    if person.state is SubscriberState.SUPPRESSED or subscribers.suppression_of(tx, person.address) is not None:
        raise BadRequest("We do not write to this address any more. Please write to us if you think that is wrong.")
    later = person.state is not SubscriberState.ACTIVE and person.left_at != gone.left_at
    if person.confirmed_at is None or later or (person.state is SubscriberState.LEFT and gone.course_id is not None):
        raise BadRequest("You have left altogether since then. Please sign up again if you would like to come back.")
    return gone, person


def _stopped(tx: Transaction, gone: Departure) -> Sequence[Enrolment]:
    """The places that ended with it, but for those that were left anew since then."""
    anew = {
        place
        for one in departures.of(tx, gone.subscriber_id)
        if one.id > gone.id and one.undone_at is None
        for place in one.stopped
    }
    places = [enrolments.get(tx, which) for which in gone.stopped if which not in anew]
    return [place for place in places if place is not None and place.state is EnrolmentState.STOPPED]


def _seen(tx: Transaction, gone: Departure, person: Subscriber) -> Return:
    zone = hours.zone(person.timezone, replan.UTC)
    is_done = gone.undone_at is not None
    theirs = [one for one in enrolments.of(tx, person.id) if one.id in gone.stopped]
    places = [one for one in theirs if one.state is EnrolmentState.ACTIVE] if is_done else _stopped(tx, gone)
    return Return(
        departure=gone,
        courses=[
            (
                courses.revision(tx, courses.current_id(tx, place.course_id)).course,
                place.next_due_at.astimezone(zone) if place.next_due_at else None,
            )
            for place in places
        ],
        is_done=is_done,
    )
