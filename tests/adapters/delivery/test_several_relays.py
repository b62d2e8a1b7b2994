"""Does each relay get its share and no more than it stands, and do the others take what one of them cannot?"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from endpoint import Answer, Endpoint, granted
from office import Office, people
from relay import EXTENSIONS, ChaosRelay, Fault, How, Step, recipient

from sequencer.core import rates
from sequencer.core.model import (
    Accepted,
    Blame,
    Deferred,
    DeliveryId,
    Parcel,
    Rejected,
    Report,
    Slow,
    Ticket,
    Uncertain,
)
from sequencer.core.rates import Grant, Turn
from sequencer.delivery.courier import Carried, SmtpCourier
from sequencer.delivery.throttle import Throttle
from sequencer.delivery.way import Lane
from sequencer.relays import OAuth, Relay

NO_UTF8 = tuple(one for one in EXTENSIONS if one != "SMTPUTF8")
SLOW_DOWN = "454 Throttling failure: Maximum sending rate exceeded."
NO_MORE_TODAY = "454 Throttling failure: Daily message quota exceeded."
in_or_out = pytest.mark.parametrize("in_process", [True, False], ids=["in process", "beside it"])


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def everybody(messages: int) -> Counter[str]:
    return Counter(recipient(number) for number in range(1, messages + 1))


@pytest.fixture
def gone() -> Relay:
    """A relay that is not there."""
    with ChaosRelay() as relay:
        pass
    return relay.settings(key="gone", connections=4)


@pytest.mark.parametrize(("messages", "expected"), [(4, (3, 1)), (8, (6, 2))])
def test_what_is_due_is_shared_by_weight(messages: int, expected: tuple[int, int]) -> None:
    office = Office(messages)
    with ChaosRelay() as one, ChaosRelay() as two:
        relays = one.settings(key="one", weight=3, connections=4), two.settings(key="two", connections=4)
        assert SmtpCourier(*relays).carry(office) == Carried(tried=messages)
    assert (len(one.kept), len(two.kept)) == (office.taken["one"], office.taken["two"]) == expected


@in_or_out
def test_three_relays_carry_everything_once(*, in_process: bool) -> None:
    office = Office(500, in_process=in_process)
    with ChaosRelay() as one, ChaosRelay() as two, ChaosRelay() as three:
        relays = [one.settings(key=f"relay-{one.port}", connections=2) for one in (one, two, three)]
        assert SmtpCourier(*relays).carry(office) == Carried(tried=500)
    assert people(one.recipients, two.recipients, three.recipients) == everybody(500)
    assert min(len(one.kept), len(two.kept), len(three.kept)) > 0
    assert office.left == 0


@in_or_out
def test_a_relay_that_is_down_leaves_everything_to_the_other(gone: Relay, *, in_process: bool) -> None:
    office = Office(200, in_process=in_process)
    with ChaosRelay() as relay:
        carried = SmtpCourier(gone, relay.settings(connections=2)).carry(office)
    assert (carried.tried, carried.trouble) == (200, "")
    assert [reason[:30] for reason in carried.down][:1] == ["The relay gone cannot be used:"]
    assert Counter(relay.recipients) == everybody(200)
    assert office.released == []


@in_or_out
@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT, Step.DOT])
def test_what_lay_ready_for_a_relay_that_dies_goes_through_the_other_in_the_same_round(
    step: Step, connections: int, *, in_process: bool
) -> None:
    office = Office(300, in_process=in_process)
    with ChaosRelay(faults=[Fault(at=step, how=How.DIE, nth=30)]) as one, ChaosRelay() as two:
        relays = [one.settings(key="one", connections=connections), two.settings(key="two", connections=2)]
        carried = SmtpCourier(*relays).carry(office)
    assert carried.trouble == ""
    assert carried.tried == 300
    assert office.left == 0
    assert max(people(one.recipients, two.recipients).values()) == 1
    in_its_hands = office.said(Deferred) + office.said(Uncertain)
    assert len(in_its_hands) <= 2 * connections
    assert {office.relays[which] for which in in_its_hands} <= {"one"}
    assert office.taken["two"] == len(two.kept) >= 300 - 30 - 2 * connections


def test_what_lay_ready_for_a_relay_that_has_had_enough_goes_through_the_other_in_the_same_round() -> None:
    office = Office(300)
    with ChaosRelay(faults=[Fault(at=Step.MAIL, reply=NO_MORE_TODAY, nth=20)]) as one, ChaosRelay() as two:
        carried = SmtpCourier(one.settings(key="one"), two.settings(key="two", connections=2)).carry(office)
    assert carried.trouble == ""
    assert carried.down == (f"The relay one wants to be left alone: {NO_MORE_TODAY}",)
    assert (len(one.kept), len(two.kept)) == (19, 280)
    assert len(office.released) > 0
    assert office.left == 0


class Absent(Office):
    """Finds nothing due, and is so slow to say so that meanwhile something has come back."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.asked, self.returned = threading.Event(), threading.Event()

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        batch = super().next_batch(places)
        if not batch:
            self.asked.set()
            assert self.returned.wait(5)
        return batch

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        granted = super().record(intents, reports)
        if self.released:
            self.returned.set()
        return granted


