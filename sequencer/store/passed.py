"""Which lessons were passed over? Rows of the ledger that are skipped from the first: nobody tried to send them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, not_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from sequencer.core.model import (
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


def before(tx: Transaction, deliveries: Collection[DeliveryId]) -> Mapping[DeliveryId, Sequence[Passed]]:
    """What was passed over between each of these lessons and the one that was to be sent before it, in that order.

    No such row is made later, and none changes: the same delivery has the same answer for ever.
    """
    carrier, gone, sent = delivery.alias("carrier"), delivery.alias("gone"), delivery.alias("sent")
    between = exists().where(
        _same_pass(sent, carrier), sent.c.id > gone.c.id, sent.c.id < carrier.c.id, not_(_is_passed_over(sent))
    )
    query = (
        select(carrier.c.id, gone.c.id, gone.c.campaign_id, gone.c.revision_id)
        .join(gone, and_(_same_pass(gone, carrier), gone.c.id < carrier.c.id))
        .where(carrier.c.id.in_(list(deliveries)), _is_passed_over(gone), not_(between))
        .order_by(gone.c.id)
    )
    found: dict[DeliveryId, list[Passed]] = defaultdict(list)
    for which, passed, lesson, revision in tx.execute(query) if deliveries else ():
        row = Passed(id=DeliveryId(passed), lesson=LessonId(lesson), revision_id=RevisionId(revision))
        found[DeliveryId(which)].append(row)
    return found


def _same_pass(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    # The person too: theirs is the index.
    return and_(
        one.c.subscriber_id == other.c.subscriber_id,
        one.c.enrolment_id == other.c.enrolment_id,
        one.c.run == other.c.run,
    )


def _is_passed_over(row: FromClause) -> ColumnElement[bool]:
    return and_(row.c.kind == DeliveryKind.LESSON, row.c.state == DeliveryState.SKIPPED, row.c.attempt == 0)
