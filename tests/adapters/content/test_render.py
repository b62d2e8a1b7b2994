"""What does a person read, whatever the author wrote and whatever the person is called?"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from house import small_course, small_lesson
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content import courses
from sequencer.content.files import shipped
from sequencer.content.render import CompiledMail, Mail, Person, compile_lesson, compile_letter, sample_person
from sequencer.content.templates import Templates
from sequencer.errors import BadContent

TEMPLATES = Templates()
POSTAL = "Stonefield Letters\n12 Example Street, London"
NO_LINKS = {"unsubscribe": "", "preferences": "", "view": "", "course": ""}


def compiled(body: str = "Words.\n", *, templates: Templates = TEMPLATES, **changes: object) -> CompiledMail:
    lesson = small_lesson(1, body=body, **changes)
    course = replace(small_course(), lessons=(lesson, small_lesson(2)))
    return compile_lesson(course, 0, templates=templates, postal_address=POSTAL)


def filled(body: str = "Words.\n", *, name: str = "Alex", **changes: object) -> Mail:
    return compiled(body, **changes).fill(sample_person(name))


def story(mail: Mail) -> str:
    """The lesson's own words in the text part: between the author and the signature."""
    return mail.text.split("Ann Author\n\n", 1)[1].split("\n-- \n", 1)[0].rstrip("\n")