def test_what_comes_back_while_we_ask_for_more_is_not_overlooked() -> None:
    office = Absent(4, in_process=False)

    def dice(step: Step) -> Fault | None:
        # The first relay has had enough in the moment in which the ledger is asked a second time.
        assert step is not Step.MAIL or office.asked.wait(5)
        return Fault(at=Step.MAIL, reply=NO_MORE_TODAY) if step is Step.MAIL else None

    with ChaosRelay(dice=dice) as one, ChaosRelay() as two:
        relays = one.settings(key="one", timeout=10), two.settings(key="two")
        assert SmtpCourier(*relays, clock=Clock()).carry(office).trouble == ""
    assert (office.left, len(two.kept)) == (0, 3)


class Belated(Office):
    """Says how much a relay may be given as it was before the last commit."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.committed = threading.Event()

    def lease(self, relay: Relay, room: int, held: int) -> Grant:
        self.committed.clear()
        granted = super().lease(relay, room, held)
        self.committed.wait(0.05)
        return granted

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        granted = super().record(intents, reports)
        if reports:
            self.committed.set()
        return granted


def test_what_is_committed_while_we_ask_for_the_day_s_rest_is_not_given_twice() -> None:
    office = Belated(40, in_process=False)
    with ChaosRelay(linger=0.005) as relay:
        carried = SmtpCourier(relay.settings(connections=2, daily_quota=20)).carry(office)
    assert carried.tried == len(relay.kept) == 20


def test_when_all_relays_die_the_rest_stays_where_it_is_and_each_one_s_trouble_is_told() -> None:
    office = Office(300)
    dies = [Fault(at=Step.DATA, how=How.DIE, nth=20)]
    with ChaosRelay(faults=[*dies]) as one, ChaosRelay(faults=[Fault(at=Step.DATA, how=How.DIE, nth=30)]) as two:
        carried = SmtpCourier(one.settings(key="one"), two.settings(key="two"), clock=Clock()).carry(office)
    assert "The relay one cannot be used" in carried.trouble
    assert "The relay two cannot be used" in carried.trouble
    assert office.taken == {"one": 19, "two": 29}
    assert office.left == 300 - carried.tried == 300 - 50


@pytest.mark.parametrize("weight", [1, 0])
def test_a_relay_that_does_not_even_answer_does_not_hold_up_the_other(weight: int) -> None:
    office = Office(300)
    silent = [Fault(at=Step.GREETING, how=How.HANG, times=-1)]
    with ChaosRelay(faults=silent) as one, ChaosRelay() as two:
        relays = one.settings(key="one", timeout=60), two.settings(key="two", weight=weight)
        # A round that waited for it would say afterwards that it was down.
        assert SmtpCourier(*relays).carry(office) == Carried(tried=300)
    assert Counter(two.recipients) == everybody(300)


def test_a_round_that_must_end_does_not_wait_for_a_relay_that_does_not_answer() -> None:
    office = Office(10)
    silent = [Fault(at=Step.GREETING, how=How.HANG, times=-1)]
    with ChaosRelay(faults=silent) as relay:
        office.must_end = lambda: relay.connections > 0
        carried = SmtpCourier(relay.settings(timeout=60)).carry(office)
    assert carried == Carried(tried=0, trouble="We had to stop.")
    assert office.left == 10


def test_a_round_that_must_end_does_not_wait_for_one_more_connection() -> None:
    office = Office(100)
    silent = [Fault(at=Step.GREETING, how=How.HANG, nth=2), Fault(at=Step.DOT, how=How.HANG, nth=9)]
    with ChaosRelay(faults=silent) as relay:
        office.must_end = lambda: relay.messages > 8 and relay.connections > 1
        courier = SmtpCourier(relay.settings(timeout=60, connections=2))
        carried = courier.carry(office)
    assert carried.trouble == "We had to stop."
    assert office.left == 100 - carried.tried > 0
    # Had we waited, it would be known by now that the relay takes one connection only.
    assert courier._throttles[0][0].connections == 2


def test_a_relay_of_weight_0_is_not_even_connected_to_while_another_can_be_used() -> None:
    office = Office(300)
    with ChaosRelay() as one, ChaosRelay() as spare:
        courier = SmtpCourier(spare.settings(key="spare", weight=0), one.settings(key="one", connections=2))
        assert courier.carry(office) == Carried(tried=300)
    assert office.taken == {"one": 300}
    assert spare.connections == 0


def test_a_relay_of_weight_0_stands_in_for_one_that_is_down(gone: Relay) -> None:
    office = Office(100)
    with ChaosRelay() as spare:
        carried = SmtpCourier(gone, spare.settings(key="spare", weight=0)).carry(office)
    assert (carried.tried, carried.trouble) == (100, "")
    assert office.taken == {"spare": 100}


def test_a_relay_of_weight_0_stands_in_for_one_that_dies_and_for_one_at_the_end_of_its_day() -> None:
    office = Office(100)
    with ChaosRelay(faults=[Fault(at=Step.DATA, how=How.DIE, nth=20)]) as one, ChaosRelay() as two:
        with ChaosRelay() as spare:
            relays = one.settings(key="one"), two.settings(key="two", daily_quota=10)
            SmtpCourier(spare.settings(key="spare", weight=0), *relays, clock=Clock()).carry(office)
        assert office.taken == {"one": 19, "two": 10, "spare": 70}
    assert office.left == 0


@pytest.mark.parametrize(
    ("others", "after"), [([EXTENSIONS], timedelta(minutes=1)), ([NO_UTF8], timedelta(days=1)), ([], timedelta(days=1))]
)
def test_who_needs_smtputf8_waits_for_a_relay_that_offers_it_for_a_minute_and_where_there_is_none_for_a_day(
    others: list[tuple[str, ...]], after: timedelta
) -> None:
    office = Office(2, batch=1, smtputf8=frozenset({1}))
    office.address = lambda number: "zoë@example.org" if number == 1 else recipient(number)
    with ChaosRelay(extensions=NO_UTF8) as one, ChaosRelay(extensions=(others or [NO_UTF8])[0]) as two:
        relays = [one.settings(key="one", weight=3), two.settings(key="two")]
        SmtpCourier(*relays[: 1 + len(others)]).carry(office)
    assert [(report.relay, report.outcome.tried, report.outcome.after) for report in office.released] == [  # type: ignore[union-attr]
        ("one", False, after)
    ]


@pytest.mark.parametrize("extensions", [EXTENSIONS, EXTENSIONS[1:]], ids=["grouped", "plain"])
@pytest.mark.parametrize("most", [1, 3, 7])
def test_a_connection_carries_as_many_messages_as_the_settings_say(extensions: tuple[str, ...], most: int) -> None:
    office = Office(40)
    with ChaosRelay(extensions=extensions) as relay:
        carried = SmtpCourier(relay.settings(connections=2, messages_per_connection=most)).carry(office)
    assert carried == Carried(tried=40)
    carried_by = Counter(one.connection for one in relay.kept)
    assert max(carried_by.values()) == most
    assert relay.connections >= 40 / most


def test_what_may_start_goes_by_the_rate_and_half_the_connections_are_half_the_rate() -> None:
    clock = Clock()
    throttle = Throttle(Relay(host="mx.test", port=25, tls="off", connections=4, rate=10), clock)
    throttle.granted(Grant(most=400), asked=clock.now)
    assert throttle.budget == 110
    assert [throttle.spend().start - clock.now for _ in range(13)] == pytest.approx([0.0] * 11 + [0.1, 0.2])
    ready = [throttle.is_ready]
    clock.now += 0.31
    assert [*ready, throttle.is_ready] == [False, True]
    throttle.note(Deferred(reply=SLOW_DOWN, slow=Slow.RELAY), "example.org")
    assert throttle.connections == 2
    assert throttle.budget == 50
    throttle.spend()
    assert throttle.spend().start - clock.now == pytest.approx(0.2 - 0.01)


def test_a_relay_without_a_rate_may_be_given_anything() -> None:
    throttle = Throttle(Relay(host="mx.test", port=25, tls="off"), Clock())
    assert throttle.budget > 1_000_000
    assert throttle.is_ready
    assert throttle.spend() == Turn(start=1000.0)


def test_at_a_rate_everything_arrives_all_the_same() -> None:
    office = Office(260)
    with ChaosRelay() as relay:
        assert SmtpCourier(relay.settings(connections=3, rate=200)).carry(office) == Carried(tried=260)
    assert Counter(relay.recipients) == everybody(260)
    # What the rate lets through within ten seconds is claimed, not what there is.
    assert office.most_in_hand <= 260


class Leased(Office):
    """Leases turns of a rate that others have a share in too, from a bucket in memory."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tat, self.turns, self.takes_back = 0, 0, True

    def lease(self, relay: Relay, room: int, held: int) -> Grant:
        rate = rates.rate(relay.rate)
        leased = rates.lease(rate, self.tat, time.monotonic_ns(), wanted=max(0, room - held))
        self.tat = leased.tat
        self.turns += leased.count
        return rates.grant(rate, leased, most=room)

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        self.turns -= sum(unused.values()) if self.takes_back else 0
        return unused if self.takes_back else ()


