"""Is a mail that was made once the same as one that is made anew, and made anew only when it has to be?"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from house import NOW, small_course

from sequencer.content import courses
from sequencer.content.files import shipped
from sequencer.content.render import LETTERS
from sequencer.content.templates import Templates
from sequencer.core.model import CatchUp, Course
from sequencer.errors import BadContent
from sequencer.flows import lint, proof
from sequencer.flows.galley import Galley
from sequencer.flows.press import Imprint, Press
from sequencer.flows.proof import Reader
from sequencer.message import address
from sequencer.relays import Relay

IMPRINT = Imprint(base_url="https://example.org", secret="a", postal_address="1 Example Street", confirm_within=7)
RELAY = Relay(host="127.0.0.1", port=25, tls="off")
READER = Reader(name="Alex", address=address.parse("alex@example.org"))
SHOWCASE = Path(__file__).parents[1] / "data" / "showcase" / "showcase"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a template of one's own for the text part of lessons, which tells when it was read."""
    (tmp_path / "mail").mkdir()
    say(tmp_path, "first")
    return tmp_path


def say(own: Path, word: str) -> None:
    """Change the template."""
    (own / "mail" / "lesson.txt").write_text(
        f"{word}: [[ lesson.subject ]] of [[ lesson.total ]]\n{{{{ links.unsubscribe }}}}\n", encoding="utf-8"
    )


def text(galley: Galley, course: Course, step: int, **changes: object) -> str:
    """The first line of a lesson's text part."""
    return galley.lesson(course, step, replace(READER, **changes), now=NOW).text.splitlines()[0]  # type: ignore[arg-type]


def test_what_is_kept_is_what_would_be_made_of_the_whole_course() -> None:
    course = courses.read(shipped("lessons") / "why-men-pull-away")
    kept, press = Galley(Templates(), IMPRINT, RELAY), Press(Templates(), IMPRINT)
    for step in (*range(len(course.lessons)), *range(3)):
        parcel = proof.pull(press, course, step, READER, relay=RELAY, now=NOW)
        assert kept.lesson(course, step, READER, now=NOW) == proof.opened(parcel.content)
    for template in LETTERS:
        parcel = proof.pull_letter(press, template, course, READER, relay=RELAY, now=NOW)
        assert kept.letter(template, course, READER, now=NOW) == proof.opened(parcel.content)
    assert kept.letter("confirm", course, READER, now=NOW).subject.startswith("Please confirm")


def test_a_lesson_is_compiled_when_it_changed_and_not_before(own: Path) -> None:
    galley, course = Galley(Templates(own, live=True), IMPRINT, RELAY), small_course()
    assert [text(galley, course, step) for step in (0, 1)] == ["first: Subject 1 of 3", "first: Subject 2 of 3"]
    say(own, "second")
    assert text(galley, course, 0, name="Somebody else") == "first: Subject 1 of 3"
    changed = replace(course, lessons=(replace(course.lessons[0], subject="Changed"), *course.lessons[1:]))
    assert [text(galley, changed, step) for step in (0, 1)] == ["second: Changed of 3", "first: Subject 2 of 3"]
    # It says again what it said.
    assert text(galley, course, 0) == "first: Subject 1 of 3"


def test_every_lesson_is_compiled_anew_when_there_is_another_lesson_or_another_title(own: Path) -> None:
    galley = Galley(Templates(own, live=True), IMPRINT, RELAY)
    assert text(galley, small_course(3), 0) == "first: Subject 1 of 3"
    say(own, "second")
    assert text(galley, small_course(4), 0) == "second: Subject 1 of 4"
    say(own, "third")
    assert text(galley, small_course(3, title="Another"), 0) == "third: Subject 1 of 3"


def test_no_more_is_kept_than_there_is_room_for(own: Path) -> None:
    galley, course = Galley(Templates(own, live=True), IMPRINT, RELAY, room=2), small_course()
    for step in (0, 1, 2):
        text(galley, course, step)
    say(own, "second")
    assert [text(galley, course, step) for step in (2, 0)] == ["first: Subject 3 of 3", "second: Subject 1 of 3"]


def test_findings_are_those_of_lint_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "showcase"
    shutil.copytree(SHOWCASE, folder)
    galley, templates = Galley(Templates(), IMPRINT, RELAY), Templates()
    (first, *_) = sorted(folder.glob("*.md"))
    for more in ("", "\n{{ subscriber.name }}\n", "\n[nothing]()\n", "\n{{ nobody }}\n", ""):
        first.write_text(next(SHOWCASE.glob(first.name)).read_text(encoding="utf-8") + more, encoding="utf-8")
        expected = lint.lint(folder, templates, postal_address=IMPRINT.postal_address, now=NOW)
        assert galley.findings(folder, now=NOW) == expected
        assert bool(more) == bool([one for one in expected if one.file == str(first)])


def test_a_mail_that_was_judged_is_judged_anew_when_it_changed(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "course.toml").write_text('title = "Small"\nsender = "ann@example.org"\n', encoding="utf-8")
    front = "---\nid: a\nsubject: {}\npreheader: A line\ntheme: T\n---\nWords.\n"
    (folder / "01.md").write_text(front.format("One"), encoding="utf-8")
    galley = Galley(Templates(own, live=True), IMPRINT, RELAY)
    assert galley.findings(folder, now=NOW) == []
    (own / "mail" / "lesson.txt").write_text("No way out.\n", encoding="utf-8")
    assert galley.findings(folder, now=NOW) == []
    (folder / "01.md").write_text(front.format("Other"), encoding="utf-8")
    assert [one.rule for one in galley.findings(folder, now=NOW)] == ["no-unsubscribe"]


def test_a_lesson_that_cannot_be_made_is_refused_each_time_and_hides_no_other() -> None:
    galley, course = Galley(Templates(), IMPRINT, RELAY), small_course()
    broken = replace(course, lessons=(replace(course.lessons[0], body="{{ nobody }}\n"), *course.lessons[1:]))
    for _ in range(2):
        with pytest.raises(BadContent, match="nobody"):
            galley.lesson(broken, 0, READER, now=NOW)
    assert galley.lesson(broken, 1, READER, now=NOW).subject == "Subject 2"


def test_a_digest_lists_what_stands_before_and_only_where_the_course_makes_digests() -> None:
    galley, course = Galley(Templates(), IMPRINT, RELAY), small_course(4)
    digests = replace(course, catch_up=CatchUp.DIGEST)
    assert "Subject 2" not in galley.lesson(course, 3, READER, now=NOW, passed=2).text
    mail = galley.lesson(digests, 3, READER, now=NOW, passed=2)
    assert ["Subject 1" in mail.text, "Subject 2" in mail.text, "Subject 3" in mail.text] == [False, True, True]
    assert galley.lesson(digests, 0, READER, now=NOW, passed=2) == galley.lesson(digests, 0, READER, now=NOW)
