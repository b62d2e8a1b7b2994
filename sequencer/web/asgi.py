"""Which address leads where? The web door as one ASGI application, and the server that runs it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sequencer.app import App
from sequencer.errors import SequencerError
from sequencer.flows import dispatch
from sequencer.web import person, signup
from sequencer.web.guard import Guard
from sequencer.web.pages import app_of, not_found, page, refuse

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def build(app: App, *, lifespan: Lifespan | None = None) -> ASGIApp:
    """The web door of `app`; `lifespan` runs beside it for as long as it is open."""
    site = Starlette(
        routes=[
            Route("/", index),
            Route("/healthz", health),
            Route("/static/{name}", asset),
            Route("/f/{form}", signup.show_form, methods=["GET"]),
            Route("/f/{form}", signup.sign_up, methods=["POST"]),
            Route("/confirm/{token}", signup.ask, methods=["GET"]),
            Route("/confirm/{token}", signup.confirm, methods=["POST"]),
            Route("/u/{token}", person.ask_to_leave, methods=["GET"]),
            Route("/u/{token}", person.leave, methods=["POST"]),
            Route("/p/{token}", person.show_preferences, methods=["GET"]),
            Route("/p/{token}", person.change_preferences, methods=["POST"]),
            Route("/v/{token}", person.view, methods=["GET"]),
        ],
        exception_handlers={SequencerError: refuse, 404: not_found, 405: not_found, Exception: refuse},
        lifespan=lifespan,
    )
    site.state.sequencer = app
    return Guard(site, https=app.settings.base_url.startswith("https://"))


def server(site: ASGIApp, *, host: str, port: int) -> uvicorn.Server:
    """A server for `site`; its `run` returns after SIGTERM or SIGINT. No access log: addresses of pages hold keys."""
    config = uvicorn.Config(
        site,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(config)


async def index(request: Request) -> Response:
    """GET /: which sign-up forms there are."""
    forms = app_of(request).settings.forms
    links = [{"url": f"/f/{form.key}", "title": form.course.replace("-", " ").capitalize()} for form in forms.values()]
    return page(request, "index.html", forms=links)


async def health(request: Request) -> Response:
    """GET /healthz: whether the database answers."""
    await run_in_threadpool(dispatch.next_due, app_of(request).db)
    return JSONResponse({"ok": True})


async def asset(request: Request) -> Response:
    """GET /static/…: the stylesheet."""
    content = app_of(request).templates.asset(request.path_params["name"])
    return Response(content, media_type="text/css", headers={"cache-control": "max-age=3600"})
