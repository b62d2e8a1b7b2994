"""Do windows, days without lessons, preferences, pauses and outages keep their word in every zone of the world?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from calendars import FULL_RHYTHMS, LONDON, SECOND, SHARE, SPREADS, ZONES, moments, rests, rhythm, utc
from house import small_course, small_lesson
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import catchup, schedule
from sequencer.core import rhythm as rhythms
from sequencer.core.model import CourseId, Gap, Pace, Pause, Preference, Rhythm, SubscriberId
from sequencer.core.timing import MOST_YEARLY

QUARTER = timedelta(minutes=15)
HALF_WAY = rhythms.SHARES // 2
NEW_YORK = "America/New_York"


@st.composite
def calendars(draw: st.DrawFn) -> tuple[datetime, ZoneInfo, Rhythm, int]:
    """A moment, a rhythm whose days without lessons are near it, and a person's place in its window."""
    moment, zone = draw(moments())
    given_rhythm = draw(FULL_RHYTHMS)
    return moment, zone, replace(given_rhythm, blackout=given_rhythm.blackout | draw(rests(moment))), draw(SHARE)


def assert_kept(due: datetime, zone: ZoneInfo, given_rhythm: Rhythm) -> None:
    """On an open day, within the window of that day: after the hour that was chosen, or the first valid one after."""
    local = due.astimezone(zone)
    assert rhythms.is_open(local.date(), given_rhythm)
    opens_at = schedule.local_instant(local.date(), given_rhythm.send_at, zone)
    assert opens_at is not None
    assert opens_at <= due < opens_at + max(given_rhythm.spread, SECOND)
    assert local.time() >= given_rhythm.send_at
    assert local.fold == 0
    assert due.tzinfo is UTC


def assert_gap(chain: Sequence[datetime], zone: ZoneInfo, given_rhythm: Rhythm) -> None:
    """Each a gap after the one before: so many days of the person's calendar, or hours."""
    dates = [at.astimezone(zone).date() for at in chain]
    for (earlier, later), (here, there) in zip(pairwise(chain), pairwise(dates), strict=True):
        assert later > earlier
        assert later - earlier >= timedelta(hours=given_rhythm.gap.hours)
        assert there - here >= timedelta(days=given_rhythm.gap.days)


@settings(max_examples=60, deadline=None)
@given(calendars())
def test_a_course_keeps_gap_hour_days_and_window_wherever_one_lives(
    calendar: tuple[datetime, ZoneInfo, Rhythm, int],
) -> None:
    confirmed, zone, given_rhythm, share = calendar
    chain = [schedule.first_due(confirmed, zone, given_rhythm, share=share)]
    while len(chain) < 8:
        chain.append(schedule.next_due(chain[-1], zone, given_rhythm, share=share))
    assert chain[0] >= confirmed
    assert_gap(chain, zone, given_rhythm)
    assert len({due.astimezone(zone).date() for due in chain}) == len(chain)
    for due in chain:
        assert_kept(due, zone, given_rhythm)
        assert schedule.first_due(due, zone, given_rhythm, share=share) == due


@settings(max_examples=40, deadline=None)
@given(calendars(), st.sampled_from(ZONES))
def test_the_same_question_has_the_same_answer(calendar: tuple[datetime, ZoneInfo, Rhythm, int], other: str) -> None:
    accepted, zone, given_rhythm, share = calendar
    due = schedule.next_due(accepted, zone, given_rhythm, share=share)
    assert schedule.next_due(accepted, zone, given_rhythm, share=share) == due
    assert schedule.next_due(accepted.astimezone(ZoneInfo(other)), zone, given_rhythm, share=share) == due
    assert schedule.next_due(due - SECOND, zone, replace(given_rhythm, gap=Gap()), share=share) == due


