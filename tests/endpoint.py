"""Who gives access tokens in tests? A token endpoint on loopback that answers as it is told."""

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

from sequencer.delivery.oauth import TokenSource

SECRET, REFRESH = "s3cret/with + signs", "1//refresh-of-ann"
GRANTED = {"token_type": "Bearer", "expires_in": 3600}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the endpoint says. A `body` that is no text is sent as JSON; `hangs`: a longer one is promised, in vain."""

    status: int = 200
    body: object = ""
    headers: tuple[tuple[str, str], ...] = ()
    hangs: bool = False

    def as_bytes(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def granted(token: object, **changes: object) -> Answer:
    return Answer(body={**GRANTED, "access_token": token, **changes})


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """A token endpoint on loopback that gives its answers in turn, the last for ever; none is given behind the gate."""

    answers: list[Answer] = field(default_factory=lambda: [granted("token-1"), granted("token-2"), granted("token-3")])
    tls: ssl.SSLContext | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}/token"

    def __enter__(self) -> Self:
        self.gate.set()
        self._server = _Quiet(("127.0.0.1", 0), type("Speaker", (_Speaker,), {"endpoint": self}))
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="token endpoint")
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        assert self._server is not None
        assert self._thread is not None
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def source(self, **changes: object) -> TokenSource:
        """A client of this endpoint, with five seconds' patience, whose clock stands still unless told otherwise."""
        given: dict[str, object] = {
            "token_url": self.url,
            "client_id": "the-client",
            "client_secret": SECRET,
            "clock": lambda: 1000.0,
            "timeout": 5,
        }
        return TokenSource(**{**given, **changes})  # type: ignore[arg-type]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, _: object, __: object) -> None:
        """Who was hung up on need not say so."""


class _Speaker(BaseHTTPRequestHandler):
    endpoint: Endpoint

    def do_POST(self) -> None:
        endpoint = self.endpoint
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        endpoint.forms.append(dict(parse_qsl(form, strict_parsing=True)))
        endpoint.asked.append(f"{self.path} {self.headers['Content-Type']} {self.headers['Accept']}")
        assert endpoint.gate.wait(5)
        answer = endpoint.answers.pop(0) if len(endpoint.answers) > 1 else endpoint.answers[0]
        body = answer.as_bytes()
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + answer.hangs))
        self.end_headers()
        self.wfile.write(body)
        if answer.hangs:
            endpoint.over.wait(5)

    def do_GET(self) -> None:
        self.endpoint.asked.append("GET")
        self.send_error(405)

    def log_message(self, *_: object) -> None:
        pass
