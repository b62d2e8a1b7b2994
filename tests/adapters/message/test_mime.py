"""Is a mail one that every relay carries and every mail program reads, whatever stands in it?"""

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core.model import Mailbox
from sequencer.message.mime import Letter, assemble, compose

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
HARD = st.lists(st.sampled_from(["\r\n", "\n", "\r", ".", "=", "--", "a", " ", "é", "X-Injected: yes", "\0"])).map(
    "".join
)
TEXT = ANY | HARD
LETTER = Letter(
    sender=Mailbox(name="Ann Author", address="ann@example.org"),
    recipient="reader@example.org",
    subject="The first lesson",
    language="en",
    message_id="<abc@example.org>",
    date=datetime(2026, 3, 2, 8, tzinfo=UTC),
    text="Words.\n",
    html="<p>Words.</p>\n",
)
LEAVE = "https://mail.example.org/u/" + "a1-_" * 60
LESSON = replace(LETTER, list_name="A Course", list_id="small.list-id.example.org", unsubscribe=LEAVE)
CONFIRMATION = replace(LETTER, automatic=True)
SHARED = ["From", "To", "Subject", "Date", "Message-ID"]
MIME = ["Content-Language", "MIME-Version", "Content-Type"]
LIST = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence"]


def read(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert all(not part.defects for part in found.walk())
    return found


def words(part: EmailMessage) -> str:
    found = part.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found.decode()


def assert_wire(content: bytes) -> None:
    """ASCII lines of CRLF, none too long, none that begins with a dot."""
    assert content.isascii()
    assert content.endswith(b"\r\n")
    assert not re.search(rb"[^\r]\n|\r[^\n]", content)
    head, _, body = content.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert not any(line.startswith(b".") for line in content.split(b"\r\n"))


def plain(text: str) -> str:
    """The text as both ways write it: plain line ends, one of them at the end."""
    return re.sub(r"\r\n|\r|\n", "\n", text).rstrip("\n")


@settings(max_examples=300, deadline=None)
@given(subject=TEXT, name=TEXT, list_name=TEXT, text=TEXT, html=TEXT)
def test_any_words_arrive_and_add_no_header(subject: str, name: str, list_name: str, text: str, html: str) -> None:
    sender = Mailbox(name=name, address="ann@example.org")
    letter = replace(LESSON, subject=subject, sender=sender, list_name=list_name, text=text, html=html)
    content = compose(letter)
    assert_wire(content)
    found = read(content)
    assert sorted(found.keys()) == sorted([*SHARED, *LIST, *MIME])
    assert str(found["Subject"]).split() == subject.split()
    assert found["From"].addresses[0].addr_spec == "ann@example.org"
    first, second = found.iter_parts()
    assert plain(words(first)) == plain(text)
    assert plain(words(second)) == plain(html)


def test_a_lesson_can_be_left_by_one_click() -> None:
    content = compose(LESSON)
    # In one piece, as the bytes that mailboxes look for; RFC 8058 §3.1.
    assert content.count(f"\r\nList-Unsubscribe: <{LEAVE}>\r\n".encode()) == 1
    assert content.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == 1
    found = read(content)
    assert found["List-Unsubscribe"] == f"<{LEAVE}>"
    assert found["List-Id"] == "A Course <small.list-id.example.org>"
    assert found["Precedence"] == "bulk"
    assert "Auto-Submitted" not in found


def test_a_confirmation_belongs_to_no_list_and_says_that_it_is_automatic() -> None:
    found = read(compose(CONFIRMATION))
    assert sorted(found.keys()) == sorted([*SHARED, "Auto-Submitted", *MIME])
    assert found["Auto-Submitted"] == "auto-generated"


def test_headers_read_back_as_they_were_meant() -> None:
    found = read(compose(LESSON))
    assert str(found["From"]) == "Ann Author <ann@example.org>"
    assert str(found["To"]) == "reader@example.org"
    assert found["Date"].datetime == LETTER.date
    assert found["Message-ID"] == "<abc@example.org>"
    assert found["Content-Language"] == "en"
    assert found.get_content_type() == "multipart/alternative"


def test_the_text_comes_before_the_html_and_both_say_their_charset() -> None:
    parts = list(read(compose(LETTER)).iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in parts] == ["utf-8", "utf-8"]
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["quoted-printable"] * 2


def test_the_same_letter_is_the_same_bytes_and_another_has_another_boundary() -> None:
    assert compose(LESSON) == compose(replace(LESSON))
    another = replace(LESSON, message_id="<abd@example.org>")
    assert read(compose(another)).get_boundary() != read(compose(LESSON)).get_boundary()


def test_the_boundary_of_a_mail_cannot_stand_in_its_words() -> None:
    boundary = read(compose(LETTER)).get_boundary()
    assert boundary
    letter = replace(LETTER, text=f"--{boundary}\nmore\n--{boundary}--\n", html=f"\n--{boundary}--\n")
    content = compose(letter)
    assert content.count(f"--{boundary}".encode()) == 3
    first, second = read(content).iter_parts()
    assert plain(words(first)) == plain(letter.text)
    assert plain(words(second)) == plain(letter.html)


@pytest.mark.parametrize("end", ["", "\r\n", "\n\n\n"])
def test_a_part_ends_with_its_line_however_its_words_end(end: str) -> None:
    assert compose(replace(LETTER, text=f"Words.{end}", html=f"<p>Words.</p>{end}")) == compose(LETTER)


def test_only_the_address_that_needs_it_is_not_ascii() -> None:
    content = compose(replace(LETTER, recipient="zoë@example.org"))
    assert [line for line in content.split(b"\r\n") if not line.isascii()] == ["To: zoë@example.org".encode()]


@pytest.mark.parametrize("letter", [LESSON, CONFIRMATION])
def test_lines_that_are_encoded_already_are_taken_as_they_are(letter: Letter) -> None:
    assert assemble(letter, "Words.\r\n", "<p>Words.</p>\r\n") == compose(letter)
