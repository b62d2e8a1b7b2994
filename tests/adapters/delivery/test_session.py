"""What becomes of each message, whatever the relay does, and whenever?"""

import asyncio
import email
import email.policy
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from relay import EXTENSIONS, ChaosRelay, Fault, How, Step, a_parcel, recipient

from sequencer.core.model import (
    Accepted,
    Blame,
    Deferred,
    DeliveryId,
    Mailbox,
    Outcome,
    Parcel,
    Rejected,
    Slow,
    Ticket,
    Uncertain,
)
from sequencer.delivery.connect import open_session
from sequencer.delivery.session import Conversation
from sequencer.message.mime import Letter, compose

PLAIN = tuple(one for one in EXTENSIONS if one != "PIPELINING")
# With PIPELINING offered, and without.
both = pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN], ids=["grouped", "plain"])
ENVELOPE = (Step.MAIL, Step.RCPT, Step.DATA)
UTF8 = {"recipient": "zoë@example.org", "needs_smtputf8": True}


@dataclass
class Talk:
    """What the session said of each parcel, by number; which it asked for; which it gave back or never took."""

    told: dict[int, Outcome] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    back: Parcel | None = None
    left: list[Parcel] = field(default_factory=list)
    open: bool = True

    @property
    def kinds(self) -> list[type[Outcome]]:
        return [type(self.told[number]) for number in sorted(self.told)]


async def converse(session: Conversation, parcels: Sequence[Parcel], withheld: Sequence[int] = ()) -> Talk:
    talk = Talk(left=list(parcels))

    async def gate(ticket: Ticket) -> bool:
        talk.asked.append(ticket.delivery_id)
        return ticket.delivery_id not in withheld

    def tell(parcel: Parcel, outcome: Outcome) -> None:
        assert parcel.ticket.delivery_id not in talk.told
        talk.told[parcel.ticket.delivery_id] = outcome

    first = talk.left.pop(0)
    talk.back = await session.converse(first, lambda: talk.left.pop(0) if talk.left else None, gate, tell)
    talk.open = session.wire.is_open
    await session.wire.quit()
    assert not session.wire.is_open
    return talk


def talk(relay: ChaosRelay, *parcels: Parcel, withheld: Sequence[int] = (), timeout: float = 10) -> Talk:
    async def whole() -> Talk:
        return await converse(await open_session(relay.settings(timeout=timeout)), parcels, withheld)

    return asyncio.run(whole())


def three() -> tuple[Parcel, Parcel, Parcel]:
    return a_parcel(1), a_parcel(2), a_parcel(3)


@both
def test_messages_arrive_as_they_are_one_after_the_other_on_one_connection(extensions: tuple[str, ...]) -> None:
    with ChaosRelay(extensions=extensions) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Accepted] * 3
    assert said.told[2] == Accepted(reply="250 2.0.0 Ok: queued as 2")
    assert [(one.sender, one.recipient, one.content) for one in relay.kept] == [
        (parcel.sender, parcel.recipient, parcel.content) for parcel in three()
    ]
    assert relay.connections == 1
    assert relay.said()[-1] == "QUIT"
    assert "RSET" not in relay.said()


def test_the_next_envelope_travels_behind_the_dot_where_pipelining_is_offered() -> None:
    with ChaosRelay(linger=5) as relay:
        said = talk(relay, a_parcel(1), a_parcel(2, **UTF8), a_parcel(3), withheld=[3])
    assert said.kinds == [Accepted, Accepted]
    first, second = (one.behind.split(b"\r\n") for one in relay.kept)
    assert [line[:4] for line in first] == [b"MAIL", b"RCPT", b"DATA", b""]
    assert b"zo\xc3\xab" in first[1]
    assert recipient(3).encode() in second[1]


def test_nothing_travels_behind_the_dot_where_pipelining_is_not_offered() -> None:
    with ChaosRelay(extensions=PLAIN, linger=0.15) as relay:
        assert talk(relay, a_parcel(1), a_parcel(2)).kinds == [Accepted] * 2
    assert [one.behind for one in relay.kept] == [b"", b""]


