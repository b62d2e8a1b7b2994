"""How does an answer look? Pages for people, JSON for programs, and errors as one sentence for either."""

import logging
import socket
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Match, Route

from sequencer.app import App
from sequencer.content import words
from sequencer.content.words import Words
from sequencer.core import networks
from sequencer.errors import BadContentType, BadRequest, Busy, NotFound, SequencerError, TooLarge, TooMany, TooSlow
from sequencer.flows import course as course_flow
from sequencer.values import Network
from sequencer.web import guard

if TYPE_CHECKING:
    from sequencer.web.reception import Reception

log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[SequencerError], int], ...] = (
    (NotFound, 404),
    (TooSlow, 408),
    (TooLarge, 413),
    (BadContentType, 415),
    (Busy, 503),
    (TooMany, 429),
    (BadRequest, 400),
)
_APOLOGY = words.later("Something is wrong on our side. Please try again in a little while.")
# What the library that reads addresses has to say, as part of a sentence of ours.
REASONS = (
    words.later("An email address must have an @-sign"),
    words.later("There must be something before the @-sign"),
    words.later("There must be something after the @-sign"),
    words.later("The part after the @-sign is not valid. It should have a period"),
    words.later("An email address cannot end with a period"),
    words.later("An email address cannot have two periods in a row"),
)


# When to come again, in seconds.
AGAIN: Mapping[int, Mapping[str, str]] = {429: {"retry-after": "3600"}, 503: {"retry-after": "60"}}


# Where a request carries which sites may frame what answers it; empty on nearly all.
FRAMERS = "sequencer.framers"
# And its headers by name, where one was asked for.
_HEADERS = "sequencer.headers"


class Site(Starlette):
    """The web door, and the App that answers whatever comes there."""

    # Of their own names, as Starlette's state looks each of its names up in a function, and a sign-up asks eight times.
    sequencer: App
    reception: "Reception"


def app_of(request: Request) -> App:
    """The App that answers this request."""
    return cast("Site", request.scope["app"]).sequencer


def reception_of(request: Request) -> "Reception":
    """Where sign-ups that come to this site are received."""
    return cast("Site", request.scope["app"]).reception


def page(
    request: Request, template: str, *, status: int = 200, brand: str = "", lang: str = "en", **values: object
) -> HTMLResponse:
    """A page from templates/web, filled with `values`."""
    values |= _shared(request, brand, lang, status)
    return _framed(request, HTMLResponse(app_of(request).templates.page(template, values), status_code=status))


def still(request: Request, template: str, *, brand: str, lang: str, **values: str | int) -> HTMLResponse:
    """A page that is the same for many, as quick as it can be."""
    values |= _shared(request, brand, lang, 200)
    return _framed(request, HTMLResponse(app_of(request).templates.still(template, values)))


def framers_of(request: Request) -> tuple[str, ...]:
    """The sites that may show this page in a frame: none, but for sign-up pages that are made to be framed."""
    return cast("tuple[str, ...]", request.scope.get(FRAMERS, ()))


def header(request: Request, name: bytes) -> str:
    """The first header of this name, in lower case, "" where there is none; servers give names in lower case (ASGI)."""
    by_name = request.scope.get(_HEADERS)
    if by_name is None:
        by_name = request.scope[_HEADERS] = dict(reversed([*request.scope["headers"]]))
    value: bytes | None = by_name.get(name)
    return "" if value is None else value.decode("latin-1")


def wants_json(request: Request) -> bool:
    """Whether a program asked: by what it accepts or, where it does not say, by what it sent."""
    accept = request.headers.get("accept", "")
    if "text/html" in accept:
        return False
    return "application/json" in accept or kind_of(request) == "application/json"


def kind_of(request: Request) -> str:
    """The media type of the body that was sent, without its parameters."""
    return header(request, b"content-type").partition(";")[0].strip().lower()


