"""What stands in the database's columns, and would changing it be noticed?"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import BigInteger, Column, MetaData, SmallInteger, Table, select
from sqlalchemy.exc import IntegrityError, StatementError

from sequencer.core.model import (
    Assent,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    IssueState,
    SubscriberState,
    SuppressionReason,
)
from sequencer.store import tables
from sequencer.store.database import Database, Transaction
from sequencer.store.tables import Coded, UtcDateTime

# Never change a number: each stands in the databases of everybody who runs this program. New members go to the end.
FROZEN = {
    tables.SUBSCRIBER_STATE: {
        SubscriberState.PENDING: 0,
        SubscriberState.ACTIVE: 1,
        SubscriberState.LEFT: 2,
        SubscriberState.SUPPRESSED: 3,
    },
    tables.ENROLMENT_STATE: {EnrolmentState.ACTIVE: 0, EnrolmentState.FINISHED: 1, EnrolmentState.STOPPED: 2},
    tables.DELIVERY_STATE: {
        DeliveryState.QUEUED: 0,
        DeliveryState.CLAIMED: 1,
        DeliveryState.SENDING: 2,
        DeliveryState.SENT: 3,
        DeliveryState.DEFERRED: 4,
        DeliveryState.FAILED: 5,
        DeliveryState.UNCERTAIN: 6,
        DeliveryState.SKIPPED: 7,
    },
    tables.DELIVERY_KIND: {
        DeliveryKind.CONFIRMATION: 0,
        DeliveryKind.LESSON: 1,
        DeliveryKind.REMINDER: 2,
        DeliveryKind.FAREWELL: 3,
        DeliveryKind.MOVE: 4,
        DeliveryKind.ACCESS: 5,
        DeliveryKind.ISSUE: 6,
    },
    tables.ISSUE_STATE: {IssueState.SCHEDULED: 0, IssueState.SENT: 1, IssueState.CANCELLED: 2},
    tables.SUPPRESSION_REASON: {
        SuppressionReason.BOUNCE: 0,
        SuppressionReason.COMPLAINT: 1,
        SuppressionReason.MANUAL: 2,
        SuppressionReason.DISOWNED: 3,
    },
    tables.ASSENT: {Assent.MAIL: 0, Assent.FORM: 1, Assent.ELSEWHERE: 2},
}
CODES = [(coded, member, number) for coded, numbers in FROZEN.items() for member, number in numbers.items()]


@pytest.mark.parametrize(("coded", "member", "number"), CODES, ids=[str(member) for _, member, _ in CODES])
def test_each_state_keeps_its_number_for_ever(coded: Coded, member: DeliveryState, number: int, db: Database) -> None:
    kept = Table("kept", MetaData(), Column("coded", coded))
    plain = Table("kept", MetaData(), Column("coded", SmallInteger))
    with db.engine.connect() as tx, tx.begin() as pending:
        kept.create(tx)
        tx.execute(kept.insert().values(coded=member))
        assert tx.execute(select(plain.c.coded)).scalar_one() == number
        assert tx.execute(select(kept.c.coded)).scalar_one() is member
        pending.rollback()


@pytest.mark.parametrize(
    "enum", [SubscriberState, EnrolmentState, DeliveryState, DeliveryKind, IssueState, SuppressionReason, Assent]
)
def test_every_member_has_a_number(enum: type[SubscriberState]) -> None:
    assert set(enum) in [set(coded.members) for coded in FROZEN]


def test_an_instant_comes_back_aware_in_utc_and_to_the_second(db: Database) -> None:
    given = datetime(2026, 3, 29, 2, 30, 15, 999_999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    kept = Table("kept", MetaData(), Column("at", UtcDateTime))
    plain = Table("kept", MetaData(), Column("at", BigInteger))
    with db.engine.connect() as tx, tx.begin() as pending:
        kept.create(tx)
        tx.execute(kept.insert().values(at=given))
        came = tx.execute(select(kept.c.at)).scalar_one()
        seconds = tx.execute(select(plain.c.at)).scalar_one()
        pending.rollback()
    assert came == datetime(2026, 3, 28, 21, 0, 15, tzinfo=UTC)
    assert came.tzinfo is UTC
    assert seconds == int(given.timestamp())


def test_an_instant_without_a_zone_is_refused(db: Database) -> None:
    kept = Table("kept", MetaData(), Column("at", UtcDateTime))
    naive = kept.insert().values(at=datetime(2026, 3, 2, 8))  # noqa: DTZ001 (what is refused)
    with db.engine.connect() as tx, tx.begin() as pending:
        kept.create(tx)
        with pytest.raises(StatementError, match="without a zone"):
            tx.execute(naive)
        pending.rollback()


def test_nothing_is_kept_as_nothing(db: Database) -> None:
    kept = Table("kept", MetaData(), Column("at", UtcDateTime), Column("state", tables.DELIVERY_STATE))
    with db.engine.connect() as tx, tx.begin() as pending:
        kept.create(tx)
        tx.execute(kept.insert().values(at=None, state=None))
        assert tx.execute(select(kept)).one() == (None, None)
        pending.rollback()


def _ledger_row(tx: Transaction, **changes: object) -> None:
    given: dict[str, object] = {
        "kind": DeliveryKind.LESSON,
        "campaign_id": 1,
        "subscriber_id": 1,
        "run": 0,
        "state": DeliveryState.QUEUED,
        "attempt": 0,
        "doubts": 0,
        "relay": "",
        "reply": "",
        "created_at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    tx.execute(tables.delivery.insert().values({**given, **changes}))


def _person(tx: Transaction, which: int) -> None:
    tx.execute(
        tables.subscriber.insert().values(
            id=which,
            normalized=f"p{which}@example.org",
            wire=f"p{which}@example.org",
            needs_smtputf8=0,
            name="",
            timezone="UTC",
            state=SubscriberState.ACTIVE,
            created_at=datetime(2026, 3, 2, tzinfo=UTC),
        )
    )


def test_the_ledger_has_one_row_for_a_kind_a_campaign_a_person_and_a_run(db: Database) -> None:
    with db.begin() as tx:
        _person(tx, 1)
        _person(tx, 2)
        _ledger_row(tx)
        _ledger_row(tx, kind=DeliveryKind.CONFIRMATION)
        _ledger_row(tx, campaign_id=2)
        _ledger_row(tx, subscriber_id=2)
        _ledger_row(tx, run=1)
    with pytest.raises(IntegrityError), db.begin() as tx:
        _ledger_row(tx)


def test_a_row_about_a_place_that_nobody_has_is_refused(db: Database) -> None:
    with pytest.raises(IntegrityError), db.begin() as tx:
        _ledger_row(tx, enrolment_id=404)
