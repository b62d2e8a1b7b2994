"""Which address leads where? The web door as one ASGI application, and the server that runs it."""

import asyncio
import logging
import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import cast

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sequencer import app as wiring
from sequencer import brand
from sequencer.app import App
from sequencer.core.model import IMAGES
from sequencer.errors import BadDatabase, BadSettings, NotFound, SequencerError
from sequencer.flows import dispatch, rehearsal
from sequencer.web import (
    access,
    api,
    archive,
    guard,
    heads,
    images,
    leave,
    move,
    optin,
    person,
    reception,
    remote,
    signup,
    tried,
)
from sequencer.web.guard import Guard
from sequencer.web.pages import Site, app_of, gone, language_of, page, refuse, refuse_http, wants_json
from sequencer.web.spanned import Spanned
from sequencer.web.straight import Straight

log = logging.getLogger(__name__)

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def build(app: App, *, lifespan: Lifespan | None = None, body_seconds: float = guard.BODY_SECONDS) -> ASGIApp:
    """The web door of `app`; `lifespan` runs beside it for as long as it is open."""
    site = Site(
        routes=[
            # First, as they are looked through one after the other, and sign-ups come in crowds.
            *signup.routes(),
            Route("/", index),
            Route("/healthz", health),
            Route("/readyz", readiness),
            Route("/static/{name}", asset),
            Route("/favicon.ico", no_icon),
            *optin.routes(),
            *leave.routes(),
            *person.routes(),
            *move.routes(),
            *access.routes(),
            *archive.routes(),
            Route(f"{IMAGES}/{{name}}", images.show),
            *remote.ROUTES,
            *api.routes(app),
            Route(f"{rehearsal.LINKS}/{{rest:path}}", tried.show, methods=["GET", "POST"]),
        ],
        exception_handlers={
            BadDatabase: unavailable,
            SequencerError: refuse,
            HTTPException: refuse_http,
            ClientDisconnect: gone,
            Exception: refuse,
        },
        lifespan=lifespan,
    )
    # A redirect would be built from the Host header, and one-click unsubscribing follows none (RFC 8058 §3.1).
    site.router.redirect_slashes = False
    site.sequencer = app
    site.reception = reception.open_reception(app)
    signing = [f"/f/{form.key}" for form in app.settings.forms.values() if form.signature]
    https = app.settings.base_url.startswith("https://")
    quick = Straight(site, signup.sign_up, app.settings.forms)
    guarded = Guard(quick, https=https, for_programs=signing, body_seconds=body_seconds)
    return Spanned(guarded, app.spans)


def listen(host: str, port: int, *, instead: str) -> socket.socket:
    """A socket that listens there. Raises BadSettings where that cannot be; `instead` says how to choose another."""
    on = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # Else a restart would wait for minutes until the last connections are forgotten.
        on.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        on.bind((host, port))
        on.listen(2048)
    except OSError as error:
        on.close()
        raise BadSettings(f"Nothing can listen on {host}, port {port} ({error.strerror}); {instead}.") from error
    return on


def server(
    site: ASGIApp, *, head_seconds: float = heads.HEAD_SECONDS, take_seconds: float = heads.TAKE_SECONDS
) -> uvicorn.Server:
    """What serves `site`. No access log: addresses of pages hold keys."""
    bounded = cast(
        "type[asyncio.Protocol]", partial(heads.Bounded, head_seconds=head_seconds, take_seconds=take_seconds)
    )
    config = uvicorn.Config(
        site,
        http=bounded,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(config)


def run(site: ASGIApp, on: socket.socket) -> None:
    """Serve `site` until SIGTERM or SIGINT, then return."""
    serving = server(site)
    # Uvicorn raises the signal once more when it has ended; by then it is obeyed, and must not end us half-way.
    ends = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, serving.handle_exit) for number in ends]
    try:
        serving.run(sockets=[on])
    finally:
        for number, handler in zip(ends, before, strict=True):
            signal.signal(number, handler)


async def index(request: Request) -> Response:
    """GET /: which sign-up forms there are."""
    forms = app_of(request).settings.forms
    open_to_all = [form for form in forms.values() if not form.signature]
    links = [{"url": f"/f/{form.key}", "title": form.course.replace("-", " ").capitalize()} for form in open_to_all]
    return page(request, "index.html", lang=await language_of(request), forms=links)


async def health(request: Request) -> Response:
    """GET /healthz: whether the database answers."""
    await run_in_threadpool(dispatch.next_due, app_of(request).db)
    return JSONResponse({"ok": True})


async def readiness(request: Request) -> Response:
    """GET /readyz: whether sign-ups should be brought here, or why not."""
    trouble = await run_in_threadpool(wiring.unready, app_of(request), at=time.monotonic())
    answer = {"ok": False, "error": trouble} if trouble else {"ok": True}
    return JSONResponse(answer, status_code=503 if trouble else 200)


async def unavailable(request: Request, error: Exception) -> Response:
    """The answer while the database cannot be used: when to come again. What to do about it goes to the log."""
    log.error("request.failed", extra={"path": request.url.path.split("/")[1], "reason": str(error)})
    sentence = "We cannot look anything up or write anything down at the moment; please try again in a few minutes."
    answer: Response = page(request, "error.html", status=503, sentence=sentence)
    if wants_json(request):
        answer = JSONResponse({"ok": False, "error": sentence}, status_code=503)
    answer.headers["retry-after"] = "60"
    return answer


async def no_icon(_request: Request) -> Response:
    """GET /favicon.ico: browsers ask for one whatever the page says; there is none."""
    return Response(status_code=204, headers={"cache-control": "public, max-age=86400"})


async def asset(request: Request) -> Response:
    """GET /static/…: the stylesheets, one of them made of the settings, and the one script that there is."""
    name, app = request.path_params["name"], app_of(request)
    if not re.fullmatch(r"[\w-]{1,64}\.(css|js)", name):
        raise NotFound("There is no such file here.")
    content = app.settings.pages.stylesheet().encode() if name == brand.STYLESHEET else app.templates.asset(name)
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    return Response(content, media_type=kind, headers={"cache-control": "max-age=3600"})
