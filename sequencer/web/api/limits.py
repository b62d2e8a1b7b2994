"""How often may a key ask? A quota for each, told in the headers of every answer.

The quota is kept by this process alone: where several processes answer, each gives a key as much.
"""

import threading
from collections.abc import Mapping
from datetime import datetime

from sequencer.core import quota
from sequencer.core.keys import KeyId
from sequencer.core.quota import Quota, Spent

WINDOW = 60  # seconds


class Limits:
    """What each key has spent; may be asked by several threads."""

    def __init__(self, per_minute: int) -> None:
        self._quota = Quota(most=per_minute, window=WINDOW)
        self._due: dict[KeyId, int] = {}
        self._lock = threading.Lock()

    def spend(self, key: KeyId, now: datetime) -> Spent:
        """Count one request of this key; whether it is allowed."""
        with self._lock:
            spent = quota.spend(self._quota, self._due.get(key, 0), int(now.timestamp() * quota.SECOND))
            self._due[key] = spent.due
        return spent

    def headers(self, spent: Spent) -> Mapping[str, str]:
        """What the key may do, and has left (draft-ietf-httpapi-ratelimit-headers)."""
        told = {
            "RateLimit-Policy": f'"key";q={self._quota.most};w={self._quota.window}',
            "RateLimit": f'"key";r={spent.left};t={spent.reset}',
        }
        return told if spent.allowed else {**told, "Retry-After": str(spent.wait)}