@in_or_out
def test_each_message_has_a_turn_and_turns_that_are_not_needed_are_given_back(*, in_process: bool) -> None:
    office = Leased(120, in_process=in_process)
    with ChaosRelay() as relay:
        assert SmtpCourier(relay.settings(connections=3, rate=100)).carry(office) == Carried(tried=120)
    assert Counter(relay.recipients) == everybody(120)
    assert office.turns >= 120
    assert office.released == []


def test_turns_that_nobody_takes_back_are_used_in_the_next_round() -> None:
    first, clock = Leased(4), Clock()
    first.takes_back = False
    with ChaosRelay() as relay:
        courier = SmtpCourier(relay.settings(connections=4, rate=10), clock=clock)
        # While the clock stands still only those turns come that are open at once.
        first.tat = time.monotonic_ns()
        courier._throttles[0][0].granted(Grant(most=9, count=9, wait=-0.4, interval=0.05, grace=9.0), asked=clock.now)
        assert courier.carry(first).tried == 4
        again = Leased(4)
        assert courier.carry(again).tried == 4
    assert (first.turns, again.turns) == (0, 0)


def test_whoever_greets_so_late_that_turns_are_over_gets_everything_all_the_same() -> None:
    office = Leased(8)
    with ChaosRelay(greet_after=1.2) as relay:
        assert SmtpCourier(relay.settings(connections=2, rate=4, timeout=20)).carry(office).trouble == ""
    assert Counter(relay.recipients) == everybody(8)
    assert office.left == 0