@both
def test_the_size_is_announced_and_right(extensions: tuple[str, ...]) -> None:
    content = b"Subject: long\r\n\r\n" + b"Words and words.\r\n" * 20_000
    with ChaosRelay(extensions=extensions) as relay:
        assert talk(relay, a_parcel(1, content=content), a_parcel(2)).kinds == [Accepted] * 2
    assert relay.kept[0].parameters == (f"SIZE={len(content)}",)
    assert relay.kept[0].content == content


def test_nothing_is_said_that_was_not_offered() -> None:
    with ChaosRelay(extensions=()) as relay:
        assert talk(relay, a_parcel(1)).kinds == [Accepted]
    assert relay.kept[0].parameters == ()


@both
def test_an_address_that_needs_smtputf8_is_parked_where_it_is_not_offered_and_the_next_goes_on(
    extensions: tuple[str, ...],
) -> None:
    without = tuple(one for one in extensions if one != "SMTPUTF8")
    with ChaosRelay(extensions=without) as relay:
        said = talk(relay, a_parcel(1, **UTF8), a_parcel(2), a_parcel(3, **UTF8), a_parcel(4), a_parcel(5, **UTF8))
    assert said.kinds == [Deferred, Accepted, Deferred, Accepted, Deferred]
    assert said.told[1] == Deferred(
        reply="The relay offers no SMTPUTF8 (RFC 6531), which this address needs.",
        blame=Blame.MESSAGE,
        after=timedelta(days=1),
        tried=False,
    )
    assert said.asked == [2, 4]
    assert relay.connections == 1
    assert relay.recipients == [recipient(2), recipient(4)]


@both
def test_an_address_that_needs_smtputf8_arrives_where_it_is_offered(extensions: tuple[str, ...]) -> None:
    content = "To: zoë@example.org\r\n\r\nWords.\r\n".encode()
    with ChaosRelay(extensions=extensions) as relay:
        assert talk(relay, a_parcel(1, **UTF8, content=content), a_parcel(2)).kinds == [Accepted] * 2
    assert relay.kept[0].recipient == "zoë@example.org"
    assert relay.kept[0].parameters == (f"SIZE={len(content)}", "SMTPUTF8")
    assert "SMTPUTF8" not in relay.kept[1].parameters


def test_lines_that_begin_with_dots_survive() -> None:
    words = ".\n..\n.hidden\nthe end\n.\n"
    letter = Letter(
        sender=Mailbox(name="Ann", address="ann@example.org"),
        recipient=recipient(1),
        subject=".",
        language="en",
        message_id="<1@example.org>",
        date=datetime(2026, 3, 2, 8, tzinfo=UTC),
        text=words,
        html=words,
    )
    with ChaosRelay() as relay:
        assert talk(relay, a_parcel(1, content=compose(letter)), a_parcel(2)).kinds == [Accepted] * 2
    read = email.message_from_bytes(relay.kept[0].content, policy=email.policy.default)
    for part in read.iter_parts():  # type: ignore[attr-defined]
        assert part.get_content().replace("\r\n", "\n").rstrip("\n") == words.rstrip("\n")


@both
@pytest.mark.parametrize("step", ENVELOPE)
@pytest.mark.parametrize("reply", ["451 4.3.0 later", "452-4.2.2 full\r\n452 4.2.2 very", "501 5.5.4 syntax"])
def test_a_refusal_before_the_content_leaves_the_connection_to_the_next_message(
    extensions: tuple[str, ...], step: Step, reply: str
) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=step, reply=reply, nth=2)]) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Accepted, Deferred, Accepted]
    assert said.asked == [1, 3]
    assert relay.begun[recipient(2)] == 0
    assert relay.connections == 1


