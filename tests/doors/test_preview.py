"""What does an author see of a course whose files are being edited?"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_string, policy
from pathlib import Path

import httpx
import pytest
from door import ENVIRON, Page, served, wait_until
from house import NOW

from sequencer import settings as options
from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.flows.press import Imprint
from sequencer.message import dkim
from sequencer.message.dkim import Signers
from sequencer.web import look as looks
from sequencer.web import preview
from sequencer.web.preview import Desk

COURSE = 'title = "A Small Course"\nsender = "Ann Author <ann@example.org>"\nlanguage = "en-GB"\n'
LESSON = """\
---
id: lesson-{number}
subject: "Subject {number}"
preheader: "Preheader {number}"
theme: "Theme {number}"
---
Words of lesson {number} for {{{{ subscriber.name or "you" }}}}.
"""
SAMPLES = [one.key for one in looks.SAMPLES]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The files of a course of two lessons."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "course.toml").write_text(COURSE, encoding="utf-8")
    for number in (1, 2):
        write(folder, number)
    return folder


def write(folder: Path, number: int, more: str = "", **front: str) -> None:
    """Write a lesson's file as an editor does."""
    text = LESSON.format(number=number)
    for key, value in front.items():
        text = re.sub(f"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
    (folder / f"{number:02}.md").write_text(text + more, encoding="utf-8")


@pytest.fixture
def desk(course: Path) -> Desk:
    """What the pages are made with; mails are not signed."""
    settings = options.load(None, ENVIRON)
    return Desk(
        folder=course,
        watched=(shipped("templates"),),
        templates=Templates(),
        imprint=Imprint(
            base_url=settings.base_url, secret="thrown away", postal_address="1 Example Street", confirm_within=7
        ),
        signers=None,
        relay=settings.all_relays[0],
        clock=lambda: NOW,
    )


@pytest.fixture
def ask(desk: Desk) -> Iterator[httpx.Client]:
    """A browser at the preview of that course."""
    with served(preview.build(desk)) as url, httpx.Client(base_url=url) as browser:
        yield browser


def seen(ask: httpx.Client, path: str, status: int = 200) -> Page:
    """A page of the preview."""
    answer = ask.get(path)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


def test_the_first_page_lists_the_lessons(ask: httpx.Client) -> None:
    page = seen(ask, "/")
    assert page.text("h1") == ["Lessons"]
    assert page.text("li") == ["1 Subject 1 Theme 1", "2 Subject 2 Theme 2"]
    assert [tag["href"] for tag in page.all("a")][2:] == ["/lesson/1", "/lesson/2"]


def test_a_lesson_is_shown_as_html_as_text_and_as_what_travels(ask: httpx.Client) -> None:
    page = seen(ask, "/lesson/1")
    assert page.text("h1") == ["Subject 1"]
    (frame,) = page.all("iframe")
    assert "allow-scripts" not in frame["sandbox"]
    assert "Words of lesson 1 for Alex." in ask.get(frame["src"]).text
    assert "Words of lesson 2 for Alex." in seen(ask, "/lesson/2?shape=text").text("pre")[0]
    (source,) = seen(ask, "/lesson/2?shape=source").words["pre"]
    message = message_from_string(source, policy=policy.default)
    assert (message["Subject"], message["List-Unsubscribe-Post"]) == ("Subject 2", "List-Unsubscribe=One-Click")
    assert [part.get_content_type() for part in message.walk()][1:] == ["text/plain", "text/html"]
    assert seen(ask, "/lesson/1?shape=nonsense").all("iframe") == [frame]


def test_the_source_is_signed_where_the_settings_name_a_key(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(dkim.new_key(ed25519=False))
    settings = replace(options.load(None, ENVIRON), dkim_key=tmp_path / "key.pem")
    with served(preview.build(replace(desk, signers=Signers(settings)))) as url:
        source = Page(httpx.get(f"{url}/lesson/1?shape=source").text).words["pre"][0]
    assert source.startswith("DKIM-Signature: v=1; a=rsa-sha256")


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_lesson_is_read_as_anybody(ask: httpx.Client, sample: str) -> None:
    reader = next(one for one in looks.SAMPLES if one.key == sample)
    page = seen(ask, f"/lesson/1?reader={sample}")
    body = Page(ask.get(page.all("iframe")[0]["src"]).text)
    assert any(f"Words of lesson 1 for {reader.name or 'you'}." in words for words in body.text("p"))
    assert body.all("html")[0]["dir"] == ("rtl" if reader.language == "ar" else "ltr")
    assert "b" not in body.words
    for shape in ("text", "source"):
        assert reader.address.split("@")[0] in seen(ask, f"/lesson/1?shape={shape}&reader={sample}").text("pre")[0]
    assert [tag["href"] for tag in page.all("a") if "reader=" in tag["href"]] != []


def test_a_mail_is_dark_or_light_whatever_the_browser_prefers(ask: httpx.Client) -> None:
    (light,) = seen(ask, "/lesson/1").all("iframe")
    (dark,) = seen(ask, "/lesson/1?scheme=dark&width=desktop").all("iframe")
    assert (light["class"], dark["class"]) == ("body phone light", "body desktop dark")
    assert "@media (max-width: 0)" in ask.get(light["src"]).text
    assert "@media (min-width: 0)" in ask.get(dark["src"]).text
    assert "prefers-color-scheme" not in ask.get(light["src"]).text + ask.get(dark["src"]).text
    assert "prefers-color-scheme" in seen(ask, "/lesson/1?shape=source").text("pre")[0]


def test_the_choices_are_links_that_keep_each_other(ask: httpx.Client) -> None:
    page = seen(ask, "/lesson/1?reader=markup&scheme=dark")
    links = [tag["href"] for tag in page.all("a")]
    assert "/lesson/1?reader=markup&width=desktop&scheme=dark" in links
    assert "/lesson/2?reader=markup&scheme=dark" in links
    assert "/inbox?reader=markup&scheme=dark" in links
    assert len([tag for tag in page.all("a") if tag.get("aria-current") == "true"]) == 4
    for link in links:
        seen(ask, link)


def test_the_inbox_cuts_lines_off_as_phones_do(ask: httpx.Client, course: Path) -> None:
    write(course, 1, subject='"A subject of more words than any phone would ever show"', preheader=f'"{"Ah " * 60}"')
    page = seen(ask, "/inbox")
    second, first = page.text("li")[-3:-1]
    assert second.startswith("Ann Author 08:00 Subject 2 Preheader 2 A Small Course")
    found = re.fullmatch(r"Ann Author 08:00 (.*…) (Ah .*…)", first)
    assert found
    assert (found[1], len(found[1])) == ("A subject of more words than any phone…", 39)
    assert 88 <= len(found[2]) <= 90
    assert page.text("li")[-1] == "Lesson 1: 54 characters"
    assert "A subject of more words than any phone would ever show" in seen(ask, "/inbox?width=desktop").text("li")[-1]
    assert [tag["class"] for tag in seen(ask, "/inbox?scheme=dark").all("ol")] == ["plain inbox phone dark"]


@pytest.mark.parametrize(
    ("most", "level", "said"),
    [
        (0, "fine", r"\d\d KB of the 102 KB that Gmail shows\."),
        (95_000, "near", r"9\d KB: nearly too long\. Gmail cuts a mail off after 102 KB\."),
        (110_000, "over", r"1\d\d KB: Gmail cuts it off after 102 KB, and the links at its foot\."),
    ],
)
def test_the_size_stands_against_what_gmail_shows(
    ask: httpx.Client, course: Path, most: int, level: str, said: str
) -> None:
    there = len(ask.get("/lesson/1/body.html").content)
    write(course, 1, "\n" + "word " * ((most - there) // 5) + "\n")
    page = seen(ask, "/lesson/1")
    assert re.search(said, page.text("dd")[2])
    assert page.all("dd")[2]["class"] == f"heft {level}"
    (bar,) = page.all("progress")
    assert int(bar["value"]) <= int(bar["max"]) == 102_000
    assert bool(re.search(said, seen(ask, "/").text("li")[0])) == (level != "fine")


# Live


def test_a_page_loads_anew_when_a_file_was_saved_made_renamed_or_removed(ask: httpx.Client, course: Path) -> None:
    def changes() -> bool:
        return ask.get("/stamp").text != before

    before = ask.get("/stamp").text
    assert seen(ask, "/lesson/1").all("script") == [{"src": "/reload.js", "data-stamp": before, "defer": ""}]
    assert not changes()
    write(course, 1, "\nAnd more.\n")
    wait_until(changes)
    assert "And more." in ask.get("/lesson/1/body.html").text
    before = ask.get("/stamp").text
    write(course, 3)
    wait_until(changes)
    assert seen(ask, "/").text("li")[-1] == "3 Subject 3 Theme 3"
    before = ask.get("/stamp").text
    (course / "03.md").rename(course / "00.md")
    wait_until(changes)
    assert seen(ask, "/").text("li")[0] == "1 Subject 3 Theme 3"
    before = ask.get("/stamp").text
    (course / "00.md").unlink()
    wait_until(changes)
    assert len(seen(ask, "/").text("li")) == 2


def test_what_an_editor_puts_beside_a_lesson_is_no_lesson_and_no_change(ask: httpx.Client, course: Path) -> None:
    before = ask.get("/stamp").text
    (course / ".01.md.swp").write_text("x", encoding="utf-8")
    (course / "01.md~").write_text("x", encoding="utf-8")
    (course / ".#01.md").symlink_to("ann@host.1234:5678")
    assert ask.get("/stamp").text == before
    assert len(seen(ask, "/").text("li")) == 2


def test_the_script_asks_for_the_stamp_and_nothing_else(ask: httpx.Client) -> None:
    script = ask.get("/reload.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert re.findall(r"fetch\((.*?),", script.text) == ['"/stamp"']


# What is wrong


@pytest.mark.parametrize(
    ("edit", "where", "said"),
    [
        (lambda text: text.replace("id: lesson-2\n", ""), "small/02.md, line 1", '"id" is missing'),
        (lambda text: text.replace("theme:", "theme: ["), "small/02.md, line 5", "The front matter is not valid YAML"),
        (lambda text: text + "\n{{ subscriber.nmae }}\n", "small/02.md, line 9", '"subscriber.nmae" is undefined'),
        (lambda text: text + "\n{% if %}\n", "small/02.md, line 9", "Expected an expression"),
        (lambda text: text.replace("lesson-2", "lesson-1"), "small/02.md, line 1", "is taken by small/01.md"),
        (lambda _text: "", "small/02.md, line 1", "The front matter is missing"),
    ],
)
def test_a_broken_lesson_shows_file_line_and_sentence_and_comes_back(
    ask: httpx.Client, course: Path, edit: object, where: str, said: str
) -> None:
    assert callable(edit)
    path = course / "02.md"
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    page = seen(ask, "/lesson/2", status=500)
    assert where in page.text("p")
    assert any(said in words for words in page.text("p"))
    assert page.all("script")
    assert page.all("iframe") == []
    assert ask.get("/lesson/2/body.html").status_code == 500
    for path_of_a_list in ("/", "/inbox"):
        assert said in " ".join(seen(ask, path_of_a_list).text("li"))
    assert "Words of lesson 1" in ask.get("/lesson/1/body.html").text
    write(course, 2)
    assert seen(ask, "/lesson/2").all("iframe")


def test_the_line_that_is_wrong_is_shown_among_its_neighbours(ask: httpx.Client, course: Path) -> None:
    write(course, 1, "\nBefore.\n\nDear {{ subscriber.nmae }},\nafter\n")
    page = seen(ask, "/lesson/1", status=500)
    assert "11 Dear {{ subscriber.nmae }}," in page.text("li")


def test_a_broken_course_file_and_no_lesson_at_all_are_said_on_every_page(ask: httpx.Client, course: Path) -> None:
    (course / "course.toml").write_text("title = 3\n", encoding="utf-8")
    for path, status in (("/", 200), ("/inbox", 200), ("/lesson/1", 500)):
        page = seen(ask, path, status)
        assert "small/course.toml" in page.text("p")
    (course / "course.toml").write_text(COURSE, encoding="utf-8")
    for file in course.glob("*.md"):
        file.unlink()
    assert "There is no lesson yet; write one as 01-first.md." in seen(ask, "/").text("p")
    write(course, 1)
    assert seen(ask, "/").text("li") == ["1 Subject 1 Theme 1"]


@pytest.mark.parametrize(
    "path", ["/lesson/0", "/lesson/3", "/lesson/0/body.html", "/static/other.css", "/static/..%2fx", "/nowhere"]
)
def test_what_is_not_there_is_not_found(ask: httpx.Client, path: str) -> None:
    assert seen(ask, path, status=404).text("h1") == ["Page not found"]


# The command


@contextmanager
def previewed(folder: Path, *words: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process in the folder of an installation, and the address that it says."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEQUENCER_")}
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-W", "error", "-m", "sequencer", "course", "preview", "--port", "0", *words],
        cwd=folder,
        env={**inherited, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        found = re.fullmatch(r"small: (http://127\.0\.0\.1:\d+)/ \(Ctrl-C ends\)\n", process.stdout.readline())
        try:
            assert found
            yield process, found[1]
        finally:
            process.kill()


@pytest.fixture
def house(course: Path) -> Path:
    """The folder of an installation whose settings say where courses are, and nothing else."""
    (course.parent / "sequencer.toml").write_text('courses = "."\n', encoding="utf-8")
    return course.parent


def test_the_browser_is_opened_at_the_first_page_and_ctrl_c_ends_it(house: Path) -> None:
    browser = house / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\n', encoding="utf-8")
    browser.chmod(0o700)
    with previewed(house, "--open", BROWSER=f"{browser} %s") as (process, url):
        wait_until(lambda: (house / "opened").is_file() and (house / "opened").read_text(encoding="utf-8"))
        assert (house / "opened").read_text(encoding="utf-8") == f"{url}/\n"
        assert Page(httpx.get(url).text).text("h1") == ["Lessons"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_a_course_that_is_broken_from_the_start_is_looked_at_all_the_same(house: Path, course: Path) -> None:
    write(course, 1, "\n{{ nobody }}\n")
    with previewed(house, "small") as (_, url), httpx.Client(base_url=url) as ask:
        assert ask.get("/lesson/1").status_code == 500
        before = ask.get("/stamp").text
        write(course, 1)
        wait_until(lambda: ask.get("/stamp").text != before)
        assert ask.get("/lesson/1").status_code == 200


def test_where_the_key_is_elsewhere_the_source_is_shown_unsigned(house: Path) -> None:
    with (house / "sequencer.toml").open("a", encoding="utf-8") as settings:
        settings.write('dkim_key = "elsewhere.pem"\n')
    with previewed(house) as (process, url):
        source = Page(httpx.get(f"{url}/lesson/1?shape=source").text).words["pre"][0]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert source.startswith("From: Ann Author")
    assert re.fullmatch(r"The source is shown unsigned\. There is no .*elsewhere\.pem; .*\n", err)


# Safe, and for everybody


def test_pages_run_and_style_nothing_that_stands_in_them(ask: httpx.Client) -> None:
    for path in ("/", "/inbox", "/lesson/1", "/lesson/1?shape=source", "/nowhere"):
        answer = ask.get(path)
        assert "unsafe" not in answer.headers["content-security-policy"]
        page = Page(answer.text)
        assert not [tag for _, tag in page.tags if "style" in tag or any(name.startswith("on") for name in tag)]
        assert "style" not in page.words
        assert all(tag.get("src") for tag in page.all("script"))
    mail = ask.get("/lesson/1/body.html").headers["content-security-policy"]
    assert "script" not in mail
    assert "default-src 'none'" in mail


def test_another_site_whose_name_leads_here_reads_nothing(ask: httpx.Client) -> None:
    assert ask.get("/", headers={"host": "evil.example"}).status_code == 400
    assert ask.get("/stamp", headers={"host": "localhost:8025"}).status_code == 200


def test_everything_is_reached_by_keyboard_and_says_what_it_is(ask: httpx.Client) -> None:
    for path in ("/", "/inbox", "/lesson/1", "/lesson/1?shape=text"):
        page = seen(ask, path)
        assert all(tag["href"] for tag in page.all("a"))
        assert all(tag.get("aria-label") for tag in page.all("nav"))
        assert all(tag.get("tabindex") == "0" for tag in page.all("pre"))
        assert all(tag.get("title") for tag in page.all("iframe"))
        assert not {"button", "input", "select"} & set(page.words)
    assert ":focus-visible { outline:" in ask.get("/static/site.css").text


def test_words_stand_out_from_what_is_behind_them_in_light_and_dark(ask: httpx.Client) -> None:
    rules = ask.get("/static/site.css").text + ask.get("/static/preview.css").text
    palettes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rule))
        for rule in re.findall(r"(?::root|\.inbox\.\w+) \{[^}]*--paper: #[0-9a-f]{6};[^}]*\}", rules)
    ]
    assert len(palettes) == 4
    for palette in palettes:
        behind = [palette[name] for name in ("paper", "tint", "bad-tint") if name in palette]
        for words in ("ink", "soft", "bad", "blue"):
            assert all(contrast(palette[words], ground) >= 4.5 for ground in behind), (words, palette)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
