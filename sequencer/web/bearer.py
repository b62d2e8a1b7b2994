"""May this program speak for a visitor? It may who holds one of our keys for that, as `sequencer key` makes them."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from sequencer.core.keys import Scope
from sequencer.flows import keys
from sequencer.web.pages import app_of


async def may_sign_up(request: Request) -> bool:
    """Whether the request brings a key that may sign people up."""
    app = app_of(request)
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return False
    key = await run_in_threadpool(keys.known, app.db, text.strip())
    if key is None or Scope.WRITE_SUBSCRIBERS not in key.scopes:
        return False
    now = app.clock()
    if keys.is_to_be_noted(key, now):
        await run_in_threadpool(keys.note_use, app.db, key.id, now=now)
    return True