@both
@pytest.mark.parametrize(
    ("step", "reply"), [(Step.MAIL, "354 go"), (Step.RCPT, "334 VXNl"), (Step.DATA, "250 Ok"), (Step.DATA, "300 hm")]
)
def test_an_answer_out_of_turn_ends_the_connection(extensions: tuple[str, ...], step: Step, reply: str) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=step, reply=reply, nth=1)]) as relay:
        said = talk(relay, *three())
    assert said.told == {1: Deferred(reply=reply)}
    assert not said.open
    assert "." not in relay.said()


@both
@pytest.mark.parametrize("how", [How.SAY, How.CLOSE, How.SAY_AND_CLOSE])
def test_a_transaction_that_cannot_be_undone_ends_the_connection_and_the_refusal_stands(
    extensions: tuple[str, ...], how: How
) -> None:
    gone = Fault(at=Step.RCPT, reply="550 5.1.1 no such user", nth=1)
    rset = Fault(at=Step.RSET, how=how, reply="502 5.5.1 what?")
    with ChaosRelay(extensions=extensions, faults=[gone, rset]) as relay:
        said = talk(relay, *three())
    assert said.told == {1: Rejected(reply="550 5.1.1 no such user", blame=Blame.ADDRESS)}
    assert not said.open


@both
def test_a_dead_address_is_told_apart_and_the_next_message_goes_on(extensions: tuple[str, ...]) -> None:
    gone = Fault(at=Step.RCPT, reply="550 5.1.1 no such user", recipient=recipient(1))
    with ChaosRelay(extensions=extensions, faults=[gone]) as relay:
        said = talk(relay, *three())
    assert said.told[1] == Rejected(reply="550 5.1.1 no such user", blame=Blame.ADDRESS)
    assert said.kinds[1:] == [Accepted] * 2
    assert said.asked == [2, 3]


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_refused_recipient_whose_data_was_taken_gets_a_lone_dot_and_the_next_message_goes_on(nth: int) -> None:
    gone = Fault(at=Step.RCPT, reply="550 5.1.1 no such user", nth=nth)
    with ChaosRelay(eager=True, faults=[gone]) as relay:
        said = talk(relay, *three())
    assert said.told.pop(nth) == Rejected(reply="550 5.1.1 no such user", blame=Blame.ADDRESS)
    assert said.kinds == [Accepted] * 2
    assert relay.connections == 1
    assert len(relay.kept) == 2
    assert relay.said().count(".") == 3


@pytest.mark.parametrize("how", [How.CLOSE, How.HALF, How.RESET])
def test_what_was_said_of_the_recipient_stands_though_the_lone_dot_gets_no_answer(how: How) -> None:
    faults = [Fault(at=Step.RCPT, reply="550 5.1.1 no such user", nth=1), Fault(at=Step.LONE_DOT, how=how)]
    with ChaosRelay(eager=True, faults=faults) as relay:
        said = talk(relay, *three())
    assert said.told == {1: Rejected(reply="550 5.1.1 no such user", blame=Blame.ADDRESS)}
    assert not said.open
    assert len(said.left) == 2


def test_no_lone_dot_is_sent_where_it_could_deliver_an_empty_message() -> None:
    odd = Fault(at=Step.MAIL, reply="451 4.3.0 later, but go on", nth=1)
    with ChaosRelay(faults=[odd, Fault(at=Step.RCPT, reply="250 Ok"), Fault(at=Step.DATA, reply="354 go")]) as relay:
        said = talk(relay, *three())
    assert said.told == {1: Deferred(reply="451 4.3.0 later, but go on")}
    assert "." not in relay.said()
    assert not said.open


@both
@pytest.mark.parametrize("step", ENVELOPE)
@pytest.mark.parametrize("how", [How.CLOSE, How.RESET, How.HALF])
def test_a_connection_lost_before_the_content_delays_the_message(
    extensions: tuple[str, ...], step: Step, how: How
) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=step, how=how, nth=1)]) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Deferred]
    assert not said.open
    assert said.asked == []
    assert len(said.left) == 2
    assert relay.kept == []