def test_where_others_hold_all_turns_of_the_next_minute_nothing_is_claimed_nor_asked_for_again_at_once() -> None:
    office, clock = Leased(8), Clock()
    office.tat = time.monotonic_ns() + 90 * rates.SECOND
    with ChaosRelay() as relay:
        courier = SmtpCourier(relay.settings(rate=0.01), clock=clock)
        for clock.now in (1000.0, 1004.9):
            assert courier.carry(office) == Carried(tried=0)
            assert office.most_in_hand == 0
            office.tat = 0
        clock.now = 1005.1
        assert courier.carry(office).tried == 1
    assert office.left == 7


def test_what_a_very_slow_rate_lets_through_later_is_not_claimed_now() -> None:
    office = Office(50)
    with ChaosRelay() as relay:
        assert SmtpCourier(relay.settings(rate=0.001), clock=Clock()).carry(office).trouble == ""
    assert office.taken.total() == 1
    assert office.most_in_hand == 1
    assert office.left == 49


@pytest.mark.parametrize(
    ("step", "reply"),
    [(Step.RCPT, "421 4.7.0 slow down"), (Step.DOT, SLOW_DOWN), (Step.MAIL, SLOW_DOWN), (Step.RCPT, "454 4.7.0 later")],
)
def test_a_relay_that_asks_us_to_slow_down_gets_half_the_connections_and_one_more_after_each_proof(
    step: Step, reply: str
) -> None:
    with ChaosRelay(faults=[Fault(at=step, reply=reply, nth=10)], linger=0.002) as relay:
        courier, seen = SmtpCourier(relay.settings(connections=4)), []
        for messages in (14, 30, 400):
            before = relay.connections
            courier.carry(Office(messages))
            seen.append(relay.connections - before)
    assert seen[0] >= 4
    assert seen[1] in (2, 3)
    assert seen[2] == 4


