"""What does lint find in a course's files, with which file, line and rule, and what does it let pass?"""

import threading
from collections.abc import Iterator
from datetime import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from house import NOW, small_course

from sequencer.content import courses, skeletons
from sequencer.content.files import shipped
from sequencer.content.lint import front as front_matter
from sequencer.content.lint import order
from sequencer.content.lint.findings import Finding, rules_table
from sequencer.content.render import LETTERS
from sequencer.content.templates import Templates
from sequencer.core.model import Gap, Rhythm
from sequencer.errors import BadContent
from sequencer.flows import lint as linter

LESSON = """---
id: {key}
subject: "Subject {key}"
preheader: "Preheader {key}"
theme: "Theme {key}"
---

Words of {key}.
"""
BOAT = (Path(__file__).parents[1] / "data" / "images" / "lamp.png").read_bytes()
COURSE = 'title = "Small"\nsender = "Ann <ann@example.org>"\n'
ONE = LESSON.format(key="one")


def write(folder: Path, *, course: str = COURSE, **lessons: str) -> Path:
    """A course folder with these lessons; a name's underscore stands for a hyphen."""
    made = folder / "small"
    made.mkdir()
    (made / "course.toml").write_text(course)
    for name, words in lessons.items():
        (made / f"{name.lstrip('_').replace('_', '-')}.md").write_text(words)
    return made


def lint(folder: Path, templates: Templates | None = None, *, ask_the_web: bool = False) -> list[Finding]:
    found = linter.lint(
        folder, templates or Templates(), postal_address="1 Example Street", now=NOW, ask_the_web=ask_the_web
    )
    return list(found)


def brief(folder: Path, templates: Templates | None = None, *, ask_the_web: bool = False) -> list[tuple[str, str]]:
    """Where in the course's folder, and by which rule."""
    found = lint(folder, templates, ask_the_web=ask_the_web)
    return [(finding.where.removeprefix(f"{folder}/"), finding.rule) for finding in found]


def test_the_shipped_course_has_nothing_to_find_fault_with_not_even_a_warning() -> None:
    assert lint(shipped("lessons") / "why-men-pull-away") == []


@pytest.mark.parametrize("theme", sorted(Templates().themes()))
def test_what_a_lesson_can_hold_has_no_fault_in_any_theme(tmp_path: Path, theme: str) -> None:
    source = Path(__file__).parent.parent / "data" / "showcase" / "showcase"
    folder = write(tmp_path, course=(source / "course.toml").read_text() + f'theme = "{theme}"\n')
    (folder / "partials").mkdir()
    for path in source.rglob("*.md"):
        (folder / path.relative_to(source)).write_text(path.read_text())
    assert lint(folder) == []


# What cannot be read.


def test_each_broken_file_is_found_at_once(tmp_path: Path) -> None:
    folder = write(tmp_path, one="no front matter\n", two=LESSON.format(key="two"), three="---\nid: x\n")
    found = lint(folder)
    assert [finding.where for finding in found] == [f"{folder}/one.md:1", f"{folder}/three.md:1"]
    assert "front matter is missing" in found[0].sentence
    assert "has no end" in found[1].sentence


def test_every_wrong_key_of_front_matter_is_found_each_with_its_line(tmp_path: Path) -> None:
    lesson = ONE.replace('subject: "Subject one"', "subject: 3").replace("id: one\n", "").replace("theme", "teme")
    folder = write(tmp_path, one=lesson)
    found = lint(folder)
    assert [(finding.line, finding.rule) for finding in found] == [
        (1, "front-matter"),
        (2, "front-matter"),
        (1, "front-matter"),
        (4, "front-matter"),
    ]
    said = [finding.sentence for finding in found]
    assert [sentence.split(";")[0] for sentence in said] == [
        '"id" is missing',
        '"subject" is 3',
        '"theme" is missing',
        '"teme" is not known here',
    ]


def test_every_wrong_key_of_the_course_file_is_found_each_with_its_line(tmp_path: Path) -> None:
    course = 'title = "Small"\ndays = []\nsend_at = "25:00"\ncolour = "red"\ntheme = "No Theme"\n'
    found = lint(write(tmp_path, course=course, one=ONE))
    assert [finding.line for finding in found] == [1, 2, 3, 4, 5]
    assert {finding.rule for finding in found} == {"course-file"}
    assert [finding.sentence.split('"')[1] for finding in found] == ["sender", "days", "send_at", "colour", "theme"]


