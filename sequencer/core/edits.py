"""What does a new revision do to people half-way through? Where each of them goes on, and what that means for them.

A place in a course counts lessons. When the lessons change, each place is given a new count, by one rule: people are
owed every lesson that was ahead of them, and every new one that stands behind the last one they had. Nobody gets
twice what they had: the ledger sees to that.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from sequencer.core.model import Course, Finishers, Gap, Lesson, Rhythm

_Key = TypeVar("_Key", bound=Hashable)


def place_after(old: Sequence[_Key], new: Sequence[_Key], step: int) -> int:
    """Where somebody who had the first `step` lessons of `old` goes on in `new`; its length where nothing is left."""
    return next(iter(owed(old, new, step)), len(new))


def owed(old: Sequence[_Key], new: Sequence[_Key], step: int) -> tuple[int, ...]:
    """Which lessons of `new`, by position, are still owed to somebody who had the first `step` of `old`."""
    had, ahead, known = set(old[:step]), set(old[step:]), set(old)
    last = max((at for at, key in enumerate(new) if key in had), default=-1)
    return tuple(
        at for at, key in enumerate(new) if key not in had and (key in ahead or (key not in known and at > last))
    )


class Change(StrEnum):
    """What happened to a lesson between two revisions."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    TEXT = "changed in text"
    IMAGES = "changed in its images"
    TIMING = "changed in timing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of one lesson; positions count from 1, 0 where there is none."""

    change: Change
    key: str
    subject: str
    before: int
    after: int


def compare(old: Course | None, new: Course) -> tuple[Edit, ...]:
    """What is different, lesson by lesson, in the order of the new revision; what was removed comes last."""
    before = {lesson.key: (at, lesson) for at, lesson in enumerate(old.lessons if old else (), 1)}
    kept = [lesson.key for lesson in new.lessons if lesson.key in before]
    order = [key for key in before if key in set(kept)]
    moved = _moved(order, kept)
    edits: list[Edit] = []
    for at, lesson in enumerate(new.lessons, 1):
        was, earlier = before.get(lesson.key, (0, lesson))
        changes = [Change.ADDED] if not was else _changes(old, earlier, new, lesson, moved=lesson.key in moved)
        edits += [Edit(change=one, key=lesson.key, subject=lesson.subject, before=was, after=at) for one in changes]
    gone = set(before) - {lesson.key for lesson in new.lessons}
    return (
        *edits,
        *(
            Edit(change=Change.REMOVED, key=key, subject=lesson.subject, before=at, after=0)
            for key, (at, lesson) in before.items()
            if key in gone
        ),
    )


def retimed(old: Course, new: Course) -> bool:
    """Whether the hours of lessons that wait already would be others by the new revision."""
    gaps = {lesson.key: lesson.gap for lesson in old.lessons}
    return (old.rhythm, old.holidays) != (new.rhythm, new.holidays) or any(
        lesson.key in gaps and gaps[lesson.key] != lesson.gap for lesson in new.lessons
    )


RECENT = timedelta(days=90)


def finished_since(who: Finishers, now: datetime) -> datetime | None:
    """From when on somebody must have finished to get what was added; None for nobody."""
    return {
        Finishers.NONE: None,
        Finishers.ALL: datetime.fromtimestamp(0, UTC),
        Finishers.RECENT: now - RECENT,
    }[who]


@dataclass(frozen=True, slots=True)
class Step(Generic[_Key]):
    """What publishing means for everybody at one place: `before` and `after` are what they wait for, None for nothing.

    `added` are new lessons that they get later, `missed` new ones that stand before their place.
    """

    step: int
    now_at: int
    before: _Key | None
    after: _Key | None
    added: tuple[_Key, ...]
    missed: tuple[_Key, ...]


def steps(old: Sequence[_Key], new: Sequence[_Key]) -> tuple[Step[_Key], ...]:
    """For each place in the old revision, the end too, what becomes of it."""
    known = set(old)
    made = []
    for step in range(len(old) + 1):
        due = owed(old, new, step)
        at = next(iter(due), len(new))
        fresh = [key for key in new if key not in known]
        gets = {new[which] for which in due}
        made.append(
            Step(
                step=step,
                now_at=at,
                before=old[step] if step < len(old) else None,
                after=new[at] if at < len(new) else None,
                added=tuple(key for key in fresh if key in gets),
                missed=tuple(key for key in fresh if key not in gets),
            )
        )
    return tuple(made)


def _changes(old: Course | None, earlier: Lesson, new: Course, lesson: Lesson, *, moved: bool) -> list[Change]:
    changes = []
    if moved:
        changes.append(Change.MOVED)
    if _words(earlier) != _words(lesson):
        changes.append(Change.TEXT)
    elif earlier.images != lesson.images:
        changes.append(Change.IMAGES)
    if old is not None and _timing(old, earlier) != _timing(new, lesson):
        changes.append(Change.TIMING)
    return changes


def _timing(course: Course, lesson: Lesson) -> tuple[Rhythm, Gap | None, str]:
    """All that a course says of when a lesson comes."""
    return replace(course.rhythm, gap=lesson.gap or course.rhythm.gap), lesson.gap, course.holidays


def _words(lesson: Lesson) -> tuple[str, str, str, str]:
    return lesson.subject, lesson.preheader, lesson.theme, lesson.body


def _moved(order: Sequence[str], kept: Sequence[str]) -> set[str]:
    """The fewest lessons that were taken from their place and put to another: all but a longest common order."""
    rank = {key: at for at, key in enumerate(order)}
    longest: tuple[str, ...] = ()
    runs: list[tuple[str, ...]] = []
    for key in kept:
        best: tuple[str, ...] = ()
        for run in runs:
            if rank[run[-1]] < rank[key] and len(run) > len(best):
                best = run
        runs.append((*best, key))
        longest = runs[-1] if len(runs[-1]) > len(longest) else longest
    return set(kept) - set(longest)
