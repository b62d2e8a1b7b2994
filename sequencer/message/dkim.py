"""Who vouches for a message? DKIM signatures (RFC 6376, 8301, 8463), and the keys and DNS records behind them.

Headers are signed relaxed, as relays fold them anew; the body is signed simple, as quoted-printable passes every relay
unchanged, so that its hash is one SHA-256 over the bytes that are there.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from sequencer.errors import BadSettings
from sequencer.settings import Settings

Key = RSAPrivateKey | Ed25519PrivateKey

# RFC 6376 §5.4.1, and RFC 8058 §4: both List-Unsubscribe headers, or mailboxes show no button.
SIGNED = (
    "from", "reply-to", "subject", "date", "to", "message-id", "mime-version", "content-type", "list-id",
    "list-unsubscribe", "list-unsubscribe-post", "list-archive", "feedback-id", "content-language",
)  # fmt: skip

_LEAST_BITS = 2048  # RFC 8301 §3.2
_LONGEST_LINE = 78  # RFC 5322 §2.1.1
_LONGEST_STRING = 255  # RFC 1035 §3.3, of the strings in a TXT record
_BASE64_LINE = 72
_BLANKS = re.compile(rb"\t[ \t]*| [ \t]+")  # all but single spaces; so written it runs three times as fast
_PADDING, _SHA256 = PKCS1v15(), hashes.SHA256()
# Amazon SES writes a Message-ID and a Date of its own; a signature over ours would break there.


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A domain that vouches, the key it does so with, and the headers that are covered where a message has them."""

    domain: str
    selector: str
    key: Key = field(repr=False)
    headers: tuple[str, ...] = SIGNED

    @property
    def algorithm(self) -> str:
        """As the tag a= says it."""
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    @property
    def record_name(self) -> str:
        """The name in the DNS under which mailboxes look for the public key."""
        return f"{self.selector}._domainkey.{self.domain}"

    def without(self, *names: str) -> "Signer":
        """The same signer for a relay that writes these headers anew."""
        return replace(self, headers=tuple(name for name in self.headers if name not in names))


class Signers:
    """The signers of an installation, for whichever domain sends. Reads the keys once; raises BadSettings."""

    def __init__(self, settings: Settings) -> None:
        self._selector = settings.dkim_selector
        self._keys: list[Key] = []
        self._made: dict[tuple[str, tuple[str, ...]], tuple[Signer, ...]] = {}
        if settings.dkim_key:
            self._keys.append(_key_of("dkim_key", settings.root / settings.dkim_key, "an RSA key"))
        if settings.dkim_ed25519_key:
            path = settings.root / settings.dkim_ed25519_key
            if not self._keys:
                # RFC 8463 is known to few mailboxes: what it alone signs is unsigned for the others.
                raise BadSettings(
                    f'The option "dkim_ed25519_key" is {path}; it needs an RSA key beside it, in "dkim_key".'
                )
            self._keys.append(_key_of("dkim_ed25519_key", path, "an Ed25519 key"))

    @property
    def is_needed(self) -> bool:
        """Whether the settings name a key."""
        return bool(self._keys)

    def for_domain(self, domain: str, *, unsigned: tuple[str, ...] = ()) -> tuple[Signer, ...]:
        """Who signs what this domain sends, RSA first; nobody where the settings name no key.

        `unsigned` are headers that the relay will write anew.
        """
        if (domain, unsigned) not in self._made:
            made = (_signer(key, domain.lower(), self._selector) for key in self._keys)
            self._made[domain, unsigned] = tuple(signer.without(*unsigned) for signer in made)
        return self._made[domain, unsigned]


def sign(content: bytes, signers: Sequence[Signer], *, timestamp: datetime) -> bytes:
    """The message with one DKIM-Signature a signer in front of it, RSA before Ed25519; else unchanged.

    `content` has a From header, and its lines end in CRLF. The same arguments give the same bytes. Of a header that is
    there several times the last is covered (RFC 6376 §5.4.2).
    """
    if not signers:
        return content
    head, body_at = _split(content)
    fields = _canonical(head)
    tags = f" t={int(timestamp.timestamp())}; bh={_body_hash(content, body_at)};\r\n b="
    ordered = sorted(signers, key=lambda signer: signer.algorithm, reverse=True)
    return b"".join([*(_header(signer, fields, tags) for signer in ordered), content])


def load(path: Path, domain: str, selector: str) -> Signer:
    """A signer whose key stands in a PEM file. Raises BadSettings in a sentence that holds nothing of the key.

    `selector` is that of the settings; the one of an Ed25519 key has "-ed" at its end.
    """
    return _signer(_read(path), domain, selector)