def test_a_lesson_that_cannot_be_read_hides_nothing_in_the_others(tmp_path: Path) -> None:
    folder = write(tmp_path, one="", two=LESSON.format(key="two") + "{{ subscriber.nam }}\n")
    assert brief(folder) == [("one.md:1", "front-matter"), ("two.md:9", "undefined-value")]


def test_a_course_without_its_file_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path, one=ONE)
    (folder / "course.toml").unlink()
    assert brief(folder) == [("course.toml", "course-file")]


def test_a_course_without_lessons_is_found(tmp_path: Path) -> None:
    (finding,) = lint(write(tmp_path))
    assert "there is no lesson yet" in finding.sentence


def test_a_theme_that_is_not_there_is_found(tmp_path: Path) -> None:
    found = lint(write(tmp_path, course=COURSE + 'theme = "velvet"\n', one=ONE))
    assert {finding.sentence for finding in found} == {'the theme "velvet" is not known; there are paper, plain.'}


# Marks.


def test_each_broken_mark_is_found_with_its_line(tmp_path: Path) -> None:
    bad = ONE + "\nHello {{ subscriber.nam }}.\n\n{{ nobody }}\n"
    folder = write(tmp_path, one=bad, two=LESSON.format(key="two"), three=bad.replace("one", "three"))
    undefined = "undefined-value"
    assert brief(folder) == [
        ("one.md:12", undefined),
        ("one.md:10", undefined),
        ("three.md:12", undefined),
        ("three.md:10", undefined),
    ]


GUARDS = [
    ("{{ subscriber.name }}", True),
    ("{{ subscriber['name'] }}", True),
    ("{{ subscriber.name | upper }}", True),
    ("{{ 'Dear ' ~ subscriber.name }}", True),
    ("{% if course.title %}{{ subscriber.name }}{% endif %}", True),
    ("{% if subscriber.name %}{{ subscriber.name }}{% else %}{{ subscriber.name }}{% endif %}", True),
    ("[here]({{ links.view }})", True),
    ("{{ subscriber.name or 'you' }}", False),
    ("{{ subscriber.name | default('you', true) }}", False),
    ("{{ subscriber.name if subscriber.name else 'you' }}", False),
    ("{% if subscriber.name %}{{ subscriber.name }}{% endif %}", False),
    ("{% if not subscriber.name %}You{% else %}{{ subscriber.name }}{% endif %}", False),
    ("{% if subscriber.name and course.title %}**{{ subscriber.name }}**{% endif %}", False),
    ("{{ course.title }} {{ course.progress }} {{ lesson.subject }}", False),
    ("{# {{ subscriber.name }} #}A", False),
]


@pytest.mark.parametrize(("words", "found"), GUARDS)
def test_a_value_that_may_be_empty_needs_an_or_or_an_if(tmp_path: Path, words: str, *, found: bool) -> None:
    folder = write(tmp_path, one=f"{ONE}\nHello {words}.\n")
    assert brief(folder) == ([("one.md:10", "unguarded-value")] if found else [])


def test_a_value_that_may_be_empty_is_found_in_the_subject_too(tmp_path: Path) -> None:
    folder = write(tmp_path, one=ONE.replace("Subject one", "For {{ subscriber.name }}"))
    assert brief(folder) == [("one.md:3", "unguarded-value")]


def test_what_fails_for_whoever_has_no_name_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path, one=f"{ONE}\n{{% if subscriber.name[0] == 'A' %}}A{{% endif %}}\n")
    assert brief(folder) == [("one.md", "lesson")]


# Boxes and partials.


def test_a_box_without_an_end_is_found(tmp_path: Path) -> None:
    assert brief(write(tmp_path, one=f"{ONE}\n::: tip\nA.\n")) == [("one.md:10", "lesson")]


