"""Do newsletters leave lessons their places and their day, and have their share all the same?"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from house import EIGHT, NOW, SCRIPT, House, small_course
from newsletters import newsletter, readers, schedule

from sequencer.core.model import Accepted, Parcel, Report
from sequencer.delivery.way import Lane
from sequencer.flows import broadcast, dispatch, issues
from sequencer.flows.ledger import PassLedger
from sequencer.relays import Relay

HOUR = timedelta(hours=1)
LIMITED = replace(SCRIPT, key="limited", daily_quota=20)


@pytest.fixture(autouse=True)
def _published(house: House) -> None:
    """There is a course, and a newsletter."""
    house.publish(small_course(3))
    issues.publish(house.db, newsletter(), now=NOW)


def _learners(house: House, count: int) -> None:
    """So many people whose first lesson is due at eight."""
    emails = [f"learner-{number}@example.org" for number in range(count)]
    for email in emails:
        house.sign_up(email)
    house.tick(NOW)
    for email in emails:
        house.confirm(email)


def _ledger(house: House, now: object = EIGHT) -> PassLedger:
    return PassLedger(house.db, house.press, now=now, stop=bool, end=bool)  # type: ignore[arg-type]


def _kinds(parcels: object) -> Counter[str]:
    """For whom these are: learners, readers of the newsletter, or who has just pressed a button."""
    return Counter(one.recipient.partition("-")[0] for one in parcels)  # type: ignore[attr-defined]


def _send(house: House, relay: Relay, now: object = EIGHT, *, places: int = 200) -> list[Parcel]:
    """One pass over one relay, as far as it may be given more; all is taken."""
    ledger, sent = _ledger(house, now), list[Parcel]()
    while room := min(places, ledger.lease(relay, 200, 0).most):
        batch = ledger.next_batch([Lane(relay=relay)] * room)
        if not batch:
            break
        ledger.record([one.ticket for one in batch], [])
        ledger.record([], [Report(ticket=one.ticket, outcome=Accepted(reply="250 Ok"), relay="x") for one in batch])
        sent += batch
    ledger.give_back({})
    return sent


def test_while_both_wait_newsletters_have_a_tenth_of_each_batch_and_lessons_the_rest(house: House) -> None:
    _learners(house, 27)
    readers(house, 5)
    schedule(house)
    ledger = _ledger(house)
    found = [_kinds(ledger.next_batch([Lane(relay=SCRIPT)] * 10)) for _ in range(5)]
    # None had been made ready before the first one.
    assert found[0] == {"learner": 10}
    assert [sum(one.values()) for one in found] == [10, 10, 10, 2, 0]
    assert sum(found[:3], Counter())["reader"] in (3, 4)
    assert sum(found, Counter()) == {"learner": 27, "reader": 5}


def test_what_answers_a_press_goes_before_both_even_where_there_is_one_place(house: House) -> None:
    _learners(house, 4)
    readers(house, 4)
    schedule(house)
    for number in range(3):
        house.sign_up(f"pressed-{number}@example.org", EIGHT)
    ledger = _ledger(house)
    found = [_kinds(ledger.next_batch([Lane(relay=SCRIPT)])) for _ in range(11)]
    assert found[:3] == [{"pressed": 1}] * 3
    assert sum(found, Counter()) == {"pressed": 3, "learner": 4, "reader": 4}


def test_of_a_relay_that_sends_one_message_a_pass_newsletters_have_some_too(house: House) -> None:
    _learners(house, 30)
    readers(house, 6)
    schedule(house)
    assert broadcast.fan_out(house.db, house.press.archive, now=EIGHT)
    found = Counter[str]()
    for second in range(30):
        found += _kinds(_ledger(house, EIGHT + timedelta(seconds=second)).next_batch([Lane(relay=SCRIPT)]))
    assert 2 <= found["reader"] <= 4
    assert found["learner"] == 30 - found["reader"]


def test_newsletters_leave_the_lessons_of_the_day_what_they_need_of_a_quota(house: House) -> None:
    _learners(house, 15)
    readers(house, 12)
    schedule(house)
    # At seven, an hour before the lessons, there are five messages that they do not need.
    assert _kinds(_send(house, LIMITED, NOW)) == {"reader": 5}
    # And nobody looks again each second.
    due = dispatch.next_due(house.db)
    assert due is not None
    assert due >= NOW + timedelta(minutes=15)
    assert _kinds(_send(house, LIMITED, EIGHT)) == {"learner": 15}
    tomorrow = EIGHT + timedelta(hours=25)
    assert _kinds(_send(house, LIMITED, tomorrow))["reader"] >= 5


def test_newsletters_have_their_share_of_a_day_that_lessons_would_use_up(house: House) -> None:
    _learners(house, 30)
    readers(house, 9)
    schedule(house)
    assert _kinds(_send(house, LIMITED, NOW)) == {"reader": 2}
    # Had already: so the rest of the day is for lessons.
    assert _kinds(_send(house, LIMITED, EIGHT)) == {"learner": 18}


def test_newsletters_have_all_of_a_day_without_lessons(house: House) -> None:
    readers(house, 25)
    schedule(house)
    assert _kinds(_send(house, LIMITED, NOW)) == {"reader": 20}


def test_what_answers_a_press_is_claimed_alone_and_marked_while_lessons_lie_claimed(house: House) -> None:
    _learners(house, 5)
    ledger, places = _ledger(house), [Lane(relay=LIMITED)] * 3
    assert ledger.lease(LIMITED, 3, 0).most == 3
    lessons = ledger.next_batch(places)
    assert [one.at_once for one in lessons] == [False] * 3
    assert ledger.pressed(places) == []
    house.sign_up("pressed-0@example.org", EIGHT)
    assert ledger.lease(LIMITED, 3, 3).most == 3
    assert [(one.recipient, one.at_once) for one in ledger.pressed(places)] == [("pressed-0@example.org", True)]
    assert ledger.pressed(places) == []
