"""What is worth a word about the hour at which a lesson is due? Days left out, pauses, and changes of the clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sequencer.content import holidays
from sequencer.core import schedule
from sequencer.core.model import CatchUp, Course, Rhythm

_DAY = timedelta(days=1)
_MOST_NAMED = 400  # days left out in a row: beyond that nobody reads on


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The time from the last lesson, or from the confirmation (`since`), until the next goes out.

    `planned`: when it would have been due without a pause; it goes out when it is `due`, or later after an outage.
    """

    course: Course
    zone: ZoneInfo
    rhythm: Rhythm
    since: datetime
    is_first: bool
    planned: datetime
    due: datetime
    goes_at: datetime


def missed(wait: Wait, steps: Sequence[int]) -> tuple[str, ...]:
    """Which lessons are never sent, as their days passed in an interruption."""
    if not steps:
        return ()
    first, last = steps[0] + 1, steps[-1] + 1
    lessons, are = (f"lesson {first}", "is") if first == last else (f"lessons {first} to {last}", "are")
    return (f"{lessons} {are} {'in its digest' if wait.course.catch_up is CatchUp.DIGEST else 'skipped'}",)


def days(wait: Wait) -> tuple[str, ...]:
    """Which days the course leaves out before this one: weekdays by name, others by date."""
    weekdays: list[str] = []
    dates: list[tuple[date, str]] = []
    for day in _waited(wait):
        if day.weekday() not in wait.rhythm.days:
            weekdays.append(f"{day:%a}")
        elif day in wait.rhythm.blackout or (day.month, day.day) in wait.rhythm.yearly:
            dates.append((day, _holiday(wait.course, day)))
    named = [*dict.fromkeys(weekdays), *_runs(dates)]
    return (f"nothing on {', '.join(named)}",) if named else ()


def pause(wait: Wait) -> tuple[str, ...]:
    """That a pause put it off, and from when."""
    if wait.due == wait.planned:
        return ()
    return (f"paused; it would have come on {_said(schedule.in_zone(wait.planned, wait.zone))}",)


def outage(wait: Wait) -> tuple[str, ...]:
    """That nothing could go out when it was due, and when that was."""
    if wait.goes_at == wait.due:
        return ()
    return (f"it was due on {_said(schedule.in_zone(wait.due, wait.zone))}, when nothing could go out",)


def clock_changes(wait: Wait) -> tuple[str, ...]:
    """How the clock is changed between the last lesson and this one."""
    return tuple(
        f"the clock goes {'forward' if by > timedelta(0) else 'back'} {_length(abs(by))} on {_said(day)}"
        for day, by in _changes(wait)
    )


def hour(wait: Wait) -> tuple[str, ...]:
    """Whether the hour does not exist on that day, or twice."""
    if wait.goes_at != wait.due:
        return ()
    local = schedule.in_zone(wait.due, wait.zone)
    if local.replace(tzinfo=None).time() != wait.rhythm.send_at:
        return (f"there is no {wait.rhythm.send_at:%H:%M} on that day",)
    if local.replace(fold=1).utcoffset() != local.utcoffset():
        return (f"{wait.rhythm.send_at:%H:%M} comes twice on that day, and this is the first",)
    return ()


def _waited(wait: Wait) -> Iterator[date]:
    """The days on which the lesson might have come, if the course did not leave them out; not those of a pause."""
    since = schedule.in_zone(wait.since, wait.zone)
    first = since.date() + timedelta(days=0 if wait.is_first else wait.rhythm.gap.days)
    if first == since.date() and since.time() > wait.rhythm.send_at:
        first += _DAY
    until = schedule.in_zone(wait.planned, wait.zone).date()
    for ahead in range(min((until - first).days, _MOST_NAMED)):
        yield first + ahead * _DAY


def _runs(dates: Sequence[tuple[date, str]]) -> Iterator[str]:
    """Days one after the other in as few words as they need; holidays have names."""
    run: list[date] = []
    for day, name in dates:
        if run and (name or day != run[-1] + _DAY):
            yield _run(run)
            run = []
        if name:
            yield f"{_said(day)} ({name.replace(' (', ', ').rstrip(')')})"
        else:
            run.append(day)
    if run:
        yield _run(run)


def _run(run: Sequence[date]) -> str:
    return _said(run[0]) if len(run) == 1 else f"{_said(run[0])} to {_said(run[-1])}"


def _holiday(course: Course, day: date) -> str:
    try:
        return holidays.names(course.holidays, day.year).get(day, "") if course.holidays else ""
    except ValueError:
        return ""


def _changes(wait: Wait) -> Iterator[tuple[date, timedelta]]:
    """The days on which the offset changes, and by how much."""
    begin, end = schedule.in_zone(wait.since, wait.zone), schedule.in_zone(wait.goes_at, wait.zone)
    midnights = [
        datetime.combine(begin.date() + ahead * _DAY, time(), wait.zone)
        for ahead in range(1, (end.date() - begin.date()).days + 1)
    ]
    for earlier, later in pairwise([begin, *midnights, end]):
        before, after = earlier.utcoffset(), later.utcoffset()
        if before is not None and after is not None and before != after:
            yield earlier.date(), after - before


def _length(by: timedelta) -> str:
    minutes = by // timedelta(minutes=1)
    return "an hour" if minutes == 60 else f"{minutes} minutes"  # noqa: PLR2004 (minutes of an hour)


def _said(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
