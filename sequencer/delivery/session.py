"""What is said over one SMTP connection? Our own conversation over a connection that aiosmtplib has opened.

The points of owning it: the intent is committed after the server's 354 and before the first byte of content; the next
envelope travels behind the final dot of this message (RFC 2920 §3.1), one round trip a message; and how far the
conversation had come is known when it breaks. Replies are counted, never guessed.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from sequencer.core import verdicts
from sequencer.core.model import Blame, Deferred, Outcome, Parcel, Rejected, Stage, Ticket, Uncertain
from sequencer.delivery.replies import GarbledReply, Lost, ReplyReader

# RFC 5321 §4.5.3.2.6: a server that is slow to answer the final dot has most likely taken the message.
FINAL_DOT_TIMEOUT = 600.0
_GLANCE = 0.25  # seconds between two looks at the clock

_ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)
_NO_SMTPUTF8 = Rejected(reply="The relay offers no SMTPUTF8 (RFC 6531), which this address needs.", blame=Blame.MESSAGE)

Gate = Callable[[Ticket], Awaitable[bool]]
Take = Callable[[], Parcel | None]
Tell = Callable[[Parcel, Outcome], None]


class Session(asyncio.Protocol):
    """One connection to a relay, after greeting, TLS and login.

    `extensions` are the names of what the server offers, in small letters. After `is_open` has become false the
    session is of no more use. Timeouts are in seconds.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        extensions: frozenset[str],
        *,
        command_timeout: float,
        dot_timeout: float = FINAL_DOT_TIMEOUT,
    ) -> None:
        self.is_open = True
        self._transport = transport
        self._grouped = "pipelining" in extensions
        self._sizes = "size" in extensions
        self._smtputf8 = "smtputf8" in extensions
        self._timeout = command_timeout
        self._dot_timeout = dot_timeout
        self._proven = False
        self._reader = ReplyReader()
        self._replies: deque[str] = deque()
        self._end = ""
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._limit = self._deadline = 0.0
        self._watch()
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from asyncio."""
        try:
            self._replies.extend(self._reader.feed(data))
        except GarbledReply as error:
            self._close(f"the server does not speak SMTP: {error}")
        if self._replies:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear from asyncio that the connection is gone."""
        self._close(f"the connection was lost: {exc}" if exc else "the server closed the connection")

    async def converse(self, first: Parcel, take: Take, gate: Gate, tell: Tell) -> Parcel | None:
        """Send `first`, and then what `take` gives, until it gives nothing or the connection is at its end.

        Each parcel is told its outcome, or given back: one that was taken but at which the server had not looked when
        the connection ended. `gate` is asked just before content is written; where it withholds a message, nothing is
        told. Never raises for what a server does: each answer, silence and loss is an Outcome.
        """
        parcel: Parcel | None = first
        begun = False
        while parcel is not None and self.is_open:
            try:
                refusal = await self._envelope(parcel, begun=begun)
            except Lost as lost:
                self._close(lost.reason)
                if lost.stage is Stage.MAIL and self._proven:
                    # Many relays close behind so many messages; that is no word about this one.
                    return parcel
                refusal = Deferred(reply=lost.reason)
            if refusal is not None:
                tell(parcel, refusal)
                parcel, begun = take() if self._can_go_on() else None, False
                continue
            if not await self._may_send(parcel, gate, tell):
                return None
            following = take()
            begun = self._write_content(parcel, following)
            await self._settle_content(parcel, tell)
            parcel = following
        return parcel

    async def quit(self) -> None:
        """Say goodbye and close; the answer is not waited for."""
        if self.is_open:
            self._transport.write(b"QUIT\r\n")
            self._close("we said goodbye")

    def abandon(self) -> None:
        """Close without a word, where that has not happened yet."""
        if self.is_open:
            self._close("we gave up")

    def _can_go_on(self) -> bool:
        return self.is_open

    def _can_take(self, parcel: Parcel) -> bool:
        return self._smtputf8 or not parcel.needs_smtputf8

    def _commands(self, parcel: Parcel) -> list[bytes]:
        size = f" SIZE={len(parcel.content)}" if self._sizes else ""
        utf8 = " SMTPUTF8" if parcel.needs_smtputf8 else ""
        return [
            f"MAIL FROM:<{parcel.sender}>{size}{utf8}\r\n".encode(),
            f"RCPT TO:<{parcel.recipient}>\r\n".encode(),
            b"DATA\r\n",
        ]

    async def _envelope(self, parcel: Parcel, *, begun: bool) -> Outcome | None:
        """Speak MAIL, RCPT and DATA, unless they were begun before; an Outcome where one of them is refused.

        Raises Lost where the connection ends before they are answered, also by a 421.
        """
        if not self._can_take(parcel):
            return _NO_SMTPUTF8
        commands = self._commands(parcel)
        if self._grouped and not begun:
            self._transport.write(b"".join(commands))
        replies: list[str] = []
        for stage, command in zip(_ENVELOPE, commands, strict=True):
            if not self._grouped:
                if replies and not replies[-1].startswith("2"):
                    break
                self._transport.write(command)
            replies.append(await self._answer(stage))
        refused = _first_refusal(replies)
        if refused is None:
            return None
        if refused[1].startswith(("4", "5")):
            await self._clear(replies)
        else:
            self._close(f"the server answered out of turn: {refused[1]}")
        return verdicts.judge(*refused)

    async def _clear(self, replies: Sequence[str]) -> None:
        """Leave nothing of a refused envelope behind: neither for the next message nor to be delivered."""
        mail, rcpt, data = (*replies, "", "")[:3]
        if not mail.startswith("2"):
            if rcpt.startswith("2"):
                # Whatever transaction that is, it is not ours; a dot might deliver an empty message.
                self._close("the server took a recipient without a sender")
            return
        # RFC 2920 §3.1: DATA may be accepted all the same; a lone dot then ends it, and is refused in turn. Else the
        # sender is still there, and the next MAIL would be refused as a second one (RFC 5321 §4.1.4).
        lone_dot = data.startswith("354")
        self._transport.write(b".\r\n" if lone_dot else b"RSET\r\n")
        try:
            reply = await self._answer(Stage.DATA)
        except Lost as lost:
            self._close(lost.reason)
        else:
            if not lone_dot and not reply.startswith("2"):
                self._close(f"the server refused RSET: {reply}")

    async def _may_send(self, parcel: Parcel, gate: Gate, tell: Tell) -> bool:
        """Ask the gate; a refusal or a lost connection ends the session before any content was written."""
        if not await gate(parcel.ticket):
            # A dot now would deliver an empty message; without one the server discards the transaction.
            self._close("the message was withheld")
            return False
        if self._replies:
            # Replies are counted: one too many would be taken for the answer to the content.
            self._close(f"the server said what it was not asked: {self._replies[0]}")
        if not self.is_open:
            tell(parcel, Deferred(reply=self._end))
            return False
        return True

    def _write_content(self, parcel: Parcel, following: Parcel | None) -> bool:
        """Write the content, and the next envelope in the same breath; whether that was begun."""
        envelope = b""
        if following is not None and self._grouped and self._can_take(following):
            envelope = b"".join(self._commands(following))
        # No empty piece: asyncio of Python 3.12 and later would keep it in its buffer for ever.
        pieces = (parcel.content, b".\r\n", envelope)
        self._transport.writelines([piece for piece in pieces if piece])
        return bool(envelope)

    async def _settle_content(self, parcel: Parcel, tell: Tell) -> None:
        try:
            reply = await self._reply(Stage.CONTENT, self._dot_timeout)
        except Lost as lost:
            self._close(lost.reason)
            tell(parcel, Uncertain(reply=lost.reason))
        else:
            if reply.startswith("421"):
                self._close(reply)
            self._proven = True
            tell(parcel, verdicts.judge(Stage.CONTENT, reply))

    async def _answer(self, stage: Stage) -> str:
        """The reply to a command. Raises Lost where none comes, and for a 421, after which nothing does."""
        reply = await self._reply(stage, self._timeout)
        if reply.startswith("421"):
            raise Lost(stage, reply)
        return reply

    async def _reply(self, stage: Stage, limit: float) -> str:
        """The next reply. Raises Lost where none comes."""
        while not self._replies:
            if not self.is_open:
                raise Lost(stage, self._end)
            self._limit, self._deadline = limit, self._loop.time() + limit
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._replies.popleft()

    def _watch(self) -> None:
        """Look once in a while whether an answer is overdue: cheaper than an alarm for each answer."""
        if self._waiter is not None and not self._waiter.done() and self._loop.time() >= self._deadline:
            self._close(f"no answer within {self._limit:.0f} s")
        if self.is_open:
            self._loop.call_later(_GLANCE, self._watch)

    def _close(self, reason: str) -> None:
        self._end = self._end or reason
        self.is_open = False
        # What has not been written yet is not to be written any more.
        self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _first_refusal(replies: Sequence[str]) -> tuple[Stage, str] | None:
    for stage, reply in zip(_ENVELOPE, replies, strict=False):
        if not reply.startswith("354" if stage is Stage.DATA else "2"):
            return stage, reply
    return None
