"""Which calendar would one person live through? From a course's files alone; no database, nothing is sent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from sequencer.core import catchup, schedule
from sequencer.core.model import COURSES_OWN, CatchUp, Course, Pause, Preference, Rhythm
from sequencer.flows import hours, remarks
from sequencer.flows.remarks import Wait

Span = tuple[datetime, datetime]

_NO_PLACES = {"localtime", "Factory"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One lesson: its number, when its window opens, and what is worth a word about that.

    `exceptions` are those of the notes that say why it is not just the hour that was chosen.
    """

    lesson: int
    due_at: datetime
    due_local: datetime
    notes: tuple[str, ...]
    clock_changes: int
    exceptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Zones whose people live through the same calendar by their own clocks; `rows` are those of the first zone."""

    zones: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose calendar it is: they confirm at `start`, pause, prefer; in an outage nothing can go out.

    In a rest the course stands still by an admin's word. Times without a zone are of the person's own clock.
    """

    start: datetime
    pauses: tuple[Span, ...] = ()
    outages: tuple[Span, ...] = ()
    rests: tuple[Span, ...] = ()
    preference: Preference = COURSES_OWN


def calendar(course: Course, zone: ZoneInfo, reader: Reader) -> tuple[Row, ...]:
    """Every lesson of the course for a reader in this zone, who gets each at the second it is due."""
    rows: list[Row] = []
    step, last = 0, None
    while step < len(course.lessons):
        wait = _wait(course, step, zone, reader, last)
        missed = _missed(wait, step, reader.preference)
        step += len(missed) + 1
        rows.append(_row(wait, step, missed))
        last = wait.goes_at
    return tuple(rows)


def everywhere(course: Course, reader: Reader) -> tuple[Group, ...]:
    """The calendars of all zones there are, the same ones together, the commonest first."""
    kept: Mapping[object, list[tuple[str, tuple[Row, ...]]]] = defaultdict(list)
    for name in sorted(available_timezones() - _NO_PLACES):
        rows = calendar(course, ZoneInfo(name), reader)
        kept[tuple((row.lesson, row.due_local.replace(tzinfo=None), row.notes) for row in rows)].append((name, rows))
    groups = [Group(zones=tuple(name for name, _ in same), rows=same[0][1]) for same in kept.values()]
    return tuple(sorted(groups, key=lambda group: (-len(group.zones), group.zones)))


def instant(written: datetime, zone: ZoneInfo) -> datetime:
    """A time as somebody writes it: without a zone, it is one of the person's own clock."""
    if written.tzinfo is not None:
        return written
    found = schedule.local_instant(written.date(), written.time(), zone)
    # A day that a zone left out: its next one begins then.
    return found or instant(datetime.combine(written.date() + timedelta(days=1), datetime.min.time()), zone)


def clock_changes(rows: Iterable[Row]) -> int:
    """How many changes of the clock fall between these lessons."""
    return sum(row.clock_changes for row in rows)


def _wait(course: Course, step: int, zone: ZoneInfo, reader: Reader, last: datetime | None) -> Wait:
    since = last or instant(reader.start, zone)
    rhythm = hours.to_lesson(course, step, since=since, preference=reader.preference)
    planned = schedule.next_due(since, zone, rhythm) if last else schedule.first_due(since, zone, rhythm)
    # After a long pause the holidays of other years count.
    later = max([planned, *(rest.until for rest in _spans((*reader.pauses, *reader.rests), zone))])
    after = hours.to_lesson(course, step, since=later, preference=reader.preference)
    due, goes_at = _rested(planned, reader, zone, after)
    return Wait(
        course=course,
        zone=zone,
        rhythm=rhythm,
        since=since,
        is_first=last is None,
        planned=planned,
        due=due,
        goes_at=goes_at,
    )


def _spans(spans: Sequence[Span], zone: ZoneInfo) -> tuple[Pause, ...]:
    return tuple(Pause(since=instant(since, zone), until=instant(until, zone)) for since, until in spans)


def _rested(planned: datetime, reader: Reader, zone: ZoneInfo, rhythm: Rhythm) -> tuple[datetime, datetime]:
    """When a lesson is due, by the reader's own pauses, and when it goes out, by outages and rests of the course.

    Who pauses while a lesson waits for the end of an outage is due that lesson after their pause.
    """
    pauses, outages, rests = (_spans(spans, zone) for spans in (reader.pauses, reader.outages, reader.rests))
    due = schedule.after_pauses(planned, pauses, zone, rhythm)
    goes_at = _after(due, outages, rests, zone, rhythm)
    while begun := [one.until for one in pauses if due < one.since < goes_at]:
        due = schedule.after_pauses(schedule.first_due(max(begun), zone, rhythm), pauses, zone, rhythm)
        goes_at = _after(due, outages, rests, zone, rhythm)
    return due, goes_at


def _after(due: datetime, outages: Sequence[Pause], rests: Sequence[Pause], zone: ZoneInfo, rhythm: Rhythm) -> datetime:
    """What is due while nothing can go out goes out as soon as anything can; after a rest, at the reader's hour."""
    goes_at = schedule.after_pauses(due, rests, zone, rhythm)
    while holding := [one.until for one in outages if one.since <= goes_at < one.until]:
        goes_at = schedule.after_pauses(max(holding), rests, zone, rhythm)
    return goes_at


def _missed(wait: Wait, step: int, preference: Preference) -> tuple[int, ...]:
    if wait.course.catch_up is CatchUp.SHIFT or wait.goes_at == wait.due:
        return ()
    lead = [
        hours.to_lesson(wait.course, to, since=wait.due, preference=preference)
        for to in range(len(wait.course.lessons))
    ]
    return catchup.missed(lead, step, wait.due, wait.goes_at, wait.zone)


def _row(wait: Wait, lesson: int, missed: Sequence[int]) -> Row:
    changes, exceptions = remarks.clock_changes(wait), remarks.hour(wait)
    reasons = (*remarks.days(wait), *remarks.pause(wait), *remarks.outage(wait), *remarks.missed(wait, missed))
    return Row(
        lesson=lesson,
        due_at=wait.goes_at.astimezone(UTC),
        due_local=schedule.in_zone(wait.goes_at, wait.zone),
        notes=(*reasons, *changes, *exceptions),
        clock_changes=len(changes),
        exceptions=exceptions,
    )
