"""Do the words in which times are written mean what was meant, or get a sentence that says what would be right?"""

from datetime import date, time, timedelta

import pytest

from sequencer.core import timing
from sequencer.core.model import Gap


@pytest.mark.parametrize(
    ("value", "gap"),
    [
        (1, Gap(days=1)),
        (14, Gap(days=14)),
        ("3", Gap(days=3)),
        ("1 day", Gap(days=1)),
        ("3 days", Gap(days=3)),
        ("1 week", Gap(days=7)),
        ("2 weeks", Gap(days=14)),
        ("12 hours", Gap(hours=12)),
        ("1 hour", Gap(hours=1)),
        ("  2   days ", Gap(days=2)),
        ("1000 hours", Gap(hours=1000)),
    ],
)
def test_a_gap_is_read_as_authors_write_it(value: object, gap: Gap) -> None:
    assert timing.parse_gap(value) == gap


NO_GAPS: tuple[object, ...] = (
    *(0, -1, 1.5, 10**9, True, None, []),
    *("", "0", "0 days", "-1 day", "1.5 days", "²", "² days", "1001 days", "99999999999 days", "9" * 5000),
    *("days", "3 dayz", "1 dayss", "days 3", "3 days 2", "1 month"),
)


@pytest.mark.parametrize("value", NO_GAPS)
def test_any_other_gap_is_refused_with_what_would_be_right(value: object) -> None:
    with pytest.raises(ValueError, match=r'^write a number of days, like 3, or "12 hours"$'):
        timing.parse_gap(value)


@pytest.mark.parametrize(
    ("value", "minutes"),
    [("15 min", 15), ("0 min", 0), ("1 minute", 1), (" 90  minutes ", 90), ("1 h", 60), ("12 hours", 720)],
)
def test_a_window_is_read_as_authors_write_it(value: str, minutes: int) -> None:
    assert timing.parse_spread(value) == timedelta(minutes=minutes)


@pytest.mark.parametrize("value", [15, None, "", "15", "15 sec", "-1 min", "13 hours", "721 min", "1.5 h", "9999 min"])
def test_any_other_window_is_refused_with_what_would_be_right(value: object) -> None:
    with pytest.raises(ValueError, match=r'^write a number of minutes or hours, up to 12 hours, like "15 min"$'):
        timing.parse_spread(value)


def test_an_hour_and_weekdays_are_read() -> None:
    assert timing.parse_hour("18:30") == time(18, 30)
    assert timing.parse_days(["mon", "sun"]) == {0, 6}


@pytest.mark.parametrize("value", ["", "8", "24:00", "08:00:00", 8, None])
def test_any_other_hour_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r'^write an hour like "08:00"$'):
        timing.parse_hour(value)


@pytest.mark.parametrize("value", [[], ["Monday"], "mon", [1], None])
def test_any_other_weekdays_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r'^write weekdays like \["mon", "thu"\]$'):
        timing.parse_days(value)


def test_a_day_without_lessons_is_a_date_a_range_or_a_day_of_every_year() -> None:
    found = timing.parse_blackout(["2026-12-24", date(2026, 12, 26), "2026-12-30 .. 2027-01-02", "12-25", "02-29"])
    assert sorted(found.dates) == [
        *(date(2026, 12, day) for day in (24, 26, 30, 31)),
        *(date(2027, 1, day) for day in (1, 2)),
    ]
    assert found.yearly == {(12, 25), (2, 29)}
    assert timing.parse_blackout([]) == timing.Blackout()


def test_a_range_of_every_year_may_go_over_its_turn() -> None:
    assert timing.parse_blackout(["12-30..01-02"]).yearly == {(12, 30), (12, 31), (1, 1), (1, 2)}
    assert timing.parse_blackout(["08-01..08-31"]).yearly == {(8, day) for day in range(1, 32)}
    assert len(timing.parse_blackout(["2026-01-01..2027-01-02"]).dates) == 367


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("2026-12-24", "write a list like"),
        (["2026-02-29"], "'2026-02-29' is no day; write"),
        (["13-01"], "is no day"),
        (["Christmas"], "is no day"),
        (["24.12."], "is no day"),
        ([12], "12 is no day"),
        (["12-24.."], "is no day"),
        (["12-24..12-26..12-28"], "is no day"),
        (["2026-12-24..12-26"], "has a year at one end only; give both ends a year, or none"),
        (["2026-12-24..2026-12-23"], "ends before it begins"),
        (["2026-01-01..2027-01-03"], "is longer than a year; write a year at most"),
        (["1926-12-24"], "is in the wrong century"),
        (["06-01..08-31"], "92 days of every year are too many; leave it at 60"),
    ],
)
def test_days_without_lessons_that_cannot_be_meant_are_refused(value: object, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 (its words are compared)
        timing.parse_blackout(value)
    assert sentence in str(refusal.value)