def tried_at(courier: SmtpCourier, clock: Clock, *moments: float) -> list[int]:
    """How many messages are tried in a round at each of these moments."""
    found = []
    for clock.now in moments:
        office = Office(20)
        found.append(courier.carry(office).tried)
        assert office.left == 20 - found[-1]
    return found


def test_a_relay_that_answers_nothing_but_421_is_left_alone_for_twice_as_long_each_time() -> None:
    clock = Clock()
    with ChaosRelay(faults=[Fault(at=Step.RCPT, reply="421 4.7.0 not now", times=-1)]) as relay:
        courier = SmtpCourier(relay.settings(), clock=clock)
        moments = (0.0, 0.9, 1.0, 2.9, 3.0, 6.9, 7.0, 14.9, 15.0, 30.9, 31.0)
        assert tried_at(courier, clock, *(1000 + at for at in moments)) == [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]


def test_a_relay_that_takes_a_message_again_is_trusted_again() -> None:
    clock = Clock()
    with ChaosRelay(faults=[Fault(at=Step.RCPT, reply="421 4.7.0 not now", times=3)]) as relay:
        courier = SmtpCourier(relay.settings(), clock=clock)
        assert tried_at(courier, clock, 1000, 1001, 1003, 1007) == [1, 1, 1, 20]
        relay.faults.append(Fault(at=Step.RCPT, reply="421 4.7.0 not now"))
        assert tried_at(courier, clock, 2000, 2000.9, 2001) == [1, 0, 20]


