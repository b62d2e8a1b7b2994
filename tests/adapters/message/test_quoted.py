"""Does any text become lines that any relay carries, and that say the same?"""

import quopri
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.message import quoted

# What is hard: line ends, dots, signs of the encoding itself, white space where lines break, whatever is not ASCII.
HARD = st.sampled_from(
    [".", "..", "=", "=\r\n", "=3D", "\n", "\r\n", "\r", " ", "\t", "é", "漢", "a" * 40, "\0", "{{", "~"]
)
TEXT = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.lists(HARD, max_size=60).map("".join))
FULL_LINE = ".é.a=aé.a é.a .\taéé.. \t.a\ta.é  \t=é... \nb"


def lines_of(text: str) -> str:
    """The text with the line ends that travel."""
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def assert_lines(encoded: str) -> None:
    """Lines that any relay carries."""
    assert encoded.isascii()
    assert encoded == "" or encoded.endswith("\r\n")
    assert not re.search("[^\r]\n|\r[^\n]", encoded)
    for line in encoded.split("\r\n"):
        assert len(line) <= 78
        assert not line.startswith(".")
        assert line == line.rstrip(" \t")
        assert line.replace("\t", " ").isprintable()


@settings(max_examples=500, deadline=None)
@given(TEXT)
@example(FULL_LINE)
@example("." * 200)
@example("." + "a" * 75 + "\n." + "a" * 74 + " \n")
@example(" " * 200)
@example("é" * 5000)
@example("a" * 75)
@example("a" * 76)
def test_any_text_becomes_lines_that_decode_to_it(text: str) -> None:
    encoded = quoted.encode(text)
    assert_lines(encoded)
    assert quopri.decodestring(encoded.encode()) == lines_of(text).encode()


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, max_size=5))
def test_pieces_set_one_after_the_other_decode_to_the_whole(pieces: list[str]) -> None:
    encoded = "".join(quoted.encode(piece) for piece in pieces)
    assert_lines(encoded)
    assert quopri.decodestring(encoded.encode()) == "".join(map(lines_of, pieces)).encode()


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("Ann", "Ann=\r\n"),
        ("Ann\n", "Ann\r\n"),
        ("\n", "\r\n"),
        (".", "=2E=\r\n"),
        (".hidden", "=2Ehidden=\r\n"),
        ("a=b", "a=3Db=\r\n"),
        ("a ", "a=20=\r\n"),
        ("Zoë", "Zo=C3=AB=\r\n"),
        ("https://example.org/u/abc", "https://example.org/u/abc=\r\n"),
        ("a\ud800b", "a?b=\r\n"),
    ],
)
def test_a_piece_looks_as_expected(text: str, encoded: str) -> None:
    assert quoted.encode(text) == encoded
