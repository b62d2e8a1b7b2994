"""What is refused or added before any page is asked? The cap on bodies, and the headers that protect visitors."""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sequencer.errors import TooLarge

MOST_BODY = 64 * 1024
# Programs tell all about the form beside what was filled in; Webflow's own limit is the largest.
MOST_OF_PROGRAMS = 256 * 1024

NOT_FRAMED = "frame-ancestors 'none'"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; " + NOT_FRAMED
)
# Links in mails are keys: no page may leak its address to another site, and none is kept by a cache.
_HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware around the whole web door."""

    def __init__(self, app: ASGIApp, *, https: bool, for_programs: Collection[str] = ()) -> None:
        self._app = app
        self._for_programs = frozenset(for_programs)
        self._headers = dict(_HEADERS)
        if https:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, with its body capped and its answer's headers completed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MOST_OF_PROGRAMS if scope["path"] in self._for_programs else MOST_BODY
        announced = Headers(scope=scope).get("content-length", "0")
        taken = int(announced) if announced.isdecimal() else 0
        if taken <= most:
            taken = 0  # what is announced may be a lie, where the body comes in chunks as well

        async def capped() -> Message:
            nonlocal taken
            if taken <= most:
                message = await receive()
                taken += len(message.get("body", b""))
            if taken > most:
                raise TooLarge(f"This is too large; at most {most // 1024} KB are taken.")
            return message

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, capped, completed)
