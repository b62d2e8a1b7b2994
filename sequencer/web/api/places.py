"""What can a program do with places in courses, and tell us of people? Enrol, pause, pace, stop; and events."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime

from sequencer.core.model import Enrolment, EnrolmentId, EnrolmentState, Pace, SubscriberId
from sequencer.errors import BadRequest, Conflict, NotFound
from sequencer.flows import directory, events, seats, tempo
from sequencer.flows.seats import Said
from sequencer.store.database import Transaction
from sequencer.web.api import people
from sequencer.web.api.calls import Call, Reply, instant, paged
from sequencer.web.api.problems import unusable

MOST_DATA = 16 * 1024
_STOPPED = "A program of the site ended this course for the person."


def listed(tx: Transaction, call: Call) -> Reply:
    """GET /enrolments."""
    query = call.query
    found = directory.places(
        tx,
        who=SubscriberId(query["subscriber"]) if query["subscriber"] else None,
        course=query["course"] or "",
        state=EnrolmentState(query["state"]) if query["state"] else None,
        after=query["cursor"],
        limit=query["limit"] + 1,
    )
    tell = _teller(tx, call.now)
    return paged(call, [tell(one) for one in found], [one.id for one in found])


def one(tx: Transaction, call: Call) -> Reply:
    """GET /enrolments/{id}."""
    return _reply(tx, call, EnrolmentId(call.id))


def enrol(tx: Transaction, call: Call) -> Reply:
    """POST /enrolments: who is on the course stays there, and who left it comes back to their place."""
    person = people.named(tx, call.body)
    if person is None:
        raise unusable("#/email", "There is no subscriber with this address.")
    try:
        found, changed = directory.enrol(tx, person, call.body["course"], now=call.now)
    except NotFound as error:
        raise unusable("#/course", str(error)) from error
    return Reply(status=201 if changed else 200, body=_teller(tx, call.now)(found))


def change(tx: Transaction, call: Call) -> Reply:
    """PATCH /enrolments/{id}: pause, go on, pace."""
    which = EnrolmentId(call.id)
    directory.lock(tx, directory.place(tx, which).subscriber_id)
    call.unless_changed(_teller(tx, call.now)(directory.place(tx, which)))
    if "pace" in call.body:
        pace = call.body["pace"]
        _told(tempo.set_pace(tx, which, Pace(pace) if pace else None, now=call.now))
    if "paused_until" in call.body:
        _pause(tx, which, call.body["paused_until"], call.now)
    return _reply(tx, call, which)


def stop(tx: Transaction, call: Call) -> Reply:
    """DELETE /enrolments/{id}: no lesson of it comes any more."""
    found = directory.place(tx, EnrolmentId(call.id))
    directory.lock(tx, found.subscriber_id)
    directory.stop(tx, [found], reason=_STOPPED, now=call.now)
    return Reply(status=204)


def tell(tx: Transaction, call: Call) -> Reply:
    """POST /events: the same answer whether or not we know the address."""
    data = call.body.get("data", {})
    if len(json.dumps(data, ensure_ascii=False).encode()) > MOST_DATA:
        raise unusable("#/data", f"This is more than {MOST_DATA // 1024} KB; say less.")
    person = people.named(tx, call.body)
    if person is not None:
        events.hear(tx, person, call.body["name"], data, now=call.now)
    return Reply(status=202, body={"status": "taken"})


def _reply(tx: Transaction, call: Call, which: EnrolmentId) -> Reply:
    return Reply(body=_teller(tx, call.now)(directory.place(tx, which)))


def _pause(tx: Transaction, which: EnrolmentId, until: str | None, now: datetime) -> None:
    if until is None:
        _told(tempo.let_go(tx, which, now=now))
        return
    try:
        said = tempo.hold(tx, which, date.fromisoformat(until), now=now)
    except BadRequest as error:
        raise unusable("#/paused_until", str(error)) from error
    _told(said)


def _told(said: Said) -> None:
    """Raises Conflict where nothing could be done."""
    if said is Said.FINISHED:
        raise Conflict("This person has finished the course; there is nothing to change any more.")
    if said is Said.GONE:
        raise Conflict("This person gets no lessons of this course any more; there is nothing to change.")


def _teller(tx: Transaction, now: datetime) -> Callable[[Enrolment], Mapping[str, object]]:
    """Tells of places as the API does; looks at each course once."""
    courses: dict[int, tuple[str, int]] = {}

    def told(place: Enrolment) -> Mapping[str, object]:
        if place.course_id not in courses:
            course = directory.words(tx, place.course_id).course
            courses[place.course_id] = (course.slug, len(course.lessons))
        slug, lessons = courses[place.course_id]
        return {
            "id": place.id,
            "subscriber": place.subscriber_id,
            "course": slug,
            "state": place.state.value,
            "lessons_done": min(place.step, lessons),
            "lessons": lessons,
            "next_due_at": instant(place.next_due_at),
            "started_at": instant(place.started_at),
            "finished_at": instant(place.finished_at),
            "paused_until": instant(place.paused_until) if seats.is_paused(place, now) else None,
            "pace": None if place.pace is None else place.pace.value,
        }

    return told
