"""What is refused or added before any page is asked? The bounds of bodies, and the headers that protect visitors."""

import asyncio
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sequencer.errors import TooLarge, TooSlow

MOST_BODY = 64 * 1024
# Programs tell all about the form beside what was filled in; Webflow's own limit is the largest.
MOST_OF_PROGRAMS = 256 * 1024
# 64 KB take 20 seconds on the slowest line that a phone falls back to (EDGE at its worst, 25 kbit/s); a form has a few
# hundred bytes. Programs post from data centres.
BODY_SECONDS = 30.0
# Set in a scope by a server that has the whole body already: whoever asks for it is not kept waiting.
WHOLE = "sequencer.whole"

# What a search engine may list: sign-up forms, the archive, and their parts. Any other page is somebody's own.
_LISTED = frozenset({"", "f", "static", "i", "archive", "favicon.ico"})


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
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        taken = int(announced) if announced.isdigit() else 0
        if taken <= most:
            taken = 0  # what is announced may be a lie, where the body comes in chunks as well

        deadline = asyncio.get_running_loop().time() + self._body_seconds
        there = False

        async def bounded() -> Message:
            nonlocal taken, there
            if there:
                return await receive()  # all that may still come is that they hang up
            if taken <= most:
                # A clock costs as much as all else that is done here.
                message = await (receive() if WHOLE in scope else _in_time(receive, deadline))
                there = not message.get("more_body", False)
                taken += len(message.get("body", b""))
            if taken > most:
                raise TooLarge(f"This is too large; at most {most // 1024} KB are taken.")
            return message

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                named = {name for name, _ in given}
                message["headers"] = [*given, *(one for one in self._raw if one[0] not in named)]
                if not listed:
                    message["headers"].append(_UNLISTED)
            await send(message)

        await self._app(scope, bounded, completed)


async def _in_time(receive: Receive, deadline: float) -> Message:
    """The next part of a body. Raises TooSlow where it is not there before the deadline."""
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError as error:
        raise TooSlow("This took too long to arrive; please send it again.") from error
