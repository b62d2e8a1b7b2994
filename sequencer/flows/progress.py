"""How far has somebody come in their course, and what comes when? The course page and the calendar; changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sequencer.core import schedule
from sequencer.core.model import (
    CatchUp,
    Course,
    Delivery,
    DeliveryState,
    Enrolment,
    EnrolmentId,
    LessonId,
    Preference,
    Rhythm,
)
from sequencer.core.rhythm import preferred
from sequencer.errors import NotFound
from sequencer.flows import hours, replan, seats
from sequencer.flows.press import Press
from sequencer.flows.seats import Said, Seat
from sequencer.message import calendar
from sequencer.message.calendar import Event
from sequencer.store import deliveries, done, pauses, subscribers
from sequencer.store.database import Database, Transaction


class Standing(StrEnum):
    """What a person's course is doing."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    PAUSED = "paused"
    RESTING = "resting"
    FINISHED = "finished"
    GONE = "gone"


class Became(StrEnum):
    """What became of a lesson that is behind the person."""

    SENT = "sent"
    UNDER_WAY = "under way"
    FAILED = "failed"
    SKIPPED = "skipped"
    PASSED_OVER = "passed over"
    IN_DIGEST = "in a digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A lesson behind the person, at the hour of their own clock; `number` is 0 where the course has it no longer."""

    lesson: LessonId
    number: int
    subject: str
    became: Became
    at: datetime | None = None
    view: str = ""
    is_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A lesson before the person, and when it is expected by their own clock; None: nobody knows yet."""

    lesson: LessonId
    number: int
    subject: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """All that a course page shows. `name` is the first name alone: mails are passed on."""

    place: Enrolment
    course: Course
    name: str
    has_name: bool
    standing: Standing
    past: tuple[Past, ...]
    coming: tuple[Coming, ...]
    preference: Preference
    rhythm: Rhythm
    paused_until: datetime | None

    @property
    def received(self) -> int:
        """How many lessons have reached the person in this pass."""
        return sum(one.became is Became.SENT for one in self.past)


def look(db: Database, press: Press, which: EnrolmentId, *, now: datetime) -> Progress:
    """What the person's course page shows. Raises NotFound."""
    with db.read() as tx:
        place = seats.known(tx, which)
        person = subscribers.get(tx, place.subscriber_id)
        if person is None:
            raise NotFound("We do not know this course of yours any more.")
        seat = Seat(person=person, place=place, revision=seats.words(tx, place))
        standing = _standing(tx, seat, now)
        name = next(iter(person.name.split()), "")
        paused = place.paused_until if standing is Standing.PAUSED else None
        own = replan.preference(person, place)
        return Progress(
            place=place,
            course=seat.revision.course,
            name=name,
            has_name=bool(person.name),
            standing=standing,
            past=_past(tx, press, seat, name),
            coming=_coming(tx, press, seat, standing, name, now),
            preference=own,
            rhythm=preferred(seat.revision.course.rhythm, own),
            paused_until=schedule.in_zone(paused, seat.zone) if paused else None,
        )


def feed(db: Database, press: Press, which: EnrolmentId, *, now: datetime) -> bytes:
    """The lessons that came and those that will, as a calendar: each keeps its event when its day changes."""
    seen = look(db, press, which, now=now)
    total = len(seen.course.lessons)
    lessons: list[Past | Coming] = [*seen.past, *seen.coming]
    words = press.words(seen.course)
    events = [
        Event(
            uid=press.event_id(seen.place, one.lesson, seen.course),
            starts_at=one.at,
            summary=words.say(
                "Lesson %(number)s of %(total)s: %(subject)s", number=one.number, total=total, subject=one.subject
            )
            if one.number
            else one.subject,
            description=seen.course.title,
            url=one.view if isinstance(one, Past) else "",
        )
        for one in lessons
        if one.at is not None
    ]
    return calendar.feed(seen.course.title, events, stamp=now)