@both
@pytest.mark.parametrize("step", ENVELOPE)
@pytest.mark.parametrize("how", [How.SAY, How.SAY_AND_CLOSE])
def test_a_relay_that_closes_is_left_at_once_and_its_words_are_kept(
    extensions: tuple[str, ...], step: Step, how: How
) -> None:
    closing = Fault(at=step, how=how, reply="421 4.3.2 shutting down", nth=1)
    # Whoever says 421 and stays on the line says nothing more.
    later = ENVELOPE[ENVELOPE.index(step) + 1 :]
    hang = [Fault(at=one, how=How.HANG) for one in later] if how is How.SAY else []
    with ChaosRelay(extensions=extensions, faults=[closing, *hang]) as relay:
        said = talk(relay, *three())
    assert said.told == {1: Deferred(reply="421 4.3.2 shutting down", slow=Slow.RELAY)}
    assert not said.open
    assert len(said.left) == 2


@pytest.mark.parametrize("how", [How.CLOSE, How.RESET, How.HALF])
def test_a_message_whose_envelope_was_not_looked_at_behind_the_dot_of_another_is_given_back(how: How) -> None:
    with ChaosRelay(faults=[Fault(at=Step.MAIL, how=how, nth=2)]) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Accepted]
    assert said.back == a_parcel(2)
    assert said.left == [a_parcel(3)]
    assert said.asked == [1]


@both
@pytest.mark.parametrize("reply", ["", "421 4.3.2 too many messages"])
def test_a_relay_that_takes_few_messages_a_connection_costs_no_attempt(extensions: tuple[str, ...], reply: str) -> None:
    how = How.SAY_AND_CLOSE if reply else How.CLOSE
    with ChaosRelay(extensions=extensions, faults=[Fault(at=Step.MAIL, how=how, reply=reply, nth=3)]) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Accepted] * 2
    assert said.back == a_parcel(3)


@both
@pytest.mark.parametrize("how", [How.CLOSE, How.RESET, How.HALF, How.DIE])
@pytest.mark.parametrize("taken", [False, True])
def test_a_message_whose_dot_was_written_and_not_answered_is_uncertain(
    extensions: tuple[str, ...], how: How, *, taken: bool
) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=Step.DOT, how=how, nth=1, taken=taken)]) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Uncertain]
    assert said.told[1].reply.endswith(".") is False
    # The next one was taken from the queue, and none of its content was written.
    assert said.back == a_parcel(2)
    assert said.left == [a_parcel(3)]
    assert said.asked == [1]
    assert len(relay.kept) == taken


@both
@pytest.mark.parametrize("how", [How.CLOSE, How.RESET])
def test_a_connection_lost_within_the_content_is_uncertain(extensions: tuple[str, ...], how: How) -> None:
    content = b"Words and words.\r\n" * 100_000
    with ChaosRelay(extensions=extensions, faults=[Fault(at=Step.CONTENT, how=how, nth=1)]) as relay:
        said = talk(relay, a_parcel(1, content=content), a_parcel(2))
    assert said.kinds == [Uncertain]
    assert said.back == a_parcel(2)


@both
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("451 4.3.0 later", Deferred(reply="451 4.3.0 later")),
        ("552 5.3.4 too big", Rejected(reply="552 5.3.4 too big", blame=Blame.MESSAGE)),
        (
            "554-5.7.1 spam,\r\n554 5.7.1 we think",
            Rejected(reply="554 5.7.1 spam, we think", blame=Blame.US, slow=Slow.DOMAIN),
        ),
        ("550 no such user", Rejected(reply="550 no such user", blame=Blame.MESSAGE)),
    ],
)
def test_an_answer_to_the_dot_is_what_it_says_and_the_next_message_goes_on(
    extensions: tuple[str, ...], reply: str, outcome: Outcome
) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=Step.DOT, reply=reply, nth=1)]) as relay:
        said = talk(relay, *three())
    assert said.told[1] == outcome
    assert said.kinds[1:] == [Accepted] * 2
    assert relay.connections == 1


