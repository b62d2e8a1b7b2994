"""What can be looked at beside the service? The site with its sign-up form, and the inbox as a mail client shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sequencer.content.markdown import opening
from sequencer.content.templates import Templates
from sequencer.core.model import Course
from sequencer.demo.inbox import Inbox, Received
from sequencer.errors import NotFound, SequencerError

# A mail brings its own styles; its links open in the whole window. Its images come from the service.
_FRAME = "default-src 'none'; style-src 'unsafe-inline'; img-src data: {service}; base-uri 'self'"
VIEWS = ("html", "text", "headers", "raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who signs up in the demo."""

    name: str
    address: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Showcase:
    """What the demo's pages show, and the button that moves the clock."""

    course: Course
    templates: Templates
    inbox: Inbox
    visitors: Sequence[Visitor]
    clock: Callable[[], datetime]
    signup_url: str
    forward: Callable[[], bool]

    def pages(self) -> Starlette:
        """The site at /, the inbox at /inbox."""
        return Starlette(
            routes=[
                Route("/", self._site),
                Route("/inbox", self._list),
                Route("/inbox/{id:int}", self._message),
                Route("/inbox/{id:int}/body.html", self._body),
                Route("/forward", self._forward, methods=["POST"]),
                Route("/static/{name}", self._asset),
            ],
            exception_handlers={SequencerError: self._refuse},
        )

    async def _site(self, _request: Request) -> Response:
        return self._page(
            "demo/site.html",
            action=self.signup_url,
            course=_course(self.course),
            sections=[
                {"theme": lesson.theme, "html": Markup(opening(lesson.body))}  # noqa: S704 (rendered by us)
                for lesson in self.course.lessons
            ],
            inbox_url="/inbox",
            timezones=sorted({visitor.zone for visitor in self.visitors} | set(_ZONES)),
        )

    async def _list(self, request: Request) -> Response:
        who = request.query_params.get("who", "")
        everything = self.inbox.messages()
        counts = {one.recipient: sum(m.recipient == one.recipient for m in everything) for one in everything}
        named = {visitor.address: visitor for visitor in self.visitors}
        strangers = [address for address in counts if address not in named]
        people = [
            *(
                {"address": v.address, "name": v.name, "zone": v.zone, "count": counts.get(v.address, 0)}
                for v in named.values()
            ),
            *({"address": address, "name": "", "zone": "UTC", "count": counts[address]} for address in strangers),
        ]
        return self._page(
            "demo/inbox.html",
            people=people,
            messages=[
                {**self._shown(one), "sender": self.course.sender.name}
                for one in everything
                if who in ("", one.recipient)
            ],
            who=who,
            site_url="/",
            forward_url="/forward",
            clock=f"{self.clock():%A %d %B %Y, %H:%M} UTC",
        )

    async def _message(self, request: Request) -> Response:
        message = self._find(request)
        view = request.query_params.get("view", "html")
        width = request.query_params.get("width", "desktop")
        head, _, _ = message.content.partition(b"\r\n\r\n")
        bodies = {
            "text": message.part("plain"),
            "headers": head.decode("utf-8", "replace"),
            "raw": message.content.decode("utf-8", "replace"),
        }
        return self._page(
            "demo/message.html",
            message={
                **self._shown(message),
                "when": f"{self._local(message):%A %d %B %Y, %H:%M} ({self._local(message).tzinfo})",
                "message_id": message.message_id,
            },
            view=view if view in VIEWS else "html",
            body=bodies.get(view, ""),
            views=[(name, f"/inbox/{message.id}?view={name}", name == view) for name in VIEWS],
            width=width,
        )

    async def _body(self, request: Request) -> Response:
        html = self._find(request).part("html").replace("<head>", '<head><base target="_top">', 1)
        service = "{0.scheme}://{0.netloc}".format(urlsplit(self.signup_url))
        return HTMLResponse(html, headers={"content-security-policy": _FRAME.format(service=service)})

    async def _forward(self, _request: Request) -> Response:
        await run_in_threadpool(self.forward)
        return RedirectResponse("/inbox", status_code=303)

    async def _asset(self, request: Request) -> Response:
        return Response(self.templates.asset(request.path_params["name"]), media_type="text/css")

    async def _refuse(self, _request: Request, error: Exception) -> Response:
        status = 404 if isinstance(error, NotFound) else 500
        values = {"status": status, "sentence": str(error), "brand": self.course.brand, "lang": "en"}
        return HTMLResponse(self.templates.page("error.html", values), status_code=status)

    def _find(self, request: Request) -> Received:
        wanted = request.path_params["id"]
        found = next((one for one in self.inbox.messages() if one.id == wanted), None)
        if found is None:
            raise NotFound("There is no such message in the inbox.")
        return found

    def _local(self, message: Received) -> datetime:
        """When the message arrived, by its reader's clock."""
        zones = {visitor.address: visitor.zone for visitor in self.visitors}
        return message.at.astimezone(ZoneInfo(zones.get(message.recipient, "UTC")))

    def _shown(self, message: Received) -> dict[str, object]:
        parsed = message.parsed()
        local = self._local(message)
        return {
            "id": message.id,
            "to": message.recipient,
            "sender": str(parsed["From"]),
            "subject": str(parsed["Subject"]),
            "preheader": "",
            "when": f"{local:%a %d %b, %H:%M}",
            "kind": "lesson" if message.is_lesson else "confirmation",
        }

    def _page(self, name: str, **values: object) -> HTMLResponse:
        shared = {"brand": self.course.brand, "lang": self.course.language}
        return HTMLResponse(self.templates.page(name, {**shared, **values}))


_ZONES = (
    "Africa/Lagos", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Tokyo",
    "Australia/Sydney", "Europe/Berlin", "Europe/London", "UTC",
)  # fmt: skip


def _course(course: Course) -> dict[str, object]:
    return {
        "title": course.title,
        "subtitle": course.subtitle,
        "brand": course.brand,
        "author": course.author,
        "lessons": len(course.lessons),
    }
