"""What does the real program say and do when its database cannot be used, or when it runs several times at once?"""

import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from story.stage import Moody, Stage, free_port, wait_for

from sequencer import app as wiring
from sequencer.core.model import DeliveryState
from sequencer.store.database import Database

PEOPLE = 24
QUARTER = timedelta(minutes=15)
EMAILS = [f"reader-{number}@example.org" for number in range(PEOPLE)]

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
_PROGRAM = "; import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
# A file that grows beyond so many bytes is refused by the kernel, as on a full disk.
_SMALL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
# Root may write everywhere unless it gives that up: CAP_DAC_OVERRIDE (1) leaves the bounding set (PR_CAPBSET_DROP, 24).
_NOT_ALMIGHTY = "import ctypes; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)"


@contextmanager
def _installed(folder: Path, url: str) -> Iterator[Stage]:
    """An installation, its relay listening, with many people whose first lesson is due."""
    mail_port = free_port()
    inbox = Moody(mail_port)
    made = Stage(folder=folder, inbox=inbox, mail_port=mail_port, web_port=free_port(), database_url=url)
    made.set_up()
    inbox.start()
    try:
        wiring.prepare(made.app, now=datetime.now(UTC))
        made.enrol(*EMAILS, now=datetime.now(UTC))
        made.let_time_pass()
        yield made
    finally:
        made.tear_down()
        inbox.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Such an installation on SQLite, whose file nobody has open."""
    with _installed(tmp_path, "sqlite:///story.db") as made:
        made.app.close()
        yield made


def _tick(stage: Stage, *words: str, after: str = "pass") -> "subprocess.CompletedProcess[str]":
    """One pass in a process of its own, in which something was done first."""
    return subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", after + _PROGRAM, sys.executable, "-m", "sequencer", "tick", *words],
        cwd=stage.folder,
        env={key: value for key, value in os.environ.items() if not key.startswith("SEQUENCER_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def _sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """The one sentence with which a pass said that it could not be done."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    return said


def _assert_all_arrived(stage: Stage) -> None:
    """With the fault gone, the next passes bring what is missing; a copy only of what the ledger names."""
    now = datetime.now(UTC)
    for step in range(2):
        assert _tick(stage, "--now", (now + step * QUARTER).isoformat()).returncode == 0
    rows, copies = stage.ledger(), stage.inbox.lessons()
    assert len(rows) == PEOPLE
    assert {row.state for row in rows} == {DeliveryState.SENT}
    assert len(copies) == PEOPLE
    assert sum(copies.values()) <= PEOPLE + sum(row.doubts for row in rows)


@pytest.mark.parametrize(("room", "least", "most"), [(20_000, 0, 0), (200_000, 1, PEOPLE - 1)], ids=["start", "middle"])
def test_a_disk_that_becomes_full_is_one_sentence_and_nothing_is_lost(
    stage: Stage, room: int, least: int, most: int
) -> None:
    said = _sentence(_tick(stage, after=_SMALL_DISK.format(room)))
    # A write of which a part is taken is a full disk to SQLite; one of which nothing is taken, a disk that fails.
    assert re.search(
        r"^Error: The database .*(is full: .*; make room on its disk"
        r"|cannot be read or written: .*; see that its disk has room and is sound)\.$",
        said,
    )
    assert least <= len(stage.inbox.lessons()) <= most
    _assert_all_arrived(stage)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("story.db", "The database cannot be written: "),
        (".", 'The database of the option "database_url" cannot be written: '),
        ("story.db-sender", "The database cannot be sent from: "),
    ],
    ids=["file", "folder", "lock"],
)
def test_a_file_that_may_not_be_written_is_one_sentence_and_nothing_is_sent(stage: Stage, name: str, said: str) -> None:
    path = stage.folder / name
    (stage.folder / "story.db-sender").touch()
    before = path.stat().st_mode
    path.chmod(before & 0o555)
    found = _sentence(_tick(stage, after=_NOT_ALMIGHTY))
    path.chmod(before)
    assert found.startswith(f"Error: {said}")
    assert "; let the user of this program write " in found
    assert stage.inbox.lessons() == {}
    _assert_all_arrived(stage)


def test_a_file_that_another_program_has_locked_is_one_sentence_and_nothing_is_sent(tmp_path: Path) -> None:
    with _installed(tmp_path, "sqlite:///story.db?timeout=0.1") as stage:
        with closing(sqlite3.connect(tmp_path / "story.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            said = _sentence(_tick(stage))
        assert said == (
            "Error: The database is locked by another program: database is locked; "
            "end that program, or wait until it is done."
        )
        assert stage.inbox.lessons() == {}
        _assert_all_arrived(stage)


@pytest.mark.parametrize("others", [1, 3])
def test_of_several_processes_on_one_sqlite_file_one_sends_and_the_others_say_so(stage: Stage, others: int) -> None:
    stage.inbox.holds = True
    first = stage.start("tick", "--json")
    wait_for("a message on the wire", stage.inbox.held.is_set)
    # There is something to do for the others; the first will do that too.
    stage.enrol("late@example.org", now=datetime.now(UTC))
    stage.let_time_pass()
    passes = [stage.start("tick", "--json") for _ in range(others)]
    for one in passes:
        assert stage.told(one)["accepted"] == 0
    assert stage.log().count("INFO sender.taken file=") == others
    assert stage.inbox.to("late@example.org") == []
    stage.inbox.holds = False
    stage.inbox.go_on.set()
    done = stage.told(first)
    assert (done["accepted"], done["recovered"]) == (PEOPLE + 1, 0)
    assert sorted(stage.inbox.lessons().values()) == [1] * (PEOPLE + 1)


@pytest.mark.parametrize("count", [2, 4])
def test_several_processes_that_start_at_once_on_one_sqlite_file_send_each_lesson_once(
    stage: Stage, count: int
) -> None:
    passes = [stage.start("tick", "--json") for _ in range(count)]
    done = [stage.told(one) for one in passes]
    assert sorted(one["accepted"] for one in done) == [0] * (count - 1) + [PEOPLE]
    assert {one["recovered"] for one in done} == {0}
    assert sorted(stage.inbox.lessons().values()) == [1] * PEOPLE


@pytest.mark.parametrize("minutes", [(-5, 5), (5, -5, 0, 3)], ids=["two", "four"])
def test_several_processes_with_clocks_minutes_apart_share_one_postgresql_database(
    postgres_db: Database, tmp_path: Path, minutes: tuple[int, ...]
) -> None:
    url = postgres_db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with _installed(tmp_path, url) as stage:
        nows = [(datetime.now(UTC) + timedelta(minutes=one)).isoformat() for one in minutes]
        passes = [stage.start("tick", "--json", "--now", now) for now in nows]
        assert sum(int(str(stage.told(one)["accepted"])) for one in passes) == PEOPLE
        assert sorted(stage.inbox.lessons().values()) == [1] * PEOPLE
        assert {(row.state, row.doubts) for row in stage.ledger()} == {(DeliveryState.SENT, 0)}


def test_connections_to_postgresql_that_are_cut_again_and_again_lose_nothing(
    postgres_db: Database, tmp_path: Path
) -> None:
    url = postgres_db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with _installed(tmp_path, url) as stage:
        stage.app.close()
        process, cuts = stage.start("tick"), 0
        with postgres_db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            while process.poll() is None:
                cuts += len(admin.execute(text(CUT)).all())
                threading.Event().wait(0.01)
        assert cuts > 0
        assert process.returncode in (0, 1)
        assert "Traceback" not in stage.log()
        stage.let_leases_end()
        _assert_all_arrived(stage)
