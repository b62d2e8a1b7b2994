"""Is every page fit for everybody? Any width, any light, any reading aid, keys alone, no scripts."""

import json
from datetime import UTC, datetime

import pytest
from browser.pages import LESSON, PAGES
from browser.town import READER, ROOT, Town
from browser.visitor import DESKTOP, PHONE, Arrive, Visitor
from playwright.sync_api import ViewportSize

from sequencer.flows import report

PICTURES = ROOT / ".browser"
NARROWEST: ViewportSize = {"width": 320, "height": 640}
# WCAG 2.2, 1.3.5: what a browser may fill in for the person.
AUTOCOMPLETE = {"email": "email", "name": "given-name"}

_MOVING = """() => [...document.querySelectorAll('*')].filter(one => {
    const style = getComputedStyle(one);
    const seconds = (style.transitionDuration + ',' + style.animationDuration).split(',').map(parseFloat);
    return style.scrollBehavior === 'smooth' || seconds.some(length => length > 0);
}).map(one => one.outerHTML.slice(0, 80))"""
_TOO_WIDE = """() => document.documentElement.scrollWidth > innerWidth
    ? [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth)
        .map(one => one.outerHTML.slice(0, 80)) : []"""


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visitor: Visitor, page: str, scheme: str, size: ViewportSize) -> None:
    visitor.tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    visitor.tab.set_viewport_size(size)
    picture = PICTURES / f"{page.replace(' ', '-')}-{scheme}-{size['width']}.png"
    visitor.tab.screenshot(path=picture, full_page=True)
    assert visitor.violations() == []


@pytest.mark.parametrize("size", [NARROWEST, PHONE, DESKTOP], ids=["narrowest", "phone", "desktop"])
def test_nobody_scrolls_sideways(visitor: Visitor, size: ViewportSize) -> None:
    visitor.tab.set_viewport_size(size)
    assert visitor.tab.evaluate(_TOO_WIDE) == []


def test_a_page_says_its_language_and_what_it_is(visitor: Visitor, page: str) -> None:
    assert visitor.status == PAGES[page].status
    assert visitor.tab.locator("html").get_attribute("lang")
    assert visitor.tab.title().strip()
    assert visitor.tab.locator("h1").count() == 1
    assert visitor.heading().strip()


def test_a_field_has_a_label_and_says_what_may_be_filled_in(visitor: Visitor) -> None:
    seen = ":visible:not([aria-hidden] *)"
    for field in visitor.tab.locator(f"input{seen}, select{seen}, textarea{seen}").all():
        assert field.evaluate("field => field.labels.length") == 1
        name = field.get_attribute("name") or ""
        assert field.get_attribute("autocomplete") == AUTOCOMPLETE.get(name), name


def test_tab_reaches_every_control_in_its_order_and_shows_where_it_is(visitor: Visitor) -> None:
    for scheme in ("light", "dark"):
        visitor.tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        visitor.tab.evaluate("() => { document.activeElement.blur(); getSelection().collapse(document.body, 0); }")
        at_rest = {one.place: one for one in visitor.controls()}
        expected = [one.place for one in at_rest.values() if one.seen]
        stops: list[int] = []
        # Twice around; an hour is written in several steps of its own.
        for _ in range(2 * len(expected) + 8):
            visitor.keys("Tab")
            for one in visitor.controls():
                if one.focused and stops[-1:] != [one.place]:
                    stops.append(one.place)
                    before = at_rest[one.place]
                    assert (one.ring, one.shadow) != (before.ring, before.shadow), f"focus on {one.name} is not seen"
        start = stops.index(expected[0]) if expected else 0
        assert stops[start : start + len(expected)] == expected
        assert set(stops) == set(expected)


def test_nothing_moves_for_who_asked_for_less_motion(visitor: Visitor) -> None:
    visitor.tab.emulate_media(reduced_motion="reduce")
    assert visitor.tab.evaluate(_MOVING) == []


def test_the_browser_complains_of_nothing_and_asks_nobody_else(visitor: Visitor, town: Town) -> None:
    assert visitor.complaints == []
    assert visitor.asked <= {town.url, town.site}
    assert visitor.tab.context.cookies() == []


def test_a_page_is_the_same_without_scripts(visitor: Visitor, page: str, arrive: Arrive) -> None:
    plain = arrive(scripts=False)
    PAGES[page].way(plain)
    without, scripted = (one.tab.locator("body").inner_text().strip() for one in (plain, visitor))
    same = without.startswith(scripted) if PAGES[page].says_more_without_scripts else without == scripted
    assert same, (without, scripted)
    assert plain.complaints == []
    assert plain.asked <= {plain.town.url, plain.town.site}


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_lesson_on_the_web_looks_as_its_mail_does(
    arrive: Arrive, town: Town, scheme: str, size: ViewportSize
) -> None:
    visitor = arrive()
    visitor.tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    visitor.tab.set_viewport_size(size)
    visitor.open(town.link(READER, "/v/"))
    on_the_web = visitor.tab.screenshot(full_page=True)
    app, token = town.stage.app, town.link(READER, "/v/").rpartition("/")[2]
    mail = report.web_view(app.db, app.press, app.settings.secret_key, token, now=datetime.now(UTC))
    visitor.tab.goto("about:blank")
    visitor.tab.set_content(mail.html)
    assert visitor.tab.screenshot(full_page=True) == on_the_web
    assert visitor.complaints == []


def test_no_page_for_subscribers_is_left_out() -> None:
    # Names that begin with _ are parts of pages; the demo's and the preview's pages are in folders of their own.
    templates = {path.name for path in (ROOT / "templates" / "web").glob("[!_]*.html")} - {"base.html"}
    assert {place.template for place in PAGES.values()} == {*templates, LESSON}


def test_the_health_page_can_be_read(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.open("/healthz")
    assert json.loads(visitor.tab.locator("body").inner_text()) == {"ok": True}
    assert visitor.complaints == []
