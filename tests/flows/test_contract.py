"""Does docs/contract.md hold, line by line, where no other file of tests is about that line?"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, House, Meddler, an_address, small_course, small_lesson
from relay import ChaosRelay, Fault, How, Step
from sqlalchemy import text

from sequencer.core import lifecycle, verdicts
from sequencer.core.lifecycle import SubscriberEvent
from sequencer.core.model import (
    Blame,
    Deferred,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    Rejected,
    Stage,
    SubscriberState,
    SuppressionReason,
)
from sequencer.core.rates import SECOND
from sequencer.delivery.courier import SmtpCourier
from sequencer.flows import dispatch, subscription
from sequencer.flows.dispatch import Tick
from sequencer.relays import Relay
from sequencer.store import erasure, subscribers

PARTITIONED = True
EMAIL = "reader@example.org"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NO_MORE_TODAY = "454 Throttling failure: Daily message quota exceeded."


def rows(house: House, email: str = EMAIL) -> list[Delivery]:
    """The ledger's rows of lessons to somebody."""
    return [row for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]


def lessons(house: House, email: str = EMAIL) -> list[str]:
    """The subjects of the lessons that were sent to somebody."""
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


def readers(house: House, *addresses: str) -> None:
    """These people's first lesson is due at eight."""
    for email in addresses:
        house.sign_up(email)
    house.tick(NOW)
    for email in addresses:
        house.confirm(email)


def over(house: House, now: datetime, *relays: Relay) -> Tick:
    """One pass over real relays."""
    return dispatch.tick(house.db, SmtpCourier(*relays), house.press, now=now)


