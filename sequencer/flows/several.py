"""What if somebody is on several courses? One message in so many hours over all, and one course after the other."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.core import schedule
from sequencer.core.model import Claim, CourseId, Preference, Revision, SubscriberId
from sequencer.flows import hours
from sequencer.flows.archive import Archive
from sequencer.store import courses, deliveries, enrolments, places
from sequencer.store.database import Transaction
from sequencer.store.hot import Due

log = logging.getLogger(__name__)


def spaced(
    tx: Transaction,
    due: Sequence[Due],
    revisions: Mapping[CourseId, Revision],
    *,
    apart: timedelta,
    now: datetime,
) -> Sequence[Due]:
    """Those whose last message of any course lies far enough back; the others' lessons come as soon as theirs does.

    Of several that are due to the same person, the one of the course with the highest priority comes first.
    """
    if not apart or not due:
        return due
    free = {
        who: last + apart
        for who, last in deliveries.last_lessons(tx, {one.subscriber_id for one in due}, since=now - apart).items()
    }
    kept: list[Due] = []
    later: list[tuple[Due, datetime]] = []
    for one in sorted(due, key=lambda one: (-revisions[one.course_id].course.priority, one.due_at, one.enrolment_id)):
        at = free.get(one.subscriber_id)
        if at is None or at <= now:
            kept.append(one)
            free[one.subscriber_id] = now + apart
        else:
            later.append((one, at))
            free[one.subscriber_id] = at + apart
    places.put_back(tx, [(one.enrolment_id, one.step, at) for one, at in later])
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Finisher:
    """Somebody who has just finished a course, with what says when the following one begins."""

    subscriber_id: SubscriberId
    course_id: CourseId
    timezone: str
    preference: Preference


def follow(tx: Transaction, archive: Archive, finished: Sequence[Claim | Due | Finisher], *, now: datetime) -> None:
    """Who has finished a course that leads to another one begins that, a gap later; who was on it stays as they are."""
    for claim in finished:
        if claim.course_id is None:
            continue
        slug = archive.current(tx, claim.course_id).course.next
        following = courses.current(tx, slug) if slug else None
        if following is not None and enrolments.find(tx, claim.subscriber_id, following.course_id) is None:
            due = _first(claim, following, archive, now)
            enrolments.start(tx, claim.subscriber_id, following.course_id, due_at=due, now=now)
            log.info("enrolment.followed", extra={"subscriber": claim.subscriber_id, "course": slug})
        elif slug and following is None:
            log.warning("course.missing", extra={"course": slug, "subscriber": claim.subscriber_id})


def _first(claim: Claim | Due | Finisher, following: Revision, archive: Archive, now: datetime) -> datetime:
    rhythm = hours.to_lesson(following.course, 0, since=now, preference=claim.preference)
    clock = hours.zone(claim.timezone, archive.default_zone)
    return schedule.next_due(now, clock, rhythm, share=hours.share(claim.subscriber_id, following))