def test_a_relay_that_cannot_be_reached_is_tried_after_1_2_4_seconds_and_so_on() -> None:
    clock = Clock()
    with ChaosRelay(faults=[Fault(at=Step.GREETING, reply="554 5.3.2 no", times=-1)]) as relay:
        courier, tries = SmtpCourier(relay.settings(connections=3), clock=clock), []
        for tenth in range(400):
            clock.now = 1000 + tenth / 10
            before = relay.connections
            assert courier.carry(Office(20)).trouble
            if relay.connections > before:
                tries.append(tenth / 10)
    assert tries == [0, 1, 3, 7, 15, 31]


def test_a_relay_whose_day_is_over_is_left_alone_for_an_hour() -> None:
    clock = Clock()
    with ChaosRelay(faults=[Fault(at=Step.MAIL, reply=NO_MORE_TODAY, nth=3)]) as relay:
        courier = SmtpCourier(relay.settings(), clock=clock)
        office = Office(20)
        carried = courier.carry(office)
        assert carried == Carried(tried=3, trouble=carried.trouble, down=(carried.trouble,))
        assert carried.trouble == f"The relay 127.0.0.1:{relay.port} wants to be left alone: {NO_MORE_TODAY}"
        assert office.said(Deferred) == [3]
        assert (office.outcomes[3].reply, office.left) == (NO_MORE_TODAY, 17)
        before = relay.connections
        assert tried_at(courier, clock, 1001, 4599.9) == [0, 0]
        assert relay.connections == before
        assert tried_at(courier, clock, 4600) == [20]


def test_a_connection_that_is_opened_meanwhile_is_no_reason_to_go_on() -> None:
    clock = Clock()
    with ChaosRelay(faults=[Fault(at=Step.MAIL, reply=NO_MORE_TODAY, nth=1)], greet_after=0.1) as relay:
        courier = SmtpCourier(relay.settings(connections=4), clock=clock)
        office = Office(20)
        assert courier.carry(office).trouble
        assert office.taken.total() == 0
        assert tried_at(courier, clock, 4599.9) == [0]


def test_a_message_that_was_taken_before_the_day_was_over_is_no_reason_to_go_on() -> None:
    clock = Clock()
    faults = [Fault(at=Step.DATA, reply=NO_MORE_TODAY, recipient=recipient(2))]
    with ChaosRelay(faults=faults, linger=0.1, extensions=EXTENSIONS[1:]) as relay:
        courier = SmtpCourier(relay.settings(connections=2), clock=clock)
        office = Office(2)
        courier.carry(office)
        assert (office.said(Accepted), office.said(Deferred)) == ([1], [2])
        assert tried_at(courier, clock, 4599.9, 4600) == [0, 20]


def test_a_relay_that_refuses_our_password_is_left_alone_for_a_quarter_of_an_hour() -> None:
    clock = Clock()
    with ChaosRelay(login=("ann", "right")) as relay:
        wrong = relay.settings(username="ann", password="wrong", connections=4)
        courier = SmtpCourier(wrong, clock=clock)
        assert tried_at(courier, clock, 1000, 1001, 1899.9) == [0, 0, 0]
        assert relay.connections == 1
        relay.login = ("ann", "wrong")
        assert tried_at(courier, clock, 1900) == [20]


BUSY = "451 4.7.650 The mail server has been temporarily rate limited"


def at_two_domains(number: int) -> str:
    return f"person-{number}@{'bad.example' if number % 2 else 'Good.Example'}"


def refusing(domain: str) -> Callable[[], list[Fault]]:
    """Whatever goes to this domain is refused for our reputation."""
    addresses = [at_two_domains(number) for number in range(1, 101)]
    return lambda: [
        Fault(at=Step.RCPT, reply=BUSY, recipient=one, times=-1) for one in addresses if one.endswith(domain)
    ]


