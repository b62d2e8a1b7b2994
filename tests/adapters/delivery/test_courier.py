"""Does every parcel that is claimed end in exactly one report, whatever happens to the connections?"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from house import ScriptedCourier
from relay import CHUNKING, EXTENSIONS, ChaosRelay, Fault, How, Step, a_parcel, recipient

from sequencer.core.limits import Rest
from sequencer.core.model import (
    Accepted,
    Blame,
    Deferred,
    DeliveryId,
    Outcome,
    Parcel,
    Rejected,
    Report,
    Stage,
    Ticket,
    Uncertain,
)
from sequencer.core.rates import Grant
from sequencer.delivery.courier import Carried, Courier, SmtpCourier
from sequencer.delivery.way import Lane
from sequencer.errors import BadSettings
from sequencer.relays import Relay

PLAIN = tuple(one for one in EXTENSIONS if one != "PIPELINING")


@dataclass
class MemoryLedger:
    """A ledger of so many parcels, in batches; notes what it is asked, and refuses what no courier may ask."""

    messages: int
    batch: int = 20
    withheld: frozenset[int] = frozenset()
    in_process: bool = True
    signs: bool = False
    intends: bool = False
    stop: Callable[[], bool] = lambda: False
    must_end: Callable[[], bool] = lambda: False
    claimed: list[int] = field(default_factory=list)
    granted: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    relays: set[str] = field(default_factory=set)
    groups: list[tuple[int, int]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lease(self, _relay: Relay, room: int, _held: int) -> Grant:
        return Grant(most=room)

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        assert not unused
        return ()

    def rests(self, _relays: Sequence[str]) -> Mapping[str, str]:
        return {}

    def share(self, _news: Sequence[Rest], _relays: Sequence[str]) -> Sequence[Rest]:
        return []

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        assert places
        if self.stop():
            return []
        self.threads.add(threading.get_ident())
        first = len(self.claimed) + 1
        numbers = range(first, min(first + min(self.batch, len(places)), self.messages + 1))
        self.claimed += numbers
        return [a_parcel(number, relay=place.relay.name) for number, place in zip(numbers, places, strict=False)]

    def pressed(self, _places: Sequence[Lane]) -> Sequence[Parcel]:
        return []

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        with self._lock:
            assert intents or reports
            self.threads.add(threading.get_ident())
            self.groups.append((len(intents), len(reports)))
            for report in reports:
                which = report.ticket.delivery_id
                assert which in self.claimed
                assert which not in self.outcomes
                assert which not in self.refused
                assert which in self.granted or not isinstance(report.outcome, Accepted | Uncertain)
                self.outcomes[which] = report.outcome
                self.relays.add(report.relay)
            for ticket in intents:
                assert ticket.delivery_id in self.claimed
                assert ticket.delivery_id not in self.granted | self.refused | set(self.outcomes)
                assert ticket.attempt == 1
                (self.refused if ticket.delivery_id in self.withheld else self.granted).add(ticket.delivery_id)
            return frozenset(one.delivery_id for one in intents if one.delivery_id in self.granted)

    @property
    def released(self) -> set[int]:
        """Those that went back as they were."""
        return {which for which, said in self.outcomes.items() if isinstance(said, Deferred) and not said.tried}

    @property
    def kinds(self) -> Counter[type[Outcome]]:
        return Counter(type(one) for one in self.outcomes.values())

    def of(self, kind: type[Outcome]) -> set[str]:
        return {recipient(number) for number, outcome in self.outcomes.items() if isinstance(outcome, kind)}

    def assert_kept(self) -> None:
        """The contract: each claimed parcel has one report, or was withheld."""
        assert set(self.claimed) == set(self.outcomes) | self.refused


@dataclass
class Post:
    """A courier, and what can be seen of it from outside."""

    courier: Courier
    arrived: Callable[[], list[str]]
    down: Callable[[], Courier]


@pytest.fixture(params=["smtp", "smtp eager", "smtp without pipelining", "scripted"])
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    """Each courier there is: all keep the same contract."""
    if request.param == "scripted":
        scripted = ScriptedCourier()
        yield Post(scripted, lambda: [one.recipient for one in scripted.sent], lambda: ScriptedCourier(down="Down."))
        return
    offered = {"smtp": EXTENSIONS, "smtp eager": CHUNKING}.get(request.param, PLAIN)
    with ChaosRelay(extensions=offered) as relay:
        with ChaosRelay() as gone:
            pass
        yield Post(
            SmtpCourier(relay.settings(connections=3, eager=request.param == "smtp eager")),
            lambda: relay.recipients,
            lambda: SmtpCourier(gone.settings(connections=3)),
        )


@pytest.mark.parametrize("in_process", [True, False])
def test_every_parcel_arrives_once_and_is_reported_once(post: Post, *, in_process: bool) -> None:
    ledger = MemoryLedger(95, in_process=in_process)
    assert post.courier.carry(ledger) == Carried(tried=95)
    ledger.assert_kept()
    assert ledger.kinds == {Accepted: 95}
    assert sorted(post.arrived()) == sorted(recipient(number) for number in range(1, 96))


def test_a_parcel_that_is_withheld_is_neither_sent_nor_reported(post: Post) -> None:
    ledger = MemoryLedger(50, withheld=frozenset({1, 7, 20, 21, 50}))
    assert post.courier.carry(ledger).trouble == ""
    ledger.assert_kept()
    assert ledger.refused == {1, 7, 20, 21, 50}
    assert Counter(post.arrived()) == Counter(ledger.of(Accepted))


def test_no_batch_is_claimed_after_it_was_told_to_stop(post: Post) -> None:
    ledger = MemoryLedger(100)
    ledger.stop = lambda: len(ledger.claimed) >= 40
    assert post.courier.carry(ledger) == Carried(tried=len(ledger.claimed))
    assert 40 <= len(ledger.claimed) < 60
    ledger.assert_kept()
    assert len(post.arrived()) == len(ledger.claimed)


def test_nothing_is_claimed_while_the_relay_is_down(post: Post) -> None:
    ledger = MemoryLedger(10)
    carried = post.down().carry(ledger)
    assert carried.tried == 0
    assert carried.trouble
    assert ledger.claimed == []
    assert ledger.groups == []


def test_an_empty_ledger_is_soon_done(post: Post) -> None:
    ledger = MemoryLedger(0)
    assert post.courier.carry(ledger) == Carried(tried=0)
    assert ledger.groups == []


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (Step.RCPT, Rejected(reply="550 5.1.1 no such user", blame=Blame.ADDRESS)),
        (Step.MAIL, Deferred(reply="451 4.3.0 later")),
        (Step.DOT, Deferred(reply="451 4.3.0 later")),
    ],
)
def test_an_answer_reaches_the_ledger_as_it_was(step: Step, outcome: Outcome) -> None:
    scripted = ScriptedCourier(answers=[outcome if step is Step.DOT else (Stage(step.value), outcome)])
    with ChaosRelay(faults=[Fault(at=step, reply=outcome.reply, recipient=recipient(1), nth=1)]) as relay:
        for courier in (scripted, SmtpCourier(relay.settings())):
            if courier is not scripted and step is Step.MAIL:
                relay.faults[0].recipient = ""
            ledger = MemoryLedger(3)
            courier.carry(ledger)
            ledger.assert_kept()
            assert ledger.outcomes[1] == outcome
            assert ledger.kinds[Accepted] == 2


@pytest.mark.parametrize("in_process", [True, False])
def test_content_is_written_only_after_its_intent_was_granted(*, in_process: bool) -> None:
    ledger = MemoryLedger(120, in_process=in_process)
    early: list[str] = []

    def look(to: str) -> None:
        if to not in {recipient(number) for number in ledger.granted}:
            early.append(to)

    with ChaosRelay(on_content=look) as relay:
        SmtpCourier(relay.settings(connections=4)).carry(ledger)
    assert early == []
    assert sum(relay.begun.values()) == 120


def test_a_ledger_in_our_process_is_asked_in_one_thread_and_another_in_others() -> None:
    with ChaosRelay() as relay:
        near, far = MemoryLedger(30), MemoryLedger(30, in_process=False)
        for ledger in (near, far):
            SmtpCourier(relay.settings(connections=3)).carry(ledger)
    assert near.threads == {threading.get_ident()}
    assert threading.get_ident() not in far.threads


def test_several_connections_are_used_and_share_their_commits() -> None:
    ledger = MemoryLedger(200, batch=50)
    with ChaosRelay(linger=0.002) as relay:
        SmtpCourier(relay.settings(connections=4)).carry(ledger)
    assert relay.connections == relay.most_at_once == 4
    assert set(Counter(one.connection for one in relay.kept)) == {1, 2, 3, 4}
    assert len(ledger.groups) < 300
    assert ledger.relays == {f"127.0.0.1:{relay.port}"}


def test_no_more_connections_are_opened_than_there_are_messages_for() -> None:
    with ChaosRelay() as relay:
        SmtpCourier(relay.settings(connections=50)).carry(MemoryLedger(2))
    assert relay.connections <= 2


@pytest.mark.parametrize("how", [How.CLOSE, How.RESET, How.HALF])
@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT, Step.DOT])
@pytest.mark.parametrize("connections", [1, 3])
def test_a_connection_that_dies_is_opened_again(step: Step, how: How, connections: int) -> None:
    ledger = MemoryLedger(60)
    faults = [Fault(at=step, how=how, nth=nth) for nth in (1, 13, 14, 40)]
    with ChaosRelay(faults=faults) as relay:
        carried = SmtpCourier(relay.settings(connections=connections)).carry(ledger)
    assert carried.trouble == ""
    ledger.assert_kept()
    lost = Uncertain if step in (Step.CONTENT, Step.DOT) else Deferred
    assert ledger.kinds[Accepted] >= 56
    assert set(ledger.kinds) <= {Accepted, lost}
    assert ledger.of(Accepted) == set(relay.recipients)


@pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN], ids=["grouped", "plain"])
@pytest.mark.parametrize("most", [1, 3])
def test_a_relay_that_takes_few_messages_a_connection_gets_them_all(extensions: tuple[str, ...], most: int) -> None:
    ledger = MemoryLedger(40)
    with ChaosRelay(extensions=extensions, most=most) as relay:
        carried = SmtpCourier(relay.settings(connections=2)).carry(ledger)
    assert carried == Carried(tried=40)
    assert ledger.kinds == {Accepted: 40}
    assert len(relay.kept) == 40


def test_a_relay_that_takes_fewer_connections_than_we_would_open_gets_everything_over_those() -> None:
    ledger = MemoryLedger(100)
    with ChaosRelay(most_connections=2, linger=0.002) as relay:
        carried = SmtpCourier(relay.settings(connections=6)).carry(ledger)
    assert carried == Carried(tried=100)
    ledger.assert_kept()
    assert ledger.kinds == {Accepted: 100}


@pytest.mark.parametrize("step", [Step.MAIL, Step.DATA, Step.CONTENT, Step.DOT])
@pytest.mark.parametrize("connections", [1, 4])
def test_when_the_relay_dies_the_rest_is_put_off_and_the_round_ends(step: Step, connections: int) -> None:
    ledger = MemoryLedger(500, batch=50)
    with ChaosRelay(faults=[Fault(at=step, how=How.DIE, nth=60)]) as relay:
        carried = SmtpCourier(relay.settings(connections=connections)).carry(ledger)
    assert carried.trouble.startswith("The relay 127.0.0.1:")
    assert carried.tried == len(ledger.claimed) - len(ledger.released)
    assert 59 <= carried.tried <= 60 + connections
    ledger.assert_kept()
    # What the relay took on its last breath, and could not say so, is uncertain.
    assert ledger.of(Accepted) <= set(relay.recipients) <= ledger.of(Accepted) | ledger.of(Uncertain)
    assert ledger.kinds[Uncertain] <= connections
    assert ledger.kinds[Deferred] >= 1


def test_a_relay_that_closes_and_lets_nobody_in_again_is_not_asked_for_ever() -> None:
    ledger = MemoryLedger(100)
    shutting = [Fault(at=Step.DOT, how=How.SAY_AND_CLOSE, reply="421 4.3.2 shutting down", nth=5)]
    shut = [Fault(at=Step.GREETING, how=How.SAY_AND_CLOSE, reply="421 4.3.2 shut", nth=nth) for nth in (2, 3, 4)]
    with ChaosRelay(faults=[*shutting, *shut]) as relay:
        carried = SmtpCourier(relay.settings()).carry(ledger)
    assert "421 4.3.2 shut" in carried.trouble
    assert relay.connections == 1
    assert ledger.kinds == {Accepted: 4, Deferred: len(ledger.claimed) - 4}
    assert carried.tried == 5
    ledger.assert_kept()


def test_a_round_that_must_end_does_not_await_the_last_answers() -> None:
    with ChaosRelay(faults=[Fault(at=Step.DOT, how=How.HANG, nth=1)]) as relay:
        ledger = MemoryLedger(1, must_end=lambda: relay.messages > 0)
        carried = SmtpCourier(relay.settings(connections=1)).carry(ledger)
    assert carried == Carried(tried=1, trouble="We had to stop.")
    assert ledger.kinds == {Uncertain: 1}
    ledger.assert_kept()


def test_parcels_that_are_signed_are_made_beside_the_conversation() -> None:
    here = MemoryLedger(60, signs=True)
    with ChaosRelay() as relay:
        SmtpCourier(relay.settings(connections=3)).carry(here)
    assert here.kinds == {Accepted: 60}
    assert len(here.threads) > 1


def test_a_relay_that_greylists_takes_everything_at_the_second_try() -> None:
    with ChaosRelay(greylisting=True) as relay:
        courier = SmtpCourier(relay.settings(connections=2))
        first, second = MemoryLedger(30), MemoryLedger(30)
        courier.carry(first)
        courier.carry(second)
    assert first.kinds == {Deferred: 30}
    assert second.kinds == {Accepted: 30}


@pytest.mark.parametrize("in_process", [True, False])
@pytest.mark.parametrize("call", ["next_batch", "record"])
def test_what_the_ledger_raises_is_what_the_caller_hears(call: str, *, in_process: bool) -> None:
    class Broken(MemoryLedger):
        def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
            if call == "next_batch" and self.claimed:
                raise BadSettings("The database is gone.")
            return super().next_batch(places)

        def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
            if call == "record" and len(self.groups) > 3:
                raise BadSettings("The database is gone.")
            return super().record(intents, reports)

    with ChaosRelay() as relay, pytest.raises(BadSettings, match="The database is gone"):
        SmtpCourier(relay.settings(connections=3)).carry(Broken(100, in_process=in_process))
