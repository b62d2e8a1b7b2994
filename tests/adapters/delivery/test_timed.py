"""Does a message start within the turn that it has at its domain, or go back, and does nobody wait behind it?"""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from office import Office
from relay import ChaosRelay, Step, a_parcel, recipient

from sequencer.core.model import DeliveryId, Parcel, Report, Ticket
from sequencer.core.rates import Grant, Turn
from sequencer.delivery.backlog import Backlog
from sequencer.delivery.courier import Carried, SmtpCourier
from sequencer.delivery.way import Lane
from sequencer.relays import Relay

GONE, OPEN, LATER, LATEST = Turn(start=990, end=995), Turn(start=1000), Turn(start=1000.1), Turn(start=1000.2)


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Timed(Office):
    """A ledger in which some have a turn; the clock is set when as many others as there are have been taken."""

    turns: Mapping[int, Turn] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    then: float = 1001.0

    def _claim(self, place: Lane) -> Parcel:
        parcel = super()._claim(place)
        turn = self.turns.get(parcel.ticket.delivery_id) if parcel.ticket.attempt == 1 else None
        return parcel._replace(turn=turn)

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        granted = super().record(intents, reports)
        if len(self.outcomes) >= self.messages - sum(turn.start > 1000 for turn in self.turns.values()):
            self.clock.now = max(self.clock.now, self.then)
        return granted


def carried(office: Timed, **options: object) -> list[str]:
    """Whom the messages went to, in order."""
    with ChaosRelay() as relay:
        done = SmtpCourier(relay.settings(**options), clock=office.clock).carry(office)
    assert done == Carried(tried=office.messages)
    assert office.left == 0
    return relay.recipients


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("in_process", [True, False], ids=["in process", "beside it"])
def test_whose_turn_is_to_come_waits_and_all_others_go_before(connections: int, *, in_process: bool) -> None:
    # More of them than may lie here at first, and before all others.
    timed = dict.fromkeys(range(1, 10), LATER) | {10: LATEST}
    office = Timed(60, in_process=in_process, turns=timed)
    found = carried(office, connections=connections)
    assert sorted(found[:50]) == sorted(recipient(number) for number in range(11, 61))
    assert sorted(found[50:]) == sorted(recipient(number) for number in timed)
    assert office.released == []


def test_what_has_its_turn_now_goes_first_and_whose_turn_is_over_goes_back() -> None:
    office = Timed(8, turns={1: GONE, 2: OPEN})
    found = carried(office, connections=1)
    assert found[0] == recipient(2)
    assert sorted(found[1:]) == sorted(recipient(number) for number in (1, 3, 4, 5, 6, 7, 8))
    (report,) = office.released
    assert (report.ticket.delivery_id, report.outcome.reply) == (1, "Its turn at its domain was over.")


@dataclass
class Generous(Timed):
    """A ledger that has another turn for whoever was too late, now or a little later."""

    renewed: list[DeliveryId] = field(default_factory=list)
    wait: float = 0.0

    def renew(self, ticket: Ticket, _relay: Relay) -> Turn | None:
        self.renewed.append(ticket.delivery_id)
        turn = Turn(start=self.clock.now + self.wait)
        self.turns = {**self.turns, ticket.delivery_id: turn}
        return turn


@pytest.mark.parametrize("wait", [0.0, 0.5], ids=["now", "later"])
def test_whose_turn_is_over_before_anybody_had_time_is_given_another(wait: float) -> None:
    office = Generous(8, turns={1: GONE, 2: OPEN, 3: LATER}, wait=wait)
    found = carried(office, connections=1)
    assert found[0] == recipient(1 if not wait else 2)
    assert (office.renewed, office.released) == ([1], [])


def test_a_turn_that_was_over_before_anybody_looked_is_not_used() -> None:
    office = Timed(3, turns={2: replace(LATER, end=1000.5)})
    assert carried(office, connections=1) == [recipient(number) for number in (1, 3, 2)]
    assert [report.ticket.delivery_id for report in office.released] == [2]