@settings(max_examples=40, deadline=None)
@given(calendars())
def test_in_days_a_window_that_is_worked_out_once_serves_everybody(
    calendar: tuple[datetime, ZoneInfo, Rhythm, int],
) -> None:
    accepted, zone, given_rhythm, share = calendar
    daily = replace(given_rhythm, gap=Gap(days=1))
    opens_at = schedule.next_due(accepted, zone, daily)
    own = schedule.next_due(accepted, zone, daily, share=share)
    if opens_at > accepted + SECOND:
        assert opens_at + schedule.within(schedule.window(opens_at, zone, daily), share) == own


@settings(max_examples=60, deadline=None)
@given(moments(), SPREADS, SHARE)
def test_a_person_gets_every_lesson_at_the_same_second_of_the_day_unless_the_clock_is_changed_there(
    moment: tuple[datetime, ZoneInfo], window: timedelta, share: int
) -> None:
    accepted, zone = moment
    daily = replace(rhythm("23:50"), spread=window)
    seen = set()
    for _ in range(20):
        accepted = schedule.next_due(accepted, zone, daily, share=share)
        around = {(accepted + way * timedelta(days=1)).astimezone(zone).utcoffset() for way in (-1, 1)}
        if len(around) == 1:
            seen.add(accepted.astimezone(zone).time())
    assert len(seen) == 1
    assert next(iter(seen)) >= time(23, 50)


@pytest.mark.parametrize(
    ("zone", "day", "at", "due"),
    [
        pytest.param(LONDON, "2026-03-02", "08:00", "2026-03-02T08:07:30", id="half of the way through the window"),
        pytest.param(LONDON, "2026-03-02", "23:50", "2026-03-02T23:55", id="the window ends with the day"),
        pytest.param(NEW_YORK, "2026-03-08", "01:50", "2026-03-08T06:55", id="and where the clock jumps forward"),
        pytest.param(NEW_YORK, "2026-03-08", "02:30", "2026-03-08T07:07:30", id="it opens where the jump ends"),
        pytest.param(NEW_YORK, "2026-11-01", "01:50", "2026-11-01T05:55", id="and where it is put back"),
        pytest.param("America/Nuuk", "2026-03-28", "22:50", "2026-03-29T00:55", id="where the day's end is left out"),
        pytest.param("America/Nuuk", "2026-10-24", "23:50", "2026-10-25T00:55", id="where its last hour comes twice"),
    ],
)
def test_a_window_ends_with_the_day_and_where_the_clock_is_changed(zone: str, day: str, at: str, due: str) -> None:
    wide = replace(rhythm(at), spread=QUARTER)
    opens_at = schedule.local_instant(date.fromisoformat(day), wide.send_at, ZoneInfo(zone))
    assert opens_at is not None
    length = schedule.window(opens_at, ZoneInfo(zone), wide)
    assert opens_at + schedule.within(length, HALF_WAY) == utc(due)


