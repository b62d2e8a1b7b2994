"""How does a program get a key, show it, and lose it; and how does it ask twice and act once?"""

import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.core import keys as core
from sequencer.core import quota as core_quota
from sequencer.core.keys import Key, KeyId, Scope
from sequencer.core.quota import Quota, Spent
from sequencer.errors import BadRequest, Conflict, NotFound
from sequencer.store import keys
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

ANSWERS_KEPT = timedelta(hours=24)
USE_NOTED_EVERY = timedelta(minutes=1)


class OtherRequest(BadRequest):
    """The idempotency key belongs to a request that said something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that may come twice: whose, the name that they gave it, and a digest of all that it says."""

    key: KeyId
    name: str
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said to a request; `again` where it was said before."""

    status: int
    body: str
    again: bool = False


def new(db: Database, name: str, scopes: Sequence[Scope], *, now: datetime) -> str:
    """A new key, to be shown once: nobody can ever read it here. Raises Conflict where the name is taken."""
    text = core.spell(secrets.token_bytes(core.SECRET_BYTES))
    with db.begin() as tx:
        if not keys.add(tx, name, core.digest(text), sorted(set(scopes)), now=now):
            raise Conflict(f'There is or was a key "{name}" already; choose another name.')
    log.info("key.made", extra={"key": name, "scopes": ",".join(sorted(scopes))})
    return text


def listed(db: Database) -> Sequence[Key]:
    """All keys, those that are revoked too, the oldest first."""
    with db.read() as tx:
        return keys.listed(tx)


def revoke(db: Database, name: str, *, now: datetime) -> None:
    """The key opens nothing any more, from the next request on. Raises NotFound where no such key holds."""
    with db.begin() as tx:
        if not keys.revoke(tx, name, now=now):
            raise NotFound(f'There is no key "{name}" that holds; "sequencer key list" shows all.')
    log.info("key.revoked", extra={"key": name})


def known(db: Database, text: str) -> Key | None:
    """The key of this text, if it is one of ours and holds."""
    digest = core.digest(text)
    if not digest:
        return None
    with db.read() as tx:
        key = keys.find(tx, digest)
    return key if key is not None and core.opens(text, key) else None


def is_to_be_noted(key: Key, now: datetime) -> bool:
    """Whether its use has not been noted lately."""
    return key.used_at is None or key.used_at <= now - USE_NOTED_EVERY


def note_use(db: Database, key: KeyId, *, now: datetime) -> None:
    """Keep when the key was used last: at most once a minute, over all processes."""
    with db.begin() as tx:
        keys.note_use(tx, key, every=USE_NOTED_EVERY, now=now)


def lease(db: Database, key: KeyId, quota: Quota, *, most: int, now: datetime) -> Spent:
    """Take up to `most` requests from the quota of this key, which all processes share."""
    with db.begin() as tx:
        spent = core_quota.spend(quota, keys.quota_due(tx, key), core_quota.instant(now), most=most)
        if spent.allowed:
            keys.spend_quota(tx, key, spent.due)
    return spent


def look(db: Database, act: Callable[[Transaction], Answer]) -> Answer:
    """What `act` answers, which changes nothing."""
    with db.read() as tx:
        return act(tx)


def once(db: Database, asked: Asked | None, act: Callable[[Transaction], Answer], *, now: datetime) -> Answer:
    """What `act` answers; where it was asked the same in the last day, what it answered then, and nothing is done.

    The act and its answer are one commit. Of two who ask at the same moment one acts, and the other waits for the
    answer. What is refused leaves no trace, so that it may be asked again. Raises OtherRequest where the name belongs
    to another request.
    """
    with db.begin() as tx:
        if asked is None:
            return act(tx)
        name = hashlib.sha256(asked.name.encode()).hexdigest()
        since = now - ANSWERS_KEPT
        kept = keys.claim(tx, asked.key, name, asked.request, since=since, now=now)
        if kept is None:
            answer = act(tx)
            keys.keep(tx, asked.key, name, status=answer.status, body=answer.body, before=since)
            return answer
    if kept.request != asked.request:
        raise OtherRequest("This idempotency key belongs to another request; give each request a key of its own.")
    return Answer(status=kept.status, body=kept.body, again=True)