def test_a_fault_within_a_partial_is_found_in_the_partials_file(tmp_path: Path) -> None:
    folder = write(tmp_path, one=f'{ONE}\n[% include "end.md" %]\n\n{{{{ nobody }}}}\n\n[home](/)\n')
    (folder / "partials").mkdir()
    (folder / "partials" / "end.md").write_text("Bye,\n{{ subscriber.name }}\n[x](/y)\n")
    assert brief(folder) == [
        ("one.md:12", "undefined-value"),
        ("partials/end.md:2", "unguarded-value"),
        ("partials/end.md:3", "relative-address"),
        ("one.md:14", "relative-address"),
    ]


def test_a_partial_that_is_not_there_is_found_where_it_is_wanted(tmp_path: Path) -> None:
    assert brief(write(tmp_path, one=f'{ONE}\n[% include "end.md" %]\n')) == [("one.md:10", "lesson")]


# Links and images.

LINKS = [
    ("[x]()", "empty-link"),
    ("[x](#)", "empty-link"),
    ("[](https://example.org)", "empty-link"),
    ("[x](/about)", "relative-address"),
    ("[x](about.html)", "relative-address"),
    ("[x](//example.org/a)", "relative-address"),
    ("[x](http://example.org)", "plain-http"),
    ("![a boat](//example.org/boat.png)", "relative-address"),
    ("![a boat](boat.png)", "image-file"),
    ("![a boat](../boat.png)", "image-file"),
    ("![a boat](/etc/passwd)", "image-file"),
    ("![a boat](course.toml)", "image-file"),
    ("![a boat](my boat.png)", "image-file"),
    ("![a boat](boats/{{ lesson.number }}.png)", "image-file"),
    ("![](https://example.org/boat.png)", "image-without-alt"),
    ("[x](https://example.org) <https://example.org/y>", None),
    ("[x](mailto:ann@example.org) [y](tel:+44123)", None),
    ("[x]({{ links.view or course.site }})", None),
    ("![a boat](https://example.org/boat.png)", None),
    ("`[x](/about)`", None),
]


@pytest.mark.parametrize(("words", "rule"), LINKS)
def test_links_and_images_lead_somewhere_by_themselves(tmp_path: Path, words: str, rule: str | None) -> None:
    folder = write(tmp_path, one=f"{ONE}\nFirst line\nthen {words}\n")
    assert brief(folder) == ([("one.md:11", rule)] if rule else [])


@pytest.mark.parametrize(
    ("more", "rule"), [(0, None), (990_000, None), (1_000_000, "heavy-image"), (5_000_000, "image-file")]
)
def test_an_image_beside_the_lesson_is_fine_as_long_as_it_is_light(tmp_path: Path, more: int, rule: str | None) -> None:
    folder = write(tmp_path, one=f"{ONE}\n![a boat](boat.png)\n")
    (folder / "boat.png").write_bytes(BOAT + b"\0" * more)
    assert brief(folder) == ([("one.md:10", rule)] if rule else [])


def test_an_image_is_judged_where_it_stands_and_by_the_sentence_that_publishing_says(tmp_path: Path) -> None:
    folder = write(tmp_path, one=f'{ONE}\n[% include "end.md" %]\n\nThen ![a boat](boat.svg)\n')
    (folder / "partials").mkdir()
    (folder / "partials" / "end.md").write_text("Bye,\n![a boat](boat.png)\n")
    (folder / "boat.svg").write_text("<svg/>")
    assert brief(folder) == [("partials/end.md:2", "image-file"), ("one.md:12", "image-file")]
    with pytest.raises(BadContent) as caught:
        courses.read(folder)
    found = lint(folder)[0]
    assert str(caught.value) == f"{found.where}: {found.sentence}"


