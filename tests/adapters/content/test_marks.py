"""Are a lesson's open marks found, kept through Markdown, and checked before anybody gets them?"""

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content import marks
from sequencer.errors import BadContent

ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 (nothing is rendered)


@pytest.mark.parametrize(
    "source",
    [
        "No marks.",
        "{{ subscriber.name }} and {{ subscriber.address or 'nothing' }}",
        "{% if subscriber.name %}a{% elif course.title == 'x' %}b{% else %}c{% endif %}",
        "{{ lesson.number }} of {{ lesson.total }}, {{ lesson.percent }} % {{ lesson['theme'] | upper }}",
        "{% for letter in subscriber.name %}{{ letter }}{% endfor %}{% set x = 1 %}{{ x }}",
        "[here]({{ links.view }}) {# a note: {{ nothing }} #}",
        "{% raw %}{{ nothing }}{% endraw %}",
    ],
)
def test_marks_that_name_what_there_is_are_let_through(source: str) -> None:
    marks.check(ENVIRONMENT, source, path="a/01.md")


WRONG = [
    ("One.\n\n{{ subscriber.nmae }}\n", 3, '"subscriber.nmae" is undefined; there are subscriber.address,'),
    ("One.\n\n{{ subscriber['nmae'] }}\n", 3, '"subscriber.nmae" is undefined'),
    ("{{ subscriber[course.title] }}\n", 1, '"subscriber.…" is undefined'),
    ("{{ nobody }}\n", 1, '"nobody" is undefined; there are subscriber, course, lesson, links'),
    ("One\n{{ subscriber.name }} {{ name }}\n", 2, '"name" is undefined'),
    ("{% if course.titel %}\na\n{% endif %}\n", 1, '"course.titel" is undefined'),
    ("{% if false %}\n\n{{ lesson.numbr }}\n{% endif %}\n", 3, '"lesson.numbr" is undefined'),
    ("{% if true %}\na\n{% else %}\n{{ links.refuse }}\n{% endif %}\n", 4, '"links.refuse" is undefined'),
    ("{#\ntwo lines\n#}\n{{ nobody }}\n", 4, '"nobody" is undefined'),
    ("One.\n{{ subscriber.name | shuot }}\n", 2, "No filter named 'shuot'."),
    ("{% if false %}\n{{ 1 | nothing }}{% endif %}", 2, "No filter named 'nothing'."),
    ("{{ subscriber.name is lucky }}", 1, "No test named 'lucky'."),
    ("One.\n\n{% if subscriber.name %}\nTwo.\n", 3, "Unexpected end of template"),
    ("One.\n{% endif %}\n", 2, "Encountered unknown tag 'endif'"),
    ("One.\n\n\n{{ subscriber.name }\n", 4, "unexpected '}'"),
    ("{% if false %}\n{{ 1 is nothing }}{% endif %}", 2, "No test named 'nothing'."),
    ("{{ subscriber. }}", 1, "expected name or number"),
    ("One.\n{% include 'other.md' %}\n", 2, "a lesson cannot take in other files; write it out."),
    ("{% import 'other.md' as other %}\n", 1, "a lesson cannot take in other files"),
    ("{% from 'other.md' import one %}\n", 1, "a lesson cannot take in other files"),
    ("{% if false %}\n{% include 'other.md' %}{% endif %}\n", 2, "a lesson cannot take in other files"),
]


@pytest.mark.parametrize(("source", "line", "sentence"), WRONG, ids=[repr(row[0]) for row in WRONG])
def test_a_wrong_mark_is_named_with_its_line_in_whichever_branch_it_stands(
    source: str, line: int, sentence: str
) -> None:
    with pytest.raises(BadContent) as caught:
        marks.check(ENVIRONMENT, source, path="a/01.md", line=7)
    assert str(caught.value).startswith(f"a/01.md:{line + 6}: {sentence}")


WORDS = [
    "{{ a }}",
    "{% if b %}",
    "{% endif %}",
    "{# c #}",
    "{{ 'x\ny' }}",
    "words ",
    " > ",
    "<p>",
    "</p>",
    "\n",
    "\n\n",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS)).map("".join))
def test_guarded_marks_come_back_as_they_were_and_in_their_order(source: str) -> None:
    kept: list[str] = []
    guarded = marks.guard(source, kept)
    assert not any(mark in guarded for mark in kept)
    restored = marks.restore(guarded, kept)
    again: list[str] = []
    marks.guard(restored, again)
    assert again == kept
    assert restored.count("words") == source.count("words")


def test_a_character_that_we_use_as_a_guard_cannot_come_from_outside() -> None:
    kept: list[str] = []
    assert marks.restore(marks.guard("a\U000f0000b {{ c }}", kept), kept) == "ab {{ c }}"


def test_marks_of_several_texts_share_one_list() -> None:
    kept: list[str] = []
    one, two = marks.guard("{{ a }}", kept), marks.guard("{{ b }}", kept)
    assert marks.restore(two + one, kept) == "{{ b }}{{ a }}"


@pytest.mark.parametrize(
    "source",
    ["{{ a }}", "a\n{# b\nc #}\nd", "{%\nif x\n%}\n", "no marks\n\n"],
)
def test_blanked_marks_leave_every_line_where_it_was(source: str) -> None:
    blanked = marks.blank(source)
    assert blanked.count("\n") == source.count("\n")
    assert "{" not in blanked