def test_people_are_spread_evenly_and_each_stays_where_they_are() -> None:
    places = [rhythms.share(SubscriberId(who), CourseId(1)) for who in range(15_000)]
    minutes = [place * 15 // rhythms.SHARES for place in places]
    assert all(900 < minutes.count(minute) < 1100 for minute in range(15))
    # What is planned today was planned by the version before: this may never change.
    assert [place * 900 // rhythms.SHARES for place in places[:4]] == [687, 1, 432, 816]
    assert rhythms.share(SubscriberId(7), CourseId(1)) != rhythms.share(SubscriberId(7), CourseId(2))


@pytest.mark.parametrize(
    ("zone", "accepted", "rests_on", "due"),
    [
        pytest.param(LONDON, "2026-12-23T08:00", ["2026-12-24"], "2026-12-25T08:00", id="one day"),
        pytest.param(LONDON, "2026-12-24T08:00", ["12-25", "12-26"], "2026-12-27T08:00", id="days of every year"),
        pytest.param(LONDON, "2027-12-24T08:00", ["12-25", "12-26"], "2027-12-27T08:00", id="of every year indeed"),
        pytest.param("Asia/Tokyo", "2026-12-23T23:00", ["2026-12-25"], "2026-12-25T23:00", id="days of their calendar"),
    ],
)
def test_nothing_is_due_on_days_without_lessons(zone: str, accepted: str, rests_on: list[str], due: str) -> None:
    dates = frozenset(date.fromisoformat(day) for day in rests_on if len(day) == 10)
    yearly = frozenset((int(day[:2]), int(day[3:])) for day in rests_on if len(day) == 5)
    quiet = replace(rhythm(), blackout=dates, yearly=yearly)
    assert schedule.next_due(utc(accepted), ZoneInfo(zone), quiet) == utc(due)


def test_the_next_day_is_found_however_many_days_are_without_lessons() -> None:
    # Every Monday of three years by date, and all days of every year that may be named, most of them Mondays in 2029.
    mondays = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(52 * 3 + 1)]
    later = [date(2029, 1, 1) + timedelta(weeks=week) for week in range(53)]
    yearly = frozenset(
        [(day.month, day.day) for day in later] + [(1, day) for day in range(24, 32)][: MOST_YEARLY - 53]
    )
    quiet = replace(rhythm(days=[0], gap=Gap(days=1000)), blackout=frozenset(mondays), yearly=yearly)
    due = schedule.next_due(utc("2025-06-02T08:00"), ZoneInfo(LONDON), quiet)
    assert rhythms.is_open(due.date(), quiet)
    assert due.year == 2030


# Preferences

WISHES = st.builds(
    Preference,
    send_at=st.none() | st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    days=st.none() | st.frozensets(st.integers(0, 6)),
    pace=st.none() | st.sampled_from(Pace),
)


@settings(max_examples=40, deadline=None)
@given(calendars(), WISHES, st.none() | st.builds(Gap, days=st.integers(1, 10)))
def test_a_preference_goes_before_the_course_and_never_makes_a_lesson_earlier_than_its_gap(
    calendar: tuple[datetime, ZoneInfo, Rhythm, int], wish: Preference, least: Gap | None
) -> None:
    accepted, zone, given_rhythm, share = calendar
    own = rhythms.preferred(replace(given_rhythm, gap=least or given_rhythm.gap), wish, least=least)
    assert own.send_at == (given_rhythm.send_at if wish.send_at is None else wish.send_at)
    assert own.days == (wish.days or given_rhythm.days)
    assert (own.blackout, own.yearly, own.spread) == (given_rhythm.blackout, given_rhythm.yearly, given_rhythm.spread)
    due = schedule.next_due(accepted, zone, own, share=share)
    assert_kept(due, zone, own)
    days = due.astimezone(zone).date() - accepted.astimezone(zone).date()
    assert days >= timedelta(days=max(own.gap.days, least.days if least else 0))


@pytest.mark.parametrize(
    ("pace", "gap"),
    [
        (None, Gap(days=3)),
        (Pace.DAILY, Gap(days=1)),
        (Pace.EVERY_OTHER_DAY, Gap(days=2)),
        (Pace.WEEKLY, Gap(days=7)),
    ],
)
def test_a_persons_pace_takes_the_place_of_the_courses_gap(pace: Pace | None, gap: Gap) -> None:
    course = replace(small_course(), rhythm=rhythm(gap=Gap(days=3)))
    assert rhythms.to_lesson(course, 1, Preference(pace=pace)).gap == gap


@pytest.mark.parametrize(
    ("own", "pace", "gap"),
    [
        (Gap(days=3), Pace.DAILY, Gap(days=3)),
        (Gap(days=3), Pace.WEEKLY, Gap(days=7)),
        (Gap(hours=36), Pace.DAILY, Gap(hours=36)),
        (Gap(hours=36), Pace.EVERY_OTHER_DAY, Gap(days=2)),
        (Gap(hours=12), None, Gap(hours=12)),
    ],
)
def test_a_gap_that_a_lesson_asks_for_is_never_made_shorter(own: Gap, pace: Pace | None, gap: Gap) -> None:
    course = replace(small_course(), lessons=(small_lesson(1), small_lesson(2, gap=own)))
    assert rhythms.to_lesson(course, 1, Preference(pace=pace)).gap == gap


def test_who_prefers_nothing_gets_the_courses_rhythm() -> None:
    course = replace(small_course(), rhythm=replace(rhythm(), spread=QUARTER))
    assert rhythms.to_lesson(course, 0) == course.rhythm
    assert rhythms.to_lesson(course, 0, Preference(days=frozenset())) == course.rhythm


# A zone, an hour, days or a pace that change while a lesson is waited for


@settings(max_examples=40, deadline=None)
@given(calendars(), st.sampled_from(ZONES), st.integers(0, 40 * 24 * 60))
def test_what_is_planned_anew_keeps_the_gap_and_is_never_a_second_one_on_a_day(
    calendar: tuple[datetime, ZoneInfo, Rhythm, int], there: str, minutes: int
) -> None:
    last, zone, given_rhythm, share = calendar
    due_at = schedule.next_due(last, zone, given_rhythm, share=share)
    now, moved = last + timedelta(minutes=minutes), ZoneInfo(there)
    due = schedule.replan(moved, given_rhythm, last=last, now=now, due_at=due_at, share=share)
    if due_at <= now:
        assert due == due_at
    else:
        assert due >= now
        assert_kept(due, moved, given_rhythm)
        assert_gap([last, due], moved, given_rhythm)
        assert schedule.replan(moved, given_rhythm, last=last, now=now, due_at=due, share=share) == due
    back = schedule.replan(zone, given_rhythm, last=last, now=now, due_at=due_at, share=share)
    assert back == due_at


@pytest.mark.parametrize(
    ("now", "due"),
    [
        pytest.param("2026-03-03T08:00:01", "2026-03-03T08:00", id="a second ago"),
        pytest.param("2026-03-03T08:00", "2026-03-03T08:00", id="just now"),
        pytest.param("2026-03-03T07:59:59", "2026-03-03T13:00", id="not before the second it is due"),
    ],
)
def test_a_lesson_that_is_due_already_stays_due(now: str, due: str) -> None:
    there, last, due_at = ZoneInfo(NEW_YORK), utc("2026-03-02T08:00"), utc("2026-03-03T08:00")
    assert schedule.replan(there, rhythm(), last=last, now=utc(now), due_at=due_at) == utc(due)


def test_without_a_lesson_before_it_the_first_is_planned_anew_from_now() -> None:
    now = utc("2026-03-02T09:00")
    assert schedule.replan(ZoneInfo("Asia/Tokyo"), rhythm(), last=None, now=now) == utc("2026-03-02T23:00")


# Pauses and outages


@settings(max_examples=40, deadline=None)
@given(calendars(), st.lists(st.tuples(st.integers(-900, 900), st.integers(1, 900)), max_size=3))
def test_a_lesson_that_falls_into_a_pause_comes_at_the_next_hour_after_it(
    calendar: tuple[datetime, ZoneInfo, Rhythm, int], hours: list[tuple[int, int]]
) -> None:
    last, zone, given_rhythm, share = calendar
    due_at = schedule.next_due(last, zone, given_rhythm, share=share)
    pauses = [
        Pause(since=due_at + timedelta(hours=start), until=due_at + timedelta(hours=start + length))
        for start, length in hours
    ]
    due = schedule.after_pauses(due_at, pauses, zone, given_rhythm, share=share)
    assert not any(pause.since <= due < pause.until for pause in pauses)
    assert_kept(due, zone, given_rhythm)
    assert_gap([last, due], zone, given_rhythm)
    if not any(pause.since <= due_at < pause.until for pause in pauses):
        assert due == due_at


@pytest.mark.parametrize(
    ("since", "until", "due"),
    [
        pytest.param("2026-03-03T00:00", "2026-03-09T12:00", "2026-03-10T08:00", id="the next eight o'clock after it"),
        pytest.param("2026-03-03T00:00", "2026-03-10T08:00", "2026-03-10T08:00", id="a pause ends before its end"),
        pytest.param("2026-03-03T08:00", "2026-03-03T08:01", "2026-03-04T08:00", id="a minute is enough"),
        pytest.param("2026-03-03T08:01", "2026-03-09T12:00", "2026-03-03T08:00", id="what is due before is not held"),
    ],
)
def test_a_pause_moves_what_falls_into_it(since: str, until: str, due: str) -> None:
    pause = Pause(since=utc(since), until=utc(until))
    moved = schedule.after_pauses(utc("2026-03-03T08:00"), [pause], ZoneInfo(LONDON), rhythm())
    assert moved == utc(due)


@settings(max_examples=40, deadline=None)
@given(calendars(), st.lists(st.integers(0, 30 * 24 * 60), min_size=8, max_size=8))
def test_however_often_and_long_nothing_goes_out_there_is_never_a_burst(
    calendar: tuple[datetime, ZoneInfo, Rhythm, int], delays: list[int]
) -> None:
    confirmed, zone, given_rhythm, share = calendar
    due = schedule.first_due(confirmed, zone, given_rhythm, share=share)
    accepted = []
    for delay in delays:
        accepted.append(due + timedelta(minutes=delay))
        due = schedule.next_due(accepted[-1], zone, given_rhythm, share=share)
    assert_gap(accepted, zone, given_rhythm)


# What was missed


def test_lessons_whose_day_passed_are_missed_and_one_goes_on_with_what_is_due_now() -> None:
    london, due_at = ZoneInfo(LONDON), utc("2026-03-02T08:00")
    lead = [rhythm()] * 10
    assert catchup.missed(lead, 2, due_at, due_at + timedelta(days=3, hours=5), london) == (2, 3, 4)
    assert catchup.missed(lead, 2, due_at, due_at + timedelta(hours=23), london) == ()
    assert catchup.due_before(lead, due_at, due_at, london) == 0
    assert catchup.due_before(lead, due_at, due_at + timedelta(days=2), london) == 2
    assert catchup.due_before(lead, due_at, due_at + timedelta(days=300), london) == len(lead) - 1
    assert catchup.missed(lead, 2, due_at, due_at + timedelta(hours=24), london) == (2,)
    assert catchup.missed(lead, 7, due_at, due_at + timedelta(days=300), london) == (7, 8)
    assert catchup.missed(lead, 9, due_at, due_at + timedelta(days=300), london) == ()


@settings(max_examples=60, deadline=None)
@given(calendars(), st.integers(0, 60 * 24), st.integers(0, 9))
def test_what_is_missed_is_what_would_have_come(
    calendar: tuple[datetime, ZoneInfo, Rhythm, int], hours: int, step: int
) -> None:
    confirmed, zone, given_rhythm, share = calendar
    due_at = schedule.first_due(confirmed, zone, given_rhythm, share=share)
    goes_at = due_at + timedelta(hours=hours)
    would = [due_at]
    while would[-1] <= goes_at:
        would.append(schedule.next_due(would[-1], zone, given_rhythm, share=share))
    missed = catchup.missed([given_rhythm] * 10, step, due_at, goes_at, zone, share=share)
    assert missed == tuple(range(step, min(step + len(would) - 2, 9)))


def test_a_zone_that_nobody_knows_is_none() -> None:
    assert schedule.known_zone(LONDON) == ZoneInfo(LONDON)
    assert [schedule.known_zone(name) for name in ("", "Mars/Olympus", "../etc/passwd", "Europe")] == [None] * 4
