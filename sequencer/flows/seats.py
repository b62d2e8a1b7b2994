"""At which place in a course does somebody press a button, and may anything be done there? What the acts share."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sequencer.core import tokens
from sequencer.core.model import Enrolment, EnrolmentId, EnrolmentState, Revision, Subscriber, SubscriberState
from sequencer.core.tokens import Purpose
from sequencer.errors import NotFound
from sequencer.flows import hours, replan
from sequencer.store import courses, deliveries, enrolments, subscribers
from sequencer.store.database import Transaction

log = logging.getLogger(__name__)


class Said(StrEnum):
    """What came of an act. The words for it are the page's."""

    NOW = "now"
    UNDER_WAY = "under-way"
    RESTING = "resting"
    PAUSED = "paused"
    RESUMED = "resumed"
    RHYTHM = "rhythm"
    SKIPPED = "skipped"
    RESTARTED = "restarted"
    DONE = "done"
    UNDONE = "undone"
    ALREADY = "already"
    FINISHED = "finished"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person at their place in a course, both locked, with the words as they are now."""

    person: Subscriber
    place: Enrolment
    revision: Revision

    @property
    def zone(self) -> ZoneInfo:
        """By whose clock."""
        return hours.zone(self.person.timezone, replan.UTC)


def whose(secret: str, token: str, *, now: datetime) -> EnrolmentId:
    """The place in a course that a link of a lesson belongs to. Raises BadRequest for a link that is not ours."""
    return EnrolmentId(tokens.unseal(secret, Purpose.REMOTE, token, now=now).subject)


def known(tx: Transaction, which: EnrolmentId) -> Enrolment:
    """The place as it is now, not locked. Raises NotFound."""
    place = enrolments.get(tx, which)
    if place is None:
        raise NotFound("We do not know this course of yours any more.")
    return place


def lock_person(tx: Transaction, which: EnrolmentId) -> Subscriber:
    """The person of a place, locked: people before messages before places."""
    person = subscribers.lock(tx, known(tx, which).subscriber_id)
    assert person is not None  # noqa: S101 (a place is somebody's)
    return person


def take(tx: Transaction, person: Subscriber, which: EnrolmentId) -> Seat:
    """The place of a person who is locked, locked too."""
    place = enrolments.lock(tx, which)
    assert place is not None  # noqa: S101 (it was there a moment ago, and its person is locked)
    return Seat(person=person, place=place, revision=words(tx, place))


def refused(seat: Seat) -> Said | None:
    """Why nothing can be done for this person here; None where it can."""
    if seat.person.state is not SubscriberState.ACTIVE or seat.place.state is EnrolmentState.STOPPED:
        return Said.GONE
    return Said.FINISHED if seat.place.state is EnrolmentState.FINISHED else None


def save(tx: Transaction, seat: Seat, now: datetime) -> None:
    """Write the place, its next lesson planned anew where one is planned."""
    place = seat.place
    if place.next_due_at is not None:
        place = replace(place, next_due_at=replan.next_due(tx, seat.person, place, seat.revision, now=now))
    enrolments.save(tx, place)


def coming(tx: Transaction, place: Enrolment, revision: Revision) -> tuple[int, ...]:
    """The steps of the lessons that are still to come in this pass: the ledger knows none of them."""
    had = {row.campaign_id for row in deliveries.had(tx, place)}
    return tuple(step for step, which in enumerate(revision.lesson_ids) if step >= place.step and which not in had)


def is_paused(place: Enrolment, now: datetime) -> bool:
    """Whether the person wanted nothing to come just now."""
    return place.paused_until is not None and place.paused_until > now


def told(which: EnrolmentId, act: str, said: Said) -> Said:
    """Note that a button was pressed, for who asks which ones people use; what came of it."""
    log.info("remote.pressed", extra={"enrolment": which, "act": act, "said": said})
    return said


def words(tx: Transaction, place: Enrolment) -> Revision:
    """The course of a place as it is published now."""
    return courses.revision(tx, courses.current_id(tx, place.course_id))
