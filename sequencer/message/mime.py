"""Which bytes is a mail? Headers and both parts, the same bytes each time they are asked for."""

import hashlib
from binascii import b2a_qp
from dataclasses import dataclass
from datetime import datetime

from sequencer.core.model import Mailbox
from sequencer.message import headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a message says and what its headers need. `list_id` and `unsubscribe` are empty where there is no list."""

    sender: Mailbox
    recipient: str
    subject: str
    text: str
    html: str
    language: str
    message_id: str
    date: datetime
    list_name: str = ""
    list_id: str = ""
    unsubscribe: str = ""
    automatic: bool = False


def compose(letter: Letter) -> bytes:
    """The whole message: ASCII lines that end in CRLF, the text part before the HTML part (RFC 2046 §5.1.4).

    Depends on the letter alone, so that a second attempt carries the very bytes of the first. Only the To header of an
    address that needs SMTPUTF8 is not ASCII (RFC 6532).
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
    head = "".join(lines).encode()
    text, html = _part("text/plain", letter.text), _part("text/html", letter.html)
    mark = b"--" + boundary.encode()
    return b"".join([head, b"\r\n", mark, b"\r\n", text, mark, b"\r\n", html, mark, b"--\r\n"])


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


def _part(kind: str, body: str) -> bytes:
    lines = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    encoded = b2a_qp(lines.replace("\n", "\r\n").encode("utf-8", "replace"), istext=True)
    head = f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + encoded
