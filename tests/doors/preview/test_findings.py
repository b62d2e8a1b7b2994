"""Does an author see what lint finds, where they are writing, as they are writing?"""

from dataclasses import replace
from pathlib import Path

import httpx
from door import served, wait_until
from manuscripts import lessons, seen, write

from sequencer.content.templates import Templates
from sequencer.web import preview
from sequencer.web.preview import Desk

UNGUARDED = "\nDear {{ subscriber.name }},\n"
TEMPLATE = (
    "<mjml><mj-body><{tag} /><mj-section><mj-column><mj-text>"
    '<a href="{{{{ links.{link} }}}}">Press</a></mj-text></mj-column></mj-section>'
    "</mj-body></mjml>"
)
LONG = f'"{"Words " * 15}"'


def notes(ask: httpx.Client, path: str, status: int = 200) -> list[str]:
    """What lint says on a page, each finding with its line and its rule."""
    page = seen(ask, path, status)
    marked = [tag.get("class") in {"error", "warning"} for tag in page.all("li")]
    return [words for words, is_note in zip(page.text("li"), marked, strict=True) if is_note]


def test_a_course_without_faults_is_said_to_have_none(ask: httpx.Client) -> None:
    assert "Lint finds nothing to mend." in seen(ask, "/").text("p")
    assert notes(ask, "/lesson/1") == []


def test_findings_are_counted_on_the_list_and_stand_beside_the_lesson(ask: httpx.Client, course: Path) -> None:
    write(course, 2, UNGUARDED + "\n[nothing]()\n\n[there](http://example.org)\n", subject=LONG)
    page = seen(ask, "/")
    assert "Lint finds 1 error and 3 warnings." in page.text("p")
    first, second = lessons(page)
    assert first == "1 Subject 1 Theme 1"
    assert second.endswith("Theme 2 1 error and 3 warnings")
    empty, subject, unguarded, plain = notes(ask, "/lesson/2")
    assert empty.startswith("Error, line 11 ")
    assert empty.endswith(" empty-link")
    assert subject.startswith("Warning, line 3 The subject")
    assert subject.endswith(" long-subject")
    assert unguarded.startswith('Warning, line 9 "subscriber.name" is empty for whoever gave no name; write ')
    assert unguarded.endswith(" unguarded-value")
    assert plain.startswith("Warning, line 13 http://example.org is fetched ")
    assert notes(ask, "/lesson/1") == []


def test_findings_come_and_go_as_files_are_saved(ask: httpx.Client, course: Path) -> None:
    before = ask.get("/stamp").text
    write(course, 1, UNGUARDED)
    wait_until(lambda: ask.get("/stamp").text != before)
    assert len(notes(ask, "/lesson/1")) == 1
    assert notes(ask, "/lesson/1?shape=source") == notes(ask, "/lesson/1")
    write(course, 1)
    assert notes(ask, "/lesson/1") == []
    assert "Lint finds nothing to mend." in seen(ask, "/").text("p")


def test_a_broken_lesson_hides_nothing_that_is_found_in_the_others(ask: httpx.Client, course: Path) -> None:
    write(course, 1, UNGUARDED)
    (course / "02.md").write_text("---\nid: 3\nsubject: 4\n---\nWords.\n", encoding="utf-8")
    first, second = lessons(seen(ask, "/"))
    assert first.endswith("Theme 1 1 warning")
    assert second.endswith("3 errors")
    assert len(notes(ask, "/lesson/1")) == 1
    # The first of four is what both pages say in large letters already.
    assert [note.rpartition(" ")[2] for note in notes(ask, "/lesson/2", 500)] == ["front-matter"] * 3


def test_what_is_found_in_partials_stands_on_the_list_with_its_file(ask: httpx.Client, course: Path) -> None:
    (course / "partials").mkdir()
    (course / "partials" / "greeting.md").write_text("Dear {{ subscriber.name }},\n", encoding="utf-8")
    write(course, 1, '\n[% include "greeting.md" %]\n')
    (found,) = notes(ask, "/")
    assert found.startswith("Warning, partials/greeting.md, line 1 ")


def test_all_that_is_wrong_with_course_toml_stands_on_the_list(ask: httpx.Client, course: Path) -> None:
    with (course / "course.toml").open("a", encoding="utf-8") as file:
        file.write('days = ["someday"]\ncolour = "blue"\n')
    page = seen(ask, "/")
    assert "Lint finds 2 errors." in page.text("p")
    assert any('"colour" is not known here' in words for words in page.text("p"))
    (found,) = notes(ask, "/")
    assert found.startswith("Error, course.toml, line 4 ")
    assert "someday" in found


def test_what_is_found_in_templates_stands_on_the_list_or_at_their_mail(desk: Desk, tmp_path: Path) -> None:
    own = tmp_path / "templates"
    (own / "mail").mkdir(parents=True)
    for name, tag, link in (("lesson", "mj-nothing", "unsubscribe"), ("confirm", "mj-nobody", "confirm")):
        (own / "mail" / f"{name}.mjml").write_text(TEMPLATE.format(tag=tag, link=link), encoding="utf-8")
    desk = replace(desk, templates=Templates(own), watched=(own, *desk.watched))
    with served(preview.build(desk)) as url, httpx.Client(base_url=url, timeout=30) as ask:
        (found,) = notes(ask, "/")
        assert found.startswith("Error, templates/mail/lesson.mjml, line 1 MJML has no <mj-nothing>")
        (found,) = (one for one in notes(ask, "/confirmation") if one.startswith("Error, line 1 "))
        assert "mj-nobody" in found
        assert notes(ask, "/reminder") == []
