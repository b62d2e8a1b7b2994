"""Is every page fit to be seen: well formed, accessible, without scripts, and with the headers that protect?"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from door import Door, Page
from house import DAY, EIGHT, NOW, SECRET, House, small_course

from sequencer.core import tokens
from sequencer.core.tokens import Purpose
from sequencer.forms import Form
from sequencer.store.database import Database, connect

EMAIL = "reader@example.org"
AWAY = "We cannot look anything up or write anything down at the moment; please try again in a few minutes."
APOLOGY = "Something is wrong on our side. Please try again in a little while."
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@pytest.fixture(scope="module")
def visited(quiet_door: Door) -> dict[str, httpx.Response]:
    """Every page there is, by a name, each asked for once; in the order in which a person sees them."""
    door, ask = quiet_door, quiet_door.ask
    seen = {
        "index": ask.get("/"),
        "form": ask.get("/f/newsletter"),
        "form with an error": ask.post("/f/newsletter", data={"email": "x"}),
        "sent": ask.post("/f/newsletter", data={"email": EMAIL, "name": "Rea & Co"}),
    }
    door.house.tick(NOW)
    confirm = door.link(EMAIL, "confirm")
    seen["confirm"] = ask.get(confirm)
    seen["refuse"] = ask.get(door.link(EMAIL, "notme"))
    seen["refused"] = ask.post(door.link(EMAIL, "notme"))
    seen["taken back"] = ask.post(f"{door.link(EMAIL, 'notme')}/undo")
    seen["confirmed"] = ask.post(confirm)
    door.house.tick(EIGHT)
    door.now = EIGHT + timedelta(hours=1)
    preferences, leave = door.link(EMAIL, "p"), door.link(EMAIL, "u")
    seen["preferences"] = ask.get(preferences)
    seen["preferences saved"] = ask.post(preferences, data={"name": "Rea", "timezone": "Asia/Tokyo"})
    seen["preferences with an error"] = ask.post(preferences, data={"name": "Rea", "timezone": "Mars"})
    seen["leave"] = ask.get(leave)
    seen["left"] = ask.post(leave, data={"scope": "*"})
    door.house.tick(door.now)
    back = door.link(EMAIL, "back")
    seen["return"] = ask.get(back)
    seen["returned"] = ask.post(back)
    ask.post(f"{preferences}/move", data={"email": "new@example.org"})
    ask.post(f"{preferences}/data")
    door.house.tick(door.now)
    access = door.link(EMAIL, "data")
    seen["data"] = ask.get(access)
    seen["erase"] = ask.post(f"{access}/erase")
    seen["move"] = ask.get(door.link("new@example.org", "move"))
    seen["moved"] = ask.post(door.link("new@example.org", "move"))
    door.house.tick(door.now)
    seen["stay"] = ask.get(door.link(EMAIL, "move"))
    seen["stayed"] = ask.post(door.link(EMAIL, "move"))
    seen["left again"] = ask.post(leave)
    seen["preferences of who left"] = ask.get(preferences)
    door.now = NOW + 8 * DAY
    seen["expired"] = ask.get(confirm)
    seen["not found"] = ask.get("/nowhere")
    seen["not ours"] = ask.get("/u/nonsense")
    seen["wrong method"] = ask.delete("/")
    seen["wrong kind"] = ask.post("/f/newsletter", content=b"x")
    seen["too large"] = ask.post("/f/newsletter", data={"email": "x" * 100_000})
    seen["static"] = ask.get("/static/site.css")
    seen["health"] = ask.get("/healthz")
    seen["view"] = ask.get(door.link(EMAIL, "v"))
    return seen


WEB_PAGES = [
    "index", "form", "form with an error", "sent", "confirm", "refuse", "refused", "taken back", "confirmed",
    "expired", "preferences", "preferences saved", "preferences with an error", "leave", "left",
    "return", "returned", "data", "erase", "move", "moved", "stay", "stayed",
    "left again", "preferences of who left", "not found", "not ours", "wrong method",
    "wrong kind", "too large",
]  # fmt: skip


LISTED = ("index", "form", "form with an error", "sent", "static", "wrong kind", "wrong method", "too large")


def test_every_page_was_visited(visited: dict[str, httpx.Response]) -> None:
    assert sorted(visited) == sorted([*WEB_PAGES, "static", "health", "view"])


@pytest.mark.parametrize("name", WEB_PAGES)
def test_a_page_is_well_formed_and_accessible(visited: dict[str, httpx.Response], name: str) -> None:
    answer = visited[name]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.lower().startswith("<!doctype html>")
    page = Page(answer.text)
    assert page.open == []
    assert len(page.all("h1")) == 1
    assert page.text("h1")[0]
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("title")) == 1
    assert page.text("title")[0]
    assert len(page.all("main")) == 1
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


@pytest.mark.parametrize("name", WEB_PAGES)
def test_every_field_of_a_page_has_a_label_and_every_button_words(
    visited: dict[str, httpx.Response], name: str
) -> None:
    page = Page(visited[name].text)
    labels = [tag["for"] for tag in page.all("label")]
    fields = [tag for kind, tag in page.tags if kind in ("input", "select", "textarea")]
    assert [field["id"] for field in fields if field.get("type") != "hidden"] == labels
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [tag[key] for _, tag in page.tags for key in ("aria-describedby", "aria-labelledby") if key in tag]
    assert set(named) <= set(ids)
    assert all(page.text("button"))
    assert all(tag["method"] == "post" for tag in page.all("form"))


@pytest.mark.parametrize("name", WEB_PAGES)
def test_a_page_runs_nothing_and_styles_nothing_inline(visited: dict[str, httpx.Response], name: str) -> None:
    page = Page(visited[name].text)
    assert page.all("script") == page.all("style") == page.all("iframe") == page.all("img") == []
    attributes = {key for _, given in page.tags for key in given}
    assert not {key for key in attributes if key == "style" or key.startswith("on")}
    assert {tag["href"] for tag in page.all("link")} == {"/static/site.css"}


@pytest.mark.parametrize("name", [*WEB_PAGES, "static", "health", "view"])
def test_a_page_carries_the_headers_that_protect_and_sets_no_cookie(
    visited: dict[str, httpx.Response], name: str
) -> None:
    headers = visited[name].headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == ("max-age=3600" if name == "static" else "no-store")
    assert "set-cookie" not in headers
    assert "server" not in headers
    # Browsers hold a form to its policy also where the answer leads elsewhere: the form names a page to go on to.
    leads_on = name in ("form", "form with an error", "wrong kind", "too large")
    onward = POLICY.replace("form-action 'self'", "form-action 'self' https://www.example.org")
    if name != "view":
        assert headers["content-security-policy"] == (onward if leads_on else POLICY)
    assert ("x-robots-tag" in headers) == (name not in LISTED)


def test_the_view_of_a_lesson_may_style_itself_and_nothing_more(visited: dict[str, httpx.Response]) -> None:
    policy = visited["view"].headers["content-security-policy"]
    assert "script-src" not in policy
    assert "form-action 'none'" in policy
    page = Page(visited["view"].text)
    assert page.all("script") == page.all("form") == page.all("iframe") == []


def test_a_house_on_plain_http_does_not_ask_for_https(sqlite_db: Database) -> None:
    with Door(House(sqlite_db), base_url="http://mail.example.org").open() as door:
        assert "strict-transport-security" not in door.ask.get("/").headers


def test_a_brand_is_on_every_page_that_belongs_to_a_course(visited: dict[str, httpx.Response]) -> None:
    for name in (
        "form",
        "sent",
        "confirm",
        "confirmed",
        "preferences",
        "leave",
        "left",
        "refuse",
        "refused",
        "taken back",
        "expired",
    ):
        assert "The Brand" in Page(visited[name].text).text("title")[0], name


def test_the_front_page_leads_to_every_form(sqlite_db: Database) -> None:
    forms = {key: Form(key=key, course=course) for key, course in (("a", "first-course"), ("b", "second-course"))}
    with Door(House(sqlite_db), forms=forms).open() as door:
        page = Page(door.ask.get("/").text)
    assert [tag["href"] for tag in page.all("a")] == ["/f/a", "/f/b"]
    assert page.text("a") == ["First course", "Second course"]


def test_the_form_shows_the_very_words_that_are_kept_as_consent(sqlite_door: Door) -> None:
    words = sqlite_door.settings.forms["newsletter"].consent
    assert words in Page(sqlite_door.ask.get("/f/newsletter").text).text("p")


def test_the_page_of_an_rtl_language_runs_from_right_to_left(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course(language="fa"))
    with Door(house).open() as door:
        html = Page(door.ask.get("/f/newsletter").text).all("html")[0]
    assert (html["lang"], html["dir"]) == ("fa", "rtl")


# Where there is nothing, or not in this way


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/static/site.css", "GET, HEAD"),
        ("POST", "/v/token", "GET, HEAD"),
        ("PUT", "/f/newsletter", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/f/newsletter", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/u/token", "GET, HEAD, POST"),
        ("PATCH", "/p/token", "GET, HEAD, POST"),
        ("PUT", "/confirm/token", "GET, HEAD, POST"),
    ],
)
def test_a_method_that_a_page_does_not_know_is_refused_and_the_known_ones_named(
    quiet_door: Door, method: str, path: str, allowed: str
) -> None:
    for accept in ("text/html", "application/json"):
        answer = quiet_door.ask.request(method, path, headers={"accept": accept})
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert "This page cannot be used in this way." in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/f",
        "/f/",
        "/f/newsletter/",
        "/f/newsletter/x",
        "/u/",
        "/confirm",
        "/static/",
        "/static/base.html",
        "/static/..%2fbase.html",
        "/static/..%5c..%5csite.css",
        "/static/%00.css",
        "/static/other.css",
        "/static/" + "x" * 300 + ".css",
        "/%ff",
    ],
)
def test_where_there_is_nothing_a_page_says_so(quiet_door: Door, path: str) -> None:
    for accept, kind in (("text/html", "text/html; charset=utf-8"), ("application/json", "application/json")):
        answer = quiet_door.ask.get(path, headers={"accept": accept})
        assert answer.status_code == 404
        assert answer.headers["content-type"] == kind
        assert "location" not in answer.headers


def test_one_click_is_never_led_elsewhere(quiet_door: Door) -> None:
    token = tokens.seal(SECRET, Purpose.LEAVE, 4711)
    assert quiet_door.ask.post(f"/u/{token}/").status_code == 404
    assert quiet_door.ask.post(f"/u/{token}").status_code == 200


def test_the_stylesheet_is_one(quiet_door: Door) -> None:
    answer = quiet_door.ask.get("/static/site.css")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")


def test_the_health_page_says_that_the_database_answers(door: Door) -> None:
    answer = door.ask.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


# When something is wrong on our side


@pytest.fixture
def broken_door(sqlite_template: Path, tmp_path: Path) -> Iterator[Door]:
    """A door whose database has vanished from under it."""
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "x.db").write_bytes(sqlite_template.read_bytes())
    db = connect("sqlite:///db/x.db", root=tmp_path)
    house = House(db)
    house.publish(small_course())
    db.close()
    for file in (tmp_path / "db").iterdir():
        file.unlink()
    (tmp_path / "db").rmdir()
    with Door(house).open() as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/f/newsletter"),
        ("POST", "/f/newsletter"),
        ("POST", "/u/" + tokens.seal(SECRET, Purpose.LEAVE, 1)),
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_database_that_is_gone_is_an_apology_and_the_cause_goes_to_the_log(
    broken_door: Door, method: str, path: str, accept: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="sequencer"):
        answer = broken_door.ask.request(
            method, path, data={"email": EMAIL} if method == "POST" else None, headers={"accept": accept}
        )
    assert answer.status_code == 503
    assert AWAY in answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert not any(word in answer.text for word in ("Traceback", "sqlite", "OperationalError", "sequencer/"))
    assert answer.headers["content-type"].startswith(accept)
    assert answer.headers["content-security-policy"] == POLICY
    (record,) = [one for one in caplog.records if one.name.startswith("sequencer")]
    # A page's address may hold a key; the log names the page alone.
    assert (record.getMessage(), record.__dict__["path"]) == ("request.failed", path.split("/")[1])
    assert record.__dict__["reason"] == (
        "The database does not answer: unable to open database file; see that its file and folder are there and may be "
        "written."
    )


@pytest.fixture
def hasty_door(sqlite_db: Database, tmp_path: Path) -> Iterator[Door]:
    """A door that does not wait long for another program that writes its file."""
    sqlite_db.close()
    db = connect("sqlite:///test.db?timeout=0.05", root=tmp_path)
    house = House(db)
    house.publish(small_course())
    with Door(house).open() as opened:
        yield opened
    db.close()


def test_a_visitor_of_a_locked_database_is_asked_to_come_again_and_nothing_is_half_done(
    hasty_door: Door, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "test.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = hasty_door.sign_up({"email": EMAIL}, accept="application/json")
        # Who only looks is served all the same.
        assert hasty_door.ask.get("/healthz").status_code == 200
    assert (answer.status_code, answer.json()) == (503, {"ok": False, "error": AWAY})
    assert hasty_door.house.tick(NOW).accepted == 0
    assert hasty_door.sign_up({"email": EMAIL}).is_success
    assert hasty_door.house.tick(NOW).accepted == 1


def test_a_bug_of_ours_is_an_apology_and_the_cause_goes_to_the_log(
    sqlite_door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite_door.house.db.begin() as tx:
        tx.exec_driver_sql("DROP TABLE consent")
    with caplog.at_level(logging.ERROR, logger="sequencer"):
        answer = sqlite_door.sign_up({"email": EMAIL})
    assert answer.status_code == 500
    assert APOLOGY in answer.text
    assert [one.getMessage() for one in caplog.records if one.name.startswith("sequencer")] == ["request.failed"]


def test_a_day_passes_without_a_cookie_or_a_redirect(door: Door) -> None:
    door.sign_up({"email": EMAIL})
    door.house.tick(NOW)
    answers = [door.ask.post(door.link(EMAIL, "confirm"))]
    door.house.tick(EIGHT + DAY)
    answers += [door.ask.get(door.link(EMAIL, kind)) for kind in ("u", "p", "v")]
    assert {answer.status_code for answer in answers} == {200}
    assert dict(door.ask.cookies) == {}
