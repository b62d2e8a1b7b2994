"""Where is this process watched? /metrics, /healthz and /readyz on an address of their own, apart from the web door."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sequencer import app as wiring
from sequencer.app import App
from sequencer.errors import BadSettings, SequencerError
from sequencer.flows import dispatch
from sequencer.values import Listen

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


@contextmanager
def watched(app: App) -> Iterator[str]:
    """What happens in this process is counted and told, where the option "metrics" says an address; gives that address.

    Spans are told to OpenTelemetry where the option "otel" says so. For any process: with a web door, without one, or a
    worker. Raises BadSettings where nothing can listen there, or a package is missing.
    """
    with _traced(app) if app.settings.otel else nullcontext(), _counted(app) as at:
        yield at


@contextmanager
def _traced(app: App) -> Iterator[None]:
    with ExitStack() as held:
        try:
            from sequencer.watch import tracing

            held.enter_context(tracing.exported(app.spans))
        except ModuleNotFoundError as error:
            raise BadSettings(
                f'The option "otel" needs a package that is not installed ({error.name}); '
                "run pip install 'sequencer[otel]'."
            ) from error
        yield


@contextmanager
def _counted(app: App) -> Iterator[str]:
    at = app.settings.metrics
    if at is None:
        yield ""
        return
    # Read where it is used: who watches nothing does not pay for the library.
    from prometheus_client import make_wsgi_app

    from sequencer.watch.meter import counting

    with counting(app) as meter, _listening(at, _site(app, make_wsgi_app(meter.registry))) as port:
        yield str(Listen(host=at.host, port=port))


def _site(app: App, metrics: "WSGIApplication") -> "WSGIApplication":
    answers: dict[str, Callable[[App], str]] = {"/healthz": _health, "/readyz": _readiness}

    def site(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start)
        trouble = answers[path](app) if path in answers else "There is nothing here."
        status = HTTPStatus.OK if not trouble else HTTPStatus.SERVICE_UNAVAILABLE
        status = status if path in answers else HTTPStatus.NOT_FOUND
        start(f"{status.value} {status.phrase}", [("content-type", "application/json")])
        return [json.dumps({"ok": False, "error": trouble} if trouble else {"ok": True}).encode()]

    return site


def _health(app: App) -> str:
    try:
        dispatch.next_due(app.db)
    except SequencerError:
        return wiring.NO_DATABASE
    return ""


def _readiness(app: App) -> str:
    return wiring.unready(app, at=time.monotonic())


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, *_: object) -> None:
        """Somebody looks every few seconds: that is no event."""


@contextmanager
def _listening(at: Listen, site: "WSGIApplication") -> Iterator[int]:
    try:
        server = (_Server6 if ":" in at.host else _Server)((at.host, at.port), _Quiet)
    except OSError as error:
        raise BadSettings(
            f'Nothing can listen on {at} ({error.strerror}); choose another address with the option "metrics".'
        ) from error
    server.set_app(site)
    thread = threading.Thread(target=server.serve_forever, name="watch", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