def new_key(*, ed25519: bool) -> bytes:
    """A fresh private key as a PEM file holds it: RSA of 2048 bits, which every mailbox can check, or Ed25519."""
    key: Key = Ed25519PrivateKey.generate() if ed25519 else generate_private_key(65537, _LEAST_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def record(signer: Signer) -> str:
    """The value of the TXT record that publishes the signer's key (RFC 6376 §3.6.1, RFC 8463 §4)."""
    public = signer.key.public_key()
    if isinstance(signer.key, Ed25519PrivateKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={b64encode(raw).decode()}"
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={b64encode(der).decode()}"


def zone_record(signer: Signer) -> str:
    """The same record as a zone file holds it: in strings that are not too long."""
    value = record(signer)
    strings = [f'"{value[at : at + _LONGEST_STRING]}"' for at in range(0, len(value), _LONGEST_STRING)]
    return f"{signer.record_name}. IN TXT ( " + "\n    ".join(strings) + " )"


def _read(path: Path) -> Key:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise BadSettings(f'There is no {path}; "sequencer dkim new" makes a key.') from error
    except OSError as error:
        raise BadSettings(f"{path} cannot be read ({error.strerror}); it needs to be a file with a key.") from error
    except TypeError as error:
        raise BadSettings(f"{path} is encrypted; it needs a key without a password.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadSettings(f"{path} holds no private key that can be read; it needs one in PEM form.") from error
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise BadSettings(f"{path} holds a key of another kind; it needs an RSA or an Ed25519 key.")
    if isinstance(key, RSAPrivateKey) and key.key_size < _LEAST_BITS:
        raise BadSettings(f"{path} holds an RSA key of {key.key_size} bits; it needs at least {_LEAST_BITS}.")
    return key


def _signer(key: Key, domain: str, selector: str) -> Signer:
    # Two keys of one domain need two names in the DNS (RFC 8463 §4).
    own = f"{selector}-ed" if isinstance(key, Ed25519PrivateKey) else selector
    return Signer(domain=domain, selector=own, key=key)


def _key_of(option: str, path: Path, kind: str) -> Key:
    key = _read(path)
    held = "an RSA key" if isinstance(key, RSAPrivateKey) else "an Ed25519 key"
    if held != kind:
        raise BadSettings(f'The option "{option}" is {path}; it needs {kind}, and this is {held}.')
    return key


def _split(content: bytes) -> tuple[bytes, int]:
    """The headers without their last line end, and where the body begins."""
    end = content.find(b"\r\n\r\n")
    return (content, len(content)) if end < 0 else (content[:end], end + 4)


def _canonical(head: bytes) -> dict[bytes, bytes]:
    """The relaxed form of each header by its name, without its line end (RFC 6376 §3.4.2)."""
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t")
    fields = {}
    for line in _BLANKS.sub(b" ", unfolded).split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.rstrip(b" ").lower()
        fields[name] = name + b":" + value.strip(b" ")
    return fields


def _body_hash(content: bytes, body_at: int) -> str:
    """The hash over the body with exactly one line end after its last line (RFC 6376 §3.4.3), without copying it."""
    end = len(content)
    while content.endswith(b"\r\n", body_at, end):
        end -= 2
    hashed = sha256(memoryview(content)[body_at:end])
    hashed.update(b"\r\n")
    return b64encode(hashed.digest()).decode()


def _header(signer: Signer, fields: dict[bytes, bytes], tags: str) -> bytes:
    names = tuple(name for name in signer.headers if name.encode() in fields)
    unsigned = (_opening(signer.domain, signer.selector, signer.algorithm, names) + tags).encode()
    signed = b"\r\n".join([*(fields[name.encode()] for name in names), *_canonical(unsigned).values()])
    if isinstance(signer.key, RSAPrivateKey):
        signature = signer.key.sign(signed, _PADDING, _SHA256)
    else:
        signature = signer.key.sign(sha256(signed).digest())  # RFC 8463 §3: of the hash, not of the headers
    value = b64encode(signature)
    lines = [value[at : at + _BASE64_LINE] for at in range(0, len(value), _BASE64_LINE)]
    return unsigned + b"\r\n ".join(lines) + b"\r\n"


@lru_cache(maxsize=1024)
def _opening(domain: str, selector: str, algorithm: str, names: tuple[str, ...]) -> str:
    """The first lines of the signature's header, which are the same for each mail of a kind."""
    tags = ("v=1", f"a={algorithm}", "c=relaxed/simple", f"d={domain}", f"s={selector}")
    words = [*(f" {tag};" for tag in tags), *re.findall("[^:]+:?", f" h={':'.join(names)};")]
    lines = ["DKIM-Signature:"]
    for word in words:
        if len(lines[-1]) + len(word) > _LONGEST_LINE:
            lines.append(" ")
        lines[-1] += word.lstrip() if lines[-1] == " " else word
    return "\r\n".join(lines) + "\r\n"
