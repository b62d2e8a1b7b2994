"""How will a lesson look? Pages for its author, made of the files as they are, and made anew when they change."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sequencer.content.lint.mail import MOST_HTML
from sequencer.content.templates import Templates
from sequencer.errors import BadContent, NotFound, SequencerError
from sequencer.flows import manuscript, proof
from sequencer.flows.manuscript import Draft, Manuscript, Trouble
from sequencer.flows.press import Imprint, Press
from sequencer.flows.proof import Proof, Reader
from sequencer.message import address
from sequencer.message.dkim import Signers
from sequencer.relays import Relay
from sequencer.web import look as looks
from sequencer.web.guard import Guard
from sequencer.web.look import Look
from sequencer.web.stamp import stamp

CLIPPED = 102_000  # bytes of HTML that Gmail shows
_PAGE = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# A mail brings its own styles; nothing in it runs.
_MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What is looked at, and what it takes to print it.

    `watched` are the folders whose files pages are made of. The secret of `imprint` signs nothing real.
    """

    folder: Path
    watched: tuple[Path, ...]
    templates: Templates
    imprint: Imprint
    signers: Signers | None
    relay: Relay
    clock: Callable[[], datetime]


def build(desk: Desk) -> ASGIApp:
    """The pages of the course on the desk; its files are read anew for each page."""
    pages = _Pages(desk)
    site = Starlette(
        routes=[
            Route("/", pages.contents),
            Route("/inbox", pages.inbox),
            Route("/lesson/{number:int}", pages.lesson),
            Route("/lesson/{number:int}/body.html", pages.body),
            Route("/stamp", pages.stamp),
            Route("/reload.js", pages.script),
            Route("/static/{name}", pages.asset),
        ],
        # Another site could have its own name lead here, and read what is not published yet.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={SequencerError: pages.refuse, HTTPException: pages.refuse},
    )
    return Guard(site, https=False)


