"""How does an admin stop the mail, and let it go on without a burst? Everything, a relay, a shard, or a course."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sequencer.core.model import CourseId, EnrolmentId, Revision
from sequencer.errors import NotFound
from sequencer.flows import catchup, hours
from sequencer.store import courses, pauses, places
from sequencer.store.database import Database, Transaction
from sequencer.store.pauses import Scope, Standstill, Still
from sequencer.store.places import Waiting

log = logging.getLogger(__name__)

_UTC = ZoneInfo("UTC")
_PAUSED: Mapping[Scope, str] = MappingProxyType(
    {Scope.EVERYTHING: "everything.paused", Scope.RELAY: "relay.paused", Scope.SHARD: "shard.paused"}
)
_RESUMED: Mapping[Scope, str] = MappingProxyType(
    {Scope.EVERYTHING: "everything.resumed", Scope.RELAY: "relay.resumed", Scope.SHARD: "shard.resumed"}
)


def stop(db: Database, scope: Scope = Scope.EVERYTHING, name: str = "", *, reason: str, now: datetime) -> bool:
    """From now on nothing goes out, or not by this relay, or not of this shard; whether that is new.

    Each worker heeds it with its next batch; what is on the wire is finished.
    """
    with db.begin() as tx:
        new = pauses.stop(tx, scope, name, reason=reason, now=now)
    log.warning(_PAUSED[scope], extra={scope.value: name, "reason": reason} if name else {"reason": reason})
    return new


def go_on(db: Database, scope: Scope = Scope.EVERYTHING, name: str = "") -> bool:
    """It goes on: each person gets what is due, one lesson a gap. Whether it stood still."""
    with db.begin() as tx:
        stood = pauses.go_on(tx, scope, name)
    log.warning(_RESUMED[scope], extra={scope.value: name} if name else {})
    return stood


def standstill(db: Database) -> Standstill | None:
    """Since when nothing goes out, and why; None where mail goes out."""
    with db.read() as tx:
        return pauses.standstill(tx)


def still(db: Database) -> Still:
    """What stands still, but for courses."""
    with db.read() as tx:
        return pauses.still(tx)


def listed(db: Database) -> Sequence[Standstill]:
    """All that stands still: everything, relays and shards, then courses."""
    with db.read() as tx:
        return [*pauses.still(tx).rows, *pauses.still_courses(tx)]


def pause_course(db: Database, slug: str, *, reason: str = "", now: datetime) -> bool:
    """Nobody gets a lesson of the course until it is resumed; whether that is new. Raises NotFound."""
    with db.begin() as tx:
        new = pauses.pause_course(tx, _course(tx, slug), reason=reason, now=now)
    log.warning("course.paused", extra={"course": slug, "reason": reason})
    return new


def resume_course(db: Database, slug: str, *, now: datetime) -> int | None:
    """The course goes on: who was held gets a lesson at their next allowed hour, which one by the course's `catch_up`.

    How many people that are; None where the course did not stand still. Raises NotFound.
    """
    with db.begin() as tx:
        which = _course(tx, slug)
        if not pauses.resume_course(tx, which):
            return None
        revision = courses.revision(tx, courses.current_id(tx, which))
        people = list(places.held(tx, which))
        onward = catchup.held(tx, people, revision, instead=_UTC, now=now)
        rows = [_released(one, onward.get(one.enrolment_id, one.step), revision, now) for one in people]
        pauses.release(tx, rows)
    log.warning("course.resumed", extra={"course": slug, "people": len(rows)})
    return len(rows)


def _released(one: Waiting, step: int, revision: Revision, now: datetime) -> tuple[EnrolmentId, int, datetime]:
    """Where and when somebody goes on; who is beyond a course that became shorter finishes it with the next pass."""
    is_over = step >= len(revision.lesson_ids)
    return one.enrolment_id, step, now if is_over else hours.next_hour(one, step, revision, now=now, instead=_UTC)


def _course(tx: Transaction, slug: str) -> CourseId:
    revision = courses.current(tx, slug)
    if revision is None:
        raise NotFound(f'The course "{slug}" is not published.')
    return revision.course_id
