"""How will a lesson look? Pages for its author, made of the files as they are, and made anew when they change."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sequencer.content.templates import Templates
from sequencer.core.model import IMAGES
from sequencer.errors import BadContent, NotFound, SequencerError
from sequencer.flows import images, manuscript
from sequencer.flows.galley import Galley
from sequencer.flows.manuscript import Manuscript, Trouble
from sequencer.flows.press import Imprint
from sequencer.flows.proof import Proof, Reader
from sequencer.message import address
from sequencer.message.dkim import Signers
from sequencer.relays import Relay
from sequencer.web import look as looks
from sequencer.web import margin, sheet
from sequencer.web.guard import Guard
from sequencer.web.look import Look
from sequencer.web.margin import Margin
from sequencer.web.sheet import Sheet
from sequencer.web.stamp import stamp

_PAGE = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# A mail brings its own styles; nothing in it runs.
_MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; form-action 'none'; base-uri 'none'; "
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
            *(Route(letter.path, pages.mail) for letter in (*sheet.LETTERS, *sheet.ANSWERS)),
            *(Route(f"{letter.path}/body.html", pages.body) for letter in (*sheet.LETTERS, *sheet.ANSWERS)),
            Route("/lesson/{number:int}", pages.mail),
            Route("/lesson/{number:int}/body.html", pages.body),
            Route(f"{IMAGES}/{{name}}", pages.image),
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
        self._galleys = lru_cache(1)(self._cast)

    def contents(self, request: Request) -> Response:
        """GET /: the mails, and what lint finds in the files."""
        return self._list(request, "contents.html", self._margin(), but=())

    def inbox(self, request: Request) -> Response:
        """GET /inbox: the mails as a list of mails shows them, but for those that come only to whom asks for them."""
        return self._list(request, "inbox.html", Margin(notes=()), but=sheet.ANSWERS)

    def mail(self, request: Request) -> Response:
        """GET /lesson/N, /confirmation: one mail, in one of its shapes, and what lint finds in its file."""
        seen, look = self._stamp(), looks.chosen(request.query_params)
        found = manuscript.read(self._desk.folder)
        which = sheet.at(found, request.url.path)
        made = self._made(found, which, look)
        trouble = made if isinstance(made, Trouble) else None
        return self._page(
            "mail.html",
            seen,
            found,
            look,
            status=500 if trouble else 200,
            path=which.path,
            row=sheet.row(found, which, made),
            around=sheet.around(found, which),
            total=len(found.drafts),
            reader=look.sample,
            trouble=trouble,
            notes=self._margin().beside(which.file, but=trouble.sentence if trouble else ""),
            proof=None if trouble else made,
            frame=look.url(f"{which.path}/body.html"),
        )

    def body(self, request: Request) -> Response:
        """GET /lesson/N/body.html, /confirmation/body.html: the mail itself, for a frame."""
        look = looks.chosen(request.query_params)
        found = manuscript.read(self._desk.folder)
        made = self._made(found, sheet.at(found, request.url.path.removesuffix("/body.html")), look)
        if isinstance(made, Trouble):
            return PlainTextResponse(made.sentence, status_code=500)
        html = looks.from_here(made.html, self._desk.imprint.base_url)
        return HTMLResponse(looks.in_light(html, look.scheme), headers={"content-security-policy": _MAIL})

    def image(self, request: Request) -> Response:
        """GET /i/…: an image that a lesson shows, as its file is now."""
        found = manuscript.read(self._desk.folder)
        lessons = found.course.lessons if found.course else ()
        media_type, content = images.beside(lessons, request.path_params["name"], self._desk.folder)
        return Response(content, media_type=media_type)

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

    def _list(self, request: Request, template: str, beside: Margin, *, but: Collection[Sheet]) -> Response:
        seen, look = self._stamp(), looks.chosen(request.query_params)
        found = manuscript.read(self._desk.folder)
        cut, every = looks.CUTS[look.width], [one for one in sheet.sheets(found) if one not in but]
        rows = [self._row(found, one, look, beside) for one in every]
        for row in rows:
            row["long"] = len(str(row["subject"])) > cut.subject
        return self._page(
            template,
            seen,
            found,
            look,
            path=request.url.path,
            rows=rows,
            cut=cut,
            short=looks.cut,
            tally=margin.tally(beside.notes),
            notes=beside.elsewhere(sheet.files(every), but=found.trouble.sentence if found.trouble else ""),
        )

    def _row(self, found: Manuscript, which: Sheet, look: Look, beside: Margin) -> dict[str, object]:
        made = self._made(found, which, look)
        seen = made.sentence if isinstance(made, Trouble) else ""
        return sheet.row(found, which, made, beside.beside(which.file, but=seen))

    def _made(self, found: Manuscript, which: Sheet, look: Look) -> Proof | Trouble:
        """The mail as it would travel to the reader that was chosen, or what stands in its way."""
        course, desk, sample = found.course, self._desk, look.sample
        if course is None or which.trouble is not None:
            return which.trouble or found.trouble or Trouble(file=which.file, line=0, sentence="There is no course.")
        reader = Reader(name=sample.name, address=address.parse(sample.address))
        course = replace(course, language=sample.language or course.language)
        try:
            if not which.template:
                return self._galley().lesson(course, which.number - 1, reader, now=desk.clock(), passed=look.passed)
            return self._galley().letter(which.template, course, reader, now=desk.clock())
        except BadContent as error:
            return manuscript.trouble(desk.folder, error)

    def _margin(self) -> Margin:
        """What lint finds, now."""
        desk = self._desk
        found = self._galley().findings(desk.folder, now=desk.clock())
        return margin.margin(found, course=desk.folder, others=desk.watched)

    def _galley(self) -> Galley:
        """What keeps the mails that are made already, until a template changes."""
        return self._galleys(stamp(self._desk.watched))

    def _cast(self, _templates: str) -> Galley:
        desk = self._desk
        return Galley(desk.templates, desk.imprint, desk.relay, desk.signers)

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
