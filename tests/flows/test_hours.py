"""Do windows, days without lessons, holidays and lessons that were missed come out as the course says?"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from house import DAY, EIGHT, House, small_course
from sqlalchemy import update

from sequencer.core import rhythm, schedule
from sequencer.core.model import CatchUp, Course, Gap
from sequencer.core.rhythm import SHARES
from sequencer.flows import hours
from sequencer.store import courses
from sequencer.store.tables import subscriber

EMAIL = "reader@example.org"
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
PEOPLE = [f"reader-{number}@example.org" for number in range(6)]


def course(lessons: int = 6, **timing: object) -> Course:
    """The small course, its rhythm changed."""
    plain = small_course(lessons)
    of_rhythm = {key: value for key, value in timing.items() if key not in ("holidays", "catch_up")}
    of_course = {key: value for key, value in timing.items() if key in ("holidays", "catch_up")}
    return replace(plain, rhythm=replace(plain.rhythm, **of_rhythm), **of_course)  # type: ignore[arg-type]


def lessons(house: House, email: str = EMAIL) -> list[str]:
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


def due(house: House, email: str = EMAIL) -> datetime:
    at = house.place(email).next_due_at
    assert at is not None
    return at


# The window


def test_people_are_spread_over_the_window_each_at_their_own_second_every_day(house: House) -> None:
    house.publish(course(spread=QUARTER))
    for email in PEOPLE:
        house.join(email)
    first = [due(house, email) for email in PEOPLE]
    assert all(EIGHT <= at < EIGHT + QUARTER for at in first)
    assert len(set(first)) == len(PEOPLE)
    house.tick(EIGHT)
    assert all(lessons(house, email) == [] for email, at in zip(PEOPLE, first, strict=True) if at > EIGHT)
    house.tick(EIGHT + QUARTER)
    assert [due(house, email) for email in PEOPLE] == [at + DAY for at in first]


def test_with_a_gap_in_hours_each_counts_from_their_own_second(house: House) -> None:
    house.publish(course(spread=12 * HOUR, gap=Gap(hours=20)))
    for email in PEOPLE:
        house.join(email)
    first = {email: due(house, email) for email in PEOPLE}
    house.tick(EIGHT + 12 * HOUR)
    for email, at in first.items():
        # All were accepted at eight in the evening; twenty hours later it is four.
        assert due(house, email) == (at + DAY if at + DAY >= EIGHT + 32 * HOUR else at + 2 * DAY)


def test_without_a_window_everybodys_lesson_is_due_at_the_hour_itself(house: House) -> None:
    house.publish(course())
    for email in PEOPLE:
        house.join(email)
    assert {due(house, email) for email in PEOPLE} == {EIGHT}


# Days without lessons


def test_a_lesson_is_not_planned_for_a_day_without_lessons(house: House) -> None:
    off = EIGHT.date() + DAY
    house.publish(course(blackout=frozenset({off}), yearly=frozenset({(3, 4)})))
    house.join(EMAIL)
    house.tick(EIGHT)
    assert due(house) == EIGHT + 3 * DAY


def test_nobody_begins_on_a_day_without_lessons(house: House) -> None:
    house.publish(course(blackout=frozenset({EIGHT.date()})))
    house.join(EMAIL)
    assert due(house) == EIGHT + DAY


@pytest.mark.parametrize(
    ("country", "at", "expected"),
    [
        ("GB", "2026-04-02T09:00", "2026-04-04"),
        ("DE-BY", "2026-06-03T09:00", "2026-06-05"),
        ("DE-BE", "2026-06-03T09:00", "2026-06-04"),
        ("GB-SCT", "2026-12-31T09:00", "2027-01-03"),
        ("", "2026-12-31T09:00", "2027-01-01"),
    ],
)
def test_public_holidays_are_without_lessons_in_every_year(country: str, at: str, expected: str) -> None:
    since, zone = datetime.fromisoformat(at + "+00:00"), ZoneInfo("UTC")
    for_course = hours.to_lesson(course(holidays=country), 1, since=since)
    assert schedule.next_due(since, zone, for_course).date() == date.fromisoformat(expected)


def test_holidays_count_on_the_persons_own_calendar(house: House) -> None:
    # At eight on New Year's Eve in London it is New Year's Day in Kiritimati; the 1st is a holiday, by their clock.
    house.publish(course(holidays="GB"))
    evening = datetime.fromisoformat("2026-12-31T10:30:00+00:00")
    house.join(EMAIL, evening, zone="Pacific/Kiritimati")
    assert due(house).astimezone(ZoneInfo("Pacific/Kiritimati")).date() == date(2027, 1, 2)


def test_a_country_that_the_library_forgets_stops_nobodys_course(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.publish(course(holidays="XX"))
    house.join(EMAIL)
    house.tick(EIGHT)
    assert due(house) == EIGHT + DAY
    assert "holidays.unknown" in [record.message for record in caplog.records if record.levelno == logging.ERROR]


def test_a_zone_that_nobody_knows_any_more_becomes_the_default_with_a_word_of_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.publish(course())
    house.join(EMAIL)
    with house.db.begin() as tx:
        tx.execute(update(subscriber).values(timezone="Mars/Olympus"))
    house.tick(EIGHT)
    assert lessons(house) == ["Subject 1"]
    assert due(house) == EIGHT + DAY
    assert "zone.unknown" in [record.message for record in caplog.records]


# What was missed


def skipped(caplog: pytest.LogCaptureFixture) -> Sequence[str]:
    return [record.__dict__["lessons"] for record in caplog.records if record.message == "lessons.skipped"]


def test_skip_goes_on_with_the_lesson_that_would_be_due_now_and_names_the_others(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    house.publish(course(catch_up=CatchUp.SKIP))
    house.join(EMAIL)
    house.tick(EIGHT)
    back = EIGHT + 4 * DAY + 2 * HOUR
    house.tick(back)
    house.tick(back + HOUR)
    assert lessons(house) == ["Subject 1", "Subject 5"]
    assert due(house) == EIGHT + 5 * DAY
    house.tick(EIGHT + 5 * DAY)
    assert lessons(house) == ["Subject 1", "Subject 5", "Subject 6"]
    assert house.place(EMAIL).next_due_at is None
    assert skipped(caplog) == ["lesson-2,lesson-3,lesson-4"]


def test_skip_never_skips_the_last_lesson(house: House) -> None:
    house.publish(course(3, catch_up=CatchUp.SKIP))
    house.join(EMAIL)
    house.tick(EIGHT + 90 * DAY)
    assert lessons(house) == ["Subject 3"]
    assert house.place(EMAIL).next_due_at is None


def test_a_few_hours_skip_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.publish(course(catch_up=CatchUp.SKIP))
    house.join(EMAIL)
    house.tick(EIGHT + 23 * HOUR)
    assert lessons(house) == ["Subject 1"]
    assert skipped(caplog) == []


def test_shift_leaves_out_nothing(house: House) -> None:
    house.publish(course(catch_up=CatchUp.SHIFT))
    house.join(EMAIL)
    for day in (0, 4, 5):
        house.tick(EIGHT + day * DAY)
    assert lessons(house) == ["Subject 1", "Subject 2", "Subject 3"]


# What is published


def test_all_of_a_courses_timing_is_published_and_comes_back(house: House) -> None:
    given = course(
        spread=QUARTER,
        blackout=frozenset({date(2026, 12, 24)}),
        yearly=frozenset({(12, 25)}),
        holidays="GB-SCT",
        catch_up=CatchUp.SKIP,
    )
    house.publish(given)
    with house.db.read() as tx:
        found = courses.current(tx, given.slug)
    assert found is not None
    assert found.course == given


def test_courses_that_say_nothing_of_it_are_what_they_were_before_there_was_a_choice() -> None:
    # The digests of the version before.
    assert courses.digest(small_course()).startswith("1f82fa7ee4e20f748f34f48619c26945")


def test_each_change_of_the_timing_is_worth_a_revision() -> None:
    changed = [
        course(spread=QUARTER),
        course(blackout=frozenset({date(2026, 12, 24)})),
        course(yearly=frozenset({(12, 24)})),
        course(holidays="GB"),
        course(catch_up=CatchUp.SKIP),
    ]
    assert len({courses.digest(one) for one in [course(), *changed]}) == len(changed) + 1


def test_a_place_in_the_window_is_asked_for_only_where_there_is_one(house: House) -> None:
    house.publish(course())
    house.join(EMAIL)
    with house.db.read() as tx:
        plain = courses.current(tx, "small")
    assert plain is not None
    who = house.person(EMAIL).id
    assert hours.share(who, plain) == 0
    wide = replace(plain, course=course(spread=QUARTER))
    assert hours.share(who, wide) == rhythm.share(who, plain.course_id) < SHARES
