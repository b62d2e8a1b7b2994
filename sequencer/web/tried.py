"""Where do the links of a test mail lead? To a page that says that it was a test, whoever follows them, and however."""

from starlette.requests import Request
from starlette.responses import Response

from sequencer.web.pages import language_of, page


async def show(request: Request) -> Response:
    """GET and POST /test/…: nothing is looked up, and nothing is changed."""
    return page(request, "tried.html", lang=await language_of(request))
