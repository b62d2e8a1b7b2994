"""How does the demo go? Three people sign up on the site, confirm by mail, and get the course day by day.

Nothing is faked but the time: the form is posted over HTTP, the mails travel over SMTP, the metronome decides, the
rows are in a database. At the end the inbox is counted against the ledger.
"""

import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import httpx
import uvicorn
from starlette.types import ASGIApp

from sequencer import app as wiring
from sequencer import settings as options
from sequencer import worker
from sequencer.app import App
from sequencer.content import courses as files
from sequencer.content.files import shipped
from sequencer.core.model import Course
from sequencer.demo.clock import DrivenClock, real_now
from sequencer.demo.inbox import Inbox
from sequencer.demo.pages import Showcase, Visitor
from sequencer.errors import SequencerError
from sequencer.flows import dispatch, report
from sequencer.settings import Settings
from sequencer.web import asgi

COURSE = "why-men-pull-away"
VISITORS = (
    Visitor(name="Amelia", address="amelia@london.example.com", zone="Europe/London"),
    Visitor(name="Noah", address="noah@newyork.example.com", zone="America/New_York"),
    Visitor(name="Ananya", address="ananya@kolkata.example.com", zone="Asia/Kolkata"),
)
_PATIENCE = 30.0  # seconds for any one thing to happen
_GLANCE = 0.005


class DemoFailed(SequencerError):
    """The demo did not come to its end; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something happened; `delivered` of `expected` lessons have arrived."""

    words: str
    delivered: int
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the inbox and the ledger say at the end. `arrivals`: person and lesson's subject to the local time."""

    course: Course
    visitors: Sequence[Visitor]
    arrivals: Mapping[tuple[str, str], datetime]
    delivered: int
    lost: int
    doubled: int
    seconds: float


