"""What may a program with a key do, and is this one of our keys? Scopes and their meanings, and the key's digest."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

KeyId = NewType("KeyId", int)

SECRET_BYTES = 32
_SHAPE = re.compile(r"sq_[A-Za-z0-9_-]{43}")


class Scope(StrEnum):
    """One thing that a key may be good for."""

    READ_SUBSCRIBERS = "subscribers:read"
    WRITE_SUBSCRIBERS = "subscribers:write"
    IMPORT_SUBSCRIBERS = "subscribers:import"
    ERASE_SUBSCRIBERS = "subscribers:erase"
    READ_SUPPRESSIONS = "suppressions:read"
    WRITE_SUPPRESSIONS = "suppressions:write"
    READ_ENROLMENTS = "enrolments:read"
    WRITE_ENROLMENTS = "enrolments:write"
    WRITE_EVENTS = "events:write"
    READ_FORMS = "forms:read"
    READ_COURSES = "courses:read"


MEANINGS: Mapping[Scope, str] = MappingProxyType(
    {
        Scope.READ_SUBSCRIBERS: "List people, and look at one.",
        Scope.WRITE_SUBSCRIBERS: "Sign people up, change what is known of them, and unsubscribe them.",
        Scope.IMPORT_SUBSCRIBERS: "Add people who have agreed elsewhere, with the proof; no mail asks them.",
        Scope.ERASE_SUBSCRIBERS: "Erase all that is kept of a person.",
        Scope.READ_SUPPRESSIONS: "Tell who is suppressed from who has left, and see when they left.",
        Scope.WRITE_SUPPRESSIONS: "Tell which addresses are to get no more mail: complaints, bounces, your own word.",
        Scope.READ_ENROLMENTS: "List who is on which course, and where.",
        Scope.WRITE_ENROLMENTS: "Put people on a course; pause, pace and stop their lessons.",
        Scope.WRITE_EVENTS: "Tell what happened to somebody, such as that they bought.",
        Scope.READ_FORMS: "Look at the sign-up forms.",
        Scope.READ_COURSES: "Look at the published courses.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is kept of a key: never the key itself, only its digest."""

    id: KeyId
    name: str
    digest: str
    scopes: frozenset[Scope]
    created_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


def spell(secret: bytes) -> str:
    """The key as its owner gets it: `secret` is as many random bytes as `SECRET_BYTES` says."""
    return "sq_" + urlsafe_b64encode(secret).rstrip(b"=").decode()


def digest(text: str) -> str:
    """By what a key is kept and found, or "" for what does not look like one.

    As it has 256 random bits, one round of SHA-256 is enough: there is nothing to guess.
    """
    return hashlib.sha256(text.encode()).hexdigest() if _SHAPE.fullmatch(text) else ""


def opens(text: str, key: Key) -> bool:
    """Whether this is the text of that key, and it holds; as quick where the first character is wrong as the last."""
    return hmac.compare_digest(digest(text), key.digest) and key.revoked_at is None
