"""How do tests knock at the web door? A real server on loopback in front of real flows, and a client that asks it."""

import itertools
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from types import MappingProxyType

import httpx
from house import FORM, NOW, SECRET, House
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sequencer import settings as options
from sequencer.app import App
from sequencer.settings import Settings
from sequencer.web import asgi

ENVIRON = {
    "SEQUENCER_BASE_URL": "https://mail.example.org",
    "SEQUENCER_SECRET_KEY": SECRET,
    "SEQUENCER_POSTAL_ADDRESS": "1 Example Street",
}
_NUMBERS = itertools.count(1)
THANKS = "https://www.example.org/thank-you?from=form"


@contextmanager
def served(site: ASGIApp, **waits: float) -> Iterator[str]:
    """A server for `site`, up when this is entered and down when it is left; its address."""
    with asgi.listen("127.0.0.1", 0, instead="") as on:
        server = asgi.server(site, **waits)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [on]})
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{on.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def wait_until(true: object, *, patience: float = 20.0) -> None:
    """Wait until `true()` is so; an AssertionError where it never is."""
    assert callable(true)
    end = time.monotonic() + patience
    pause = threading.Event()
    while not true():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.01)


class Street:
    """One server for the doors of all tests, as a server for each would take most of their time; Host says which."""

    def __init__(self) -> None:
        self.sites: dict[str, ASGIApp] = {}
        self.at_work = Counter[str]()
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a request to its door."""
        if scope["type"] == "http":
            host = Headers(scope=scope)["host"]
            self.at_work[host] += 1
            try:
                await self.sites[host](scope, receive, send)
            finally:
                self.at_work[host] -= 1


STREET = Street()
# To read the certificates of all authorities would be a good part of each test's time.
_TLS = ssl.create_default_context()


class Door:
    """The web door of a house. `now` is what the clock of the door says; `ask` is a client that follows no redirect."""

    def __init__(self, house: House, **changes: object) -> None:
        self.house = house
        self.now = NOW
        forms = MappingProxyType({"newsletter": replace(FORM, next=(THANKS,))})
        settings = replace(options.load(None, ENVIRON), **{"forms": forms, **changes})  # type: ignore[arg-type]
        self.app = App(
            settings=settings,
            db=house.db,
            templates=house.templates,
            press=house.press,
            courier=house.courier,
            clock=self._clock,
        )
        self.host = f"door-{next(_NUMBERS)}.example"
        self.ask = httpx.Client(base_url=STREET.url, timeout=20, headers={"host": self.host}, verify=_TLS)

    @property
    def settings(self) -> Settings:
        """The settings of the door."""
        return self.app.settings

    @contextmanager
    def open(self) -> Iterator["Door"]:
        """The door, open."""
        STREET.sites[self.host] = asgi.build(self.app)
        with self.ask:
            yield self
        # What is done after an answer, such as to note when a key was used, needs the database still.
        wait_until(lambda: not STREET.at_work[self.host])
        del STREET.sites[self.host]

    def sign_up(self, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        """POST the newsletter's form as a browser does."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask.post("/f/newsletter", data=dict(fields), headers=named)

    def link(self, email: str, kind: str) -> str:
        """The path of the last link of this kind that was mailed to a person."""
        return f"/{kind}/{self.house.token(email, kind)}"

    def _clock(self) -> datetime:
        return self.now


class Page(HTMLParser):
    """What a page is made of: its tags with their attributes, and the text of its headings and title."""

    _EMPTY = frozenset({"meta", "link", "input", "br", "img", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self._EMPTY:
            self.open.append(tag)
            self.words.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        """Each tag closes the one that was opened last."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself has nothing in it."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Words belong to every tag around them."""
        for tag in set(self.open):
            self.words[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str) -> list[str]:
        """The words in every such tag, white space made even."""
        return [" ".join(words.split()) for words in self.words.get(tag, [])]