class Site(BaseHTTPRequestHandler):
    """Answers by its paths: /404 says so, /nohead only answers GET, /heavy.png is heavy."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.asked.append(f"HEAD {self.path}")
        self._answer(405 if self.path == "/nohead" else self._status())

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path}")
        self._answer(self._status())

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _status(self) -> int:
        return int(self.path[1:]) if self.path[1:].isdigit() else 200

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/404")
        self.send_header("content-length", "2000000" if "heavy" in self.path else "0")
        self.end_headers()


@pytest.fixture
def site() -> Iterator[str]:
    """A web server on loopback."""
    Site.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def asked(folder: Path) -> list[tuple[str, str]]:
    """What is found on the network; that a test's server has no certificate is not."""
    return [one for one in brief(folder, ask_the_web=True) if one[1] != "plain-http"]


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("200", None),
        ("nohead", None),
        ("404", "broken-link"),
        ("410", "broken-link"),
        ("302", "broken-link"),
        ("403", "unsure-link"),
        ("503", "unsure-link"),
    ],
)
def test_links_are_asked_whether_they_answer(tmp_path: Path, site: str, path: str, rule: str | None) -> None:
    folder = write(tmp_path, one=f"{ONE}\n[x]({site}/{path})\n")
    assert asked(folder) == ([("one.md:10", rule)] if rule else [])


def test_a_server_that_is_not_there_is_a_broken_link(tmp_path: Path) -> None:
    folder = write(tmp_path, one=f"{ONE}\n[x](http://127.0.0.1:1/)\n")
    assert asked(folder) == [("one.md:10", "broken-link")]


def test_a_heavy_image_on_a_server_is_found_and_each_address_is_asked_once(tmp_path: Path, site: str) -> None:
    words = f"{ONE}\n![a boat]({site}/heavy.png)\n\n[x]({site}/200) [y]({site}/200)\n"
    assert asked(write(tmp_path, one=words)) == [("one.md:10", "heavy-image")]
    assert sorted(Site.asked) == ["HEAD /200", "HEAD /heavy.png"]


def test_nobody_is_asked_unless_the_author_says_so(tmp_path: Path, site: str) -> None:
    lint(write(tmp_path, one=f"{ONE}\n[x]({site}/404)\n"))
    assert Site.asked == []


# Templates and the mail as a whole.


def own(folder: Path, name: str, *changes: tuple[str, str]) -> Templates:
    """Templates of which one is changed."""
    (folder / "templates" / "mail").mkdir(parents=True)
    text = (shipped("templates") / "mail" / name).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "templates" / "mail" / name).write_text(text)
    return Templates(folder / "templates")


def test_tags_and_attributes_that_mjml_does_not_have_are_found_in_templates(tmp_path: Path) -> None:
    templates = own(
        tmp_path,
        "lesson.mjml",
        ("<mj-divider css-class", "<mj-line /><mj-divider colour"),
        ("mj-body background-color", "mj-body backgroundcolor"),
    )
    found = lint(write(tmp_path, one=ONE), templates)
    assert {finding.rule for finding in found} == {"unknown-tag", "unknown-attribute"}
    by_file = [finding for finding in found if finding.file.endswith("templates/mail/lesson.mjml")]
    assert by_file[0].sentence == '<mj-body> has no attribute "backgroundcolor"; is background-color meant.'
    lines = (tmp_path / "templates/mail/lesson.mjml").read_text().split("\n")
    assert all(finding.sentence.split(">")[0] in lines[finding.line - 1] for finding in by_file[:1])
    assert "the mail still holds <mj-line>, which MJML did not know." in [finding.sentence for finding in found]


def test_a_mail_that_gmail_would_cut_off_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path, one=ONE + "Long words.\n" * 9000)
    (finding,) = lint(folder)
    assert (finding.where, finding.rule) == (f"{folder}/one.md", "clipped")
    assert "Gmail cuts it off" in finding.sentence


@pytest.mark.parametrize(("name", "part"), [("lesson.mjml", "HTML"), ("lesson.txt", "text")])
def test_a_template_without_a_link_to_unsubscribe_is_found_once(tmp_path: Path, name: str, part: str) -> None:
    templates = own(tmp_path, name, ("{{ links.unsubscribe }}", "https://example.org/"))
    found = lint(write(tmp_path, one=ONE, two=LESSON.format(key="two")), templates)
    assert [finding.rule for finding in found] == ["no-unsubscribe"]
    assert found[0].sentence.startswith(f"the {part} part has no link to unsubscribe")


