"""How much may be asked in a window, and what is told of it?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import quota as core
from sequencer.core.quota import SECOND, Quota, Spent


def spend(quota: Quota, due: int, now: float) -> Spent:
    """One request at this second."""
    return core.spend(quota, due, int(now * SECOND))


TEN_A_MINUTE = Quota(most=10, window=60)


def spent(quota: Quota, times: list[float]) -> list[Spent]:
    """What becomes of requests at these times."""
    due, found = 0, []
    for now in times:
        found.append(spend(quota, due, now))
        due = found[-1].due
    return found


def test_a_whole_quota_may_be_spent_at_once_and_no_more() -> None:
    found = spent(TEN_A_MINUTE, [1000.0] * 12)
    assert [one.allowed for one in found] == [True] * 10 + [False] * 2
    assert [one.left for one in found] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]


def test_one_comes_back_after_its_share_of_the_window() -> None:
    found = spent(TEN_A_MINUTE, [1000.0] * 11 + [1005.9, 1006.0, 1006.0])
    assert [one.allowed for one in found[10:]] == [False, False, True, False]
    assert found[10].wait == 6
    assert found[11].wait == 1


def test_what_is_left_and_when_it_is_whole_again_is_told() -> None:
    (first, *_, last) = spent(TEN_A_MINUTE, [1000.0] * 10)
    assert (first.left, first.reset, first.wait) == (9, 6, 0)
    assert (last.left, last.reset, last.wait) == (0, 60, 0)


def test_a_refused_request_costs_nothing() -> None:
    found = spent(TEN_A_MINUTE, [1000.0] * 1000)
    assert found[9].due == found[999].due


def test_after_a_rest_the_quota_is_whole_and_not_more() -> None:
    found = spent(TEN_A_MINUTE, [1000.0] * 10 + [9000.0] * 11)
    assert [one.allowed for one in found[10:]] == [True] * 10 + [False]


def test_a_clock_that_is_set_back_costs_a_window_at_most() -> None:
    late = spend(TEN_A_MINUTE, 0, 1_000_000.0)
    early = spend(TEN_A_MINUTE, late.due, 1000.0)
    assert not early.allowed
    assert early.reset == 60
    assert spend(TEN_A_MINUTE, early.due, 1006.0).allowed


@pytest.mark.parametrize(("most", "window"), [(1, 60), (7, 60), (600, 60), (99_999, 60), (3, 1)])
def test_a_quota_is_neither_more_nor_less_than_it_says(most: int, window: int) -> None:
    found = spent(Quota(most=most, window=window), [1_772_434_800.0] * (most + 1))
    assert [one.allowed for one in found] == [True] * most + [False]


@given(st.lists(st.floats(min_value=0, max_value=200), max_size=60).map(sorted))
def test_no_window_ever_holds_more_than_twice_the_quota(times: list[float]) -> None:
    allowed = [now for now, one in zip(times, spent(TEN_A_MINUTE, times), strict=True) if one.allowed]
    for start in allowed:
        assert sum(start <= now < start + 60 for now in allowed) <= 20
