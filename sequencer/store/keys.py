"""Which programs have keys, and what was answered to their requests? Rows of `api_key` and `api_answer`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from sequencer.core.keys import Key, KeyId, Scope
from sequencer.core.model import SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import api_answer, api_key

_SWEPT = 100  # old answers that each new one may take away, so that none has much to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was answered; `request` is the digest of what had been asked."""

    request: str
    status: int
    body: str


def add(tx: Transaction, name: str, digest: str, scopes: Sequence[Scope], *, now: datetime) -> bool:
    """Keep a new key; False where one has this name, even one that is revoked."""
    row = insert(api_key).values(name=name, digest=digest, scopes=tuple(scopes), created_at=now)
    try:
        with tx.begin_nested():
            tx.execute(row)
    except IntegrityError:
        return False
    return True


def find(tx: Transaction, digest: str) -> Key | None:
    """The key of this digest, be it revoked; or None."""
    row = tx.execute(select(api_key).where(api_key.c.digest == digest)).one_or_none()
    return None if row is None else _key(row)


def listed(tx: Transaction) -> Sequence[Key]:
    """All keys, the oldest first."""
    return [_key(row) for row in tx.execute(select(api_key).order_by(api_key.c.id))]


def revoke(tx: Transaction, name: str, *, now: datetime) -> bool:
    """Let a key hold no more; whether there was one that did."""
    held = update(api_key).where(api_key.c.name == name, api_key.c.revoked_at.is_(None)).values(revoked_at=now)
    return tx.execute(held).rowcount > 0


def note_use(tx: Transaction, which: KeyId, *, every: timedelta, now: datetime) -> None:
    """Keep that the key was used, if that was not kept in the last while."""
    long_ago = or_(api_key.c.used_at.is_(None), api_key.c.used_at <= now - every)
    tx.execute(update(api_key).where(api_key.c.id == which, long_ago).values(used_at=now))


def quota_due(tx: Transaction, which: KeyId) -> int:
    """When the quota of this key is whole again, as `core.quota` keeps it; whoever else asks waits for our commit."""
    row = select(api_key.c.quota_due).where(api_key.c.id == which).with_for_update(key_share=True)
    return tx.execute(row).scalar_one_or_none() or 0


def spend_quota(tx: Transaction, which: KeyId, due: int) -> None:
    """Keep when the quota of this key is whole again."""
    tx.execute(update(api_key).where(api_key.c.id == which).values(quota_due=due))


def claim(tx: Transaction, which: KeyId, key: str, request: str, *, since: datetime, now: datetime) -> Kept | None:
    """What was answered to this request since then; None where it is ours to answer: `keep` must follow.

    Whoever asks the same at the same moment waits here for the end of our transaction.
    """
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(api_answer)
    fresh = {"request": request, "status": 0, "body": "", "answered_at": now}
    place = make.values(api_key_id=which, key=key, **fresh).on_conflict_do_update(
        index_elements=["api_key_id", "key"], set_=fresh, where=api_answer.c.answered_at < since
    )
    if tx.execute(place.returning(api_answer.c.api_key_id)).one_or_none() is not None:
        return None
    mine = (api_answer.c.api_key_id == which, api_answer.c.key == key)
    row = tx.execute(select(api_answer).where(*mine)).one()
    return Kept(request=row.request, status=row.status, body=row.body)


def keep(tx: Transaction, which: KeyId, key: str, *, status: int, body: str, before: datetime) -> None:
    """Write the answer down; some of those from `before` go."""
    mine = (api_answer.c.api_key_id == which, api_answer.c.key == key)
    tx.execute(update(api_answer).where(*mine).values(status=status, body=body))
    forget(tx, before=before, limit=_SWEPT)


def forget(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Drop answers from before then, so many at a time; how many went."""
    columns = (api_answer.c.api_key_id, api_answer.c.key)
    old = select(*columns).where(api_answer.c.answered_at < before).limit(limit).with_for_update(skip_locked=True)
    found = tx.execute(old).all()
    for row in found:
        tx.execute(delete(api_answer).where(api_answer.c.api_key_id == row.api_key_id, api_answer.c.key == row.key))
    return len(found)


def forget_person(tx: Transaction, who: SubscriberId) -> None:
    """Keep no answer that tells of this person; as the API spells people, their id comes first."""
    tx.execute(delete(api_answer).where(api_answer.c.body.startswith(f'{{"id":{int(who)},"email":', autoescape=True)))


def _key(row: Row[tuple[object, ...]]) -> Key:
    known = set(Scope)
    return Key(
        id=KeyId(row.id),
        name=row.name,
        digest=row.digest,
        # What a later version of this program gave means nothing here.
        scopes=frozenset(Scope(scope) for scope in row.scopes if scope in known),
        created_at=row.created_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
