"""What if a country changes its hours while people wait? Their lessons come by its new ones: nobody two, nobody none.

The hours at which people are due are stored as instants, planned by the rules that the machine knew then. When its zone
files say something else, those of the zone are planned anew, a page of people to a commit. To plan somebody twice
changes nothing, so whoever is killed or comes second does no harm.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core import schedule
from sequencer.core.model import CourseId, EnrolmentId, Revision
from sequencer.flows import hours
from sequencer.store import courses, places, zones
from sequencer.store.database import Database, Transaction
from sequencer.store.places import Waiting
from sequencer.store.zones import Zone

log = logging.getLogger(__name__)

BATCH = 500
FRESH = 600.0  # seconds for which a process may go by the rules that it has read
AGAIN = timedelta(hours=1)  # until the second pass: by then no process plans by old rules
_REACH = timedelta(hours=4)  # no clock was ever changed by more, but over the date line, where the hour stays the same
_AHEAD = timedelta(days=800)  # what is looked at of a zone's rules; half of it is left at least
_UTC = ZoneInfo("UTC")


def follow(db: Database, *, now: datetime, stop: Callable[[], bool] = lambda: False, limit: int = BATCH) -> int:
    """Look whether the rules of any zone in which people live have changed, and plan anew where they have.

    How many hours that moved, `limit` people to a commit. Can end anywhere, and goes on there; safe to run by several
    at once.
    """
    schedule.forget_zones()
    with db.read() as tx:
        names, known = zones.in_use(tx), zones.known(tx)
    for name in names:
        before = known.get(name)
        seen = _look(name, before, now)
        if seen != before:
            with db.begin() as tx:
                zones.save(tx, seen)
        if before is not None and seen.rules != before.rules and seen.passes:
            log.warning("zone.changed", extra={"zone": name})
    return sum(_follow(db, name, now, stop, limit) for name in names)


def _look(name: str, before: Zone | None, now: datetime) -> Zone:
    """What is to be known of this zone."""
    if before is None:
        return _at(Zone(name=name, rules="", since=now, until=now + _AHEAD))
    seen = _at(before)
    if seen.rules != before.rules:
        seen = replace(seen, passes=2, due_at=now, cursor=0)
    if seen.until - now < _AHEAD / 2:
        seen = _at(replace(seen, since=now, until=now + _AHEAD))
    return seen


def _at(zone: Zone) -> Zone:
    """The zone with the rules that are in force."""
    found = schedule.known_zone(zone.name)
    said = "unknown"
    if found is not None:
        rules = schedule.rules(found, zone.since, zone.until)
        said = " ".join(f"{at.timestamp():.0f}{offset.total_seconds():+.0f}" for at, offset in rules)
    return replace(zone, rules=hashlib.sha256(said.encode()).hexdigest())


def _follow(db: Database, name: str, now: datetime, stop: Callable[[], bool], limit: int) -> int:
    moved = 0
    while not stop():
        with db.begin() as tx:
            zone = zones.lock_due(tx, name, now=now)
            if zone is None:
                break
            moved += _move_some(tx, zone, now, limit)
    if moved:
        log.warning("zone.followed", extra={"zone": name, "moved": moved})
    return moved


def _move_some(tx: Transaction, zone: Zone, now: datetime, limit: int) -> int:
    """The next people of the zone; where there are none, the pass is over."""
    people = zones.people(tx, zone, limit=limit)
    if not people:
        left = zone.passes - 1
        zones.save(tx, replace(zone, passes=left, cursor=0, due_at=now + AGAIN if left else None))
        return 0
    rows: list[tuple[EnrolmentId, datetime]] = []
    revisions: dict[CourseId, Revision] = {}
    for course, one in places.of_people(tx, people):
        if course not in revisions:
            revisions[course] = courses.revision(tx, courses.current_id(tx, course))
        due = _planned(one, revisions[course], now)
        if due != one.due_at:
            rows.append((one.enrolment_id, due))
    places.retime(tx, rows)
    zones.save(tx, replace(zone, cursor=people[-1]))
    return len(rows)


def _planned(one: Waiting, revision: Revision, now: datetime) -> datetime:
    """When the lesson is due by the rules in force: the allowed hour that is nearest to the one that was planned.

    What is due already stays due, and so does what was put off to an hour that is none of the course's. Where the new
    hour is over and the old one was to come, that is now.
    """
    assert one.due_at is not None  # noqa: S101 (that is who waits)
    if one.due_at <= now or one.step >= len(revision.lesson_ids):
        return one.due_at
    since = max(one.due_at - _REACH, one.paused_until or one.due_at - _REACH)
    due = schedule.replan(
        hours.zone(one.timezone, _UTC),
        hours.to_lesson(revision.course, one.step, since=since, preference=one.preference),
        last=one.last,
        now=since,
        share=hours.share(one.subscriber_id, revision),
    )
    return due if abs(due - one.due_at) <= _REACH else one.due_at
