"""Does a header arrive as it was meant, whatever stands in it?"""

import email
import email.policy
from datetime import UTC, datetime
from email.headerregistry import AddressHeader, BaseHeader, DateHeader
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.core.model import Mailbox
from sequencer.message import headers

ADDRESS = "ann@example.org"
# Lone surrogates cannot be written at all.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ASCII = st.text(st.characters(max_codepoint=126), max_size=300)


def read(header: str, name: str) -> BaseHeader:
    """The header as the standard library reads it."""
    message = email.message_from_bytes(header.encode("ascii") + b"\r\nbody\r\n", policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.keys() == [name]
    assert message.get_content() == "body\r\n" or message.get_payload() == "body\r\n"
    found = message[name]
    assert isinstance(found, BaseHeader)
    return found


def assert_lines(header: str) -> None:
    """ASCII lines that end in CRLF, none too long, none empty; the second and later ones begin with a space."""
    assert header.isascii()
    assert header.endswith("\r\n")
    first, *others = header.removesuffix("\r\n").split("\r\n")
    assert all(line.startswith(" ") and line.strip() for line in others)
    for line in (first, *others):
        assert "\r" not in line
        assert "\n" not in line
        assert len(line) <= 998
        # Only a word that has no space to fold at may go beyond.
        value = line.partition(": ")[2] if line is first else line.strip()
        assert len(line) <= 78 or " " not in value


def words(value: str) -> list[str]:
    return value.split()


@settings(max_examples=300, deadline=None)
@given(TEXT | ASCII)
@example("")
@example("=?utf-8?q?not_ours?=")
@example("a" * 2000)
@example("a " * 500)
@example("ü" * 500)
@example("word " * 13 + "a" * 100)
@example("first\r\nX-Injected: yes")
@example("bell \x07 and nought \x00")
@example("👩‍👩‍👧 " * 30)
def test_any_text_arrives_word_for_word(value: str) -> None:
    header = headers.text("Subject", value)
    assert_lines(header)
    assert words(str(read(header, "Subject"))) == words(value)


def test_plain_text_is_left_readable() -> None:
    assert headers.text("Subject", "The first  lesson") == "Subject: The first lesson\r\n"


def test_words_beyond_ascii_are_encoded_whole_characters_at_a_time() -> None:
    assert headers.text("Subject", "Grüße") == "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    for line in headers.text("Subject", "漢" * 100).split("\r\n")[:-1]:
        assert len(line) <= 76
        assert set(str(read(f"Subject: {line.removeprefix('Subject:').strip()}\r\n", "Subject"))) == {"漢"}


def test_a_character_that_is_half_of_one_is_replaced() -> None:
    assert str(read(headers.text("Subject", "a\ud800b"), "Subject")) == "a?b"


@pytest.mark.parametrize("name", ["Subject", "List-Id", "X-A-Rather-Long-Name"])
def test_a_long_header_folds_at_spaces_and_never_right_after_its_name(name: str) -> None:
    header = headers.text(name, "several words " * 20)
    first, *others = header.split("\r\n")[:-1]
    assert first.startswith(f"{name}: several")
    assert others
    assert max(map(len, [first, *others])) <= 78


def test_an_address_of_ours_stays_in_one_piece_however_long() -> None:
    url = "https://mail.example.org/" + "deep/" * 30 + "u/dXF3ZXJ0eXVpb3Bhc2RmZ2hqa2w"
    header = headers.plain("List-Unsubscribe", f"<{url}>")
    assert header == f"List-Unsubscribe: <{url}>\r\n"
    assert str(read(header, "List-Unsubscribe")) == f"<{url}>"


@settings(max_examples=300, deadline=None)
@given(TEXT | ASCII)
@example("")
@example("Author, Ann (PhD) <x@example.net>")
@example('"quoted" \\ back')
@example("Zoë Ångström")
@example("=?utf-8?q?not_ours?=")
@example('"' * 70)
@example("name " * 60)
@example("a" * 200)
@example("J. R. Author")
@example("Ann\r\nBcc: bob@example.net")
def test_any_name_before_an_address_arrives_and_the_address_with_it(name: str) -> None:
    header = headers.mailbox("From", Mailbox(name=name, address=ADDRESS))
    assert_lines(header)
    found = read(header, "From")
    assert isinstance(found, AddressHeader)
    (one,) = found.addresses
    assert one.addr_spec == ADDRESS
    if header.count("=?utf-8?b?") > 1:
        # Python 3.11 leaves the space between two encoded words of a name in; RFC 2047 §6.2 takes it out.
        assert "".join(words(one.display_name)) == "".join(words(name))
    else:
        assert words(one.display_name) == words(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "ann@example.org"),
        ("  ", "ann@example.org"),
        ("Ann Author", "Ann Author <ann@example.org>"),
        ("Ann O'Neill", "Ann O'Neill <ann@example.org>"),
        ("Author, Ann", '"Author, Ann" <ann@example.org>'),
        ('Ann "A" \\', '"Ann \\"A\\" \\\\" <ann@example.org>'),
        ("Zoë", "=?utf-8?b?Wm/Dqw==?= <ann@example.org>"),
    ],
)
def test_a_mailbox_is_written_as_people_read_it(name: str, value: str) -> None:
    assert headers.mailbox("From", Mailbox(name=name, address=ADDRESS)) == f"From: {value}\r\n"


def test_the_date_is_written_as_mail_does() -> None:
    now = datetime(2026, 3, 2, 7, 5, 9, tzinfo=UTC)
    header = headers.date(now)
    assert header == "Date: Mon, 02 Mar 2026 07:05:09 +0000\r\n"
    found = read(header, "Date")
    assert isinstance(found, DateHeader)
    assert found.datetime == now
