"""Do workers that share a rate keep it, whoever leases what, is late, or dies holding it?"""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import rates
from sequencer.core.rates import SECOND, Grant, Purse, Rate, Turn

NOW = 1_780_000_000 * SECOND
ALOT = 10_000

RATES = st.floats(0.01, 2000).map(rates.rate)


def leased(rate: Rate, *, tat: int = 0, wanted: int = ALOT, now: int = NOW) -> tuple[int, int, int]:
    """How many turns there are, after how many nanoseconds the first is, and `tat` from now."""
    found = rates.lease(rate, tat, now, wanted=wanted)
    return found.count, found.first - now, found.tat - now


@pytest.mark.parametrize(
    ("messages", "seconds", "interval", "grace"),
    [
        (1, 1, 1.0, 1.0),
        (100, 1, 0.01, 1.0),
        (0.5, 1, 2.0, 2.0),
        (20, 60, 3.0, 3.0),
        (1, 60, 60.0, 10.0),
        (1, 86_400, 86_400.0, 10.0),
    ],
)
def test_a_rate_is_a_distance_and_a_slow_one_may_be_late_for_longer(
    messages: float, seconds: float, interval: float, grace: float
) -> None:
    assert rates.rate(messages, seconds) == Rate(interval=int(interval * SECOND), grace=int(grace * SECOND))


@pytest.mark.parametrize("messages", [3, 7, 999_999, 1_000_000, 13.7])
def test_rounding_never_makes_a_rate_faster(messages: float) -> None:
    assert rates.rate(messages).interval * messages >= SECOND
    assert (rates.rate(messages).interval - 1) * messages < SECOND


