"""Does a database of any age get to the newest shape, and is the shape what the code believes?"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from sequencer.content.files import shipped
from sequencer.errors import BadSettings
from sequencer.store import migrate
from sequencer.store.database import Database, connect
from sequencer.store.tables import metadata

MIGRATIONS = shipped("migrations")


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table, of each kind."""
    if request.param == "sqlite":
        db = connect("sqlite:///bare.db", root=tmp_path)
        yield db
        db.close()
        return
    server = connect(request.getfixturevalue("postgres_url"), root=tmp_path)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        admin.execute(text("CREATE DATABASE bare"))
        db = connect(
            server.engine.url.set(database="bare").render_as_string(hide_password=False),
            root=tmp_path,
        )
        yield db
        db.close()
        admin.execute(text("DROP DATABASE bare"))
    server.close()


def _shape(db: Database) -> str | None:
    with db.read() as tx:
        return MigrationContext.configure(tx).get_current_revision()


def _pretend(db: Database, shape: str) -> None:
    with db.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :shape"), {"shape": shape})


def _downgrade(db: Database, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with db.begin() as tx:
        config.attributes["connection"] = tx
        command.downgrade(config, to)


def test_the_migrations_make_just_the_tables_and_indexes_that_the_code_names(bare: Database) -> None:
    migrate.upgrade(bare, MIGRATIONS)
    with bare.read() as tx:
        # Alembic cannot compare an empty default on SQLite; on PostgreSQL it can.
        options = {"compare_type": True, "compare_server_default": not bare.is_sqlite}
        context = MigrationContext.configure(tx, opts=options)
        assert compare_metadata(context, metadata) == []
        found = {index["name"] for table in metadata.tables for index in inspect(tx).get_indexes(table)}
    assert {"enrolment_due", "delivery_waiting", "delivery_leased", "ix_delivery_subscriber"} <= found


def test_the_hot_indexes_hold_only_what_waits(bare: Database) -> None:
    migrate.upgrade(bare, MIGRATIONS)
    kept = "sqlite_where" if bare.is_sqlite else "postgresql_where"
    with bare.read() as tx:
        partial = {
            index["name"]: str(index["dialect_options"][kept]).strip("()")
            for table in ("enrolment", "delivery")
            for index in inspect(tx).get_indexes(table)
            if kept in index.get("dialect_options", {})
        }
    assert partial == {
        "enrolment_due": "next_due_at IS NOT NULL",
        "delivery_waiting": "due_at IS NOT NULL",
        "delivery_lane": "due_at IS NOT NULL",
        "delivery_leased": "lease_until IS NOT NULL",
        "delivery_uncertain": "state = 6",
    }


def test_an_empty_database_is_brought_to_the_newest_shape_once(bare: Database) -> None:
    assert migrate.is_empty(bare)
    first = migrate.upgrade(bare, MIGRATIONS)
    assert first[0] == "0001"
    assert migrate.upgrade(bare, MIGRATIONS) == ()
    assert not migrate.is_empty(bare)
    migrate.check(bare, MIGRATIONS)


def test_down_to_nothing_and_up_again_loses_no_table(bare: Database) -> None:
    migrate.upgrade(bare, MIGRATIONS)
    _downgrade(bare, "base")
    with bare.read() as tx:
        assert inspect(tx).get_table_names() == ["alembic_version"]
    migrate.upgrade(bare, MIGRATIONS)
    with bare.read() as tx:
        assert set(metadata.tables) < set(inspect(tx).get_table_names())
    migrate.check(bare, MIGRATIONS)


def _to(db: Database, shape: str) -> None:
    with db.begin() as tx:
        config = migrate._config(MIGRATIONS)
        config.attributes["connection"] = tx
        command.upgrade(config, shape)


OLD_PERSON = (
    "INSERT INTO subscriber (id, normalized, wire, needs_smtputf8, name, timezone, state, created_at) "
    "VALUES (1, 'a@example.org', 'a@example.org', 0, '', 'UTC', 1, 1700000000)"
)
OLD_ROWS = (
    "INSERT INTO delivery (id, kind, campaign_id, subscriber_id, run, state, attempt, doubts, due_at, relay, reply, "
    "created_at) VALUES (1, 0, 7, 1, 0, 4, 3, 1, 1700000600, 'mx.example.org:587', '451 later', 1700000000), "
    "(2, 0, 8, 1, 0, 3, 1, 0, NULL, 'mx.example.org:587', '250 Ok', 1700000000)"
)
KEPT = [(1, 4, 3, 1, 1700000600, "451 later"), (2, 3, 1, 0, None, "250 Ok")]
LEDGER = "SELECT id, state, attempt, doubts, due_at, reply FROM delivery ORDER BY id"


def test_rows_of_the_first_shape_have_had_as_many_attempts_as_they_say_and_stay_as_they_are(bare: Database) -> None:
    _to(bare, "0001")
    with bare.begin() as tx:
        for statement in (OLD_PERSON, OLD_ROWS):
            tx.execute(text(statement))
    assert migrate.upgrade(bare, MIGRATIONS)[0] == "0002"
    with bare.begin() as tx:
        assert tx.execute(text("SELECT spared FROM delivery")).scalars().all() == [0, 0]
        assert tx.execute(text("SELECT count(*) FROM relay_use")).scalar_one() == 0
        assert [tuple(row) for row in tx.execute(text(LEDGER))] == KEPT
        # They can be claimed, and what is written about them as ever.
        tx.execute(text("UPDATE delivery SET spared = spared + 1 WHERE id = 1"))
        tx.execute(text("INSERT INTO relay_use (relay, hour, messages) VALUES ('own', 472222, 5)"))
    _downgrade(bare, "0001")
    with bare.read() as tx:
        assert "relay_use" not in inspect(tx).get_table_names()
        assert "spared" not in {column["name"] for column in inspect(tx).get_columns("delivery")}
        assert [tuple(row) for row in tx.execute(text(LEDGER))] == KEPT
    migrate.upgrade(bare, MIGRATIONS)
    migrate.check(bare, MIGRATIONS)
    with bare.read() as tx:
        assert tx.execute(text("SELECT spared FROM delivery")).scalars().all() == [0, 0]


COUNTED = "SELECT subject, hour, asked, confirmed FROM door_use ORDER BY subject, hour"


def test_what_the_door_has_counted_goes_on_by_what_is_left_of_its_digests(bare: Database) -> None:
    _to(bare, "0015")
    rows = [("0123456789abcdef" + 16 * "0", 7, 2, 1), ("0123456789abcdef" + 16 * "1", 7, 3, 0), (32 * "f", 8, 1, 1)]
    with bare.begin() as tx:
        for row in rows:
            tx.execute(text(f"INSERT INTO door_use (subject, hour, asked, confirmed) VALUES {row}"))  # noqa: S608
    _to(bare, "0016")
    with bare.read() as tx:
        assert [tuple(row) for row in tx.execute(text(COUNTED))] == [("0123456789abcdef", 7, 5, 1), (16 * "f", 8, 1, 1)]
    _downgrade(bare, "0015")
    with bare.read() as tx:
        assert len(tx.execute(text(COUNTED)).all()) == 2


def test_a_database_of_an_old_shape_names_the_command_to_run(bare: Database) -> None:
    with pytest.raises(BadSettings, match='run "sequencer db upgrade"'):
        migrate.check(bare, MIGRATIONS)
    migrate.upgrade(bare, MIGRATIONS)
    _downgrade(bare, "base")
    with pytest.raises(BadSettings, match='run "sequencer db upgrade"'):
        migrate.check(bare, MIGRATIONS)


def test_a_database_of_a_newer_program_is_left_alone(bare: Database) -> None:
    migrate.upgrade(bare, MIGRATIONS)
    _pretend(bare, "9999")
    with pytest.raises(BadSettings, match='"9999" of a newer program'):
        migrate.check(bare, MIGRATIONS)
    with pytest.raises(BadSettings, match='"9999" of a newer program'):
        migrate.upgrade(bare, MIGRATIONS)
    assert _shape(bare) == "9999"


def test_a_folder_with_a_percent_sign_is_found(bare: Database, tmp_path: Path) -> None:
    odd = tmp_path / "100% ours"
    odd.symlink_to(MIGRATIONS)
    assert migrate.upgrade(bare, odd)


def test_programs_that_start_at_once_on_an_empty_database_make_its_tables_once(bare: Database) -> None:
    ran: list[tuple[str, ...]] = []
    errors: list[Exception] = []
    start = threading.Barrier(4)

    def begin() -> None:
        start.wait()
        try:
            ran.append(migrate.upgrade(bare, MIGRATIONS))
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    threads = [threading.Thread(target=begin, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert sorted(map(bool, ran)) == [False, False, False, True]
