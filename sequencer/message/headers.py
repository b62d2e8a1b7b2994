"""How is a header written so that it arrives as it was meant? Our own writer; the wire is tested.

The standard library's SMTP policy folds a long List-Unsubscribe address into an encoded word, which hides it from
mailboxes; so each kind of header is written here by its own rule, one CRLF line each or folded at its spaces.
"""

from base64 import b64encode
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from sequencer.core.model import Mailbox

_LONGEST_LINE = 76  # RFC 2047 §2 for lines with encoded words; RFC 5322 §2.1.1 would allow 78
_WORD_BYTES = 39  # of UTF-8 in one encoded word: 52 of base64, so that the first still fits beside the header's name
_SPECIALS = frozenset('()<>[]:;@\\,."')


def plain(name: str, value: str) -> str:
    """A header whose value is ours and short, such as an address list or an identifier: never folded, never encoded."""
    return f"{name}: {value}\r\n"


@lru_cache(maxsize=1024)
def text(name: str, value: str) -> str:
    """A header of free text: as it is where that is safe, else in encoded words (RFC 2047); folded at spaces."""
    clean = " ".join(value.split())
    if not clean.isascii() or "=?" in clean or not clean.isprintable():
        return _folded(name, _encoded_words(clean))
    words = clean.split(" ")
    if max(map(len, words)) > _LONGEST_LINE - len(name) - 2:
        return _folded(name, _encoded_words(clean))
    return _folded(name, words)


@lru_cache(maxsize=1024)
def mailbox(name: str, value: Mailbox) -> str:
    """A header with one address and the name before it."""
    shown = " ".join(value.name.split())
    if not shown:
        return plain(name, value.address)
    quoted = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if not shown.isascii() or "=?" in shown or not shown.isprintable() or len(quoted) > _LONGEST_LINE - len(name) - 2:
        words = _encoded_words(shown)
    elif _SPECIALS & set(shown):
        words = [quoted]
    else:
        words = shown.split(" ")
    return _folded(name, [*words, f"<{value.address}>"])


@lru_cache(maxsize=1024)
def date(value: datetime) -> str:
    """The Date header, in UTC."""
    return plain("Date", format_datetime(value))


def _encoded_words(value: str) -> list[str]:
    """RFC 2047 words, each of whole characters."""
    words, chunk = [], b""
    for character in value:
        encoded = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > _WORD_BYTES:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    words.append(chunk)
    return [f"=?utf-8?b?{b64encode(word).decode()}?=" for word in words]


def _folded(name: str, words: list[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LONGEST_LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"