def a_message(number: int, turn: Turn | None = None, *, at_once: bool = False) -> Parcel:
    return a_parcel(number)._replace(turn=turn, at_once=at_once)


def test_a_backlog_gives_what_was_pressed_then_what_has_its_turn_then_the_others_in_their_order() -> None:
    backlog = Backlog()
    assert (backlog.take(1000), backlog.pop(), backlog.opens(1000), len(backlog)) == (None, None, None, 0)
    first, second, late, soon = a_message(1), a_message(2), a_message(3, LATEST), a_message(4, LATER)
    pressed, timed = a_message(5, at_once=True), a_message(6, OPEN)
    for one in (first, second, late, soon, pressed, timed):
        backlog.push(one)
    assert (len(backlog), backlog.ready(1000), backlog.opens(1000)) == (6, 4, 1000.1)
    assert (backlog.ready(1000.15), backlog.opens(1000.15), backlog.opens(1001)) == (5, 1000.2, None)
    assert [backlog.take(1000) for _ in range(2)] == [pressed, timed]
    assert backlog.urgent(1000) is None
    for one in (pressed, timed, second):
        backlog.put_back(one)
    assert [backlog.take(1000) for _ in range(5)] == [pressed, timed, second, first, second]
    assert backlog.take(1000) is None
    assert [backlog.pop() for _ in range(3)] == [soon, late, None]


@dataclass
class Slept(Office):
    """A ledger whose worker slept in the moment in which nothing more was due, so that turns which it held are over."""

    clock: Clock = field(default_factory=Clock)
    asked: list[int] = field(default_factory=list)

    def lease(self, _: Relay, room: int, held: int) -> Grant:
        self.asked.append(held)
        return Grant(most=room, count=max(0, room - held), interval=0.001, grace=1.0)

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        return set(unused)

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        batch = super().next_batch(places)
        if not batch and self.clock.now < 1100:
            self.clock.now += 100
        return batch


def test_what_lies_here_without_a_turn_is_given_another_though_nothing_more_is_due() -> None:
    glances = iter(range(40))
    clock = Clock()
    office = Slept(20, clock=clock, must_end=lambda: next(glances, None) is None)
    with ChaosRelay(dice=slow) as relay:
        done = SmtpCourier(relay.settings(connections=1, rate=1000), clock=clock).carry(office)
    assert (done, office.left) == (Carried(tried=20), 0)


@dataclass
class Paced(Slept):
    """A ledger whose relay has a rate, and which notes when each message with a turn began."""

    turns: Mapping[int, Turn] = field(default_factory=dict)
    begun: dict[int, float] = field(default_factory=dict)

    def lease(self, _: Relay, room: int, held: int) -> Grant:
        return Grant(most=room, count=max(0, room - held), wait=0.02, interval=0.02, grace=5.0)

    def _claim(self, place: Lane) -> Parcel:
        parcel = super()._claim(place)
        return parcel._replace(turn=self.turns.get(parcel.ticket.delivery_id))

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        self.begun |= {one.delivery_id: time.monotonic() for one in intents if one.delivery_id in self.turns}
        return super().record(intents, reports)


@pytest.mark.parametrize("connections", [1, 4])
def test_a_relay_s_rate_and_a_domain_s_turns_are_both_waited_for(connections: int) -> None:
    now = time.monotonic()
    turns = {number: Turn(start=now + number / 10) for number in range(1, 6)}
    # The clock is the real one.
    office = Paced(20, turns=turns, clock=Clock(now=1e9))
    with ChaosRelay() as relay:
        done = SmtpCourier(relay.settings(connections=connections, rate=50)).carry(office)
    assert (done, office.left) == (Carried(tried=20), 0)
    assert {number for number, turn in turns.items() if office.begun[number] < turn.start} == set()


def slow(step: Step) -> None:
    """A relay that thinks about each message for a while."""
    if step is Step.DOT:
        threading.Event().wait(0.02)
