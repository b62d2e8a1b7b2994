"""What is done once for each message? The four statements of the hot path, shaped by hand for each database.

Each acts only on the rows that still are as they must be, and what it returns is what it did. SQLite, which is in our
own process, takes a row at a time; PostgreSQL takes a whole batch in one statement, as arrays.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from operator import itemgetter
from typing import Any, NamedTuple

from sequencer.core import lifecycle
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import (
    COURSES_OWN,
    Address,
    Claim,
    CourseId,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    EnrolmentId,
    EnrolmentState,
    LessonId,
    Preference,
    RevisionId,
    SubscriberId,
    SubscriberState,
    Ticket,
)
from sequencer.store import shards
from sequencer.store.database import Transaction
from sequencer.store.tables import DELIVERY_KIND, DELIVERY_STATE, ENROLMENT_STATE, PACE, SUBSCRIBER_STATE

# A claimed row has no content on the wire; a sending one may wait ten minutes for its answer (RFC 5321 §4.5.3.2.6).
CLAIM_LEASE = 300
SENDING_LEASE = 900

_LESSON = DELIVERY_KIND.members.index(DeliveryKind.LESSON)
_CODE = {state: number for number, state in enumerate(DELIVERY_STATE.members)}
_CLAIMED, _SENDING = _CODE[DeliveryState.CLAIMED], _CODE[DeliveryState.SENDING]
_HERE = ENROLMENT_STATE.members.index(EnrolmentState.ACTIVE)
_FINISHED = ENROLMENT_STATE.members.index(EnrolmentState.FINISHED)
_PERSON = SUBSCRIBER_STATE.members.index(SubscriberState.ACTIVE)
_GONE = SUBSCRIBER_STATE.members.index(SubscriberState.SUPPRESSED)


# Tuples, as one of each is made for each message, and frozen dataclasses take twice as long.
class Due(NamedTuple):
    """Somebody whose next lesson is due: their place in the course as it was before it was claimed."""

    enrolment_id: EnrolmentId
    subscriber_id: SubscriberId
    course_id: CourseId
    run: int
    step: int
    due_at: datetime
    address: Address
    name: str
    timezone: str
    preference: Preference


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A place in the order in which people are claimed."""

    due_at: datetime
    enrolment_id: EnrolmentId


class Settlement(NamedTuple):
    """How one attempt ended: the event, and what is to be written beside the new state."""

    ticket: Ticket
    event: DeliveryEvent
    reply: str
    relay: str
    due_at: datetime | None = None


class Plan(NamedTuple):
    """What comes after a lesson that is over: the next one's hour, or None where the course is finished."""

    enrolment_id: EnrolmentId
    step: int
    due_at: datetime | None


def steer(tx: Transaction) -> None:
    """Have PostgreSQL go about this transaction's statements as they are written here; said once, at its beginning."""
    if not _is_sqlite(tx):
        tx.exec_driver_sql(_AS_WRITTEN)


def claim_due(
    tx: Transaction, *, now: datetime, limit: int, people: str = shards.EVERYBODY, since: Place | None = None
) -> Sequence[Due]:
    """Take up to `limit` people whose next lesson is due: their step advances, so that nobody else takes them.

    Eligibility is decided here, at the moment of sending. `people` names the table of a shard (`shards.table`); only
    those who lie there are taken. On PostgreSQL only those behind `since` are; SQLite, which keeps nothing dead, looks
    from the beginning always. In the order in which they were due.
    """
    if _is_sqlite(tx):
        rows = tx.exec_driver_sql(_SELECT_DUE, (_epoch(now), _HERE, _PERSON, limit)).all()
        _each(tx, _ADVANCE, [(row[0],) for row in rows])
    else:
        low = (-1, -1) if since is None else (_epoch(since.due_at), since.enrolment_id)
        taken = _asked(tx, _TAKE_DUE.format(people=people), (_epoch(now), *low, _HERE, _PERSON, limit))
        rows = sorted(taken, key=itemgetter(5, 0))
    return [
        Due(
            enrolment_id=EnrolmentId(row[0]),
            subscriber_id=SubscriberId(row[1]),
            course_id=CourseId(row[2]),
            run=row[3],
            step=row[4],
            due_at=_instant(row[5]),
            address=Address(normalized=row[6], wire=row[7], needs_smtputf8=bool(row[8])),
            name=row[9],
            timezone=row[10],
            preference=preference(row[11], row[12], row[13]),
        )
        for row in rows
    ]


