"""Is a domain given no more than its throttle says, over all who send, and does nobody else wait for it?"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from house import EIGHT, NOW, SCRIPT, House, small_course
from sqlalchemy import text

from sequencer.core.model import (
    Accepted,
    Address,
    Claim,
    Deferred,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    Parcel,
    Report,
    SubscriberId,
    Ticket,
)
from sequencer.core.rates import SECOND
from sequencer.delivery.courier import Carried, Ledger
from sequencer.delivery.way import Lane
from sequencer.domains import Throttle
from sequencer.flows import dispatch, standing
from sequencer.flows.dispatch import Tick
from sequencer.flows.domains import Domains
from sequencer.flows.ledger import PassLedger
from sequencer.relays import Relay
from sequencer.store.database import Database
from sequencer.values import Intent

SECONDS = timedelta(seconds=1)
# So slow that the moments that a test takes are nothing beside the ten minutes until the next turn.
SIX_AN_HOUR = Throttle(messages=6, seconds=3600)
APART = 600.5
SLOW = replace(SCRIPT, domains=(("slow.example.com", SIX_AN_HOUR),))


@dataclass(slots=True)
class Carrier:
    """Takes all that the ledger gives it for its relay; where it `dies`, that is all it does."""

    relay: Relay = SLOW
    dies: bool = False
    taken: list[Parcel] = field(default_factory=list)

    def carry(self, ledger: Ledger) -> Carried:
        """Send until nothing is due."""
        while batch := ledger.next_batch([Lane(relay=self.relay)] * 200):
            self.taken += batch
            if self.dies:
                break
            ledger.record([one.ticket for one in batch], [])
            said = Accepted(reply="250 Ok")
            ledger.record([], [Report(ticket=one.ticket, outcome=said, relay=self.relay.name) for one in batch])
        return Carried(tried=0)


def readers(house: House, *emails: str) -> None:
    """These people's first lesson is due at eight."""
    for email in emails:
        house.sign_up(email)
    house.tick(NOW)
    for email in emails:
        house.confirm(email)


def tick(
    house: House, now: datetime = EIGHT, *, relay: Relay = SLOW, intent: Intent = Intent.STRICT
) -> tuple[Tick, list[str]]:
    """One pass, and who got mail in it."""
    carrier = Carrier(relay)
    done = dispatch.tick(house.db, carrier, house.press, now=now, intent=intent)
    return done, [one.recipient for one in carrier.taken]


def pass_time(db: Database, seconds: float) -> None:
    """What is held lies so much earlier, as if that time had passed."""
    with db.begin() as tx:
        tx.execute(text("UPDATE rate_bucket SET tat = tat - :passed"), {"passed": int(seconds * SECOND)})


def lesson(house: House, email: str) -> Delivery:
    (row,) = [row for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]
    return row


def wait_of(row: Delivery) -> float:
    """In how many intervals it comes back, but for the moments that this test has taken."""
    assert row.due_at is not None
    seconds = (row.due_at - EIGHT) / SECONDS
    assert -1 <= seconds - round(seconds / APART) * APART < 120
    return round(seconds / APART)


def test_one_goes_and_the_others_come_back_one_behind_the_other_while_other_domains_wait_for_nobody(
    house: House,
) -> None:
    house.publish(small_course(1))
    slow, others = [f"reader-{n}@slow.example.com" for n in range(4)], [f"reader-{n}@example.org" for n in range(3)]
    readers(house, *slow, *others)
    done, sent = tick(house)
    assert sorted(sent) == sorted([slow[0], *others])
    assert [wait_of(lesson(house, email)) for email in slow[1:]] == [1, 2, 3]
    row = lesson(house, slow[1])
    assert (row.state, row.relay, row.spared) == (DeliveryState.DEFERRED, "script", 1)
    assert row.reply == "The relay script is given no more than 6/hour for slow.example.com."
    # Nothing is claimed over and over: nothing is due.
    assert (done.claimed, done.deferred, done.accepted) == (7, 0, 4)
    assert (tick(house)[0].claimed, tick(house, EIGHT + 500 * SECONDS)[0].claimed) == (0, 0)
    for passed, email in enumerate(slow[1:], start=1):
        pass_time(house.db, APART)
        assert tick(house, EIGHT + passed * (APART + 60) * SECONDS)[1] == [email]
    assert {lesson(house, email).attempt for email in slow[1:]} == {2}


def test_who_comes_anew_joins_the_line_and_what_answers_a_press_stands_in_none(house: House) -> None:
    house.publish(small_course(1))
    slow = [f"reader-{n}@slow.example.com" for n in range(4)]
    readers(house, *slow)
    tick(house)
    house.sign_up("new@slow.example.com", EIGHT)
    assert tick(house)[1] == []
    (asked,) = house.ledger("new@slow.example.com")
    assert wait_of(asked) == 1
    pass_time(house.db, APART)
    # It takes the turn for which a lesson had stood in line; that one comes back behind the others.
    later = EIGHT + (APART + 60) * SECONDS
    assert tick(house, later)[1] == ["new@slow.example.com"]
    assert [wait_of(lesson(house, email)) for email in slow[1:]] == [4, 2, 3]


def test_a_sender_that_dies_takes_a_turn_with_it_and_no_message(house: House) -> None:
    house.publish(small_course(1))
    slow = [f"reader-{n}@slow.example.com" for n in range(2)]
    readers(house, *slow)
    dead = Carrier(dies=True)
    dispatch.tick(house.db, dead, house.press, now=EIGHT)
    assert [one.recipient for one in dead.taken] == slow[:1]
    with house.db.begin() as tx:
        tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"))
    done, sent = tick(house)
    assert (done.recovered, sent) == (1, [])
    found: list[str] = []
    for passed in range(1, 4):
        pass_time(house.db, APART)
        found += tick(house, EIGHT + passed * (APART + 60) * SECONDS)[1]
    assert sorted(found) == slow
    assert {lesson(house, email).state for email in slow} == {DeliveryState.SENT}


def test_what_is_put_off_is_never_in_doubt_where_intents_are_put_on_record_by_the_batch(house: House) -> None:
    house.publish(small_course(1))
    slow = [f"reader-{n}@slow.example.com" for n in range(3)]
    readers(house, *slow)
    assert tick(house, intent=Intent.BATCH)[1] == slow[:1]
    rows = [lesson(house, email) for email in slow]
    assert [row.state for row in rows] == [DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.DEFERRED]


def test_each_other_domain_may_have_a_throttle_for_itself_and_each_relay_its_own(house: House) -> None:
    house.publish(small_course(1))
    there = ["e@xn--bcher-kva.example.com", "f@xn--bcher-kva.example.com"]
    emails = ["a@one.example.com", "b@one.example.com", "c@two.example.com", "d@sub.one.example.com", *there]
    readers(house, *emails)
    relay = replace(SCRIPT, domains=(("*", SIX_AN_HOUR), ("one.example.com", replace(SIX_AN_HOUR, messages=3))))
    assert sorted(tick(house, relay=relay)[1]) == [
        "a@one.example.com",
        "c@two.example.com",
        "d@sub.one.example.com",
        there[0],
    ]
    # Another relay has given them nothing yet.
    assert tick(house, EIGHT + 4000 * SECONDS, relay=replace(relay, key="two"))[1] == ["b@one.example.com", there[1]]


def test_a_pass_that_has_been_at_it_for_long_puts_off_from_now_on(db: Database) -> None:
    seconds = iter([0.0, 20.0, 20.5])
    domains = Domains(db, share=10, clock=lambda: next(seconds))
    answer = domains.admit([(a_claim(1), SLOW), (a_claim(2), SLOW), (a_claim(3, "free.example.com"), SLOW)])
    ((ticket, turn),) = answer.turns.items()
    assert ticket.delivery_id == 1
    # Good for three seconds, whenever between the two looks at the clock it was leased.
    assert (turn.start, turn.end) == (20.5, 23.0)
    (report,) = answer.later
    assert isinstance(report.outcome, Deferred)
    assert report.outcome.after == timedelta(seconds=621)
    assert Domains(db, share=10).admit([(a_claim(4, "free.example.com"), SLOW), (a_claim(5), SCRIPT)]).turns == {}


