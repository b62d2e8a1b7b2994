"""What do the two ends of a change of address see? /move/{token}: yes at the new one, take it back at the former."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sequencer.flows import moving
from sequencer.flows.moving import Moving
from sequencer.web import imprint
from sequencer.web.pages import app_of, page


def routes() -> list[Route]:
    """The one address that stands in both mails."""
    return [Route("/move/{token}", ask, methods=["GET"]), Route("/move/{token}", press, methods=["POST"])]


async def ask(request: Request) -> Response:
    """GET /move/{token}: the button, as link scanners follow every link."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(moving.look, app.db, app.settings.secret_key, token, now=app.clock())
    return await _page(request, found)


async def press(request: Request) -> Response:
    """POST /move/{token}: mails go there, or stay where they were."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(moving.press, app.db, app.settings.secret_key, token, now=app.clock())
    return await _page(request, found)


async def _page(request: Request, found: Moving) -> Response:
    brand, lang = await imprint.of(request, found.course)
    if found.at_former:
        template = "stay.html" if found.move.taken_back_at is None else "stayed.html"
    else:
        template = "move.html" if found.move.confirmed_at is None else "moved.html"
    return page(request, template, brand=brand, lang=lang)
