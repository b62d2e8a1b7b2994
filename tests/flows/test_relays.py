"""What does the ledger say when relays have limits, put messages off, or leave us in doubt?"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, NOW, PLACES, SCRIPT, House, small_course
from relay import EXTENSIONS, ChaosRelay, Fault, How, Step
from sqlalchemy import text

from sequencer.core import verdicts
from sequencer.core.model import (
    DOUBT_FOR,
    Accepted,
    Blame,
    CourseId,
    Deferred,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    Outcome,
    Parcel,
    Rejected,
    Report,
    Stage,
    Uncertain,
    WhenUncertain,
)
from sequencer.delivery.courier import Carried, Courier, Ledger, SmtpCourier
from sequencer.delivery.session import NO_SMTPUTF8
from sequencer.delivery.way import Lane
from sequencer.flows import dispatch
from sequencer.flows.dispatch import Tick
from sequencer.flows.ledger import PassLedger
from sequencer.relays import Ramp, Relay
from sequencer.store import courses, relays
from sequencer.store.database import Database
from sequencer.values import Intent

EMAIL = "reader@example.org"
FEW = 50  # that a sender asks for where all it claims is in doubt
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RETURNED = Deferred(reply="The relay one is down.", tried=False)
ONE, TWO = replace(SCRIPT, key="one"), replace(SCRIPT, key="two")


def readers(house: House, count: int, name: str = "reader", domain: str = "example.org") -> list[str]:
    """So many people whose first lesson is due at eight."""
    emails = [f"{name}-{number}@{domain}" for number in range(count)]
    for email in emails:
        house.sign_up(email)
    house.tick(NOW)
    for email in emails:
        house.confirm(email)
    return emails


def lessons(house: House, email: str = EMAIL) -> list[Delivery]:
    return [row for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]


def tick(house: House, courier: Courier, now: datetime = EIGHT, intent: Intent = Intent.STRICT) -> Tick:
    return dispatch.tick(house.db, courier, house.press, now=now, intent=intent)


def let_leases_end(house: House) -> None:
    with house.db.begin() as tx:
        tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"))


@dataclass(slots=True)
class Rationed:
    """Carries as many messages to its relay as the ledger allows, and answers each with the next of its answers."""

    relay: Relay
    answers: list[Outcome] = field(default_factory=list)
    allowed: list[int] = field(default_factory=list)

    def carry(self, ledger: Ledger) -> Carried:
        """Send until nothing is due, or nothing more is allowed."""
        while True:
            left = ledger.lease(self.relay, 200, 0).most
            self.allowed.append(left)
            places = [Lane(relay=self.relay)] * left
            batch = ledger.next_batch(places) if places else []
            if not batch:
                ledger.give_back({self.relay.name: 0})
                return Carried(tried=0)
            ledger.record([one.ticket for one in batch], [])
            answers = [self.answers.pop(0) if self.answers else Accepted(reply="250 Ok") for _ in batch]
            reports = [
                Report(ticket=one.ticket, outcome=answer, relay=self.relay.name)
                for one, answer in zip(batch, answers, strict=True)
            ]
            ledger.record([], reports)


def sent(house: House, emails: Sequence[str]) -> int:
    return sum(row.state is DeliveryState.SENT for email in emails for row in lessons(house, email))


def test_a_daily_quota_is_what_a_relay_gets_within_any_24_hours(house: House) -> None:
    house.publish(small_course(1))
    emails, courier = readers(house, 7), Rationed(replace(ONE, daily_quota=3))
    seen = []
    for hours in (0, 1, 23, 24, 25, 26, 50):
        tick(house, courier, EIGHT + hours * HOUR)
        seen.append(sent(house, emails))
    # Counted in whole hours, so that it is rather an hour more than a minute less.
    assert seen == [3, 3, 3, 3, 6, 6, 7]
    assert all(row.attempt == 1 for email in emails for row in lessons(house, email))


def test_what_may_have_been_taken_counts_against_the_quota_and_what_was_not_taken_does_not(house: House) -> None:
    house.publish(small_course(1, uncertain=WhenUncertain.HOLD))
    readers(house, 6)
    answers: list[Outcome] = [
        Accepted(reply="250 Ok"),
        Uncertain(reply="lost"),
        Deferred(reply="451 later"),
        Rejected(reply="552 5.2.3 big", blame=Blame.MESSAGE),
        RETURNED,
    ]
    courier = Rationed(replace(ONE, daily_quota=5), answers)
    tick(house, courier)
    assert courier.allowed == [5, 3, 2, 1]
    with house.db.read() as tx:
        assert relays.used(tx, "one", now=EIGHT) == 4


def test_a_warm_up_allows_nothing_before_its_day_and_more_each_day(house: House) -> None:
    house.publish(small_course(1))
    emails = readers(house, 20)
    courier = Rationed(replace(ONE, warm_up=Ramp(since=EIGHT.date() + DAY, first=2, growth=3.0)))
    seen = []
    for days in range(4):
        tick(house, courier, EIGHT + days * DAY + HOUR * days)
        seen.append(sent(house, emails))
    assert seen == [0, 2, 2 + 6, 2 + 6 + 12]


def test_the_quota_of_one_relay_is_not_that_of_another_and_one_without_any_is_not_counted(house: House) -> None:
    house.publish(small_course(1))
    emails = readers(house, 5)
    tick(house, Rationed(replace(ONE, daily_quota=2)))
    free = Rationed(TWO)
    tick(house, free)
    assert sent(house, emails) == 5
    assert set(free.allowed) == {200}
    with house.db.read() as tx:
        assert [relays.used(tx, name, now=EIGHT) for name in ("one", "two")] == [2, 0]


def test_what_a_relay_was_given_is_kept_by_the_hour_for_a_day_and_forgotten_after_two(db: Database) -> None:
    quarter = EIGHT + timedelta(minutes=15)
    for at, messages in ((EIGHT, 3), (quarter, 4), (EIGHT + HOUR, 5), (EIGHT + 23 * HOUR, 6)):
        with db.begin() as tx:
            relays.use(tx, "one", messages, now=at)
    with db.read() as tx:
        later = [relays.used(tx, "one", now=EIGHT + hours * HOUR) for hours in (23, 24, 25, 26, 47, 48)]
        assert later == [18, 18, 11, 6, 6, 0]
        assert relays.used(tx, "two", now=EIGHT) == 0
    with db.begin() as tx:
        relays.use(tx, "one", 1, now=EIGHT + 50 * HOUR)
        relays.use(tx, "two", 1, now=EIGHT + 50 * HOUR)
        assert tx.execute(text("SELECT count(*) FROM relay_use")).scalar_one() == 3


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.CONTENT], ids=["claimed", "sending"])
def test_what_goes_back_as_it_was_is_due_again_and_costs_no_attempt(house: House, stage: Stage) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [(stage, replace(RETURNED, after=10 * MINUTE)), (stage, Deferred(reply="451 busy"))]
    done = house.tick(EIGHT)
    (row,) = lessons(house)
    assert (row.state, row.due_at, row.attempt, row.spared) == (DeliveryState.DEFERRED, EIGHT + 10 * MINUTE, 1, 1)
    assert (row.reply, row.relay, row.doubts) == (RETURNED.reply, "script", 0)
    # Nothing happened to the message.
    assert (done.deferred, done.accepted) == (0, 0)
    house.tick(EIGHT + 10 * MINUTE)
    (row,) = lessons(house)
    assert row.due_at is not None
    assert (row.attempt, row.spared) == (2, 1)
    # The wait after the first try, not after the second.
    assert 48 <= (row.due_at - EIGHT - 10 * MINUTE).total_seconds() <= 72
    house.tick(EIGHT + HOUR)
    assert house.states(EMAIL)[-1] is DeliveryState.SENT


def test_a_confirmation_that_goes_back_as_it_was_is_sent_too(house: House) -> None:
    house.publish(small_course())
    house.sign_up(EMAIL)
    house.courier.answers = [(Stage.CONNECT, replace(RETURNED, after=MINUTE))]
    house.tick(NOW)
    (row,) = house.ledger(EMAIL)
    assert (row.state, row.due_at, row.spared) == (DeliveryState.DEFERRED, NOW + MINUTE, 1)
    house.tick(NOW + MINUTE)
    house.confirm(EMAIL, NOW + MINUTE)
    house.tick(EIGHT)
    assert house.states(EMAIL) == [DeliveryState.SENT] * 2


def test_who_leaves_while_their_lesson_has_gone_back_does_not_get_it(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT)
    house.courier.answers = [(Stage.CONNECT, replace(RETURNED, after=MINUTE))]
    house.tick(EIGHT + DAY)
    house.leave(EMAIL, EIGHT + DAY)
    house.tick(EIGHT + DAY + HOUR)
    assert [row.state for row in lessons(house)] == [DeliveryState.SENT, DeliveryState.SKIPPED]


def test_forty_relays_that_go_down_do_not_make_us_give_a_message_up(house: House) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    house.courier.answers = [(Stage.CONNECT, RETURNED)] * 40
    assert house.tick(EIGHT).accepted == 1
    (row,) = lessons(house)
    assert (row.state, row.attempt, row.spared) == (DeliveryState.SENT, 41, 40)
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


def test_after_forty_that_were_none_there_are_as_many_attempts_as_ever(house: House) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    ladder = len(verdicts.RETRY_AFTER)
    house.courier.answers = [(Stage.CONNECT, RETURNED) for _ in range(40)]
    house.courier.answers += [(Stage.RCPT, Deferred(reply="451 no")) for _ in range(ladder + 1)]
    now, tries = EIGHT, 0
    while house.courier.answers:
        house.tick(now)
        tries += 1
        now = lessons(house)[0].due_at or now
    assert tries == ladder + 1
    assert lessons(house)[0].state is DeliveryState.FAILED


def test_what_goes_back_without_a_wait_is_claimed_anew_in_the_same_pass_though_we_still_write_about_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    ledger = PassLedger(house.db, house.press, now=EIGHT, stop=lambda: False, end=lambda: False)
    again: list[Parcel] = []

    class Hasty(logging.Handler):
        """Asks for more in the moment in which the ledger has committed and not yet come back."""

        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "delivery.released":
                again.extend(ledger.next_batch(PLACES))

    caplog.set_level(logging.DEBUG, logger="sequencer.flows.ledger")
    logger, hasty = logging.getLogger("sequencer.flows.ledger"), Hasty()
    logger.addHandler(hasty)
    (parcel,) = ledger.next_batch(PLACES)
    ledger.record([], [Report(ticket=parcel.ticket, outcome=RETURNED, relay="one")])
    logger.removeHandler(hasty)
    assert [one.ticket.attempt for one in again] == [2]
    ledger.record([again[0].ticket], [])
    ledger.record([], [Report(ticket=again[0].ticket, outcome=Accepted(reply="250 Ok"), relay="two")])
    assert [(row.state, row.relay) for row in lessons(house)] == [(DeliveryState.SENT, "two")]


def test_a_lesson_for_an_address_that_no_relay_takes_is_parked_and_its_course_waits(house: House) -> None:
    house.publish(small_course(2))
    house.join("zoë@example.org")
    house.courier.answers = [(Stage.MAIL, NO_SMTPUTF8)] * 3
    for days in range(3):
        house.tick(EIGHT + days * DAY)
        (row,) = lessons(house, "zoë@example.org")
        assert (row.state, row.due_at) == (DeliveryState.DEFERRED, EIGHT + (days + 1) * DAY)
        house.tick(EIGHT + days * DAY + 23 * HOUR)
        assert len(house.courier.answers) == 2 - days
        assert house.place("zoë@example.org").next_due_at is None
    house.tick(EIGHT + 3 * DAY)
    house.tick(EIGHT + 4 * DAY)
    assert house.states("zoë@example.org") == [DeliveryState.SENT] * 3
    assert lessons(house, "zoë@example.org")[0].spared == 3


def test_a_course_may_take_what_is_uncertain_for_sent_and_the_ledger_says_so(house: House) -> None:
    house.publish(small_course(2, uncertain=WhenUncertain.ASSUME_SENT))
    house.join(EMAIL)
    house.courier.answers = [Uncertain(reply="the connection was lost")]
    done = house.tick(EIGHT)
    (row,) = lessons(house)
    assert (row.state, row.due_at, row.finished_at) == (DeliveryState.SENT, None, EIGHT)
    assert row.reply == "Assumed to be sent; nobody knows. the connection was lost"
    assert (done.uncertain, done.accepted) == (1, 0)
    for days in (0, 1, 2):
        house.tick(EIGHT + days * DAY + HOUR)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 2"]
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


@dataclass(slots=True)
class Died:
    """Claims, says that it will send, and is heard of no more."""

    batches: list[Sequence[Parcel]] = field(default_factory=list)
    intends: bool = True
    look: Callable[[], None] = lambda: None
    places: Sequence[Lane] = tuple(PLACES)

    def carry(self, ledger: Ledger) -> Carried:
        """Claim, intend, and fall silent."""
        self.batches.append(ledger.next_batch(self.places))
        self.look()
        if self.intends:
            ledger.record([parcel.ticket for parcel in self.batches[-1]], [])
        return Carried(tried=0)


def test_what_a_dead_sender_may_have_sent_is_taken_for_sent_too(house: House) -> None:
    house.publish(small_course(2, uncertain=WhenUncertain.ASSUME_SENT))
    house.join(EMAIL)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="451 greylisted"))]
    house.tick(EIGHT)
    tick(house, Died(), EIGHT + HOUR)
    let_leases_end(house)
    done = house.tick(EIGHT + 2 * HOUR)
    (row,) = lessons(house)
    assert (done.recovered, done.accepted) == (1, 0)
    assert (row.state, row.due_at, row.doubts) == (DeliveryState.SENT, None, 1)
    assert row.reply == "Assumed to be sent; nobody knows. The sender stopped before an answer was seen."
    house.tick(EIGHT + DAY)
    house.tick(EIGHT + 2 * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 2"]


def test_a_dead_sender_of_a_confirmation_leaves_it_to_be_sent_once_more_whatever_the_course_says(house: House) -> None:
    house.publish(small_course(uncertain=WhenUncertain.ASSUME_SENT, doubt_for=2 * HOUR))
    house.sign_up(EMAIL)
    tick(house, Died(), NOW)
    let_leases_end(house)
    house.tick(NOW)
    (row,) = house.ledger(EMAIL)
    assert (row.state, row.due_at) == (DeliveryState.UNCERTAIN, NOW + DOUBT_FOR)


@pytest.mark.parametrize("by_death", [False, True])
def test_a_course_says_how_long_a_message_in_doubt_rests(house: House, *, by_death: bool) -> None:
    house.publish(small_course(1, doubt_for=30 * MINUTE))
    house.join(EMAIL)
    if by_death:
        tick(house, Died())
        let_leases_end(house)
    else:
        house.courier.answers = [Uncertain(reply="lost")]
    house.tick(EIGHT)
    (row,) = lessons(house)
    assert (row.state, row.due_at) == (DeliveryState.UNCERTAIN, EIGHT + 30 * MINUTE)
    house.tick(EIGHT + 29 * MINUTE)
    assert lessons(house)[0].state is DeliveryState.UNCERTAIN
    house.tick(EIGHT + 30 * MINUTE)
    assert lessons(house)[0].state is DeliveryState.SENT


def revision(house: House) -> tuple[str, timedelta, str]:
    """The words of the newest revision, how long its messages in doubt rest, and what is done about them."""
    with house.db.read() as tx:
        words = tx.execute(text("SELECT content FROM revision ORDER BY id DESC LIMIT 1")).scalar_one()
        found = courses.revision(tx, courses.current_id(tx, CourseId(1)))
    return words, found.course.doubt_for, found.course.uncertain


def test_how_long_a_message_in_doubt_rests_is_published_with_the_course(house: House) -> None:
    house.publish(small_course(doubt_for=30 * MINUTE, uncertain=WhenUncertain.RETRY))
    assert revision(house)[1:] == (30 * MINUTE, WhenUncertain.RETRY)
    house.publish(small_course(uncertain=WhenUncertain.ASSUME_SENT))
    assert revision(house)[1:] == (DOUBT_FOR, WhenUncertain.ASSUME_SENT)


def test_what_was_published_before_there_was_a_choice_is_read_and_has_not_changed(house: House) -> None:
    house.publish(small_course())
    words = revision(house)[0]
    assert "doubt_for" not in json.loads(words)
    assert revision(house)[1] == timedelta(minutes=15)
    with house.db.begin() as tx:
        assert courses.publish(tx, small_course(doubt_for=15 * MINUTE), now=NOW) is None


def states(house: House, emails: Sequence[str]) -> Counter[DeliveryState]:
    return Counter(row.state for email in emails for row in lessons(house, email))


def test_where_intents_are_put_on_record_by_the_batch_all_that_is_claimed_is_in_doubt_and_nothing_else(
    house: House,
) -> None:
    house.publish(small_course(1))
    emails = readers(house, FEW + 10)
    seen: list[Counter[DeliveryState]] = []
    died = Died(intends=False, look=lambda: seen.append(states(house, emails)), places=PLACES[:FEW])
    tick(house, died, intent=Intent.BATCH)
    assert len(died.batches[0]) == FEW
    assert seen == [Counter({DeliveryState.SENDING: FEW})]
    let_leases_end(house)
    assert house.tick(EIGHT).recovered == FEW
    assert states(house, emails) == {DeliveryState.UNCERTAIN: FEW, DeliveryState.SENT: 10}
    house.tick(EIGHT + DOUBT_FOR)
    assert states(house, emails) == {DeliveryState.SENT: FEW + 10}


def test_where_intents_are_put_on_record_by_the_batch_so_is_what_is_tried_again(house: House) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="451 greylisted"))]
    house.tick(EIGHT)
    seen: list[Counter[DeliveryState]] = []
    died = Died(intends=False, look=lambda: seen.append(states(house, [EMAIL])))
    tick(house, died, EIGHT + HOUR, intent=Intent.BATCH)
    assert [len(batch) for batch in died.batches] == [1]
    assert seen == [Counter({DeliveryState.SENDING: 1})]


def test_where_intents_are_put_on_record_one_by_one_a_claim_is_not_yet_one(house: House) -> None:
    house.publish(small_course(1))
    emails = readers(house, FEW + 10)
    seen: list[Counter[DeliveryState]] = []
    tick(house, Died(intends=False, look=lambda: seen.append(states(house, emails))))
    assert seen == [Counter({DeliveryState.CLAIMED: FEW + 10})]
    let_leases_end(house)
    house.tick(EIGHT)
    assert states(house, emails) == {DeliveryState.SENT: FEW + 10}
    assert {row.spared for email in emails for row in lessons(house, email)} == {1}


def test_who_left_before_the_batch_was_claimed_gets_nothing_and_the_others_do(house: House) -> None:
    house.publish(small_course(2))
    emails = readers(house, 3)
    house.tick(EIGHT)
    house.leave(emails[1], EIGHT + HOUR)
    house.tick(EIGHT + HOUR)
    with ChaosRelay() as relay:
        assert tick(house, SmtpCourier(relay.settings()), EIGHT + DAY, Intent.BATCH).accepted == 2
    assert sorted(relay.recipients) == [emails[0], emails[2]]


def test_what_goes_back_of_a_batch_is_due_again_and_not_in_doubt(house: House) -> None:
    house.publish(small_course(1))
    emails = readers(house, 30)
    with ChaosRelay(faults=[Fault(at=Step.MAIL, reply="454 Daily message quota exceeded", nth=5)]) as one:
        done = tick(house, SmtpCourier(one.settings(connections=2)), intent=Intent.BATCH)
    assert (done.uncertain, done.deferred) == (0, 1)
    assert states(house, emails).keys() == {DeliveryState.SENT, DeliveryState.DEFERRED} or len(one.kept) < 30
    house.tick(EIGHT + 2 * HOUR)
    assert states(house, emails) == {DeliveryState.SENT: 30}


def test_a_relay_that_dies_in_the_middle_of_a_batch_leaves_no_more_than_its_connections_in_doubt(house: House) -> None:
    house.publish(small_course(1))
    emails = readers(house, 30)
    with ChaosRelay(faults=[Fault(at=Step.DOT, how=How.DIE, nth=20)]) as one, ChaosRelay() as two:
        relays = one.settings(key="one", connections=2), two.settings(key="two", connections=2)
        done = tick(house, SmtpCourier(*relays), intent=Intent.BATCH)
    assert (done.accepted + done.uncertain + done.deferred, done.trouble) == (30, "")
    assert done.uncertain <= 2
    arrived = Counter(one.recipients + two.recipients)
    assert set(arrived.values()) == {1}
    assert len(arrived) >= done.accepted
    assert states(house, emails)[DeliveryState.SENT] == done.accepted >= 26


def lanes(*given: tuple[Relay, bool]) -> list[Lane]:
    return [Lane(relay=relay, smtputf8=smtputf8) for relay, smtputf8 in given]


def paired(house: House, places: Sequence[Lane], now: datetime = EIGHT) -> dict[str, str]:
    """For which relay each reader's message is made."""
    ledger = PassLedger(house.db, house.press, now=now, stop=lambda: False, end=lambda: False)
    return {parcel.recipient: parcel.relay for parcel in ledger.next_batch(places)}


