"""What comes after a lesson that is over? The person's next hour, or the end of their course."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core import schedule
from sequencer.core.hooks import Happening
from sequencer.core.model import Claim, CourseId, DeliveryKind, EnrolmentState, Preference, Revision, Rhythm
from sequencer.flows import hours, several, telling
from sequencer.flows.archive import Archive
from sequencer.flows.telling import Told
from sequencer.store import deliveries, enrolments, hot
from sequencer.store.database import Transaction
from sequencer.store.hot import Due, Plan

log = logging.getLogger(__name__)


def go_on(tx: Transaction, archive: Archive, claims: Sequence[Claim], *, now: datetime) -> None:
    """These lessons are over, one way or the other: the people's next ones are planned, or their course is finished.

    Who has moved on already is left alone, so that it may be said twice.
    """
    places = [(one, one.enrolment_id, one.course_id) for one in claims if one.kind is DeliveryKind.LESSON]
    revisions = {course: archive.current(tx, course) for course in {which for _, _, which in places} if course}
    slots = _Slots(now, archive.default_zone)
    plans = [
        Plan(enrolment_id=place, step=claim.step, due_at=slots.due(claim, revisions[course]))
        for claim, place, course in places
        if place is not None and course is not None
    ]
    done = hot.plan(tx, plans, now=now)
    if finished := {one.enrolment_id for one in plans if one.due_at is None} & done:
        _told(tx, archive, [one for one, place, _ in places if place in finished], now)
    if len(done) < len(plans):
        stayed = {one.enrolment_id for one in plans} - done
        for claim, place, course in places:
            if place in stayed and course is not None:
                _catch_up(tx, claim, revisions[course], slots, now)


def finish(tx: Transaction, archive: Archive, due: Sequence[Due], *, now: datetime) -> None:
    """The course has become shorter than these people, just claimed, had come: it is finished for them."""
    plans = [Plan(enrolment_id=one.enrolment_id, step=one.step + 1, due_at=None) for one in due]
    done = hot.plan(tx, plans, now=now)
    _told(tx, archive, [one for one in due if one.enrolment_id in done], now)


def _told(tx: Transaction, archive: Archive, finished: Sequence[Claim | Due], now: datetime) -> None:
    """Who has finished is named in the log and told of, and begins the course that follows."""
    for one in finished:
        log.info("enrolment.finished", extra={"enrolment": one.enrolment_id})
    told = [
        Told(who=one.subscriber_id, address=one.address, course=one.course_id, more={"enrolment": one.enrolment_id})
        for one in finished
    ]
    telling.tell(tx, Happening.FINISHED, told, now=now)
    several.follow(tx, archive, finished, now=now)


def _catch_up(tx: Transaction, claim: Claim, revision: Revision, slots: "_Slots", now: datetime) -> None:
    """Plan for somebody whose place was moved by a new revision, or who paused, while this lesson was on its way.

    Who waits for another message of the course, or for their next hour, is left alone.
    """
    place = enrolments.lock(tx, claim.enrolment_id) if claim.enrolment_id is not None else None
    if place is None or place.state is not EnrolmentState.ACTIVE or place.next_due_at is not None:
        return
    if not deliveries.is_open(tx, place):
        claim = claim._replace(step=place.step)
        due = slots.due(claim, revision)
        if due is not None and place.paused_until is not None and due < place.paused_until:
            due = slots.after(place.paused_until, claim, revision)
        hot.plan(tx, [Plan(enrolment_id=place.id, step=place.step, due_at=due)], now=now)


class _Slots:
    """Many people are at the same place in the same zone: each such hour is worked out once, for all of them."""

    def __init__(self, now: datetime, default: ZoneInfo) -> None:
        self._now = now
        self._default = default
        self._kept: dict[tuple[CourseId, int, str, Preference], _Slot] = {}

    def due(self, claim: Claim, revision: Revision) -> datetime | None:
        """When the person's next lesson is due; None where there is none."""
        if claim.step >= len(revision.lesson_ids):
            return None
        key = (revision.course_id, claim.step, claim.timezone, claim.preference)
        if key not in self._kept:
            self._kept[key] = self._slot(claim, revision)
        slot = self._kept[key]
        if not slot.window:
            return slot.opens_at
        share = hours.share(claim.subscriber_id, revision)
        if slot.rhythm.gap.hours:
            # Elapsed time: whether today's window is late enough depends on the person's own second of it.
            return schedule.next_due(self._now, slot.zone, slot.rhythm, share=share)
        return slot.opens_at + schedule.within(slot.window, share)

    def after(self, pause_ends_at: datetime, claim: Claim, revision: Revision) -> datetime:
        """When the next lesson of a person who paused is due."""
        slot = self._slot(claim, revision)
        return schedule.first_due(
            pause_ends_at, slot.zone, slot.rhythm, share=hours.share(claim.subscriber_id, revision)
        )

    def _slot(self, claim: Claim, revision: Revision) -> "_Slot":
        zone = hours.zone(claim.timezone, self._default)
        rhythm = hours.to_lesson(revision.course, claim.step, since=self._now, preference=claim.preference)
        opens_at = schedule.next_due(self._now, zone, rhythm)
        window = schedule.window(opens_at, zone, rhythm)
        return _Slot(zone=zone, rhythm=rhythm, opens_at=opens_at, window=window)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """The window in which the next lesson is due to all who share zone, place and preference."""

    zone: ZoneInfo
    rhythm: Rhythm
    opens_at: datetime
    window: timedelta
