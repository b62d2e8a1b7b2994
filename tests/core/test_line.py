"""Does a domain never get more than its throttle says, and does everybody who is put off have a turn in the end?"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.core import line, rates
from sequencer.core.line import HORIZON, Applicant, Line, Rank
from sequencer.core.rates import SECOND, Rate

NOW = 1_780_000_000 * SECOND
TEN = rates.cap(10, 60)  # one in 6.3 seconds
PRESSED, LESSON, ISSUE = (Applicant(rank=rank) for rank in Rank)
OLD_LESSON, OLD_ISSUE = (Applicant(rank=rank, waited=True) for rank in (Rank.LESSON, Rank.ISSUE))


def admitted(*asking: Applicant, kept: Line | None = None, rate: Rate = TEN) -> tuple[list[int], list[float], Line]:
    """Who has a turn, in how many seconds the others come back, and what is kept."""
    found = line.admit(rate, kept or Line(), NOW, asking, share=10)
    assert sorted([*found.turns, *found.later]) == list(range(len(asking)))
    return list(found.turns), [round((at - NOW) / SECOND, 1) for at in found.later.values()], found.line


def in_seconds(tat: float = 0, lessons: float = 0, issues: float = 0) -> Line:
    at = [NOW + int(seconds * SECOND) if seconds else 0 for seconds in (tat, lessons, issues)]
    return Line(tat=at[0], lessons=at[1], issues=at[2])


def test_the_first_goes_and_the_others_stand_in_line_one_behind_the_other() -> None:
    turns, later, kept = admitted(LESSON, LESSON, LESSON)
    assert (turns, later) == ([0], [6.3, 12.6])
    assert kept == in_seconds(tat=6.3, lessons=18.9)
    # Whoever comes anew joins the end, and whoever comes back takes what there is.
    assert admitted(LESSON, kept=kept) == ([], [18.9], in_seconds(tat=6.3, lessons=25.2))
    assert admitted(LESSON, OLD_LESSON, kept=in_seconds(lessons=18.9)) == (
        [1],
        [18.9],
        in_seconds(tat=6.3, lessons=25.2),
    )


def test_what_answers_a_press_stands_in_no_line_and_goes_before_all() -> None:
    kept = in_seconds(lessons=1000, issues=2000)
    assert admitted(OLD_ISSUE, OLD_LESSON, PRESSED, kept=kept)[:2] == ([2], [2000.0, 1000.0])
    turns, later, after = admitted(PRESSED, PRESSED, kept=in_seconds(tat=8, lessons=1000))
    assert (turns, later, after) == ([], [8.0, 14.3], in_seconds(tat=8, lessons=1000))


def test_newsletters_wait_for_lessons_which_leave_them_their_share_of_the_turns() -> None:
    assert admitted(ISSUE, LESSON)[0] == [1]
    # Nobody else is there, but lessons are expected.
    assert admitted(ISSUE, kept=in_seconds(lessons=100))[:2] == ([], [0.0])
    assert admitted(ISSUE, kept=in_seconds(lessons=4))[0] == [0]
    assert admitted(ISSUE, kept=in_seconds(issues=100))[:2] == ([], [100.0])
    assert admitted(LESSON, kept=in_seconds(issues=100))[0] == [0]
    # Nine of ten.
    assert admitted(LESSON, LESSON, kept=in_seconds(lessons=70, issues=100))[1] == [70.0, 77.0]
    assert admitted(ISSUE, ISSUE, kept=in_seconds(lessons=70, issues=100))[1] == [100.0, 163.0]


def test_nobody_is_put_off_for_longer_than_an_hour_and_the_hours_end_is_filled_evenly() -> None:
    half = HORIZON / 2
    turns, later, kept = admitted(LESSON, LESSON, LESSON, kept=in_seconds(lessons=HORIZON))
    assert (turns, later) == ([], [HORIZON, half + 6.3, half + 12.6])
    # They find their places behind those who stand within it, and not among them.
    assert kept.lessons == NOW + HORIZON * SECOND
    slow = rates.cap(1, 86_400)
    turns, later, _ = admitted(LESSON, LESSON, LESSON, rate=slow)
    assert turns == [0]
    assert all(half <= at < HORIZON for at in later)
    # A clock that was set back.
    _, later, kept = admitted(OLD_LESSON, LESSON, kept=in_seconds(tat=10**6, lessons=10**6))
    assert all(half <= at < HORIZON for at in later)
    assert later[1] - later[0] == pytest.approx(6.3, abs=0.01)
    assert kept.lessons == NOW + HORIZON * SECOND


@pytest.mark.parametrize(
    ("messages", "seconds", "apart", "grace", "interval"),
    [
        (20, 60, 0, 3, 3.15),
        (600, 1, 0, 3, 0.00175),
        (10, 86_400, 0, 3, 8640.3),
        (20, 60, 2, 7, 3.35),
        (1, 60, 1e6, 73, 133),
    ],
)
def test_a_throttle_is_a_little_slower_than_evenly_spread_by_what_may_come_late(
    messages: int, seconds: float, apart: float, grace: float, interval: float
) -> None:
    found = rates.cap(messages, seconds, apart=apart)
    assert found.grace == int(grace * SECOND)
    assert found.interval == pytest.approx(interval * SECOND, abs=2)


@dataclass
class World:
    """A domain, and messages that come back when they were told to; each starts somewhen while its turn is open."""

    rate: Rate
    kept: Line = field(default_factory=Line)
    started: list[int] = field(default_factory=list)
    asked: Counter[int] = field(default_factory=Counter)
    waiting: dict[int, int] = field(default_factory=dict)

    def ask(self, who: dict[int, Applicant], now: int, late: float) -> None:
        names = list(who)
        self.asked.update(names)
        found = line.admit(self.rate, self.kept, now, [who[name] for name in names], share=10)
        self.kept = found.line
        for place in range(len(found.turns)):
            self.started.append(found.lease.first + place * self.rate.interval + int(late * self.rate.grace))
        self.waiting.update({names[which]: at for which, at in found.later.items()})


CAPS = st.tuples(st.integers(1, 2000), st.sampled_from([1, 60, 3600, 86_400]))


@given(
    cap=CAPS,
    asking=st.lists(
        st.tuples(
            st.lists(st.sampled_from([PRESSED, LESSON, ISSUE, OLD_LESSON, OLD_ISSUE]), max_size=30),
            st.floats(0, 40),
            st.floats(0, 1),
        ),
        max_size=12,
    ),
)
@settings(max_examples=150)
def test_no_period_has_more_messages_than_the_throttle_says_however_late_they_are(
    cap: tuple[int, int], asking: list[tuple[list[Applicant], float, float]]
) -> None:
    world, now = World(rates.cap(*cap)), NOW
    for who, passed, late in asking:
        now += int(passed * SECOND)
        world.ask(dict(enumerate(who)), now, late)
    period = max(cap[1], 60) * SECOND
    most = cap[0] * max(cap[1], 60) // cap[1]
    began = sorted(world.started)
    assert all(sum(first <= at < first + period for at in began) <= most for first in began)


@given(st.integers(1, 60), st.integers(1, 120), st.lists(st.sampled_from([PRESSED, LESSON, ISSUE]), max_size=20))
@example(2, 116, [])  # one more than an hour has turns for
@settings(max_examples=50, deadline=None)
def test_everybody_who_is_put_off_goes_in_the_end_and_is_not_asked_over_and_over(
    messages: int, lessons: int, others: list[Applicant]
) -> None:
    world, now = World(rates.cap(messages, 60)), NOW
    who = dict(enumerate([LESSON] * lessons + others))
    world.ask(who, now, 0.5)
    while world.waiting:
        now = max(now + SECOND, min(world.waiting.values()))
        back = {name: Applicant(rank=who[name].rank, waited=True) for name, at in world.waiting.items() if at <= now}
        for name in back:
            del world.waiting[name]
        world.ask(back, now, 0.5)
    assert len(world.started) == len(who)
    # Whoever is overtaken stands in line once more; and who waits for hours is asked each hour.
    halves = 2 * (now - NOW) // SECOND // HORIZON
    assert max(world.asked.values()) <= 4 + others.count(PRESSED) + len(who) // 8 + halves
    assert world.asked.total() <= (4 + halves) * len(who)
