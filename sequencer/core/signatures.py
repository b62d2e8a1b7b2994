"""Did the program with which we share a secret send this? One verifier for every row of `schemes.py`.

What is signed are the bytes as they came, never what was parsed of them. Two secrets may be good at a time, so that one
can take the other's place. Comparing takes as long for a wrong signature as for a right one.

A public key is no secret: nothing is believed for being signed with it as if it were one.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from sequencer.core.schemes import PUBLIC_KEY, SECRET_HEADER, SECRET_QUERY, TABLE, Jws, Mac, Shared, Spelling, standard

_MOST_PARTS = 16
_LONGEST_TIME = 14  # digits: milliseconds until the year 5138
_KEY_BYTES = 32  # RFC 8032 §5.1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it came: the body, the headers (names in small letters), and the parameters of the address."""

    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    query: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Genuine:
    """It is from whom it should be; `delivery` is its sender's name for it in the headers, where it has one there."""

    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It is not, or nobody can tell; the sentence is for whoever set up the program."""

    sentence: str


Proof: TypeAlias = Genuine | Refused
# Whether the owner of a public key made a signature of these bytes: the mathematics are not the standard library's.
Ed25519: TypeAlias = Callable[[bytes, bytes, bytes], bool]


def verify(
    signature: str, secrets: Sequence[str], sent: Sent, *, now: datetime, ed25519: Ed25519 = lambda *_: False
) -> Proof:
    """Whether one of the secrets signed this, in the way that `signature` names, and lately where it says when.

    Among the secrets may be public keys, where the scheme knows them; without `ed25519` they are good for nothing.
    """
    scheme = TABLE[signature]
    for name in scheme.needed:
        count = len(_values(sent, name))
        if count != 1:
            return Refused(sentence=f"The header {name} {_DOUBLED if count else _MISSING}.")
    if isinstance(scheme, Mac):
        return _by_mac(scheme, secrets, sent, now, ed25519)
    if isinstance(scheme, Jws):
        return _by_jws(scheme, secrets, sent)
    return _by_secret(scheme, secrets, sent)


def sign(secret: str, *, delivery: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers by which whoever we call can tell that it was us: Standard Webhooks."""
    scheme = standard("webhook")
    time = str(int(at.timestamp()))
    signed = _signed(scheme, {"id": delivery.encode(), "time": time.encode(), "body": body})
    signature = _spelled(scheme, secret, signed).decode()
    return MappingProxyType({scheme.delivery: delivery, scheme.time: time, scheme.header: signature})


def public_key(text: str) -> bytes | None:
    """The 32 bytes behind a key like whpk_MfKQ…, None where it is no such key."""
    try:
        key = b64decode(text.removeprefix(PUBLIC_KEY), validate=True) if text.startswith(PUBLIC_KEY) else b""
    except ValueError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _by_mac(scheme: Mac, secrets: Sequence[str], sent: Sent, now: datetime, ed25519: Ed25519) -> Proof:
    held = _values(sent, scheme.header)[0]
    between = scheme.between.encode()
    given = [part.strip() for part in held.split(between, _MOST_PARTS)] if between else [held]
    times = _values(sent, scheme.time) if scheme.time else _marked(given, scheme.time_mark)
    if scheme.is_timed and not (times and _is_near(times[0], scheme, now)):
        minutes = int(scheme.window.total_seconds()) // 60
        return Refused(sentence=f"This was not signed within {minutes} minutes of now; check the clocks on both sides.")
    ids = _values(sent, scheme.delivery)
    known = {"id": b"".join(ids), "time": b"".join(times[:1]), "body": sent.body}
    signed = _signed(scheme, known)
    made = [_spelled(scheme, secret, signed) for secret in secrets if not secret.startswith(PUBLIC_KEY)]
    if not _is_among(given, made) and not _is_by_owner(scheme, secrets, given, signed, ed25519):
        return _WRONG
    return Genuine(delivery=ids[0].decode("latin-1") if len(ids) == 1 else "")