@both
@pytest.mark.parametrize("how", [How.SAY, How.SAY_AND_CLOSE])
def test_a_relay_that_closes_at_the_dot_has_not_taken_the_message(extensions: tuple[str, ...], how: How) -> None:
    closing = Fault(at=Step.DOT, how=how, reply="421 4.3.2 shutting down", nth=2)
    with ChaosRelay(extensions=extensions, faults=[closing]) as relay:
        said = talk(relay, *three())
    assert said.told[2] == Deferred(reply="421 4.3.2 shutting down", slow=Slow.RELAY)
    assert said.back == a_parcel(3)
    assert not said.open


@both
@pytest.mark.parametrize("step", [*ENVELOPE, Step.DOT])
def test_rubbish_ends_the_connection(extensions: tuple[str, ...], step: Step) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=step, reply="\x16\x03 what?", nth=1)]) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Uncertain if step is Step.DOT else Deferred]
    assert "does not speak SMTP" in said.told[1].reply
    assert not said.open


@both
def test_an_answer_that_is_whole_counts_though_rubbish_follows(extensions: tuple[str, ...]) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=Step.DOT, reply="250 Ok\r\nwhat?", nth=1)]) as relay:
        said = talk(relay, *three())
    assert said.kinds == [Accepted]
    assert said.back == a_parcel(2)


@both
@pytest.mark.parametrize("step", ENVELOPE)
def test_a_reply_too_many_never_answers_for_content_that_was_not_sent(extensions: tuple[str, ...], step: Step) -> None:
    usual = "354 go" if step is Step.DATA else "250 Ok"
    with ChaosRelay(extensions=extensions, faults=[Fault(at=step, reply=f"{usual}\r\n250 Ok", nth=1)]) as relay:
        said = talk(relay, *three())
        # A client that was answered before it asked cannot but ask too early.
        relay.complaints.clear()
    # Replies are counted: whatever becomes of the message, it is not called accepted unless the relay has it.
    accepted = [recipient(number) for number, outcome in said.told.items() if isinstance(outcome, Accepted)]
    assert accepted == relay.recipients
    assert said.kinds[0] is Deferred


@both
@pytest.mark.parametrize("step", [Step.EHLO, *ENVELOPE, Step.DOT, Step.LONE_DOT])
def test_answers_may_come_in_crumbs_and_over_many_lines(extensions: tuple[str, ...], step: Step) -> None:
    code = {Step.DATA: "354", Step.LONE_DOT: "554"}.get(step, "250")
    reply = "" if step is Step.EHLO else f"{code}-one\r\n{code}-two\r\n{code} three"
    faults = [Fault(at=step, how=How.TRICKLE, reply=reply, times=-1)]
    with ChaosRelay(extensions=extensions, faults=[*faults, Fault(at=Step.RCPT, reply="550 no", nth=2)]) as relay:
        relay.eager = step is Step.LONE_DOT
        said = talk(relay, *three())
    assert said.kinds == [Accepted, *([Accepted] if step is Step.RCPT else [Rejected]), Accepted]
    if step is Step.DOT:
        assert said.told[1] == Accepted(reply="250 one two three")


def test_silence_ends_the_patience_of_the_session() -> None:
    async def silent(relay: ChaosRelay) -> Talk:
        return await converse(await open_session(relay.settings(timeout=1)), three())

    async def all_of_them(relays: Sequence[ChaosRelay]) -> Sequence[Talk]:
        return await asyncio.gather(*(silent(relay) for relay in relays))

    with ExitStack() as stack:
        relays = [
            stack.enter_context(ChaosRelay(extensions=extensions, faults=[Fault(at=step, how=How.HANG, nth=1)]))
            for extensions in (EXTENSIONS, PLAIN)
            for step in ENVELOPE
        ]
        for said in asyncio.run(all_of_them(relays)):
            assert said.told == {1: Deferred(reply="no answer within 1 s")}
            assert not said.open
        assert [relay.kept for relay in relays] == [[]] * 6


