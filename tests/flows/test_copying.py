"""Is everything the same in the other database, and can nobody serve from what is not whole, or not the place?"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filling import fill
from house import DAY, EIGHT, FORM, NOW, House, small_course
from sqlalchemy import delete, func, insert, select, table, text, update

from sequencer.content.files import shipped
from sequencer.core.model import DeliveryKind, DeliveryState, EnrolmentState, SubscriberState
from sequencer.errors import BadDatabase, BadRequest, BadSettings
from sequencer.flows import copying, pauses, roster
from sequencer.flows.copying import Copied
from sequencer.flows.roster import Post
from sequencer.store import migrate, partition, sender, shards
from sequencer.store.database import Database, Transaction, connect
from sequencer.store.tables import delivery, metadata, subscriber

MIGRATIONS = shipped("migrations")
ANN, BEN, CLEO = "ann@example.org", "ben@example.org", "cleo@example.org"
Open = Callable[[str], Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, opened: Open) -> Database:
    """A database to copy to, of each kind."""
    return opened(request.param)


def move(source: Database, target: Database, **options: bool) -> Copied:
    if not source.is_sqlite and not options.get("rehearse"):
        pauses.stop(source, reason="moving", now=NOW)
    return copying.copy(source, target, MIGRATIONS, now=NOW, **options)


def free(tx: Transaction) -> None:
    """Nothing is in anybody's hands."""
    for one in metadata.sorted_tables:
        if "lease_until" in one.columns:
            tx.execute(update(one).values(lease_until=None))


def rows(db: Database) -> dict[str, list[tuple[object, ...]]]:
    with db.read() as tx:
        return {
            one.name: [tuple(row) for row in tx.execute(select(one).order_by(*one.primary_key))]
            for one in metadata.sorted_tables
        }


def test_every_row_of_every_table_is_copied_whatever_it_holds(db: Database, target: Database) -> None:
    with db.begin() as tx:
        fill(tx, rows=3)
        free(tx)
    done = move(db, target)
    assert [one.name for one in done.tables] == [one.name for one in metadata.sorted_tables]
    assert {one.name: one.rows for one in done.tables} == {name: len(found) for name, found in rows(db).items()}
    assert min(one.rows for one in done.tables) >= 1
    assert repr(rows(db)) == repr(rows(target))


def test_pages_come_one_after_the_other_whatever_the_key(db: Database, target: Database) -> None:
    with db.begin() as tx:
        fill(tx, rows=400)
        free(tx)
    told: list[tuple[str, int, int]] = []
    copying.copy(
        db, target, MIGRATIONS, now=NOW, rehearse=True, told=lambda name, done, all_: told.append((name, done, all_))
    )
    steps = [done for name, done, all_ in told if name == "image" and all_ == 400]
    assert steps[:2] == [0, 50]
    assert steps[-1] == 400
    assert len(steps) > 5  # heavy rows come in small pages
    assert repr(rows(db)) == repr(rows(target))


def test_the_next_lessons_go_out_once_after_moving_there_and_back_and_old_links_work(
    single_house: House, opened: Open
) -> None:
    house = single_house
    house.publish(small_course(4))
    for email in (ANN, BEN, CLEO):
        house.join(email, zone="Europe/London")
    house.sign_up("dan@example.org")
    house.tick(NOW)
    house.tick(EIGHT)
    old = {email: (house.token(email, "u"), house.token(email, "c")) for email in (ANN, BEN, CLEO)}
    there, back = opened("postgresql"), opened("sqlite")

    def go_on_in(db: Database) -> None:
        # The same courier goes on: what was sent before is still in everybody's inbox.
        house.db = db
        house.tick(EIGHT + DAY)
        assert pauses.standstill(db) is not None
        assert pauses.go_on(db)

    move(house.db, there)
    go_on_in(there)
    for hour in range(24, 48):
        house.tick(EIGHT + hour * DAY / 24)
    # Whoever reads the first lesson again, from the time before, leaves by its link.
    house.leave(BEN, EIGHT + 2 * DAY - DAY / 48)
    assert house.person(BEN).state is SubscriberState.LEFT
    assert house.token(ANN, "c") == old[ANN][1]
    # Who was asked to confirm before may do it now.
    house.confirm("dan@example.org", EIGHT + 2 * DAY - DAY / 48)
    house.sign_up("eve@example.org", EIGHT + 2 * DAY - DAY / 48)
    pauses.stop(there, reason="moving back", now=EIGHT + 2 * DAY)
    copying.copy(there, back, MIGRATIONS, now=EIGHT + 2 * DAY)
    go_on_in(back)
    for hour in range(48, 24 * 8):
        house.tick(EIGHT + hour * DAY / 24)
    for email in (ANN, CLEO, "dan@example.org"):
        lessons = [subject for subject in house.subjects(email) if subject.startswith("Subject")]
        assert lessons == [f"Subject {number}" for number in range(1, 5)], email
        assert house.place(email).state is EnrolmentState.FINISHED
    assert [one for one in house.subjects(BEN) if one.startswith("Subject")] == ["Subject 1", "Subject 2"]
    eve = [row.kind for row in house.ledger("eve@example.org")]
    assert eve[0] is DeliveryKind.CONFIRMATION