@functools.lru_cache(maxsize=4096)
def preference(minutes: int | None, days: int | None, pace: int | None) -> Preference:
    """What a person chose, from the columns as they are; most chose nothing, and share one value."""
    if minutes is None and days is None and pace is None:
        return COURSES_OWN
    return Preference(
        send_at=None if minutes is None else time(*divmod(minutes, 60)),
        days=None if days is None else frozenset(day for day in range(7) if days >> day & 1),
        pace=None if pace is None else PACE.members[pace],
    )


def make_claims(
    tx: Transaction, due: Sequence[tuple[Due, LessonId, RevisionId]], *, now: datetime, begun: bool = False
) -> Sequence[Claim]:
    """Make the ledger rows of lessons that are due, claimed in the same breath; with `begun`, intended too.

    Who is missing in the answer has had this lesson: the ledger has its row already. Nobody need be asked once more
    about what is begun: whoever leaves stops their places, and waits for who has just taken one.
    """
    created = _epoch(now)
    how = (_SENDING, created, SENDING_LEASE) if begun else (_CLAIMED, created, CLAIM_LEASE)
    rows = [(one.enrolment_id, lesson, one.subscriber_id, one.run, revision, *how) for one, lesson, revision in due]
    made = _insert(tx, rows)
    return [
        Claim(
            id=DeliveryId(made[one.enrolment_id]),
            attempt=1,
            kind=DeliveryKind.LESSON,
            campaign_id=lesson,
            subscriber_id=one.subscriber_id,
            run=one.run,
            doubts=0,
            spared=0,
            relay="",
            enrolment_id=one.enrolment_id,
            revision_id=revision,
            course_id=one.course_id,
            step=one.step + 1,
            created_at=now,
            address=one.address,
            name=one.name,
            timezone=one.timezone,
            preference=one.preference,
            is_begun=begun,
        )
        for one, lesson, revision in due
        if one.enrolment_id in made
    ]


def intend(tx: Transaction, tickets: Sequence[Ticket]) -> frozenset[DeliveryId]:
    """Say that content is about to be written. It may be written only for the deliveries that are returned.

    One whose lease ran out, that was taken by another, or whose owner left in the meantime is not returned.
    """
    mask = _MASKS[DeliveryEvent.INTEND]
    return _apply(tx, _INTEND, [(one.delivery_id, one.attempt, mask, _SENDING) for one in tickets])


def settle(tx: Transaction, settlements: Sequence[Settlement], *, now: datetime) -> frozenset[DeliveryId]:
    """Write how attempts ended; returns those that were still theirs to settle."""
    finished = _epoch(now)
    ends = {event: _end(event, finished) for event in {one.event for one in settlements}}
    rows = [
        (*one.ticket, one.reply, one.relay, None if one.due_at is None else _epoch(one.due_at), *ends[one.event])
        for one in settlements
    ]
    return _apply(tx, _SETTLE, rows)


def _end(event: DeliveryEvent, finished: int) -> tuple[int | None, ...]:
    """What an event writes, whichever message it is about."""
    state = _AFTER[event]
    return (
        _MASKS[event],
        _CODE[state],
        finished if state in (DeliveryState.SENT, DeliveryState.FAILED) else None,
        int(state is DeliveryState.UNCERTAIN),
        int(event is DeliveryEvent.RELEASE),
    )


