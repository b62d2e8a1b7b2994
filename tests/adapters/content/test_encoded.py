"""Do the lines that travel say the very words that were filled in?"""

import quopri
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content import courses
from sequencer.content.files import shipped
from sequencer.content.render import CompiledMail, Person, compile_confirmation, compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.message import quoted

POSTAL = "Straße 1\n12 Example Street"
NO_LINKS = {"unsubscribe": "", "preferences": "", "view": ""}


def mails() -> Iterator[CompiledMail]:
    """All mails of the shipped course."""
    course, templates = courses.read(shipped("lessons") / "why-men-pull-away"), Templates()
    for step in range(len(course.lessons)):
        yield compile_lesson(course, step, templates=templates, postal_address=POSTAL)


MAILS = list(mails())


def decoded(lines: str) -> str:
    return quopri.decodestring(lines.encode("ascii")).decode().replace("\r\n", "\n")


def assert_same(mail: CompiledMail, person: Person) -> None:
    plain, travelling = mail.fill(person), mail.encoded(quoted.encode).fill(person)
    assert travelling.subject == plain.subject
    for words, lines in ((plain.html, travelling.html), (plain.text, travelling.text)):
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
    assert_same(MAILS[0], sample_person(name))


def test_the_confirmation_travels_word_for_word() -> None:
    course = courses.read(shipped("lessons") / "why-men-pull-away")
    mail = compile_confirmation(course, templates=Templates(), postal_address=POSTAL, confirm_within=7)
    links = {"confirm": "https://example.org/confirm/" + "a" * 60, "refuse": "https://example.org/u/b"}
    assert_same(mail, Person(name="", address="", links=links))
