"""What does an operation get, and what does it give? A call whose words are checked, and a reply to be sent."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlencode

from sequencer.core.keys import Key, Scope
from sequencer.errors import NotFound
from sequencer.settings import Settings
from sequencer.store.database import Transaction
from sequencer.web.api import schemas
from sequencer.web.api.problems import Kind, Refused
from sequencer.web.api.schemas import LARGEST_ID, Schema

ROOT = "/api/v1"

# What a request of a method may say in its headers, and what for.
HEADERS: Mapping[str, Mapping[str, Schema]] = {
    "POST": {
        "Idempotency-Key": {
            **schemas.IDEMPOTENCY_KEY,
            "description": "The same key with the same body is acted on once in a day, and answered alike.",
        }
    },
    "PATCH": {
        "If-Match": {
            **schemas.IF_MATCH,
            "description": "The ETag that was seen last: where it is another one by now, nothing is done.",
        }
    },
}
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a key that may make it; `body` and `query` are as their schemas say. `path` is the whole one."""

    settings: Settings
    key: Key
    now: datetime
    path: str
    named: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> int:
        """The number that the path names. Raises NotFound where it is none."""
        text = self.named["id"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(LARGEST_ID)) + 1 else 0
        if not 0 < number <= LARGEST_ID:
            raise NotFound("There is no such thing; its id is a number.")
        return number

    def may(self, scope: Scope) -> bool:
        """Whether the key is good for this too."""
        return scope in self.key.scopes

    def insist(self, scope: Scope) -> None:
        """Raises Refused where the key is not good for this."""
        if not self.may(scope):
            challenge = f'Bearer realm="sequencer", error="insufficient_scope", scope="{scope}"'
            raise Refused(
                Kind.SCOPE_MISSING,
                f'This needs a key with the scope "{scope}".',
                headers={"WWW-Authenticate": challenge},
            )

    def unless_changed(self, seen: Mapping[str, object]) -> None:
        """Raises Refused where the caller says what they saw last, and it is not like that any more."""
        last = self.headers["If-Match"]
        if last and not matches(last, etag(spell(seen))):
            raise Refused(Kind.CHANGED_MEANWHILE, "It has changed since you saw it; look again, then decide.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is said to a call; nothing, with 204."""

    status: int = 200
    body: Mapping[str, object] | None = None


Act: TypeAlias = Callable[[Transaction, Call], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that the API does: the row of the table from which requests are checked and /openapi.json is made.

    `answers` names the schema of each status that is not a problem ("" where there is no body); `problems` those that
    are its own, beside what any request may meet.
    """

    id: str
    method: str
    path: str
    scope: Scope
    summary: str
    act: Act
    answers: Mapping[int, str]
    parameters: Mapping[str, Schema] = field(default_factory=lambda: _NOTHING)
    body: str = ""
    problems: tuple[Kind, ...] = ()

    @property
    def headers(self) -> Mapping[str, Schema]:
        """What it listens to in headers."""
        return HEADERS.get(self.method, _NOTHING)

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"


def paged(call: Call, found: Sequence[Mapping[str, object]], cursors: Sequence[int]) -> Reply:
    """A page of a list, of which one more than asked for was `found`; the cursor of each is what it is found after.

    What is added or taken away meanwhile moves nobody to another page.
    """
    limit = call.query["limit"]
    more = len(found) > limit
    link = None
    if more:
        kept = {name: value for name, value in call.query.items() if value is not None}
        link = f"{call.settings.base_url}{call.path}?{urlencode({**kept, 'cursor': cursors[limit - 1]})}"
    return Reply(body={"data": list(found[:limit]), "next": link})


def spell(body: Mapping[str, object]) -> str:
    """The JSON of an answer: the same for the same."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def etag(text: str) -> str:
    """Names what an answer says (RFC 9110 §8.8.3)."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def matches(header: str, tag: str) -> bool:
    """Whether a list of entity tags holds this one."""
    return header.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in header.split(",")]


def instant(at: datetime | None) -> str | None:
    """A moment as the API tells it: in UTC, to the second."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
