"""What is written for each of many who sign up at once? The door's statements on SQLite, shaped by hand.

SQLite runs in our own process, and most of what a general statement costs there is to build it. These take all rows as
one JSON text, and give their ids as one: each step of a statement lets another thread of ours have its turn, and with a
step for each row a sign-up would wait for the sender a hundred times. Each does what the general one does from which it
is called, and which PostgreSQL is asked; the tests of both are the same.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sequencer.core.model import (
    Address,
    ConsentId,
    CourseId,
    DeliveryKind,
    DeliveryState,
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
    (found,) = tx.connection.cursor().execute(_USES, (_json(list(subjects)), since)).fetchone()
    return [tuple(row) for row in json.loads(found)]


def count(tx: Transaction, asked: Mapping[str, int], confirmed: Mapping[str, int], *, hour: int) -> None:
    """Add these to the counters of that hour, each by its subject."""
    for statement, counted in ((_ASKED, asked), (_CONFIRMED, confirmed)):
        if counted:
            tx.connection.cursor().execute(statement, (json.dumps(counted), hour))


def ensure(
    tx: Transaction, addresses: Sequence[Address], *, timezone: str, now: datetime
) -> Mapping[str, SubscriberId]:
    """Make those who are not there yet; the ids of those who were made, by their normalized addresses."""
    rows = [(one.wire, one.normalized, int(one.needs_smtputf8)) for one in addresses]
    cursor, last = _behind(tx, "subscriber")
    cursor.execute(_ENSURE, (_json(rows), timezone, _PENDING, int(now.timestamp())))
    (made,) = cursor.execute(_ENSURED, (last,)).fetchone()
    return {normalized: SubscriberId(which) for normalized, which in json.loads(made).items()}


def suppressed(tx: Transaction, normalized: Collection[str]) -> frozenset[str]:
    """Those of these addresses that are on the suppression list."""
    (found,) = tx.connection.cursor().execute(_SUPPRESSED, (_json(list(normalized)),)).fetchone()
    return frozenset(json.loads(found))


def record(
    tx: Transaction, asked: Sequence[tuple[SubscriberId, CourseId, SignupRequest, Form]], *, now: datetime
) -> Mapping[SubscriberId, ConsentId]:
    """Keep what many asked for, each person once."""
    # Those who came by one form agreed to the same words, which are not written for each of them.
    by_form: dict[tuple[Any, ...], list[tuple[SubscriberId, SignupRequest]]] = {}
    for who, course, request, form in asked:
        same = (course, request.form, form.consent, form.wording_version, int(form.newsletter))
        by_form.setdefault(same, []).append((who, request))
    cursor, last = _behind(tx, "consent")
    for same, people in by_form.items():
        cursor.execute(_RECORD, (_json(_told(people)), int(now.timestamp()), *same))
    (made,) = cursor.execute(_RECORDED, (last,)).fetchone()
    return {SubscriberId(int(who)): ConsentId(which) for who, which in json.loads(made).items()}


def _told(people: Sequence[tuple[SubscriberId, SignupRequest]]) -> list[tuple[Any, ...]]:
    """What each of these said, by the columns of _RECORD."""
    return [
        (
            who,
            request.name,
            request.timezone,
            request.note,
            request.source_url,
            request.ip,
            request.user_agent,
            request.language,
            request.shape,
            _json(dict(request.utm)) if request.utm else "{}",
            _json(dict(request.attributes)) if request.attributes else "{}",
            _json(request.tags) if request.tags else "[]",
        )
        for who, request in people
    ]


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
    rows = [(which, who, put_off.get(which, at)) for which, who in asked]
    tx.connection.cursor().execute(_QUEUE, (_json(rows), code, _QUEUED, at))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _behind(tx: Transaction, table: str) -> tuple[Any, int]:
    """A cursor, and the last id of a table whose new rows get higher ones than any ever had: nobody else writes now."""
    cursor = tx.connection.cursor()
    ((last,),) = cursor.execute(_LAST[table]).fetchall()
    return cursor, last


_LAST = {
    "subscriber": "SELECT coalesce(max(id), 0) FROM subscriber",
    "consent": "SELECT coalesce(max(id), 0) FROM consent",
}

# The list comes first (CROSS JOIN): a row of the counters is looked up for each of its members.
_USES = """
SELECT json_group_array(json_array(one.value, door_use.hour, door_use.asked, door_use.confirmed))
  FROM json_each(?1) AS one CROSS JOIN door_use ON door_use.subject = one.value
 WHERE door_use.hour >= ?2"""

# SQLite's grammar needs the WHERE between a SELECT and an ON.
_ASKED = """
INSERT INTO door_use (subject, hour, asked, confirmed) SELECT key, ?2, value, 0 FROM json_each(?1) WHERE true
    ON CONFLICT (subject, hour) DO UPDATE SET asked = asked + excluded.asked"""

_CONFIRMED = """
INSERT INTO door_use (subject, hour, asked, confirmed) SELECT key, ?2, 0, value FROM json_each(?1) WHERE true
    ON CONFLICT (subject, hour) DO UPDATE SET confirmed = confirmed + excluded.confirmed"""

_ENSURE = """
INSERT INTO subscriber (wire, normalized, needs_smtputf8, name, timezone, state, created_at, asked_at)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), '', ?2, ?3, ?4, ?4
  FROM json_each(?1) WHERE true
    ON CONFLICT (normalized) DO NOTHING"""

_ENSURED = "SELECT json_group_object(normalized, id) FROM subscriber WHERE id > ?1"

_SUPPRESSED = """
SELECT json_group_array(one.value)
  FROM json_each(?1) AS one CROSS JOIN suppression ON suppression.normalized = one.value"""

_RECORD = """
INSERT INTO consent (asked_at, course_id, form, wording, wording_version, newsletter, subscriber_id, name, timezone,
                     note, source_url, ip, user_agent, language, shape, utm, attributes, tags)
SELECT ?2, ?3, ?4, ?5, ?6, ?7, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),
       json_extract(value, '$[9]'), json_extract(value, '$[10]'), json_extract(value, '$[11]')
  FROM json_each(?1)"""

_RECORDED = "SELECT json_group_object(subscriber_id, id) FROM consent WHERE id > ?1"

_QUEUE = """
INSERT INTO delivery (kind, campaign_id, subscriber_id, run, state, attempt, doubts, due_at, relay, reply, created_at)
SELECT ?2, json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0, ?3, 0, 0, json_extract(value, '$[2]'), '', '',
       ?4
  FROM json_each(?1)"""
