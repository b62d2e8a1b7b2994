"""Which tables are there? Names, columns and indexes, the same in SQLite and PostgreSQL.

Instants are whole seconds since 1970 in UTC; states are small numbers, so that the hot rows stay narrow.
"""

from sequencer.store.tables.columns import (
    ASSENT,
    DELIVERY_KIND,
    DELIVERY_STATE,
    ENROLMENT_STATE,
    ISSUE_STATE,
    PACE,
    SUBSCRIBER_STATE,
    SUPPRESSION_REASON,
    Coded,
    Named,
    Numbers,
    TimeOfDay,
    UtcDateTime,
    Weekdays,
    Words,
    metadata,
    referred,
)
from sequencer.store.tables.courses import course, enrolment, image, lesson, revision
from sequencer.store.tables.door import door_use, used
from sequencer.store.tables.ledger import UNCERTAIN, broadcast_lane, delivery, done, issue
from sequencer.store.tables.people import address_change, consent, departure, subscriber, suppression, zone_rules
from sequencer.store.tables.programs import api_answer, api_key, event, hook, hook_call
from sequencer.store.tables.relays import pause, rate_bucket, relay_use, rest, worker

__all__ = [
    "ASSENT",
    "DELIVERY_KIND",
    "DELIVERY_STATE",
    "ENROLMENT_STATE",
    "ISSUE_STATE",
    "PACE",
    "SUBSCRIBER_STATE",
    "SUPPRESSION_REASON",
    "UNCERTAIN",
    "Coded",
    "Named",
    "Numbers",
    "TimeOfDay",
    "UtcDateTime",
    "Weekdays",
    "Words",
    "address_change",
    "api_answer",
    "api_key",
    "broadcast_lane",
    "consent",
    "course",
    "delivery",
    "departure",
    "done",
    "door_use",
    "enrolment",
    "event",
    "hook",
    "hook_call",
    "image",
    "issue",
    "lesson",
    "metadata",
    "pause",
    "rate_bucket",
    "referred",
    "relay_use",
    "rest",
    "revision",
    "subscriber",
    "suppression",
    "used",
    "worker",
    "zone_rules",
]