def test_turns_are_leased_for_five_seconds_and_of_a_slow_rate_one_at_a_time() -> None:
    ten, slow = rates.rate(10), rates.rate(1, 60)
    assert leased(ten) == (51, 0, 51 * SECOND // 10)
    assert leased(ten, wanted=4) == (4, 0, 4 * SECOND // 10)
    assert leased(ten, tat=NOW, wanted=0) == (0, 0, 0)
    assert leased(slow) == (1, 0, 60 * SECOND)
    # The next one within a minute, and the one after that not yet.
    assert leased(slow, tat=NOW + 60 * SECOND) == (1, 60 * SECOND, 120 * SECOND)
    assert leased(slow, tat=NOW + 61 * SECOND) == (0, 61 * SECOND, 61 * SECOND)


def test_who_comes_later_gets_what_follows_and_what_lies_in_the_past_is_gone() -> None:
    ten = rates.rate(10)
    assert leased(ten, tat=NOW + 2 * SECOND) == (31, 2 * SECOND, 51 * SECOND // 10)
    assert leased(ten, tat=NOW - 3600 * SECOND)[1] == 0


def test_a_clock_that_is_set_back_costs_a_minute_and_an_interval_and_no_more() -> None:
    slow = rates.rate(1, 60)
    far = rates.lease(slow, NOW + 10**6 * SECOND, NOW, wanted=ALOT)
    assert (far.count, far.first - NOW, far.tat - NOW) == (0, 120 * SECOND, 120 * SECOND)
    again = rates.lease(slow, far.tat, NOW + 60 * SECOND, wanted=ALOT)
    assert (again.count, again.first - NOW) == (1, 120 * SECOND)


@given(RATES, st.integers(0, 10**9), st.integers(1, 500))
def test_no_lease_reaches_so_far_that_it_would_be_taken_for_a_clock_that_was_set_back(
    rate: Rate, tat: int, wanted: int
) -> None:
    now = NOW
    for passed in (0, 0, SECOND, 0, 7 * SECOND):
        now += passed
        found = rates.lease(rate, tat + NOW, now, wanted=wanted)
        again = rates.lease(rate, found.tat, now, wanted=wanted)
        assert again.first == max(found.tat, now)
        tat = again.tat - NOW


def test_only_the_end_of_the_timeline_can_be_given_back() -> None:
    ten = rates.rate(10)
    first = rates.lease(ten, 0, NOW, wanted=10)
    assert rates.given_back(ten, first.tat, end=first.tat, unused=4) == NOW + 6 * SECOND // 10
    second = rates.lease(ten, first.tat, NOW, wanted=10)
    assert rates.given_back(ten, second.tat, end=first.tat, unused=4) == second.tat
    assert rates.given_back(ten, first.tat, end=first.tat, unused=0) == first.tat


@dataclass
class Worker:
    """Leases turns from the bucket and starts messages; its clock runs as it likes, from where it likes."""

    shift: float
    purse: Purse = field(default_factory=Purse)
    end: int = 0


@dataclass
class World:
    """One bucket, some workers, and what they started when, by the one true clock in seconds."""

    rate: Rate
    workers: list[Worker]
    now: float = 0.0
    tat: int = 0
    begun: list[float] = field(default_factory=list)

    def lease(self, which: int, wanted: int, before: float, behind: float) -> None:
        """A worker asks, and the answer takes its time both ways."""
        worker = self.workers[which]
        asked = self.now + worker.shift
        self.now += before
        found = rates.lease(self.rate, self.tat, NOW + int(self.now * SECOND), wanted=wanted)
        self.tat = found.tat
        self.now += behind
        worker.end = found.tat if found.count else worker.end
        worker.purse.put(rates.grant(self.rate, found, most=wanted), asked=asked, answered=self.now + worker.shift)

    def start(self, which: int, at_most: int) -> None:
        """A worker starts what it may start at this moment, each with a turn that has come and is not over."""
        worker = self.workers[which]
        mine = self.now + worker.shift
        for _ in range(at_most):
            if not worker.purse.is_open(mine):
                break
            turn = worker.purse.take(mine)
            assert turn is not None
            assert turn.start == mine <= turn.end
            self.begun.append(self.now)

    def give_back(self, which: int) -> None:
        """A worker has no more to send; what nobody can take back it keeps."""
        worker = self.workers[which]
        unused = worker.purse.spare(self.now + worker.shift)
        if self.tat != worker.end:
            worker.purse.keep()
        self.tat = rates.given_back(self.rate, self.tat, end=worker.end, unused=unused)
        worker.end = 0

    def die(self, which: int) -> None:
        """A worker is gone with what it held; another takes its place."""
        self.workers[which] = Worker(shift=self.workers[which].shift)


WHO = st.integers(0, 3)
DELAY = st.just(0.0) | st.floats(0, 3)
DEEDS = st.lists(
    st.tuples(st.just("lease"), WHO, st.integers(1, 50), DELAY, DELAY)
    | st.tuples(st.just("start"), WHO, st.integers(1, 60))
    | st.tuples(st.just("give_back"), WHO)
    | st.tuples(st.just("die"), WHO)
    | st.tuples(st.just("wait"), st.floats(0, 12)),
    max_size=60,
)


@settings(max_examples=120, deadline=None)
@given(RATES, st.lists(st.floats(-1e5, 1e5), min_size=4, max_size=4), DEEDS)
def test_within_any_time_no_more_start_than_the_rate_allows_whatever_the_workers_do(
    rate: Rate, shifts: list[float], deeds: list[tuple[object, ...]]
) -> None:
    world = World(rate=rate, workers=[Worker(shift=shift) for shift in shifts])
    for what, *how in deeds:
        if what == "wait":
            world.now += how[0]  # type: ignore[operator]
        else:
            getattr(world, str(what))(*how)
    apart, grace = rate.interval / SECOND, rate.grace / SECOND
    for first, begin in enumerate(world.begun):
        for last in range(first, len(world.begun)):
            assert last - first + 1 <= (world.begun[last] - begin + grace) / apart + 1 + 1e-3


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 200), st.integers(1, 4))
def test_in_the_long_run_the_rate_is_reached_by_any_number_of_workers(messages: float, several: int) -> None:
    rate = rates.rate(messages)
    world = World(rate=rate, workers=[Worker(shift=0.0) for _ in range(several)])
    step, seconds = min(0.05, 0.4 / messages), 20.0
    while world.now < seconds:
        for which, worker in enumerate(world.workers):
            if not worker.purse.count(world.now):
                world.lease(which, 20, 0.0, 0.0)
            world.start(which, 100)
        world.now += step
    assert len(world.begun) >= int((seconds - step - 20 / messages * several) * messages * 0.98)


def test_turns_come_one_after_the_other_and_those_that_were_not_used_in_time_are_lost() -> None:
    purse = Purse()
    assert (purse.count(0), purse.is_open(0), purse.take(0), purse.spare(0)) == (0, False, None, 0)
    purse.put(Grant(most=4, count=4, wait=1.0, interval=1.0, grace=1.5), asked=100.0, answered=100.2)
    assert (purse.count(100.2), purse.is_open(101.1), purse.is_open(101.2)) == (4, False, True)
    assert purse.take(100.5) == Turn(start=101.2, end=102.5)
    # By then the second is good until 103.5, and the third from 103.2 on.
    assert purse.count(103.6) == 2
    assert purse.take(103.6) == Turn(start=103.6, end=104.5)
    # Nothing lasts so long; but whoever asks for less still gets it.
    assert purse.take(106.0) is None
    assert purse.take(105.5) == Turn(start=105.5, end=105.5)
    assert purse.take(105.5) is None


def test_of_several_leases_the_first_is_used_first_and_the_rest_of_the_last_is_what_can_be_given_back() -> None:
    purse = Purse()
    for wait, count in ((0.0, 2), (5.0, 3), (9.0, 0)):
        purse.put(Grant(most=9, count=count, wait=wait, interval=0.5, grace=9.0), asked=10.0, answered=10.0)
    assert purse.count(10.0) == 5
    starts = [purse.take(10.0) for _ in range(3)]
    assert [one.start for one in starts if one] == [10.0, 10.5, 15.0]
    assert (purse.spare(10.0), purse.count(10.0)) == (2, 0)
    purse.keep()
    assert (purse.count(10.0), purse.take(10.0)) == (2, Turn(start=15.5, end=24.5))
    assert (purse.spare(30.0), purse.count(30.0)) == (0, 0)
    purse.keep()
    assert purse.count(10.0) == 0


def test_a_turn_without_a_rate_has_no_end() -> None:
    assert Turn(start=3.0).end == math.inf
