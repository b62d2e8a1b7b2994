"""By which rhythm does a person get their lessons, and which second of its window is theirs?

Every flow that plans a lesson asks here, so that nobody forgets the public holidays or what the person prefers.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.content import holidays
from sequencer.core import rhythm, schedule
from sequencer.core.model import COURSES_OWN, Course, Preference, Revision, Rhythm, SubscriberId
from sequencer.store.places import Waiting

log = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_AHEAD = timedelta(days=400)  # beyond the gap: more than any row of days without lessons


def to_lesson(course: Course, step: int, *, since: datetime, preference: Preference = COURSES_OWN) -> Rhythm:
    """The rhythm that leads a person to the lesson at `step`, with the public holidays from about `since` on."""
    found = rhythm.to_lesson(course, step, preference)
    if not course.holidays:
        return found
    until = since + timedelta(days=found.gap.days, hours=found.gap.hours) + _AHEAD
    try:
        # The person's clock may show the day before.
        off = holidays.dates(course.holidays, range((since - _DAY).year, until.year + 1))
    except ValueError as error:
        # Known when it was published, and not to the library of today: a lesson on a holiday is better than none.
        log.error("holidays.unknown", extra={"course": course.slug, "reason": str(error)})  # noqa: TRY400
        return found
    return replace(found, blackout=found.blackout | off)


def share(who: SubscriberId, revision: Revision) -> int:
    """The person's place within the course's window; without a window nobody asks."""
    return rhythm.share(who, revision.course_id) if revision.course.rhythm.spread else 0


def next_hour(one: Waiting, step: int, revision: Revision, *, now: datetime, instead: ZoneInfo) -> datetime:
    """The person's next allowed hour from now on, at least the gap after their last lesson, and after their pause."""
    clock = zone(one.timezone, instead)
    found = to_lesson(revision.course, step, since=now, preference=one.preference)
    mine = share(one.subscriber_id, revision)
    since = max(now, one.paused_until or now)
    return schedule.replan(clock, found, last=one.last, now=since, share=mine)


def zone(name: str, instead: ZoneInfo) -> ZoneInfo:
    """The zone of that name; where nobody knows it any more, another one and a word of it."""
    found = schedule.known_zone(name)
    if found is None:
        log.warning("zone.unknown", extra={"zone": name, "instead": instead.key})
    return found or instead
