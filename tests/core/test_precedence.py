"""Do lessons and newsletters each have their share, of many places at once and of one at a time?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import precedence

GOLDEN = 0.618033988749895


def shared(batches: list[int], share: int = 10, *, forgetful: bool = False) -> tuple[int, int]:
    """How many lessons and newsletters go out, where both want every place."""
    lessons = issues = had_lessons = had_issues = 0
    for number, places in enumerate(batches):
        phase = number * GOLDEN % 1 if forgetful else 0.0
        had = (0, 0) if forgetful else (had_lessons, had_issues)
        found = precedence.newsletters(places, lessons=had[0], issues=had[1], share=share, phase=phase)
        issues, lessons = issues + found, lessons + places - found
        had_lessons, had_issues = precedence.lately(had_lessons + places - found, had_issues + found)
    return lessons, issues


@pytest.mark.parametrize("batches", [[200], [50] * 4, [10] * 20, [1] * 200, [7] * 30, [1, 200] * 5])
@pytest.mark.parametrize("forgetful", [False, True])
def test_a_tenth_is_newsletters_whether_places_come_at_once_or_one_by_one(
    batches: list[int], *, forgetful: bool
) -> None:
    lessons, issues = shared(batches, forgetful=forgetful)
    assert issues / (lessons + issues) == pytest.approx(0.1, abs=0.02)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=50), st.integers(1, 30), st.booleans())
def test_lessons_never_have_less_than_their_share_but_for_one_place(
    batches: list[int],
    share: int,
    forgetful: bool,  # noqa: FBT001 (Hypothesis')
) -> None:
    lessons, issues = shared(batches, share, forgetful=forgetful)
    rounded = len(batches) if forgetful else 1
    assert issues <= share * (lessons + issues) / 100 + rounded + (2 if not forgetful else 0)


@given(st.integers(0, 300), st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 30), st.floats(0, 0.999))
def test_there_are_never_more_newsletters_than_places(
    places: int, lessons: int, issues: int, share: int, phase: float
) -> None:
    found = precedence.newsletters(places, lessons=lessons, issues=issues, share=share, phase=phase)
    assert 0 <= found <= places


def test_nobody_saves_turns_up_while_the_other_has_none() -> None:
    lessons = issues = 0
    for _ in range(100):
        lessons, issues = precedence.lately(lessons + 200, issues)
    assert precedence.newsletters(200, lessons=lessons, issues=issues, share=10, phase=0.0) <= 40


@pytest.mark.parametrize(
    ("left", "issues", "lessons", "expected"),
    [
        (1000, 0, 0, 1000),  # nothing else is due
        (1000, 0, 400, 600),  # what lessons do not need
        (1000, 0, 5000, 100),  # their share in any case
        (1000, 60, 5000, 40),
        (1000, 100, 5000, 0),
        (30, 0, 5000, 30),  # and never more than there is
        (0, 0, 0, 0),
        (-3, 0, 0, 0),
        (500, 300, 450, 50),
    ],
)
def test_of_a_day_newsletters_have_what_lessons_do_not_need_and_their_share(
    left: int, issues: int, lessons: int, expected: int
) -> None:
    assert precedence.of_day(most=1000, left=left, issues=issues, lessons=lessons, share=10) == expected
