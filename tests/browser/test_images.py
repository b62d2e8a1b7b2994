"""Does a browser show the images of a lesson, in their proportions, and without the words jumping when they come?"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import pytest
from browser.town import ROOT
from browser.visitor import PHONE
from door import ENVIRON, served
from house import EIGHT, NOW, SECRET, House
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, Route, ViewportSize
from starlette.types import ASGIApp, Receive, Scope, Send

from sequencer import settings as options
from sequencer.app import App
from sequencer.content import courses as files
from sequencer.content.files import shipped
from sequencer.flows import course as course_flow
from sequencer.flows.press import Imprint, Press
from sequencer.store import migrate
from sequencer.store.database import connect
from sequencer.web import asgi, preview
from sequencer.web.preview import Desk

IMAGES = ROOT / "tests" / "data" / "images"
PICTURES = ROOT / ".browser"
READER = "reader@example.org"
TABLET: ViewportSize = {"width": 700, "height": 900}
LESSON = """---
id: lamp
subject: "The lamp"
preheader: "A lesson with images."
theme: "Light"
---

Two images follow, a wide one and a small one.

![A wide lamp](wide.png "The lamp by night")

Between them stands a sentence, and ![a lamp](images/lamp.gif) within another one.

![A small lamp](<my lamp.jpg>)

Words after the images stay where they are.
"""
_BOXES = """() => [...document.querySelectorAll('img')].map(one => ({
    width: one.getBoundingClientRect().width, height: one.getBoundingClientRect().height, natural: one.naturalWidth,
}))"""


@dataclass
class Later:
    """A site that is known only when its address is."""

    site: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a request to the site."""
        assert self.site is not None
        await self.site(scope, receive, send)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The address of a lesson that was mailed, and of the same lesson in the preview."""

    mailed: str
    previewed: str


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A service without HTTPS, and the preview of its course beside it."""
    folder = tmp_path_factory.mktemp("images")
    course = folder / "lessons" / "small"
    (course / "images").mkdir(parents=True)
    (course / "course.toml").write_text('title = "Small"\nsender = "Ann <ann@example.org>"\n', encoding="utf-8")
    (course / "01.md").write_text(LESSON, encoding="utf-8")
    for name, to in (("wide.png", "wide.png"), ("lamp.jpg", "my lamp.jpg"), ("lamp.gif", "images/lamp.gif")):
        shutil.copy(IMAGES / name, course / to)
    with ExitStack() as stack:
        later = Later()
        url = stack.enter_context(served(later))
        db = stack.enter_context(closing(connect("sqlite:///images.db", root=folder)))
        migrate.upgrade(db, shipped("migrations"))
        house = House(db)
        course_flow.publish(db, files.read(course), house.templates, postal_address="1 Street", now=NOW, folder=course)
        house.join(READER)
        house.tick(EIGHT)
        imprint = Imprint(base_url=url, secret=SECRET, postal_address="1 Street", confirm_within=7)
        settings = replace(options.load(None, ENVIRON), base_url=url)
        app = App(
            settings=settings,
            db=house.db,
            templates=house.templates,
            press=Press(house.templates, imprint),
            courier=house.courier,
            clock=lambda: NOW,
        )
        later.site = asgi.build(app)
        desk = Desk(
            folder=course,
            watched=(),
            templates=house.templates,
            imprint=imprint,
            signers=None,
            relay=settings.all_relays[0],
            clock=lambda: NOW,
        )
        looked = stack.enter_context(served(preview.build(desk)))
        yield Shop(mailed=f"{url}/v/{house.token(READER, 'v')}", previewed=f"{looked}/lesson/1")


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """An empty tab whose console stays silent."""
    context = chromium.new_context(locale="en-GB")
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.extend(_words(message)))
    yield page
    context.close()
    assert said == []


def _words(message: ConsoleMessage) -> list[str]:
    # The preview has no icon.
    return [] if message.location["url"].endswith("/favicon.ico") else [f"{message.type}: {message.text}"]


def _mail(tab: Page) -> Frame:
    """The frame that holds the mail: the last one, or the page itself."""
    return tab.frames[-1]


@pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
@pytest.mark.parametrize("where", ["mailed", "previewed"])
def test_images_are_shown_in_their_proportions_within_the_column(
    shop: Shop, tab: Page, where: str, size: ViewportSize
) -> None:
    tab.set_viewport_size(size)
    tab.goto(getattr(shop, where) + ("?width=desktop" if where == "previewed" else ""), wait_until="networkidle")
    tab.screenshot(path=PICTURES / f"images-{where}-{size['width']}.png", full_page=True)
    mail = _mail(tab)
    wide, within, small = mail.evaluate(_BOXES)
    assert [one["natural"] for one in (wide, within, small)] == [1200, 64, 64]
    assert wide["width"] <= min(544, size["width"])
    assert wide["width"] > 0.7 * min(544, size["width"])
    assert wide["height"] / wide["width"] == pytest.approx(800 / 1200, abs=0.01)
    assert [(one["width"], one["height"]) for one in (within, small)] == [(64, 48), (64, 48)]
    assert mail.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
def test_words_do_not_jump_when_images_come(shop: Shop, tab: Page, size: ViewportSize) -> None:
    tab.set_viewport_size(size)
    last = tab.get_by_text("Words after the images stay where they are.")
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    tab.route("**/i/*", hold)
    tab.goto(shop.mailed, wait_until="domcontentloaded")
    before = last.bounding_box()
    assert before is not None
    with tab.expect_event("load"):
        for one in waiting:
            one.continue_()
    assert all(one["natural"] for one in tab.evaluate(_BOXES))
    # Heights are told in whole pixels.
    assert last.bounding_box() == pytest.approx(before, abs=0.5)
