"""How often may a key ask? A quota for each, told in the headers of every answer, and shared by all processes.

The quota is in the database. To look there for each request would cost more than the request: so a process takes some
requests at once, a thirtieth of the quota, and hands them out. What it has not handed out within a minute is lost; what
was taken a minute ago may be spent now, so that a key may for once ask a thirtieth more for each process.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sequencer.core import quota
from sequencer.core.keys import KeyId
from sequencer.core.quota import Quota, Spent
from sequencer.errors import BadDatabase
from sequencer.flows import keys
from sequencer.store.database import Database

log = logging.getLogger(__name__)

WINDOW = 60  # seconds
LEASES = 30  # of which a quota is made


@dataclass(eq=False, slots=True, kw_only=True)
class _Held:
    """What this process holds for one key: what came of the last look, when that was, and how many are handed out."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    spent: Spent = field(default_factory=lambda: Spent(granted=0, due=0, left=0, reset=0))
    at: int = 0
    out: int = 0

    def next(self, now: int) -> Spent | None:
        """One more request of those that are held; a refusal that still holds; None where one has to look."""
        past = now - self.at
        if not 0 <= past < WINDOW * quota.SECOND:
            return None
        seconds = past // quota.SECOND
        if not self.spent.allowed:
            wait = self.spent.wait - seconds
            return replace(self.spent, reset=max(self.spent.reset - seconds, wait), wait=wait) if wait > 0 else None
        if self.out == self.spent.granted:
            return None
        self.out += 1
        left = self.spent.left + self.spent.granted - self.out
        return replace(self.spent, left=left, reset=max(self.spent.reset - seconds, 1))


class Limits:
    """What each key has spent; may be asked by several threads."""

    def __init__(self, db: Database, per_minute: int) -> None:
        self._db = db
        self._quota = Quota(most=per_minute, window=WINDOW)
        self._at_once = max(1, per_minute // LEASES)
        self._held: dict[KeyId, _Held] = {}
        self._lock = threading.Lock()

    def spend(self, key: KeyId, now: datetime) -> Spent:
        """Count one request of this key; whether it is allowed."""
        with self._lock:
            held = self._held.setdefault(key, _Held())
        at = quota.instant(now)
        with held.lock:
            spent = held.next(at)
            if spent is None:
                held.spent, held.at, held.out = self._lease(key, held, now), at, 0
                spent = held.next(at) or held.spent
        return spent

    def headers(self, spent: Spent) -> Mapping[str, str]:
        """What the key may do, and has left (draft-ietf-httpapi-ratelimit-headers)."""
        told = {
            "RateLimit-Policy": f'"key";q={self._quota.most};w={self._quota.window}',
            "RateLimit": f'"key";r={spent.left};t={spent.reset}',
        }
        return told if spent.allowed else {**told, "Retry-After": str(spent.wait)}

    def _lease(self, key: KeyId, held: _Held, now: datetime) -> Spent:
        try:
            return keys.lease(self._db, key, self._quota, most=self._at_once, now=now)
        except BadDatabase as error:
            # What cannot be written can often be read: then each process counts for itself.
            log.warning("quota.not_shared", extra={"key": key, "reason": str(error)})
            return quota.spend(self._quota, held.spent.due, quota.instant(now), most=self._at_once)
