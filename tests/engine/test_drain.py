"""Which shards are worth a hint, and what does whoever follows it do and say?"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from door import Door
from house import EIGHT, House, ScriptedCourier, small_course
from sqlalchemy import text

from sequencer.app import App
from sequencer.core.model import DeliveryState
from sequencer.delivery.courier import Carried, Ledger
from sequencer.engine import drain
from sequencer.engine.drain import Crew
from sequencer.engine.ending import Ending
from sequencer.errors import BadDatabase
from sequencer.store import sender, shards
from sequencer.store.database import Database

EMAILS = tuple(f"reader-{number}@example.org" for number in range(12))


@pytest.fixture
def readers(db: Database) -> House:
    """A small course that some people are on."""
    house = House(db)
    house.publish(small_course(1))
    for email in EMAILS:
        house.join(email)
    house.courier.sent.clear()
    return house


@pytest.fixture
def parted(partitioned_db: Database) -> House:
    """The same, on a database that is divided into shards."""
    house = House(partitioned_db)
    house.publish(small_course(1))
    for email in EMAILS:
        house.join(email)
    house.courier.sent.clear()
    return house


def _app(house: House, now: datetime = EIGHT) -> App:
    return replace(Door(house).app, clock=lambda: now)


def test_nobody_is_worth_a_hint_before_their_hour_and_all_are_at_it(readers: House) -> None:
    assert drain.due(_app(readers, EIGHT - timedelta(minutes=1))) == []
    assert drain.due(_app(readers)) == [0]
    drain.drain(_app(readers), 0, ending=Ending())
    assert sorted(one.recipient for one in readers.courier.sent) == sorted(EMAILS)
    assert drain.due(_app(readers)) == []


def test_of_many_shards_those_are_worth_a_hint_where_somebody_is_due(parted: House) -> None:
    app = _app(parted)
    due = drain.due(app)
    assert shards.count(parted.db) == 16
    assert 0 < len(due) < 16
    for count, shard in enumerate(due):
        assert drain.due(app) == due[count:]
        drain.drain(app, shard, ending=Ending())
    assert sorted(one.recipient for one in parted.courier.sent) == sorted(EMAILS)


def test_what_a_dead_sender_held_is_worth_a_hint_and_goes_out_with_the_drain_of_any_shard(parted: House) -> None:
    app = _app(parted, EIGHT - timedelta(hours=1))
    parted.tick(EIGHT)
    with parted.db.begin() as tx:
        held = (
            "UPDATE delivery SET state = 1, finished_at = NULL, lease_until = 1 WHERE subscriber_id = :who AND kind = 1"
        )
        assert tx.execute(text(held), {"who": parted.person(EMAILS[0]).id}).rowcount == 1
    assert list(drain.due(app)) == list(range(16))
    drain.drain(app, 3, ending=Ending())
    assert drain.due(app) == []
    assert set(parted.states(EMAILS[0])) == {DeliveryState.SENT}
    assert [one.recipient for one in parted.courier.sent].count(EMAILS[0]) == 2


def test_a_drain_whose_time_is_over_claims_no_more(readers: House) -> None:
    assert drain.drain(_app(readers), 0, ending=Ending(), budget=-1).accepted == 0
    ending = Ending()
    ending.begin()
    assert drain.drain(_app(readers), 0, ending=ending).accepted == 0
    assert drain.drain(_app(readers), 0, ending=Ending()).accepted == len(EMAILS)


def test_a_crew_that_is_told_to_end_begins_nothing(readers: House) -> None:
    ending = Ending()
    crew = Crew(_app(readers), ending=ending)
    ending.begin()
    crew.drain(0)
    assert readers.courier.sent == []


@dataclass(slots=True)
class Together:
    """A courier that tells how many of it are under way at once."""

    both: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))

    def carry(self, _ledger: Ledger) -> Carried:
        """Wait until the other one is here too."""
        self.both.wait(20)
        return Carried(tried=0)


def test_two_of_a_crew_drain_at_once_each_with_a_courier_of_its_own(parted: House) -> None:
    both = threading.Barrier(2)
    shard = drain.due(_app(parted))[0]
    one, two = (replace(_app(parted), courier=Together(both)) for _ in range(2))
    crew = Crew(one, two, ending=Ending())
    threads = [threading.Thread(target=crew.drain, args=[shard]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not both.broken


def test_what_goes_wrong_is_told_once_for_each_shard_and_then_its_end(
    readers: House, caplog: pytest.LogCaptureFixture
) -> None:
    troubles: list[Exception] = [BadDatabase("The database is away."), BadDatabase("The database is away.")]

    def clock() -> datetime:
        if troubles:
            raise troubles.pop()
        return EIGHT

    crew = Crew(replace(_app(readers), clock=clock), ending=Ending())
    with caplog.at_level(logging.WARNING, logger="sequencer.engine"):
        for _ in range(3):
            crew.drain(0)
    told = [one for one in caplog.records if one.name.startswith("sequencer.engine")]
    assert [(one.getMessage(), one.__dict__["shard"]) for one in told] == [("drain.failed", 0), ("drain.recovered", 0)]
    assert len(readers.courier.sent) == len(EMAILS)


def test_one_at_a_time_is_alone_with_a_shard(postgres_db: Database) -> None:
    one, two, four = (sender.alone(postgres_db, shard) for shard in (3, 3, 4))
    with one as first, two as second, four as other:
        assert (first, second, other) == (True, False, True)
    with sender.alone(postgres_db, 3) as again:
        assert again


def test_whoever_is_cut_off_is_alone_no_more_and_finishes_all_the_same(postgres_db: Database) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5"
    done: list[str] = []
    with sender.alone(postgres_db, 5) as mine:
        assert mine
        with postgres_db.begin() as tx:
            tx.execute(text(cut))
        _until(lambda: _is_free(postgres_db, 5))
        done.append("the drain")
    assert done


def _is_free(db: Database, shard: int) -> bool:
    with sender.alone(db, shard) as mine:
        return mine


def _until(true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came true")


def test_another_app_has_a_courier_and_a_memory_of_its_own(readers: House) -> None:
    from sequencer import app as wiring

    app = _app(readers)
    other = wiring.another(app)
    assert other.courier is not app.courier
    assert not isinstance(other.courier, ScriptedCourier)
    assert other.press is not app.press
    assert other.marks is not app.marks
    assert (other.db, other.pulse) == (app.db, app.pulse)
