"""Does a partitioned database keep what one table keeps, whoever tries to break it?"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from house import EIGHT, House, small_course
from sqlalchemy import UniqueConstraint, delete, insert, select, text
from sqlalchemy.exc import IntegrityError

from sequencer.core.model import CourseId, DeliveryKind, DeliveryState, SubscriberId
from sequencer.errors import BadSettings
from sequencer.store import enrolments, erasure, hot, months, partition, shards
from sequencer.store.database import Database, Transaction
from sequencer.store.tables import delivery, enrolment, metadata, subscriber

PEOPLE = 40
LATE = datetime(2030, 1, 1, tzinfo=UTC)


def _rows(db: Database) -> list[Sequence[object]]:
    with db.read() as tx:
        return [
            tuple(row)
            for table in metadata.sorted_tables
            for row in tx.execute(select(table).order_by(*table.primary_key))
        ]


def test_what_was_there_before_is_there_after_and_goes_on(whole: Database) -> None:
    house = House(whole)
    house.publish(small_course(3))
    for number in range(3):
        house.join(f"p{number}@example.org")
    house.tick(EIGHT)
    before = _rows(whole)
    partition.divide(whole, rehearse=True)
    assert (shards.count(whole), _rows(whole)) == (1, before)
    partition.divide(whole)
    assert (shards.count(whole), _rows(whole)) == (partition.SHARDS, before)
    house.join("late@example.org", EIGHT)
    house.tick(LATE)
    assert {row.state for row in house.ledger("p1@example.org")} == {DeliveryState.SENT}
    assert len(house.ledger("p1@example.org")) == 3
    assert len(house.ledger("late@example.org")) == 2
    with pytest.raises(BadSettings, match="partitioned already, into 16 shards"):
        partition.divide(whole)


def test_sqlite_has_no_partitions(sqlite_db: Database) -> None:
    with pytest.raises(BadSettings, match="SQLite, which has no partitions"):
        partition.divide(sqlite_db)
    assert (months.make_ahead(sqlite_db), months.drop_old(sqlite_db, keep=0)) == ([], [])


def test_every_unique_constraint_of_the_divided_tables_is_kept_by_somebody() -> None:
    found = {
        tuple(column.name for column in one.columns)
        for table in (enrolment, delivery)
        for one in table.constraints
        if isinstance(one, UniqueConstraint)
    }
    # Whoever adds one must say here, and in store/partition.py, what keeps it over all partitions.
    assert found == {("subscriber_id", "course_id"), ("kind", "campaign_id", "subscriber_id", "run")}


def _settle_in(db: Database, people: int) -> list[SubscriberId]:
    house = House(db)
    house.publish(small_course(3))
    with db.begin() as tx:
        tx.execute(
            text("""
