"""Do bytes that arrive in any pieces become the same replies?"""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.delivery.replies import GarbledReply, ReplyReader

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40)
CODE = st.integers(200, 599).map(str)


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """One reply of one line or many."""
    code, lines = draw(CODE), draw(st.lists(WORDS, min_size=1, max_size=4))
    end = draw(st.sampled_from(["\r\n", "\n"]))
    *first, last = lines
    return "".join([*(f"{code}-{line}{end}" for line in first), f"{code} {last}{end}"]).encode()


def read(*pieces: bytes) -> list[str]:
    reader = ReplyReader()
    return [reply for piece in pieces for reply in reader.feed(piece)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@settings(max_examples=200, deadline=None)
@given(st.lists(replies(), max_size=5), st.lists(st.integers(0, 1000), max_size=12))
@example([b"250-a\r\n250 b\r\n", b"354 go\r\n"], [6, 7, 8])
def test_any_split_of_any_replies_reads_the_same(said: list[bytes], places: list[int]) -> None:
    data = b"".join(said)
    whole = read(data)
    assert len(whole) == len(said)
    assert read(*cut(data, places)) == whole
    assert read(*(bytes([byte]) for byte in data)) == whole


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"250 Ok\r\n", "250 Ok"),
        (b"250\r\n", "250"),
        (b"250 \r\n", "250 "),
        (b"250 Ok\n", "250 Ok"),
        (b"250-first\r\n250 second\r\n", "250 first second"),
        (b"250-\r\n250\r\n", "250"),
        (b"550-5.1.1 No such\r\n550-5.1.1 user\r\n550 5.1.1 here\r\n", "550 5.1.1 No such user here"),
        (b"550-5.7.26 one\r\n550 two\r\n", "550 5.7.26 one two"),
    ],
)
def test_a_reply_is_one_line_of_text(said: bytes, reply: str) -> None:
    assert read(said) == [reply]


@pytest.mark.parametrize(
    "said",
    [
        *(b"\r\n", b"hello\r\n", b"2\r\n", b"25\r\n", b"25 Ok\r\n", b"250Ok\r\n", b"2500 Ok\r\n", b"HTTP/1.1 400\r\n"),
        *(b"000 Ok\r\n", b"150 Ok\r\n", b"650 Ok\r\n", b"-50 Ok\r\n", b" 250 Ok\r\n", b"250-a\r\nhello\r\n"),
        *(b"\xd9\xa2\xd9\xa5\xd9\xa0 Ok\r\n", b"\xc2\xb250 Ok\r\n", b"\x00\xff\x16\x03\r\n"),
    ],
)
def test_what_is_no_reply_is_refused(said: bytes) -> None:
    with pytest.raises(GarbledReply):
        read(said)


def test_what_was_whole_before_the_garbage_is_still_heard() -> None:
    heard: list[str] = []
    with pytest.raises(GarbledReply):
        heard.extend(ReplyReader().feed(b"250 queued\r\nrubbish\r\n"))
    assert heard == ["250 queued"]


def test_a_server_cannot_fill_our_memory() -> None:
    with pytest.raises(GarbledReply, match="without an end"):
        read(*[b"250 " + b"a" * 1000] * 5)
    with pytest.raises(GarbledReply):
        read(b"250-a line\r\n" * 129)
    assert len(read(b"250-a line\r\n" * 127 + b"250 the last\r\n")) == 1


def test_no_character_reaches_the_ledger_that_it_cannot_hold() -> None:
    (reply,) = read(b"250 queued \x00\x1b[31m as \xff\xfe\tten\r\n")
    assert reply.isprintable()
    assert reply.startswith("250 queued")
    assert reply.endswith("ten")
