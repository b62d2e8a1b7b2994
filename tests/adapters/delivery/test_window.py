"""What becomes of each message where many travel at once, and the answers come, or do not come, behind them?"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from relay import CHUNKING, EXTENSIONS, ChaosRelay, Fault, How, Step, a_parcel, recipient

from sequencer.core.model import (
    Accepted,
    Blame,
    Deferred,
    Outcome,
    Parcel,
    Rejected,
    Slow,
    Ticket,
    Uncertain,
)
from sequencer.delivery.connect import open_session
from sequencer.delivery.session import NO_SMTPUTF8, Session
from sequencer.delivery.window import WINDOW, Window

ALL = range(1, 31)
GONE = "550 5.1.1 no such user"
CLOSING = "421 4.3.2 shutting down"
UTF8 = {"recipient": "zoë@example.org", "needs_smtputf8": True}
Granting = Callable[[Window, int], Awaitable[bool]]


@dataclass
class Talk:
    """What the window said of each parcel, by number, in order; what it never took; whether it can go on."""

    told: dict[int, Outcome] = field(default_factory=dict)
    left: list[Parcel] = field(default_factory=list)
    open: bool = True

    def of(self, kind: type[Outcome]) -> list[int]:
        return [number for number, outcome in self.told.items() if isinstance(outcome, kind)]

    @property
    def unharmed(self) -> list[int]:
        """Those that go back as they were."""
        return [number for number, said in self.told.items() if isinstance(said, Deferred) and not said.tried]

    def assert_each_told_once(self, numbers: Sequence[int]) -> None:
        """`tell` sees to it that none is told twice."""
        assert sorted([*self.told, *(one.ticket.delivery_id for one in self.left)]) == list(numbers)


async def _granted(_window: Window, _number: int) -> bool:
    return True


def talk(
    relay: ChaosRelay,
    parcels: Sequence[Parcel],
    *,
    grant: Granting = _granted,
    dot_timeout: float = 10,
    most: int = 1000,
) -> Talk:
    """Converse until nothing is left, or the connection is over or worn."""

    async def whole() -> Talk:
        settings = relay.settings(eager=True, timeout=5, messages_per_connection=most)
        window = await open_session(settings, dot_timeout=dot_timeout)
        assert isinstance(window, Window)
        said = Talk(left=list(parcels))

        async def gate(ticket: Ticket) -> bool:
            return await grant(window, ticket.delivery_id)

        def tell(parcel: Parcel, outcome: Outcome) -> None:
            assert parcel.ticket.delivery_id not in said.told
            said.told[parcel.ticket.delivery_id] = outcome

        def take() -> Parcel | None:
            return said.left.pop(0) if said.left else None

        async with asyncio.timeout(20):
            while said.left and window.wire.is_open and not window.wire.is_worn:
                assert await window.converse(said.left.pop(0), take, gate, tell) is None
        said.open = window.wire.is_open
        await window.wire.quit()
        return said

    return asyncio.run(whole())


def a_relay(*faults: Fault, **changes: object) -> ChaosRelay:
    return ChaosRelay(faults=list(faults), extensions=CHUNKING, **changes)  # type: ignore[arg-type]


def parcels(numbers: Sequence[int] = ALL) -> list[Parcel]:
    return [a_parcel(number) for number in numbers]


def test_many_messages_travel_in_one_round_trip() -> None:
    with a_relay(linger=5) as relay:
        said = talk(relay, parcels())
    assert said.of(Accepted) == [*ALL]
    # The first goes alone; while its answer was held back, all that the window has room for came behind it.
    assert relay.kept[0].behind.count(b"BDAT") == WINDOW - 1
    assert "DATA" not in relay.said()


def test_each_message_arrives_as_it_is_in_its_turn_with_its_own_sender() -> None:
    each = [a_parcel(number, sender=f"sender-{number}@example.org") for number in ALL]
    with a_relay() as relay:
        said = talk(relay, each)
    assert said.of(Accepted) == [*ALL]
    assert [(one.sender, one.recipient, one.content) for one in relay.kept] == [
        (one.sender, one.recipient, one.content) for one in each
    ]
    assert all(one.parameters == (f"SIZE={len(one.content)}",) for one in relay.kept)
    assert relay.connections == 1
    assert relay.said()[-1] == "QUIT"


def test_content_is_not_changed_for_the_way_nor_has_it_to_end_with_a_line() -> None:
    contents = [b".\r\n..\r\n.hidden\r\n", b"Subject: x\r\n\r\nno end", b"MAIL FROM:<eve@example.org>\r\nRSET\r\n"]
    with a_relay() as relay:
        said = talk(relay, [a_parcel(number, content=content) for number, content in enumerate(contents, 1)])
    assert said.of(Accepted) == [1, 2, 3]
    assert [one.content for one in relay.kept] == contents


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT])
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("450 4.2.1 full", Deferred(reply="450 4.2.1 full", blame=Blame.MAILBOX)),
        (GONE, Rejected(reply=GONE, blame=Blame.ADDRESS)),
    ],
)
@pytest.mark.parametrize("refused", [[1], [2], [7], [16, 17], [7, 8, 9, 20], [30]])
def test_a_refusal_in_the_middle_is_that_message_s_alone(
    step: Step, reply: str, outcome: Outcome, refused: list[int]
) -> None:
    with a_relay(*(Fault(at=step, reply=reply, nth=nth) for nth in refused)) as relay:
        said = talk(relay, [a_parcel(number, sender=f"sender-{number}@example.org") for number in ALL])
    others = [number for number in ALL if number not in refused]
    assert said.of(Accepted) == others
    assert [said.told[number] for number in refused] == [
        # At MAIL nobody has been named yet.
        Deferred(reply=reply) if step is Step.MAIL else outcome
    ] * len(refused)
    assert [(one.sender, one.recipient) for one in relay.kept] == [
        (f"sender-{number}@example.org", recipient(number)) for number in others
    ]
    assert sum(relay.begun.values()) == len(others)
    assert relay.connections == 1


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("451 4.3.0 later", Deferred(reply="451 4.3.0 later")),
        ("552 5.3.4 too big", Rejected(reply="552 5.3.4 too big", blame=Blame.MESSAGE)),
    ],
)
def test_content_that_is_refused_is_what_the_answer_says_and_the_others_go_on(reply: str, outcome: Outcome) -> None:
    with a_relay(Fault(at=Step.DOT, reply=reply, nth=9)) as relay:
        said = talk(relay, parcels())
    assert said.told.pop(9) == outcome
    assert said.of(Accepted) == [number for number in ALL if number != 9]


@pytest.mark.parametrize("at", [Step.MAIL, Step.RCPT])
def test_a_message_that_was_taken_after_a_refusal_is_in_doubt(at: Step) -> None:
    faults = [Fault(at=at, reply="451 4.3.0 later", nth=9), Fault(at=Step.RCPT, reply="250 Ok", nth=9)]
    with a_relay(*faults, Fault(at=Step.LONE_DOT, reply="250 2.0.0 Ok: whatever that was")) as relay:
        said = talk(relay, parcels())
    assert said.told.pop(9) == Uncertain(reply="451 4.3.0 later")
    assert said.of(Accepted) == [number for number in ALL if number != 9]


def test_a_refused_rset_ends_the_connection_and_nobody_knows_of_what_is_behind_it() -> None:
    with a_relay(Fault(at=Step.RSET, reply="502 5.5.1 what?", nth=9)) as relay:
        said = talk(relay, parcels())
    assert said.of(Accepted) == [*range(1, 10)]
    assert {said.told[number].reply for number in said.of(Uncertain)} == {"the server refused RSET: 502 5.5.1 what?"}
    assert 10 in said.of(Uncertain)
    assert len(said.of(Uncertain)) <= WINDOW
    assert not said.open
    said.assert_each_told_once(ALL)


# What a relay that says 421 and stays on the line would be asked next: it says nothing more.
NEXT = {Step.RSET: Step.MAIL, Step.MAIL: Step.RCPT, Step.RCPT: Step.LONE_DOT, Step.DOT: Step.RSET}


# Who hangs up while more is being written may be heard too late: there the second message of the first group only.
@pytest.mark.parametrize(("how", "nth"), [(How.SAY, 2), (How.SAY, 9), (How.SAY, 20), (How.SAY_AND_CLOSE, 2)])
@pytest.mark.parametrize("step", NEXT)
def test_a_relay_that_closes_has_taken_what_came_before_and_nothing_after(step: Step, how: How, nth: int) -> None:
    # RSET belongs to the message behind it, and is counted with the one before.
    silence = Fault(at=NEXT[step], how=How.HANG, nth=nth + 1 if step is Step.RSET else nth)
    with a_relay(Fault(at=step, how=how, reply=CLOSING, nth=nth), silence) as relay:
        said = talk(relay, parcels())
    taken = nth if step is Step.RSET else nth - 1
    assert said.of(Accepted) == [*range(1, taken + 1)]
    assert relay.recipients == [recipient(number) for number in said.of(Accepted)]
    assert said.of(Uncertain) == []
    assert said.told[taken + 1].reply == CLOSING
    # At the others nobody looked; and where another message is one too many, that is no word about it.
    looked_at = [] if step in (Step.MAIL, Step.RSET) else [nth]
    assert [number for number in said.of(Deferred) if number not in said.unharmed] == looked_at
    assert all(said.told[number] == Deferred(reply=CLOSING, slow=Slow.RELAY) for number in looked_at)
    assert len(said.of(Deferred)) <= WINDOW
    assert not said.open
    said.assert_each_told_once(ALL)


@pytest.mark.parametrize("how", [How.SAY, How.SAY_AND_CLOSE])
def test_a_relay_that_closes_before_it_took_anything_has_refused_the_first(how: How) -> None:
    faults = [Fault(at=Step.MAIL, how=how, reply=CLOSING, nth=1), Fault(at=Step.RCPT, how=How.HANG, nth=1)]
    with a_relay(*faults) as relay:
        said = talk(relay, parcels())
    assert said.told.pop(1) == Deferred(reply=CLOSING, slow=Slow.RELAY)
    assert [*said.told] == said.unharmed
    assert relay.kept == []


def test_a_relay_that_takes_no_more_on_this_connection_costs_no_attempt() -> None:
    full = [Fault(at=Step.MAIL, reply="452 4.5.3 Too many messages sent", nth=nth) for nth in range(9, 31)]
    with a_relay(*full) as relay:
        said = talk(relay, parcels())
    assert said.of(Accepted) == [*range(1, 9)]
    assert said.of(Deferred) == said.unharmed
    assert not said.open
    assert len(said.unharmed) <= WINDOW
    said.assert_each_told_once(ALL)


@pytest.mark.parametrize("how", [How.CLOSE, How.RESET, How.HALF, How.DIE])
@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.CONTENT, Step.DOT])
@pytest.mark.parametrize("nth", [1, 2, 9, 20])
def test_whatever_is_unanswered_when_the_connection_breaks_is_in_doubt(step: Step, how: How, nth: int) -> None:
    with a_relay(Fault(at=step, how=how, nth=nth)) as relay:
        said = talk(relay, parcels())
    # What the relay took just before, its answer may have been overtaken by the end.
    assert said.of(Accepted) == [*range(1, len(said.of(Accepted)) + 1)]
    assert [recipient(number) for number in said.of(Accepted)] == relay.recipients[: len(said.of(Accepted))]
    assert len(said.of(Accepted)) < nth
    assert nth in said.of(Uncertain)
    assert len(said.of(Uncertain)) <= WINDOW
    assert set(relay.recipients) <= {recipient(number) for number in (*said.of(Accepted), *said.of(Uncertain))}
    assert said.of(Deferred) == said.unharmed
    assert not said.open
    said.assert_each_told_once(ALL)


@pytest.mark.parametrize("step", [Step.CONTENT, Step.DOT])
@pytest.mark.parametrize(("size", "nth"), [(30, 5), (1_000_000, 1)], ids=["small", "more than the sockets hold"])
def test_silence_ends_the_patience_and_leaves_the_rest_in_doubt(step: Step, size: int, nth: int) -> None:
    content = b"Words.\r\n" * (size // 8)
    with a_relay(Fault(at=step, how=How.HANG, nth=nth)) as relay:
        said = talk(relay, [a_parcel(number, content=content) for number in ALL], dot_timeout=0.3)
    assert said.of(Accepted) == [*range(1, nth)]
    assert said.of(Uncertain)[0] == nth
    assert {said.told[number].reply for number in said.of(Uncertain)} == {"no answer within 0 s"}
    assert len(said.of(Uncertain)) <= WINDOW
    said.assert_each_told_once(ALL)


def test_a_relay_that_does_not_keep_up_is_given_nothing_more_meanwhile() -> None:
    asked: list[int] = []

    async def grant(_window: Window, number: int) -> bool:
        asked.append(number)
        return True

    content = b"Words.\r\n" * 2_000_000  # more than the sockets of both sides hold
    with a_relay(Fault(at=Step.CONTENT, how=How.HANG, nth=1)) as relay:
        said = talk(relay, [a_parcel(number, content=content) for number in ALL], grant=grant, dot_timeout=0.3)
    assert asked == said.of(Uncertain) == [1]
    assert len(said.left) == len(ALL) - 1


def test_withheld_messages_are_neither_written_nor_told_and_the_others_go_on() -> None:
    withheld = [1, 2, 9, 15, 16, 17, 30]

    async def grant(_window: Window, number: int) -> bool:
        return number not in withheld

    with a_relay() as relay:
        said = talk(relay, parcels(), grant=grant)
    assert said.of(Accepted) == [*said.told] == [number for number in ALL if number not in withheld]
    assert relay.recipients == [recipient(number) for number in said.of(Accepted)]
    assert relay.connections == 1
    assert said.open


def test_no_content_is_written_before_its_intent_was_granted() -> None:
    granted: set[str] = set()
    early: list[str] = []

    async def grant(_window: Window, number: int) -> bool:
        await asyncio.sleep(0.001)
        granted.add(recipient(number))
        return True

    with a_relay(on_content=lambda to: None if to in granted else early.append(to)) as relay:
        assert talk(relay, parcels(), grant=grant).of(Accepted) == [*ALL]
    assert early == []


def test_a_connection_lost_while_the_gate_is_asked_for_the_first_message_costs_it_a_try() -> None:
    async def grant(window: Window, _number: int) -> bool:
        window.wire.connection_lost(None)
        return True

    with a_relay() as relay:
        said = talk(relay, parcels(), grant=grant)
    # Otherwise a relay that is always lost would be opened for ever.
    assert said.told == {1: Deferred(reply="the server closed the connection")}
    assert len(said.left) == len(ALL) - 1
    assert "MAIL" not in relay.said()


def test_an_answer_that_came_before_the_loss_counts_though_the_gate_was_asked_meanwhile() -> None:
    async def grant(window: Window, number: int) -> bool:
        while window.wire.is_open and number > WINDOW:  # noqa: ASYNC110 (nobody tells the gate)
            await asyncio.sleep(0.005)
        return True

    with a_relay(Fault(at=Step.DOT, how=How.SAY_AND_CLOSE, nth=WINDOW - 2)) as relay:
        said = talk(relay, parcels(), grant=grant)
    assert said.of(Accepted) == [*range(1, WINDOW - 1)]
    assert len(relay.kept) == WINDOW - 2
    assert said.of(Uncertain) == [WINDOW - 1, WINDOW]
    assert said.unharmed == [*range(WINDOW + 1, WINDOW + 5)]
    said.assert_each_told_once(ALL)


def test_an_address_that_needs_smtputf8_is_parked_where_it_is_not_offered() -> None:
    parked = [1, 8, 9, 17, 30]
    each = [a_parcel(number, **(UTF8 if number in parked else {})) for number in ALL]
    without = tuple(one for one in CHUNKING if one != "SMTPUTF8")
    with ChaosRelay(extensions=without) as relay:
        said = talk(relay, each)
    assert {number: said.told[number] for number in parked} == dict.fromkeys(parked, NO_SMTPUTF8)
    assert said.of(Accepted) == [number for number in ALL if number not in parked]
    assert len(relay.kept) == len(ALL) - len(parked)
    assert relay.connections == 1


def test_an_address_that_needs_smtputf8_arrives_where_it_is_offered() -> None:
    with a_relay() as relay:
        assert talk(relay, [a_parcel(1), a_parcel(2, **UTF8), a_parcel(3)]).of(Accepted) == [1, 2, 3]
    assert [("SMTPUTF8" in one.parameters) for one in relay.kept] == [False, True, False]


@pytest.mark.parametrize("most", [1, 5, WINDOW, WINDOW + 4])
def test_a_connection_is_given_no_more_messages_than_it_is_to_carry(most: int) -> None:
    with a_relay() as relay:
        said = talk(relay, parcels(), most=most)
    assert said.of(Accepted) == [*range(1, most + 1)]
    assert len(said.left) == len(ALL) - most
    assert len(relay.kept) == most


def test_a_connection_that_was_refused_often_ends() -> None:
    with a_relay(Fault(at=Step.RCPT, reply=GONE, times=-1)) as relay:
        said = talk(relay, parcels())
    # A server sees two refusals for each: of the envelope, and of the content behind it.
    assert 5 <= len(said.of(Rejected)) <= 5 + WINDOW
    assert said.left
    said.assert_each_told_once(ALL)
    assert relay.kept == []


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DOT])
@pytest.mark.parametrize("reply", ["\x16\x03 what?", "250 Ok\r\nwhat?", "334 VXNl", "354 go"])
def test_an_answer_that_makes_no_sense_ends_the_connection_and_leaves_the_rest_in_doubt(step: Step, reply: str) -> None:
    with a_relay(Fault(at=step, reply=reply, nth=9)) as relay:
        said = talk(relay, parcels())
    # An answer that is whole counts, though rubbish follows.
    known = 9 if step is Step.DOT and reply.startswith("250") else 8
    assert said.of(Accepted) == [*range(1, known + 1)]
    assert said.of(Uncertain)[0] == known + 1
    assert said.of(Deferred) == said.unharmed
    assert len(said.of(Uncertain)) <= WINDOW
    assert not said.open
    said.assert_each_told_once(ALL)


def test_what_was_said_without_being_asked_ends_the_connection_before_the_next_message() -> None:
    with a_relay(Fault(at=Step.DOT, reply="250 Ok\r\n250 and more", nth=3)) as relay:
        said = talk(relay, parcels([1, 2, 3]))
        assert said.of(Accepted) == [1, 2, 3]

        async def taken_up_again() -> list[Outcome]:
            window, told = await open_session(relay.settings(eager=True)), list[Outcome]()
            for number in (4, 5):
                await window.converse(a_parcel(number), lambda: None, _granting, lambda _, said: told.append(said))
            return told

        relay.faults.append(Fault(at=Step.DOT, reply="250 Ok\r\n250 and more", nth=4))
        told = asyncio.run(taken_up_again())
    assert told == [
        Accepted(reply="250 Ok"),
        Deferred(reply="the server said what it was not asked: 250 and more", tried=False),
    ]
    assert relay.recipients[-1] == recipient(4)


async def _granting(_: Ticket) -> bool:
    return True


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.RSET, Step.DOT, Step.LONE_DOT])
def test_answers_may_come_in_crumbs_and_over_many_lines(step: Step) -> None:
    code = "554" if step is Step.LONE_DOT else "250"
    crumbs = Fault(at=step, how=How.TRICKLE, reply=f"{code}-one\r\n{code}-two\r\n{code} three", times=-1)
    with a_relay(Fault(at=Step.RCPT, reply=GONE, nth=9), crumbs) as relay:
        said = talk(relay, parcels())
    assert said.of(Rejected) == [9]
    assert said.of(Accepted) == [number for number in ALL if number != 9]


@pytest.mark.parametrize("missing", ["PIPELINING", "CHUNKING"])
def test_a_relay_that_offers_too_little_for_it_is_talked_to_with_care(missing: str) -> None:
    async def whole(relay: ChaosRelay) -> list[Outcome]:
        session, told = await open_session(relay.settings(eager=True)), list[Outcome]()
        assert isinstance(session, Session)
        await session.converse(a_parcel(1), lambda: None, _granting, lambda _, said: told.append(said))
        await session.wire.quit()
        return told

    with ChaosRelay(extensions=tuple(one for one in CHUNKING if one != missing)) as relay:
        assert [type(one) for one in asyncio.run(whole(relay))] == [Accepted]
    assert "BDAT" not in relay.said()


def test_nobody_is_eager_who_was_not_told_to_be() -> None:
    async def whole(relay: ChaosRelay) -> bool:
        session = await open_session(relay.settings())
        await session.wire.quit()
        return isinstance(session, Session)

    with a_relay() as relay:
        assert asyncio.run(whole(relay))
    assert "CHUNKING" not in EXTENSIONS
