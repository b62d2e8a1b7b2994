"""Who may send from a database now?"""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sequencer.errors import BadDatabase
from sequencer.store.database import Database, connect
from sequencer.store.sender import Turn, turn

_HOLD = """
import sys
from pathlib import Path
from sequencer.store.database import connect
from sequencer.store.sender import turn
with turn(connect("sqlite:///test.db", root=Path(sys.argv[1]))) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_from_a_sqlite_file_one_sends_at_a_time(sqlite_db: Database, tmp_path: Path) -> None:
    other = connect("sqlite:///test.db", root=tmp_path)
    with turn(sqlite_db) as first, turn(other) as second:
        assert (first, second) == (Turn.ALONE, Turn.TAKEN)
    with turn(other) as third:
        assert third is Turn.ALONE
    other.close()


def test_two_files_do_not_stand_in_each_other_s_way(sqlite_db: Database, tmp_path: Path) -> None:
    other = connect("sqlite:///other.db", root=tmp_path)
    with turn(sqlite_db) as first, turn(other) as second:
        assert (first, second) == (Turn.ALONE, Turn.ALONE)
    other.close()


def test_the_turn_of_a_process_that_is_killed_is_over(sqlite_db: Database, tmp_path: Path) -> None:
    held = subprocess.Popen(  # noqa: S603 (our own words)
        [sys.executable, "-c", _HOLD, os.fspath(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with held:
        assert held.stdout is not None
        assert held.stdout.readline() == "alone\n"
        with turn(sqlite_db) as mine:
            assert mine is Turn.TAKEN
        held.kill()
        held.wait(20)
        with turn(sqlite_db) as mine:
            assert mine is Turn.ALONE


def test_from_postgresql_many_send_at_once(postgres_db: Database) -> None:
    with turn(postgres_db) as first, turn(postgres_db) as second:
        assert (first, second) == (Turn.SHARED, Turn.SHARED)


def test_where_no_lock_can_be_had_beside_the_file_nobody_sends_and_one_sentence_says_why(
    sqlite_db: Database, tmp_path: Path
) -> None:
    (tmp_path / "test.db-sender").mkdir()
    with (
        pytest.raises(BadDatabase, match=r"test\.db-sender cannot be locked \(Is a directory\); let the user"),
        turn(sqlite_db),
    ):
        pass


def test_whoever_may_not_send_says_so(sqlite_db: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="sequencer"), turn(sqlite_db):
        assert caplog.messages == []
        with turn(sqlite_db):
            assert caplog.messages == ["sender.taken"]