def client_ip(request: Request) -> str:
    """Where the request came from; a proxy is believed only where the settings name it."""
    client = request.scope.get("client")
    peer = _plain(client[0]) if client else ""
    known = app_of(request).settings.trusted_proxies
    if not known or not _is_among(peer, known):
        return peer
    # Some proxies add a line of their own below the visitor's; all lines together are one list, the nearest hop last.
    lines = [value.decode("latin-1") for name, value in request.scope["headers"] if name == b"x-forwarded-for"]
    hops = ",".join(lines).split(",")
    while hops and _is_among(peer, known):
        hop = networks.plain(hops.pop())
        if not hop:
            break
        peer = hop
    return peer


def words_of(request: Request, lang: str) -> Words:
    """What a page in this language says."""
    return app_of(request).templates.words(lang)


async def language_of(request: Request, slug: str = "") -> str:
    """The language of a course; without its name, of the one that the request is about, else of the first form's."""
    app = app_of(request)
    about = slug or getattr(request.state, "course", "")
    which = about or next((form.course for form in app.settings.forms.values()), "")
    try:
        course = await run_in_threadpool(course_flow.published, app.db, which, app.press.archive)
    except NotFound:
        return words.ENGLISH
    return course.language


def status_of(error: Exception) -> int:
    """The HTTP status that says who has to act."""
    return next((code for kind, code in _STATUS if isinstance(error, kind)), 500)


async def refuse(request: Request, error: Exception) -> Response:
    """The answer to an error: its own sentence where it is for the visitor, else an apology; details go to the log."""
    status = status_of(error)
    if status == 500:  # noqa: PLR2004 (an HTTP status)
        log.error("request.failed", extra={"path": request.url.path.split("/")[1], "reason": repr(error)})
        # The database may be what is wrong: it is not asked for a language.
        return _refusal(request, status, _APOLOGY, {}, words.ENGLISH)
    return _refusal(request, status, str(error), AGAIN.get(status, {}), await language_of(request))


async def refuse_http(request: Request, error: Exception) -> Response:
    """The answer where there is no page, or none for this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status != 405:  # noqa: PLR2004 (an HTTP status)
        return await refuse(request, NotFound("There is no such page here."))
    here = [one for one in request.app.routes if one.matches(request.scope)[0] is not Match.NONE]
    allowed = sorted({method for route in here if isinstance(route, Route) for method in route.methods or ()})
    sentence = words.later("This page cannot be used in this way.")
    return _refusal(request, 405, sentence, {"allow": ", ".join(allowed)}, await language_of(request))


async def gone(_request: Request, _error: Exception) -> Response:
    """The answer to somebody who hung up while they spoke: nobody hears it."""
    return Response(status_code=400)


def _shared(request: Request, brand: str, lang: str, status: int) -> dict[str, str | int]:
    """What every page is told."""
    look = app_of(request).settings.pages
    return {
        "brand": look.logo or brand or "Newsletter",
        "lang": lang,
        "status": status,
        "branded": look.is_own,
        "layout": "web/_frame.html" if framers_of(request) else "web/base.html",
        "framed": bool(framers_of(request)),
    }


def _framed(request: Request, answer: HTMLResponse) -> HTMLResponse:
    framers = framers_of(request)
    if framers:
        answer.headers["content-security-policy"] = guard.policy(framers=framers)
    return answer


def _refusal(request: Request, status: int, english: str, headers: Mapping[str, str], lang: str) -> Response:
    sentence = words_of(request, lang).again(english)
    answer: Response = page(request, "error.html", status=status, lang=lang, sentence=sentence)
    if wants_json(request):
        answer = JSONResponse({"ok": False, "error": sentence}, status_code=status)
    answer.headers.update(headers)
    return answer


def _is_ip(text: str) -> bool:
    try:
        # The system reads an IPv4 address as we do, and much quicker.
        return bool(socket.inet_pton(socket.AF_INET, text))
    except (OSError, ValueError):
        pass
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


@lru_cache(256)
def _is_among(peer: str, known: tuple[Network, ...]) -> bool:
    return _is_ip(peer) and any(ip_address(peer) in network for network in known)


@lru_cache(256)
def _plain(said: str) -> str:
    """The address of who is at the other end, which is a proxy's mostly."""
    return networks.plain(said) or said
