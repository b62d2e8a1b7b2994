"""How does a person take along what we keep of them, or have it erased? /data/{token}, behind a link of one day."""

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sequencer.flows import access as flow
from sequencer.web import imprint, intake
from sequencer.web.pages import app_of, page


def routes() -> list[Route]:
    """The address that is mailed, and what its page posts to."""
    return [
        Route("/data/{token}", show, methods=["GET"]),
        Route("/data/{token}/export", export, methods=["POST"]),
        Route("/data/{token}/erase", erase, methods=["POST"]),
    ]


async def show(request: Request) -> Response:
    """GET /data/{token}: both buttons."""
    app, token = app_of(request), request.path_params["token"]
    _, course = await run_in_threadpool(flow.whose, app.db, app.settings.secret_key, token, now=app.clock())
    brand, lang = await imprint.of(request, course)
    return page(request, "data.html", brand=brand, lang=lang, url=f"/data/{token}")


async def export(request: Request) -> Response:
    """POST /data/{token}/export: all of it, as a file."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(flow.export, app.db, app.settings.secret_key, token, now=app.clock())
    return Response(
        json.dumps(found, ensure_ascii=False, indent=2),
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="my-data.json"'},
    )


async def erase(request: Request) -> Response:
    """POST /data/{token}/erase: asks once more, and then erases all of it."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    secret, given = app.settings.secret_key, await intake.fields(request)
    if given.get("sure", "") != "yes":
        _, course = await run_in_threadpool(flow.whose, app.db, secret, token, now=now)
        brand, lang = await imprint.of(request, course)
        return page(request, "erase.html", brand=brand, lang=lang, url=f"/data/{token}")
    for_good = bool(given.get("for_good"))
    course = await run_in_threadpool(flow.erase, app.db, secret, token, for_good=for_good, now=now)
    brand, lang = await imprint.of(request, course)
    return page(request, "erased.html", brand=brand, lang=lang, for_good=for_good)
