"""What goes over one connection? Bytes out, whole replies in, each awaited for so long and no longer.

The connection was opened and logged in by aiosmtplib; from then on it is ours. Replies are counted, never guessed.
"""

import asyncio
from collections import deque

from sequencer.core.model import Parcel, Stage
from sequencer.delivery.replies import GarbledReply, Lost, ReplyReader

# RFC 5321 §4.5.3.2.6: a server that is slow to answer the final dot has most likely taken the message.
FINAL_DOT_TIMEOUT = 600.0
_GLANCE = 0.25  # seconds between two looks at the clock
_MOST_REFUSALS = 10  # Postfix slows down who had so many on one connection (smtpd_soft_error_limit)
_OLDEST = 300.0  # seconds


class Wire(asyncio.Protocol):
    """One connection to a relay, after greeting, TLS and login.

    `extensions` are the names of what the server offers, in small letters. `has_room`: it keeps up with us. After
    `is_open` has become false it is of no more use, and `end` says why. Timeouts are in seconds; `most` messages are
    enough for it, if that is not 0.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        extensions: frozenset[str],
        *,
        command_timeout: float,
        dot_timeout: float = FINAL_DOT_TIMEOUT,
        most: int = 0,
    ) -> None:
        self.is_open = True
        self.end = ""
        self.grouped = "pipelining" in extensions
        self.chunked = self.grouped and "chunking" in extensions
        self.smtputf8 = "smtputf8" in extensions
        self._sizes = "size" in extensions
        self._transport = transport
        self._timeout = command_timeout
        self._dot_timeout = dot_timeout
        self._most = most
        self._messages = self._refusals = 0
        self._reader = ReplyReader()
        self._replies: deque[str] = deque()
        self._loop = asyncio.get_running_loop()
        self._born = self._loop.time()
        self._waiter: asyncio.Future[None] | None = None
        self.has_room = True
        self._limit = self._deadline = 0.0
        self._watch()
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from asyncio."""
        try:
            self._replies.extend(self._reader.feed(data))
        except GarbledReply as error:
            self.close(f"the server does not speak SMTP: {error}")
        if self._replies:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear from asyncio that the connection is gone."""
        self.close(f"the connection was lost: {exc}" if exc else "the server closed the connection")

    def pause_writing(self) -> None:
        """Hear from asyncio that the server does not keep up."""
        self.has_room = False

    def resume_writing(self) -> None:
        """Hear from asyncio that the server has caught up."""
        self.has_room = True

    @property
    def is_worn(self) -> bool:
        """Whether a new connection should take its place: it carried so many messages, was refused so often, is old."""
        return self.is_worn_by(0)

    def is_worn_by(self, more: int) -> bool:
        """Whether it will be, once so many messages more are answered."""
        too_many = 0 < self._most <= self._messages + more
        return too_many or self._refusals >= _MOST_REFUSALS or self._loop.time() - self._born > _OLDEST

    @property
    def unasked(self) -> str:
        """A reply that has come though none is awaited; empty where there is none."""
        return self._replies[0] if self._replies else ""

    def takes(self, parcel: Parcel) -> bool:
        """Whether the server offers what the parcel's address needs."""
        return self.smtputf8 or not parcel.needs_smtputf8

    def envelope(self, parcel: Parcel) -> tuple[bytes, bytes]:
        """The parcel's MAIL and RCPT commands."""
        size = f" SIZE={len(parcel.content)}" if self._sizes else ""
        utf8 = " SMTPUTF8" if parcel.needs_smtputf8 else ""
        mail = f"MAIL FROM:<{parcel.sender}>{size}{utf8}\r\n"
        return mail.encode(), f"RCPT TO:<{parcel.recipient}>\r\n".encode()

    def count(self, *, refused: int) -> None:
        """One more message was answered, with so many commands refused: what wears the connection."""
        self._messages += 1
        self._refusals += refused

    def write(self, *pieces: bytes) -> None:
        """Write the pieces in one go."""
        # No empty piece: asyncio of Python 3.12 and later would keep it in its buffer for ever.
        self._transport.writelines([piece for piece in pieces if piece])

    async def command(self, stage: Stage) -> str:
        """The reply to a command. Raises Lost where none comes, and for a 421, after which nothing does."""
        reply = await self._reply(stage, self._timeout)
        if reply.startswith("421"):
            raise Lost(stage, reply)
        return reply

    async def content(self) -> str:
        """The reply to content, which may take its time. Raises Lost where none comes."""
        return await self._reply(Stage.CONTENT, self._dot_timeout)

    async def quit(self) -> None:
        """Say goodbye and close; the answer is not waited for."""
        if self.is_open:
            self._transport.write(b"QUIT\r\n")
            self.close("we said goodbye")

    def abandon(self) -> None:
        """Close without a word, where that has not happened yet."""
        if self.is_open:
            self.close("we gave up")

    def close(self, reason: str) -> None:
        """Close now; the first reason is the one that counts."""
        self.end = self.end or reason
        self.is_open = False
        # What has not been written yet is not to be written any more.
        self._transport.abort()
        self._wake()

    async def _reply(self, stage: Stage, limit: float) -> str:
        while not self._replies:
            if not self.is_open:
                raise Lost(stage, self.end)
            self._limit, self._deadline = limit, self._loop.time() + limit
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._replies.popleft()

    def _watch(self) -> None:
        """Look once in a while whether an answer is overdue: cheaper than an alarm for each answer."""
        if self._waiter is not None and not self._waiter.done() and self._loop.time() >= self._deadline:
            self.close(f"no answer within {self._limit:.0f} s")
        if self.is_open:
            self._loop.call_later(_GLANCE, self._watch)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
