"""What does an author see of a course whose files are being edited?"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from door import Page, served

from sequencer.content.templates import Templates
from sequencer.web import preview

COURSE = 'title = "A Small Course"\nsender = "Ann Author <ann@example.org>"\nlanguage = "en-GB"\n'
LESSON = """\
---
id: lesson-{number}
subject: "Subject {number}"
preheader: "Preheader {number}"
theme: "Theme {number}"
---
Words of lesson {number} for {{{{ subscriber.name }}}}.
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The files of a course of two lessons."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "course.toml").write_text(COURSE, encoding="utf-8")
    for number in (1, 2):
        (folder / f"{number:02}.md").write_text(LESSON.format(number=number), encoding="utf-8")
    return folder


@pytest.fixture
def ask(course: Path) -> Iterator[httpx.Client]:
    """A browser at the preview of that course."""
    site = preview.build(course, Templates(), postal_address="1 Example Street")
    with served(site) as url, httpx.Client(base_url=url) as browser:
        yield browser


def test_the_first_page_lists_the_lessons(ask: httpx.Client) -> None:
    page = Page(ask.get("/").text)
    assert page.text("h1") == ["A Small Course"]
    assert [tag["href"] for tag in page.all("a")] == ["/lesson/1", "/lesson/2"]


def test_a_lesson_is_shown_as_html_and_as_text(ask: httpx.Client) -> None:
    as_html = Page(ask.get("/lesson/1").text)
    assert as_html.text("h1") == ["Subject 1"]
    (frame,) = as_html.all("iframe")
    body = ask.get(frame["src"])
    assert "Words of lesson 1 for Alex." in body.text
    assert "script" not in body.headers["content-security-policy"]
    as_text = Page(ask.get("/lesson/2?view=text").text)
    assert "Words of lesson 2 for Alex." in as_text.text("pre")[0]
    assert Page(ask.get("/lesson/1?view=nonsense").text).all("iframe") == as_html.all("iframe")
    assert ask.get("/static/site.css").headers["content-type"].startswith("text/css")


def test_an_edit_is_seen_when_the_page_is_loaded_again(ask: httpx.Client, course: Path) -> None:
    ask.get("/lesson/1/body.html")
    (course / "01.md").write_text(LESSON.format(number=1) + "\nAnd more.\n", encoding="utf-8")
    assert "And more." in ask.get("/lesson/1/body.html").text


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text.replace("id: lesson-1\n", ""), '01.md:1: "id" is missing'),
        (lambda text: text.replace("theme:", "theme: ["), "01.md:5: the front matter is not valid YAML"),
        (lambda text: text + "\n{{ subscriber.nmae }}\n", "small/01.md:9: "),
        (lambda text: text + "\n{% if %}\n", "small/01.md:"),
        (lambda text: text.replace("lesson-1", "lesson-2"), 'the id "lesson-2" is taken by small/01.md'),
        (lambda _text: "", "01.md:1: the front matter is missing"),
    ],
)
def test_a_broken_lesson_shows_the_sentence_with_file_and_line(
    ask: httpx.Client, course: Path, edit: object, said: str
) -> None:
    assert callable(edit)
    path = course / "01.md"
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    answer = ask.get("/lesson/1")
    assert answer.status_code == 500
    assert said in Page(answer.text).text("p")[1]
    path.write_text(LESSON.format(number=1), encoding="utf-8")
    assert ask.get("/lesson/1").status_code == 200


@pytest.mark.parametrize("path", ["/lesson/0", "/lesson/3", "/lesson/0/body.html", "/static/other.css"])
def test_what_is_not_there_is_not_found(ask: httpx.Client, path: str) -> None:
    answer = ask.get(path)
    assert answer.status_code == 404
    assert Page(answer.text).text("h1") == ["Page not found"]
