"""Does Markdown become the blocks and boxes that it means, and is a broken box named with its line?"""

import pytest

from sequencer.content import markdown
from sequencer.content.markdown import BOXES
from sequencer.errors import BadContent


def test_a_lesson_is_cut_into_running_text_and_boxes() -> None:
    found = markdown.blocks(
        "Before.\n\n::: exercise Try it\nDo *this*.\n\n- a\n:::\n\nBetween.\n\n::: question\nWhy?\n:::\n"
    )
    assert [(block.kind, block.title, block.text) for block in found] == [
        ("text", "", "Before."),
        ("exercise", "Try it", "Do _this_.\n\n- a"),
        ("text", "", "Between."),
        ("question", "", "Why?"),
    ]
    assert found[1].html == "<p>Do <em>this</em>.</p>\n<ul>\n<li>a</li>\n</ul>\n"


@pytest.mark.parametrize("kind", BOXES)
def test_every_box_may_stand_alone(kind: str) -> None:
    source = f"::: {kind}\n[words](https://example.org)\n:::\n"
    markdown.check(source, path="01.md")
    (block,) = markdown.blocks(source)
    assert (block.kind, block.title) == (kind, "")


def test_a_button_leads_where_its_link_leads() -> None:
    (block,) = markdown.blocks("::: button\n[Press](https://example.org/?a=1&b=2)\n:::\n")
    assert block.href == "https://example.org/?a=1&b=2"


def test_raw_html_is_shown_and_not_obeyed() -> None:
    (block,) = markdown.blocks('<script src="https://example.net/x.js"></script>\n')
    assert "<script" not in block.html
    assert "&lt;script" in block.html


def test_a_link_that_would_run_a_program_is_no_link() -> None:
    (block,) = markdown.blocks("[x](javascript:alert(1))\n")
    assert "<a" not in block.html


GOOD = "::: question\nWhy?\n:::\n"
NO_END = 'this box has no end; close it with a line ":::".'
KNOWN = "there are exercise, question, tip, note, warning, tomorrow, button."
BROKEN = [
    ("One.\n\n::: exercize\nTwo.\n:::\n", 3, f'the box "exercize" is not known; {KNOWN}'),
    ("One.\n::: exercize\nTwo.\n:::\n", 2, f'the box "exercize" is not known; {KNOWN}'),
    ("One.\n\n:::\n", 3, f'this ":::" closes nothing; {KNOWN}'),
    (f"{GOOD}\n:::\n", 5, f'this ":::" closes nothing; {KNOWN}'),
    (f"{GOOD}\nOne.\ntwo\n:::\n", 7, f'this ":::" closes nothing; {KNOWN}'),
    (":::question2\nOne.\n:::\n", 1, f'the box "question2" is not known; {KNOWN}'),
    ("::: question\nWhy?\n", 1, NO_END),
    ("::: question\nWhy?", 1, NO_END),
    ("::: question", 1, NO_END),
    (f"One.\n\n::: exercise\nTwo.\n\n{GOOD}", 3, NO_END),
    (f"{GOOD}\n::: tomorrow\nSoon.\n\n", 5, NO_END),
    ("- one\n\n  ::: question\n  Why?\n  :::\n", 3, "a box cannot stand in a list or a quotation"),
    ("> ::: question\n> Why?\n> :::\n", 1, "a box cannot stand in a list or a quotation"),
    (
        "One.\n\n::: button\nPress\n:::\n",
        3,
        "this button leads nowhere; write [words](https://example.org/page) in it.",
    ),
]


@pytest.mark.parametrize(("source", "line", "sentence"), BROKEN, ids=[repr(row[0]) for row in BROKEN])
def test_a_broken_box_is_named_with_its_line(source: str, line: int, sentence: str) -> None:
    with pytest.raises(BadContent) as caught:
        markdown.check(source, path="a/01.md", line=10)
    assert str(caught.value).startswith(f"a/01.md:{line + 9}: {sentence}")


@pytest.mark.parametrize(
    "source",
    [
        GOOD,
        GOOD.rstrip("\n"),
        f"One.\n{GOOD}Two.\n",
        "::::: question\nWhy?\n:::::\n",
        "```\n::: nothing\n```\n",
        "Write `:::` to close.\n",
        "::: question A title\n> - deep\n:::  \n",
    ],
)
def test_a_box_that_is_whole_is_let_through(source: str) -> None:
    markdown.check(source, path="a/01.md")


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("Hello {{ subscriber.name }}.\n\nThe *rest*.\n", "<p>The <em>rest</em>.</p>\n"),
        ("{% if x %}A{% endif %}\n\n{# note #}\n\n- a list\n\nThe rest.\n", "<p>The rest.</p>\n"),
        ("## Heading\n\nFirst.\n\nSecond.\n", "<p>First.</p>\n"),
        ("![A lamp](lamp.png)\n\nAfter.\n", "<p>After.</p>\n"),
        (f"{GOOD}\nAfter.\n", "<p>After.</p>\n"),
        ("- only\n- a list\n", ""),
        ("", ""),
    ],
)
def test_an_opening_is_the_first_paragraph_that_speaks_to_everybody(source: str, html: str) -> None:
    assert markdown.opening(source) == html
