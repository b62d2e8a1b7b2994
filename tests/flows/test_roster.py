"""Who is on the roster, and who is told to be silent? By the database's clock, whatever the machines' clocks say."""

from datetime import timedelta

from sqlalchemy import text

from sequencer.flows import roster
from sequencer.flows.roster import Post
from sequencer.store.database import Database


def _post(pid: int) -> Post:
    return Post(kind="worker", engine="in-process", concurrency=2, host="one", boot_id="a-b-c", pid=pid, version="1.0")


def _silent_for(db: Database, seconds: int, pid: int) -> None:
    with db.begin() as tx:
        tx.execute(
            text("UPDATE worker SET heartbeat_at = heartbeat_at - :seconds WHERE pid = :pid"),
            {"seconds": seconds, "pid": pid},
        )


def test_a_process_is_on_the_roster_until_it_leaves(db: Database) -> None:
    one, two = roster.enter(db, _post(1)), roster.enter(db, _post(2))
    assert [(found.worker.id, found.worker.post, found.alive) for found in roster.listed(db)] == [
        (one, _post(1), True),
        (two, _post(2), True),
    ]
    roster.leave(db, one, _post(1))
    roster.leave(db, one, _post(1))
    assert [found.worker.id for found in roster.listed(db)] == [two]


def test_who_gives_no_sign_of_life_is_listed_as_silent_and_is_alive_with_the_next_one(db: Database) -> None:
    which = roster.enter(db, _post(1))
    _silent_for(db, 40, 1)
    (found,) = roster.listed(db)
    assert not found.alive
    assert timedelta(seconds=40) <= found.worker.silent_for < timedelta(seconds=100)
    assert roster.beat(db, which, _post(1))
    (found,) = roster.listed(db)
    assert found.alive
    assert found.worker.heartbeat_at >= found.worker.started_at


def test_who_was_silent_for_a_day_is_forgotten_when_somebody_comes_and_may_come_back(db: Database) -> None:
    gone = roster.enter(db, _post(1))
    _silent_for(db, 86_401, 1)
    here = roster.enter(db, _post(2))
    assert [found.worker.id for found in roster.listed(db)] == [here]
    assert not roster.beat(db, gone, _post(1))


def test_how_far_a_machine_s_clock_is_ahead_comes_with_its_sign_of_life(db: Database) -> None:
    which = roster.enter(db, _post(1))
    assert [found.worker.clock_ahead for found in roster.listed(db)] == [None]
    for ahead in (timedelta(seconds=600), timedelta(seconds=-7), None):
        roster.beat(db, which, _post(1), clock_ahead=ahead)
        assert [found.worker.clock_ahead for found in roster.listed(db)] == [ahead]
