"""Does the queue's state say what is due, what soon, what waits, what senders hold, and what stands still?"""

from datetime import timedelta

import pytest
from house import DAY, EIGHT, NOW, House, small_course
from sqlalchemy import update

from sequencer.core.model import Deferred, DeliveryKind, DeliveryState, Stage, Uncertain, WhenUncertain
from sequencer.flows import pauses, queue
from sequencer.store import queue as rows
from sequencer.store.pauses import Scope
from sequencer.store.queue import Count, Held
from sequencer.store.tables import delivery

ANN, BEN = "ann@example.org", "ben@example.org"
PARTITIONED = True
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_an_empty_queue_has_nothing_to_say(house: House) -> None:
    found = queue.status(house.db, now=NOW)
    none = Count(number=0)
    assert found.lessons == queue.Lessons(due=none, hour=none, day=none, lag=timedelta(0))
    assert (list(found.waiting), found.held) == ([], Held(claimed=0, sending=0, expired=0))
    assert (found.uncertain, found.on_hold, list(found.still)) == (none, 0, [])


def test_lessons_are_due_now_within_the_hour_and_within_the_day(house: House) -> None:
    house.publish(small_course())
    house.join(ANN, zone="Europe/London")
    house.join(BEN, zone="America/New_York")
    before = queue.status(house.db, now=EIGHT - MINUTE).lessons
    assert (before.due.number, before.hour.number, before.day.number, before.lag) == (0, 1, 2, timedelta(0))
    after = queue.status(house.db, now=EIGHT + 20 * MINUTE).lessons
    assert (after.due.number, after.hour.number, after.day.number, after.lag) == (1, 0, 1, 20 * MINUTE)
    house.tick(EIGHT + 20 * MINUTE)
    assert queue.status(house.db, now=EIGHT + 20 * MINUTE).lessons.lag == timedelta(0)


def test_what_waits_in_the_ledger_is_told_by_kind_and_why(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="450 later"))]
    house.tick(EIGHT)
    house.sign_up(BEN, EIGHT)
    found = {(row.kind, row.state): (row.number, row.due) for row in queue.status(house.db, now=EIGHT).waiting}
    assert found == {
        (DeliveryKind.CONFIRMATION, DeliveryState.QUEUED): (1, 1),
        (DeliveryKind.LESSON, DeliveryState.DEFERRED): (1, 0),
    }


@pytest.mark.parametrize(("rule", "on_hold"), [(WhenUncertain.RETRY, 0), (WhenUncertain.HOLD, 1)])
def test_what_is_uncertain_is_counted_and_what_waits_for_an_admin_too(
    house: House, rule: WhenUncertain, on_hold: int
) -> None:
    house.publish(small_course(uncertain=rule))
    house.join(ANN)
    house.courier.answers = [Uncertain(reply="The connection broke.")]
    house.tick(EIGHT)
    found = queue.status(house.db, now=EIGHT)
    assert (found.uncertain, found.on_hold) == (Count(number=1), on_hold)


def test_what_senders_hold_is_told_with_what_has_outlived_its_lease(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    house.join(BEN)
    with house.db.begin() as tx:
        # As two senders left them: one a moment ago, and one that died in 1970.
        first, second = (house.ledger(email)[0].id for email in (ANN, BEN))
        held = {"state": DeliveryState.CLAIMED, "lease_until": 99_999_999_999}
        tx.execute(update(delivery).where(delivery.c.id == first).values(held))
        held = {"state": DeliveryState.SENDING, "lease_until": 1}
        tx.execute(update(delivery).where(delivery.c.id == second).values(held))
    assert queue.status(house.db, now=EIGHT).held == Held(claimed=1, sending=1, expired=1)


def test_a_long_queue_is_counted_up_to_a_number_and_said_to_be_more(house: House) -> None:
    house.publish(small_course())
    for number in range(5):
        house.join(f"p{number}@example.org")
    for number in range(5):
        house.sign_up(f"q{number}@example.org")
    with house.db.read() as tx:
        assert rows.due(tx, until=EIGHT, most=5) == Count(number=5)
        assert rows.due(tx, until=EIGHT, most=4) == Count(number=4, more=True)
        assert str(rows.due(tx, until=EIGHT, most=4)) == "more than 4"
        waiting, more = rows.waiting(tx, now=NOW, most=4)
        assert (sum(row.number for row in waiting), more) == (5, True)


def test_all_that_stands_still_is_told_since_when_and_why(house: House) -> None:
    house.publish(small_course())
    pauses.pause_course(house.db, "small", reason="A wrong link.", now=NOW)
    pauses.stop(house.db, Scope.RELAY, "own", reason="It is blocked.", now=NOW)
    pauses.stop(house.db, reason="Rest.", now=NOW + HOUR)
    found = queue.status(house.db, now=NOW + DAY).still
    assert [str(one) for one in found] == [
        "Everything is paused since 2026-03-02 08:00 UTC (Rest.)",
        "The relay own is paused since 2026-03-02 07:00 UTC (It is blocked.)",
        "The course small is paused since 2026-03-02 07:00 UTC (A wrong link.)",
    ]
    assert list(found) == list(pauses.listed(house.db))
