"""What is said about each message over one connection? One message after the other, and its intent before its content.

The points of owning the conversation: the intent is committed after the server's 354 and before the first byte of
content; the next envelope travels behind the final dot of this message (RFC 2920 §3.1), one round trip a message; and
how far the conversation had come is known when it breaks.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

from sequencer.core import verdicts
from sequencer.core.model import Blame, Deferred, Outcome, Parcel, Stage, Ticket, Uncertain
from sequencer.delivery.replies import Lost
from sequencer.delivery.wire import Wire

ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)
# Parked: whether the relay has learnt it, or another one stands beside it, is looked at once a day.
NO_SMTPUTF8 = Deferred(
    reply="The relay offers no SMTPUTF8 (RFC 6531), which this address needs.",
    blame=Blame.MESSAGE,
    after=timedelta(days=1),
    tried=False,
)

Gate = Callable[[Ticket], Awaitable[bool]]
Take = Callable[[], Parcel | None]
Tell = Callable[[Parcel, Outcome], None]


class Conversation(Protocol):
    """A way to talk to a relay over one connection."""

    wire: Wire

    async def converse(self, first: Parcel, take: Take, gate: Gate, tell: Tell) -> Parcel | None:
        """Send `first`, and then what `take` gives, until it gives nothing or the connection is at its end.

        Each parcel is told its outcome, or given back: one that was taken but at which the server had not looked when
        the connection ended. `gate` is asked just before content is written; where it withholds a message, nothing is
        told. Never raises for what a server does: each answer, silence and loss is an Outcome.
        """
        ...


class Session:
    """The careful way: no content before the server has asked for it, and no more than one message in doubt."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._proven = False

    async def converse(self, first: Parcel, take: Take, gate: Gate, tell: Tell) -> Parcel | None:
        """As Conversation says."""
        parcel: Parcel | None = first
        begun = False
        while parcel is not None and self.wire.is_open:
            try:
                refusal = await self._envelope(parcel, begun=begun)
            except Lost as lost:
                self.wire.close(lost.reason)
                if lost.stage is Stage.MAIL and self._proven:
                    # Many relays close behind so many messages; that is no word about this one.
                    return parcel
                refusal = verdicts.judge(lost.stage, lost.reason)
            else:
                if refusal is not None and self._proven and verdicts.wears_out(refusal.reply):
                    await self.wire.quit()
                    return parcel
            if refusal is not None:
                self.wire.count(refused=True)
                tell(parcel, refusal)
                parcel, begun = self._next(take, under_way=0), False
                continue
            if not await self._may_send(parcel, gate, tell):
                return None
            following = self._next(take, under_way=1)
            begun = self._write_content(parcel, following)
            await self._settle_content(parcel, tell)
            parcel = following
        return parcel

    def _next(self, take: Take, *, under_way: int) -> Parcel | None:
        return take() if self.wire.is_open and not self.wire.is_worn_by(under_way) else None

    async def _envelope(self, parcel: Parcel, *, begun: bool) -> Outcome | None:
        """Speak MAIL, RCPT and DATA, unless they were begun before; an Outcome where one of them is refused.

        Raises Lost where the connection ends before they are answered, also by a 421.
        """
        if not self.wire.takes(parcel):
            return NO_SMTPUTF8
        commands = (*self.wire.envelope(parcel), b"DATA\r\n")
        if self.wire.grouped and not begun:
            self.wire.write(*commands)
        replies: list[str] = []
        for stage, command in zip(ENVELOPE, commands, strict=True):
            if not self.wire.grouped:
                if replies and not replies[-1].startswith("2"):
                    break
                self.wire.write(command)
            replies.append(await self.wire.command(stage))
        refused = _first_refusal(replies)
        if refused is None:
            return None
        if refused[1].startswith(("4", "5")):
            await self._clear(replies)
        else:
            self.wire.close(f"the server answered out of turn: {refused[1]}")
        return verdicts.judge(*refused)

    async def _clear(self, replies: Sequence[str]) -> None:
        """Leave nothing of a refused envelope behind: neither for the next message nor to be delivered."""
        mail, rcpt, data = (*replies, "", "")[:3]
        if not mail.startswith("2"):
            if rcpt.startswith("2"):
                # Whatever transaction that is, it is not ours; a dot might deliver an empty message.
                self.wire.close("the server took a recipient without a sender")
            return
        # RFC 2920 §3.1: DATA may be accepted all the same; a lone dot then ends it, and is refused in turn. Else the
        # sender is still there, and the next MAIL would be refused as a second one (RFC 5321 §4.1.4).
        lone_dot = data.startswith("354")
        self.wire.write(b".\r\n" if lone_dot else b"RSET\r\n")
        try:
            reply = await self.wire.command(Stage.DATA)
        except Lost as lost:
            self.wire.close(lost.reason)
        else:
            if not lone_dot and not reply.startswith("2"):
                self.wire.close(f"the server refused RSET: {reply}")

    async def _may_send(self, parcel: Parcel, gate: Gate, tell: Tell) -> bool:
        """Ask the gate; a refusal or a lost connection ends the session before any content was written."""
        if not await gate(parcel.ticket):
            # A dot now would deliver an empty message; without one the server discards the transaction.
            self.wire.close("the message was withheld")
            return False
        if self.wire.unasked:
            # Replies are counted: one too many would be taken for the answer to the content.
            self.wire.close(f"the server said what it was not asked: {self.wire.unasked}")
        if not self.wire.is_open:
            tell(parcel, Deferred(reply=self.wire.end))
            return False
        return True

    def _write_content(self, parcel: Parcel, following: Parcel | None) -> bool:
        """Write the content, and the next envelope in the same breath; whether that was begun."""
        begun = following is not None and self.wire.grouped and self.wire.takes(following)
        envelope = (*self.wire.envelope(following), b"DATA\r\n") if following is not None and begun else ()
        self.wire.write(parcel.content, b".\r\n", *envelope)
        return begun

    async def _settle_content(self, parcel: Parcel, tell: Tell) -> None:
        try:
            reply = await self.wire.content()
        except Lost as lost:
            self.wire.close(lost.reason)
            tell(parcel, Uncertain(reply=lost.reason))
        else:
            if reply.startswith("421"):
                self.wire.close(reply)
            self._proven = True
            self.wire.count(refused=not reply.startswith("2"))
            tell(parcel, verdicts.judge(Stage.CONTENT, reply))


def _first_refusal(replies: Sequence[str]) -> tuple[Stage, str] | None:
    for stage, reply in zip(ENVELOPE, replies, strict=False):
        if not reply.startswith("354" if stage is Stage.DATA else "2"):
            return stage, reply
    return None
