"""What comes after a lesson that is over? The person's next hour, or the end of their course."""

import logging
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core import schedule
from sequencer.core.model import Claim, CourseId, Revision
from sequencer.flows.archive import Archive
from sequencer.store import hot
from sequencer.store.database import Transaction
from sequencer.store.hot import Plan

log = logging.getLogger(__name__)


def go_on(tx: Transaction, archive: Archive, claims: Sequence[Claim], *, now: datetime) -> None:
    """These lessons are over, one way or the other: the people's next ones are planned, or their course is finished.

    Who has moved on already is left alone, so that it may be said twice.
    """
    places = [(one, one.enrolment_id, one.course_id) for one in claims]
    revisions = {course: archive.current(tx, course) for course in {one.course_id for one in claims} if course}
    due: dict[tuple[CourseId, int, str], datetime | None] = {}
    for claim, _, course in places:
        # Many people are at the same place in the same zone: each such hour is worked out once.
        if course is not None and (course, claim.step, claim.timezone) not in due:
            due[course, claim.step, claim.timezone] = _due(claim, revisions[course], now)
    plans = [
        Plan(enrolment_id=place, step=claim.step, due_at=due[course, claim.step, claim.timezone])
        for claim, place, course in places
        if place is not None and course is not None
    ]
    finished = {one.enrolment_id for one in plans if one.due_at is None}
    for which in hot.plan(tx, plans, now=now) & finished:
        log.info("enrolment.finished", extra={"enrolment": which})


def _due(claim: Claim, revision: Revision, now: datetime) -> datetime | None:
    """When the person's next lesson is due; None where there is none."""
    if claim.step >= len(revision.lesson_ids):
        return None
    return schedule.next_due(now, ZoneInfo(claim.timezone), revision.rhythm_to(claim.step))