def test_ids_go_on_behind_the_highest_that_was_ever_given(db: Database, target: Database) -> None:
    with db.begin() as tx:
        made = [_person(number) for number in range(1, 6)]
        tx.execute(insert(subscriber), made)
        # The newest are erased: their links must not be about whoever comes next.
        tx.execute(delete(subscriber).where(subscriber.c.id > 3))
    move(db, target)
    with target.begin() as tx:
        (new,) = tx.execute(insert(subscriber).values(_person(9)).returning(subscriber.c.id)).scalars()
    assert new == 6


def _person(number: int) -> dict[str, object]:
    return {
        "normalized": f"{number}@example.org",
        "wire": f"{number}@example.org",
        "needs_smtputf8": 0,
        "name": "",
        "timezone": "",
        "state": SubscriberState.PENDING,
        "created_at": NOW,
    }


def test_a_source_that_was_moved_is_paused_and_so_is_the_copy(db: Database, target: Database) -> None:
    move(db, target)
    for one in (db, target):
        still = pauses.standstill(one)
        assert still is not None
        assert still.reason == ("moving" if not db.is_sqlite else f"Moved to {copying._name(target)}; resume there.")
    migrate.check(target, MIGRATIONS)


def test_a_rehearsal_leaves_the_source_alone_and_nobody_can_serve_from_it(db: Database, target: Database) -> None:
    House(db).sign_up(ANN) if _published(db) else None
    done = copying.copy(db, target, MIGRATIONS, now=NOW, rehearse=True)
    assert done.rehearsal
    assert pauses.standstill(db) is None
    for look in (migrate.check, migrate.upgrade):
        with pytest.raises(BadSettings, match=r"a rehearsed copy of .*would send mails twice"):
            look(target, MIGRATIONS)
    with pytest.raises(BadRequest, match="--replace-copy takes it out"):
        copying.copy(db, target, MIGRATIONS, now=NOW, rehearse=True)
    copying.copy(db, target, MIGRATIONS, now=NOW, rehearse=True, replace=True)
    move(db, target, replace=True)
    migrate.check(target, MIGRATIONS)
    assert [one[0] for one in rows(target)["subscriber"]] == [1]


def _published(db: Database) -> bool:
    House(db).publish(small_course(1))
    return FORM.course == "small"


def test_a_copy_that_breaks_off_says_so_and_nobody_can_serve_from_it(db: Database, target: Database) -> None:
    with db.begin() as tx:
        tx.execute(insert(subscriber), [_person(number) for number in range(1, 200)])

    def pull_the_plug(name: str, done: int, _all: int) -> None:
        if (name, done) == ("subscriber", 50):
            raise KeyboardInterrupt

    if not db.is_sqlite:
        pauses.stop(db, reason="moving", now=NOW)
    with pytest.raises(KeyboardInterrupt):
        copying.copy(db, target, MIGRATIONS, now=NOW, told=pull_the_plug)
    with pytest.raises(BadSettings, match=r"half a copy of .*: copying did not come to its end"):
        migrate.check(target, MIGRATIONS)
    # The source is as it was.
    assert (pauses.standstill(db) is None) is db.is_sqlite
    migrate.check(db, MIGRATIONS)
    with pytest.raises(BadRequest, match="unfinished"):
        move(db, target)
    assert move(db, target, replace=True).rows >= 199


def test_a_target_that_holds_something_is_left_alone(db: Database, target: Database) -> None:
    migrate.upgrade(target, MIGRATIONS)
    with target.begin() as tx:
        tx.execute(insert(subscriber).values(_person(1)))
    with pytest.raises(BadRequest, match=r"holds rows already \(in subscriber\)"):
        move(db, target, replace=True)
    assert len(rows(target)["subscriber"]) == 1
    migrate.check(target, MIGRATIONS)


def test_a_target_whose_tables_were_made_before_is_filled(db: Database, target: Database) -> None:
    migrate.upgrade(target, MIGRATIONS)
    move(db, target)
    migrate.check(target, MIGRATIONS)


def test_a_database_is_not_copied_to_itself(db: Database) -> None:
    with pytest.raises(BadRequest, match="to itself"):
        copying.copy(db, db, MIGRATIONS, now=NOW)


def test_a_source_of_another_shape_is_upgraded_first(db: Database, target: Database) -> None:
    with db.begin() as tx:
        newest = tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        with pytest.raises(BadSettings, match="sequencer db upgrade"):
            copying.copy(db, target, MIGRATIONS, now=NOW)
    finally:
        with db.begin() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})


