"""How does a mail get the images that lie beside its lesson? /i/HASH.EXT, of which each answer is good for ever."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sequencer.flows import images
from sequencer.web.pages import app_of


async def show(request: Request) -> Response:
    """GET /i/{name}: an image by what is in it."""
    name = request.path_params["name"]
    media_type, content = await run_in_threadpool(images.show, app_of(request).db, name)
    etag = f'"{name}"'
    headers = {"cache-control": "public, max-age=31536000, immutable", "etag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