def a_claim(number: int, domain: str = "slow.example.com", attempt: int = 1) -> Claim:
    return Claim(
        id=DeliveryId(number),
        attempt=attempt,
        kind=DeliveryKind.LESSON,
        campaign_id=1,
        subscriber_id=SubscriberId(number),
        run=0,
        doubts=0,
        spared=0,
        relay="",
        enrolment_id=None,
        revision_id=None,
        course_id=None,
        step=1,
        created_at=NOW,
        address=Address(normalized=f"r{number}@{domain}", wire=f"r{number}@{domain}"),
        name="",
        timezone="",
    )


def test_of_many_who_ask_at_once_no_two_have_the_same_turn(db: Database) -> None:
    relay = replace(SCRIPT, domains=(("slow.example.com", Throttle(messages=20, seconds=1)),))
    counts: list[int] = []
    errors: list[Exception] = []
    begun, start = time.monotonic(), threading.Barrier(4)

    def ask(first: int) -> None:
        try:
            start.wait()
            for turn in range(4):
                claims = [a_claim(first + 100 * turn + number, attempt=2) for number in range(100)]
                counts.append(len(Domains(db, share=10).admit([(one, relay) for one in claims]).turns))
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    _together([threading.Thread(target=ask, args=(1000 * number,)) for number in range(4)])
    assert errors == []
    apart = 63 / 1200
    # As many as there are slots within five seconds of whoever asks, and those that passed meanwhile.
    assert 5 / apart <= sum(counts) <= (time.monotonic() - begun + 5) / apart + 1


def _together(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_how_far_a_throttle_is_used_is_there_to_be_seen(house: House) -> None:
    house.publish(small_course(1))
    readers(house, *(f"reader-{n}@slow.example.com" for n in range(3)))
    relay = replace(SLOW, domains=(*SLOW.domains, ("unused.example.com", SIX_AN_HOUR)))
    tick(house, relay=relay)
    (found,) = standing.standings(house.db, [relay], now=EIGHT)
    used, unused = found.throttled
    assert (used.domain, str(used.throttle), round(used.free_in, -1), round(used.line, -2)) == (
        "slow.example.com",
        "6/hour",
        600,
        1800,
    )
    assert (unused.domain, unused.free_in, unused.line) == ("unused.example.com", 0, 0)


def test_who_was_too_late_is_given_another_turn_where_there_is_one(house: House) -> None:
    house.publish(small_course(1))
    readers(house, *(f"reader-{n}@slow.example.com" for n in range(2)))
    with house.db.begin() as tx:
        tx.execute(text("UPDATE rate_bucket SET tat = 0"))
    ledger = PassLedger(house.db, house.press, now=EIGHT, stop=lambda: False, end=lambda: False)
    (parcel,) = ledger.next_batch([Lane(relay=SLOW)] * 200)
    second = lesson(house, "reader-1@slow.example.com").due_at
    assert ledger.renew(parcel.ticket, SLOW) is None
    pass_time(house.db, APART)
    turn = ledger.renew(parcel.ticket, SLOW)
    assert turn is not None
    assert turn.start < turn.end
    assert ledger.renew(parcel.ticket, SLOW) is None
    assert ledger.renew(replace_attempt(parcel.ticket), SLOW) is None
    # Nobody has lost their place in the line.
    assert lesson(house, "reader-1@slow.example.com").due_at == second


def replace_attempt(ticket: Ticket) -> Ticket:
    """The same message, claimed by somebody else since."""
    return Ticket(delivery_id=ticket.delivery_id, attempt=ticket.attempt + 1)


def test_what_one_relay_may_not_be_given_goes_through_another_that_has_no_throttle(house: House) -> None:
    house.publish(small_course(1))
    slow = [f"reader-{n}@slow.example.com" for n in range(4)]
    readers(house, *slow)
    free = replace(SCRIPT, key="free")
    places = [Lane(relay=SLOW), Lane(relay=free)] * 100
    ledger = PassLedger(house.db, house.press, now=EIGHT, stop=lambda: False, end=lambda: False)
    assert sorted(one.relay for one in ledger.next_batch(places)) == ["free", "free", "script"]
    (waiting,) = [row for row in (lesson(house, email) for email in slow) if row.state is DeliveryState.DEFERRED]
    assert waiting.due_at == EIGHT + SECONDS
    later = PassLedger(house.db, house.press, now=EIGHT + SECONDS, stop=lambda: False, end=lambda: False)
    assert [one.relay for one in later.next_batch(places)] == ["free"]
