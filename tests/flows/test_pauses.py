"""Does the mail stop when an admin says so, and go on without a burst?"""

from datetime import timedelta

import pytest
from house import DAY, EIGHT, NOW, House, small_course

from sequencer.core.model import Deferred, EnrolmentState, Stage
from sequencer.errors import NotFound
from sequencer.flows import pauses

ANN, BEN = "ann@example.org", "ben@example.org"
HOUR = timedelta(hours=1)


def lessons(house: House, email: str = ANN) -> list[str]:
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


def test_while_everything_is_paused_nothing_goes_out_and_sign_ups_are_taken(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    pauses.stop(house.db, reason="The relay is blocked.", now=NOW)
    assert house.tick(EIGHT).paused == "The relay is blocked."
    house.sign_up(BEN, EIGHT)
    assert house.tick(EIGHT + HOUR).accepted == 0
    assert house.subjects(BEN) == lessons(house) == []
    assert pauses.go_on(house.db)
    assert not pauses.go_on(house.db)
    done = house.tick(EIGHT + 2 * HOUR)
    assert (done.accepted, done.paused) == (2, "")


def test_a_pause_that_falls_into_a_pass_ends_it(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    house.join(BEN)
    asked = []

    def stop() -> bool:
        asked.append(1)
        pauses.stop(house.db, reason="Now.", now=EIGHT)
        return False

    house.tick(EIGHT, stop=stop)
    assert asked
    assert lessons(house, ANN) == lessons(house, BEN) == []


def test_the_first_hour_of_a_pause_is_kept_and_the_last_reason(house: House) -> None:
    pauses.stop(house.db, reason="One.", now=NOW)
    pauses.stop(house.db, reason="Two.", now=NOW + HOUR)
    found = pauses.standstill(house.db)
    assert found is not None
    assert (found.since, found.reason) == (NOW, "Two.")


@pytest.mark.parametrize("days", [1, 3, 40])
def test_after_a_pause_of_everything_there_is_one_lesson_a_day(house: House, days: int) -> None:
    house.publish(small_course(6))
    house.join(ANN)
    house.tick(EIGHT)
    pauses.stop(house.db, reason="Rest.", now=EIGHT + HOUR)
    for day in range(1, days + 1):
        house.tick(EIGHT + day * DAY)
    assert len(lessons(house)) == 1
    pauses.go_on(house.db)
    back = EIGHT + days * DAY + 2 * HOUR
    for hour in range(3 * 24):
        house.tick(back + hour * HOUR)
    # At once on the day it goes on, as it was due; then at eight on each of three days.
    assert len(lessons(house)) == 5


@pytest.mark.parametrize("days", [1, 3, 20])
def test_a_course_that_is_paused_goes_on_at_the_right_hour(house: House, days: int) -> None:
    house.publish(small_course())
    house.publish(small_course(slug="other", title="Another"))
    house.join(ANN)
    house.tick(EIGHT)
    assert pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    assert not pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    for day in range(1, days + 1):
        house.tick(EIGHT + day * DAY)
    assert lessons(house) == ["Subject 1"]
    assert house.place(ANN).state is EnrolmentState.ACTIVE
    back = EIGHT + days * DAY + 3 * HOUR
    assert pauses.resume_course(house.db, "small", now=back) == 1
    assert pauses.resume_course(house.db, "small", now=back) is None
    house.tick(back)
    assert lessons(house) == ["Subject 1"]
    assert house.place(ANN).next_due_at == EIGHT + (days + 1) * DAY
    for day in range(1, 5):
        house.tick(EIGHT + (days + day) * DAY)
    assert lessons(house) == ["Subject 1", "Subject 2", "Subject 3"]


def test_who_was_not_due_yet_keeps_their_hour_when_the_course_goes_on(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    house.tick(EIGHT)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + 2 * HOUR)
    assert pauses.resume_course(house.db, "small", now=EIGHT + 3 * HOUR) == 0
    assert house.place(ANN).next_due_at == EIGHT + DAY


def test_a_lesson_that_waits_for_another_try_waits_for_its_course_too(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="450 later"))]
    house.tick(EIGHT)
    pauses.pause_course(house.db, "small", now=EIGHT)
    house.tick(EIGHT + HOUR)
    assert lessons(house) == []
    pauses.resume_course(house.db, "small", now=EIGHT + 2 * HOUR)
    house.tick(EIGHT + 2 * HOUR)
    assert lessons(house) == ["Subject 1"]


def test_who_confirms_while_the_course_is_paused_begins_when_it_goes_on(house: House) -> None:
    house.publish(small_course())
    pauses.pause_course(house.db, "small", now=NOW)
    house.join(ANN)
    house.tick(EIGHT)
    house.tick(EIGHT + DAY)
    assert lessons(house) == []
    pauses.resume_course(house.db, "small", now=EIGHT + DAY + HOUR)
    house.tick(EIGHT + 2 * DAY)
    assert lessons(house) == ["Subject 1"]


def test_a_course_that_nobody_published_cannot_be_paused(house: House) -> None:
    with pytest.raises(NotFound, match='The course "none" is not published'):
        pauses.pause_course(house.db, "none", now=NOW)
    with pytest.raises(NotFound, match='The course "none" is not published'):
        pauses.resume_course(house.db, "none", now=NOW)
