"""How will a lesson look? Pages for its author: each lesson as the files say now, in every shape it is sent in."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sequencer.content import courses as files
from sequencer.content.render import Mail, compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.core.model import Course
from sequencer.errors import NotFound, SequencerError

_FRAME = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:"}
_VIEWS = ("html", "text")


def build(folder: Path, templates: Templates, *, postal_address: str) -> Starlette:
    """The pages of the course in `folder`; files are read anew for each page."""
    return _Preview(folder, templates, postal_address).pages()


class _Preview:
    def __init__(self, folder: Path, templates: Templates, postal_address: str) -> None:
        self._folder = folder
        self._templates = templates
        self._postal_address = postal_address

    def pages(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._list),
                Route("/lesson/{number:int}", self._lesson),
                Route("/lesson/{number:int}/body.html", self._body),
                Route("/static/{name}", self._asset),
            ],
            exception_handlers={SequencerError: self._refuse},
        )

    async def _list(self, _request: Request) -> Response:
        course = files.read(self._folder)
        lessons = [
            {"number": number, "subject": lesson.subject, "preheader": lesson.preheader, "theme": lesson.theme}
            for number, lesson in enumerate(course.lessons, 1)
        ]
        return self._page("preview.html", course, lessons=lessons, title=course.title)

    async def _lesson(self, request: Request) -> Response:
        course, number, mail = self._mail(request)
        view = request.query_params.get("view", "html")
        return self._page(
            "demo/message.html",
            course,
            message={
                "id": number,
                "to": sample_person().address,
                "sender": f"{course.sender.name} <{course.sender.address}>",
                "subject": mail.subject,
                "when": f"lesson {number} of {len(course.lessons)}",
                "message_id": course.lessons[number - 1].key,
            },
            view=view if view in _VIEWS else "html",
            body=mail.text,
            views=[(name, f"/lesson/{number}?view={name}", name == view) for name in _VIEWS],
            width=request.query_params.get("width", "desktop"),
            back=("/", "Back to the lessons"),
            frame=f"/lesson/{number}/body.html",
        )

    async def _body(self, request: Request) -> Response:
        return HTMLResponse(self._mail(request)[2].html, headers=_FRAME)

    async def _asset(self, request: Request) -> Response:
        return Response(self._templates.asset(request.path_params["name"]), media_type="text/css")

    async def _refuse(self, _request: Request, error: Exception) -> Response:
        status = 404 if isinstance(error, NotFound) else 500
        values = {"status": status, "sentence": str(error), "brand": self._folder.name, "lang": "en"}
        return HTMLResponse(self._templates.page("error.html", values), status_code=status)

    def _mail(self, request: Request) -> tuple[Course, int, Mail]:
        course, number = files.read(self._folder), request.path_params["number"]
        if not 1 <= number <= len(course.lessons):
            raise NotFound("There is no such lesson in this course.")
        compiled = compile_lesson(course, number - 1, templates=self._templates, postal_address=self._postal_address)
        return course, number, compiled.fill(sample_person())

    def _page(self, name: str, course: Course, **values: object) -> HTMLResponse:
        shared = {"brand": course.brand, "lang": course.language}
        return HTMLResponse(self._templates.page(name, {**shared, **values}))