def _is_by_owner(scheme: Mac, secrets: Sequence[str], given: Sequence[bytes], signed: bytes, ed25519: Ed25519) -> bool:
    """Whether the owner of one of the public keys signed. There is no secret in this that its time could tell."""
    keys = [key for secret in secrets if (key := public_key(secret)) is not None]
    shown = [_decoded(one) for one in _marked(given, scheme.public_mark)]
    return any(ed25519(key, one, signed) for key in keys for one in shown)


def _by_jws(scheme: Jws, secrets: Sequence[str], sent: Sent) -> Proof:
    signed, _, given = _values(sent, scheme.header)[0].rpartition(b".")
    # What the token's own head says of the algorithm is not asked: there is one, and we compute it ourselves.
    made = [urlsafe_b64encode(_hmac(secret.encode(), signed)).rstrip(b"=") for secret in secrets]
    if not _is_among([given], made):
        return _WRONG
    claims = _claims(signed.partition(b".")[2])
    if claims.get("iss") != scheme.issuer or claims.get("sha256") != hashlib.sha256(sent.body).hexdigest():
        return _WRONG
    return Genuine(delivery="")


def _by_secret(scheme: Shared, secrets: Sequence[str], sent: Sent) -> Proof:
    asked = [value.encode("utf-8", "surrogatepass") for name, value in sent.query if name == scheme.query]
    given = _values(sent, scheme.header) if scheme.header else asked
    if len(given) == 1 and _is_among(given, [secret.encode() for secret in secrets]):
        return Genuine(delivery="")
    return _WRONG_HEADER if scheme.header else _WRONG_ADDRESS


_MISSING = "is missing; set the secret in the program that sends this"
_DOUBLED = "came more than once"
_WRONG = Refused(sentence="The signature does not fit what was sent; check that both sides have the same secret.")
_WRONG_HEADER = Refused(sentence=f"The header {SECRET_HEADER} does not hold the secret of this form.")
_WRONG_ADDRESS = Refused(sentence=f'This address needs the secret of this form behind "?{SECRET_QUERY}=".')


def _values(sent: Sent, name: str) -> list[bytes]:
    wanted = name.encode()
    return [value.strip() for known, value in sent.headers if known == wanted]


def _marked(parts: Iterable[bytes], mark: str) -> list[bytes]:
    begin = mark.encode()
    return [part.removeprefix(begin) for part in parts if begin and part.startswith(begin)]


def _is_near(time: bytes, scheme: Mac, now: datetime) -> bool:
    """Neither long ago nor far ahead: else what somebody recorded could be sent again for ever."""
    if not time.isdigit() or len(time) > _LONGEST_TIME:
        return False
    at = int(time) * scheme.unit.total_seconds()
    return abs(now.timestamp() - at) <= scheme.window.total_seconds()


def _signed(scheme: Mac, known: Mapping[str, bytes]) -> bytes:
    return b"".join(known.get(part, part.encode()) for part in scheme.signed)


def _spelled(scheme: Mac, secret: str, signed: bytes) -> bytes:
    made = _hmac(_key(secret) if scheme.coded else secret.encode(), signed)
    spelled = made.hex().encode() if scheme.spelling is Spelling.HEX else b64encode(made)
    return scheme.mark.encode() + spelled


def _key(secret: str) -> bytes:
    """The bytes behind a secret like whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw; any other is taken as it is."""
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return secret.encode()


def _decoded(spelled: bytes) -> bytes:
    try:
        return b64decode(spelled, validate=True)
    except ValueError:
        return b""


def _hmac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, hashlib.sha256)


def _is_among(given: Sequence[bytes], good: Sequence[bytes]) -> bool:
    """Whether one is the other's equal; all are compared, so that the time taken says nothing."""
    return any([hmac.compare_digest(one, other) for one in given for other in good])  # noqa: C419 (all of them)


def _claims(coded: bytes) -> Mapping[str, object]:
    try:
        claims = json.loads(urlsafe_b64decode(coded + b"=="))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
