"""What does one sign-up cost in CPU, whatever else the machine does? The service in this very process, without sockets.

Uvicorn's own protocol is given the bytes of requests and writes its answers into nothing; then the confirmations are
mailed to a sink. What is left out is the system's work on sockets.
"""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
import uvloop
from uvicorn.server import ServerState

from benchmarks import sink
from sequencer import app as wiring
from sequencer import settings
from sequencer.app import App
from sequencer.cli import logs
from sequencer.flows import dispatch
from sequencer.web import asgi
from sequencer.web.heads import Bounded


def measure(sign_ups: int, text: str, *, connections: int, accept: str, seed: int) -> dict[str, float]:
    """So many sign-ups over so many connections, then their mails; `text` are the settings."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        sink.running() as (relay, _),
        opened(Path(folder), text.format(port=8000, relay=relay)) as app,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
    ):
        first, *requests = (request(number, accept) for number in _numbers(sign_ups + 1, seed))
        loop.run(served(app, [first], 1))
        before = reference()
        began, at = time.process_time(), time.perf_counter()
        wrong = loop.run(served(app, requests, connections))
        door, lasted = time.process_time() - began, time.perf_counter() - at
        began = time.process_time()
        mailed = dispatch.tick(app.db, app.courier, app.press, now=app.clock()).accepted
        mail = time.process_time() - began
        after = reference()
    return {
        "door_us": round(1e6 * door / sign_ups),
        "mail_us": round(1e6 * mail / max(mailed, 1)),
        "together_us": round(1e6 * (door / sign_ups + mail / max(mailed, 1))),
        "per_second": round(sign_ups / lasted),
        "refused": wrong,
        "mails_sent": mailed,
        "reference_ms": round(500 * (before + after), 1),
    }


def reference() -> float:
    """CPU seconds of a work that never changes: how fast this machine is at the moment. The best of a few."""
    found = []
    for _ in range(7):
        began = time.process_time()
        kept: dict[int, str] = {}
        for number in range(100_000):
            kept[number % 1000] = str(number) + "x"
        found.append(time.process_time() - began)
    return min(found)


@contextlib.contextmanager
def opened(root: Path, text: str) -> Iterator[App]:
    """The service's app in this folder, its logs written as in service."""
    (root / "sequencer.toml").write_text(text, encoding="utf-8")
    (root / "lessons").symlink_to(Path.cwd() / "lessons")
    with (root / "log").open("w", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        logs.to_stderr()
        app = wiring.open_app(settings.load(root / "sequencer.toml", {}), clock=lambda: datetime.now(UTC))
        try:
            wiring.prepare_database(app)
            wiring.prepare(app, now=app.clock())
            yield app
        finally:
            app.close()


def request(number: int, accept: str) -> bytes:
    """A form that a browser posts: each with an address and from a network of its own."""
    body = f"email=reader-{number:x}%40example-{number % 997}.org&name=Reader&timezone=Europe%2FParis"
    ip = ".".join(str(1 + (number >> bits) % 250) for bits in (0, 8, 16, 24))
    head = f"POST /f/newsletter HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nX-Forwarded-For: {ip}\r\nAccept: {accept}\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded"
    return f"{head}{kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def served(app: App, requests: list[bytes], connections: int) -> int:
    """Answer these requests; how many were not taken."""
    config = uvicorn.Config(
        asgi.build(app), access_log=False, log_config=None, server_header=False, proxy_headers=False, lifespan="off"
    )
    config.load()
    waiting = iter(requests)
    spoken = [_Connection(Bounded(config, ServerState(), {})) for _ in range(connections)]
    await asyncio.gather(*(one.say(waiting) for one in spoken))
    return sum(one.wrong for one in spoken)


class _Connection(asyncio.Transport):
    """One connection on which requests are said one after the other."""

    def __init__(self, protocol: Bounded) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 8000)})
        self.wrong = 0
        self._protocol = protocol
        self._answered = asyncio.Event()
        self._heard = b""
        protocol.connection_made(self)

    async def say(self, requests: Iterator[bytes]) -> None:
        """Say a request, wait for its answer, and say the next, until there is none."""
        for one in requests:
            self._answered.clear()
            self._heard = b""
            self._protocol.data_received(one)
            await self._answered.wait()
            self.wrong += self._heard[9:12] not in (b"200", b"303")
        self._protocol.connection_lost(None)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # The head of an answer comes first, then its body.
        if self._heard:
            self._answered.set()
        self._heard = self._heard or bytes(data[:12])

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self._answered.set()


def _numbers(many: int, seed: int) -> list[int]:
    drawn = random.Random(seed)
    return [drawn.getrandbits(60) for _ in range(many)]
