"""After a backup was restored: does anybody get a lesson twice that the relay's log names?"""

import re
from collections.abc import Callable, Sequence

import pytest
from house import DAY, EIGHT, House, small_course
from sqlalchemy import Table, delete, insert, select

from sequencer.core.model import Deferred, DeliveryState, EnrolmentState, Parcel, Uncertain
from sequencer.flows import reconcile
from sequencer.store.database import Database
from sequencer.store.tables import metadata

ANN, BEN = "ann@example.org", "ben@example.org"
Rows = Sequence[tuple[Table, Sequence[dict[str, object]]]]


def backup(db: Database) -> Rows:
    """All rows of all tables."""
    with db.read() as tx:
        return [(table, [dict(row._mapping) for row in tx.execute(select(table))]) for table in metadata.sorted_tables]


def restore(db: Database, rows: Rows) -> None:
    """The database as it was at the backup."""
    with db.begin() as tx:
        for table, _ in reversed(rows):
            tx.execute(delete(table))
        for table, kept in rows:
            if kept:
                tx.execute(insert(table), list(kept))


def log_of(parcels: Sequence[Parcel]) -> list[str]:
    """A relay's log as Postfix writes it."""
    found = (re.search(rb"^Message-ID: (<.*>)\r$", one.content, re.MULTILINE) for one in parcels)
    return [f"Mar  2 08:00:01 mx postfix/cleanup[7]: 4F2: message-id={one[1].decode()}" for one in found if one]


def lessons(house: House, email: str) -> list[str]:
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


def test_nobody_gets_a_lesson_twice_after_last_night_s_backup_was_restored(house: House) -> None:
    house.publish(small_course(5))
    house.join(ANN, zone="America/New_York")
    house.join(BEN)
    house.tick(EIGHT)
    night = backup(house.db)
    for hour in range(1, 60):
        house.tick(EIGHT + hour * DAY / 24)
    before = {who: lessons(house, who) for who in (ANN, BEN)}
    assert before[BEN] == ["Subject 1", "Subject 2", "Subject 3"]
    restore(house.db, night)
    ids = reconcile.message_ids(log_of(house.courier.sent))
    now = EIGHT + 60 * DAY / 24
    done = reconcile.reconcile(house.db, house.press, ids, now=now)
    assert (done.found, done.people) == (5, 2)
    assert reconcile.reconcile(house.db, house.press, ids, now=now).found == 0
    for hour in range(24 * 6):
        house.tick(now + hour * DAY / 24)
    for who, had in before.items():
        assert lessons(house, who) == [f"Subject {number}" for number in range(1, 6)], had
        assert house.place(who).state is EnrolmentState.FINISHED


def test_without_the_log_they_would_get_them_again(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    night = backup(house.db)
    house.tick(EIGHT)
    restore(house.db, night)
    house.tick(EIGHT)
    assert lessons(house, ANN) == ["Subject 1", "Subject 1"]


@pytest.mark.parametrize(
    "answer", [lambda: Uncertain(reply="lost"), lambda: Deferred(reply="451 later")], ids=["uncertain", "deferred"]
)
def test_a_message_in_doubt_that_the_log_names_is_settled_and_the_course_goes_on(
    house: House, answer: Callable[[], Uncertain | Deferred]
) -> None:
    house.publish(small_course())
    house.join(ANN)
    house.courier.answers = [answer()]
    house.tick(EIGHT)
    ids = reconcile.message_ids(log_of(house.courier.sent))
    assert reconcile.reconcile(house.db, house.press, ids, now=EIGHT).found == 1
    assert house.states(ANN)[-1] is DeliveryState.SENT
    for day in range(1, 4):
        house.tick(EIGHT + day * DAY)
    assert lessons(house, ANN) == ["Subject 1", "Subject 2", "Subject 3"]


def test_a_log_that_names_the_last_lesson_finishes_the_course(house: House) -> None:
    house.publish(small_course(2))
    house.join(ANN)
    night = backup(house.db)
    for day in range(2):
        house.tick(EIGHT + day * DAY)
    restore(house.db, night)
    reconcile.reconcile(house.db, house.press, reconcile.message_ids(log_of(house.courier.sent)), now=EIGHT + 2 * DAY)
    assert house.place(ANN).state is EnrolmentState.FINISHED
    assert not any(row.state is DeliveryState.CLAIMED for row in house.ledger(ANN))


def test_who_had_finished_and_begun_the_course_that_follows_gets_nothing_of_it_twice(house: House) -> None:
    # Courses are looked at by their names: the following one comes before the first.
    house.publish(small_course(3, slug="after", title="Another Course"))
    house.publish(small_course(2, next="after"))
    house.join(ANN)
    night = backup(house.db)
    for day in range(4):
        house.tick(EIGHT + day * DAY)
    before = lessons(house, ANN)
    assert before == ["Subject 1", "Subject 2", "Subject 1", "Subject 2"]
    restore(house.db, night)
    ids = reconcile.message_ids(log_of(house.courier.sent))
    assert reconcile.reconcile(house.db, house.press, ids, now=EIGHT + 3 * DAY).found == 4
    for day in range(4, 8):
        house.tick(EIGHT + day * DAY)
    assert lessons(house, ANN) == [*before, "Subject 3"]


def test_any_log_will_do_and_nonsense_names_nobody(house: House) -> None:
    assert reconcile.message_ids(["to=<a@b>, message-id=<x1@y>", "<not an id> <> <a@b@c>", ""]) == {"<a@b>", "<x1@y>"}
    house.publish(small_course())
    house.join(ANN)
    assert reconcile.reconcile(house.db, house.press, frozenset({"<x1@y>"}), now=EIGHT).found == 0
