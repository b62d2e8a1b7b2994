"""Is each fault of a database one sentence that says what the operator should do? Each is tried for real."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from house import NOW, an_address
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.exc import OperationalError as SqlOperationalError

from sequencer.errors import BadDatabase, BadSettings
from sequencer.store import subscribers
from sequencer.store.database import Database, connect


@pytest.fixture
def hasty(sqlite_db: Database, tmp_path: Path) -> Iterator[Database]:
    """The same file, opened by one who does not wait long for others."""
    sqlite_db.close()
    db = connect("sqlite:///test.db?timeout=0.1", root=tmp_path)
    yield db
    db.close()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program writes, and does not come to an end."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def _sign_up(db: Database, email: str = "someone@example.org") -> None:
    with db.begin() as tx:
        subscribers.ensure(tx, an_address(email), name="", timezone="UTC", now=NOW)


def _run(db: Database, *statements: str) -> None:
    with db.begin() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)


def _count(db: Database) -> int:
    with db.read() as tx:
        return sum(subscribers.count(tx).values())


def test_a_file_that_another_program_writes_is_locked(hasty: Database, tmp_path: Path) -> None:
    with held(tmp_path / "test.db"):
        with pytest.raises(BadDatabase) as caught:
            _sign_up(hasty)
        # Who only looks need not wait.
        assert _count(hasty) == 0
    assert str(caught.value) == (
        "The database is locked by another program: database is locked; end that program, or wait until it is done."
    )
    _sign_up(hasty)
    assert _count(hasty) == 1


@pytest.mark.usefixtures("sqlite_db")
def test_those_who_wait_behind_each_other_for_a_locked_file_do_not_wait_in_turn(tmp_path: Path) -> None:
    patience, crowd = 0.3, 12
    db = connect(f"sqlite:///test.db?timeout={patience}", root=tmp_path)
    refused: list[str] = []

    def sign_up(number: int) -> None:
        try:
            _sign_up(db, f"reader-{number}@example.org")
        except BadDatabase as bad:
            refused.append(str(bad))

    with held(tmp_path / "test.db"):
        threads = [threading.Thread(target=sign_up, args=(number,)) for number in range(crowd)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        for thread in threads:
            thread.join()
        # One after the other they would need twelve times as long as one.
        assert time.monotonic() - began < crowd / 2 * patience
    db.close()
    assert len(refused) == crowd
    assert all(one.startswith("The database is locked by another program: ") for one in refused)


def test_a_statement_in_the_driver_s_own_words_is_told_in_the_same_way(sqlite_db: Database) -> None:
    def fill() -> None:
        with sqlite_db.begin() as tx:
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
            tx.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            # As the hot path does it: SQLAlchemy does not see what the cursor raises.
            cursor = tx.connection.cursor()
            cursor.execute("CREATE TABLE more AS SELECT zeroblob(1000000)")

    with pytest.raises(BadDatabase, match=r"^The database is full: .*; make room on its disk\.$"):
        fill()


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", "SELECT nothing FROM subscriber"])
def test_a_statement_that_is_wrong_is_our_own_bug_and_told_as_it_is(db: Database, statement: str) -> None:
    with pytest.raises((SqlOperationalError, ProgrammingError)):
        _run(db, statement)


def test_a_row_that_breaks_a_rule_is_our_own_bug_and_told_as_it_is(db: Database) -> None:
    row = "INSERT INTO course (slug, title) VALUES ('one', 'One')"
    with pytest.raises(IntegrityError):
        _run(db, row, row)


def test_a_file_that_is_damaged_is_told_so_while_it_runs(sqlite_db: Database, tmp_path: Path) -> None:
    _sign_up(sqlite_db)
    with sqlite_db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    sqlite_db.engine.dispose()
    with (tmp_path / "test.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 100_000)
    with pytest.raises(BadDatabase, match=r"^The database is damaged: .*; put the newest copy in its place"):
        _count(sqlite_db)


@pytest.mark.parametrize(
    ("statements", "begins"),
    [
        (["SET TRANSACTION READ ONLY", "DELETE FROM subscriber"], "The database cannot be written: "),
        (["SET LOCAL ROLE pg_monitor", "DELETE FROM subscriber"], "The database cannot be written: "),
        (["SELECT pg_terminate_backend(pg_backend_pid())"], "The database does not answer: "),
        (["SET LOCAL statement_timeout = 1", "SELECT pg_sleep(5)"], "The database fails: "),
    ],
    ids=["read only", "no right", "cut", "timeout"],
)
def test_what_postgresql_says_is_one_sentence(postgres_db: Database, statements: list[str], begins: str) -> None:
    with pytest.raises(BadDatabase) as caught:
        _run(postgres_db, *statements)
    said = str(caught.value)
    assert said.startswith(begins)
    assert "\n" not in said
    assert "sqlalche.me" not in said
    _sign_up(postgres_db)


def test_two_that_wait_for_each_other_in_postgresql_are_told_that_it_is_locked(postgres_db: Database) -> None:
    _sign_up(postgres_db)
    with postgres_db.begin() as tx:
        tx.exec_driver_sql("LOCK TABLE subscriber IN EXCLUSIVE MODE")
        with pytest.raises(BadDatabase, match=r"^The database is locked by another program: "):
            _run(postgres_db, "SET LOCAL lock_timeout = 50", "DELETE FROM subscriber")


def test_whoever_finds_all_connections_taken_is_told_that_the_database_does_not_answer(postgres_url: str) -> None:
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    db = Database(create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05))
    with db.read(), pytest.raises(BadDatabase, match=r"^The database does not answer: all our connections are waiting"):
        _count(db)
    db.close()


def test_an_idle_connection_that_was_cut_is_replaced_before_anybody_notices(
    postgres_db: Database, postgres_url: str
) -> None:
    db = connect(postgres_url, root=Path())
    with db.read() as tx:
        pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with postgres_db.begin() as tx:
        assert tx.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}).scalar_one()
    _sign_up(db)
    db.close()


@pytest.mark.parametrize(
    "url", ["sqlite:///test.db?timeout=soon", "postgresql://a@127.0.0.1:1/x?colour=red"], ids=["sqlite", "postgresql"]
)
def test_an_option_behind_the_address_that_makes_no_sense_is_one_sentence(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r'^The option "database_url" cannot be used: .*[^.]\.$'):
        connect(url, root=tmp_path)
