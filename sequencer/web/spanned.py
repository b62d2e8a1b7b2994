"""How long does a request take? One span around it, where somebody is told of spans."""

from starlette.types import ASGIApp, Receive, Scope, Send

from sequencer.flows.spans import Spans


class Spanned:
    """A site whose requests are told of by their method and the first part of their path: the rest may be a key."""

    def __init__(self, site: ASGIApp, spans: Spans) -> None:
        self._site = site
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or self._spans.told is None:
            await self._site(scope, receive, send)
            return
        with self._spans("request", method=scope["method"], path=f"/{scope['path'].split('/')[1]}"):
            await self._site(scope, receive, send)
