"""How does everybody read the issues that went out? /archive with its pages, each issue, and a feed."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sequencer.app import App
from sequencer.content.render import Mail
from sequencer.core.model import NEWSLETTER, Issue, IssueId
from sequencer.errors import NotFound
from sequencer.flows import shelf
from sequencer.flows.shelf import ARCHIVE
from sequencer.web import feed, onpage
from sequencer.web.pages import app_of, page, words_of

FEED = f"{ARCHIVE}/feed.xml"
# A reader asks again after a while; what has not changed is not sent again.
_CACHED = {"cache-control": "public, max-age=300"}


def routes() -> list[Route]:
    """The addresses of the archive."""
    return [
        Route(ARCHIVE, show, methods=["GET"]),
        Route(FEED, atom, methods=["GET"]),
        Route(f"{ARCHIVE}/{{which:int}}-{{slug}}", read, methods=["GET"]),
    ]


async def show(request: Request) -> Response:
    """GET /archive?page=2: the issues, the newest first."""
    app, number = _open(request), request.query_params.get("page", "1")
    if not (number.isascii() and number.isdecimal() and len(number) <= 6):  # noqa: PLR2004 (a million pages)
        raise NotFound("There is no such issue here.")
    found = await run_in_threadpool(shelf.leaf, app.db, int(number), now=app.clock())
    letter = found.newsletter
    speech = words_of(request, letter.language)
    issues = [
        {
            "url": address(one),
            "subject": one.letter.subject if "{" not in one.letter.subject else _page(app, one).subject,
            "preheader": one.letter.preheader if "{" not in one.letter.preheader else "",
            "day": speech.day(one.opens_at.astimezone(app.settings.default_timezone).date()),
            "date": f"{one.opens_at.astimezone(app.settings.default_timezone):%Y-%m-%d}",
        }
        for one in found.issues
    ]
    form = next((one.key for one in app.settings.forms.values() if NEWSLETTER in one.courses), "")
    answer = page(
        request,
        "archive.html",
        brand=letter.brand,
        lang=letter.language,
        title=letter.title,
        subtitle=letter.subtitle,
        issues=issues,
        number=found.number,
        newer=_numbered(found.number - 1) if found.number > 1 else "",
        older=_numbered(found.number + 1) if found.number < found.pages else "",
        feed_url=FEED,
        form_url=f"/f/{form}" if form else "",
    )
    return _kept(request, answer, max((_changed(one) for one in found.issues), default=None))


async def read(request: Request) -> Response:
    """GET /archive/{id}-{slug}: one issue. Under another slug it leads to its own."""
    app, which = _open(request), IssueId(request.path_params["which"])
    found = await run_in_threadpool(shelf.issue, app.db, which, now=app.clock())
    if request.url.path != address(found):
        return RedirectResponse(address(found), status_code=301)
    html, policy = onpage.page((await run_in_threadpool(_page, app, found)).html)
    alternate = f'<link rel="alternate" type="{feed.MEDIA_TYPE}" href="{FEED}"></head>'
    answer = Response(html.replace("</head>", alternate, 1), media_type="text/html")
    answer.headers["content-security-policy"] = policy
    return _kept(request, answer, _changed(found))


async def atom(request: Request) -> Response:
    """GET /archive/feed.xml: the newest issues for feed readers."""
    app = _open(request)
    body, changed = await run_in_threadpool(_feed, app)
    return _kept(request, Response(body, media_type=feed.MEDIA_TYPE), changed)


def address(one: Issue) -> str:
    """Where an issue stands; good for ever."""
    return f"{ARCHIVE}/{one.id}-{one.key}"


def _open(request: Request) -> App:
    app = app_of(request)
    if not app.settings.archive:
        raise NotFound("There is no archive here.")
    return app


def _feed(app: App) -> tuple[bytes, datetime | None]:
    found, base = shelf.newest(app.db, now=app.clock()), app.settings.base_url
    places = [(one, base + address(one)) for one in found.issues]
    entries = [(one, place, shelf.entry(app.press, one, place)) for one, place in places]
    body = feed.atom(found.newsletter, entries, archive=base + ARCHIVE, feed=base + FEED)
    return body, max((_changed(one) for one in found.issues), default=None)


def _page(app: App, one: Issue) -> Mail:
    return shelf.page(app.press, one)


def _changed(one: Issue) -> datetime:
    return max(one.opens_at, one.scheduled_at)


def _numbered(number: int) -> str:
    return ARCHIVE if number == 1 else f"{ARCHIVE}?page={number}"


def _kept(request: Request, answer: Response, changed: datetime | None) -> Response:
    """The answer as caches may keep it, or "not modified" for who has it (RFC 9110 §13.2.2: the ETag decides)."""
    etag = f'"{hashlib.sha256(answer.body).hexdigest()[:24]}"'
    answer.headers.update({**_CACHED, "etag": etag, **_dated(changed)})
    if _has(request.headers, etag, changed):
        kept = {
            name: answer.headers[name] for name in ("cache-control", "etag", "last-modified") if name in answer.headers
        }
        return Response(status_code=304, headers=kept)
    return answer


def _dated(changed: datetime | None) -> Mapping[str, str]:
    return {"last-modified": format_datetime(changed.astimezone(UTC), usegmt=True)} if changed else {}


def _has(headers: Mapping[str, str], etag: str, changed: datetime | None) -> bool:
    if "if-none-match" in headers:
        return etag in headers["if-none-match"] or headers["if-none-match"].strip() == "*"
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
        return changed is not None and changed.replace(microsecond=0) <= since
    except (ValueError, TypeError):
        return False
