"""Does docs/contract.md hold, line by line, when the lessons of a running course change?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from house import DAY, EIGHT, House, small_course, small_lesson, unfolded

from sequencer.core.model import Course, Deferred, Gap, Lesson, Stage
from sequencer.flows import edits
from sequencer.flows.edits import Foresight

ANN, BEN, CLEO = PEOPLE = ("ann@example.org", "ben@example.org", "cleo@example.org")
HOUR = timedelta(hours=1)


def of(letters: str, *, words: str = "Words", **changes: object) -> Course:
    """A course whose lessons are letters."""
    return replace(small_course(), lessons=tuple(_lesson(one, words) for one in letters), **changes)  # type: ignore[arg-type]


def _lesson(letter: str, words: str, gap: Gap | None = None) -> Lesson:
    return small_lesson(1, key=letter, subject=letter, body=f"{words} of {letter}.\n", gap=gap)


def letters(house: House, email: str = ANN) -> str:
    """The letters that somebody was sent, in order."""
    return "".join(one for one in house.subjects(email) if len(one) == 1)


def on_course(house: House, course: Course, lessons: int) -> datetime:
    """Ann has had so many lessons of this course, one a day; an hour after the last."""
    house.publish(course)
    house.join(ANN)
    go_on(house, EIGHT, lessons)
    assert len(letters(house)) == lessons
    return EIGHT + (lessons - 1) * DAY + HOUR


def go_on(house: House, since: datetime, days: int) -> None:
    """A pass at this hour of so many days."""
    for day in range(days):
        house.tick(since + day * DAY)


def edited(house: House, course: Course, now: datetime) -> Foresight:
    """The course becomes this one; what the plan had said of it."""
    seen = edits.foresee(house.db, course, now=now)
    house.publish(course, now)
    return seen


def due(house: House, email: str = ANN) -> datetime:
    """When their next lesson comes."""
    at = house.place(email).next_due_at
    assert at is not None
    return at


# Inserted


def test_a_lesson_inserted_before_a_place_is_missed_there_and_the_plan_counts_by_whom(house: House) -> None:
    now = on_course(house, of("ABC"), 1)
    house.join(BEN, now)
    seen = edited(house, of("XABC"), now)
    assert [(one.people, one.missed) for one in seen.effects if one.place == 1] == [(1, ("X",))]
    go_on(house, EIGHT + DAY, 5)
    assert (letters(house, ANN), letters(house, BEN)) == ("ABC", "XABC")


def test_a_lesson_inserted_at_a_place_is_the_next_one_at_the_hour_that_was_planned(house: House) -> None:
    now = on_course(house, of("ABC"), 1)
    planned = due(house)
    seen = edited(house, of("AXBC"), now)
    assert [(one.before, one.after, one.first_due) for one in seen.effects] == [("B", "X", planned)]
    assert due(house) == planned
    house.tick(planned)
    assert letters(house) == "AX"


def test_a_lesson_inserted_after_a_place_comes_in_its_turn(house: House) -> None:
    now = on_course(house, of("ABC"), 1)
    planned = due(house)
    seen = edited(house, of("ABXC"), now)
    assert [(one.after, one.added) for one in seen.effects] == [("B", ("X",))]
    assert due(house) == planned
    go_on(house, planned, 5)
    assert letters(house) == "ABXC"


# Deleted


def test_who_waits_for_a_lesson_that_is_deleted_gets_the_one_behind_it_at_the_same_hour(house: House) -> None:
    now = on_course(house, of("ABC"), 1)
    planned = due(house)
    seen = edited(house, of("AC"), now)
    assert [(one.before, one.after) for one in seen.effects] == [("B", "C")]
    assert due(house) == planned
    house.tick(planned)
    assert letters(house) == "AC"


def test_a_lesson_that_is_deleted_behind_a_place_changes_nothing_there(house: House) -> None:
    now = on_course(house, of("ABCD"), 2)
    planned = due(house)
    seen = edited(house, of("BCD"), now)
    assert [(one.before, one.is_same) for one in seen.effects] == [("C", True)]
    assert due(house) == planned
    go_on(house, planned, 4)
    assert letters(house) == "ABCD"


# Moved, appended, reworded


def test_two_lessons_that_are_swapped_come_once_each_wherever_one_stands(house: House) -> None:
    house.publish(of("ABCD"))
    for day, email in enumerate(PEOPLE):
        house.join(email, EIGHT + day * DAY - HOUR)
        house.tick(EIGHT + day * DAY)
    assert [letters(house, email) for email in PEOPLE] == ["ABC", "AB", "A"]
    edited(house, of("ACBD"), EIGHT + 2 * DAY + HOUR)
    go_on(house, EIGHT + 3 * DAY, 5)
    assert [letters(house, email) for email in PEOPLE] == ["ABCD", "ABCD", "ACBD"]


def test_a_lesson_that_is_appended_reaches_who_is_on_the_course_in_its_turn(house: House) -> None:
    now = on_course(house, of("AB"), 1)
    planned = due(house)
    edited(house, of("ABC"), now)
    assert due(house) == planned
    go_on(house, planned, 4)
    assert letters(house) == "ABC"


def test_a_lesson_is_sent_with_the_words_that_are_published_when_it_goes_out(house: House) -> None:
    now = on_course(house, of("ABC"), 1)
    planned = due(house)
    seen = edited(house, of("ABC", words="Other words"), now)
    assert {edit.change.value for edit in seen.edits} == {"changed in text"}
    assert due(house) == planned
    house.tick(planned)
    assert "Other words of B." in unfolded(house.courier.sent[-1].content)


def test_a_lesson_that_waits_to_be_tried_again_keeps_its_words(house: House) -> None:
    now = on_course(house, of("ABC"), 1)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="450 later"))]
    house.tick(EIGHT + DAY)
    edited(house, of("ABC", words="Other words"), now + DAY)
    house.tick(EIGHT + DAY + HOUR)
    assert letters(house) == "AB"
    assert "Words of B." in unfolded(house.courier.sent[-1].content)


# The rhythm

PLAIN = small_course().rhythm


@pytest.mark.parametrize(
    ("changes", "at", "moved_to"),
    [
        ({"rhythm": replace(PLAIN, gap=Gap(days=5))}, HOUR, 5 * DAY),
        ({"rhythm": replace(PLAIN, send_at=time(18))}, HOUR, DAY + 10 * HOUR),
        ({"rhythm": replace(PLAIN, send_at=time(6))}, 23 * HOUR, 2 * DAY - 2 * HOUR),
        ({"rhythm": replace(PLAIN, days=frozenset({4}))}, HOUR, 4 * DAY),
        ({"lessons": (*of("A").lessons, _lesson("B", "Words", Gap(days=3)), *of("C").lessons)}, HOUR, 3 * DAY),
    ],
    ids=["gap", "later hour", "earlier hour that is past", "days", "gap of the next lesson"],
)
def test_a_new_gap_hour_or_day_holds_for_the_lesson_that_waits_and_never_for_the_past(
    house: House, changes: dict[str, object], at: timedelta, moved_to: timedelta
) -> None:
    on_course(house, of("ABC"), 1)
    assert due(house) == EIGHT + DAY
    seen = edited(house, replace(of("ABC"), **changes), EIGHT + at)  # type: ignore[arg-type]
    assert seen.retimed == 1
    assert due(house) == EIGHT + moved_to == seen.effects[0].first_due


def mondays_and_thursdays(house: House, gap: int) -> Sequence[int]:
    """On which days lessons came that may come on these, with a gap of so many days; it begins on a Monday."""
    house.publish(of("ABCDE", rhythm=replace(PLAIN, days=frozenset({0, 3}), gap=Gap(days=gap))))
    house.join(ANN)
    came = []
    for day in range(15):
        before = letters(house)
        house.tick(EIGHT + day * DAY)
        came += [day] * (len(letters(house)) - len(before))
    return came


def test_on_mondays_and_thursdays_with_a_gap_of_a_day_lessons_come_on_both_in_turn(house: House) -> None:
    assert mondays_and_thursdays(house, gap=1) == [0, 3, 7, 10, 14]


def test_on_mondays_and_thursdays_with_a_gap_of_seven_days_lessons_come_once_a_week(house: House) -> None:
    assert mondays_and_thursdays(house, gap=7) == [0, 7, 14]