def test_words_that_hardly_stand_out_are_found_in_light_and_in_dark(tmp_path: Path) -> None:
    (tmp_path / "templates" / "themes").mkdir(parents=True)
    text = (shipped("templates") / "themes" / "paper.toml").read_text()
    faint = text.replace('soft = "#566176"', 'soft = "#aaaaaa"').replace('accent = "#a9c3ff"', 'accent = "#24478f"')
    (tmp_path / "templates" / "themes" / "paper.toml").write_text(faint)
    found = lint(write(tmp_path, one=ONE), Templates(tmp_path / "templates"))
    assert {finding.rule for finding in found} == {"contrast"}
    said = [finding.sentence.split(" is ")[1].split(":")[0] for finding in found]
    faint = [
        "#aaaaaa on #ffffff in light mode",
        "#24478f on #121926 in dark mode",
        "#121926 on #24478f in dark mode",
    ]
    # In the lessons, and in the words of each of the other mails.
    assert sorted(said[:3]) == sorted(faint)
    assert set(said[3:]) == set(faint)
    assert [Path(finding.file).name for finding in found[:6]] == ["one.md"] * 3 + ["confirm.mjml"] * 3
    assert {Path(finding.file).name for finding in found[6:]} <= {f"{template}.mjml" for template in LETTERS}


# Subjects, preheaders, wording.


def front(key: str, subject: str, preheader: str) -> str:
    return f'---\nid: {key}\nsubject: "{subject}"\npreheader: "{preheader}"\ntheme: "T"\n---\nWords.\n'


def test_a_subject_over_60_characters_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path, _01_a=front("a", "a" * 60, "A"), _02_b=front("b", "b" * 61, "B"))
    assert brief(folder) == [("02-b.md:3", "long-subject")]


def test_a_subject_or_a_preheader_that_was_there_before_is_found(tmp_path: Path) -> None:
    folder = write(
        tmp_path, a=front("a", "Tides", "Why."), b=front("b", "tides!", "WHY?"), c=front("c", "Tides 2", "How.")
    )
    assert brief(folder) == [("b.md:3", "repeated-subject"), ("b.md:4", "repeated-preheader")]


@pytest.mark.parametrize(
    ("preheader", "found"), [("The tides", True), ("The tides, again", True), ("The tideside", False)]
)
def test_a_preheader_that_repeats_the_subject_is_found(tmp_path: Path, preheader: str, *, found: bool) -> None:
    folder = write(tmp_path, a=front("a", "The tides", preheader))
    assert brief(folder) == ([("a.md:4", "repeated-preheader")] if found else [])


SPAM = [
    ("Free!!!", True),
    ("WIN A BOAT TODAY", True),
    ("Re: your order", True),
    ("Act now, or never", True),
    ("100% free tides", True),
    ("Congratulations, you won", True),
    ("Earn $500 from home", True),
    ("Really?!", True),
    ("Why the sea is free", False),
    ("NASA and the moon", False),
    ("What now?", False),
    ("Regarding tides: a note", False),
]


@pytest.mark.parametrize(("subject", "found"), SPAM)
def test_a_subject_that_speaks_like_an_advertisement_is_found(tmp_path: Path, subject: str, *, found: bool) -> None:
    folder = write(tmp_path, a=front("a", subject, "Something else."))
    assert brief(folder) == ([("a.md:3", "spam-wording")] if found else [])


@pytest.mark.parametrize(
    ("words", "found"),
    [("Dear friend,", True), ("Click here to see.", True), ("What would I say to a dear friend?", False)],
)
def test_a_text_that_speaks_like_an_advertisement_is_found(tmp_path: Path, words: str, *, found: bool) -> None:
    folder = write(tmp_path, one=f"{ONE}\n{words}\n")
    assert brief(folder) == ([("one.md:10", "spam-wording")] if found else [])


# What was only begun.


def test_each_word_of_a_begun_lesson_that_was_left_is_found_on_its_line(tmp_path: Path) -> None:
    folder = write(tmp_path, _01_first=skeletons.LESSON)
    lines = skeletons.LESSON.split("\n")
    found = {lines[one.line - 1].strip(): one for one in lint(folder)}
    assert {one.rule for one in found.values()} == {"skeleton"}
    assert list(found) == [
        'subject: "The first lesson"',
        'preheader: "What the first lesson is about, in one sentence."',
        "Write what you have to say, in **Markdown**: one thought, one lesson.",
        "## A heading, where a lesson needs one",
        "What would you like the reader to think about today?",
        next(line for line in lines if line.startswith("A line on what comes next.")),
    ]
    assert found['subject: "The first lesson"'].sentence == (
        'the subject is still what "sequencer course new" wrote; write your own.'
    )


