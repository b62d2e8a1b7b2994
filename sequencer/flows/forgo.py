"""What if lessons that were due before some instant are not to be sent any more? They are passed over, without a rush.

After a restored backup without journals they may have gone out; after a long pause nobody may want them. Each person
goes on at their next allowed hour, with the first lesson that was not due yet, or with the last one. A page of people
is a commit, and all mail rests meanwhile: whoever is killed says it again.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core import catchup
from sequencer.core.model import EnrolmentId, LessonId, Revision
from sequencer.errors import BadRequest, Conflict
from sequencer.flows import dispatch, hours, plan
from sequencer.flows.archive import Archive
from sequencer.store import deliveries, passed, pauses, places
from sequencer.store.database import Database, Transaction
from sequencer.store.journal import Journal
from sequencer.store.passed import Skip
from sequencer.store.places import Waiting

log = logging.getLogger(__name__)

BATCH = 500
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgone:
    """How many people go on at their next hour, and how many of their lessons are passed over."""

    people: int = 0
    lessons: int = 0

    def __add__(self, other: "Forgone") -> "Forgone":
        """Both together."""
        return Forgone(people=self.people + other.people, lessons=self.lessons + other.lessons)


def forgo(
    db: Database,
    archive: Archive,
    *,
    before: datetime,
    now: datetime,
    journal: Journal | None = None,
    limit: int = BATCH,
) -> Forgone:
    """Lessons that were due before then are passed over. Raises Conflict where mail goes out, BadRequest.

    What dead senders held is taken back first, or settled as the `journal` knows. Lessons in doubt stay so and are not
    sent once more. What rests with a course of its own is left to that course, and issues are left alone. Said twice,
    the second time finds nothing.
    """
    if before > now:
        raise BadRequest("That instant is still to come; lessons can be passed over that were due before now.")
    _check_that_mail_rests(db)
    dispatch.recover(db, archive, now=now, journal=journal)
    done = Forgone()
    for some in (_tried_before, _waiting):
        page = Forgone(people=1)
        while page.people:
            with db.begin() as tx:
                page = some(tx, archive, before, now, limit)
            done += page
    log.warning("lessons.forgone", extra={"people": done.people, "lessons": done.lessons})
    return done


def _check_that_mail_rests(db: Database) -> None:
    with db.read() as tx:
        if pauses.standstill(tx) is None:
            raise Conflict('Mail goes out at this moment; stop it first with "sequencer pause".')


def _tried_before(tx: Transaction, archive: Archive, before: datetime, now: datetime, limit: int) -> Forgone:
    """Lessons that were put off by a relay, or are in doubt, and would be tried again."""
    why = f"Passed over: it was due before {before:%Y-%m-%d %H:%M} UTC, and not sent yet."
    ids = deliveries.pass_over(tx, before, reason=why, now=now, limit=limit)
    # A gap from now on, and each at their own hour.
    plan.go_on(tx, archive, deliveries.claims(tx, ids), now=now)
    return Forgone(people=len(ids), lessons=len(ids))


def _waiting(tx: Transaction, archive: Archive, before: datetime, now: datetime, limit: int) -> Forgone:
    """Lessons that nobody has tried to send."""
    late = places.due_before(tx, before, limit=limit)
    had = passed.had(tx, [(one.enrolment_id, one.subscriber_id) for _, one in late])
    revisions = {course: archive.current(tx, course) for course in {course for course, _ in late}}
    skips: list[Skip] = []
    rows: list[tuple[EnrolmentId, int, datetime]] = []
    for course, one in late:
        revision = revisions[course]
        missed, step = _missed(one, revision, had.get(one.enrolment_id, ()), before)
        skips += _skips(one, revision, missed, before)
        is_over = step >= len(revision.lesson_ids)
        due = now if is_over else hours.next_hour(one, step, revision, now=now, instead=_UTC)
        rows.append((one.enrolment_id, step, due))
    passed.add(tx, skips, now=now)
    places.go_on(tx, rows)
    return Forgone(people=len(rows), lessons=len(skips))


def _missed(one: Waiting, revision: Revision, had: Collection[LessonId], before: datetime) -> tuple[Sequence[int], int]:
    """The steps that somebody goes past, and the one at which they go on; beyond the last where they have had all."""
    assert one.due_at is not None  # noqa: S101 (that is who waits)
    ids, since = revision.lesson_ids, one.due_at
    steps = [step for step in range(one.step, len(ids)) if ids[step] not in had]
    if not steps:
        return (), len(ids)
    lead = [hours.to_lesson(revision.course, step, since=since, preference=one.preference) for step in steps]
    share = hours.share(one.subscriber_id, revision)
    count = catchup.due_before(lead, since, before, hours.zone(one.timezone, _UTC), share=share)
    return steps[:count], steps[count]


def _skips(one: Waiting, revision: Revision, missed: Sequence[int], before: datetime) -> Iterator[Skip]:
    if missed:
        keys = ",".join(revision.course.lessons[step].key for step in missed)
        log.info("lessons.skipped", extra={"enrolment": one.enrolment_id, "lessons": keys})
    for step in missed:
        yield Skip(
            enrolment_id=one.enrolment_id,
            subscriber_id=one.subscriber_id,
            run=one.run,
            lesson=revision.lesson_ids[step],
            revision_id=revision.id,
            reason=f"Passed over: it was due before {before:%Y-%m-%d %H:%M} UTC.",
        )