class Demo:
    """The service, the inbox and the site, running; made by `running`."""

    def __init__(self, app: App, inbox: Inbox, clock: DrivenClock, site_url: str, course: Course) -> None:
        self.site_url = site_url
        self.inbox_url = f"{site_url}/inbox"
        self.service_url = app.settings.base_url
        self._app = app
        self._inbox = inbox
        self._clock = clock
        self._course = course
        self._began = time.monotonic()

    def play(self) -> Iterator[Step]:
        """The story, a step at a time."""
        expected = len(VISITORS) * len(self._course.lessons)
        with httpx.Client(timeout=_PATIENCE) as browser:
            for visitor in VISITORS:
                self._sign_up(browser, visitor)
                yield Step(words=f"{visitor.name} signed up on the site", delivered=0, expected=expected)
                self._confirm(browser, visitor)
                yield Step(words=f"{visitor.name} confirmed by mail", delivered=0, expected=expected)
        while self.forward():
            yield Step(words=f"{self._clock():%a %d %b %H:%M} UTC", delivered=self._lessons(), expected=expected)
        self._clock.let_go()

    def forward(self) -> bool:
        """Jump to when something is due next, and wait until it has been dealt with; False where nothing is."""
        due = dispatch.next_due(self._app.db)
        if due is None:
            return False
        self._clock.jump(due)
        self._wait(self._is_quiet, "what was due was not sent")
        return True

    def result(self) -> Result:
        """Count the inbox against the ledger."""
        arrived = Counter(message.message_id for message in self._inbox.messages() if message.is_lesson)
        sent = set(report.sent_message_ids(self._app.db, self._app.press))
        expected = len(VISITORS) * len(self._course.lessons)
        return Result(
            course=self._course,
            visitors=VISITORS,
            arrivals=self._arrivals(),
            delivered=len(arrived),
            lost=len(sent - set(arrived)) + max(0, expected - len(sent)),
            doubled=sum(arrived.values()) - len(arrived),
            seconds=round(time.monotonic() - self._began, 1),
        )

    def _sign_up(self, browser: httpx.Client, visitor: Visitor) -> None:
        page = browser.get(self.site_url)
        form = _Form.first(page.text)
        fields = {**form.fields, "email": visitor.address, "name": visitor.name, "timezone": visitor.zone}
        browser.post(urljoin(self.site_url, form.action), data=fields).raise_for_status()

    def _confirm(self, browser: httpx.Client, visitor: Visitor) -> None:
        self._wait(lambda: bool(self._confirmation(visitor)), f"the confirmation mail to {visitor.name} did not arrive")
        link = self._confirmation(visitor)
        page = browser.get(link).raise_for_status()
        form = _Form.first(page.text)
        browser.post(urljoin(link, form.action), data=form.fields).raise_for_status()

    def _confirmation(self, visitor: Visitor) -> str:
        mails = [message for message in self._inbox.messages() if message.recipient == visitor.address]
        return next((link for mail in mails if (link := mail.link("/confirm/"))), "")

    def _is_quiet(self) -> bool:
        due = dispatch.next_due(self._app.db)
        return (due is None or due > self._clock()) and not report.in_flight(self._app.db)

    def _lessons(self) -> int:
        return sum(message.is_lesson for message in self._inbox.messages())

    def _arrivals(self) -> Mapping[tuple[str, str], datetime]:
        zones = {visitor.address: ZoneInfo(visitor.zone) for visitor in VISITORS}
        return MappingProxyType(
            {
                (message.recipient, str(message.parsed()["Subject"])): message.at.astimezone(zones[message.recipient])
                for message in self._inbox.messages()
                if message.is_lesson and message.recipient in zones
            }
        )

    def _wait(self, until: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not until():
            if time.monotonic() > deadline:
                raise DemoFailed(f"The demo stopped: {otherwise} within {_PATIENCE:.0f} s.")
            time.sleep(_GLANCE)


@contextmanager
def running(*, service_port: int = 0, site_port: int = 0) -> Iterator[Demo]:
    """The demo's servers, started in a fresh folder and stopped at the end; ports of 0 are chosen freely."""
    clock = DrivenClock(real_now())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sequencer-demo-")))
        service_socket = stack.enter_context(_listening(service_port, "service"))
        site_socket = stack.enter_context(_listening(site_port, "site"))
        with _listening(0, "mail") as mail_socket:
            mail_port = mail_socket.getsockname()[1]
        inbox = Inbox(clock, port=mail_port)
        inbox.start()
        stack.callback(inbox.stop)
        settings = _settings(folder, service_socket.getsockname()[1], mail_port)
        app = wiring.open_app(settings, clock=clock)
        stack.callback(app.close)
        wiring.prepare(app, now=clock())
        course = files.read(settings.courses / COURSE)
        site_url = f"http://127.0.0.1:{site_socket.getsockname()[1]}"
        demo = Demo(app, inbox, clock, site_url, course)
        showcase = Showcase(
            course=course,
            templates=app.templates,
            inbox=inbox,
            visitors=VISITORS,
            clock=clock,
            signup_url=f"{settings.base_url}/f/newsletter",
            forward=demo.forward,
        )
        metronome = worker.beside(
            app, worker.this_process("demo"), lambda beat: worker.all_in_one(app, beat, every=0.02)
        )
        stack.enter_context(_served(asgi.build(app, lifespan=metronome), service_socket))
        stack.enter_context(_served(showcase.pages(), site_socket))
        yield demo


def _settings(folder: Path, port: int, mail_port: int) -> Settings:
    """What a sequencer.toml of the demo would say; all else is as by default."""
    given = {
        "base_url": f"http://127.0.0.1:{port}",
        "secret_key": "a secret for the demo alone, known to all",
        "postal_address": "The Devotion Blueprint, 1 Example Street, London",
        "relay_url": f"smtp://127.0.0.1:{mail_port}?tls=off&connections=2",
        "database_url": "sqlite:///demo.db",
        "listen": f"127.0.0.1:{port}",
        "courses": str(shipped("lessons")),
    }
    variables = {options.PREFIX + name.upper(): value for name, value in given.items()}
    return replace(options.load(None, variables), root=folder)


def _listening(port: int, what: str) -> socket.socket:
    return asgi.listen("127.0.0.1", port, instead=f"choose another with --{what}-port")


@contextmanager
def _served(site: ASGIApp, on: socket.socket) -> Iterator[None]:
    """A web server in a thread, up when this is entered, down when it is left."""
    server = uvicorn.Server(uvicorn.Config(site, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [on]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise DemoFailed("The demo's web server did not start.")
        time.sleep(_GLANCE)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_PATIENCE)


class _Form(HTMLParser):
    """The first form of a page: where it posts to, and the fields a browser would send untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._done = False

    @classmethod
    def first(cls, page: str) -> "_Form":
        form = cls()
        form.feed(page)
        if form.action is None:
            raise DemoFailed("The demo stopped: the page has no form.")
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = given.get("action") or ""
        elif tag == "input" and self.action is not None and not self._done and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._done = self._done or tag == "form"
