"""Does whoever asks get the images of a lesson: mailboxes, browsers, and authors who only look?"""

import hashlib
import re
import shutil
from contextlib import closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from door import ENVIRON, Door, Page, served
from house import EIGHT, NOW, House
from installation import Run, sentence
from relay import ChaosRelay

from sequencer import settings as options
from sequencer.cli import main
from sequencer.content import courses as files
from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.flows import course as course_flow
from sequencer.flows import images as flow
from sequencer.flows.press import Imprint
from sequencer.store.database import connect
from sequencer.web import preview
from sequencer.web.preview import Desk

IMAGES = Path(__file__).parents[1] / "data" / "images"
SHOWN = '\n![A lamp](lamp.png "By night")\n'
ANN = "ann@example.org"


def digest(name: str) -> str:
    return hashlib.sha256((IMAGES / name).read_bytes()).hexdigest()


def illustrate(course: Path, image: str = "lamp.png") -> str:
    """Put an image into the first lesson of a course's folder; its address on our site."""
    shutil.copy(IMAGES / image, course / "lamp.png")
    lesson = course / "01.md"
    words = lesson.read_text(encoding="utf-8")
    lesson.write_text(words if SHOWN in words else words + SHOWN, encoding="utf-8")
    return f"/i/{digest(image)}.{'png' if image.endswith('png') else 'jpg'}"


@pytest.fixture
def lit(house: House, folder: Path) -> Path:
    """The folder of a course that is published with its image; on both kinds of database."""
    course = folder / "lessons" / "small"
    illustrate(course)
    course_flow.publish(
        house.db, files.read(course), house.templates, postal_address="1 Street", now=NOW, folder=course
    )
    return course


@pytest.fixture
def open_door(house: House, lit: Path) -> Door:
    """The web door of that house, not open yet."""
    assert lit.is_dir()
    return Door(house)


def test_an_image_is_answered_with_its_kind_for_ever_and_for_any_cache(open_door: Door) -> None:
    with open_door.open() as door:
        answer = door.ask.get(f"/i/{digest('lamp.png')}.png")
        head = door.ask.head(f"/i/{digest('lamp.png')}.png")
    assert (answer.status_code, answer.content) == (200, (IMAGES / "lamp.png").read_bytes())
    assert (head.status_code, head.content) == (200, b"")
    for headers in (answer.headers, head.headers):
        assert headers["content-type"] == "image/png"
        assert headers["content-length"] == str(len(answer.content))
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers


