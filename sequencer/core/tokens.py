"""Is this link one of ours? Short signed tokens that say for what and for whom, without a row in the database.

A token is base64url(purpose, subject, about, expiry, MAC): the numbers as LEB128, the MAC the first 16 bytes of
HMAC-SHA256. It stays under 45 characters, so that a List-Unsubscribe header stays short.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sequencer.errors import BadRequest, Expired

_MAC_LENGTH = 16
_LONGEST = 64
_ONE_BYTE = tuple(bytes([number]) for number in range(0x80))


class Purpose(StrEnum):
    """What a token is good for; one is never good for another's purpose."""

    CONFIRM = "c"
    LEAVE = "u"
    PREFERENCES = "p"
    VIEW = "v"
    REMOTE = "r"
    CERTIFICATE = "d"
    DISOWN = "n"
    FORM = "f"
    BACK = "b"
    MOVE = "m"
    DATA = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token says: for whom (`subject`), and about which thing of theirs (0: none)."""

    subject: int
    about: int = 0


def seal(secret: str, purpose: Purpose, subject: int, *, about: int = 0, expires_at: datetime | None = None) -> str:
    """A token for links; good for ever where no `expires_at` is given."""
    expiry = int(expires_at.timestamp()) if expires_at else 0
    payload = purpose.encode() + _leb128(subject) + _leb128(about) + _leb128(expiry)
    return _encoded(payload + _mac(secret, payload))


def unseal(secret: str, purpose: Purpose, token: str, *, now: datetime) -> Token:
    """What the token says. Raises BadRequest where it is not ours or for another purpose, Expired where it was."""
    said, expiry = _opened(secret, purpose, token)
    if expiry and now.timestamp() >= expiry:
        raise Expired("This link has expired. Please sign up again and use the new link.")
    return said


def read(secret: str, purpose: Purpose, token: str) -> Token:
    """What the token says, or said until it expired. Raises BadRequest where it is not ours or for another purpose."""
    return _opened(secret, purpose, token)[0]


def stamp(secret: str, *, now: datetime) -> str:
    """A mark for a form of ours that says when it was shown."""
    return seal(secret, Purpose.FORM, int(now.timestamp() * 1000))


def age(secret: str, mark: str, *, now: datetime) -> timedelta | None:
    """How long ago the form was shown that holds this mark; None where the mark is none of ours."""
    if not mark:
        return None
    try:
        shown = unseal(secret, Purpose.FORM, mark, now=now).subject
    except BadRequest:
        return None
    return timedelta(milliseconds=int(now.timestamp() * 1000) - shown)


def message_id(secret: str, kind: str, campaign: int, subscriber: int, run: int, *, domain: str) -> str:
    """The Message-ID of a delivery: the same for every attempt, host and time (RFC 5322 §3.6.4)."""
    named = f"message-id|{kind}|{campaign}|{subscriber}|{run}"
    digest = hmac.digest(secret.encode(), named.encode(), hashlib.sha256)
    return f"<{digest.hex()[:32]}@{domain}>"


def _opened(secret: str, purpose: Purpose, token: str) -> tuple[Token, int]:
    """What the token says, and until when (0: for ever)."""
    sealed = _decoded(token) if len(token) <= _LONGEST else b""
    payload, mac = sealed[:-_MAC_LENGTH], sealed[-_MAC_LENGTH:]
    if not payload or not hmac.compare_digest(mac, _mac(secret, payload)) or payload[:1] != purpose.encode():
        raise BadRequest("This link is not complete or not one of ours. Please copy it whole from the e-mail.")
    subject, about, expiry = _numbers(payload[1:])
    return Token(subject=subject, about=about), expiry


def _encoded(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decoded(token: str) -> bytes:
    """The bytes of a token, or none where it is not written as we write it: base64 has many spellings, a token one."""
    try:
        sealed = urlsafe_b64decode(token.encode("ascii") + b"==")
    except ValueError:
        return b""
    return sealed if _encoded(sealed) == token else b""


def _mac(secret: str, payload: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"token|" + payload, hashlib.sha256)[:_MAC_LENGTH]


def _leb128(number: int) -> bytes:
    if number <= 0x7F:  # noqa: PLR2004 (one byte)
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 (seven bits a byte)
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(payload: bytes) -> list[int]:
    numbers, value, shift = [], 0, 0
    for byte in payload:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append(value)
            value, shift = 0, 0
    return numbers
