"""Does docs/contract.md hold, line by line, for the hour at which lessons come? tests/core has it for every zone."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from house import DAY, EIGHT, LONDON, House, small_course
from sqlalchemy import update

from sequencer.core.model import Course, Gap, Pace
from sequencer.flows import edits, report, subscription, tempo
from sequencer.forms import Form
from sequencer.store.tables import subscriber

EMAIL = "reader@example.org"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
PEOPLE = [f"reader-{number}@example.org" for number in range(6)]


def course(lessons: int = 6, **timing: object) -> Course:
    """The small course, its rhythm changed."""
    plain = small_course(lessons)
    return replace(plain, rhythm=replace(plain.rhythm, **timing))  # type: ignore[arg-type]


def utc(text: str) -> datetime:
    """An instant as ISO 8601 without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(house: House, email: str = EMAIL) -> datetime:
    """When their next lesson comes."""
    at = house.place(email).next_due_at
    assert at is not None
    return at


def came(house: House, since: datetime, moments: Iterable[timedelta], email: str = EMAIL) -> list[datetime]:
    """When lessons came, with a pass at each of these moments."""
    found = []
    for moment in moments:
        before = len(house.subjects(email))
        house.tick(since + moment)
        found += [since + moment] * (len(house.subjects(email)) - before)
    return found


QUARTERS = [quarter * HOUR / 4 for quarter in range(4 * 48)]


def test_an_hour_that_does_not_exist_is_the_first_moment_after_it(house: House) -> None:
    # On the last Sunday of March London's clock goes from 1:00 to 2:00.
    house.publish(course(send_at=time(1, 30)))
    house.join(EMAIL, utc("2026-03-28T20:00"))
    assert due(house) == utc("2026-03-29T01:00")
    assert came(house, utc("2026-03-28T22:00"), QUARTERS) == [utc("2026-03-29T01:00"), utc("2026-03-30T00:30")]


def test_an_hour_that_exists_twice_is_the_first_of_the_two_and_brings_one_lesson(house: House) -> None:
    # On the last Sunday of October London's clock goes from 2:00 back to 1:00.
    house.publish(course(send_at=time(1, 30)))
    house.join(EMAIL, utc("2026-10-24T20:00"))
    assert due(house) == utc("2026-10-25T00:30")
    assert came(house, utc("2026-10-24T22:00"), QUARTERS) == [utc("2026-10-25T00:30"), utc("2026-10-26T01:30")]


def test_a_gap_of_days_counts_days_of_the_persons_calendar(house: House) -> None:
    house.publish(course())
    house.join(EMAIL)
    house.tick(EIGHT + 7 * SECOND)
    assert due(house) == EIGHT + DAY
    house.tick(EIGHT + DAY + 15 * HOUR)
    assert due(house) == EIGHT + 2 * DAY


@pytest.mark.parametrize(
    ("at", "spread", "opens", "ends"),
    [
        (time(23), 12 * HOUR, "2026-03-02T23:00", "2026-03-03T00:00"),
        # London's clock is changed at 1:00 that night.
        (time(0, 30), 2 * HOUR, "2026-03-29T00:30", "2026-03-29T01:00"),
    ],
    ids=["midnight", "a change of the clock"],
)
def test_a_window_ends_with_the_day_and_where_the_clock_is_changed_for_everybody(
    house: House, at: time, spread: timedelta, opens: str, ends: str
) -> None:
    house.publish(course(send_at=at, spread=spread))
    for email in PEOPLE:
        house.join(email, utc(opens) - HOUR)
    assert all(utc(opens) <= due(house, email) < utc(ends) for email in PEOPLE)
    assert len({due(house, email) for email in PEOPLE}) > 1


def test_a_persons_own_hour_days_and_pace_go_before_the_courses(house: House) -> None:
    house.publish(course(days=frozenset({0, 1, 2})))
    house.join(EMAIL)
    house.tick(EIGHT)
    chosen = {"pace": Pace.EVERY_OTHER_DAY, "send_at": time(18), "days": frozenset({3, 4, 5})}
    tempo.set_rhythm(house.db, house.place(EMAIL).id, **chosen, now=EIGHT + HOUR)  # type: ignore[arg-type]
    evening = EIGHT + 10 * HOUR
    # Thursday and Saturday of the week that begins on the 2nd, and of the next.
    assert came(house, EIGHT, [hour * HOUR for hour in range(2, 24 * 13)]) == [
        evening + days * DAY for days in (3, 5, 10, 12)
    ]


def _lose_the_zone(house: House) -> None:
    """A release of the tz database later, nobody knows the person's zone."""
    with house.db.begin() as tx:
        tx.execute(update(subscriber).values(timezone="Mars/Olympus"))


def test_nothing_stops_for_somebody_whose_zone_nobody_knows_any_more(house: House) -> None:
    house.publish(course())
    house.publish(small_course(slug="other", title="Another Course"))
    house.join(EMAIL, zone="America/New_York")
    house.tick(EIGHT + 6 * HOUR)
    _lose_the_zone(house)
    who, now = house.person(EMAIL), EIGHT + 7 * HOUR
    (place,) = report.why(house.db, who.address, now=now).places
    assert (place.next_due, place.next_lesson) == (EIGHT + DAY + 5 * HOUR, "Subject 2")
    seen = edits.foresee(house.db, course(send_at=time(18)), now=now)
    assert (seen.retimed, seen.twice) == (1, 0)
    house.publish(course(send_at=time(18)), now)
    assert due(house) == EIGHT + DAY + 10 * HOUR
    tempo.pause(house.db, house.place(EMAIL).id, timedelta(weeks=1), now=now)
    told = report.why(house.db, who.address, now=now)
    assert "the person has paused until Monday 09 March 2026" in told.places[0].rule
    assert told.blockers == ['Nobody knows the time zone "Mars/Olympus" any more; hours are counted by another one.']
    house.leave(EMAIL, now)
    assert house.join(EMAIL, now + DAY).first_due == EIGHT + DAY + 10 * HOUR
    other = Form(key="other", course="other")
    subscription.add(house.db, who.address, other, name="", zone=LONDON, reason="A test.", now=now + DAY)
    places = report.why(house.db, who.address, now=now).places
    assert [one.next_due for one in places] == [EIGHT + DAY + 10 * HOUR, EIGHT + 2 * DAY]


def test_a_gap_in_hours_is_elapsed_time_over_a_change_of_the_clock(house: House) -> None:
    house.publish(course(gap=Gap(hours=24)))
    house.join(EMAIL, utc("2026-03-28T07:00"))
    house.tick(utc("2026-03-28T08:00"))
    # 23 hours later it is eight again, but the gap is not over.
    assert due(house).astimezone(ZoneInfo("Europe/London")).date() == date(2026, 3, 30)
