"""Does somebody on several courses get them one at a time, in order, and one course after the other?"""

from dataclasses import replace
from datetime import timedelta

import pytest
from house import DAY, EIGHT, LONDON, NOW, House, an_address, small_course, small_lesson

from sequencer.core.model import Course, EnrolmentState
from sequencer.flows import dispatch, subscription
from sequencer.forms import Form

ANN = "ann@example.org"
HOUR = timedelta(hours=1)


def course(slug: str, letters: str, **changes: object) -> Course:
    """A course whose lessons are letters."""
    lessons = tuple(small_lesson(1, key=one, subject=one, body=f"Words of {one}.\n") for one in letters)
    return replace(small_course(slug=slug, **changes), lessons=lessons)


def enrol(house: House, *slugs: str, email: str = ANN) -> None:
    for slug in slugs:
        form = Form(key="x", course=slug)
        subscription.add(house.db, an_address(email), form, name="Ann", zone=LONDON, reason="A test.", now=NOW)


def letters(house: House, email: str = ANN) -> str:
    return "".join(one for one in house.subjects(email) if len(one) == 1)


def passes(house: House, hours: int, *, apart: timedelta) -> None:
    for hour in range(hours):
        dispatch.tick(house.db, house.courier, house.press, now=EIGHT + hour * HOUR, apart=apart)


@pytest.mark.parametrize("apart", [timedelta(0), 4 * HOUR])
def test_lessons_of_several_courses_lie_apart_and_the_first_goes_before_the_others(
    house: House, apart: timedelta
) -> None:
    house.publish(course("low", "abc"))
    house.publish(course("high", "ABC", priority=10))
    enrol(house, "low", "high")
    passes(house, 1, apart=apart)
    assert letters(house) == ("A" if apart else "aA")
    passes(house, 4, apart=apart)
    assert sorted(letters(house)) == (["A"] if apart else ["A", "a"])
    passes(house, 5, apart=apart)
    assert sorted(letters(house)) == ["A", "a"]
    passes(house, 24 * 4, apart=apart)
    assert sorted(letters(house)) == ["A", "B", "C", "a", "b", "c"]


def test_each_course_keeps_its_own_order_and_nobody_gets_two_of_one_in_a_day(house: House) -> None:
    for slug, lessons in (("one", "abcd"), ("two", "ABCD"), ("three", "1234")):
        house.publish(course(slug, lessons))
    enrol(house, "one", "two", "three")
    for day in range(8):
        before = letters(house)
        for hour in range(24):
            dispatch.tick(
                house.db, house.courier, house.press, now=EIGHT + day * DAY + hour * HOUR, apart=timedelta(hours=6)
            )
        new = letters(house)[len(before) :]
        assert all(sum(one in group for one in new) <= 1 for group in ("abcd", "ABCD", "1234"))
    for group in ("abcd", "ABCD", "1234"):
        assert [one for one in letters(house) if one in group] == list(group)


def test_others_are_not_held_up_by_somebody_who_is_on_several(house: House) -> None:
    house.publish(course("one", "ab"))
    house.publish(course("two", "AB"))
    enrol(house, "one", "two")
    enrol(house, "two", email="ben@example.org")
    passes(house, 1, apart=6 * HOUR)
    assert letters(house, "ben@example.org") == "A"
    assert len(letters(house)) == 1


def test_who_finishes_a_course_begins_the_next_one_a_gap_later(house: House) -> None:
    house.publish(course("second", "xy"))
    house.publish(course("first", "ab", next="second"))
    enrol(house, "first")
    for day in range(2):
        house.tick(EIGHT + day * DAY)
    assert letters(house) == "ab"
    house.tick(EIGHT + DAY + 12 * HOUR)
    assert letters(house) == "ab"
    for day in range(2, 4):
        house.tick(EIGHT + day * DAY)
    assert letters(house) == "abxy"


def test_who_finishes_because_the_course_became_shorter_begins_the_next_one_too(house: House) -> None:
    house.publish(course("second", "xy"))
    house.publish(course("first", "abcd", next="second"))
    enrol(house, "first")
    for day in range(2):
        house.tick(EIGHT + day * DAY)
    house.publish(course("first", "a", next="second"), EIGHT + DAY + HOUR)
    house.tick(EIGHT + 2 * DAY)
    assert letters(house) == "ab"
    for day in range(3, 6):
        house.tick(EIGHT + day * DAY)
    assert letters(house) == "abxy"


def test_who_is_on_the_next_course_already_stays_where_they_are(house: House) -> None:
    house.publish(course("second", "xyz"))
    house.publish(course("first", "a", next="second"))
    enrol(house, "first", "second")
    for day in range(6):
        house.tick(EIGHT + day * DAY)
    assert sorted(letters(house)) == ["a", "x", "y", "z"]


def test_a_next_course_that_is_not_there_is_no_reason_not_to_finish(house: House) -> None:
    house.publish(course("first", "a", next="nowhere"))
    enrol(house, "first")
    house.tick(EIGHT)
    assert house.place(ANN).state is EnrolmentState.FINISHED


def test_courses_that_lead_to_each_other_end(house: House) -> None:
    house.publish(course("first", "a", next="second"))
    house.publish(course("second", "x", next="first"))
    enrol(house, "first")
    for day in range(6):
        house.tick(EIGHT + day * DAY)
    assert letters(house) == "ax"
