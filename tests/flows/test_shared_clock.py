"""What if the clock of a machine is wrong, where several send from one PostgreSQL? Each goes by the database's."""

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from door import Door
from house import House, ScriptedCourier, small_course
from sqlalchemy import text

from sequencer import app as wiring
from sequencer import worker
from sequencer.app import App
from sequencer.engine import drain
from sequencer.engine.ending import Ending
from sequencer.flows import roster
from sequencer.flows.timekeeping import SharedClock
from sequencer.store import database
from sequencer.store.database import Database
from sequencer.watch.standing import Standing

LATE = tuple(f"late-{number}@example.org" for number in range(6))
EARLY = tuple(f"early-{number}@example.org" for number in range(6))
TEN, FIVE = timedelta(minutes=10), timedelta(minutes=5)


def _now(db: Database) -> datetime:
    with db.read() as tx:
        return database.instant(tx)


@pytest.fixture
def crowd(shared_house: House) -> House:
    """Some whose lesson was due five minutes ago, and others whose lesson is due in five minutes."""
    house, db = shared_house, shared_house.db
    now = _now(db)
    house.publish(small_course(2), now - timedelta(days=1))
    for emails, minutes in ((LATE, -FIVE), (EARLY, FIVE)):
        for email in emails:
            house.join(email, now - timedelta(days=1))
            due = {"at": int((now + minutes).timestamp()), "who": house.person(email).id}
            with db.begin() as tx:
                tx.execute(text("UPDATE enrolment SET next_due_at = :at WHERE subscriber_id = :who"), due)
    house.courier.sent.clear()
    return house


def _node(house: House, ahead: timedelta) -> App:
    """A process on a machine whose clock is so far ahead, wired as the program is."""
    own = _now(house.db) + ahead
    app = replace(Door(house).app, courier=ScriptedCourier(), clock=lambda: own)
    return wiring.by_shared_clock(app)


def _sent(apps: Sequence[App]) -> Counter[str]:
    couriers = [app.courier for app in apps if isinstance(app.courier, ScriptedCourier)]
    return Counter(parcel.recipient for courier in couriers for parcel in courier.sent)


@pytest.mark.parametrize("minutes", [[10], [-10], [10, -10], [-10, 10]], ids=str)
def test_of_two_machines_ten_minutes_apart_neither_sends_early_or_late_or_twice(
    crowd: House, minutes: Sequence[int]
) -> None:
    apps = [_node(crowd, timedelta(minutes=ahead)) for ahead in minutes]
    start = threading.Barrier(len(apps))

    def run(app: App) -> None:
        start.wait()
        drain.drain(app, 0, ending=Ending())

    assert [drain.due(app) for app in apps] == [[0]] * len(apps)
    threads = [threading.Thread(target=run, args=[app]) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _sent(apps) == Counter(LATE)
    for app in apps:
        assert drain.due(app) == []
        drain.drain(app, 0, ending=Ending())
    assert _sent(apps) == Counter(LATE)


def test_what_a_machine_ahead_writes_down_bears_the_databases_hour(crowd: House) -> None:
    before = _now(crowd.db)
    app = _node(crowd, TEN)
    drain.drain(app, 0, ending=Ending())
    (row,) = (row for row in crowd.ledger(LATE[0]) if row.campaign_id and row.enrolment_id)
    assert before - timedelta(seconds=1) <= row.created_at <= _now(crowd.db)
    assert row.finished_at is not None
    assert before - timedelta(seconds=1) <= row.finished_at <= _now(crowd.db)


def test_how_far_a_machine_is_ahead_is_measured(shared_house: House) -> None:
    found = {one.name: one.samples[0].value for one in Standing(_node(shared_house, TEN)).collect() if one.samples}
    assert found["sequencer_clock_ahead_seconds"] == pytest.approx(600, abs=100)


def test_whose_clock_is_off_stands_on_the_roster(shared_house: House) -> None:
    app = _node(shared_house, -TEN)
    here = worker.Attendance(app, worker.this_process("worker"))
    here.beat(Ending())
    (found,) = roster.listed(app.db)
    assert found.worker.clock_ahead is not None
    assert found.worker.clock_ahead.total_seconds() == pytest.approx(-600, abs=100)


def test_a_machine_with_its_own_file_goes_by_its_own_clock(single_house: House) -> None:
    app = Door(single_house).app
    assert wiring.by_shared_clock(app) is app


def test_a_clock_that_is_off_is_told_once_and_that_it_is_right_again(
    postgres_db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ticks, ahead = [0.0], [TEN]
    clock = SharedClock(postgres_db, lambda: _now(postgres_db) + ahead[0], ticks=lambda: ticks[0])
    with caplog.at_level(logging.WARNING, logger="sequencer.flows.timekeeping"):
        for _ in range(3):
            ticks[0] += 1
            clock.look()
        ahead[0] = timedelta(0)
        for _ in range(3):
            ticks[0] += 1
            clock.look()
    assert [record.getMessage() for record in caplog.records] == ["clock.off", "clock.right"]
    assert caplog.records[0].__dict__["seconds"] == 600
    assert abs(clock.ahead) < TEN


def test_between_two_looks_the_clock_is_counted_on_and_asks_nobody(postgres_db: Database) -> None:
    ticks = [0.0]
    clock = SharedClock(postgres_db, lambda: _now(postgres_db), ticks=lambda: ticks[0])
    began = clock()
    ticks[0] = 0.9
    clock.look()
    assert clock() - began == timedelta(seconds=0.9)
    # A second later it is asked, and what was counted on is forgotten.
    ticks[0] = 3600.0
    assert clock() - began == timedelta(hours=1)
    clock.look()
    assert clock() - began < timedelta(hours=1)
