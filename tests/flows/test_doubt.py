"""What can an admin do about a message whose fate is unknown?"""

import pytest
from house import DAY, EIGHT, House, small_course

from sequencer.core.model import DeliveryId, DeliveryState, EnrolmentState, Uncertain, WhenUncertain
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import doubt
from sequencer.flows.doubt import Finding

EMAIL = "reader@example.org"


def doubted(house: House, lessons: int = 2) -> DeliveryId:
    """A reader whose first lesson is uncertain, and held."""
    house.publish(small_course(lessons, uncertain=WhenUncertain.HOLD))
    house.join(EMAIL)
    house.courier.answers = [Uncertain(reply="the connection was lost")]
    house.tick(EIGHT)
    return house.ledger(EMAIL)[-1].id


def resolve(house: House, which: DeliveryId, finding: Finding) -> None:
    doubt.resolve(house.db, house.press.archive, which, finding, now=EIGHT)


def test_a_held_lesson_does_not_hold_up_the_course(house: House) -> None:
    which = doubted(house)
    house.tick(EIGHT + DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 2"]
    assert {row.id: row.state for row in house.ledger(EMAIL)}[which] is DeliveryState.UNCERTAIN


@pytest.mark.parametrize(
    ("finding", "state"), [(Finding.SENT, DeliveryState.SENT), (Finding.FAILED, DeliveryState.FAILED)]
)
def test_a_finding_settles_the_row_and_says_who_found_it(house: House, finding: Finding, state: DeliveryState) -> None:
    which = doubted(house)
    due = house.place(EMAIL).next_due_at
    resolve(house, which, finding)
    row = house.ledger(EMAIL)[-1]
    assert row.state is state
    assert row.reply == f"An admin found that it was {finding}. the connection was lost"
    assert house.place(EMAIL).next_due_at == due


def test_sent_again_carries_the_same_bytes(house: House) -> None:
    which = doubted(house)
    resolve(house, which, Finding.AGAIN)
    house.tick(EIGHT)
    first, second = house.courier.sent[-2:]
    assert first.content == second.content
    assert house.states(EMAIL)[-1] is DeliveryState.SENT


def test_the_last_lesson_of_a_course_ends_it_whatever_became_of_it(house: House) -> None:
    which = doubted(house, lessons=1)
    assert house.place(EMAIL).state is EnrolmentState.FINISHED
    resolve(house, which, Finding.SENT)
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


def test_what_is_not_uncertain_is_not_resolved(house: House) -> None:
    which = doubted(house)
    resolve(house, which, Finding.SENT)
    with pytest.raises(BadRequest, match="is sent, not uncertain"):
        resolve(house, which, Finding.AGAIN)


def test_what_is_not_in_the_ledger_is_not_found(house: House) -> None:
    with pytest.raises(NotFound, match="no message 99"):
        resolve(house, DeliveryId(99), Finding.SENT)
