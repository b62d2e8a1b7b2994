"""What if the rules of a zone change while people wait? Nobody gets two lessons on a day, and nobody none."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import zonefiles
from house import DAY, NOW, House, small_course
from sqlalchemy import text

from sequencer.core.model import Gap, Rhythm
from sequencer.flows import zones

HOUR, TWENTY = timedelta(hours=1), timedelta(minutes=20)
NOON = NOW + 4 * HOUR
ZONE = "Test/Somewhere"
ELSEWHERE = "Test/Elsewhere"
PEOPLE = tuple(f"reader-{number}@example.org" for number in range(5))


@dataclass(slots=True)
class Country:
    """A zone whose hours its government may change."""

    folder: Path

    def decree(self, rules: str, zone: str = ZONE) -> None:
        """From now on this is what the zone files of the machine say."""
        zonefiles.write(self.folder, zone, rules)


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    """Its clocks are an hour before UTC, and so are those of its neighbour."""
    made = Country(tmp_path / "zones")
    made.decree("AAA-1")
    made.decree("AAA-1", ELSEWHERE)
    with zonefiles.among(made.folder):
        yield made


def _begin(house: House, rhythm: Rhythm | None = None) -> None:
    """Some people live there, and have had their first lesson."""
    house.publish(small_course(4, **({"rhythm": rhythm} if rhythm else {})))
    for email in PEOPLE:
        house.join(email, NOON, zone=ZONE)
    house.join("neighbour@example.org", NOON, zone=ELSEWHERE)
    zones.follow(house.db, now=NOON)
    house.tick(_at(1))
    assert {house.place(email).step for email in PEOPLE} == {1}
    house.courier.sent.clear()


def _at(day: int, hour: int = 8, *, offset: int = 1, minute: int = 0) -> datetime:
    """What the country's clocks show so many days after NOW, when they are so many hours before UTC."""
    return datetime(2026, 3, 2, hour, minute, tzinfo=UTC) + day * DAY - offset * HOUR


def _came(house: House, since: datetime, until: datetime) -> dict[str, list[datetime]]:
    """Passes every twenty minutes of the mornings, the upkeep every hour; when what came to whom."""
    came: dict[str, list[datetime]] = {email: [] for email in (*PEOPLE, "neighbour@example.org")}
    for number in itertools.count():
        now = since + number * TWENTY
        if now > until:
            return came
        if now.hour not in range(4, 10):
            continue
        if number % 3 == 0:
            house.tidy(now)
        house.courier.sent.clear()
        house.tick(now)
        for parcel in house.courier.sent:
            came[parcel.recipient].append(now)
    raise AssertionError


@pytest.mark.parametrize(("rules", "offset"), [("AAA-2", 2), ("AAA0", 0), ("AAA-3", 3)])
def test_when_a_zone_changes_its_rules_each_lesson_comes_once_at_its_new_hour(
    house: House, country: Country, rules: str, offset: int
) -> None:
    _begin(house)
    country.decree(rules)
    came = _came(house, _at(1, 12), _at(3, 12, offset=offset))
    assert all(came[email] == [_at(2, offset=offset), _at(3, offset=offset)] for email in PEOPLE)
    assert came["neighbour@example.org"] == [_at(2), _at(3)]


def test_where_the_new_hour_is_over_and_the_old_one_to_come_the_lesson_comes_now(
    house: House, country: Country
) -> None:
    _begin(house)
    country.decree("AAA-2")
    # It is 8:40 by the new clock and 7:40 by the old one.
    came = _came(house, _at(2, 7, minute=40), _at(3, 12))
    assert all(came[email] == [_at(2, 7, minute=40), _at(3, offset=2)] for email in PEOPLE)


def test_who_was_planned_by_the_new_rules_already_is_left_alone(house: House, country: Country) -> None:
    _begin(house)
    country.decree("AAA-2")
    assert zones.follow(house.db, now=_at(1, 12)) == len(PEOPLE)
    planned = {email: house.place(email).next_due_at for email in PEOPLE}
    # The second pass, for those whom a process planned meanwhile that had read the old rules.
    with house.db.begin() as tx:
        late = {"at": int(_at(2).timestamp()), "who": house.person(PEOPLE[0]).id}
        tx.execute(text("UPDATE enrolment SET next_due_at = :at WHERE subscriber_id = :who"), late)
    assert zones.follow(house.db, now=_at(1, 12) + TWENTY) == 0
    assert zones.follow(house.db, now=_at(1, 13)) == 1
    assert {email: house.place(email).next_due_at for email in PEOPLE} == planned
    assert zones.follow(house.db, now=_at(1, 14)) == 0


def test_whoever_is_killed_in_between_goes_on_behind_the_last_page(house: House, country: Country) -> None:
    _begin(house)
    country.decree("AAA-2")
    stops = _after(2)
    assert zones.follow(house.db, now=_at(1, 12), stop=stops, limit=2) == 4
    assert Counter(house.place(email).next_due_at for email in PEOPLE) == {_at(2, offset=2): 4, _at(2): 1}
    assert zones.follow(house.db, now=_at(1, 12) + TWENTY, limit=2) == 1
    assert {house.place(email).next_due_at for email in PEOPLE} == {_at(2, offset=2)}


def _after(pages: int) -> Callable[[], bool]:
    asked = itertools.count()
    # The neighbour's zone is asked about first.
    return lambda: next(asked) >= pages + 1


def test_with_a_gap_in_hours_two_lessons_are_never_nearer_than_it(house: House, country: Country) -> None:
    _begin(house, Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(hours=24)))
    country.decree("AAA-2")
    came = _came(house, _at(1, 12), _at(5, 12))
    for email in PEOPLE:
        moments = [_at(1), *came[email]]
        assert len(moments) > 2
        assert all(later - earlier >= DAY for earlier, later in itertools.pairwise(moments))


def test_rules_that_say_the_same_move_nobody_however_long_it_goes_on(house: House, country: Country) -> None:
    country.decree("AAA-1BBB,M3.5.0,M10.5.0/3")
    _begin(house)
    planned = [house.place(email).next_due_at for email in PEOPLE]
    assert [zones.follow(house.db, now=_at(month * 30)) for month in range(40)] == [0] * 40
    assert [house.place(email).next_due_at for email in PEOPLE] == planned


def test_a_pause_lasts_when_the_rules_change(house: House, country: Country) -> None:
    _begin(house)
    until = _at(3, 0)
    with house.db.begin() as tx:
        who = {"until": int(until.timestamp()), "due": int(_at(3).timestamp()), "who": house.person(PEOPLE[0]).id}
        paused = "UPDATE enrolment SET paused_until = :until, next_due_at = :due WHERE subscriber_id = :who"
        tx.execute(text(paused), who)
    country.decree("AAA-3")
    came = _came(house, _at(1, 12), _at(3, 12))
    assert came[PEOPLE[0]] == [_at(3, offset=3)]
    assert came[PEOPLE[1]] == [_at(2, offset=3), _at(3, offset=3)]
