"""Does a lesson read well as plain text?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content.markdown import blocks


def plain(source: str) -> str:
    (block,) = blocks(source)
    return block.text


CASES = {
    "a paragraph": ("One\ntwo.\n", "One two."),
    "paragraphs": ("One.\n\n\n\nTwo.\n", "One.\n\nTwo."),
    "a hard break": ("One,\\\ntwo.\n", "One,\ntwo."),
    "a heading": ("Before.\n\n## Middle\nAfter.\n", "Before.\n\nMiddle\n------\n\nAfter."),
    "a great heading": ("# Title\n", "Title\n====="),
    "words with weight": ("An *old* and **new** `code`.\n", "An _old_ and *new* code."),
    "what Markdown escapes": ("1 \\* 2 &amp; 3 < 4\n", "1 * 2 & 3 < 4"),
    "no HTML": ("<b>bold</b>\n", "<b>bold</b>"),
    "a link": ("[here](https://example.org/a?b=c&d=e) we go.\n", "here (https://example.org/a?b=c&d=e) we go."),
    "a link that is its own words": ("<https://example.org/>\n", "https://example.org/"),
    "a mail address": ("<ann@example.org>\n", "ann@example.org"),
    "a link of many words": ("[so *very* far](https://example.org)\n", "so _very_ far (https://example.org)"),
    "a picture": ("![a cat](cat.png)\n", "[a cat]"),
    "a list": ("- one\n- two\n\nAfter.\n", "- one\n- two\n\nAfter."),
    "a loose list": ("- one\n\n- two\n", "- one\n\n- two"),
    "a list before a heading": ("- one\n\n## Two\n\nThree.\n", "- one\n\nTwo\n---\n\nThree."),
    "a heading between lists": ("- a\n\n## B\n\n- c\n", "- a\n\nB\n-\n\n- c"),
    "a list of lists": ("- a\n  - b\n    - c\n  - d\n- e\n", "- a\n  - b\n    - c\n  - d\n- e"),
    "a list that begins with a list": ("- - a\n  - b\n", "- - a\n  - b"),
    "a numbered list": ("9. nine\n10. ten\n", "9. nine\n10. ten"),
    "a list numbered from nought": ("0. nought\n1. one\n", "0. nought\n1. one"),
    "numbers within points": ("- a\n  1. b\n  2. c\n- d\n", "- a\n  1. b\n  2. c\n- d"),
    "an item of two paragraphs": ("1. one\n\n   more\n\n2. two\n", "1. one\n\n   more\n\n2. two"),
    "a hard break in a list": ("- one,\\\n  two\n", "- one,\n  two"),
    "an empty last item": ("- one\n-\n\nAfter.\n", "- one\n\nAfter."),
    "a quotation": ("> One\n> two.\n>\n> Three.\n\nFour.\n", "> One two.\n\n> Three.\n\nFour."),
    "a quotation in a list": ("- > one\n- two\n", "- > one\n\n- two"),
    "a list in a quotation": ("> - one\n> - two\n\nAfter.\n", "> - one\n> - two\n\nAfter."),
    "code": ("Before.\n\n```\nx = 1\n\ny = 2\n```\n\nAfter.\n", "Before.\n\n    x = 1\n\n    y = 2\n\nAfter."),
    "code in a list": ("- a\n  ```\n  x\n  ```\n- b\n", "- a\n\n      x\n\n- b"),
    "a line across": ("One.\n\n---\n\nTwo.\n", "One.\n\n" + " " * 33 + "* * *\n\nTwo."),
    "a table": (
        "Before.\n\n| When | What |\n|---|---|\n| Monday | *rest* |\n| Tuesday | |\n\nAfter.\n",
        "Before.\n\nWhen | What\n-----------\nMonday | _rest_\nTuesday |\n\nAfter.",
    ),
    "a table after a list": ("- a\n\n| b |\n|---|\n| c |\n", "- a\n\nb\n-\nc"),
    "an empty heading and an empty cell": ("##\n\nA.\n\n| |\n|---|\n| |\n\nB.\n", "A.\n\nB."),
    "nothing": ("\n", None),
}


@pytest.mark.parametrize(("source", "text"), CASES.values(), ids=CASES.keys())
def test_plain_text_keeps_the_shape_of_the_lesson(source: str, text: str | None) -> None:
    assert [block.text for block in blocks(source)] == ([] if text is None else [text])


LONG = "Several words that go on " * 12


@pytest.mark.parametrize("before", ["", "- ", "1. ", "> ", "- > ", "## "])
def test_lines_wrap_at_72_columns_under_their_own_beginning(before: str) -> None:
    lines = plain(f"{before}{LONG}").splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 72
    assert " ".join(line.removeprefix("- ").removeprefix("1. ").strip("> ") for line in lines).startswith(LONG[:200])
    if before in ("- ", "1. "):
        assert all(line.startswith(" " * len(before)) for line in lines[1:])
    if before == "> ":
        assert all(line.startswith("> ") for line in lines)


def test_a_row_that_is_too_wide_goes_on_further_in() -> None:
    head, rule, *row = plain(f"| a | b |\n|---|---|\n| {LONG} | {LONG} |\n").splitlines()
    assert (head, rule) == ("a | b", "-----")
    assert row[0].startswith("Several words")
    assert all(line.startswith("  ") and len(line) <= 72 for line in row[1:])


def test_an_address_is_never_broken() -> None:
    address = "https://example.org/" + "a-long-way/" * 12
    assert address in plain(f"Go [there]({address}) now, {LONG}.")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["- a\n", "  - b\n", "1. c\n", "> d\n", "\n", "## e\n", "f\n", "---\n", "- - h\n"])))
def test_no_shape_leaves_more_than_one_empty_line_or_loses_a_word(parts: list[str]) -> None:
    source = "".join(parts)
    text = "\n\n".join(block.text for block in blocks(source))
    assert "\n\n\n" not in text
    assert sorted(letter for letter in text if letter.isalpha()) == sorted(one for one in source if one.isalpha())
