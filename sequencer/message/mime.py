"""Which bytes is a mail? Headers and both parts, the same bytes each time they are asked for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sequencer.core.model import Mailbox
from sequencer.message import headers, quoted

_ENCODING = "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
_TEXT = f"Content-Type: text/plain; {_ENCODING}"
_HTML = f"Content-Type: text/html; {_ENCODING}"
_END = "\r\n"
# RFC 8058: beside List-Unsubscribe, or mailboxes show no button.
_LISTED = headers.plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click") + headers.plain("Precedence", "bulk")
_AUTOMATIC = headers.plain("Auto-Submitted", "auto-generated")


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
    list_archive: str = ""
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
    mark = f"--=_{hashlib.sha256(letter.message_id.encode()).hexdigest()[:32]}"
    leaves = bool(letter.unsubscribe)
    listed = (letter.list_name, letter.list_id, letter.list_archive)
    return (
        f"{_letterhead(letter.sender, letter.subject, letter.language, *listed)}"
        f"{_LISTED if leaves else ''}{_AUTOMATIC if letter.automatic else ''}"
        f"To: {letter.recipient}\r\n{headers.date(letter.date)}Message-ID: {letter.message_id}\r\n"
        # In one piece, however long: folded or encoded, mailboxes do not find it.
        f"{f'List-Unsubscribe: <{letter.unsubscribe}>{_END}' if leaves else ''}"
        f'Content-Type: multipart/alternative; boundary="{mark[2:]}"\r\n'
        f"\r\n{mark}\r\n{_TEXT}{text}{mark}\r\n{_HTML}{html}{mark}--\r\n"
    ).encode()


@lru_cache(maxsize=256)
def _letterhead(sender: Mailbox, subject: str, language: str, list_name: str, list_id: str, list_archive: str) -> str:
    """The headers that all copies of a mail share."""
    listed = headers.mailbox("List-Id", Mailbox(name=list_name, address=list_id)) if list_id else ""
    # RFC 2369: where the list can be read.
    archived = headers.plain("List-Archive", f"<{list_archive}>") if list_archive else ""
    return (
        headers.mailbox("From", sender)
        + headers.text("Subject", subject)
        + listed
        + archived
        + headers.plain("Content-Language", language)
        + headers.plain("MIME-Version", "1.0")
    )


def _closed(body: str) -> str:
    """The body with one line end at its end."""
    return body.rstrip("\r\n") + "\n"
