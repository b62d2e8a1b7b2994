"""Which rhythm is a person's own, when the course says one thing, the lesson another, and the person a third?"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType

from sequencer.core.model import COURSES_OWN, Course, CourseId, Gap, Pace, Preference, Rhythm, SubscriberId

SHARES = 2**32  # into so many parts a window is divided

_PACES: Mapping[Pace, Gap] = MappingProxyType(
    {Pace.DAILY: Gap(days=1), Pace.EVERY_OTHER_DAY: Gap(days=2), Pace.WEEKLY: Gap(days=7)}
)


def to_lesson(course: Course, step: int, preference: Preference = COURSES_OWN) -> Rhythm:
    """The rhythm that leads a person to the lesson at `step`: what they prefer goes before what the course says.

    A gap that the lesson asks for itself is never made shorter.
    """
    return preferred(course.rhythm_to(step), preference, least=course.lessons[step].gap)


def preferred(rhythm: Rhythm, preference: Preference, *, least: Gap | None = None) -> Rhythm:
    """A rhythm with a person's hour, weekdays and pace in place of its own; never a gap shorter than `least`."""
    gap = _PACES[preference.pace] if preference.pace else rhythm.gap
    return replace(
        rhythm,
        send_at=rhythm.send_at if preference.send_at is None else preference.send_at,
        days=preference.days or rhythm.days,
        gap=max(gap, least or gap, key=_length),
    )


def is_open(day: date, rhythm: Rhythm) -> bool:
    """Whether lessons may arrive on this day."""
    is_blackout = day in rhythm.blackout or (day.month, day.day) in rhythm.yearly
    return day.weekday() in rhythm.days and not is_blackout


def share(who: SubscriberId, course: CourseId) -> int:
    """A person's place within the window of a course: a number below SHARES, the same for ever."""
    return int.from_bytes(hashlib.blake2b(f"{who}/{course}".encode(), digest_size=4).digest())


def _length(gap: Gap) -> timedelta:
    return timedelta(days=gap.days, hours=gap.hours)
