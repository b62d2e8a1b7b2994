"""What counts what arrives? A relay on loopback that takes everything and remembers each Message-ID."""

import asyncio
import re
import threading
import time
from collections import Counter
from typing import Self

_MESSAGE_ID = re.compile(rb"^Message-ID: (.*)\r$", re.MULTILINE)


class Sink:
    """A relay that takes everything, a group of commands at a time, and writes down each Message-ID it accepted.

    Its answer to a message comes `delay` seconds later. `begun` has the instant at which each message began, in
    seconds of a clock that only goes forward; `named` has the same of each recipient, and their domain.
    """

    def __init__(self, *, delay: float = 0) -> None:
        self.accepted: Counter[bytes] = Counter()
        self.begun: list[float] = []
        self.named: list[tuple[float, str]] = []
        self.port = 0
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Conversation(self, self._delay), "127.0.0.1", 0)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()


class _Conversation(asyncio.Protocol):
    def __init__(self, sink: Sink, delay: float) -> None:
        self._sink = sink
        self._delay = delay
        self._rest = b""
        self._content = self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._waits:
            whole, mark, rest = self._rest.partition(b"\r\n.\r\n" if self._content else b"\r\n")
            if not mark:
                return
            self._rest = rest
            if self._content:
                self._take(whole)
            else:
                self._transport.write(self._answer(whole))

    def _take(self, content: bytes) -> None:
        self._content = False
        found = _MESSAGE_ID.search(content + b"\r\n")
        assert found is not None
        self._sink.accepted[found.group(1)] += 1
        self._waits = True
        asyncio.get_running_loop().call_later(self._delay, self._taken)

    def _taken(self) -> None:
        self._waits = False
        if not self._transport.is_closing():
            self._transport.write(b"250 2.0.0 Ok\r\n")
            self._go_on()

    def _answer(self, line: bytes) -> bytes:
        match line[:4].upper():
            case b"EHLO":
                return b"250-sink\r\n250 PIPELINING\r\n"
            case b"MAIL":
                self._sink.begun.append(time.monotonic())
                return b"250 2.0.0 Ok\r\n"
            case b"RCPT":
                domain = line.partition(b"@")[2].partition(b">")[0].decode()
                self._sink.named.append((time.monotonic(), domain))
                return b"250 2.1.5 Ok\r\n"
            case b"DATA":
                self._content = True
                return b"354 go on\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
            case _:
                return b"250 2.0.0 Ok\r\n"
