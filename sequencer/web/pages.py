"""How does an answer look? Pages for people, JSON for programs, and errors as one sentence for either."""

import logging
from datetime import datetime
from typing import cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sequencer.app import App
from sequencer.errors import BadContentType, BadRequest, NotFound, SequencerError, TooLarge

log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[SequencerError], int], ...] = (
    (NotFound, 404),
    (TooLarge, 413),
    (BadContentType, 415),
    (BadRequest, 400),
)


def app_of(request: Request) -> App:
    """The App that answers this request."""
    return cast("App", request.app.state.sequencer)


def page(
    request: Request, template: str, *, status: int = 200, brand: str = "", lang: str = "en", **values: object
) -> HTMLResponse:
    """A page from templates/web, filled with `values`."""
    values |= {"brand": brand or "Newsletter", "lang": lang}
    return HTMLResponse(app_of(request).templates.page(template, values), status_code=status)


def wants_json(request: Request) -> bool:
    """Whether a program asked: by what it accepts or, where it does not say, by what it sent."""
    accept = request.headers.get("accept", "")
    if "text/html" in accept:
        return False
    return "application/json" in accept or request.headers.get("content-type", "").startswith("application/json")


def client_ip(request: Request) -> str:
    """Where the request came from; a proxy is believed only where the settings name it."""
    peer = request.client.host if request.client else ""
    trusted = app_of(request).settings.trusted_proxies
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    while peer in trusted and hops:
        peer = hops.pop()
    return peer[:45]


def spoken_time(instant: datetime) -> str:
    """A local time as a person says it, with its zone."""
    return f"{instant:%A} {instant.day} {instant:%B %Y} at {instant:%H:%M} ({instant.tzinfo})"


async def refuse(request: Request, error: Exception) -> Response:
    """The answer to an error: its own sentence where it is for the visitor, else an apology; details go to the log."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    sentence = str(error)
    if status == 500:  # noqa: PLR2004 (an HTTP status)
        log.error("request.failed", extra={"path": request.url.path.split("/")[1], "reason": repr(error)})
        sentence = "Something is wrong on our side. Please try again in a little while."
    if wants_json(request):
        return JSONResponse({"ok": False, "error": sentence}, status_code=status)
    return page(request, "error.html", status=status, sentence=sentence)


async def not_found(request: Request, _error: Exception) -> Response:
    """The answer where there is no page."""
    return await refuse(request, NotFound("There is no such page here."))
