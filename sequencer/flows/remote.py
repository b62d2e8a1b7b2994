"""What can a person do with the lessons of their course, from any of them? Next now, skip, start over, done.

Each act is one commit and says what came of it. What is pressed twice happens once: an act that is about a lesson, or
a pass through the course, names it. While a lesson is on its way nothing brings another one.
"""

import logging
from dataclasses import replace
from datetime import datetime

from sequencer.core import lifecycle
from sequencer.core.hooks import Happening
from sequencer.core.lifecycle import EnrolmentEvent
from sequencer.core.model import EnrolmentId, EnrolmentState, LessonId
from sequencer.errors import BadRequest
from sequencer.flows import replan, seats, several, telling
from sequencer.flows.archive import Archive
from sequencer.flows.seats import Said, Seat
from sequencer.flows.several import Finisher
from sequencer.store import deliveries, done, enrolments, pauses
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)


def next_now(db: Database, which: EnrolmentId, lesson: LessonId, *, now: datetime) -> Said:
    """The next lesson goes out with the next pass, if it still is `lesson`; the one after it a gap later.

    A pause ends with it.
    """
    with db.begin() as tx:
        seat = seats.take(tx, seats.lock_person(tx, which), which)
        said = seats.refused(seat) or _next_now(tx, seat, lesson, now)
    return seats.told(which, "now", said)


def skip(db: Database, which: EnrolmentId, lesson: LessonId, *, now: datetime) -> Said:
    """The next lesson, if it still is `lesson`, is left out in this pass; without another the course is finished."""
    with db.begin() as tx:
        seat = seats.take(tx, seats.lock_person(tx, which), which)
        said = seats.refused(seat) or _skip(tx, seat, lesson, now)
    return seats.told(which, "skip", said)


def start_over(db: Database, which: EnrolmentId, run: int, *, now: datetime) -> Said:
    """A new pass through the course, from its first lesson, if the present one still is `run`.

    What waits to be tried again is cancelled; the first lesson comes a gap after the last one.
    """
    with db.begin() as tx:
        person = seats.lock_person(tx, which)
        known = seats.known(tx, which)
        said = seats.refused(Seat(person=person, place=known, revision=seats.words(tx, known)))
        if said in (None, Said.FINISHED) and known.run == run:
            deliveries.cancel_of(tx, known, reason="The person started over.", now=now)
            said = _start_over(tx, seats.take(tx, person, which), run, now)
        elif said is None or said is Said.FINISHED:
            said = Said.ALREADY
    return seats.told(which, "restart", said)


def tick(db: Database, which: EnrolmentId, lesson: LessonId, *, is_done: bool, now: datetime) -> Said:
    """A lesson that the person got in this pass is done, or not after all. Raises BadRequest for any other lesson."""
    with db.begin() as tx:
        seat = seats.take(tx, seats.lock_person(tx, which), which)
        said = seats.refused(seat)
        if said is not Said.GONE:
            if lesson not in {row.campaign_id for row in deliveries.had(tx, seat.place)}:
                raise BadRequest("You have not had this lesson yet; it can be ticked when it is there.")
            if is_done:
                done.tick(tx, seat.place, lesson, now=now)
            else:
                done.untick(tx, seat.place, lesson)
            said = Said.DONE if is_done else Said.UNDONE
    return seats.told(which, "done" if is_done else "undone", said)


def _next_now(tx: Transaction, seat: Seat, lesson: LessonId, now: datetime) -> Said:
    place = seat.place
    steps = seats.coming(tx, place, seat.revision)
    is_due = place.next_due_at is not None and place.next_due_at <= now
    if deliveries.is_open(tx, place) or is_due or not steps or seat.revision.lesson_ids[steps[0]] != lesson:
        return Said.UNDER_WAY
    if pauses.standstill(tx) or place.course_id in pauses.paused_courses(tx):
        return Said.RESTING
    enrolments.save(tx, replace(place, next_due_at=now, held_due_at=None, paused_until=None))
    return Said.NOW


def _skip(tx: Transaction, seat: Seat, lesson: LessonId, now: datetime) -> Said:
    place, steps = seat.place, seats.coming(tx, seat.place, seat.revision)
    if deliveries.is_open(tx, place):
        return Said.UNDER_WAY
    if not steps or seat.revision.lesson_ids[steps[0]] != lesson:
        return Said.ALREADY
    place = replace(place, step=steps[0] + 1)
    if len(steps) == 1:
        state = lifecycle.move(lifecycle.ENROLMENT, place.state, EnrolmentEvent.FINISH)
        place = replace(place, state=state, finished_at=now, next_due_at=None, held_due_at=None)
        log.info("enrolment.finished", extra={"enrolment": place.id})
    seats.save(tx, replace(seat, place=place), now)
    if place.state is EnrolmentState.FINISHED:
        telling.happened(tx, Happening.FINISHED, seat.person, place.course_id, now=now, enrolment=place.id)
        several.follow(tx, Archive(), [_finisher(seat)], now=now)
    return Said.SKIPPED


def _finisher(seat: Seat) -> Finisher:
    person, place = seat.person, seat.place
    return Finisher(
        subscriber_id=person.id,
        course_id=place.course_id,
        timezone=person.timezone,
        preference=replan.preference(person, place),
    )


def _start_over(tx: Transaction, seat: Seat, run: int, now: datetime) -> Said:
    place = seat.place
    if deliveries.is_open(tx, place):
        return Said.UNDER_WAY
    if place.run != run or place.step == 0:
        return Said.ALREADY
    state = lifecycle.move(lifecycle.ENROLMENT, place.state, EnrolmentEvent.RESTART)
    fresh = replace(
        place,
        run=place.run + 1,
        step=0,
        state=state,
        finished_at=None,
        next_due_at=None,
        held_due_at=None,
        paused_until=None,
    )
    due = replan.next_due(tx, seat.person, fresh, seat.revision, now=now)
    enrolments.save(tx, replace(fresh, next_due_at=due))
    return Said.RESTARTED