def test_who_has_the_image_already_is_not_sent_it_again(open_door: Door) -> None:
    with open_door.open() as door:
        path = f"/i/{digest('lamp.png')}.png"
        etag = door.ask.get(path).headers["etag"]
        again = door.ask.get(path, headers={"if-none-match": f'"other", W/{etag}'})
        other = door.ask.get(path, headers={"if-none-match": '"other"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert again.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert other.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/i/", "/i/{}", "/i/{}.jpg", "/i/{}.svg", "/i/{}.png/", "/i/..%2F{}.png", "/i/{}.png%0A", f"/i/{'0' * 64}.png"],
)
def test_what_is_no_image_of_ours_is_a_page_that_says_so(open_door: Door, path: str) -> None:
    with open_door.open() as door:
        answer = door.ask.get(path.format(digest("lamp.png")), headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert Page(answer.text).text("h1")
    assert answer.headers["cache-control"] == "no-store"


def test_an_image_is_only_for_looking_at(open_door: Door) -> None:
    with open_door.open() as door:
        answer = door.ask.post(f"/i/{digest('lamp.png')}.png")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_lesson_in_the_browser_may_show_our_images_and_run_nothing(open_door: Door) -> None:
    house = open_door.house
    house.join(ANN)
    house.tick(EIGHT)
    with open_door.open() as door:
        view = door.ask.get(door.link(ANN, "v"))
        (image,) = Page(view.text).all("img")
        assert image["src"] == f"https://mail.example.org/i/{digest('lamp.png')}.png"
        assert (image["width"], image["height"]) == ("320", "200")
        assert door.ask.get(image["src"].removeprefix("https://mail.example.org")).status_code == 200
    policy_said = view.headers["content-security-policy"]
    assert "img-src 'self' https: data:;" in policy_said
    assert "script-src" not in policy_said
    assert "default-src 'none'" in policy_said


def test_other_pages_may_show_what_they_did(open_door: Door) -> None:
    with open_door.open() as door:
        assert "img-src 'self' data:;" in door.ask.get("/").headers["content-security-policy"]


# Authors who only look


def test_the_preview_shows_the_file_as_it_is_now(folder: Path) -> None:
    course = folder / "lessons" / "small"
    path, settings = illustrate(course), options.load(None, ENVIRON)
    imprint = Imprint(base_url=settings.base_url, secret="x", postal_address="1 Street", confirm_within=7)
    desk = Desk(
        folder=course,
        watched=(shipped("templates"),),
        templates=Templates(),
        imprint=imprint,
        signers=None,
        relay=settings.all_relays[0],
        clock=lambda: NOW,
    )
    with served(preview.build(desk)) as url, httpx.Client(base_url=url, timeout=30) as ask:
        body = ask.get("/lesson/1/body.html")
        assert [one["src"] for one in Page(body.text).all("img")] == [path]
        assert "img-src 'self' https: data:;" in body.headers["content-security-policy"]
        seen = ask.get(path)
        assert (seen.headers["content-type"], seen.content) == ("image/png", (IMAGES / "lamp.png").read_bytes())
        assert seen.headers["cache-control"] == "no-store"
        # What travels names the image where it will be.
        (source,) = Page(ask.get("/lesson/1?shape=source").text).text("pre")
        assert path in source.replace("= ", "").replace("=3D", "=")
        before = ask.get("/stamp").text
        changed = illustrate(course, "lamp.jpg")
        assert ask.get("/stamp").text != before
        assert ask.get(changed).headers["content-type"] == "image/jpeg"
        assert ask.get(path).status_code == ask.get("/i/x.png").status_code == 404
        (course / "lamp.png").unlink()
        assert ask.get(changed).status_code == 404
        trouble = ask.get("/lesson/1")
        assert (trouble.status_code, "The image lamp.png does not lie beside the lesson" in trouble.text) == (500, True)
        (course / "course.toml").unlink()
        assert ask.get(path).status_code == 404


def test_a_test_mail_shows_images_that_nothing_else_names_yet(folder: Path) -> None:
    path = illustrate(folder / "lessons" / "small")
    with ChaosRelay() as relay:
        with (folder / "sequencer.toml").open("r+", encoding="utf-8") as file:
            words = file.read().replace("smtp://127.0.0.1:1?timeout=1", f"smtp://127.0.0.1:{relay.port}?tls=off")
            file.seek(0)
            file.write(words)
        send = ["course", "send-test", "--to", ANN]
        assert CliRunner().invoke(main, [*send, "--lesson", "2"]).exit_code == 0
        assert not (folder / "test.db").exists()
        result = CliRunner().invoke(main, send)
        assert (result.exit_code, result.stderr) == (0, "")
        assert CliRunner().invoke(main, send).exit_code == 0
        message = message_from_bytes(relay.kept[-1].content, _class=EmailMessage, policy=policy.default)
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    found = re.search(r'<img[^>]* src="([^"]*)"|<img src="([^"]*)"', str(html.get_content()))
    assert found
    assert (found[1] or found[2]) == f"https://mail.example.org{path}"
    with closing(connect("sqlite:///test.db", root=folder)) as db:
        assert flow.show(db, path.removeprefix("/i/"))[0] == "image/png"


# The commands


def test_publishing_takes_the_images_along_and_a_plan_sees_another_one(run: Run, folder: Path) -> None:
    course = folder / "lessons" / "small"
    illustrate(course)
    assert run("course", "apply", "small").exit_code == 0
    assert run("course", "plan", "small").stdout == "Nothing has changed since the last revision.\n"
    illustrate(course, "lamp.jpg")
    assert 'changed in its images: "Subject 1" (lesson 1)' in run("course", "plan", "small").stdout
    assert run("course", "apply", "small").stdout.startswith("Published revision 2 of small")
    assert "1 changed in its images" in run("course", "history", "small").stdout
    assert run("course", "rollback", "small", "1").exit_code == 0


@pytest.mark.parametrize("command", [("plan", "small"), ("apply", "small"), ("list",), ("send-test", "--to", ANN)])
def test_an_image_that_is_not_there_stops_every_command_with_file_and_line(
    run: Run, folder: Path, command: tuple[str, ...]
) -> None:
    course = folder / "lessons" / "small"
    illustrate(course)
    (course / "lamp.png").unlink()
    said = (
        "01.md:9: the image lamp.png does not lie beside the lesson; put it there, or write an address that begins with"
    )
    assert said in sentence(run("course", *command), 1)
    linted = run("course", "lint")
    assert linted.exit_code == 1
    assert "lessons/small/01.md:9: the image lamp.png does not lie beside the lesson" in linted.stdout
    assert "[image-file]" in linted.stdout
