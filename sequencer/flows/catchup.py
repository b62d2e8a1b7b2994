"""Who goes on with a later lesson, because the days of those between have passed? Courses with catch_up = "skip"."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core import catchup
from sequencer.core.model import CatchUp, CourseId, Revision
from sequencer.flows import hours
from sequencer.store import hot
from sequencer.store.database import Transaction
from sequencer.store.hot import Due

log = logging.getLogger(__name__)

_SHORTEST_GAP = timedelta(hours=1)  # sooner than that nothing can be missed


def skip(
    tx: Transaction,
    due: Sequence[Due],
    revisions: Mapping[CourseId, Revision],
    *,
    default_zone: ZoneInfo,
    now: datetime,
) -> Sequence[Due]:
    """These people, just claimed, at the lesson that would be due to them now; what they missed is named in the log."""
    found: list[Due] = []
    moved: list[tuple[Due, tuple[int, ...]]] = []
    for one in due:
        missed = _missed(one, revisions[one.course_id], default_zone, now)
        on = replace(one, step=one.step + len(missed)) if missed else one
        found.append(on)
        if missed:
            moved.append((on, missed))
    hot.skip(tx, [(one.enrolment_id, one.step) for one, _ in moved])
    for one, missed in moved:
        keys = [revisions[one.course_id].course.lessons[step].key for step in missed]
        log.info("lessons.skipped", extra={"enrolment": one.enrolment_id, "lessons": ",".join(keys)})
    return found


def _missed(one: Due, revision: Revision, default_zone: ZoneInfo, now: datetime) -> tuple[int, ...]:
    course = revision.course
    if course.catch_up is not CatchUp.SKIP or now - one.due_at < _SHORTEST_GAP:
        return ()
    zone, share = hours.zone(one.timezone, default_zone), hours.share(one.subscriber_id, revision)
    rhythms = [
        hours.to_lesson(course, step, since=one.due_at, preference=one.preference)
        for step in range(len(course.lessons))
    ]
    return catchup.missed(rhythms, one.step, one.due_at, now, zone, share=share)