def test_a_message_that_a_relay_has_just_put_off_goes_to_the_other(house: House) -> None:
    house.publish(small_course(1))
    first, second = readers(house, 2)
    refused = Rationed(ONE, [Deferred(reply="451 later"), Deferred(reply="451 later")])
    tick(house, refused)
    assert {row.relay for email in (first, second) for row in lessons(house, email)} == {"one"}
    later = EIGHT + HOUR
    assert paired(house, lanes((ONE, True), (ONE, True), (TWO, True)), later) in (
        {first: "two", second: "one"},
        {first: "one", second: "two"},
    )


def test_an_address_that_needs_smtputf8_gets_the_relay_that_offers_it_though_another_s_turn_it_is(house: House) -> None:
    house.publish(small_course(1))
    plain = readers(house, 2)
    utf8 = readers(house, 1, name="zoë")
    assert paired(house, lanes((ONE, False), (TWO, True), (ONE, False))) == {
        plain[0]: "one",
        plain[1]: "one",
        utf8[0]: "two",
    }


def test_an_address_that_needs_smtputf8_goes_to_the_relay_that_offers_it_though_that_one_put_it_off(
    house: House,
) -> None:
    house.publish(small_course(1))
    (email,) = readers(house, 1, name="zoë")
    tick(house, Rationed(TWO, [Deferred(reply="451 greylisted")]))
    assert paired(house, lanes((ONE, False), (TWO, True)), EIGHT + HOUR) == {email: "two"}