def skip(tx: Transaction, steps: Sequence[tuple[EnrolmentId, int]]) -> None:
    """Move people who were just claimed on to a later lesson: the next one they get is that of `step`."""
    _apply(tx, _SKIP, [(which, step + 1) for which, step in steps])


def plan(tx: Transaction, plans: Sequence[Plan], *, now: datetime) -> frozenset[EnrolmentId]:
    """Write when the next lessons are due, for people who still stand where they stood; returns these people's.

    Whom it would reach during a pause of their own is left alone.
    """
    finished = _epoch(now)
    rows = [
        (one.enrolment_id, one.step, _HERE, None, _FINISHED, finished)
        if one.due_at is None
        else (one.enrolment_id, one.step, _HERE, _epoch(one.due_at), _HERE, None)
        for one in plans
    ]
    return _apply(tx, _PLAN, rows)


@dataclass(frozen=True, slots=True)
class _Statement:
    """The same statement in the words of each database: for one row with ?1, ?2 …, and for arrays of rows."""

    sqlite: str
    postgresql: str


def _is_sqlite(tx: Transaction) -> bool:
    return tx.dialect.name == "sqlite"


def _apply(tx: Transaction, statement: _Statement, rows: Sequence[tuple[Any, ...]]) -> frozenset[Any]:
    """Run the statement for all rows; the first value of each row that it acted on."""
    if not rows:
        return frozenset()
    if _is_sqlite(tx):
        return frozenset(_each(tx, statement.sqlite, rows))
    ((acted, which),) = _asked(tx, _COUNTED.format(statement.postgresql), (*_arrays(rows), len(rows)))
    return frozenset(row[0] for row in rows) if acted == len(rows) else frozenset(which or ())


