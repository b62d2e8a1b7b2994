"""What becomes of the pages while files are written, broken and mended?"""

import re
from pathlib import Path

import httpx
import pytest
from door import wait_until
from manuscripts import COURSE, lessons, seen, write


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
    assert lessons(seen(ask, "/"))[-1] == "3 Subject 3 Theme 3"
    before = ask.get("/stamp").text
    (course / "03.md").rename(course / "00.md")
    wait_until(changes)
    assert lessons(seen(ask, "/"))[0] == "1 Subject 3 Theme 3"
    before = ask.get("/stamp").text
    (course / "00.md").unlink()
    wait_until(changes)
    assert len(lessons(seen(ask, "/"))) == 2


def test_what_an_editor_puts_beside_a_lesson_is_no_lesson_and_no_change(ask: httpx.Client, course: Path) -> None:
    before = ask.get("/stamp").text
    (course / ".01.md.swp").write_text("x", encoding="utf-8")
    (course / "01.md~").write_text("x", encoding="utf-8")
    (course / ".#01.md").symlink_to("ann@host.1234:5678")
    assert ask.get("/stamp").text == before
    assert len(lessons(seen(ask, "/"))) == 2


def test_the_script_asks_for_the_stamp_and_nothing_else(ask: httpx.Client) -> None:
    script = ask.get("/reload.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert re.findall(r"fetch\((.*?),", script.text) == ['"/stamp"']


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
    assert lessons(seen(ask, "/")) == ["1 Subject 1 Theme 1"]