def test_where_there_are_fewer_messages_than_places_the_first_places_are_taken(house: House) -> None:
    house.publish(small_course(1))
    readers(house, 3)
    assert Counter(paired(house, lanes((ONE, True), (TWO, True), (ONE, True), (TWO, True))).values()) == {
        "one": 2,
        "two": 1,
    }


def test_two_relays_carry_what_is_due_each_to_whom_it_can(house: House) -> None:
    house.publish(small_course(1))
    emails = readers(house, 20) + readers(house, 10, name="zoë")
    with ChaosRelay(extensions=tuple(one for one in EXTENSIONS if one != "SMTPUTF8")) as plain, ChaosRelay() as able:
        courier = SmtpCourier(plain.settings(key="plain", connections=2), able.settings(key="able", connections=2))
        now, passes = EIGHT, 0
        while states(house, emails) != {DeliveryState.SENT: 30} and passes < 10:
            tick(house, courier, now)
            now, passes = now + MINUTE, passes + 1
    assert states(house, emails) == {DeliveryState.SENT: 30}
    assert all(one.recipient.isascii() for one in plain.kept)
    assert len(plain.kept) + len(able.kept) == 30
    assert plain.kept


def test_what_lay_ready_for_a_relay_that_goes_down_is_sent_by_the_other_in_the_same_pass(house: House) -> None:
    house.publish(small_course(1))
    emails = readers(house, 30)
    with ChaosRelay(faults=[Fault(at=Step.RCPT, how=How.DIE, nth=1)]) as one, ChaosRelay() as two:
        done = tick(house, SmtpCourier(one.settings(key="one"), two.settings(key="two", connections=2)))
    assert (done.accepted, done.deferred, done.uncertain, done.trouble) == (29, 1, 0, "")
    assert states(house, emails)[DeliveryState.SENT] == len(one.kept) + len(two.kept) == done.accepted
    again = [row for email in emails for row in lessons(house, email) if row.spared]
    assert again
    assert {(row.relay, row.attempt - row.spared) for row in again} == {("two", 1)}
