"""How does an issue come to a long list? A batch at a time, made ready only when the one before it has gone out.

A pass asks for more only where nothing else is due. So rows do not grow with the list, what answers a press and lessons
go first, and a pause, a cancellation or somebody's leaving takes effect within a batch.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sequencer.core import lifecycle
from sequencer.core.lifecycle import IssueEvent
from sequencer.core.model import NEWSLETTER, CourseId, Gap, Issue, Lane
from sequencer.flows.archive import Archive
from sequencer.store import broadcasts, courses, deliveries, issues, pauses
from sequencer.store.broadcasts import Reader, Window
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

BATCH = 2000
# For so long a message may be tried again: an issue whose lanes are over may still come to somebody.
_TRIED_FOR = timedelta(days=3)
_A_WHILE = timedelta(minutes=15)


def fan_out(db: Database, archive: Archive, *, now: datetime, limit: int = BATCH) -> bool:
    """Make ready the messages of the next subscribers of one lane, and move its cursor, in one commit.

    Whether a lane was gone on with. Of several who ask at once each waits for the one before it, and goes on behind it;
    whoever is killed has done all of it or nothing.
    """
    with db.begin() as tx:
        newsletter = courses.published_ids(tx, [NEWSLETTER]).get(NEWSLETTER)
        if newsletter is None or pauses.standstill(tx) is not None or newsletter in pauses.paused_courses(tx):
            return False
        lane = broadcasts.due(tx, now=now)
        if lane is None:
            return False
        issue = archive.issue(tx, lane.issue_id)
        window = broadcasts.window(tx, lane, limit=limit)
        made = _fill(tx, issue, window, newsletter, now)
        onward = _behind(window, now) if isinstance(made, int) else replace(lane, next_at=made)
        broadcasts.move(tx, onward)
        if onward.next_at is None and broadcasts.is_over(tx, issue.id):
            issues.move(tx, issue.id, lifecycle.move(lifecycle.ISSUE, issue.state, IssueEvent.FINISH))
            log.info("issue.over", extra={"issue": issue.id})
    log.info("issue.fanned_out", extra={"issue": issue.id, "lane": lane.id, "made": made})
    return True


def wait(db: Database, *, now: datetime) -> None:
    """The relays have no more room for newsletters now: they are asked again in a while, and nobody looks before."""
    with db.begin() as tx:
        deliveries.put_off_all(tx, deliveries.LAST, now=now, until=now + _A_WHILE)
        broadcasts.wait(tx, now=now, until=now + _A_WHILE)


def length(gap: Gap) -> timedelta:
    """The least time between two issues to one person."""
    return timedelta(days=gap.days, hours=gap.hours)


def _fill(tx: Transaction, issue: Issue, window: Window, newsletter: CourseId, now: datetime) -> int | datetime:
    """How many messages were made ready, or until when the lane waits, as everybody got another issue just now."""
    gap = length(issue.words.rhythm.gap)
    others = broadcasts.recent(tx, issue.id, since=now - gap - _TRIED_FOR) if gap else ()
    if not others:
        return broadcasts.fill(tx, window, issue.id, issue.run, newsletter, now=now)
    found = broadcasts.readers(tx, window, issue.id, newsletter, others)
    readers = [
        Reader(subscriber_id=who, enrolment_id=place, due_at=last + gap if last is not None else now)
        for (who, place), last in found.items()
    ]
    if readers and all(one.due_at > now for one in readers):
        return min(one.due_at for one in readers)
    return broadcasts.fill_in(tx, readers, issue.id, issue.run, now=now)


def _behind(window: Window, now: datetime) -> Lane:
    """The lane as it stands behind this window: in the same zone, in the next one, or at its end."""
    lane = window.lane
    if not window.is_last:
        return replace(lane, cursor=window.upto, next_at=now)
    if lane.zone + 1 < len(lane.zones):
        return replace(lane, zone=lane.zone + 1, cursor=0, next_at=now)
    return replace(lane, cursor=window.upto, next_at=None, ended_at=now)