def test_a_source_that_is_sent_from_is_not_moved(db: Database, target: Database) -> None:
    if db.is_sqlite:
        with sender.turn(db), pytest.raises(BadRequest, match="stop the service"):
            copying.copy(db, target, MIGRATIONS, now=NOW)
    else:
        with pytest.raises(BadRequest, match="sequencer pause"):
            copying.copy(db, target, MIGRATIONS, now=NOW)


def test_a_source_that_a_process_serves_from_is_not_moved_as_what_it_takes_in_would_be_lost(
    db: Database, target: Database
) -> None:
    post = Post(kind="web", engine="", concurrency=1, host="one", boot_id="a-b-c", pid=7, version="1.0")
    which = roster.enter(db, post)
    pauses.stop(db, reason="Moving", now=NOW)
    with pytest.raises(BadRequest, match=r"in use \(web on one, process 7\)"):
        move(db, target)
    # While it runs, one may try.
    copying.copy(db, target, MIGRATIONS, now=NOW, rehearse=True)
    roster.leave(db, which, post)
    copying.copy(db, target, MIGRATIONS, now=NOW, replace=True)


def test_what_is_in_a_sender_s_hands_is_waited_for(house: House, target: Database) -> None:
    house.publish(small_course(1))
    house.join(ANN)
    now = int(datetime.now(UTC).timestamp())
    with house.db.begin() as tx:
        tx.execute(update(delivery).values(state=DeliveryState.SENDING, lease_until=now + 600))
    with pytest.raises(BadRequest, match=r"in somebody's hands \(1 in delivery\)"):
        move(house.db, target)


def test_nobody_writes_while_everything_moves(postgres_db: Database, sqlite_db: Database, opened: Open) -> None:
    for db in (postgres_db, sqlite_db):
        pauses.stop(db, reason="moving", now=NOW)
        url = db.engine.url.update_query_dict({"timeout": "0.1"}) if db.is_sqlite else db.engine.url
        other = connect(url.render_as_string(hide_password=False), root=Path("/"))
        refused: list[str] = []

        def write(name: str, _done: int, _all: int, other: Database = other, refused: list[str] = refused) -> None:
            if name == "subscriber" and not refused:
                try:
                    with other.begin() as tx:
                        if not other.is_sqlite:
                            tx.execute(text("SET LOCAL lock_timeout = '100ms'"))
                        tx.execute(insert(subscriber).values(_person(1)))
                except BadDatabase as error:
                    refused.append(str(error))

        copying.copy(db, opened("sqlite"), MIGRATIONS, now=NOW, told=write)
        other.close()
        assert len(refused) == 1


def test_what_postgresql_does_not_take_is_named_and_nothing_is_overlooked(sqlite_db: Database, opened: Open) -> None:
    with sqlite_db.begin() as tx:
        tx.execute(insert(subscriber), [{**_person(1), "name": "a\0b"}])
    with pytest.raises(BadDatabase, match=r'The rows 1 to 1 of the table "subscriber" cannot be written: .*NUL'):
        copying.copy(sqlite_db, opened("postgresql"), MIGRATIONS, now=NOW, rehearse=True)


def test_a_copy_that_is_not_the_same_is_found_out(db: Database, target: Database) -> None:
    with db.begin() as tx:
        tx.execute(insert(subscriber), [_person(number) for number in (1, 2)])

    def bend(name: str, done: int, all_: int) -> None:
        # Somebody else writes to the target behind our back.
        if name == "consent" and done == all_ == 0:
            with target.begin() as tx:
                tx.execute(update(subscriber).where(subscriber.c.id == 2).values(name="Somebody else"))

    with pytest.raises(BadDatabase, match=r'"subscriber" is not the same in the copy: 2 rows of 2'):
        copying.copy(db, target, MIGRATIONS, now=NOW, rehearse=True, told=bend)
    with pytest.raises(BadSettings, match="half a copy"):
        migrate.check(target, MIGRATIONS)


def test_a_partitioned_target_is_filled_through_the_table_s_own_name(sqlite_db: Database, opened: Open) -> None:
    target, back = opened("postgresql"), opened("sqlite")
    migrate.upgrade(target, MIGRATIONS)
    partition.divide(target, parts=2)
    with sqlite_db.begin() as tx:
        fill(tx, rows=20)
        free(tx)
    copying.copy(sqlite_db, target, MIGRATIONS, now=NOW, rehearse=True)
    # What keeps rows unique over all parts is emptied with them.
    move(sqlite_db, target, replace=True)
    with target.begin() as tx:
        parts = [tx.execute(select(func.count()).select_from(table(shards.partition(which)))) for which in (0, 1)]
        assert min(part.scalar_one() for part in parts) > 0
    assert shards.count(target) == 2
    assert repr(rows(sqlite_db)["delivery"]) == repr(rows(target)["delivery"])
    copying.copy(target, back, MIGRATIONS, now=NOW, rehearse=True)
    assert repr(rows(back)["enrolment"]) == repr(rows(sqlite_db)["enrolment"])
