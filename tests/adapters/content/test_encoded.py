"""Do the lines that travel say the very words that were filled in?"""

import email
import email.policy
import quopri
import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage

import pytest
from house import NOW, small_course, small_lesson
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from sequencer.content import courses, encoded
from sequencer.content.files import shipped
from sequencer.content.render import CompiledMail, Person, compile_lesson, compile_letter, sample_person
from sequencer.content.templates import Templates
from sequencer.core.model import Mailbox
from sequencer.errors import BadContent
from sequencer.message import quoted
from sequencer.message.mime import Letter, assemble, compose

POSTAL = "Straße 1\n12 Example Street"
NO_LINKS = {"unsubscribe": "", "preferences": "", "view": "", "course": ""}


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
        # 76 by RFC 2045 §6.7, and two more where a line begins with a dot.
        assert max(map(len, lines.split("\r\n"))) <= 78
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


# Marks at the edges of lines, conditions, filters, raw blocks, control of white space, and blocks that read what was
# rendered within them.
BODIES = (
    "Words for {{ subscriber.name or 'you' }}.\n",
    "{{ subscriber.name }}\n{{ subscriber.name }} begins a line, and ends it {{ subscriber.name }}\n\n{{ '.' }}dot\n",
    "{% if subscriber.name %}Dear {{ subscriber.name }},{% else %}Dear reader,{% endif %}\n\nWords.\n",
    "{% if subscriber.name %}\n\nA paragraph of {{ subscriber.name }}'s own.\n\n{% endif %}\n\nWords.\n",
    "{{ subscriber.name|upper }} {{ subscriber.name|length }} {{ subscriber.name|default('x')|title|truncate(9) }}\n",
    "{{ subscriber.name|safe }} {{ subscriber.name|e }} {{ ('<i>' ~ subscriber.name)|striptags }} {{ '=' ~ 'a&b' }}\n",
    "{% raw %}{{ no mark }} {%{% endraw %} {{ subscriber.name }}{# a note #} }} %} {}\n",
    "a  {{- subscriber.name -}}  b {%- if subscriber.name -%}  c  {%- endif +%}  d {%+ if true -%}\n\n e {% endif %}\n",
    "> {{ subscriber.name }}\n\n- {{ subscriber.address }}\n- [here](https://example.org/?a={{ subscriber.name }}&b)\n",
    "{% for one in subscriber.name[:3] %}{{ one }}.{% endfor %}\n",
    "{% set who = subscriber.name or 'you' %}{% with twice = who * 2 %}{{ twice }}{% endwith %}\n",
    "{% set who %}Dear {{ subscriber.name }}{% endset %}{{ who }}, {{ who|length }} letters.\n",
    "{% filter upper %}Zoë and {{ subscriber.name }}{% endfilter %}.\n",
    "{% autoescape false %}{{ subscriber.name }}{% endautoescape %} {{ subscriber.name }}\n",
)
EDGES = st.sampled_from(
    ["=", "=\r\n", ".", "\n.", "\r\n", "\r", "\n", "{{", "}}", "{% x %}", "{#", "<b>", "&", '"', " ", "\t"]
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
NAMES = st.one_of(
    st.text(CHARACTERS, max_size=80),
    st.lists(EDGES | CHARACTERS, max_size=30).map("".join),
    st.builds("{}{}".format, CHARACTERS, CHARACTERS).map(lambda pair: pair * 2500),
)
LINKS = {name: f"https://example.org/{name}?a=b&c=d" for name in NO_LINKS}


def compiled_bodies() -> Iterator[tuple[CompiledMail, CompiledMail]]:
    """A lesson of each body, as words and as lines."""
    for body in BODIES:
        lesson = small_lesson(1, body=body, subject="For {{ subscriber.name }}: {{ course.title }}")
        mail = compile_lesson(
            replace(small_course(), lessons=(lesson,)), 0, templates=Templates(), postal_address=POSTAL
        )
        yield mail, mail.encoded(quoted.encode)


BOTH_WAYS = list(compiled_bodies())


def parsed(content: bytes) -> list[str]:
    """The subject and both parts, as a mail program reads them."""
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert len(found.keys()) == len(set(found.keys())) == 12
    parts = [part.get_payload(decode=True) for part in found.iter_parts()]
    return [str(found["Subject"]), *(part.decode().rstrip("\r\n") for part in parts if isinstance(part, bytes))]


def assert_wire(content: bytes) -> None:
    """ASCII lines of CRLF, none too long, none that begins with a dot, and the address to leave in one piece."""
    assert content.isascii()
    assert not re.search(rb"[^\r]\n|\r[^\n]", content)
    head, _, body = content.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert b"\n." not in content
    assert content.count(f"\r\nList-Unsubscribe: <{LINKS['unsubscribe']}>\r\n".encode()) == 1
    assert content.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == 1


@pytest.mark.parametrize("which", range(len(BODIES)))
@settings(max_examples=40, deadline=None)
@given(name=NAMES)
@example(name="")
@example(name="Zoë <b>\r\n.Bcc: x@example.org\r\n\r\n{{ 1 }}")
def test_both_ways_of_filling_in_become_the_same_mail(which: int, name: str) -> None:
    mail, travelling = BOTH_WAYS[which]
    person = Person(name=name, address="o'reader+=x@example.org", links=LINKS)
    words, lines = mail.fill(person), travelling.fill(person)
    letter = Letter(
        sender=Mailbox(name="Ann Author", address="ann@example.org"),
        recipient="reader@example.org",
        subject=words.subject,
        language="en",
        message_id="<abc@example.org>",
        date=NOW,
        list_name="A Course",
        list_id="small.list-id.example.org",
        unsubscribe=LINKS["unsubscribe"],
        text=words.text,
        html=words.html,
    )
    sent = assemble(replace(letter, subject=lines.subject), lines.text, lines.html)
    assert parsed(sent) == parsed(compose(letter))
    assert_wire(sent)
    assert sent == assemble(letter, *(getattr(travelling.fill(person), part) for part in ("text", "html")))


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
    mail = compile_letter(course, "confirm", templates=Templates(), postal_address=POSTAL, days=7)
    links = {"confirm": "https://example.org/confirm/" + "a" * 60, "refuse": "https://example.org/u/b"}
    assert_same(mail, Person(name="", address="", links=links))