def _insert(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> dict[int, int]:
    """Insert these rows of the ledger; by their places, the ids of those that were not there yet."""
    if not rows:
        return {}
    if _is_sqlite(tx):
        return _each(tx, _INSERT.sqlite, rows)
    ((places, ids),) = _asked(tx, _INSERT.postgresql, _arrays(rows))
    return dict(zip(places or (), ids or (), strict=True))


def _asked(tx: Transaction, statement: str, values: Sequence[object]) -> Sequence[Any]:
    """What PostgreSQL answers, as its driver gives it: a row of SQLAlchemy costs more than what is in it."""
    answer = tx.exec_driver_sql(statement, tuple(values))
    rows = answer.cursor.fetchall()
    answer.close()
    return rows


def _arrays(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    return [_array(column) for column in zip(*rows, strict=True)]


def _array(column: Sequence[int | str | None]) -> str:
    """A column as PostgreSQL reads an array: all of it words, or all of it numbers and what is not known.

    Ten times as quick as the driver's own way, which looks at each value.
    """
    first = column[0]
    if isinstance(first, str):
        words = [_quoted(str(one)) for one in column]
    elif column.count(first) == len(column):
        words = [str(first)] * len(column)
    else:
        words = [*map(str, column)]
    written = ",".join(words)
    return "{" + (written if isinstance(first, str) else written.replace("None", "NULL")) + "}"


@functools.lru_cache(maxsize=1024)
def _quoted(words: str) -> str:
    # Most answers of a server are the same one.
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _each(tx: Transaction, statement: str, rows: Sequence[tuple[Any, ...]]) -> dict[int, int]:
    cursor = tx.connection.cursor()
    done: dict[int, int] = {}
    for row in rows:
        found = cursor.execute(statement, row).fetchone()
        if found is not None:
            done[row[0]] = found[0]
    cursor.close()
    return done


@functools.lru_cache(maxsize=4096)
def _epoch(instant: datetime) -> int:
    return int(instant.timestamp())


@functools.lru_cache(maxsize=4096)
def _instant(epoch: int) -> datetime:
    # Many are due at the same second.
    return datetime.fromtimestamp(epoch, UTC)


# Where an event leads, and the states in which it may come, a bit each: both from the table in core.lifecycle.
_AFTER = {
    event: lifecycle.move(lifecycle.DELIVERY, lifecycle.before(event)[0], event)
    for event in (
        DeliveryEvent.ACCEPT,
        DeliveryEvent.DEFER,
        DeliveryEvent.REJECT,
        DeliveryEvent.LOSE,
        DeliveryEvent.RELEASE,
        DeliveryEvent.RECONCILE,
    )
}
_MASKS = {event: sum(1 << _CODE[state] for state in lifecycle.before(event)) for event in DeliveryEvent}

_NOW_SQLITE = "CAST(strftime('%s', 'now') AS INTEGER)"
_NOW_POSTGRESQL = "floor(extract(epoch FROM clock_timestamp()))::bigint"

_OF_ENROLMENT = "e.id, e.subscriber_id, e.course_id, e.run, e.step, e.next_due_at"
_OF_PERSON = "s.normalized, s.wire, s.needs_smtputf8, s.name, s.timezone, s.send_at, s.days"

_SELECT_DUE = f"""
SELECT {_OF_ENROLMENT}, {_OF_PERSON}, e.pace
  FROM enrolment e JOIN subscriber s ON s.id = e.subscriber_id
 WHERE e.next_due_at <= ? AND e.state = ? AND s.state = ?
 ORDER BY e.next_due_at, e.id LIMIT ?"""

# Nearly always all rows are as they must be: then nothing need be said of each of them.
_COUNTED = """
WITH acted AS ({})
SELECT count(*), CASE WHEN count(*) < %s THEN array_agg(id) END FROM acted"""

# However little PostgreSQL knows of a table (a list that was just brought in, partitions of which it will need one),
# it is to look each row up by its index, and not to read everybody to find five hundred.
_AS_WRITTEN = "SELECT " + ", ".join(
    f"set_config('enable_{way}', 'off', true)" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
)
# And what was said of each row is looked at when the row is at hand (CASE): by what PostgreSQL knows of such columns it
# would hold that hardly any row can be meant, go through all of them, and through the whole batch for each.
#
# One statement: the row is advanced while it is at hand. The index is read in its order, up to the limit, even on a
# morning on which everybody is due; the OFFSET keeps PostgreSQL from beginning with the people.
_TAKE_DUE = f"""
WITH d AS MATERIALIZED (
SELECT {_OF_ENROLMENT}, {_OF_PERSON}, e.pace
  FROM {{people}} e CROSS JOIN LATERAL (SELECT * FROM subscriber s WHERE s.id = e.subscriber_id OFFSET 0) s
 WHERE e.next_due_at <= %s AND (e.next_due_at, e.id) > (%s, %s) AND e.state = %s AND s.state = %s
 ORDER BY e.next_due_at, e.id LIMIT %s FOR UPDATE OF e SKIP LOCKED)
UPDATE {{people}} e SET step = e.step + 1, next_due_at = NULL, fence = e.fence + 1 FROM d WHERE e.id = d.id
RETURNING d.*"""

_ADVANCE = """
UPDATE enrolment SET step = step + 1, next_due_at = NULL, fence = fence + 1 WHERE id = ?1 RETURNING id"""

_SKIP = _Statement(
    sqlite="""
UPDATE enrolment SET step = ?2 WHERE id = ?1 RETURNING id""",
    postgresql="""
UPDATE enrolment SET step = u.p FROM unnest(%s::bigint[], %s::smallint[]) AS u(i, p)
 WHERE enrolment.id = u.i RETURNING enrolment.id""",
)

_INSERT = _Statement(
    sqlite=f"""
INSERT INTO delivery (enrolment_id, campaign_id, subscriber_id, run, revision_id, state, created_at, lease_until,
                      kind, attempt, doubts, relay, reply)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, {_NOW_SQLITE} + ?8, {_LESSON}, 1, 0, '', '')
    ON CONFLICT (kind, campaign_id, subscriber_id, run) DO NOTHING
RETURNING id""",
    postgresql=f"""
WITH made AS (
INSERT INTO delivery (enrolment_id, campaign_id, subscriber_id, run, revision_id, state, created_at, lease_until,
                      kind, attempt, doubts, relay, reply)
SELECT e, c, s, r, v, t, n, {_NOW_POSTGRESQL} + l, {_LESSON}, 1, 0, '', ''
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[], %s::bigint[], %s::smallint[], %s::bigint[],
              %s::int[]) AS u(e, c, s, r, v, t, n, l)
    ON CONFLICT DO NOTHING
RETURNING enrolment_id, id)
SELECT array_agg(enrolment_id), array_agg(id) FROM made""",
)

# Who left while their claim was being made could not cancel what was not there yet: so the intent asks once more.
_WANTED = f"""EXISTS (SELECT 1 FROM subscriber s WHERE s.id = delivery.subscriber_id
        AND (s.state = {_PERSON} OR delivery.kind <> {_LESSON} AND s.state <> {_GONE}))"""

_INTEND = _Statement(
    sqlite=f"""
UPDATE delivery SET state = ?4, lease_until = {_NOW_SQLITE} + {SENDING_LEASE}
 WHERE id = ?1 AND attempt = ?2 AND (?3 >> state) & 1 AND lease_until > {_NOW_SQLITE} AND {_WANTED}
RETURNING id""",
    postgresql=f"""
UPDATE delivery SET state = u.s, lease_until = {_NOW_POSTGRESQL} + {SENDING_LEASE}
  FROM unnest(%s::bigint[], %s::smallint[], %s::int[], %s::smallint[]) AS u(i, a, m, s)
 WHERE delivery.id = u.i AND {_WANTED}
   AND CASE WHEN delivery.attempt = u.a AND (u.m >> delivery.state) & 1 = 1
                 AND delivery.lease_until > {_NOW_POSTGRESQL} THEN true ELSE false END
RETURNING delivery.id""",
)

_SETTLE = _Statement(
    sqlite="""
UPDATE delivery SET state = ?7, reply = ?3, relay = ?4, due_at = ?5, finished_at = ?8, lease_until = NULL,
       doubts = doubts + ?9, spared = spared + ?10
 WHERE id = ?1 AND attempt = ?2 AND (?6 >> state) & 1
RETURNING id""",
    postgresql="""
UPDATE delivery SET state = u.s, reply = u.r, relay = u.y, due_at = u.d, finished_at = u.f, lease_until = NULL,
       doubts = doubts + u.o, spared = spared + u.p
  FROM unnest(%s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::bigint[], %s::int[], %s::smallint[],
              %s::bigint[], %s::smallint[], %s::smallint[]) AS u(i, a, r, y, d, m, s, f, o, p)
 WHERE delivery.id = u.i
   AND CASE WHEN delivery.attempt = u.a AND (u.m >> delivery.state) & 1 = 1 THEN true ELSE false END
RETURNING delivery.id""",
)

_PLAN = _Statement(
    sqlite="""
UPDATE enrolment SET next_due_at = ?4, state = ?5, finished_at = ?6, fence = fence + 1
 WHERE id = ?1 AND step = ?2 AND state = ?3 AND next_due_at IS NULL
   AND (paused_until IS NULL OR ?4 IS NULL OR paused_until <= ?4)
RETURNING id""",
    postgresql="""
UPDATE enrolment SET next_due_at = u.d, state = u.s, finished_at = u.f, fence = fence + 1
  FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[], %s::bigint[], %s::smallint[], %s::bigint[])
       AS u(i, p, h, d, s, f)
 WHERE enrolment.id = u.i
   AND CASE WHEN enrolment.step = u.p AND enrolment.state = u.h AND enrolment.next_due_at IS NULL
                 AND (enrolment.paused_until IS NULL OR u.d IS NULL OR enrolment.paused_until <= u.d)
            THEN true ELSE false END
RETURNING enrolment.id""",
)
