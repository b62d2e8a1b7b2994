"""Where does everybody go on when the lessons of a course change?"""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from house import small_course, small_lesson
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import edits
from sequencer.core.edits import Change
from sequencer.core.model import Course, Finishers, Gap, Image, ImageKind, Rhythm

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("old", "new", "had", "next_one"),
    [
        ("ABC", "ABC", 0, "A"),
        ("ABC", "ABC", 1, "B"),
        ("ABC", "ABC", 3, ""),
        # Inserted before, at and after a place.
        ("ABC", "XABC", 1, "B"),
        ("ABC", "AXBC", 1, "X"),
        ("ABC", "ABXC", 1, "B"),
        ("ABC", "XABC", 0, "X"),
        # Removed while it was waited for, before it, and the last one.
        ("ABC", "AC", 1, "C"),
        ("ABC", "BC", 1, "B"),
        ("ABC", "BC", 2, "C"),
        ("ABC", "AB", 2, ""),
        ("ABC", "C", 2, "C"),
        # Swapped: two that are ahead; one that was had with one that was not; two that were had.
        ("ABCD", "ABDC", 2, "D"),
        ("ABCD", "ACBD", 2, "C"),
        ("ABCD", "BACD", 2, "C"),
        ("ABCD", "DABC", 2, "D"),
        # Appended: also for who had them all.
        ("ABC", "ABCD", 3, "D"),
        ("ABC", "ABXC", 3, ""),
        # Another course altogether.
        ("ABC", "XYZ", 2, "X"),
        ("ABC", "", 2, ""),
        ("", "AB", 0, "A"),
    ],
)
def test_people_go_on_with_the_first_lesson_that_is_owed_to_them(old: str, new: str, had: int, next_one: str) -> None:
    at = edits.place_after(old, new, had)
    assert (new[at] if at < len(new) else "") == next_one


lessons = st.lists(st.sampled_from("ABCDEFGHIJ"), unique=True, max_size=10)


@given(old=lessons, new=lessons, data=st.data())
def test_nothing_that_was_ahead_is_lost_and_nothing_that_was_had_is_owed(
    old: list[str], new: list[str], data: st.DataObject
) -> None:
    had = data.draw(st.integers(0, len(old)))
    owed = {new[at] for at in edits.owed(old, new, had)}
    assert set(old[had:]) & set(new) <= owed
    assert not owed & set(old[:had])
    # From the place on, everything owed comes; what comes beside it was had, and the ledger leaves it out.
    rest = new[edits.place_after(old, new, had) :]
    assert owed <= set(rest)


@given(lessons=lessons, data=st.data())
def test_an_unchanged_order_moves_nobody(lessons: list[str], data: st.DataObject) -> None:
    had = data.draw(st.integers(0, len(lessons)))
    assert edits.place_after(lessons, lessons, had) == had


@given(old=lessons, new=lessons)
def test_steps_say_for_each_place_what_comes(old: list[str], new: list[str]) -> None:
    for one in edits.steps(old, new):
        assert one.before == (old[one.step] if one.step < len(old) else None)
        assert one.after == (new[one.now_at] if one.now_at < len(new) else None)
        assert set(one.added) | set(one.missed) == set(new) - set(old)
        assert not set(one.added) & set(one.missed)
    assert [one.step for one in edits.steps(old, new)] == list(range(len(old) + 1))


def changes(old: str, new: str) -> list[tuple[str, str]]:
    """What is said of two courses whose lessons are letters."""
    before, after = (
        replace(small_course(), lessons=tuple(small_lesson(1, key=one) for one in keys)) for keys in (old, new)
    )
    return [(edit.change.value, edit.key) for edit in edits.compare(before, after)]


def test_lessons_are_compared_by_their_ids() -> None:
    assert changes("ABC", "ABC") == []
    assert changes("ABC", "AXBC") == [("added", "X")]
    assert changes("ABC", "AC") == [("removed", "B")]
    assert changes("ABCD", "ACBD") == [("moved", "B")] or changes("ABCD", "ACBD") == [("moved", "C")]
    assert changes("ABCDE", "EABCD") == [("moved", "E")]
    assert edits.compare(None, small_course(2))[1].after == 2
    assert {edit.change for edit in edits.compare(None, small_course(2))} == {Change.ADDED}


@given(old=lessons, new=lessons)
def test_what_is_moved_is_the_least_that_makes_the_order(old: list[str], new: list[str]) -> None:
    moved = {key for change, key in changes("".join(old), "".join(new)) if change == "moved"}
    stayed = [key for key in new if key in old and key not in moved]
    assert stayed == [key for key in old if key in stayed]


def test_text_and_timing_are_told_apart() -> None:
    course = small_course(2)
    first, second = course.lessons
    reworded = replace(course, lessons=(replace(first, body="Other words."), second))
    assert [(edit.change, edit.before, edit.after) for edit in edits.compare(course, reworded)] == [(Change.TEXT, 1, 1)]
    slower = replace(course, lessons=(first, replace(second, gap=Gap(days=3))))
    assert [edit.change for edit in edits.compare(course, slower)] == [Change.TIMING]
    later = replace(course, rhythm=Rhythm(send_at=time(18), days=course.rhythm.days, gap=course.rhythm.gap))
    assert {edit.change for edit in edits.compare(course, later)} == {Change.TIMING}
    own = replace(course, lessons=(first, replace(second, gap=Gap(days=3))))
    later_too = replace(own, rhythm=later.rhythm)
    assert [edit.key for edit in edits.compare(own, later_too)] == [first.key, second.key]
    slower_but_for_its_own = replace(own, rhythm=replace(own.rhythm, gap=Gap(days=2)))
    assert [edit.key for edit in edits.compare(own, slower_but_for_its_own)] == [first.key]
    at_home = replace(course, holidays="GB")
    assert {edit.change for edit in edits.compare(course, at_home)} == {Change.TIMING}
    assert edits.retimed(course, at_home)
    assert edits.retimed(course, later)
    assert edits.retimed(course, slower)
    assert not edits.retimed(course, reworded)


@pytest.mark.parametrize(
    ("who", "since"),
    [(Finishers.NONE, None), (Finishers.RECENT, NOW - 90 * DAY), (Finishers.ALL, datetime(1970, 1, 1, tzinfo=UTC))],
)
def test_who_finished_when_gets_what_was_added(who: Finishers, since: datetime | None) -> None:
    assert edits.finished_since(who, NOW) == since


def test_another_image_under_an_old_name_is_a_change_of_the_images_and_not_of_the_text() -> None:
    def course(body: str, digest: str) -> Course:
        image = Image(to="a.png", digest=digest, kind=ImageKind.PNG, width=1, height=1)
        return replace(small_course(), lessons=(small_lesson(1, body=body, images=(image,)),))

    changes = [
        [edit.change for edit in edits.compare(course("![](a.png)", "0"), new)]
        for new in (course("![](a.png)", "0"), course("![](a.png)", "1"), course("![](a.png)!", "1"))
    ]
    assert changes == [[], [Change.IMAGES], [Change.TEXT]]
