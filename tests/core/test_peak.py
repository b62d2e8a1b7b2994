"""Does the model of a peak lose nothing, and say what can be worked out by hand?"""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import model
from benchmarks.model import SHARES, Site

HERE = {0.0: 1.0}


@given(
    messages=st.integers(0, 50_000), spread=st.integers(1, 3600), rate=st.floats(0.5, 5_000), seed=st.integers(0, 1000)
)
def test_every_message_that_falls_due_is_sent_once(messages: int, spread: int, rate: float, seed: int) -> None:
    due = model.arrivals(messages, SHARES, spread=spread, seed=seed)
    assert sum(due) == messages
    assert min(due) >= 0
    peak = model.run(due[28_800:50_000] if rate < 5 else due, rate)
    assert peak.sent == peak.messages
    assert peak.sent_at_once <= rate + 1
    assert 0 <= peak.lag_p50 <= peak.lag_p99 <= peak.lag_most


def test_all_at_once_takes_as_long_as_the_rate_says() -> None:
    due = model.arrivals(60_000, HERE, spread=1)
    peak = model.run(due, 100)
    # 600 seconds in all: the last one goes out in the 600th, and half of them in the first half.
    assert (peak.lag_most, peak.lag_p50, peak.waiting_most, peak.due_at_once) == (599, 299, 59_900, 60_000)
    assert peak.busy_seconds == 600


def test_what_falls_due_more_slowly_than_it_can_go_out_is_not_late() -> None:
    due = [10] * 3600
    peak = model.run(due, 10)
    assert (peak.lag_most, peak.waiting_most, peak.busy_seconds) == (0, 0, 3600)


def test_what_falls_due_faster_waits_as_a_queue_does() -> None:
    # Twice the rate for an hour: what comes last waits as long as the hour was.
    peak = model.run([20] * 3600, 10)
    assert peak.lag_most == 3600
    assert peak.waiting_most == 36_000
    assert abs(peak.lag_p50 - 1800) <= 1


def test_a_rate_below_one_a_second_is_kept_too() -> None:
    peak = model.run([1] * 10, 0.5)
    assert peak.busy_seconds == 10
    assert peak.lag_most in (10, 11)


def test_the_rate_that_is_needed_is_the_least_that_will_do() -> None:
    due = model.arrivals(50_000, HERE, spread=600, seed=7)
    rate = model.needed(due, lag=60)
    assert model.run(due, rate).lag_p99 <= 60
    assert model.run(due, rate - 1).lag_p99 > 60
    # By hand: all but what may still wait, over the window and the lag.
    assert rate == pytest.approx(50_000 * 0.99 / 660, rel=0.03)


def test_zones_are_spread_over_the_day_and_a_seed_gives_the_same_day() -> None:
    due = model.arrivals(100_000, SHARES, spread=3600, seed=3)
    assert due == model.arrivals(100_000, SHARES, spread=3600, seed=3)
    assert due != model.arrivals(100_000, SHARES, spread=3600, seed=4)
    # Eight o'clock in New York is 13:00 UTC in winter; in Berlin it is 7:00.
    assert sum(due[13 * 3600 : 14 * 3600]) == pytest.approx(20_000, abs=1)
    assert sum(due[7 * 3600 : 8 * 3600]) == pytest.approx(20_000, abs=1)


def test_the_narrowest_of_three_says_how_fast_it_goes() -> None:
    site = Site(clusters=2, claims=1000, workers=5, sends=300, relays=4, takes=500)
    assert (site.rate, site.narrowest) == (1500, "workers")


def test_lags_are_counted_by_messages() -> None:
    lags = Counter({0: 98, 10: 1, 50: 1})
    assert [model.percentile(lags, share) for share in (0.5, 0.98, 0.99, 1.0)] == [0, 0, 10, 50]
    assert model.percentile(Counter(), 0.5) == 0
