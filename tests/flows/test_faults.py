"""What if the SQLite file is full, or another program has locked it, in the middle of a pass?"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from door import Door, wait_until
from flows.faults import (
    MOMENTS,
    PEOPLE,
    assert_all_arrived,
    doubts,
    interrupted_pass,
    lessons,
    other_program,
    pages,
    passes_after,
    three_readers,
)
from house import EIGHT, House
from sqlalchemy import event

from benchmarks import ground
from sequencer.core.model import Accepted, DeliveryState
from sequencer.errors import BadDatabase
from sequencer.flows.dispatch import BATCH
from sequencer.store import deliveries
from sequencer.store.database import Database, connect
from sequencer.worker import all_in_one

LOCKED = "The database is locked by another program: database is locked; end that program, or wait until it is done."
FULL = "The database is full: database or disk is full; make room on its disk."
# To settle a row with so long an answer takes two pages.
LONG = "250 2.0.0 Ok " + 9000 * "x"


def _reopen(house: House, folder: Path, *, patience: float) -> Database:
    """The same file, opened by one who waits so many seconds for others."""
    house.db.close()
    house.db = connect(f"sqlite:///test.db?timeout={patience}", root=folder)
    return house.db


@pytest.mark.parametrize("nth", MOMENTS)
def test_a_file_that_is_locked_for_too_long_ends_the_pass_and_the_next_ones_bring_all(
    single_house: House, tmp_path: Path, nth: int
) -> None:
    three_readers(single_house)
    db = _reopen(single_house, tmp_path, patience=0.05)
    with other_program(tmp_path / "test.db") as other:
        assert interrupted_pass(single_house, nth, lambda: other.say("BEGIN IMMEDIATE")) == LOCKED
        before = len(single_house.courier.sent)
        with pytest.raises(BadDatabase, match="locked"):
            single_house.tick(EIGHT)
        assert len(single_house.courier.sent) == before
        other.say("ROLLBACK")
        passes_after(single_house)
    assert_all_arrived(single_house)
    # Only the one message whose outcome could not be written is in doubt.
    assert doubts(lessons(single_house)) == (nth in (3, 5, 7))
    db.close()


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_file_that_is_locked_for_a_moment_is_waited_for(single_house: House, tmp_path: Path, nth: int) -> None:
    three_readers(single_house)
    db = _reopen(single_house, tmp_path, patience=5)
    waited = threading.Event()

    def lock() -> None:
        other.say("BEGIN IMMEDIATE")
        threading.Timer(0.15, release).start()

    def release() -> None:
        other.say("ROLLBACK")
        waited.set()

    with other_program(tmp_path / "test.db") as other:
        assert interrupted_pass(single_house, nth, lock) == ""
        assert waited.is_set()
    assert_all_arrived(single_house)
    assert len(single_house.courier.sent) == len(PEOPLE)
    db.close()


@contextmanager
def _no_more_than(db: Database, most: int) -> Iterator[None]:
    """SQLite itself says that the disk is full when the file would have more pages."""

    def limit(connection: Any, _entry: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most}")

    event.listen(db.engine, "connect", limit)
    db.close()
    yield
    event.remove(db.engine, "connect", limit)
    db.close()


def _leave_no_room(file: Path) -> None:
    """The file has no pages to spare."""
    with closing(sqlite3.connect(file)) as other:
        other.execute("VACUUM")


@pytest.mark.parametrize(
    ("more", "settled"), [(0, 0), (2, 1), (4, 2), (50, 3)], ids=["first outcome", "second", "third", "never"]
)
def test_a_disk_that_becomes_full_ends_the_pass_and_with_room_the_next_ones_bring_all(
    single_house: House, tmp_path: Path, more: int, settled: int
) -> None:
    three_readers(single_house)
    single_house.courier.answers = [Accepted(reply=LONG) for _ in PEOPLE]
    _leave_no_room(tmp_path / "test.db")
    with _no_more_than(single_house.db, pages(tmp_path / "test.db") + more):
        assert interrupted_pass(single_house, 1, lambda: None) == (FULL if settled < len(PEOPLE) else "")
    assert sum(row.state is DeliveryState.SENT for row in lessons(single_house)) == settled
    single_house.courier.answers.clear()
    passes_after(single_house)
    assert_all_arrived(single_house)
    assert doubts(lessons(single_house)) == (settled < len(PEOPLE))


def test_a_disk_that_is_full_at_the_claim_claims_and_sends_nothing(single_house: House, tmp_path: Path) -> None:
    db = single_house.db
    ground.fill(db, ground.publish(db, lessons=1), people=BATCH, due=BATCH)
    _leave_no_room(tmp_path / "test.db")
    with _no_more_than(db, pages(tmp_path / "test.db")):
        assert interrupted_pass(single_house, 1, lambda: None) == FULL
        assert single_house.courier.tried == []
    assert single_house.tick(EIGHT).recovered == 0
    assert len(single_house.courier.sent) == BATCH
    with db.read() as tx:
        assert {row.state for row in deliveries.listed(tx, limit=BATCH)} == {DeliveryState.SENT}


def test_the_metronome_says_so_in_one_line_and_goes_on_when_the_fault_is_gone(
    single_house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    three_readers(single_house)
    db = _reopen(single_house, tmp_path, patience=0.05)
    looks: list[datetime] = []

    def clock() -> datetime:
        looks.append(EIGHT)
        return EIGHT

    metronome = all_in_one(replace(Door(single_house).app, clock=clock), every=0.01)

    async def story() -> None:
        with other_program(tmp_path / "test.db") as other:
            other.say("BEGIN IMMEDIATE")
            metronome.start()
            await asyncio.to_thread(wait_until, lambda: len(looks) >= 4)
            other.say("ROLLBACK")
            await asyncio.to_thread(wait_until, lambda: len(single_house.courier.sent) == len(PEOPLE))
            await metronome.stop()

    with caplog.at_level(logging.WARNING, logger="sequencer"):
        asyncio.run(story())
    said = [one for one in caplog.records if one.name.startswith("sequencer") and one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in said] == ["tick.failed", "tick.recovered"]
    assert said[0].__dict__["reason"] == LOCKED
    # No traceback.
    assert {one.exc_info for one in said} == {None}
    assert_all_arrived(single_house)
    db.close()
