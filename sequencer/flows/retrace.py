"""Where is somebody by what a journal says that they got? Behind that lesson of their course, or on the newsletter."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sequencer.core.model import (
    NEWSLETTER,
    CourseId,
    EnrolmentId,
    EnrolmentState,
    LessonId,
    Revision,
    SubscriberState,
)
from sequencer.core.records import Noted, Record
from sequencer.flows import hours, several
from sequencer.flows.archive import Archive
from sequencer.flows.several import Finisher
from sequencer.store import courses, replayed
from sequencer.store.database import Transaction
from sequencer.store.places import Waiting

_UTC = ZoneInfo("UTC")


def learner(
    tx: Transaction, archive: Archive, one: Record, person: SubscriberState, revision: Revision, *, now: datetime
) -> EnrolmentId | None:
    """The person's place, moved behind this lesson where it was not; None where they are on no course of ours."""
    found = _place(tx, one, person, revision.course_id, due_at=now, now=now)
    if found is None:
        return None
    waiting, state = found
    step = revision.lesson_ids.index(LessonId(one.campaign_id)) + 1 if one.campaign_id in revision.lesson_ids else 0
    behind = one.run > waiting.run or (one.run == waiting.run and step > waiting.step)
    if step and behind and state is not EnrolmentState.STOPPED:
        _move(tx, archive, one, waiting, step, revision, now)
    return waiting.enrolment_id


def reader(tx: Transaction, one: Record, person: SubscriberState, *, now: datetime) -> EnrolmentId | None:
    """The person's place on the newsletter, as they got an issue of it; None where they have not confirmed."""
    # Where an issue is known, the newsletter is: it is published with the first one.
    newsletter = courses.published_ids(tx, [NEWSLETTER])[NEWSLETTER]
    found = _place(tx, one, person, newsletter, due_at=None, now=now)
    return None if found is None else found[0].enrolment_id


def _place(
    tx: Transaction, one: Record, person: SubscriberState, course: CourseId, *, due_at: datetime | None, now: datetime
) -> tuple[Waiting, EnrolmentState] | None:
    """The person's place; begun where they began it after the backup, and are with us."""
    found = replayed.place(tx, one.subscriber_id, course)
    if found is None and person is SubscriberState.ACTIVE:
        replayed.begin(tx, one, course, due_at=due_at, now=now)
        found = replayed.place(tx, one.subscriber_id, course)
    return found


def _move(
    tx: Transaction, archive: Archive, one: Record, waiting: Waiting, step: int, revision: Revision, now: datetime
) -> None:
    """Their next lesson comes a gap after this one, at their hour, from now on."""
    at = datetime.fromtimestamp(one.at, UTC)
    sure = one.outcome is Noted.ACCEPTED
    over = sure and step >= len(revision.lesson_ids)
    due = None
    if sure and not over:
        due = hours.next_hour(replace(waiting, last=at), step, revision, now=now, instead=_UTC)
    replayed.move(tx, waiting, run=one.run, step=step, due_at=due, finished_at=at if over else None)
    if over:
        finisher = Finisher(
            subscriber_id=one.subscriber_id,
            course_id=revision.course_id,
            timezone=waiting.timezone,
            preference=waiting.preference,
        )
        several.follow(tx, archive, [finisher], now=now)
