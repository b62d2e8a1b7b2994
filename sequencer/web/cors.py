"""Which pages' scripts may read our answer? The headers that tell a browser, before and with it (Fetch, CORS)."""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from sequencer.forms import Form
from sequencer.web.pages import header

_HEADERS = re.compile(r"[A-Za-z0-9-]{1,64}( ?, ?[A-Za-z0-9-]{1,64}){0,20}")


def headers(request: Request, form: Form) -> Mapping[str, str]:
    """The headers of an answer. Where no page is named, any may read it: it holds no secret and heeds no cookie."""
    if not form.origins:
        return {"access-control-allow-origin": "*"}
    origin = header(request, b"origin")
    if origin.lower() in form.origins:
        return {"access-control-allow-origin": origin, "vary": "Origin"}
    return {"vary": "Origin"}


def preflight(request: Request, form: Form) -> Response:
    """The answer to a browser that asks whether a page's script may post."""
    asked = request.headers.get("access-control-request-headers", "")
    return Response(
        status_code=204,
        headers={
            **headers(request, form),
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": asked if _HEADERS.fullmatch(asked) else "content-type",
            "access-control-max-age": "7200",
        },
    )
