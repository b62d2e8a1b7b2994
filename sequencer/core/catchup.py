"""Which lessons did somebody miss, whose days passed while nothing could go out, or are not to go out any more?"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core import schedule
from sequencer.core.model import Rhythm


def missed(
    rhythms: Sequence[Rhythm], step: int, due_at: datetime, goes_at: datetime, zone: ZoneInfo, *, share: int = 0
) -> tuple[int, ...]:
    """The steps that were passed over when `step` was due at `due_at`, and the next lesson goes out at `goes_at`.

    `rhythms` lead to each lesson of the course. What would be due at `goes_at` is not missed, and neither is the last
    lesson, so that the person goes on at `step` and as many as were missed. Nothing is missed within a gap.
    """
    passed = []
    due = due_at
    for later in range(step + 1, len(rhythms)):
        due = schedule.next_due(due, zone, rhythms[later], share=share)
        if due > goes_at:
            break
        passed.append(later - 1)
    return tuple(passed)


def due_before(rhythms: Sequence[Rhythm], due_at: datetime, before: datetime, zone: ZoneInfo, *, share: int = 0) -> int:
    """How many lessons, the first of them due at `due_at`, were due before an instant; the last lesson never counts.

    `rhythms` lead to each of the lessons that are left.
    """
    due, count = due_at, 0
    while due < before and count + 1 < len(rhythms):
        count += 1
        due = schedule.next_due(due, zone, rhythms[count], share=share)
    return count