def _standing(tx: Transaction, seat: Seat, now: datetime) -> Standing:
    refused = seats.refused(seat)
    if refused is not None:
        return Standing.GONE if refused is Said.GONE else Standing.FINISHED
    place = seat.place
    if seats.is_paused(place, now):
        return Standing.PAUSED
    if deliveries.is_open(tx, place) or (place.next_due_at is not None and place.next_due_at <= now):
        return Standing.UNDER_WAY
    if pauses.standstill(tx) or place.course_id in pauses.paused_courses(tx):
        return Standing.RESTING
    return Standing.WAITING


def _past(tx: Transaction, press: Press, seat: Seat, name: str) -> tuple[Past, ...]:
    """What the ledger holds of this pass, and what was skipped: in the order of the course as it is now."""
    numbers = {which: number for number, which in enumerate(seat.revision.lesson_ids, 1)}
    rows = {LessonId(row.campaign_id): row for row in deliveries.had(tx, seat.place)}
    ticked = done.ticked(tx, seat.place.id, seat.place.run)
    found = [_row(tx, press, row, seat.zone, numbers, name, is_done=which in ticked) for which, row in rows.items()]
    course = seat.revision.course
    found += [
        Past(lesson=which, number=step + 1, subject=press.subject(course, step, name=name), became=Became.SKIPPED)
        for step, which in enumerate(seat.revision.lesson_ids[: seat.place.step])
        if which not in rows
    ]
    return tuple(sorted(found, key=lambda one: one.number))


def _row(
    tx: Transaction,
    press: Press,
    row: Delivery,
    zone: ZoneInfo,
    numbers: Mapping[LessonId, int],
    name: str,
    *,
    is_done: bool,
) -> Past:
    assert row.revision_id is not None  # noqa: S101 (a lesson is always of a revision)
    then = press.archive.revision(tx, row.revision_id)
    which = LessonId(row.campaign_id)
    became = _BECAME.get(row.state, Became.UNDER_WAY)
    if row.is_passed_over:
        became = Became.IN_DIGEST if then.course.catch_up is CatchUp.DIGEST else Became.PASSED_OVER
    return Past(
        lesson=which,
        number=numbers.get(which, 0),
        subject=press.subject(then.course, then.lesson_ids.index(which), name=name),
        became=became,
        at=schedule.in_zone(row.finished_at or row.created_at, zone) if became is Became.SENT else None,
        view=press.view_url(row.id) if became in _READABLE else "",
        is_done=is_done,
    )


_BECAME = {
    DeliveryState.SENT: Became.SENT,
    DeliveryState.UNCERTAIN: Became.SENT,
    DeliveryState.FAILED: Became.FAILED,
    DeliveryState.SKIPPED: Became.SKIPPED,
}
_READABLE = (Became.SENT, Became.FAILED, Became.IN_DIGEST)


def _coming(
    tx: Transaction, press: Press, seat: Seat, standing: Standing, name: str, now: datetime
) -> tuple[Coming, ...]:
    """The lessons before the person, each a gap behind the one before it, by their rhythm as it is now."""
    if standing in (Standing.FINISHED, Standing.GONE):
        return ()
    course, place, person, at = seat.revision.course, seat.place, seat.person, None
    share = hours.share(person.id, seat.revision)
    found = []
    for step in seats.coming(tx, place, seat.revision):
        rhythm = hours.to_lesson(course, step, since=at or now, preference=replan.preference(person, place))
        if standing is not Standing.RESTING:
            at = schedule.next_due(at, seat.zone, rhythm, share=share) if at else _first(tx, seat, rhythm, share, now)
        found.append(
            Coming(
                lesson=seat.revision.lesson_ids[step],
                number=step + 1,
                subject=press.subject(course, step, name=name),
                at=schedule.in_zone(at, seat.zone) if at else None,
            )
        )
    return tuple(found)


def _first(tx: Transaction, seat: Seat, rhythm: Rhythm, share: int, now: datetime) -> datetime:
    """When the first of them comes: as planned, or a gap behind the lesson that is on its way, or waits."""
    place = seat.place
    if place.next_due_at is not None:
        return max(place.next_due_at, now)
    waits = [row.due_at for row in deliveries.had(tx, place) if row.due_at is not None]
    after = schedule.next_due(max([now, *waits]), seat.zone, rhythm, share=share)
    pause = place.paused_until
    return max(after, schedule.first_due(pause, seat.zone, rhythm, share=share)) if pause else after