def read(content: bytes) -> str:
    """The words of a message as a mailbox shows them."""
    message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    part = message.get_body(("plain",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def at_bad(number: int) -> str:
    """An address of a domain that will refuse us."""
    return f"reader-{number}@bad.example"


# Answers of relays


def test_a_4xx_is_tried_again_for_three_days_ever_more_rarely_and_with_the_same_bytes(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    tries = len(verdicts.RETRY_AFTER)
    house.courier.answers = [Deferred(reply=f"451 try {number}") for number in range(tries)]
    now, waits = EIGHT, []
    for _ in range(tries):
        house.tick(now)
        again = rows(house)[0].due_at
        assert again is not None
        waits.append((again - now) / MINUTE)
        now = again
    assert [round(wait, -1) for wait in waits[:5]] == pytest.approx([1, 5, 15, 30, 60], rel=0.2, abs=10)
    assert all(96 <= wait <= 288 for wait in waits[5:])
    assert now - EIGHT == pytest.approx(72 * HOUR, abs=6 * HOUR)  # type: ignore[comparison-overlap]
    house.tick(now)
    assert rows(house)[0].state is DeliveryState.SENT
    assert len({parcel.content for parcel in house.courier.sent[1:]}) == 1


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DATA])
def test_a_connection_that_dies_before_the_content_has_sent_nothing_and_the_lesson_is_tried_again(
    house: House, step: Step
) -> None:
    house.publish(small_course())
    readers(house, EMAIL)
    with ChaosRelay(faults=[Fault(at=step, how=How.CLOSE, nth=1)]) as relay:
        over(house, EIGHT, relay.settings())
        assert relay.kept == []
        assert [(row.state, row.doubts) for row in rows(house)] == [(DeliveryState.DEFERRED, 0)]
        over(house, EIGHT + HOUR, relay.settings())
        assert relay.recipients == [EMAIL]
    assert [row.state for row in rows(house)] == [DeliveryState.SENT]


def test_a_connection_that_dies_behind_the_final_dot_leaves_a_doubt_and_the_second_copy_says_it_is_one(
    house: House,
) -> None:
    house.publish(small_course())
    readers(house, EMAIL)
    with ChaosRelay(faults=[Fault(at=Step.DOT, how=How.CLOSE, nth=1, taken=True)]) as relay:
        over(house, EIGHT, relay.settings())
        (row,) = rows(house)
        assert (row.state, row.doubts, row.due_at) == (DeliveryState.UNCERTAIN, 1, EIGHT + 15 * MINUTE)
        assert over(house, EIGHT + 14 * MINUTE, relay.settings()).accepted == 0
        over(house, EIGHT + 15 * MINUTE, relay.settings())
    ids = [re.findall(rb"^Message-ID: (.*)\r$", one.content, re.MULTILINE) for one in relay.kept]
    assert len(ids) == 2
    assert ids[0] == ids[1] != []
    assert [row.state for row in rows(house)] == [DeliveryState.SENT]


@pytest.mark.parametrize(
    "trouble",
    [
        lambda _: Relay(host="127.0.0.1", port=1, tls="off", timeout=1, key="one"),
        lambda relay: relay.settings(key="one", daily_quota=2),
        lambda relay: _with(relay, Fault(at=Step.MAIL, reply=NO_MORE_TODAY, nth=3, times=-1)),
        lambda relay: _with(relay, Fault(at=Step.MAIL, how=How.SAY_AND_CLOSE, reply="421 4.7.0 later", nth=3)),
    ],
    ids=["down", "at the end of its quota", "at the end of its day", "throttled"],
)
def test_what_one_relay_cannot_take_the_others_do_and_nobody_is_tried_in_vain(
    house: House, trouble: Callable[[ChaosRelay], Relay]
) -> None:
    house.publish(small_course(1))
    emails = [f"reader-{number}@example.org" for number in range(12)]
    readers(house, *emails)
    with ChaosRelay() as one, ChaosRelay() as two:
        relays = trouble(one), two.settings(key="two")
        for step in range(3):
            over(house, EIGHT + step * HOUR, *relays)
        assert Counter(one.recipients + two.recipients) == Counter(emails)
        assert two.kept
    had = [row for email in emails for row in rows(house, email)]
    assert {row.state for row in had} == {DeliveryState.SENT}
    # At most the one message with which the relay said so has been tried twice.
    assert sum(row.attempt - row.spared - 1 for row in had) <= 1


def _with(relay: ChaosRelay, fault: Fault) -> Relay:
    relay.faults.append(fault)
    return relay.settings(key="one")


def test_a_domain_that_refuses_us_for_our_reputation_is_left_alone_and_its_people_are_not_punished(
    house: House,
) -> None:
    house.publish(small_course(1))
    reply = "451 4.7.650 the mail server has been rate limited"
    bad, good = [at_bad(number) for number in range(9)], [f"reader-{number}@good.example" for number in range(3)]
    readers(house, *bad, *good)
    with ChaosRelay(faults=[Fault(at=Step.RCPT, reply=reply, recipient=one, times=-1) for one in bad]) as relay:
        over(house, EIGHT, relay.settings())
        assert sorted(relay.recipients) == good
        tried = [row for email in bad for row in rows(house, email) if row.attempt > row.spared]
        assert len(tried) == 3
        assert {row.state for email in bad for row in rows(house, email)} == {DeliveryState.DEFERRED}
        assert {house.person(email).state for email in bad} == {SubscriberState.ACTIVE}
        relay.faults.clear()
        with house.db.begin() as tx:
            # The hour passes for the domain too, which rests by the database's clock.
            tx.execute(text("UPDATE rest SET until = until - :hour"), {"hour": 3600 * SECOND})
        # One is tried first; whoever's turn comes meanwhile waits some seconds more.
        over(house, EIGHT + HOUR, relay.settings())
        over(house, EIGHT + HOUR + timedelta(seconds=10), relay.settings())
        assert sorted(relay.recipients) == sorted(bad + good)


# Between claim and content


def test_what_is_claimed_is_withheld_when_another_message_finds_the_address_dead(house: House) -> None:
    for slug in ("small", "other"):
        house.publish(small_course(slug=slug, title=slug))
    for slug in ("small", "other"):
        form = replace(FORM, course=slug)
        subscription.add(house.db, an_address(EMAIL), form, name="", zone=LONDON, reason="A test.", now=NOW)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))]
    house.tick(EIGHT)
    assert len(house.courier.tried) == 2
    assert house.courier.sent == []
    assert [row.state for row in rows(house)] == [DeliveryState.FAILED, DeliveryState.SKIPPED]
    house.tick(EIGHT + 5 * DAY)
    assert len(house.courier.tried) == 2


def _complains(house: House) -> None:
    """A complaint is written down."""
    with house.db.begin() as tx:
        person = subscribers.lock(tx, house.person(EMAIL).id)
        assert person is not None
        subscribers.suppress(tx, person.address, reason=SuppressionReason.COMPLAINT, detail="A report.", now=EIGHT)
        state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.COMPLAIN)
        subscribers.save(tx, replace(person, state=state))


def _is_erased(house: House) -> None:
    """All that is known of the reader is taken out of the database."""
    with house.db.begin() as tx:
        erasure.erase(tx, [house.person(EMAIL).id])


