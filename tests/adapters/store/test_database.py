"""Is a database reached as it should be, and does it keep what two writers tell it at once?"""

import multiprocessing
import socket
import threading
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from house import NOW, an_address
from sqlalchemy import select, text

from sequencer.errors import BadSettings
from sequencer.store import subscribers
from sequencer.store.database import Database, clock, connect


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 10_000),
        ("wal_autocheckpoint", 10_000),
        ("temp_store", 2),
        ("cache_size", -8192),
    ],
)
def test_every_connection_to_sqlite_is_safe_and_patient(sqlite_db: Database, pragma: str, value: object) -> None:
    with sqlite_db.read() as first, sqlite_db.read() as second:
        for tx in (first, second):
            assert tx.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


def test_a_relative_file_lies_below_the_root(tmp_path: Path) -> None:
    connect("sqlite:///here.db", root=tmp_path).close()
    assert (tmp_path / "here.db").is_file()


def test_an_absolute_file_lies_where_it_says(tmp_path: Path) -> None:
    connect(f"sqlite:///{tmp_path}/there.db", root=Path("/nowhere")).close()
    assert (tmp_path / "there.db").is_file()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://a/b",
        "postgresql+nodriver://a/b",
        "postgresql://user:hush-hush@127.0.0.1:port/name",
        "sqlite:///no/such/folder/x.db",
        "sqlite:///folder",
        "sqlite:///text.txt",
        "sqlite:////proc/x.db",
    ],
)
def test_a_database_that_cannot_be_opened_is_named_by_its_option(url: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("This is no database.\n" * 100)
    with pytest.raises(BadSettings, match='"database_url"') as refused:
        connect(url, root=tmp_path)
    assert "hush-hush" not in str(refused.value)


def test_a_server_that_does_not_listen_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(BadSettings, match="does not answer") as refused:
            connect(f"postgresql://user:hush-hush@127.0.0.1:{port}/name", root=tmp_path)
    assert "\n" not in str(refused.value)
    assert "hush-hush" not in str(refused.value)


def test_a_transaction_that_fails_leaves_nothing_behind(db: Database) -> None:
    def stumble() -> None:
        with db.begin() as tx:
            subscribers.ensure(tx, an_address(), name="", timezone="UTC", now=NOW)
            raise BadSettings("A stumble.")

    with pytest.raises(BadSettings):
        stumble()
    with db.read() as tx:
        assert subscribers.count(tx) == {}


def test_a_reader_sees_what_was_there_when_it_began_while_another_writes(sqlite_db: Database) -> None:
    with sqlite_db.read() as tx:
        assert subscribers.count(tx) == {}
        with sqlite_db.begin() as other:
            subscribers.ensure(other, an_address(), name="", timezone="UTC", now=NOW)
        assert subscribers.count(tx) == {}


def test_the_lease_clock_is_the_database_s_own(db: Database) -> None:
    sql = "SELECT CAST(strftime('%s', 'now') AS INTEGER)" if db.is_sqlite else "SELECT floor(extract(epoch FROM now()))"
    with db.read() as tx:
        told = tx.execute(text(sql)).scalar_one()
        assert 0 <= tx.execute(select(clock(tx))).scalar_one() - told <= 2


WRITERS, EACH, NEW_FILES = 4, 25, 60


def _write(db: Database, writer: int) -> None:
    for number in range(EACH):
        with db.begin() as tx:
            # Read, then write: a transaction that begins as a reader could not become a writer.
            subscribers.count(tx)
            address = an_address(f"w{writer}-{number}@example.org")
            subscribers.ensure(tx, address, name="", timezone="UTC", now=NOW)


def _write_from_a_process(root: Path, writer: int, start: Barrier) -> None:
    # SQLite answers "locked" at once to one of two that turn a new file into WAL: tried often, as it needs some luck.
    for number in range(NEW_FILES):
        start.wait(20)
        connect(f"sqlite:///new-{number}.db", root=root).close()
    db = connect("sqlite:///shared.db", root=root)
    _write(db, writer)
    db.close()


def test_four_threads_that_write_at_once_lose_nothing(db: Database) -> None:
    errors: list[Exception] = []

    def run(writer: int) -> None:
        try:
            _write(db, writer)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with db.read() as tx:
        assert sum(subscribers.count(tx).values()) == WRITERS * EACH


def test_four_processes_that_make_files_and_write_one_at_once_lose_nothing(sqlite_db: Database, tmp_path: Path) -> None:
    with sqlite_db.engine.connect() as tx:
        tx.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "shared.db").write_bytes((tmp_path / "test.db").read_bytes())
    ways = multiprocessing.get_context("spawn")
    start = ways.Barrier(WRITERS)
    writers = [ways.Process(target=_write_from_a_process, args=(tmp_path, one, start)) for one in range(WRITERS)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert [one.exitcode for one in writers] == [0] * WRITERS
    shared = connect("sqlite:///shared.db", root=tmp_path)
    with shared.read() as tx:
        assert sum(subscribers.count(tx).values()) == WRITERS * EACH
    shared.close()


@pytest.mark.parametrize(("url", "pages"), [("sqlite:///a.db", -8192), ("sqlite:///a.db?cache=64", -65536)])
def test_the_address_of_a_file_says_how_much_of_it_is_kept_in_memory(tmp_path: Path, url: str, pages: int) -> None:
    db = connect(url, root=tmp_path)
    with db.read() as tx:
        assert tx.exec_driver_sql("PRAGMA cache_size").scalar_one() == pages
    db.close()


@pytest.mark.parametrize("cache", ["0", "many", "-1", "1.5"])
def test_a_cache_that_is_no_number_of_megabytes_is_refused(tmp_path: Path, cache: str) -> None:
    with pytest.raises(BadSettings, match="cache takes a number of megabytes like 64"):
        connect(f"sqlite:///a.db?cache={cache}", root=tmp_path)
