"""What is said over one SMTP connection? Our own conversation over a connection that aiosmtplib has opened.

The point of owning it: the intent is committed after the server's 354 and before the first byte of content, and how
far the conversation had come is known when it breaks.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable

from sequencer.core import verdicts
from sequencer.core.model import Blame, Deferred, Outcome, Parcel, Rejected, Stage, Uncertain
from sequencer.delivery.replies import GarbledReply, Lost, ReplyReader

# RFC 5321 §4.5.3.2.6: a server that is slow to answer the final dot has most likely taken the message.
FINAL_DOT_TIMEOUT = 600.0

_LINE_START_DOT = re.compile(rb"(?m)^\.")

Gate = Callable[[], Awaitable[bool]]


class Session(asyncio.Protocol):
    """One connection to a relay, after greeting, TLS and login. Not for two messages at once.

    `extensions` are the names of what the server offers, in small letters. After `is_open` has become false the
    session is of no more use.
    """

    def __init__(self, transport: asyncio.Transport, extensions: frozenset[str], *, command_timeout: float) -> None:
        self.is_open = True
        self.sent = 0
        self._transport = transport
        self._extensions = extensions
        self._timeout = command_timeout
        self._reader = ReplyReader()
        self._replies: deque[str] = deque()
        self._end = ""
        self._wake = asyncio.Event()
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Asyncio brings bytes."""
        try:
            self._replies.extend(self._reader.feed(data))
        except GarbledReply as error:
            self._close(f"the server does not speak SMTP: {error}")
        self._wake.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio tells that the connection is gone."""
        self._close(f"the connection was lost: {exc}" if exc else "the server closed the connection")

    async def send(self, parcel: Parcel, gate: Gate) -> Outcome | None:
        """Send one message; None where `gate`, asked just before the content, withheld it.

        Never raises for what a server does: each answer, silence and loss is an Outcome.
        """
        try:
            return await self._envelope(parcel) or await self._content(parcel, gate)
        except Lost as lost:
            self._close(lost.reason)
            if lost.stage is Stage.CONTENT:
                return Uncertain(reply=lost.reason)
            return Deferred(reply=lost.reason)

    async def quit(self) -> None:
        """Say goodbye and close; the answer is not waited for."""
        if self.is_open:
            self._transport.write(b"QUIT\r\n")
            self._close("we said goodbye")

    async def _envelope(self, parcel: Parcel) -> Outcome | None:
        """MAIL, RCPT, DATA; an Outcome where one was refused."""
        if parcel.needs_smtputf8 and "smtputf8" not in self._extensions:
            return Rejected(
                reply="The relay offers no SMTPUTF8 (RFC 6531), which this address needs.", blame=Blame.MESSAGE
            )
        size = f" SIZE={len(parcel.content)}" if "size" in self._extensions else ""
        utf8 = " SMTPUTF8" if parcel.needs_smtputf8 else ""
        for stage, line in (
            (Stage.MAIL, f"MAIL FROM:<{parcel.sender}>{size}{utf8}"),
            (Stage.RCPT, f"RCPT TO:<{parcel.recipient}>"),
            (Stage.DATA, "DATA"),
        ):
            self._transport.write(line.encode() + b"\r\n")
            reply = await self._reply(stage, self._timeout)
            if not reply.startswith("354" if stage is Stage.DATA else "2"):
                return await self._refused(stage, reply)
        return None

    async def _refused(self, stage: Stage, reply: str) -> Outcome:
        if reply.startswith("421"):
            self._close("the server is closing")
        elif stage is not Stage.MAIL:
            self._transport.write(b"RSET\r\n")
            await self._reply(stage, self._timeout)
        return verdicts.judge(stage, reply)

    async def _content(self, parcel: Parcel, gate: Gate) -> Outcome | None:
        if not await gate():
            # A dot now would deliver an empty message; without one the server discards the transaction.
            self._close("the message was withheld")
            return None
        if not self.is_open:
            # Nothing of the content was written: still safe to try again.
            raise Lost(Stage.DATA, self._end)
        self._transport.write(_LINE_START_DOT.sub(b"..", parcel.content) + b".\r\n")
        reply = await self._reply(Stage.CONTENT, max(FINAL_DOT_TIMEOUT, self._timeout))
        self.sent += 1
        if reply.startswith("421"):
            self._close("the server is closing")
        return verdicts.judge(Stage.CONTENT, reply)

    async def _reply(self, stage: Stage, limit: float) -> str:
        """The next reply. Raises Lost where none comes."""
        try:
            async with asyncio.timeout(limit):
                while not self._replies:
                    if not self.is_open:
                        raise Lost(stage, self._end)
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError as error:
            raise Lost(stage, f"no answer within {limit:.0f} s") from error
        return self._replies.popleft()

    def _close(self, reason: str) -> None:
        self._end = self._end or reason
        self.is_open = False
        self._transport.close()
        self._wake.set()
