"""Do the lines that travel say the very words that were filled in?"""

import quopri
from collections.abc import Iterator
from dataclasses import replace

import pytest
from house import small_course, small_lesson
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from sequencer.content import courses, encoded
from sequencer.content.files import shipped
from sequencer.content.render import CompiledMail, Person, compile_confirmation, compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.errors import BadContent
from sequencer.message import quoted

POSTAL = "Straße 1\n12 Example Street"
NO_LINKS = {"unsubscribe": "", "preferences": "", "view": ""}


def mails() -> Iterator[CompiledMail]:
    """All mails of the shipped course."""
    course, templates = courses.read(shipped("lessons") / "why-men-pull-away"), Templates()
    for step in range(len(course.lessons)):
        yield compile_lesson(course, step, templates=templates, postal_address=POSTAL)


MAILS = list(mails())
TRAVELLING = MAILS[0].encoded(quoted.encode)


def decoded(lines: str) -> str:
    return quopri.decodestring(lines.encode("ascii")).decode().replace("\r\n", "\n")


def assert_same(mail: CompiledMail, person: Person, travelling: CompiledMail | None = None) -> None:
    """The person reads the same, whichever way the mail was filled in."""
    plain, sent = mail.fill(person), (travelling or mail.encoded(quoted.encode)).fill(person)
    assert sent.subject == plain.subject
    for words, lines in ((plain.html, sent.html), (plain.text, sent.text)):
        assert decoded(lines).rstrip("\n") == words.rstrip("\n")
        assert lines.isascii()
        assert all(line == line.rstrip() for line in lines.split("\r\n"))
        # 76 by RFC 2045 §6.7; Python's binascii goes three beyond it where a line begins with a dot.
        assert max(map(len, lines.split("\r\n"))) <= 79
        assert "\n" not in lines.replace("\r\n", "")


@pytest.mark.parametrize("step", range(len(MAILS)))
@pytest.mark.parametrize("name", ["Alex", "", "Zoë =20 <b>{{ 1 }}</b> & {%", "漢" * 200])
def test_a_lesson_travels_word_for_word(step: int, name: str) -> None:
    assert_same(MAILS[step], sample_person(name))
    assert_same(MAILS[step], Person(name=name, address="", links=NO_LINKS))


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_travels_word_for_word(name: str) -> None:
    assert_same(MAILS[0], sample_person(name), TRAVELLING)


def test_a_note_and_what_is_not_a_mark_travel_as_they_read() -> None:
    body = "A{# note #} {% raw %}{{ b }}{% endraw %}{{ subscriber.name }}{}\n{%- if course.title -%}\n c {% endif %}\n"
    course = replace(small_course(), lessons=(small_lesson(1, body=body),))
    mail = compile_lesson(course, 0, templates=Templates(), postal_address=POSTAL)
    assert_same(mail, sample_person("{% d %}"))
    assert "A {{ b }}{% d %}{}c" in mail.fill(sample_person("{% d %}")).text


def test_what_a_person_does_not_have_is_missed_on_the_way_too() -> None:
    nobody = Person(name="", address="", links={})
    with pytest.raises(BadContent, match="cannot be filled in"):
        TRAVELLING.fill(nobody)


def test_no_mark_of_the_wire_is_left_where_a_value_is_undefined() -> None:
    template = encoded.compiled("{{ nothing }}", quoted.encode, html=True)
    with pytest.raises(UndefinedError, match="'nothing' is undefined"):
        template.render()


def test_the_confirmation_travels_word_for_word() -> None:
    course = courses.read(shipped("lessons") / "why-men-pull-away")
    mail = compile_confirmation(course, templates=Templates(), postal_address=POSTAL, confirm_within=7)
    links = {"confirm": "https://example.org/confirm/" + "a" * 60, "refuse": "https://example.org/u/b"}
    assert_same(mail, Person(name="", address="", links=links))
