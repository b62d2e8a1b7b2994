"""How does a lesson go out, and what if something is in the way?"""

from datetime import timedelta

from house import DAY, EIGHT, NOW, House, small_course

from sequencer.core.model import (
    Accepted,
    Blame,
    Deferred,
    DeliveryState,
    EnrolmentState,
    Rejected,
    Stage,
    SubscriberState,
    Uncertain,
)

EMAIL = "reader@example.org"


def test_a_course_arrives_lesson_by_lesson_at_eight_and_ends(house: House) -> None:
    house.publish(small_course(3))
    house.join(EMAIL)
    for day in range(5):
        house.tick(EIGHT + day * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 2", "Subject 3"]
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


def test_nothing_goes_out_before_its_hour(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT - timedelta(seconds=1))
    assert house.states(EMAIL) == [DeliveryState.SENT]


def test_a_busy_server_delays_the_lesson_by_about_a_minute(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [Deferred(reply="451 4.3.0 busy")]
    house.tick(EIGHT)
    waiting = house.ledger(EMAIL)[-1]
    assert waiting.state is DeliveryState.DEFERRED
    assert waiting.due_at is not None
    assert timedelta(seconds=48) <= waiting.due_at - EIGHT <= timedelta(seconds=72)
    house.tick(EIGHT + timedelta(minutes=2))
    assert house.states(EMAIL)[-1] is DeliveryState.SENT


def test_a_second_attempt_carries_the_very_bytes_of_the_first(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [Deferred(reply="451 4.3.0 busy"), Accepted(reply="250 Ok")]
    house.tick(EIGHT)
    house.tick(EIGHT + timedelta(minutes=2))
    first, second = house.courier.sent[-2:]
    assert first.content == second.content


def test_a_dead_address_is_suppressed_and_its_course_stops(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))]
    house.tick(EIGHT)
    assert house.states(EMAIL)[-1] is DeliveryState.FAILED
    assert house.person(EMAIL).state is SubscriberState.SUPPRESSED
    assert house.place(EMAIL).state is EnrolmentState.STOPPED
    house.tick(EIGHT + 5 * DAY)
    assert len(house.ledger(EMAIL)) == 2


def test_an_uncertain_lesson_is_sent_once_more_after_a_quarter_of_an_hour_and_then_held(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [Uncertain(reply="lost"), Uncertain(reply="lost again")]
    house.tick(EIGHT)
    assert house.states(EMAIL)[-1] is DeliveryState.UNCERTAIN
    house.tick(EIGHT + timedelta(minutes=14))
    assert len(house.courier.sent) == 2
    house.tick(EIGHT + timedelta(minutes=15))
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 1"]
    assert house.ledger(EMAIL)[-1].due_at is None
    house.tick(EIGHT + DAY)
    assert house.subjects(EMAIL)[-1] == "Subject 2"


def test_while_the_relay_is_down_rows_stay_due_and_nothing_is_claimed(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.down = "The relay cannot be used."
    assert house.tick(EIGHT).trouble
    assert house.states(EMAIL) == [DeliveryState.SENT]
    assert house.place(EMAIL).next_due_at == EIGHT
    house.courier.down = ""
    house.tick(EIGHT + timedelta(hours=3))
    assert house.subjects(EMAIL)[-1] == "Subject 1"


def test_after_an_outage_of_three_days_lessons_do_not_come_in_a_burst(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    back = EIGHT + 3 * DAY + timedelta(hours=2)
    house.tick(back)
    house.tick(back + timedelta(hours=1))
    assert house.subjects(EMAIL)[1:] == ["Subject 1"]
    assert house.place(EMAIL).next_due_at == EIGHT + 4 * DAY


def test_who_leaves_gets_nothing_more_and_who_comes_back_goes_on_at_their_place(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT)
    house.courier.answers = [Deferred(reply="451 busy")]
    house.tick(EIGHT + DAY)
    house.leave(EMAIL, NOW + DAY + timedelta(hours=3))
    # The lesson, and the mail that says how to undo it.
    assert house.states(EMAIL)[-2:] == [DeliveryState.SKIPPED, DeliveryState.QUEUED]
    house.tick(EIGHT + 9 * DAY)
    house.join(EMAIL, NOW + 10 * DAY)
    house.tick(EIGHT + 10 * DAY)
    house.tick(EIGHT + 11 * DAY)
    lessons = [subject for subject in house.subjects(EMAIL) if subject.startswith("Subject")]
    # Lesson 2 was tried before they left, and not taken.
    assert lessons == ["Subject 1", "Subject 2", "Subject 2", "Subject 3"]
