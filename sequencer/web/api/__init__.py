"""Where is the API? Below /api/v1, with its description at /openapi.json and the words for people at /docs/api.md."""

import re
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from sequencer.app import App
from sequencer.content.files import shipped
from sequencer.errors import SequencerError
from sequencer.web.api import calls, openapi, operations, problems
from sequencer.web.api.calls import Operation
from sequencer.web.api.desk import Desk
from sequencer.web.api.problems import Kind, Refused
from sequencer.web.pages import app_of, gone

_FOR_A_WHILE = {"cache-control": "max-age=300"}


def routes(app: App) -> list[BaseRoute]:
    """The API as routes of the web door. What goes wrong below it is a problem, never a page."""
    desk = Desk(app)
    site = Starlette(
        routes=[Route(path, _Address(desk, methods)) for path, methods in operations.paths().items()],
        exception_handlers={
            SequencerError: _refuse,
            HTTPException: _nowhere,
            ClientDisconnect: gone,
            Exception: _refuse,
        },
    )
    site.router.redirect_slashes = False
    below = Mount(calls.ROOT, site)
    # Starlette's "." knows no line feed; an address that holds one would lead to a page.
    below.path_regex = re.compile(below.path_regex.pattern, re.DOTALL)
    return [below, Route("/openapi.json", _describe), Route(problems.DOCUMENT, _explain)]


class _Address:
    """One path with its methods. A class, as Starlette then leaves it to us to say which methods there are."""

    def __init__(self, desk: Desk, methods: Mapping[str, Operation]) -> None:
        self._desk = desk
        self._operations = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        operation = self._operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            raise Refused(Kind.WRONG_METHOD, self._allowed(), headers={"Allow": ", ".join(self._methods())})
        response = await self._desk.answer(request, operation)
        await response(scope, receive, send)

    def _methods(self) -> list[str]:
        return sorted({*self._operations, *(["HEAD"] if "GET" in self._operations else [])})

    def _allowed(self) -> str:
        return f"Here one can say {', '.join(self._methods())}."


def _refuse(_request: Request, error: Exception) -> Response:
    return problems.of(error)


def _nowhere(_request: Request, _error: Exception) -> Response:
    return problems.answer(Kind.NOT_FOUND, "There is nothing at this address; /openapi.json lists all there is.")


async def _describe(request: Request) -> Response:
    content = openapi.document(app_of(request).settings.base_url)
    return Response(content, media_type="application/json", headers=_FOR_A_WHILE)


async def _explain(_request: Request) -> Response:
    content = await run_in_threadpool((shipped("docs") / "api.md").read_bytes)
    return Response(content, media_type="text/markdown; charset=utf-8", headers=_FOR_A_WHILE)
