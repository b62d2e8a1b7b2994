"""What is written for each of many who sign up at once? The door's statements on SQLite, shaped by hand.

SQLite runs in our own process, and most of what a general statement costs there is to build it. Each of these does what
the general one does that calls it, which PostgreSQL is asked with; the tests of both are the same.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sequencer.core.model import (
    Address,
    ConsentId,
    CourseId,
    DeliveryKind,
    DeliveryState,
    Pairs,
    SignupRequest,
    SubscriberId,
    SubscriberState,
)
from sequencer.forms import Form
from sequencer.store.database import Transaction
from sequencer.store.tables import DELIVERY_KIND, DELIVERY_STATE, SUBSCRIBER_STATE

_PENDING = SUBSCRIBER_STATE.members.index(SubscriberState.PENDING)
_QUEUED = DELIVERY_STATE.members.index(DeliveryState.QUEUED)


def uses(tx: Transaction, subjects: Collection[str], *, since: int) -> Sequence[tuple[str, int, int, int]]:
    """Subject, hour, asked and confirmed: what was counted of these from that hour on."""
    rows: list[tuple[str, int, int, int]] = tx.connection.cursor().execute(_USES, (_all(subjects), since)).fetchall()
    return rows


def count(tx: Transaction, rows: Sequence[tuple[str, int, int, int]]) -> None:
    """Add these to the counters: subject, hour, asked, confirmed."""
    tx.connection.cursor().executemany(_COUNT, rows)


def ensure(
    tx: Transaction, addresses: Sequence[Address], *, timezone: str, now: datetime
) -> Mapping[str, SubscriberId]:
    """Make those who are not there yet; the ids of those who were made, by their normalized addresses."""
    cursor, at = tx.connection.cursor(), int(now.timestamp())
    made: dict[str, SubscriberId] = {}
    for one in addresses:
        row = (one.wire, one.normalized, int(one.needs_smtputf8), timezone, _PENDING, at)
        found = cursor.execute(_ENSURE, row).fetchone()
        if found is not None:
            made[one.normalized] = SubscriberId(found[0])
    return made


def suppressed(tx: Transaction, normalized: Collection[str]) -> frozenset[str]:
    """Those of these addresses that are on the suppression list."""
    return frozenset(row[0] for row in tx.connection.cursor().execute(_SUPPRESSED, (_all(normalized),)))


def record(
    tx: Transaction, asked: Sequence[tuple[SubscriberId, CourseId, SignupRequest, Form]], *, now: datetime
) -> Mapping[SubscriberId, ConsentId]:
    """Keep what many asked for, each person once."""
    cursor, at = tx.connection.cursor(), int(now.timestamp())
    made: dict[SubscriberId, ConsentId] = {}
    for who, course, request, form in asked:
        row = (
            who,
            course,
            request.form,
            form.consent,
            form.wording_version,
            request.name,
            request.timezone,
            request.note,
            request.source_url,
            request.ip,
            at,
            request.user_agent,
            request.language,
            request.shape,
            _named(request.utm),
            _named(request.attributes),
            json.dumps(request.tags, ensure_ascii=False) if request.tags else "[]",
        )
        made[who] = ConsentId(cursor.execute(_RECORD, row).fetchone()[0])
    return made


def queue(
    tx: Transaction,
    kind: DeliveryKind,
    asked: Sequence[tuple[ConsentId, SubscriberId]],
    *,
    now: datetime,
    due: Mapping[ConsentId, datetime],
) -> None:
    """Queue a mail about each of these consents, `due` then, or at once."""
    code, at = DELIVERY_KIND.members.index(kind), int(now.timestamp())
    put_off = {which: int(then.timestamp()) for which, then in due.items()}
    rows = [(code, which, who, _QUEUED, put_off.get(which, at), at) for which, who in asked]
    tx.connection.cursor().executemany(_QUEUE, rows)


def _all(words: Collection[str]) -> str:
    return json.dumps(list(words), ensure_ascii=False)


def _named(pairs: Pairs) -> str:
    return json.dumps(dict(pairs), ensure_ascii=False) if pairs else "{}"


# The list comes first (CROSS JOIN): a row of the counters is looked up for each of its members.
_USES = """
SELECT one.value, door_use.hour, door_use.asked, door_use.confirmed
  FROM json_each(?1) AS one CROSS JOIN door_use ON door_use.subject = one.value
 WHERE door_use.hour >= ?2"""

_COUNT = """
INSERT INTO door_use (subject, hour, asked, confirmed) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (subject, hour)
    DO UPDATE SET asked = asked + excluded.asked, confirmed = confirmed + excluded.confirmed"""

_ENSURE = """
INSERT INTO subscriber (wire, normalized, needs_smtputf8, name, timezone, state, created_at, asked_at)
VALUES (?1, ?2, ?3, '', ?4, ?5, ?6, ?6)
    ON CONFLICT (normalized) DO NOTHING
RETURNING id"""

_SUPPRESSED = """
SELECT one.value FROM json_each(?1) AS one CROSS JOIN suppression ON suppression.normalized = one.value"""

_RECORD = """
INSERT INTO consent (subscriber_id, course_id, form, wording, wording_version, name, timezone, note, source_url, ip,
                     asked_at, user_agent, language, shape, utm, attributes, tags)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
RETURNING id"""

_QUEUE = """
INSERT INTO delivery (kind, campaign_id, subscriber_id, run, state, attempt, doubts, due_at, relay, reply, created_at)
VALUES (?1, ?2, ?3, 0, ?4, 0, 0, ?5, '', '', ?6)"""