class _Pages:
    """One method a page. They are plain functions, which Starlette runs in threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def contents(self, request: Request) -> Response:
        """GET /: the lessons."""
        return self._list(request, "contents.html")

    def inbox(self, request: Request) -> Response:
        """GET /inbox: the lessons as a list of mails shows them."""
        return self._list(request, "inbox.html")

    def lesson(self, request: Request) -> Response:
        """GET /lesson/N: one lesson, in one of its shapes."""
        seen, look = self._stamp(), looks.chosen(request.query_params)
        found = manuscript.read(self._desk.folder)
        draft = _draft(found, request.path_params["number"])
        made = self._made(found, draft, look)
        path, last = f"/lesson/{draft.number}", len(found.drafts)
        around = {"before": draft.number - 1, "after": draft.number + 1 if draft.number < last else 0}
        return self._page(
            "lesson.html",
            seen,
            found,
            look,
            status=500 if isinstance(made, Trouble) else 200,
            path=path,
            row=self._row(found, draft, made),
            around={name: look.url(f"/lesson/{number}") if number else "" for name, number in around.items()},
            total=last,
            reader=look.sample,
            trouble=made if isinstance(made, Trouble) else None,
            proof=made if isinstance(made, Proof) else None,
            frame=look.url(f"{path}/body.html"),
        )

    def body(self, request: Request) -> Response:
        """GET /lesson/N/body.html: the mail itself, for a frame."""
        look = looks.chosen(request.query_params)
        found = manuscript.read(self._desk.folder)
        made = self._made(found, _draft(found, request.path_params["number"]), look)
        if isinstance(made, Trouble):
            return PlainTextResponse(made.sentence, status_code=500)
        return HTMLResponse(looks.in_light(made.html, look.scheme), headers={"content-security-policy": _MAIL})

    def stamp(self, _request: Request) -> Response:
        """GET /stamp: another one whenever a file has changed."""
        return PlainTextResponse(self._stamp())

    def script(self, _request: Request) -> Response:
        """GET /reload.js: what asks for the stamp."""
        return Response(self._desk.templates.page("preview/reload.js", {}), media_type="text/javascript")

    def asset(self, request: Request) -> Response:
        """GET /static/…: the stylesheets."""
        return Response(self._desk.templates.asset(request.path_params["name"]), media_type="text/css")

    def refuse(self, _request: Request, error: Exception) -> Response:
        """What is not there, and what is not the author's to mend."""
        missing = isinstance(error, NotFound | HTTPException)
        sentence = str(error) if isinstance(error, SequencerError) else "There is no such page here."
        status = 404 if missing else 500
        values = {"status": status, "sentence": sentence, "brand": self._desk.folder.name, "lang": "en"}
        return HTMLResponse(self._desk.templates.page("error.html", values), status_code=status)

    def _list(self, request: Request, template: str) -> Response:
        seen, look = self._stamp(), looks.chosen(request.query_params)
        found = manuscript.read(self._desk.folder)
        rows = [self._row(found, draft, self._made(found, draft, look)) for draft in found.drafts]
        cut = looks.CUTS[look.width]
        for row in rows:
            row["long"] = len(str(row["subject"])) > cut.subject
        return self._page(template, seen, found, look, path=request.url.path, rows=rows, cut=cut, short=looks.cut)

    def _made(self, found: Manuscript, draft: Draft, look: Look) -> Proof | Trouble:
        """The lesson as it would travel to the reader that was chosen, or what stands in its way."""
        course, desk = found.course, self._desk
        if course is None or draft.trouble is not None:
            return draft.trouble or found.trouble or Trouble(file=draft.file, line=0, sentence="There is no course.")
        sample = look.sample
        reader = Reader(name=sample.name, address=address.parse(sample.address))
        course = replace(course, language=sample.language or course.language)
        press = Press(desk.templates, desk.imprint, desk.signers)
        try:
            parcel = proof.pull(press, course, draft.number - 1, reader, relay=desk.relay, now=desk.clock())
        except BadContent as error:
            return manuscript.trouble(desk.folder, error)
        return proof.opened(parcel.content)

    def _row(self, found: Manuscript, draft: Draft, made: Proof | Trouble) -> dict[str, object]:
        """What lists say of a lesson."""
        lesson = found.course.lessons[draft.number - 1] if found.course and not draft.trouble else None
        row: dict[str, object] = {"number": draft.number, "file": draft.file, "theme": lesson.theme if lesson else ""}
        if isinstance(made, Trouble):
            return {**row, "trouble": made, "subject": lesson.subject if lesson else draft.file}
        weight = _weight(len(made.html.encode()))
        return {**row, "trouble": None, "subject": made.subject, "opening": made.opening, "weight": weight}

    def _page(
        self, template: str, seen: str, found: Manuscript, look: Look, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        course = found.course
        shared = {
            "brand": course.brand if course else self._desk.folder.name,
            "title": course.title if course else self._desk.folder.name,
            "course": course,
            "words": course.language if course else "en",
            "lang": "en",
            "stamp": seen,
            "look": look,
            "trouble": found.trouble,
        }
        page = self._desk.templates.page(f"preview/{template}", {**shared, **values})
        return HTMLResponse(page, status_code=status, headers={"content-security-policy": _PAGE})

    def _stamp(self) -> str:
        return stamp((self._desk.folder, *self._desk.watched))


def _draft(found: Manuscript, number: int) -> Draft:
    if not 1 <= number <= len(found.drafts):
        raise NotFound("There is no such lesson in this course.")
    return found.drafts[number - 1]


def _weight(size: int) -> dict[str, object]:
    """How heavy a mail is against what Gmail shows of it: a bar, and its words."""
    kilobytes = max(1, round(size / 1000))
    level, words = "fine", f"{kilobytes} KB of the {CLIPPED // 1000} KB that Gmail shows."
    if size > CLIPPED:
        level, words = (
            "over",
            f"{kilobytes} KB: Gmail cuts it off after {CLIPPED // 1000} KB, and the links at its foot.",
        )
    elif size > MOST_HTML:
        level, words = "near", f"{kilobytes} KB: nearly too long. Gmail cuts a mail off after {CLIPPED // 1000} KB."
    return {"size": size, "most": CLIPPED, "level": level, "words": words}
