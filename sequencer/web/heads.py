"""How long is a visitor waited for, before and behind their request? The library waits for ever; ours hangs up."""

import asyncio
import random
from typing import Any

from uvicorn.config import Config

# The parser in C is one of our dependencies: there is no other to fall back upon.
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from sequencer.web.guard import WHOLE

MOST_HEAD = 64 * 1024
# A head is written at once, and fits into a few packets: on the worst line, what is lost is sent again within seconds.
HEAD_SECONDS = 10.0
# What is not taken yet lies in our memory. At 25 kbit/s, the worst of a phone's lines, 64 KB take 20 seconds.
TAKE_SECONDS = 30.0
_TAKEN_BY_THEN = 64 * 1024
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_SLOW = b"Your request did not arrive in time. Please send it again."
_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_SLOW), _SLOW)
)


class Bounded(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, for heads of up to 64 KB (RFC 6585 §5) that are there in time (RFC 9110 §15.5.9).

    The clock runs while it is the visitor's turn: from the first moment of a connection, and from the first bytes
    after an answer, until a head is whole. Trickling bytes do not set it back. What a request brings behind its head
    is the guard's affair. Answers have to be taken at the pace of a slow phone.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        head_seconds: float = HEAD_SECONDS,
        take_seconds: float = TAKE_SECONDS,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_seconds = head_seconds
        self._take_seconds = take_seconds
        self._head = 0
        self._is_in_head = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there: from now on the clock runs."""
        super().connection_made(transport)
        # Whoever opens thousands at once does not have them closed at once: others would wait meanwhile.
        self._watch(longer=random.random() / 2)  # noqa: S311 (no secret)

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse a head that is too long and has not ended with it."""
        before = self._head + len(data) if self._is_in_head else 0
        super().data_received(data)
        self._head = before if self._is_in_head else 0
        if self._head > MOST_HEAD:
            self._hang_up(_TOO_LARGE)
        answering = bool(self.cycle) and not self.cycle.response_complete  # there is no cycle before the first head
        if self.transport.is_closing() or answering:
            self._rest()
        elif self._deadline is None:
            self._watch()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It ends."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """All is said; what does not fit into the system's buffers waits for the visitor to take it."""
        super().on_response_complete()
        self._see_it_taken()

    def on_message_complete(self) -> None:
        """All of it is there: the guard need not watch for its end."""
        super().on_message_complete()
        self.scope[WHOLE] = True  # type: ignore[literal-required]

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._rest()
        super().connection_lost(exc)

    def _watch(self, *, longer: float = 0.0) -> None:
        self._deadline = self.loop.call_later(self._head_seconds * (1 + longer), self._give_up)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        """The time is over. Whoever has not said a word is not answered: browsers open connections in advance."""
        self._deadline = None
        self._hang_up(_TOO_SLOW if self._is_in_head else b"")

    def _see_it_taken(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left:
            self.loop.call_later(self._take_seconds, self._insist, max(0, left - _TAKEN_BY_THEN))

    def _insist(self, most: int) -> None:
        """Hang up on whoever has left more than this; what was written to them is let go of."""
        if self.transport.get_write_buffer_size() > most:
            self.transport.abort()
        else:
            self._see_it_taken()

    def _hang_up(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
