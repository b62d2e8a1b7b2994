"""Which bytes is a mail? Headers and both parts, the same bytes each time they are asked for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sequencer.core.model import Mailbox
from sequencer.message import headers, quoted

_ENCODING = "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
_TEXT = f"Content-Type: text/plain; {_ENCODING}"
_HTML = f"Content-Type: text/html; {_ENCODING}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a message says and what its headers need. `list_id` and `unsubscribe` are empty where there is no list."""

    sender: Mailbox
    recipient: str
    subject: str
    language: str
    message_id: str
    date: datetime
    list_name: str = ""
    list_id: str = ""
    unsubscribe: str = ""
    automatic: bool = False
    text: str = ""
    html: str = ""


def compose(letter: Letter) -> bytes:
    """The whole message from words: what `assemble` does with words that are encoded already."""
    return assemble(letter, quoted.encode(_closed(letter.text)), quoted.encode(_closed(letter.html)))


def assemble(letter: Letter, text: str, html: str) -> bytes:
    """The whole message: ASCII lines that end in CRLF, the text part before the HTML part (RFC 2046 §5.1.4).

    `text` and `html` are whole quoted-printable lines; those of the letter itself are not read. The same arguments give
    the same bytes, so that a second attempt carries the very message of the first. Only the To header of an address
    that needs SMTPUTF8 is not ASCII (RFC 6532).
    """
    boundary = "=_" + hashlib.sha256(letter.message_id.encode()).hexdigest()[:32]
    lines = [
        headers.mailbox("From", letter.sender),
        headers.plain("To", letter.recipient),
        headers.text("Subject", letter.subject),
        headers.date(letter.date),
        headers.plain("Message-ID", letter.message_id),
        *_list_headers(letter),
        headers.plain("Content-Language", letter.language),
        headers.plain("MIME-Version", "1.0"),
        headers.plain("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    mark = f"--{boundary}"
    parts = f"\r\n{mark}\r\n{_TEXT}{text}{mark}\r\n{_HTML}{html}{mark}--\r\n"
    return ("".join(lines) + parts).encode()


def _list_headers(letter: Letter) -> list[str]:
    lines = []
    if letter.list_id:
        lines.append(headers.mailbox("List-Id", Mailbox(name=letter.list_name, address=letter.list_id)))
    if letter.unsubscribe:
        # RFC 8058: both headers, or mailboxes show no button; the address in one piece, or they do not find it.
        lines.append(headers.plain("List-Unsubscribe", f"<{letter.unsubscribe}>"))
        lines.append(headers.plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        lines.append(headers.plain("Precedence", "bulk"))
    if letter.automatic:
        lines.append(headers.plain("Auto-Submitted", "auto-generated"))
    return lines


def _closed(body: str) -> str:
    """The body with one line end at its end."""
    return body.rstrip("\r\n") + "\n"
