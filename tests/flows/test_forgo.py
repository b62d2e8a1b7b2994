"""Are lessons passed over that were due before an instant, and does everybody go on without a burst?"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, NOW, House, small_course
from sqlalchemy import event, text

from sequencer.core.model import Accepted, Deferred, DeliveryKind, DeliveryState, EnrolmentState, Stage, Uncertain
from sequencer.errors import BadRequest, Conflict
from sequencer.flows import forgo, pauses
from sequencer.flows.forgo import Forgone
from sequencer.store.database import Database
from sequencer.store.tables import DELIVERY_STATE

ANN = "ann@example.org"
HOUR = timedelta(hours=1)
SENT, SKIPPED, UNCERTAIN = DeliveryState.SENT, DeliveryState.SKIPPED, DeliveryState.UNCERTAIN


def _rest(house: House, *, lessons: int = 6, since: datetime = EIGHT + HOUR, **changes: object) -> None:
    """Ann has had the first lesson of a course, and all mail rests."""
    house.publish(small_course(lessons, **changes))
    house.join(ANN)
    house.tick(EIGHT)
    pauses.stop(house.db, reason="A long night.", now=since)


def _forgo(house: House, before: datetime, now: datetime, *, limit: int = forgo.BATCH) -> Forgone:
    return forgo.forgo(house.db, house.press.archive, before=before, now=now, limit=limit)


def _lessons(house: House, email: str = ANN) -> list[DeliveryState]:
    rows = [row for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]
    return [row.state for row in sorted(rows, key=lambda row: row.campaign_id)]


def _subjects(house: House, email: str = ANN) -> list[str]:
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


@pytest.mark.parametrize("catch_up", ["shift", "skip", "digest"])
def test_lessons_that_were_due_before_an_instant_are_passed_over_and_nothing_is_rushed(
    house: House, catch_up: str
) -> None:
    _rest(house, catch_up=catch_up)
    now = EIGHT + 3 * DAY + 2 * HOUR
    assert _forgo(house, now, now) == Forgone(people=1, lessons=3)
    assert _lessons(house) == [SENT, SKIPPED, SKIPPED, SKIPPED]
    pauses.go_on(house.db)
    came = []
    for hour in range(3 * 24):
        before = len(_subjects(house))
        house.tick(now + hour * HOUR)
        came += [(now + hour * HOUR, subject) for subject in _subjects(house)[before:]]
    # At eight, one a day, from the next allowed hour on.
    assert [subject for _, subject in came] == ["Subject 5", "Subject 6"]
    assert [moment - EIGHT for moment, _ in came] == [4 * DAY, 5 * DAY]
    assert house.place(ANN).state is EnrolmentState.FINISHED


def test_who_was_due_at_that_instant_or_later_is_left_alone(house: House) -> None:
    _rest(house)
    now = EIGHT + 3 * DAY
    # The second lesson was due at eight on the next day.
    assert _forgo(house, EIGHT + DAY, now) == Forgone()
    assert _forgo(house, EIGHT + DAY + HOUR, now + HOUR) == Forgone(people=1, lessons=1)
    pauses.go_on(house.db)
    house.tick(now + HOUR)
    assert _subjects(house) == ["Subject 1"]
    house.tick(now + DAY)
    assert _subjects(house) == ["Subject 1", "Subject 3"]


def test_the_last_lesson_is_never_passed_over(house: House) -> None:
    _rest(house, lessons=3)
    now = EIGHT + 30 * DAY + HOUR
    assert _forgo(house, now, now) == Forgone(people=1, lessons=1)
    assert _forgo(house, now, now) == Forgone()
    pauses.go_on(house.db)
    house.tick(now)
    house.tick(EIGHT + 31 * DAY)
    assert _subjects(house) == ["Subject 1", "Subject 3"]
    assert house.place(ANN).state is EnrolmentState.FINISHED


def test_a_lesson_that_was_to_be_tried_again_is_passed_over_and_does_not_come_back(house: House) -> None:
    house.publish(small_course(3))
    house.join(ANN)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="451 later"))]
    house.tick(EIGHT)
    pauses.stop(house.db, reason="A long night.", now=EIGHT)
    now = EIGHT + 2 * HOUR
    assert _forgo(house, now, now) == Forgone(people=1, lessons=1)
    assert _lessons(house) == [SKIPPED]
    pauses.go_on(house.db)
    house.tick(now)
    house.leave_now(ANN, now)
    house.join(ANN, now + HOUR)
    for day in (1, 2, 3):
        house.tick(EIGHT + day * DAY + HOUR)
    assert _subjects(house) == ["Subject 2", "Subject 3"]


def test_a_lesson_in_doubt_stays_so_and_is_not_sent_once_more(house: House) -> None:
    house.publish(small_course(2))
    house.join(ANN)
    house.courier.answers = [Uncertain(reply="")]
    house.tick(EIGHT)
    pauses.stop(house.db, reason="A long night.", now=EIGHT)
    now = EIGHT + 2 * HOUR
    assert _forgo(house, now, now) == Forgone(people=1, lessons=1)
    pauses.go_on(house.db)
    house.tick(now)
    house.tick(EIGHT + DAY)
    assert _lessons(house) == [UNCERTAIN, SENT]
    assert _subjects(house) == ["Subject 1", "Subject 2"]


@pytest.mark.parametrize("served", [True, False])
@pytest.mark.parametrize(("state", "after"), [("claimed", SKIPPED), ("sending", UNCERTAIN)])
def test_what_a_sender_held_when_the_backup_was_made_does_not_go_out_again(
    house: House, state: str, after: DeliveryState, *, served: bool
) -> None:
    house.publish(small_course(2))
    house.join(ANN)
    house.tick(EIGHT)
    with house.db.begin() as tx:
        # As it stood in the backup: the lesson went out after it, and nobody knows.
        held = "UPDATE delivery SET state = :state, finished_at = NULL, lease_until = 1 WHERE kind = 1"
        tx.execute(text(held), {"state": DELIVERY_STATE.members.index(DeliveryState(state))})
        tx.execute(text("UPDATE enrolment SET next_due_at = NULL"))
    pauses.stop(house.db, reason="Restored.", now=EIGHT + HOUR)
    if served:
        # Whoever serves meanwhile takes it back, to be sent at once.
        house.tick(EIGHT + 2 * HOUR)
    assert _forgo(house, EIGHT + HOUR, EIGHT + 3 * HOUR) == Forgone(people=1, lessons=1)
    pauses.go_on(house.db)
    for hour in range(3, 48):
        house.tick(EIGHT + hour * HOUR)
    assert _lessons(house) == [after, SENT]
    assert _subjects(house) == ["Subject 1", "Subject 2"]


@contextmanager
def _killed(db: Database, statement: str, nth: int) -> Iterator[None]:
    """Whoever comes to this statement for the nth time dies there."""
    seen = []

    def die(*given: object) -> None:
        if str(given[2]).startswith(statement):
            seen.append(statement)
            if len(seen) == nth:
                raise KeyboardInterrupt

    event.listen(db.engine, "before_cursor_execute", die)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        event.remove(db.engine, "before_cursor_execute", die)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_whoever_is_killed_while_lessons_are_passed_over_says_it_again(house: House, nth: int) -> None:
    house.publish(small_course(4))
    emails = [f"reader-{number}@example.org" for number in range(3)]
    for email in emails:
        house.join(email)
    pauses.stop(house.db, reason="A long night.", now=EIGHT)
    now = EIGHT + DAY + HOUR
    with _killed(house.db, "UPDATE enrolment", nth):
        _forgo(house, now, now, limit=1)
    # All mail still rests.
    assert house.tick(now).paused
    assert _forgo(house, now, now, limit=1) == Forgone(people=4 - nth, lessons=2 * (4 - nth))
    pauses.go_on(house.db)
    house.courier.answers = [Accepted(reply="250 Ok")]
    house.tick(now)
    house.tick(EIGHT + 2 * DAY)
    assert [_subjects(house, email) for email in emails] == [["Subject 3"]] * 3
    assert [_lessons(house, email) for email in emails] == [[SKIPPED, SKIPPED, SENT]] * 3


def test_while_mail_goes_out_nothing_is_passed_over(house: House) -> None:
    house.publish(small_course(3))
    house.join(ANN)
    with pytest.raises(Conflict):
        _forgo(house, NOW, EIGHT)
    pauses.stop(house.db, reason="A long night.", now=EIGHT)
    with pytest.raises(BadRequest):
        _forgo(house, EIGHT + HOUR, EIGHT)
    assert house.place(ANN).step == 0


def test_who_is_beyond_a_course_that_became_shorter_finishes_it(house: House) -> None:
    _rest(house, lessons=4)
    house.publish(small_course(1), EIGHT + DAY)
    now = EIGHT + 2 * DAY
    assert _forgo(house, now, now) == Forgone(people=1)
    pauses.go_on(house.db)
    house.tick(now)
    assert (house.place(ANN).state, _subjects(house)) == (EnrolmentState.FINISHED, ["Subject 1"])