@both
@pytest.mark.parametrize("step", [Step.CONTENT, Step.DOT])
def test_silence_after_the_content_is_uncertain_and_lasts_longer(extensions: tuple[str, ...], step: Step) -> None:
    async def silent(relay: ChaosRelay) -> Talk:
        session = await open_session(relay.settings(timeout=1), dot_timeout=0.3)
        return await converse(session, [a_parcel(1, content=b"Words.\r\n" * 500_000), a_parcel(2)])

    with ChaosRelay(extensions=extensions, faults=[Fault(at=step, how=How.HANG, nth=1)]) as relay:
        said = asyncio.run(silent(relay))
    assert said.kinds == [Uncertain]
    assert said.back == a_parcel(2)
    assert not said.open


@both
def test_a_withheld_message_writes_no_content_and_no_dot(extensions: tuple[str, ...]) -> None:
    with ChaosRelay(extensions=extensions) as relay:
        said = talk(relay, *three(), withheld=[2])
    assert said.kinds == [Accepted]
    assert said.asked == [1, 2]
    assert said.back is None
    assert said.left == [a_parcel(3)]
    assert not said.open
    assert relay.recipients == [recipient(1)]
    assert relay.begun[recipient(2)] == 0
    assert relay.said().count(".") == 1


@both
def test_a_connection_lost_while_the_gate_is_asked_delays_the_message(extensions: tuple[str, ...]) -> None:
    async def whole(relay: ChaosRelay) -> tuple[list[Outcome], Parcel | None]:
        session = await open_session(relay.settings())
        told: list[Outcome] = []

        async def gate(_: Ticket) -> bool:
            while session.wire.is_open:  # noqa: ASYNC110 (nobody tells the gate)
                await asyncio.sleep(0.005)
            return True

        return told, await session.converse(a_parcel(1), lambda: None, gate, lambda _, said: told.append(said))

    data = Fault(at=Step.DATA, how=How.SAY_AND_CLOSE, reply="354 go")
    with ChaosRelay(extensions=extensions, faults=[data]) as relay:
        told, back = asyncio.run(whole(relay))
    assert told == [Deferred(reply="the server closed the connection")]
    assert back is None
    assert relay.begun[recipient(1)] == 0


@both
def test_the_gate_is_asked_after_the_354_and_before_the_content(extensions: tuple[str, ...]) -> None:
    async def whole(relay: ChaosRelay) -> list[int]:
        session, begun = await open_session(relay.settings()), []

        async def gate(ticket: Ticket) -> bool:
            assert (1, "DATA") in relay.log
            assert ticket.delivery_id == DeliveryId(1)
            await asyncio.sleep(0.1)
            begun.append(relay.begun[recipient(1)])
            return True

        await session.converse(a_parcel(1), lambda: None, gate, lambda *_: None)
        await session.wire.quit()
        return begun

    with ChaosRelay(extensions=extensions) as relay:
        assert asyncio.run(whole(relay)) == [0]
    assert relay.begun[recipient(1)] == 1


def test_a_session_can_be_taken_up_again() -> None:
    async def whole(relay: ChaosRelay) -> list[Outcome]:
        session, told = await open_session(relay.settings()), []

        async def gate(_: Ticket) -> bool:
            return True

        for parcel in three():
            assert await session.converse(parcel, lambda: None, gate, lambda _, said: told.append(said)) is None
        await session.wire.quit()
        return told

    with ChaosRelay() as relay:
        assert [type(one) for one in asyncio.run(whole(relay))] == [Accepted] * 3
    assert relay.connections == 1


@both
@pytest.mark.parametrize("how", list(How))
def test_whatever_becomes_of_the_goodbye_the_messages_stand(extensions: tuple[str, ...], how: How) -> None:
    with ChaosRelay(extensions=extensions, faults=[Fault(at=Step.QUIT, how=how, reply="500 no")]) as relay:
        assert talk(relay, *three()).kinds == [Accepted] * 3