def test_a_domain_that_refuses_three_times_running_is_left_alone_while_the_others_go_on() -> None:
    office = Office(40, address=at_two_domains)
    with ChaosRelay(faults=refusing("bad.example")()) as relay:
        carried = SmtpCourier(relay.settings(), clock=Clock()).carry(office)
    assert carried == Carried(tried=23)
    assert sorted(office.said(Accepted)) == list(range(2, 41, 2))
    assert [type(office.outcomes[which]) for which in (1, 3, 5)] == [Deferred] * 3
    assert {office.outcomes[which].reply for which in (1, 3, 5)} == {BUSY}
    said = "The domain bad.example refused us several times; it is left alone for a while."
    assert [report.outcome for report in office.released] == [
        Deferred(reply=said, after=timedelta(minutes=5), tried=False)
    ] * 17


def test_one_message_finds_out_whether_a_domain_can_be_sent_to_again() -> None:
    clock = Clock()
    with ChaosRelay(faults=refusing("bad.example")()) as relay:
        courier = SmtpCourier(relay.settings(), clock=clock)

        def refused_at(moment: float) -> tuple[int, set[float]]:
            """How many to that domain were refused, and for how long the others are left alone."""
            clock.now, office = moment, Office(20, address=at_two_domains)
            courier.carry(office)
            assert set(range(2, 21, 2)) <= set(office.said(Accepted))
            rests = {report.outcome.after.total_seconds() for report in office.released}  # type: ignore[union-attr]
            return len(office.said(Deferred)) - len(office.released), rests

        assert refused_at(1000) == (3, {300})
        assert refused_at(1299.5) == (0, {1})
        assert refused_at(1300) == (1, {600})
        assert refused_at(1900) == (1, {1200})
        relay.faults.clear()
        assert refused_at(3100) == (0, set())


def test_a_success_between_refusals_keeps_a_domain_open() -> None:
    office = Office(40, address=lambda number: f"person-{number}@bad.example")
    faults = [
        Fault(at=Step.RCPT, reply=BUSY, recipient=office.address(number)) for number in range(1, 41) if number % 3
    ]
    with ChaosRelay(faults=faults) as relay:
        SmtpCourier(relay.settings(), clock=Clock()).carry(office)
    assert office.released == []
    assert len(office.said(Accepted)) == 13


def test_a_refusal_for_our_reputation_counts_against_the_domain_and_a_dead_address_does_not() -> None:
    throttle = Throttle(Relay(host="mx.test", port=25, tls="off"), Clock())
    for _ in range(5):
        throttle.note(Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS), "dead.example")
        throttle.note(Rejected(reply="550 5.7.1 blocked", blame=Blame.US, slow=Slow.DOMAIN), "bad.example")
    assert throttle.rests("dead.example") == 0
    assert throttle.rests("bad.example") == 300


def test_no_more_domains_are_remembered_than_there_is_room_for() -> None:
    throttle = Throttle(Relay(host="mx.test", port=25, tls="off"), Clock())
    for number in range(10_001):
        for _ in range(3):
            throttle.note(Deferred(reply=BUSY, slow=Slow.DOMAIN), f"d{number}.example")
    assert [throttle.rests(f"d{number}.example") for number in (0, 1, 10_000)] == [0, 300, 300]


@in_or_out
@pytest.mark.parametrize("connections", [1, 5])
def test_a_relay_is_given_no_more_than_its_day_allows_and_the_other_takes_the_rest(
    connections: int, *, in_process: bool
) -> None:
    office = Office(200, in_process=in_process)
    with ChaosRelay() as one, ChaosRelay() as two:
        relays = [one.settings(key="one", connections=connections, daily_quota=37), two.settings(key="two")]
        assert SmtpCourier(*relays).carry(office) == Carried(tried=200)
    assert (len(one.kept), len(two.kept)) == (37, 163)


@in_or_out
def test_a_relay_alone_that_has_had_its_day_says_so_and_nothing_more_is_claimed(*, in_process: bool) -> None:
    office = Office(60, in_process=in_process)
    with ChaosRelay() as relay:
        courier = SmtpCourier(relay.settings(key="one", connections=3, daily_quota=37))
        carried = courier.carry(office)
        assert len(relay.kept) == 37
        again = courier.carry(office)
    said = "The relay one has had what it may be given within 24 hours."
    assert (carried, again) == (Carried(tried=37, trouble=said), Carried(tried=0, trouble=said))
    assert office.left == 23


