"""Who is told by webhooks in tests? Another program on loopback, that answers as it is told and keeps what it got."""

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the receiver says. `hangs`: nothing, until it is over; `drips`: the head, and then nothing."""

    status: int = 200
    body: bytes = b"thanks"
    headers: tuple[tuple[str, str], ...] = ()
    hangs: bool = False
    drips: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The name of the event."""
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, object]:
        """The body as JSON."""
        found: dict[str, object] = json.loads(self.body)
        return found


@dataclass(slots=True, kw_only=True)
class Receiver:
    """A web server on loopback that gives its answers in turn, and then 200; `at` is where it listens."""

    answers: list[Answer] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    at: str = "127.0.0.1"
    got: list[Got] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address to call."""
        return f"{'https' if self.tls else 'http'}://{self.at}:{self.port}/hook?key=1"

    def said(self, what: str = "type") -> list[object]:
        """The types of what it was told, in order."""
        return [one.said[what] for one in self.got]

    def __enter__(self) -> Self:
        self._server = _Quiet((self.at, 0), type("Speaker", (_Speaker,), {"receiver": self}))
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="receiver")
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        assert self._server is not None
        assert self._thread is not None
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Quiet(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, _: object, __: object) -> None:
        """Who was hung up on need not say so."""


class _Speaker(BaseHTTPRequestHandler):
    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.got.append(Got(path=self.path, headers=headers, body=body))
        receiver.began.set()
        answer = receiver.answers.pop(0) if receiver.answers else Answer()
        if answer.hangs:
            receiver.over.wait(20)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + answer.drips))
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.drips:
            self.wfile.flush()
            receiver.over.wait(20)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass
