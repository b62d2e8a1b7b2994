"""How does a sign-up reach its form when thousands come? Straight, past the table of all addresses."""

from collections.abc import Awaitable, Callable, Collection
from typing import cast

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sequencer.web.guard import WHOLE

Endpoint = Callable[[Request], Awaitable[Response]]

# Where a request carries what went wrong on the straight way.
_STUMBLED = "sequencer.stumbled"


class _Quick(Request):
    """A request whose body is there already, as it is with nearly all: it is taken in one piece."""

    _taken: bytes | None = None

    async def body(self) -> bytes:
        """The whole of it."""
        if self._taken is None:
            self._taken = await (self._at_once() if WHOLE in self.scope else super().body())
        return self._taken

    async def _at_once(self) -> bytes:
        message = await self.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")
        return body


class Straight:
    """A site that hands what is posted to its own forms to `endpoint` itself.

    Starlette compares a path with each route and wraps the endpoint in seven layers, most of which wait for errors:
    that was a fifth of all that a sign-up cost. Here the paths are a dictionary. What is answered is the same: an
    error goes to the site after all, whose route of the same path is made by `or_stumble`, and is answered there.
    """

    def __init__(self, site: Starlette, endpoint: Endpoint, forms: Collection[str]) -> None:
        self._site = site
        self._endpoint = endpoint
        self._forms = {f"/f/{key}": key for key in forms}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        form = self._forms.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if form is None:
            await self._site(scope, receive, send)
            return
        scope["app"], scope["path_params"] = self._site, {"form": form}
        try:
            answer: ASGIApp = await self._endpoint(_Quick(scope, receive, send))
        except Exception as error:  # noqa: BLE001 (raised again in the site)
            scope[_STUMBLED] = error
            answer = self._site
        await answer(scope, receive, send)


def or_stumble(endpoint: Endpoint) -> Endpoint:
    """The endpoint for the site's table: where a request has gone wrong on the straight way, that is raised."""

    async def found(request: Request) -> Response:
        if _STUMBLED in request.scope:
            raise cast("Exception", request.scope[_STUMBLED])
        return await endpoint(request)

    return found
