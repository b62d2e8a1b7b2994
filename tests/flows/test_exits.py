"""What if the site tells us that somebody bought, just when their next lesson is on its way?"""

from collections.abc import Callable

import pytest
from house import EIGHT, NOW, House, Meddler, small_course

from sequencer.core.model import DeliveryState, EnrolmentState
from sequencer.flows import directory, events

EMAIL = "reader@example.org"
SELLS = small_course(exit_on=("bought",))


@pytest.fixture
def selling_house(house: House) -> House:
    """A house with somebody on a course that sells."""
    house.publish(SELLS)
    house.join(EMAIL)
    return house


def buys(house: House, *, name: str = "bought") -> int:
    """The site says so; how many courses stop."""
    with house.db.begin() as tx:
        person = directory.lock(tx, house.person(EMAIL).id)
        return len(events.hear(tx, person, name, {}, now=EIGHT).stopped)


def lessons(house: House) -> list[DeliveryState]:
    return house.states(EMAIL)[1:]


def meddle(house: House, before_intent: Callable[[], None], before_report: Callable[[], None]) -> None:
    """Let something happen in the next pass, just before an intent or just before an answer is written down."""
    house.courier = Meddler(before_intent=before_intent, before_report=before_report)


def test_a_lesson_that_is_claimed_is_not_sent_to_who_has_bought_meanwhile(selling_house: House) -> None:
    house = selling_house
    done: list[int] = []
    meddle(house, lambda: done.append(buys(house)), lambda: None)
    house.tick(EIGHT)
    assert done == [1]
    assert lessons(house) == [DeliveryState.SKIPPED]
    assert house.subjects(EMAIL) == []
    assert house.place(EMAIL).state is EnrolmentState.STOPPED


def test_a_lesson_whose_content_is_on_the_wire_arrives_and_nothing_after_it(selling_house: House) -> None:
    house = selling_house
    done: list[int] = []
    meddle(house, lambda: None, lambda: done.append(buys(house)))
    house.tick(EIGHT)
    assert lessons(house) == [DeliveryState.SENT]
    assert house.place(EMAIL).state is EnrolmentState.STOPPED
    assert house.place(EMAIL).next_due_at is None


def test_bought_twice_stops_once_and_another_event_stops_nothing(selling_house: House) -> None:
    assert buys(selling_house, name="looked") == 0
    assert buys(selling_house) == 1
    assert buys(selling_house) == 0


def test_whether_a_course_ends_is_said_by_what_is_published_now(selling_house: House) -> None:
    selling_house.publish(small_course(exit_on=()), NOW)
    assert buys(selling_house) == 0
    selling_house.publish(small_course(exit_on=("bought", "refunded")), NOW)
    assert buys(selling_house, name="refunded") == 1