def test_where_all_that_is_claimed_would_be_in_doubt_little_is_claimed() -> None:
    office = Office(1500, intends=True)
    with ChaosRelay() as relay:
        assert SmtpCourier(relay.settings(connections=4)).carry(office) == Carried(tried=1500)
    assert office.most_in_hand <= 75


def login(endpoint: Endpoint) -> dict[str, object]:
    """How to log in with this endpoint's tokens."""
    oauth = OAuth(token_url=endpoint.url, client_id="the-client", client_secret="swordfish")
    return {"username": "ann@example.org", "oauth": oauth}


ANN = ("ann@example.org", "token-1")


def test_a_relay_is_logged_in_to_with_a_token_which_all_connections_and_rounds_share() -> None:
    with Endpoint() as endpoint, ChaosRelay(login=ANN, mechanisms="PLAIN LOGIN XOAUTH2") as relay:
        courier = SmtpCourier(relay.settings(connections=3, **login(endpoint)))
        for _ in range(2):
            assert courier.carry(Office(50)) == Carried(tried=50)
    assert len(endpoint.forms) == 1
    assert {line.split(" ")[1] for _, line in relay.log if line.startswith("AUTH")} == {"XOAUTH2"}


def test_a_token_that_is_good_for_this_connection_only_is_asked_for_once() -> None:
    short = [granted("token-1", expires_in=30), Answer(status=500)]
    with Endpoint(answers=short) as endpoint, ChaosRelay(login=ANN, mechanisms="XOAUTH2") as relay:
        assert SmtpCourier(relay.settings(**login(endpoint))).carry(Office(5)) == Carried(tried=5)
    assert len(endpoint.forms) == 1


def test_a_token_that_the_relay_refuses_is_replaced_by_a_new_one() -> None:
    clock = Clock()
    with Endpoint() as endpoint, ChaosRelay(login=("ann@example.org", "token-2"), mechanisms="XOAUTH2") as relay:
        courier = SmtpCourier(relay.settings(**login(endpoint)), clock=clock)
        assert tried_at(courier, clock, 1000, 1000.9, 1001) == [0, 0, 20]
    assert len(endpoint.forms) == 2


def test_where_no_token_is_to_be_had_the_other_relay_takes_everything() -> None:
    denied = [Answer(status=400, body={"error": "invalid_grant"})]
    with Endpoint(answers=denied) as endpoint, ChaosRelay(login=ANN, mechanisms="XOAUTH2") as one, ChaosRelay() as two:
        carried = SmtpCourier(one.settings(key="one", **login(endpoint)), two.settings(key="two")).carry(Office(30))
    said = "The relay one cannot be used: The token endpoint 127.0.0.1 answered 400, invalid_grant."
    assert (carried.tried, carried.trouble, set(carried.down)) == (30, "", {said})
    assert one.connections == 0


@pytest.mark.parametrize("reply", ["", "535 5.7.8 who is token-1?", "454 4.7.0 token-1 may be good"])
def test_the_token_is_told_to_nobody_though_the_relay_repeats_it(reply: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    faults = [Fault(at=Step.AUTH, reply=reply, times=-1)] if reply else []
    wrong = ("ann@example.org", "another")
    with Endpoint() as endpoint, ChaosRelay(login=wrong, mechanisms="XOAUTH2", faults=faults) as relay:
        carried = SmtpCourier(relay.settings(**login(endpoint)), clock=Clock()).carry(Office(3))
    told = f"{carried} {caplog.text} {[record.__dict__ for record in caplog.records]}"
    assert carried.tried == 0
    assert carried.trouble
    for secret in ("token-1", "dXNlcj1hbm5AZXhhbXBsZS5vcmcBYXV0aD1CZWFyZXIg", "swordfish"):
        assert secret not in told