def test_a_lesson_that_was_written_over_is_nobody_s_skeleton_though_its_greeting_and_boxes_stay(tmp_path: Path) -> None:
    written = skeletons.LESSON
    for one in lint(write(tmp_path, _01_first=skeletons.LESSON)):
        line = skeletons.LESSON.split("\n")[one.line - 1]
        key, _, value = line.partition(": ")
        written = written.replace(
            line, f'{key}: "On {key}s"' if value.startswith('"') else f"Words of line {one.line}."
        )
    again = tmp_path / "again"
    again.mkdir()
    assert "Hello {{ subscriber.name }}" in written
    assert lint(write(again, _01_first=written)) == []


# Order and rhythm.


def test_two_lessons_with_one_id_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path, one=front("same", "A", "B"), two=front("same", "C", "D"))
    (finding,) = lint(folder)
    assert (finding.where, finding.rule) == (f"{folder}/two.md:1", "twin-id")
    assert '"same" is taken by small/one.md' in finding.sentence


ORDERS = [
    (["01", "02", "03"], []),
    (["00", "01"], []),
    (["10", "20", "30"], []),
    (["intro", "outro"], []),
    (["01", "02", "04"], [("04-x.md", "file-gap")]),
    (["10", "20", "40"], [("40-x.md", "file-gap")]),
    (["1", "10", "2"], [("2-x.md", "file-order")]),
]


@pytest.mark.parametrize(("names", "expected"), ORDERS)
def test_the_numbers_of_files_rise_step_by_step(
    tmp_path: Path, names: list[str], expected: list[tuple[str, str]]
) -> None:
    lessons = {f"_{name}_x": front(f"k{name}", f"S{name}", f"P{name}") for name in names}
    assert brief(write(tmp_path, course=COURSE, **lessons)) == expected


def test_two_lessons_with_one_number_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path, _01_a=front("a", "A", "X"), _01_b=front("b", "B", "Y"))
    assert brief(folder) == [("01-b.md", "file-order")]


@pytest.mark.parametrize(("previous", "found"), [("a", False), ("b", True), ("nobody", True)])
def test_a_lesson_that_follows_another_than_it_says_is_found(tmp_path: Path, previous: str, *, found: bool) -> None:
    second = front("b", "B", "Y").replace("---\nid", f"---\nprevious: {previous}\nid")
    folder = write(tmp_path, a=front("a", "A", "X"), b=second)
    assert brief(folder) == ([("b.md:2", "previous")] if found else [])


def test_a_lesson_that_comes_in_two_years_is_found(tmp_path: Path) -> None:
    late = front("b", "B", "Y").replace("---\nid", '---\ngap: "104 weeks"\nid')
    folder = write(tmp_path, a=front("a", "A", "X"), b=late)
    assert brief(folder) == [("b.md:2", "far-away")]


def test_a_rhythm_that_never_comes_true_is_found(tmp_path: Path) -> None:
    (draft, _) = front_matter.draft(write(tmp_path, one=ONE) / "one.md")
    assert draft is not None
    course = small_course(1, rhythm=Rhythm(send_at=time(8), days=frozenset(), gap=Gap(days=1)))
    (finding,) = order.rhythm(course, [draft], path="small/course.toml", now=NOW)
    assert (finding.where, finding.rule) == ("small/course.toml", "never-due")


def test_a_rhythm_without_weekdays_is_refused_where_it_is_written(tmp_path: Path) -> None:
    folder = write(tmp_path, course=f"{COURSE}days = []\n", one=ONE)
    assert brief(folder) == [("course.toml:3", "course-file")]


# The documents.


def test_the_rules_in_the_documents_are_those_of_the_program() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "lessons.md").read_text(encoding="utf-8")
    assert f"<!-- rules -->\n{rules_table()}\n<!-- end -->" in page
