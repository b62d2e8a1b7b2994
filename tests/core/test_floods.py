"""Is an attack told from people who come in crowds, and from one that is over?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import floods
from sequencer.core.floods import Use

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
HOUR = floods.hour(NOW)


def uses(*counted: tuple[int, int, int]) -> Sequence[Use]:
    """So many hours ago, so many asked and so many confirmed."""
    return [Use(hour=HOUR - ago, asked=asked, confirmed=confirmed) for ago, asked, confirmed in counted]


@pytest.mark.parametrize(
    ("asked", "confirmed", "expected"), [(50, 9, True), (50, 10, False), (49, 0, False), (500, 99, True)]
)
def test_an_attack_is_where_less_than_one_in_five_of_fifty_confirms(
    asked: int,
    confirmed: int,
    expected: bool,  # noqa: FBT001 (of a table)
) -> None:
    assert floods.is_attacked(uses((2, asked, confirmed)), uses((0, 10**6, 0)), NOW) is expected


def test_people_have_an_hour_to_read_their_mail_and_yesterday_is_over() -> None:
    assert not floods.is_attacked(uses((0, 500, 0)), uses((0, 500, 0)), NOW)
    assert not floods.is_attacked(uses((25, 500, 0)), uses((0, 500, 0)), NOW)
    assert floods.is_attacked(uses((24, 500, 0)), uses((0, 500, 0)), NOW)


def test_an_attack_is_over_when_hardly_anybody_tries_any_more() -> None:
    robots = uses((5, 480, 0))
    assert floods.is_attacked(robots, uses((2, 30, 0)), NOW)
    assert not floods.is_attacked(robots, uses((2, 29, 0)), NOW)
    assert not floods.is_attacked(robots, uses((3, 10**6, 0)), NOW)


def test_robots_that_were_kept_out_do_not_make_it_last() -> None:
    """A flood in one hour, of which fifty got in; all who came after it had to work, and were robots."""
    tried = uses((7, 10_000, 0), (6, 10_000, 0), (5, 10_000, 0), (4, 10_000, 0), (1, 3, 0))
    assert not floods.is_attacked(uses((7, 50, 0), (1, 3, 2)), tried, NOW)


def test_a_crowd_is_measured_by_those_who_confirm() -> None:
    assert floods.excess((), 100, NOW) == -100
    assert floods.excess(uses((0, 60, 0), (1, 50, 0), (2, 900, 0)), 100, NOW) == 10
    assert floods.excess(uses((0, 60, 0), (1, 50, 3), (24, 0, 50)), 100, NOW) == -2
    assert floods.excess(uses((1, 500, 0), (23, 0, 100)), 100, NOW) == 0


@given(st.integers(0, 10**6), st.integers(1, 10**4))
def test_no_more_than_usual_are_due_at_one_time_but_after_a_day(over: int, most: int) -> None:
    at = floods.wait(over, most)
    assert timedelta(hours=2) <= at <= timedelta(days=1)
    assert at == timedelta(days=1) or floods.wait(over + most, most) == at + timedelta(hours=2)
