"""When is a lesson due, in every zone of the world and on the days when clocks change?"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from calendars import LONDON, RHYTHMS, SECOND, ZONES, moments, rhythm, utc
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import schedule
from sequencer.core.model import Gap, Rhythm
from sequencer.errors import BadContent


# A clock that is put forward jumps over times (gap); one that is put back shows them twice (overlap).
@pytest.mark.parametrize(
    ("zone", "day", "at", "instant"),
    [
        pytest.param("America/New_York", "2026-07-01", "08:00", "2026-07-01T12:00", id="an ordinary day in New York"),
        pytest.param("America/New_York", "2026-03-08", "01:59", "2026-03-08T06:59", id="New York, before the gap"),
        pytest.param("America/New_York", "2026-03-08", "02:00", "2026-03-08T07:00", id="New York, the gap begins"),
        pytest.param("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00", id="New York, in the gap"),
        pytest.param("America/New_York", "2026-03-08", "03:00", "2026-03-08T07:00", id="New York, after the gap"),
        pytest.param("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30", id="New York, in the overlap"),
        pytest.param("America/New_York", "2026-11-01", "02:00", "2026-11-01T07:00", id="New York, after the overlap"),
        pytest.param("Europe/London", "2026-03-29", "01:00", "2026-03-29T01:00", id="London, the gap begins"),
        pytest.param("Europe/London", "2026-03-29", "01:59", "2026-03-29T01:00", id="London, the gap ends"),
        pytest.param("Europe/London", "2026-10-25", "01:30", "2026-10-25T00:30", id="London, in the overlap"),
        pytest.param(
            "Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30", id="Lord Howe, half an hour's gap"
        ),
        pytest.param("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45", id="Lord Howe, the overlap"),
        pytest.param("Africa/Cairo", "2026-04-24", "00:30", "2026-04-23T22:00", id="Cairo, the day begins at one"),
        pytest.param("Africa/Cairo", "2026-10-29", "23:30", "2026-10-29T20:30", id="Cairo, two last hours of the day"),
        pytest.param("America/Santiago", "2026-09-06", "00:00", "2026-09-06T04:00", id="Santiago, no midnight"),
        pytest.param("America/Santiago", "2026-04-04", "23:30", "2026-04-05T02:30", id="Santiago, two last hours"),
        pytest.param("Pacific/Apia", "2011-12-29", "08:00", "2011-12-29T18:00", id="Apia, the day before"),
        pytest.param("Pacific/Apia", "2011-12-31", "08:00", "2011-12-30T18:00", id="Apia, the day after"),
        pytest.param("America/Nuuk", "2026-03-28", "22:59", "2026-03-29T00:59", id="Nuuk, before the gap"),
        pytest.param("America/Nuuk", "2026-03-29", "00:00", "2026-03-29T01:00", id="Nuuk, after the gap"),
        pytest.param("America/Nuuk", "2026-10-24", "23:30", "2026-10-25T00:30", id="Nuuk, two last hours"),
        pytest.param("Asia/Kathmandu", "2026-06-01", "08:00", "2026-06-01T02:15", id="Kathmandu, a quarter of an hour"),
    ],
)
def test_a_local_time_is_the_first_instant_at_which_the_clock_shows_it_or_has_passed_it(
    zone: str, day: str, at: str, instant: str
) -> None:
    found = schedule.local_instant(date.fromisoformat(day), time.fromisoformat(at), ZoneInfo(zone))
    assert found == utc(instant)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        pytest.param("Pacific/Apia", "2011-12-30", "00:00", id="Apia had no such day, at midnight"),
        pytest.param("Pacific/Apia", "2011-12-30", "08:00", id="Apia had no such day, at eight"),
        pytest.param("Pacific/Apia", "2011-12-30", "23:59", id="Apia had no such day, in the evening"),
        pytest.param("America/Nuuk", "2026-03-28", "23:30", id="Nuuk's day ended at eleven"),
    ],
)
def test_a_time_that_its_day_does_not_have_is_no_instant(zone: str, day: str, at: str) -> None:
    assert schedule.local_instant(date.fromisoformat(day), time.fromisoformat(at), ZoneInfo(zone)) is None


MON, TUE, THU, SAT = 0, 1, 3, 5


@pytest.mark.parametrize(
    ("zone", "confirmed", "given_rhythm", "due"),
    [
        pytest.param(
            LONDON, "2026-03-02T07:59:59", rhythm(), "2026-03-02T08:00", id="today, if eight is still to come"
        ),
        pytest.param(LONDON, "2026-03-02T08:00:00", rhythm(), "2026-03-02T08:00", id="at once, at eight to the second"),
        pytest.param(LONDON, "2026-03-02T08:00:01", rhythm(), "2026-03-03T08:00", id="tomorrow, a second later"),
        pytest.param(LONDON, "2026-03-02T09:00", rhythm(gap=Gap(days=7)), "2026-03-03T08:00", id="whatever the gap"),
        pytest.param(LONDON, "2026-03-02T09:00", rhythm(days=[SAT]), "2026-03-07T08:00", id="on the next allowed day"),
        pytest.param(LONDON, "2026-03-02T09:00", rhythm(days=[MON]), "2026-03-09T08:00", id="in a week"),
        pytest.param("Asia/Kathmandu", "2026-03-02T02:14", rhythm(), "2026-03-02T02:15", id="by Kathmandu's clock"),
        pytest.param("America/New_York", "2026-03-03T02:00", rhythm(days=[MON]), "2026-03-09T12:00", id="Monday there"),
        pytest.param("Pacific/Apia", "2011-12-29T19:00", rhythm(), "2011-12-30T18:00", id="over Apia's missing day"),
        pytest.param("Pacific/Apia", "2011-12-29T19:00", rhythm(days=[4]), "2012-01-05T18:00", id="over a whole week"),
        pytest.param(
            LONDON, "2026-10-25T01:15", rhythm("01:30"), "2026-10-26T01:30", id="not at the second half past one"
        ),
    ],
)
def test_the_first_lesson_is_due_at_the_next_allowed_hour(
    zone: str, confirmed: str, given_rhythm: Rhythm, due: str
) -> None:
    assert schedule.first_due(utc(confirmed), ZoneInfo(zone), given_rhythm) == utc(due)


@pytest.mark.parametrize(
    ("zone", "accepted", "given_rhythm", "due"),
    [
        pytest.param(LONDON, "2026-03-02T08:00", rhythm(), "2026-03-03T08:00", id="the next day"),
        pytest.param(LONDON, "2026-03-02T08:00:07", rhythm(), "2026-03-03T08:00", id="at eight sharp, not seven past"),
        pytest.param(
            LONDON, "2026-03-02T23:59", rhythm(), "2026-03-03T08:00", id="after a late evening, still tomorrow"
        ),
        pytest.param(LONDON, "2026-03-03T00:01", rhythm(), "2026-03-04T08:00", id="after midnight, not the same day"),
        pytest.param(LONDON, "2026-03-02T08:00", rhythm(gap=Gap(days=3)), "2026-03-05T08:00", id="in three days"),
        pytest.param(LONDON, "2026-03-02T08:00", rhythm(gap=Gap(days=14)), "2026-03-16T08:00", id="in two weeks"),
        pytest.param(LONDON, "2026-03-02T08:00", rhythm(days=[MON, THU]), "2026-03-05T08:00", id="on Thursday"),
        pytest.param(LONDON, "2026-03-05T08:00", rhythm(days=[MON, THU]), "2026-03-09T08:00", id="on Monday again"),
        pytest.param(
            LONDON, "2026-03-02T08:00", rhythm(days=[MON, THU], gap=Gap(days=4)), "2026-03-09T08:00", id="both"
        ),
        pytest.param(
            LONDON, "2026-03-02T08:00", rhythm(gap=Gap(hours=1)), "2026-03-03T08:00", id="an hour is a day here"
        ),
        pytest.param(
            LONDON, "2026-03-02T07:00", rhythm(gap=Gap(hours=1)), "2026-03-02T08:00", id="an hour to the second"
        ),
        pytest.param(
            LONDON, "2026-03-02T07:00:01", rhythm(gap=Gap(hours=1)), "2026-03-03T08:00", id="an hour, just missed"
        ),
        pytest.param(LONDON, "2026-03-02T08:00", rhythm(gap=Gap(hours=24)), "2026-03-03T08:00", id="24 hours"),
        pytest.param(
            LONDON, "2026-03-02T08:00:07", rhythm(gap=Gap(hours=24)), "2026-03-04T08:00", id="24 hours elapsed"
        ),
        pytest.param(LONDON, "2026-03-02T08:00", rhythm(gap=Gap(hours=36)), "2026-03-04T08:00", id="36 hours"),
        pytest.param(LONDON, "2026-03-28T08:00", rhythm(), "2026-03-29T07:00", id="eight stays eight in summer"),
        pytest.param(LONDON, "2026-10-24T07:00", rhythm(), "2026-10-25T08:00", id="eight stays eight in winter"),
        pytest.param(LONDON, "2026-03-28T01:30", rhythm("01:30"), "2026-03-29T01:00", id="the gap's first instant"),
        pytest.param(LONDON, "2026-03-29T01:00", rhythm("01:30"), "2026-03-30T00:30", id="and half past one again"),
        pytest.param(LONDON, "2026-10-25T00:30", rhythm("01:30"), "2026-10-26T01:30", id="once, though shown twice"),
        pytest.param(
            "Pacific/Apia", "2011-12-29T18:00", rhythm(), "2011-12-30T18:00", id="Apia's next day is the 31st"
        ),
        pytest.param(
            "America/Nuuk", "2026-03-28T01:30", rhythm("23:30"), "2026-03-30T00:30", id="Nuuk's short evening"
        ),
        pytest.param("Etc/GMT-14", "2026-03-01T18:00", rhythm(), "2026-03-02T18:00", id="far in the east"),
        pytest.param("Etc/GMT+12", "2026-03-02T20:00", rhythm(), "2026-03-03T20:00", id="far in the west"),
    ],
)
def test_the_next_lesson_is_due_at_the_allowed_hour_after_the_gap(
    zone: str, accepted: str, given_rhythm: Rhythm, due: str
) -> None:
    assert schedule.next_due(utc(accepted), ZoneInfo(zone), given_rhythm) == utc(due)


def test_a_rhythm_without_a_weekday_is_the_authors_to_mend() -> None:
    with pytest.raises(BadContent, match='"days" allows no weekday'):
        schedule.first_due(utc("2026-03-02"), ZoneInfo(LONDON), rhythm(days=[]))


def test_an_instant_is_shown_as_the_persons_clock_shows_it() -> None:
    shown = schedule.in_zone(utc("2026-03-02T02:15"), ZoneInfo("Asia/Kathmandu"))
    assert f"{shown:%H:%M}" == "08:00"


def assert_right_hour(due: datetime, zone: ZoneInfo, given_rhythm: Rhythm) -> None:
    """The clock shows the hour for the first time, or has just jumped over it; on a day that is allowed."""
    local = due.astimezone(zone)
    wall, shown = datetime.combine(local.date(), given_rhythm.send_at), local.replace(tzinfo=None, fold=0)
    if shown != wall:
        just_before = (due - SECOND).astimezone(zone).replace(tzinfo=None, fold=0)
        assert just_before < wall < shown
    assert local.fold == 0
    assert local.weekday() in given_rhythm.days
    assert due.tzinfo is UTC


@settings(max_examples=150, deadline=None)
@given(moments(), RHYTHMS)
def test_the_next_lesson_is_later_at_the_right_hour_on_an_allowed_day_and_after_the_gap(
    moment: tuple[datetime, ZoneInfo], given_rhythm: Rhythm
) -> None:
    accepted, zone = moment
    due = schedule.next_due(accepted, zone, given_rhythm)
    assert due > accepted
    assert_right_hour(due, zone, given_rhythm)
    here, there = accepted.astimezone(zone).date(), due.astimezone(zone).date()
    assert there - here >= timedelta(days=given_rhythm.gap.days)
    assert due - accepted >= timedelta(hours=given_rhythm.gap.hours)
    # Nothing that would have been allowed was left out on the way.
    for ahead in range(given_rhythm.gap.days, (there - here).days):
        between = schedule.local_instant(here + timedelta(days=ahead), given_rhythm.send_at, zone)
        allowed = (here + timedelta(days=ahead)).weekday() in given_rhythm.days
        assert not allowed or between is None or between < accepted + timedelta(hours=given_rhythm.gap.hours) + SECOND


@settings(max_examples=80, deadline=None)
@given(moments(), RHYTHMS)
def test_the_first_lesson_is_due_at_the_right_hour_within_a_week_or_so(
    moment: tuple[datetime, ZoneInfo], given_rhythm: Rhythm
) -> None:
    confirmed, zone = moment
    due = schedule.first_due(confirmed, zone, given_rhythm)
    assert confirmed <= due < confirmed + timedelta(days=15)
    assert_right_hour(due, zone, given_rhythm)
    assert schedule.first_due(due, zone, given_rhythm) == due


def test_hours_are_elapsed_time_though_the_clock_jumps_on_the_way() -> None:
    zone = ZoneInfo("Asia/Tel_Aviv")
    accepted, given_rhythm = utc("2024-03-25T07:00"), rhythm("02:00", days=[0, 4], gap=Gap(hours=90))
    due = schedule.next_due(accepted, zone, given_rhythm)
    assert due == utc("2024-03-31T23:00")
    assert schedule.next_due(accepted.astimezone(zone), zone, given_rhythm) == due


@settings(max_examples=50, deadline=None)
@given(moments(), RHYTHMS, st.sampled_from(ZONES))
def test_the_same_instant_gives_the_same_answer_however_it_is_written(
    moment: tuple[datetime, ZoneInfo], given_rhythm: Rhythm, other: str
) -> None:
    accepted, zone = moment
    due = schedule.next_due(accepted, zone, given_rhythm)
    assert schedule.next_due(accepted, zone, given_rhythm) == due
    assert schedule.next_due(accepted.astimezone(ZoneInfo(other)), zone, given_rhythm) == due


@settings(max_examples=25, deadline=None)
@given(moments(), RHYTHMS)
def test_twenty_lessons_never_meet_and_never_go_back(moment: tuple[datetime, ZoneInfo], given_rhythm: Rhythm) -> None:
    accepted, zone = moment
    chain = [accepted]
    for _ in range(20):
        chain.append(schedule.next_due(chain[-1], zone, given_rhythm))
    assert all(later > earlier for earlier, later in pairwise(chain))
    days = [at.astimezone(zone).date() for at in chain]
    assert len(set(days[1:])) == 20


def test_the_rules_of_a_zone_are_its_offsets_and_the_seconds_at_which_they_begin() -> None:
    found = schedule.rules(ZoneInfo(LONDON), utc("2026-03-01T00:30"), utc("2026-12-01T00:00"))
    hour = timedelta(hours=1)
    assert found == [
        (utc("2026-03-01T00:30"), 0 * hour),
        (utc("2026-03-29T01:00"), hour),
        (utc("2026-10-25T01:00"), 0 * hour),
    ]
    assert schedule.rules(ZoneInfo("UTC"), utc("2026-03-01T00:30"), utc("2036-03-01T00:30")) == [
        (utc("2026-03-01T00:30"), 0 * hour)
    ]


def test_zones_that_are_forgotten_are_read_anew() -> None:
    before = ZoneInfo("Europe/London")
    schedule.forget_zones()
    assert schedule.known_zone("Europe/London") is not before