INSERT INTO subscriber (normalized, wire, needs_smtputf8, name, timezone, state, created_at)
SELECT 'p' || n, 'p' || n, 0, '', 'Europe/London', 1, 0 FROM generate_series(1, :people) AS g(n)"""),
            {"people": people},
        )
        return [SubscriberId(which) for which in tx.execute(select(subscriber.c.id)).scalars()]


def _at_once(db: Database, act: Callable[[Transaction, int], object], number: int = 8) -> list[object]:
    """So many do it at the same moment, each in a transaction of their own; what came of each."""
    start, found = threading.Barrier(number), list[object]()

    def run(which: int) -> None:
        start.wait()
        try:
            with db.begin() as tx:
                found.append(act(tx, which))
        except IntegrityError as error:
            found.append(error)

    threads = [threading.Thread(target=run, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_person_has_one_place_in_a_course_however_many_begin_it_at_once(partitioned_db: Database) -> None:
    (who,) = _settle_in(partitioned_db, 1)

    def begin(tx: Transaction, _: int) -> object:
        return enrolments.start(tx, who, CourseId(1), due_at=EIGHT, now=EIGHT)

    came = _at_once(partitioned_db, begin)
    assert sum(not isinstance(one, IntegrityError) for one in came) == 1
    with partitioned_db.begin() as tx:
        assert len(enrolments.of(tx, who)) == 1
        tx.execute(delete(enrolment))
        # Whoever is gone may begin anew.
        begin(tx, 0)


def _message(who: SubscriberId, month: int, number: int, **more: object) -> dict[str, object]:
    row = {
        "id": (month << months.BITS) + number,
        "kind": DeliveryKind.LESSON,
        "campaign_id": 1,
        "subscriber_id": who,
        "run": 0,
        "state": DeliveryState.SENT,
        "attempt": 1,
        "doubts": 0,
        "relay": "",
        "reply": "",
        "created_at": EIGHT,
    }
    return row | more


def _put(tx: Transaction, row: dict[str, object]) -> bool:
    """Make the row; whether it was made."""
    return tx.execute(insert(delivery).values(row).returning(delivery.c.id)).first() is not None


def test_a_message_has_one_row_over_all_months_however_many_make_it_at_once(partitioned_db: Database) -> None:
    (who,) = _settle_in(partitioned_db, 1)
    with partitioned_db.read() as tx:
        this = months.now(tx)

    def make(tx: Transaction, which: int) -> object:
        # Each in another month; the last of them beyond all that are there.
        return _put(tx, _message(who, this - 4 + which, which))

    assert sorted(map(bool, _at_once(partitioned_db, make))) == [False] * 7 + [True]
    with partitioned_db.read() as tx:
        assert len(tx.execute(select(delivery.c.id)).all()) == 1


def test_who_is_erased_leaves_no_key_behind(partitioned_db: Database) -> None:
    one, other = _settle_in(partitioned_db, 2)
    with partitioned_db.begin() as tx:
        for number, who in enumerate((one, other)):
            enrolments.start(tx, who, CourseId(1), due_at=EIGHT, now=EIGHT)
            tx.execute(insert(delivery).values(_message(who, 600, number)))
        erasure.erase(tx, [one])
        for keys in ("SELECT subscriber_id FROM enrolment_key", "SELECT subscriber_id FROM delivery_key"):
            assert tx.execute(text(keys)).scalars().all() == [other]


def test_an_erased_person_is_not_known_by_what_they_had_in_months_that_are_gone(partitioned_db: Database) -> None:
    (who,) = _settle_in(partitioned_db, 1)
    with partitioned_db.begin() as tx:
        tx.execute(insert(delivery).values(_message(who, 600, 1)))
        tx.execute(text("ALTER TABLE delivery_first DISABLE TRIGGER USER"))
        tx.execute(text("TRUNCATE delivery_first"))
        tx.execute(text("ALTER TABLE delivery_first ENABLE TRIGGER USER"))
        assert tx.execute(text("SELECT count(*) FROM delivery_key")).scalar_one() == 1
        erasure.erase(tx, [who])
        assert tx.execute(text("SELECT count(*) FROM delivery_key")).scalar_one() == 0


def test_each_person_is_due_to_one_shard(partitioned_db: Database) -> None:
    people = _settle_in(partitioned_db, PEOPLE)
    with partitioned_db.begin() as tx:
        for who in people:
            enrolments.start(tx, who, CourseId(1), due_at=EIGHT, now=EIGHT)
    taken: list[int] = []
    for shard in range(shards.count(partitioned_db)):
        table = shards.table(partitioned_db, shard)
        with partitioned_db.begin() as tx:
            found = hot.claim_due(tx, now=EIGHT, limit=PEOPLE, people=table)
            taken += [one.subscriber_id for one in found]
            assert enrolments.next_due(tx, table) is None
        assert len(found) < PEOPLE
    assert sorted(taken) == people


def test_months_are_made_before_they_begin_and_what_came_too_early_stays_beyond(partitioned_db: Database) -> None:
    (who,) = _settle_in(partitioned_db, 1)
    with partitioned_db.begin() as tx:
        this = months.now(tx)
        ahead = [months.table(this + step) for step in (1, 2)]
        for name in ahead:
            tx.exec_driver_sql(f"DROP TABLE {name}")
        tx.execute(insert(delivery).values(_message(who, this + 2, 1)))
    assert months.make_ahead(partitioned_db) == ahead[:1]
    with partitioned_db.begin() as tx:
        tx.execute(delete(delivery))
    assert months.make_ahead(partitioned_db) == ahead[1:]
    assert months.make_ahead(partitioned_db) == []


@pytest.mark.parametrize(
    ("more", "goes"),
    [
        ({}, True),
        ({"state": DeliveryState.DEFERRED, "due_at": EIGHT}, False),
        ({"state": DeliveryState.SENDING, "lease_until": 1}, False),
        ({"state": DeliveryState.UNCERTAIN}, False),
    ],
    ids=["settled", "waiting", "leased", "uncertain"],
)
def test_an_old_month_goes_when_nothing_in_it_is_open(
    partitioned_db: Database, more: dict[str, object], *, goes: bool
) -> None:
    (who,) = _settle_in(partitioned_db, 1)
    with partitioned_db.begin() as tx:
        old = months.now(tx) - 3
        _first_ends(tx, old)
        months.make(tx, old)
        assert _put(tx, _message(who, old, 1, **more))
    try:
        assert months.drop_old(partitioned_db, keep=3) == []
        assert months.drop_old(partitioned_db, keep=2) == ([months.table(old)] if goes else [])
        with partitioned_db.begin() as tx:
            # Gone or not, they had that message.
            assert not _put(tx, _message(who, months.now(tx), 2))
    finally:
        with partitioned_db.begin() as tx:
            tx.exec_driver_sql(f"DROP TABLE IF EXISTS {months.table(old)}")
            _first_ends(tx, months.now(tx))


def _first_ends(tx: Transaction, month: int) -> None:
    """What lay there before the ledger was divided ends before that month, as if it had been divided then."""
    first = months.FIRST
    tx.exec_driver_sql(f"ALTER TABLE delivery DETACH PARTITION {first}")
    tx.exec_driver_sql(
        f"ALTER TABLE delivery ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({month << months.BITS})"
    )
