"""What is ready when a page is visited? A town with the real program in it, and Debian's Chromium."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from browser.pages import PAGES
from browser.town import DATABASE_URL, Town
from browser.visitor import DESKTOP, Arrive, Visitor
from door import served
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from story.stage import Moody, Stage, free_port

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 20_000  # milliseconds for any one thing to happen


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town, built once; pages that change something can be come to again."""
    mail_port = free_port()
    stage = Stage(
        folder=tmp_path_factory.mktemp("town"),
        inbox=Moody(mail_port),
        mail_port=mail_port,
        web_port=free_port(),
        database_url=DATABASE_URL,
    )
    pages: dict[str, Callable[[], str]] = {}

    def show(request: Request) -> Response:
        content = pages.get(request.url.path)
        return HTMLResponse(content()) if content else HTMLResponse("There is no such page.", status_code=404)

    site = Starlette(routes=[Route("/{page}", show), Route("/", show)])
    stage.inbox.start()
    with ExitStack() as after, served(site) as address:
        after.callback(stage.inbox.stop)
        after.callback(stage.tear_down)
        # Another name than the service's: another site, not only another port.
        made = Town(stage=stage, site=address.replace("127.0.0.1", "localhost"))
        pages |= {"/": made.article, "/with-next": made.article_with_next, "/thanks": made.thanks}
        pages |= {"/guarded": made.article_guarded, "/framing": made.framing}
        pages |= {"/framing-another": lambda: made.framing("article")}
        made.build()
        yield made


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    assert CHROMIUM.exists(), "There is no Chromium; say make browser, which installs it."
    with sync_playwright() as playwright:
        # Root has no sandbox to go into.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield browser
        browser.close()


@pytest.fixture
def arrive(chromium: Browser, town: Town) -> Iterator[Arrive]:
    """A new visitor on an empty tab; with `scripts=False` their browser runs none."""
    with ExitStack() as stack:
        yield lambda *, scripts=True: stack.enter_context(_tab(chromium, town, scripts=scripts))


@pytest.fixture(scope="module", params=list(PAGES))
def page(request: pytest.FixtureRequest) -> str:
    """The name of each page in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def visitor(page: str, chromium: Browser, town: Town) -> Iterator[Visitor]:
    """Somebody who has come to the page; the tests of a file share them, and leave them where they are."""
    with _tab(chromium, town, scripts=True) as visitor:
        PAGES[page].way(visitor)
        yield visitor


@contextmanager
def _tab(chromium: Browser, town: Town, *, scripts: bool) -> Iterator[Visitor]:
    """A tab of a fresh profile, for as long as it is needed."""
    context = chromium.new_context(java_script_enabled=scripts, viewport=DESKTOP, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    visitor = Visitor(tab=context.new_page(), town=town)
    visitor.listen()
    yield visitor
    context.close()
