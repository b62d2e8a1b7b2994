"""What does publishing do to people half-way through? It moves their places; and a rehearsal tells beforehand."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core import edits
from sequencer.core.edits import Edit, Step
from sequencer.core.model import Course, EnrolmentId, EnrolmentState, LessonId, Revision
from sequencer.flows import hours
from sequencer.store import courses, places
from sequencer.store.database import Database, Transaction
from sequencer.store.places import Crowd, Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """Finishers who get what was added behind: how many, and when the first and the last of them."""

    people: int = 0
    first_due: datetime | None = None
    last_due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What happens to everybody who stands at one place: lessons by their subjects, empty where there is none.

    `people` wait for `before` and get `after` instead, or the same; `added` come later, `missed` never.
    """

    people: int
    state: EnrolmentState
    place: int
    before: str
    after: str
    is_same: bool
    first_due: datetime | None
    last_due: datetime | None
    added: tuple[str, ...]
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What publishing the files would do. `number` is the revision that it would be; 0: nothing has changed.

    `twice` counts people who would get two lessons on one day of their calendar; that is nobody, unless the course's
    gap is in hours.
    """

    slug: str
    number: int
    edits: tuple[Edit, ...] = ()
    effects: tuple[Effect, ...] = ()
    reopened: Reopened = Reopened()
    retimed: int = 0
    twice: int = 0


_UTC = ZoneInfo("UTC")


class _Rehearsed(Exception):
    """Undoes a rehearsal."""


def foresee(db: Database, course: Course, *, now: datetime) -> Foresight:
    """What publishing `course` at `now` would do: it is done, looked at, and undone."""
    seen = Foresight(slug=course.slug, number=0)
    with suppress(_Rehearsed), db.begin() as tx:
        old = courses.current(tx, course.slug)
        crowds = places.crowds(tx, old.course_id) if old else []
        new = courses.publish(tx, course, now=now)
        if new is not None:
            reopened, retimed = _carry_over(tx, old, new, now=now)
            after = places.crowds(tx, new.course_id)
            seen = Foresight(
                slug=course.slug,
                number=new.number,
                edits=edits.compare(old.course if old else None, course),
                effects=_effects(old, new, crowds, after) if old else (),
                reopened=reopened,
                retimed=retimed,
                twice=sum(_is_twice(one) for one in places.waiting(tx, new.course_id)),
            )
        raise _Rehearsed
    return seen


def between(old: Revision, new: Revision) -> tuple[Edit, ...]:
    """What is different from one revision to another."""
    return edits.compare(old.course, new.course)


def publish(tx: Transaction, course: Course, *, now: datetime) -> Revision | None:
    """Publish a course and move everybody's place with it: in one transaction, all of it is true, or nothing.

    None where just that is published already.
    """
    before = courses.current(tx, course.slug)
    revision = courses.publish(tx, course, now=now)
    if revision is not None:
        _carry_over(tx, before, revision, now=now)
    return revision


def _carry_over(tx: Transaction, old: Revision | None, new: Revision, *, now: datetime) -> tuple[Reopened, int]:
    """Everybody's place after `old` became `new`. Also who of the finishers goes on, and how many hours are others."""
    if old is None:
        return Reopened(), 0
    moves = {step: edits.place_after(old.lesson_ids, new.lesson_ids, step) for step in range(len(old.lesson_ids) + 1)}
    places.move(tx, new.course_id, moves)
    retimed = _retime(tx, new, now) if edits.retimed(old.course, new.course) else 0
    reopened = _reopen(tx, new, moves, now)
    places.close(tx, new.course_id, lessons=len(new.lesson_ids))
    return reopened, retimed


def _reopen(tx: Transaction, new: Revision, moves: Mapping[int, int], now: datetime) -> Reopened:
    """Finishers to whom something is owed go on, at their hour."""
    since = edits.finished_since(new.course.finishers, now)
    if since is None or all(step >= len(new.lesson_ids) for step in moves.values()):
        return Reopened()
    rows = []
    for one in places.finished(tx, new.course_id, since=since):
        step = moves.get(one.step, len(new.lesson_ids))
        if step < len(new.lesson_ids):
            rows.append((one.enrolment_id, step, hours.next_hour(one, step, new, now=now, instead=_UTC)))
    places.reopen(tx, rows)
    dues = [due for _, _, due in rows]
    return Reopened(people=len(rows), first_due=min(dues, default=None), last_due=max(dues, default=None))


def _retime(tx: Transaction, new: Revision, now: datetime) -> int:
    """Who waits gets the next lesson at the new hour; what is due already stays due."""
    rows: list[tuple[EnrolmentId, datetime]] = []
    for one in places.waiting(tx, new.course_id):
        if one.due_at is not None and one.due_at > now and one.step < len(new.lesson_ids):
            due = hours.next_hour(one, one.step, new, now=now, instead=_UTC)
            if due != one.due_at:
                rows.append((one.enrolment_id, due))
    places.retime(tx, rows)
    return len(rows)


def _effects(old: Revision, new: Revision, before: Sequence[Crowd], after: Sequence[Crowd]) -> tuple[Effect, ...]:
    """One for each place at which somebody stands and has not finished."""
    steps = {one.step: one for one in edits.steps(old.lesson_ids, new.lesson_ids)}
    subjects = {
        which: lesson.subject
        for revision in (old, new)
        for which, lesson in zip(revision.lesson_ids, revision.course.lessons, strict=True)
    }
    dues = {(crowd.state, crowd.step): crowd for crowd in after}
    return tuple(
        _effect(crowd, step, subjects, dues.get((crowd.state, step.now_at)))
        for crowd in before
        if crowd.state is not EnrolmentState.FINISHED and (step := steps.get(crowd.step)) is not None
    )


def _effect(crowd: Crowd, step: Step[LessonId], subjects: Mapping[LessonId, str], after: Crowd | None) -> Effect:
    return Effect(
        people=crowd.people,
        state=crowd.state,
        place=crowd.step,
        before=subjects[step.before] if step.before is not None else "",
        after=subjects[step.after] if step.after is not None else "",
        is_same=step.before == step.after,
        first_due=after.first_due if after else None,
        last_due=after.last_due if after else None,
        added=tuple(subjects[which] for which in step.added if which != step.after),
        missed=tuple(subjects[which] for which in step.missed),
    )


def _is_twice(one: Waiting) -> bool:
    if one.last is None or one.due_at is None:
        return False
    zone = hours.zone(one.timezone, _UTC)
    return one.last.astimezone(zone).date() == one.due_at.astimezone(zone).date()