def test_a_complaint_between_claim_and_content_withholds_the_lesson_for_good(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    courier = Meddler(before_intent=lambda: _complains(house))
    meddled = House(house.db, courier)
    assert meddled.tick(EIGHT).accepted == 0
    assert len(courier.tried) == 1
    for day in range(5):
        assert house.tick(EIGHT + day * DAY).accepted == 0
    assert courier.sent == []
    assert lessons(house) == []


@pytest.mark.parametrize("on_the_wire", [False, True], ids=["claimed", "on the wire"])
def test_who_is_erased_between_claim_and_content_gets_nothing_and_leaves_no_trace(
    house: House, *, on_the_wire: bool
) -> None:
    house.publish(small_course())
    house.join(EMAIL)

    def fault() -> None:
        _is_erased(house)

    courier = Meddler(before_report=fault) if on_the_wire else Meddler(before_intent=fault)
    meddled = House(house.db, courier)
    assert meddled.tick(EIGHT).accepted == 0
    assert len(courier.sent) == on_the_wire
    for day in range(5):
        assert meddled.tick(EIGHT + day * DAY).accepted == 0
    with house.db.read() as tx:
        assert subscribers.find(tx, an_address(EMAIL)) is None
        assert subscribers.count(tx) == {}


# Clocks


def test_a_clock_that_runs_behind_sends_nothing_before_it_shows_the_hour_and_then_one_lesson(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT)
    behind = 5 * HOUR
    for hour in (*range(24, 29),):
        house.tick(EIGHT + hour * HOUR - behind)
        assert lessons(house) == ["Subject 1"]
    house.tick(EIGHT + 28 * HOUR)
    house.tick(EIGHT + 29 * HOUR)
    assert lessons(house) == ["Subject 1", "Subject 2"]
    assert house.place(EMAIL).next_due_at == EIGHT + 2 * DAY


def test_a_clock_that_runs_ahead_sends_one_lesson_a_gap_and_set_right_nothing_before_what_it_planned(
    house: House,
) -> None:
    house.publish(small_course(5))
    house.join(EMAIL)
    house.tick(EIGHT)
    for hour in range(6):
        house.tick(EIGHT + 3 * DAY + hour * HOUR)
    assert lessons(house) == ["Subject 1", "Subject 2"]
    for hour in range(4 * 24):
        house.tick(EIGHT + hour * HOUR)
        assert lessons(house) == ["Subject 1", "Subject 2"]
    house.tick(EIGHT + 4 * DAY)
    assert lessons(house) == ["Subject 1", "Subject 2", "Subject 3"]


@pytest.mark.parametrize("apart", [-20 * MINUTE, 20 * MINUTE], ids=["behind", "ahead"])
def test_of_two_senders_one_of_whose_clocks_is_wrong_neither_takes_what_the_other_holds(
    house: House, apart: timedelta
) -> None:
    house.publish(small_course(2))
    emails = [f"reader-{number}@example.org" for number in range(3)]
    readers(house, *emails)
    house.courier.sent.clear()
    others: list[Tick] = []
    courier = Meddler(before_intent=lambda: others.append(house.tick(EIGHT + apart)))
    one = House(house.db, courier)
    for day in range(2):
        one.tick(EIGHT + day * DAY)
        house.tick(EIGHT + day * DAY + HOUR)
    assert others
    assert {tick.recovered for tick in others} == {0}
    sent = Counter((parcel.recipient, parcel.ticket.attempt) for parcel in courier.sent + house.courier.sent)
    assert sent == {(email, 1): 2 for email in emails}
    assert {house.place(email).state for email in emails} == {EnrolmentState.FINISHED}


# What is known of one person


def test_a_field_that_is_empty_for_one_person_leaves_their_sentence_whole(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.join("ann@example.org", name="Ann")
    house.tick(EIGHT)
    words = {parcel.recipient: read(parcel.content) for parcel in house.courier.sent}
    assert "Words of lesson 1 for you." in words[EMAIL]
    assert "Words of lesson 1 for Ann." in words["ann@example.org"]


def test_a_lesson_that_cannot_be_filled_in_for_one_person_waits_for_them_alone(house: House) -> None:
    body = "One in {{ 12 // (subscriber.name | length - 3) }}.\n"
    broken = small_lesson(1, body=body)
    course = replace(small_course(2), lessons=(broken, small_course(2).lessons[1]))
    house.publish(course)
    house.join("ann@example.org", name="Ann")
    house.join("theodora@example.org", name="Theodora")
    done = house.tick(EIGHT)
    assert (done.accepted, done.deferred) == (1, 1)
    (row,) = rows(house, "ann@example.org")
    assert (row.state, row.reply.startswith("The message could not be made: small/01.md")) == (
        DeliveryState.DEFERRED,
        True,
    )
    house.publish(replace(course, lessons=(small_lesson(1), small_course(2).lessons[1])), EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    assert lessons(house, "theodora@example.org") == ["Subject 1", "Subject 2"]
    assert house.person("ann@example.org").state is SubscriberState.ACTIVE
