"""Which lessons were passed over? Rows of the ledger that are skipped from the first: nobody tried to send them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, not_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from sequencer.core.model import (
    Claim,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    EnrolmentId,
    LessonId,
    RevisionId,
    SubscriberId,
)
from sequencer.store.database import Transaction
from sequencer.store.tables import delivery, enrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A lesson that somebody goes past, in the words of the revision that is published then; `reason` says why."""

    enrolment_id: EnrolmentId
    subscriber_id: SubscriberId
    run: int
    lesson: LessonId
    revision_id: RevisionId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A lesson that was passed over: its row of the ledger, and the revision that says what it was called."""

    id: DeliveryId
    lesson: LessonId
    revision_id: RevisionId


def add(tx: Transaction, skips: Sequence[Skip], *, now: datetime) -> None:
    """Rows of these lessons, in this order; one that has its row already keeps it."""
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(delivery)
    rows = [
        {
            "kind": DeliveryKind.LESSON,
            "campaign_id": one.lesson,
            "subscriber_id": one.subscriber_id,
            "run": one.run,
            "enrolment_id": one.enrolment_id,
            "revision_id": one.revision_id,
            "state": DeliveryState.SKIPPED,
            "attempt": 0,
            "doubts": 0,
            "spared": 0,
            "relay": "",
            "reply": one.reason,
            "created_at": now,
            "finished_at": now,
        }
        for one in skips
    ]
    if rows:
        tx.execute(make.on_conflict_do_nothing(), rows)


def had(
    tx: Transaction, places: Collection[tuple[EnrolmentId, SubscriberId]]
) -> Mapping[EnrolmentId, Collection[LessonId]]:
    """The lessons of these places that the ledger knows in their present pass, whatever became of them."""
    query = (
        select(delivery.c.enrolment_id, delivery.c.campaign_id)
        .join(enrolment, and_(enrolment.c.id == delivery.c.enrolment_id, enrolment.c.run == delivery.c.run))
        .where(
            # The person too: theirs is the index.
            delivery.c.subscriber_id.in_({person for _, person in places}),
            delivery.c.enrolment_id.in_([place for place, _ in places]),
        )
    )
    found: dict[EnrolmentId, set[LessonId]] = defaultdict(set)
    for place, lesson in tx.execute(query) if places else ():
        found[EnrolmentId(place)].add(LessonId(lesson))
    return found


def before(tx: Transaction, claims: Collection[Claim]) -> Mapping[DeliveryId, Sequence[Passed]]:
    """What was passed over between each of these lessons and the one that was to be sent before it, in that order.

    No such row is made later, and none changes: the same delivery has the same answer for ever.
    """
    if not claims:
        return {}
    gone, later = delivery.alias("gone"), delivery.alias("later")
    carrier = (
        select(func.min(later.c.id))
        .where(
            later.c.subscriber_id == gone.c.subscriber_id,
            later.c.enrolment_id == gone.c.enrolment_id,
            later.c.run == gone.c.run,
            later.c.id > gone.c.id,
            not_(_is_passed_over(later)),
        )
        .scalar_subquery()
    )
    rows = (
        select(carrier.label("carrier"), gone.c.id, gone.c.campaign_id, gone.c.revision_id)
        .where(
            # The person too: theirs is the index.
            gone.c.subscriber_id.in_({one.subscriber_id for one in claims}),
            gone.c.enrolment_id.in_([one.enrolment_id for one in claims]),
            _is_passed_over(gone),
        )
        .subquery()
    )
    query = select(rows).where(rows.c.carrier.in_([one.id for one in claims])).order_by(rows.c.id)
    found: dict[DeliveryId, list[Passed]] = defaultdict(list)
    for which, passed, lesson, revision in tx.execute(query):
        row = Passed(id=DeliveryId(passed), lesson=LessonId(lesson), revision_id=RevisionId(revision))
        found[DeliveryId(which)].append(row)
    return found


def _is_passed_over(row: FromClause) -> ColumnElement[bool]:
    # Of a lesson's row: mails of other kinds belong to no place in a course.
    return and_(row.c.state == DeliveryState.SKIPPED, row.c.attempt == 0)
