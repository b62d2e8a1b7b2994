"""What can people choose on their preferences page, and what becomes of their lessons?"""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, House, an_address, small_course

from sequencer.core.model import Enrolment, EnrolmentState, Preference, SubscriberId, SubscriberState
from sequencer.errors import NotFound
from sequencer.flows import preferences, subscription
from sequencer.flows.preferences import Done, Wish
from sequencer.store import enrolments

EMAIL = "reader@example.org"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def house(house: House) -> House:
    """Somebody is on two courses and has had the first lesson of each."""
    for slug in ("small", "other"):
        house.publish(small_course(5, slug=slug, title=f"The {slug} course"))
        form = replace(FORM, course=slug)
        subscription.add(house.db, an_address(EMAIL), form, name="Ann", zone=LONDON, reason="A test.", now=NOW)
    house.tick(EIGHT)
    return house


def places(house: House) -> list[Enrolment]:
    """Both places."""
    with house.db.read() as tx:
        return list(enrolments.of(tx, house.person(EMAIL).id))


def test_an_hour_and_days_of_ones_own_hold_for_all_courses(house: House) -> None:
    wish = Wish(rhythm=Preference(send_at=time(18, 30), days=frozenset({3})))
    preferences.prefer(house.db, house.person(EMAIL).id, wish, now=EIGHT + MINUTE)
    # A Thursday, and London is at UTC.
    assert {place.next_due_at for place in places(house)} == {EIGHT + 3 * DAY + 10 * HOUR + 30 * MINUTE}
    assert house.person(EMAIL).name == "Ann"


def test_what_is_left_to_the_courses_again_is_theirs(house: House) -> None:
    who = house.person(EMAIL).id
    preferences.prefer(house.db, who, Wish(rhythm=Preference(send_at=time(18))), now=EIGHT + MINUTE)
    preferences.prefer(house.db, who, Wish(rhythm=Preference()), now=EIGHT + HOUR)
    assert {place.next_due_at for place in places(house)} == {EIGHT + DAY}


def test_a_wish_that_says_nothing_changes_nothing(house: House) -> None:
    before = (house.person(EMAIL), places(house))
    preferences.prefer(house.db, house.person(EMAIL).id, Wish(), now=EIGHT + 3 * HOUR)
    assert (house.person(EMAIL), places(house)) == before


def test_a_pause_holds_for_all_courses_and_ends_for_all_without_a_burst(house: House) -> None:
    who = house.person(EMAIL).id
    assert preferences.pause(house.db, who, timedelta(weeks=2), now=EIGHT + HOUR) is Done.PAUSED
    for day in range(1, 14):
        assert house.tick(EIGHT + day * DAY).accepted == 0
    assert preferences.resume(house.db, who, now=EIGHT + 13 * DAY + HOUR) is Done.RESUMED
    assert preferences.resume(house.db, who, now=EIGHT + 13 * DAY + HOUR) is Done.NOTHING
    assert [house.tick(EIGHT + day * DAY).accepted for day in (14, 15)] == [2, 2]


def test_there_is_nothing_to_pause_for_whom_nothing_goes_on(house: House) -> None:
    who = house.person(EMAIL).id
    house.leave_now(EMAIL, EIGHT + MINUTE)
    assert preferences.pause(house.db, who, timedelta(weeks=1), now=EIGHT + HOUR) is Done.NOTHING
    assert preferences.resume(house.db, who, now=EIGHT + HOUR) is Done.NOTHING
    assert {place.state for place in places(house)} == {EnrolmentState.STOPPED}
    assert house.person(EMAIL).state is SubscriberState.LEFT


def test_nobody_has_no_preferences(house: House) -> None:
    nobody = SubscriberId(404)
    with pytest.raises(NotFound):
        preferences.person(house.db, nobody)
    with pytest.raises(NotFound):
        preferences.prefer(house.db, nobody, Wish(name="x"), now=NOW)
    with pytest.raises(NotFound):
        preferences.come_back(house.db, nobody, "small", now=NOW)
    assert preferences.places(house.db, nobody) == []
