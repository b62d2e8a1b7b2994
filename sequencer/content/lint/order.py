"""Do the lessons stand in the order that their files say, and does the course's rhythm reach each of them?"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sequencer.content import courses as files
from sequencer.content.lint.findings import Finding
from sequencer.content.lint.front import Draft
from sequencer.core import schedule
from sequencer.core.model import Course, Rhythm
from sequencer.errors import BadContent

_NUMBER = re.compile(r"(\d+)")
_LONGEST = timedelta(days=366)
# West and east of the date line, a clock that jumps over midnight, one that never changes.
_ZONES = ("Pacific/Apia", "Pacific/Honolulu", "America/Nuuk", "Europe/London", "UTC")


def numbers(drafts: Sequence[Draft]) -> Iterator[Finding]:
    """Where the numbers with which files begin do not rise step by step, whether by one or by ten."""
    numbered = [(int(found[0]), draft) for draft in drafts if (found := _NUMBER.match(draft.path.name))]
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(numbered)]
    usual = min((step for step in steps if step > 0), default=1)
    for (earlier, before), (later, draft) in pairwise(numbered):
        if later <= earlier:
            sentence = (
                f"comes after {before.path.name}; lessons go out by name, so write as many digits in each number."
            )
            if later == earlier:
                sentence = f"has the number of {before.path.name}; give each lesson its own."
            yield draft.finding("file-order", f"{draft.path.name} {sentence}")
        elif later - earlier != usual:
            yield draft.finding("file-gap", f"no number {earlier + usual} stands between this and {before.path.name}.")


def previous(drafts: Sequence[Draft]) -> Iterator[Finding]:
    """Where a lesson says which one it follows, and follows another."""
    before = ""
    for draft in drafts:
        if draft.previous and draft.previous != before:
            there = f'"{before}" comes before it' if before else "it is the first"
            yield draft.finding("previous", f'"previous" is "{draft.previous}", but {there}.', draft.key("previous"))
        before = draft.lesson.key


def twins(drafts: Sequence[Draft]) -> Iterator[Finding]:
    """Lessons whose id an earlier one has."""
    by_source = {draft.lesson.source: draft for draft in drafts}
    for error in files.twins([draft.lesson for draft in drafts]):
        draft = by_source[str(error).partition(":")[0]]
        yield draft.refused(error, "twin-id")


def rhythm(course: Course, drafts: Sequence[Draft], *, path: str, now: datetime) -> Iterator[Finding]:
    """Where no next hour is found, or one more than a year away, for somebody who begins now."""
    for step, draft in enumerate(drafts):
        wanted = course.rhythm_to(step)
        try:
            waits = [_wait(wanted, step, ZoneInfo(zone), now) for zone in _ZONES]
        except BadContent as error:
            yield Finding(file=path, line=0, rule="never-due", sentence=str(error))
            return
        if max(waits) > _LONGEST:
            days = max(waits).days
            where, line = (str(draft.path), draft.key("gap")) if draft.lesson.gap else (path, 0)
            yield Finding(file=where, line=line, rule="far-away", sentence=f"this lesson comes after {days} days.")


def _wait(rhythm: Rhythm, step: int, zone: ZoneInfo, now: datetime) -> timedelta:
    due = schedule.next_due(now, zone, rhythm) if step else schedule.first_due(now, zone, rhythm)
    return due - now
