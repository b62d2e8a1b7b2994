"""What is refused or added before any page is asked? The bounds of bodies, and the headers that protect visitors."""

import asyncio
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sequencer.errors import TooLarge, TooSlow
from sequencer.flows import shelf

MOST_BODY = 64 * 1024
# Programs tell all about the form beside what was filled in; Webflow's own limit is the largest.
MOST_OF_PROGRAMS = 256 * 1024
# 64 KB take 20 seconds on the slowest line that a phone falls back to (EDGE at its worst, 25 kbit/s); a form has a few
# hundred bytes. Programs post from data centres.
BODY_SECONDS = 30.0
# Set in a scope by a server that has the whole body already: whoever asks for it is not kept waiting.
WHOLE = "sequencer.whole"

# What a search engine may list: sign-up forms, the archive, and their parts. Any other page is somebody's own.
_LISTED = frozenset({"", "f", "static", "i", shelf.ARCHIVE.strip("/"), "favicon.ico"})


def policy(*, framers: Collection[str] = (), onward: Collection[str] = (), scripts: bool = False) -> str:
    """What a page of ours may load, nothing of it inline; where its forms may lead, and which sites may frame it."""
    parts = {
        "default-src": ["'none'"],
        "style-src": ["'self'"],
        "script-src": ["'self'"] if scripts else [],
        "img-src": ["'self'", "data:"],
        "form-action": ["'self'", *onward],
        "base-uri": ["'none'"],
        "frame-ancestors": framers or ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in parts.items() if sources)


# Links in mails are keys: no page may leak its address to another site, and none is kept by a cache.
_HEADERS = {
    "content-security-policy": policy(),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


_UNLISTED = (b"x-robots-tag", b"noindex, nofollow")


class Guard:
    """ASGI middleware around the whole web door."""

    def __init__(
        self, app: ASGIApp, *, https: bool, for_programs: Collection[str] = (), body_seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._body_seconds = body_seconds
        self._for_programs = frozenset(for_programs)
        self._headers = dict(_HEADERS)
        if https:
            self._headers["strict-transport-security"] = "max-age=31536000"
        # As they travel: they are looked through for each answer.
        self._raw = tuple((name.encode(), value.encode()) for name, value in self._headers.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, with its body bounded and its answer's headers completed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MOST_OF_PROGRAMS if scope["path"] in self._for_programs else MOST_BODY
        # "OPTIONS *" has no path: it is about the server itself.
        listed = scope["path"].removeprefix("/").partition("/")[0] in _LISTED
        body = _Body(scope, receive, most=most, seconds=self._body_seconds)

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                named = [name for name, _ in given]
                message["headers"] = [*given, *[one for one in self._raw if one[0] not in named]]
                if body.is_late:
                    # What is left of the request must not be read as the next one (RFC 9110 §15.5.9).
                    message["headers"].append((b"connection", b"close"))
                if not listed:
                    message["headers"].append(_UNLISTED)
            await send(message)

        await self._app(scope, body.part, completed)


class _Body:
    """The body of one request as it comes. `is_late` as soon as it was not there in time."""

    def __init__(self, scope: Scope, receive: Receive, *, most: int, seconds: float) -> None:
        self.is_late = False
        self._receive = receive
        self._is_whole = WHOLE in scope
        self._most = most
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._is_there = False
        # What is there is measured, not believed.
        announced = 0 if self._is_whole else _announced(scope)
        # What is announced may be a lie, where the body comes in chunks as well.
        self._taken = announced if announced > most else 0

    async def part(self) -> Message:
        """The next part of it. Raises TooLarge and TooSlow."""
        if self._is_there:
            return await self._receive()  # all that may still come is that they hang up
        most = self._most
        if self._taken <= most:
            # A clock costs as much as all else that is done here.
            message = await (self._receive() if self._is_whole else self._in_time())
            self._is_there = not message.get("more_body", False)
            self._taken += len(message.get("body", b""))
        if self._taken > most:
            raise TooLarge(f"This is too large; at most {most // 1024} KB are taken.")
        return message

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError as error:
            self.is_late = True
            raise TooSlow("This took too long to arrive; please send it again.") from error


def _announced(scope: Scope) -> int:
    """How long the body is to be, 0 where that is not said."""
    said: bytes = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(said) if said.isdigit() else 0
