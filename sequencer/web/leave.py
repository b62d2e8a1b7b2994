"""How does somebody leave by a link in a mail, and come back if it was a mistake? /u/{token} and /back/{token}."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sequencer.content import words
from sequencer.core.model import Course, LeaveReason
from sequencer.errors import BadRequest
from sequencer.flows import leaving, returning
from sequencer.flows.leaving import Goodbye, Leaver
from sequencer.flows.returning import Return
from sequencer.web import imprint, intake, shapes
from sequencer.web.pages import app_of, page, words_of

# Why somebody may leave, in the words of the page.
REASONS: Mapping[LeaveReason, str] = MappingProxyType(
    {
        LeaveReason.TOO_OFTEN: words.later("Too many mails"),
        LeaveReason.TOO_LITTLE_TIME: words.later("No time to read them"),
        LeaveReason.NOT_AS_EXPECTED: words.later("Not what I expected"),
        LeaveReason.NEVER_ASKED_FOR: words.later("I never asked for this"),
        LeaveReason.OTHER: words.later("Something else"),
    }
)


def routes() -> list[Route]:
    """The addresses that stand in mails, and what their pages post to."""
    return [
        Route("/u/{token}", ask, methods=["GET"]),
        Route("/u/{token}", leave, methods=["POST"]),
        Route("/back/{token}", ask_back, methods=["GET"]),
        Route("/back/{token}", come_back, methods=["POST"]),
    ]


async def ask(request: Request) -> Response:
    """GET /u/{token}: a page with a button, as link scanners follow every link."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(leaving.to_leave, app.db, app.settings.secret_key, token, now=app.clock())
    if found.has_left:
        return await _left(request, found, by_hand=True)
    brand, lang = await imprint.of(request, found.course)
    speech = words_of(request, lang)
    choices = found.choices if len(found.choices) > 1 else ()
    return page(
        request,
        "leave.html",
        brand=brand,
        lang=lang,
        title=found.course.title if found.course else "",
        everything=leaving.EVERYTHING,
        choices=[{"value": one.slug, "title": one.title} for one in choices],
        reasons=[{"value": reason.value, "label": speech.say(label)} for reason, label in REASONS.items()],
        most_words=leaving.MOST_WORDS,
    )


async def leave(request: Request) -> Response:
    """POST /u/{token}: one click (RFC 8058): no redirect, no login, idempotent; the page's button posts here too.

    Whatever is said beside the link, it counts as unsubscribing.
    """
    app, token = app_of(request), request.path_params["token"]
    given = await _given(request)
    said = shapes.line(given.get("words", ""), leaving.MOST_WORDS)
    goodbye = Goodbye(reason=_reason(given.get("reason", "")), words=said)
    found = await run_in_threadpool(
        leaving.leave,
        app.db,
        app.settings.secret_key,
        token,
        scope=given.get("scope", ""),
        goodbye=goodbye,
        now=app.clock(),
    )
    return await _left(request, found, by_hand="scope" in given)


async def ask_back(request: Request) -> Response:
    """GET /back/{token}: what would go on, and the button."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(returning.to_undo, app.db, app.settings.secret_key, token, now=app.clock())
    return await _returned(request, found)


async def come_back(request: Request) -> Response:
    """POST /back/{token}: it was a mistake, and all goes on."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(returning.undo, app.db, app.settings.secret_key, token, now=app.clock())
    return await _returned(request, found)


async def _given(request: Request) -> Mapping[str, str]:
    """The fields, none where they cannot be read: nobody is kept because of what they could not say."""
    try:
        return await intake.fields(request)
    except BadRequest:
        return {}


def _reason(said: str) -> LeaveReason | None:
    return next((reason for reason in REASONS if reason == said), None)


async def _left(request: Request, found: Leaver, *, by_hand: bool) -> Response:
    """They have left. A mail program that pressed for them is told the same each time."""
    brand, lang = await imprint.of(request, found.left or found.course)
    may_undo = by_hand and found.may_undo and found.departure is not None
    undo_url = app_of(request).press.undo_url(found.departure) if may_undo and found.departure else ""
    return page(
        request,
        "left.html",
        brand=brand,
        lang=lang,
        title=found.course.title if found.course else "",
        left=found.left.title if found.left else "",
        is_newsletter=found.left is not None and found.left.is_newsletter,
        undo_url=undo_url.removeprefix(app_of(request).settings.base_url),
        is_mailed=found.is_mailed,
    )


async def _returned(request: Request, found: Return) -> Response:
    first: Course | None = found.courses[0][0] if found.courses else None
    brand, lang = await imprint.of(request, first)
    speech = words_of(request, lang)
    return page(
        request,
        "returned.html" if found.is_done else "return.html",
        brand=brand,
        lang=lang,
        courses=[{"title": course.title, "next_due": speech.time(due) if due else ""} for course, due in found.courses],
    )
