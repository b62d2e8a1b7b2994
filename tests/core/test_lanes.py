"""At which moments is an issue due that comes at everybody's own hour?"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest

from sequencer.core import lanes

LONDON = ZoneInfo("Europe/London")
NINE = datetime(2026, 12, 5, 9)  # noqa: DTZ001 (as clocks show it)
EARLY = datetime(2026, 12, 1, tzinfo=UTC)


def _by_hour(*zones: str, at: datetime = NINE, now: datetime = EARLY) -> list[tuple[str, tuple[str, ...]]]:
    found = lanes.by_hour(zones, at, instead=LONDON, now=now)
    return [(f"{moment:%d %H:%M}", names) for moment, names in found]


def test_zones_whose_clocks_agree_share_a_lane_and_the_first_is_the_easternmost() -> None:
    assert _by_hour("America/New_York", "Europe/Lisbon", "Asia/Tokyo", "Europe/London") == [
        ("05 00:00", ("Asia/Tokyo",)),
        ("05 09:00", ("Europe/Lisbon", "Europe/London")),
        ("05 14:00", ("America/New_York",)),
    ]


def test_a_zone_that_nobody_knows_goes_by_another_clock() -> None:
    assert _by_hour("Mars/Olympus", "Europe/Lisbon") == [("05 09:00", ("Europe/Lisbon", "Mars/Olympus"))]


def test_where_the_hour_is_over_it_is_that_of_the_next_day() -> None:
    noon = datetime(2026, 12, 5, 12, tzinfo=UTC)
    assert _by_hour("Asia/Tokyo", "America/New_York", now=noon) == [
        ("05 14:00", ("America/New_York",)),
        ("06 00:00", ("Asia/Tokyo",)),
    ]


def test_an_hour_that_is_long_over_is_now() -> None:
    late = datetime(2026, 12, 20, 12, tzinfo=UTC)
    assert _by_hour("Asia/Tokyo", now=late) == [("20 12:00", ("Asia/Tokyo",))]


def test_a_clock_that_jumps_over_the_hour_or_the_day_shows_the_first_moment_after() -> None:
    gap = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001
    assert _by_hour("Europe/Berlin", at=gap, now=datetime(2026, 3, 1, tzinfo=UTC)) == [
        ("29 01:00", ("Europe/Berlin",)),
    ]
    no_such_day = datetime(2011, 12, 30, 9)  # noqa: DTZ001
    assert _by_hour("Pacific/Apia", at=no_such_day, now=datetime(2011, 12, 1, tzinfo=UTC)) == [
        ("30 19:00", ("Pacific/Apia",)),
    ]


def test_all_zones_of_the_world_are_a_few_dozen_lanes() -> None:
    found = lanes.by_hour(available_timezones(), NINE, instead=LONDON, now=EARLY)
    assert len(found) < 40
    assert {name for _, names in found for name in names} == available_timezones()


@pytest.mark.parametrize(("hours", "is_over"), [(11, False), (12, False), (13, True)])
def test_an_hour_is_over_when_it_is_over_everywhere(hours: int, *, is_over: bool) -> None:
    day, hour = divmod(9 + hours, 24)
    assert lanes.is_over(NINE, now=datetime(2026, 12, 5 + day, hour, tzinfo=UTC)) is is_over