class Page(HTMLParser):
    """The tags of an HTML page with their attributes, and the words that it shows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.ends: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self.ends.append(tag)
        self.words += "" if tag in ("a", "em", "strong", "code") else " "

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def words(html: str) -> str:
    return " ".join(Page(html).words.split())


# What the author left open.


def test_a_persons_name_stands_where_the_author_left_it_open() -> None:
    mail = filled("Dear {{ subscriber.name }}, *hello*.\n", subject="For {{ subscriber.name }}", name="Eve")
    assert mail.subject == "For Eve"
    assert "Dear Eve, <em>hello</em>." in mail.html
    assert story(mail) == "Dear Eve, _hello_."


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Eve", "Dear Eve, welcome."), ("", "Welcome.")],
)
def test_a_condition_on_a_value_decides_for_each_person(name: str, shown: str) -> None:
    body = "{% if subscriber.name %}Dear {{ subscriber.name }}, welcome.{% else %}Welcome.{% endif %}\n"
    mail = filled(body, name=name)
    assert story(mail) == shown
    assert f"<p>{shown}</p>" in mail.html


CHOICES = {
    "statements in paragraphs of their own": "A.\n\n{% if subscriber.name %}\n\nB.\n\n{% endif %}\n\nC.\n",
    "a paragraph that is one condition": "A.\n\n{% if subscriber.name %}B.{% endif %}\n\nC.\n",
    "a condition around a paragraph's lines": "A.\n\n{% if subscriber.name %}\nB.\n{% endif %}\n\nC.\n",
    "a note beside it": "A.\n\n{# note #}{% if subscriber.name %}\n\nB.\n\n{% endif %}\n\n{# note #}\n\nC.\n",
    "two at once": "A.\n\n{% if subscriber.name %} {% if course.title %}\n\nB.\n\n{% endif %}{% endif %}\n\nC.\n",
}


@pytest.mark.parametrize("body", CHOICES.values(), ids=CHOICES.keys())
@pytest.mark.parametrize("name", ["Eve", ""])
def test_a_paragraph_that_is_not_for_everybody_leaves_no_hole(body: str, name: str) -> None:
    mail = filled(body, name=name)
    shown = ["A.", "B.", "C."] if name else ["A.", "C."]
    assert re.findall("<p>(.*?)</p>", mail.html, re.DOTALL) == shown
    assert re.sub(r"A\.\s+B", "A.\n\nB", story(mail)) == "\n\n".join(shown)
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("name", ["Eve", ""])
def test_a_whole_box_may_be_for_some_alone(name: str) -> None:
    mail = filled("A.\n\n{% if subscriber.name %}\n\n::: question\nB?\n:::\n\n{% endif %}\n\nC.\n", name=name)
    assert story(mail) == ("A.\n\nA question to keep:\n\n    B?\n\nC." if name else "A.\n\nC.")
    assert ("A question to keep" in mail.html) == bool(name)
    page = Page(mail.html)
    void = ("meta", "br")
    opened = Counter(tag for tag, _ in page.tags if tag not in void)
    assert opened == Counter(tag for tag in page.ends if tag not in void)


def test_a_condition_within_a_box_leaves_no_hole() -> None:
    mail = filled("::: question\n{% if subscriber.name %}\n\nB?\n\n{% endif %}\n\nC?\n:::\n", name="")
    assert story(mail) == "A question to keep:\n\n    C?"


def test_a_link_may_lead_to_a_persons_own_page() -> None:
    mail = filled("[Change it]({{ links.preferences }}) now.\n\n::: button\n[Read on]({{ links.view }})\n:::\n")
    assert '<a href="https://example.org/p/sample">Change it</a> now.' in mail.html
    assert story(mail) == "Change it (https://example.org/p/sample) now.\n\nRead on (https://example.org/v/sample)"
    assert any(
        link["href"] == "https://example.org/v/sample" and "display:inline-block;background" in link["style"]
        for link in Page(mail.html).all("a")
    )


def test_the_values_of_the_lesson_and_the_course_can_be_shown() -> None:
    body = "{{ lesson.number }}/{{ lesson.total }} {{ lesson.percent }} {{ lesson.theme }} {{ course.brand }}\n"
    assert story(filled(body, theme="T")) == "1/2 50 T The Brand"


def test_marks_may_stand_in_a_theme_and_a_preheader() -> None:
    mail = filled(theme="For {{ subscriber.name }}", preheader="Hello {{ subscriber.name }}", name="R&D")
    assert "For R&amp;D" in mail.html
    assert "Hello R&amp;D" in mail.html


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"body": "A.\n\n{{ nobody }}\n"}, "small/01.md:8: "),
        ({"body": "{% if false %}\n{{ subscriber.nmae }}{% endif %}\n"}, "small/01.md:7: "),
        ({"body": "{#\na note\n#}\n\n::: exercize\nA.\n:::\n"}, "small/01.md:10: "),
        ({"body": "{% set x %}\n{% endset %}\n::: question\nA.\n"}, "small/01.md:8: "),
        ({"subject": "{{ nobody }}"}, "small/01.md:1: "),
        ({"preheader": "{{ nobody }}"}, "small/01.md:1: "),
        ({"theme": "{{ nobody }}"}, "small/01.md:1: "),
    ],
)
def test_what_is_wrong_in_a_lesson_is_found_when_it_is_compiled(changes: dict[str, object], where: str) -> None:
    with pytest.raises(BadContent) as caught:
        compiled(**changes)  # type: ignore[arg-type]
    assert str(caught.value).startswith(where)


def test_a_commented_out_box_is_nobodys_business() -> None:
    assert story(filled("A.\n\n{#\n::: exercize\nB.\n#}\n\nC.\n")) == "A.\n\nC."


@pytest.mark.parametrize("body", ["{{ 1 / 0 }}", "{{ subscriber.name + 1 }}", "{{ '%(a)s' | format(b=1) }}"])
def test_a_value_that_cannot_be_worked_out_names_the_lesson(body: str) -> None:
    with pytest.raises(BadContent, match=r"^small/01.md: the mail cannot be filled in: "):
        filled(body)


def test_a_person_without_a_link_that_is_needed_is_no_silence() -> None:
    with pytest.raises(BadContent, match="cannot be filled in"):
        compiled().fill(Person(name="", address="", links={}))


# What the person is called.

NASTY = ['<script>"x"</script>', "</td></table>", "{{ 7 * 7 }}", "{% endif %}", "[[ 1 ]]", 'O\'Neill & "Söhne" <x>']


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_a_name_whatever_it_holds(name: str) -> None:
    mail = filled("Dear {{ subscriber.name }}.\n", subject="For {{ subscriber.name }}", name=name)
    assert mail.subject == f"For {name}"
    assert story(mail) == f"Dear {name}."
    assert f"Dear {name}." in words(mail.html)
    assert Counter(tag for tag, _ in Page(mail.html).tags) == Counter(
        tag for tag, _ in Page(filled("Dear {{ subscriber.name }}.\n", subject="For {{ subscriber.name }}").html).tags
    )


def test_a_name_cannot_leave_the_attribute_that_it_stands_in() -> None:
    mail = filled('[a](https://example.org "{{ subscriber.name }}")\n', name='" onclick="x')
    assert all("onclick" not in link for link in Page(mail.html).all("a"))


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_a_subject_is_one_line_whatever_the_name(name: str) -> None:
    subject = SUBJECT_MAIL.fill(sample_person(name)).subject
    assert subject.splitlines() == [subject]
    assert subject.split() == ["For", *name.split()]


SUBJECT_MAIL = compiled(subject="For {{ subscriber.name }}")


# The shipped course.


SHIPPED = courses.read(shipped("lessons") / "why-men-pull-away")
STEPS = range(len(SHIPPED.lessons))
EVERY_LESSON = pytest.mark.parametrize("step", STEPS)
MAILS = [compile_lesson(SHIPPED, step, templates=TEMPLATES, postal_address=POSTAL) for step in STEPS]


def assert_sound_page(html: str) -> None:
    """One heading, a language, tables that are only layout, nothing loaded from anywhere, both colour schemes."""
    page = Page(html)
    assert len(page.all("h1")) == 1
    assert page.all("html")[0]["lang"] == "en-GB"
    assert page.all("html")[0]["dir"] == "ltr"
    tables = re.findall(r"<table\b[^>]*>", html)
    assert tables
    assert [table for table in tables if not re.search(r'role="(presentation|img)"', table)] == []
    assert not any("src" in attributes or "background" in attributes for _, attributes in page.tags)
    assert [tag for tag, attributes in page.tags if "href" in attributes and tag != "a"] == []
    assert not re.search(r"@import|url\(|@font-face|\bsrc\s*=", html)
    assert {"name": "color-scheme", "content": "light dark"} in page.all("meta")
    assert len(html.encode()) < 90_000
    assert page.all("title")


def assert_sound_text(text: str) -> None:
    """Lines of 72 columns, but for those of one word; never two empty lines; no marks and no tags."""
    assert [line for line in text.splitlines() if len(line) > 72 and " " in line.strip()] == []
    assert "\n\n\n" not in text
    assert not re.search(r"\{\{|\{%|\[\[|\[%|</?\w+>|&\w+;", text)
    assert [line for line in text.splitlines() if line != line.rstrip() and line != "-- "] == []


@EVERY_LESSON
@pytest.mark.parametrize("name", ["Alex", ""])
def test_a_shipped_lesson_is_sound_in_both_parts(step: int, name: str) -> None:
    mail = MAILS[step].fill(sample_person(name))
    assert_sound_page(mail.html)
    assert_sound_text(mail.text)


@EVERY_LESSON
def test_a_shipped_lesson_says_where_it_stands_who_sends_it_and_how_to_leave(step: int) -> None:
    mail = MAILS[step].fill(sample_person())
    lesson = SHIPPED.lessons[step]
    shown = words(mail.html)
    for part in (shown, " ".join(mail.text.split())):
        assert f"esson {step + 1} of 14" in part
        assert lesson.subject in part
        assert "Rob Stonefield" in part
        assert "The Devotion Blueprint" in part
        assert "Stonefield Letters" in part
        assert "12 Example Street, London" in part
        assert "alex@example.org" in part
    links = [link["href"] for link in Page(mail.html).all("a")]
    for url in sample_person().links.values():
        assert url in links
        assert url in mail.text.splitlines()
    assert lesson.preheader in shown
    assert lesson.theme in shown
    assert mail.subject == lesson.subject


@EVERY_LESSON
def test_both_parts_of_a_shipped_lesson_say_the_same(step: int) -> None:
    mail = MAILS[step].fill(sample_person())
    body = re.sub(r"{%.*?%}|{{.*?}}|^:::.\w+", "", SHIPPED.lessons[step].body, flags=re.MULTILINE)
    said = set(re.findall(r"[^\W\d_]+", body))
    assert len(said) > 120
    assert said - set(re.findall(r"[^\W\d_]+", mail.text)) == set()
    assert said - set(re.findall(r"[^\W\d_]+", unescape(mail.html))) == set()


def test_the_greeting_knows_a_name_and_does_without() -> None:
    assert "Hello Alex," in MAILS[0].fill(sample_person()).text
    assert "\n\nHello,\n\n" in MAILS[0].fill(sample_person("")).text


def test_the_third_lesson_shows_three_steps_done_and_eleven_to_go() -> None:
    steps = Counter(cell.get("class") for cell in Page(MAILS[2].fill(sample_person()).html).all("td"))
    assert (steps["step done"], steps["step open"]) == (3, 11)


@EVERY_LESSON
def test_in_the_browser_a_lesson_holds_nothing_of_the_person(step: int) -> None:
    mail = MAILS[step].fill(Person(name="", address="", links=NO_LINKS))
    for part in (mail.html, mail.text):
        assert not re.search("unsubscribe|time zone|read in the browser|signed up", part, re.IGNORECASE)
        assert "12 Example Street" in part
    assert_sound_page(mail.html)
    assert_sound_text(mail.text)


# The confirmation.

CONFIRM = {"confirm": "https://example.org/confirm/abc", "refuse": "https://example.org/u/def"}


def confirmation(name: str = "", address: str = "", within: int = 7) -> Mail:
    made = compile_letter(SHIPPED, "confirm", templates=TEMPLATES, postal_address=POSTAL, days=within)
    return made.fill(Person(name=name, address=address, links=CONFIRM))


def test_the_confirmation_holds_nothing_that_the_visitor_wrote() -> None:
    assert confirmation("Cheap pills", "visitor@example.org") == confirmation()


def test_the_confirmation_asks_in_both_parts_and_can_be_refused() -> None:
    mail = confirmation()
    assert mail.subject == "Please confirm: Why Men Pull Away"
    assert_sound_page(mail.html)
    assert_sound_text(mail.text)
    links = [link["href"] for link in Page(mail.html).all("a")]
    for url in CONFIRM.values():
        assert url in links
        assert url in mail.text.splitlines()
    for part in (words(mail.html), " ".join(mail.text.split())):
        assert "works for 7 days" in part
        assert "12 Example Street, London" in part


def test_one_day_is_one_day() -> None:
    assert "works for 1 day." in confirmation(within=1).text


def test_a_title_is_a_title_whatever_it_holds() -> None:
    course = replace(SHIPPED, title='Love & <War>, "2"')
    mail = compile_letter(course, "confirm", templates=TEMPLATES, postal_address=POSTAL, days=7).fill(
        Person(name="", address="", links=CONFIRM)
    )
    assert mail.subject == 'Please confirm: Love & <War>, "2"'
    assert 'Love & <War>, "2"' in words(mail.html)
    assert '“Love & <War>, "2"”' in mail.text


# Templates of one's own.


def test_a_broken_template_of_ones_own_is_named_when_a_lesson_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail/lesson.mjml").write_text("<mjml><mj-body><mj-section></mj-body></mjml>", encoding="utf-8")
    with pytest.raises(BadContent, match=r"^templates/mail/lesson.mjml: this is not valid MJML: "):
        compiled(templates=Templates(tmp_path))


def test_a_template_of_ones_own_that_breaks_the_persons_marks_is_named(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail/lesson.txt").write_text("{% if subscriber.name %}", encoding="utf-8")
    with pytest.raises(BadContent, match=r"^small/01.md: Unexpected end of template"):
        compiled(templates=Templates(tmp_path))


def test_a_language_written_from_the_right_is_shown_from_the_right() -> None:
    course = replace(small_course(1), language="ar")
    html = compile_lesson(course, 0, templates=TEMPLATES, postal_address=POSTAL).fill(sample_person()).html
    assert Page(html).all("html")[0]["dir"] == "rtl"


def test_a_very_long_course_shows_a_bar_in_place_of_steps() -> None:
    html = compile_lesson(small_course(40), 9, templates=TEMPLATES, postal_address=POSTAL).fill(sample_person()).html
    assert 'width="25%"' in html
    assert "Lesson 10 of 40" in words(unescape(html))


def test_braces_in_a_title_or_an_address_are_no_marks() -> None:
    course = small_course(1, title="The {{ best }} {% course %}")
    made = compile_lesson(course, 0, templates=Templates(), postal_address="1 {# Street #}").fill(sample_person())
    assert "The {{ best }} {% course %}" in made.text
    assert "1 {# Street #}" in made.html
