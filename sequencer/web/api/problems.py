"""How does the API say no? Every refusal is a problem of a known kind (RFC 9457), in a sentence that says what to do.

The types are addresses below our own site that lead to the sections of docs/api.md, which the service shows there.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from starlette.responses import JSONResponse, Response

from sequencer.errors import (
    BadContentType,
    BadDatabase,
    BadRequest,
    Conflict,
    NotFound,
    SequencerError,
    TooLarge,
    TooMany,
    TooSlow,
)
from sequencer.flows.keys import OtherRequest

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
DOCUMENT = "/docs/api.md"
AGAIN_AFTER = "60"  # seconds after which a database may be back


class Kind(StrEnum):
    """A kind of problem, by the anchor of its section."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    SCOPE_MISSING = "scope-missing"
    NOT_FOUND = "not-found"
    WRONG_METHOD = "wrong-method"
    NOT_ACCEPTABLE = "not-acceptable"
    TOO_SLOW = "too-slow"
    CONFLICT = "conflict"
    CHANGED_MEANWHILE = "changed-meanwhile"
    TOO_LARGE = "too-large"
    WRONG_TYPE = "wrong-type"
    INVALID = "invalid"
    UNUSABLE = "unusable"
    KEY_REUSED = "idempotency-key-reused"
    TOO_MANY = "too-many"
    FAILURE = "failure"
    UNAVAILABLE = "unavailable"


KINDS: Mapping[Kind, tuple[int, str]] = MappingProxyType(
    {
        Kind.MALFORMED: (400, "The request cannot be read."),
        Kind.UNAUTHENTICATED: (401, "A key is needed."),
        Kind.SCOPE_MISSING: (403, "The key is not good for this."),
        Kind.NOT_FOUND: (404, "There is no such thing."),
        Kind.WRONG_METHOD: (405, "This cannot be done here."),
        Kind.NOT_ACCEPTABLE: (406, "The answer is JSON."),
        Kind.TOO_SLOW: (408, "The request did not arrive in time."),
        Kind.CONFLICT: (409, "It does not go with how things stand."),
        Kind.CHANGED_MEANWHILE: (412, "It has changed meanwhile."),
        Kind.TOO_LARGE: (413, "The request is too large."),
        Kind.WRONG_TYPE: (415, "The body must be JSON."),
        Kind.INVALID: (422, "The request is not as it should be."),
        Kind.UNUSABLE: (422, "What the request says cannot be used."),
        Kind.KEY_REUSED: (422, "The idempotency key was used for something else."),
        Kind.TOO_MANY: (429, "There are too many requests."),
        Kind.FAILURE: (500, "Something is wrong on our side."),
        Kind.UNAVAILABLE: (503, "The service rests."),
    }
)

# The first that fits; what is none of these is our own fault.
_OF_ERRORS: tuple[tuple[type[SequencerError], Kind], ...] = (
    (BadDatabase, Kind.UNAVAILABLE),
    (NotFound, Kind.NOT_FOUND),
    (Conflict, Kind.CONFLICT),
    (TooSlow, Kind.TOO_SLOW),
    (TooLarge, Kind.TOO_LARGE),
    (BadContentType, Kind.WRONG_TYPE),
    (TooMany, Kind.TOO_MANY),
    (OtherRequest, Kind.KEY_REUSED),
    (BadRequest, Kind.UNUSABLE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong at one place: a JSON pointer into the body, or the name of a parameter."""

    detail: str
    pointer: str = ""
    parameter: str = ""

    def as_json(self) -> Mapping[str, str]:
        """As it stands in a problem."""
        found = {"pointer": self.pointer, "parameter": self.parameter, "detail": self.detail}
        return {name: value for name, value in found.items() if value}


class Refused(BadRequest):
    """A request that the API does not take, with all that its answer says."""

    def __init__(
        self, kind: Kind, detail: str, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


def unusable(pointer: str, detail: str) -> Refused:
    """What a field says fits its schema, and is no good all the same."""
    return Refused(Kind.UNUSABLE, detail, faults=[Fault(pointer=pointer, detail=detail)])


def of(error: Exception) -> Response:
    """The answer to an error; what is not for the caller goes to the log."""
    if isinstance(error, Refused):
        return answer(error.kind, str(error), faults=error.faults, headers=error.headers)
    kind = next((kind for raised, kind in _OF_ERRORS if isinstance(error, raised)), Kind.FAILURE)
    if kind is Kind.UNAVAILABLE:
        log.error("api.failed", extra={"reason": str(error)})
        sentence = "Nothing can be looked up or written down at the moment; try again in a minute."
        return answer(kind, sentence, headers={"Retry-After": AGAIN_AFTER})
    if kind is Kind.FAILURE:
        log.error("api.failed", extra={"reason": repr(error)})
        return answer(kind, "This is not your fault; it is in our log. Try again in a little while.")
    return answer(kind, str(error))


def answer(
    kind: Kind, detail: str, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as a response."""
    status, title = KINDS[kind]
    body: dict[str, object] = {
        "type": f"{DOCUMENT}#{kind}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if faults:
        body["errors"] = [fault.as_json() for fault in faults]
    return JSONResponse(body, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)
