"""Does every engine keep its promises? The same tests for each: a hint is followed, and no more depends on it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from door import Door, wait_until
from house import EIGHT, House, small_course

from sequencer.core.model import DeliveryKind, DeliveryState
from sequencer.engine import drain
from sequencer.engine.celery import CeleryEngine
from sequencer.engine.drain import Crew
from sequencer.engine.ending import Ending
from sequencer.engine.port import Engine, Load
from sequencer.store.database import Database


@dataclass(slots=True)
class Follower:
    """Follows hints and remembers them; each waits until it is let go, where it should."""

    holds: bool = False
    began: Counter[int] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)
    go_on: threading.Event = field(default_factory=threading.Event)

    def drain(self, shard: int) -> None:
        """Follow a hint."""
        self.began[shard] += 1
        if self.holds:
            assert self.go_on.wait(20)
        self.ended[shard] += 1


@contextmanager
def working(engine: Engine, drain: Callable[[int], object], *, concurrency: int = 1) -> Iterator[Ending]:
    """A worker of this engine; at the end it is told to end, and comes back."""
    ending, troubles = Ending(), []

    def work() -> None:
        try:
            engine.run_worker(drain, concurrency=concurrency, ending=ending)
        except BaseException as error:  # noqa: BLE001 (told below)
            troubles.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ending
    finally:
        ending.begin()
        thread.join(20)
        assert not thread.is_alive()
        assert troubles == []


def tick_until(true: Callable[[], bool], engine: Engine, *shards: int) -> None:
    """Hint at these shards again and again, as a metronome does, until this is so."""

    def ticked() -> bool:
        if true():
            return True
        engine.hint(shards)
        return threading.Event().wait(0.1)

    wait_until(ticked)


def test_hints_are_followed_and_no_shard_is_that_nobody_hinted_at(engine: Engine) -> None:
    follower = Follower()
    engine.hint([0, 3])
    with working(engine, follower.drain, concurrency=2):
        tick_until(lambda: {0, 3} <= set(follower.ended), engine, 0, 3)
        tick_until(lambda: 5 in follower.ended, engine, 5)
        before = follower.ended[0]
        tick_until(lambda: follower.ended[0] > before, engine, 0)
    assert set(follower.began) == {0, 3, 5}
    assert follower.began == follower.ended


def test_nothing_is_hinted_at_by_no_shards(engine: Engine) -> None:
    engine.hint([])
    assert engine.stats().waiting == 0


def test_hints_at_one_shard_that_wait_become_one_where_the_engine_can_see_them(engine: Engine) -> None:
    for _ in range(5):
        engine.hint([7, 8])
    assert engine.stats().waiting == (10 if isinstance(engine, CeleryEngine) else 2)
    follower = Follower()
    with working(engine, follower.drain, concurrency=2):
        wait_until(lambda: engine.stats().waiting == 0)
        tick_until(lambda: set(follower.ended) == {7, 8}, engine, 7, 8)


def test_as_many_at_once_as_were_asked_for_and_no_more(engine: Engine) -> None:
    follower = Follower(holds=True)
    with working(engine, follower.drain, concurrency=2):
        tick_until(lambda: follower.began.total() == 2, engine, 1, 2, 3)
        assert engine.stats().running in (2, None)
        engine.hint([4])
        assert follower.began.total() == 2
        follower.go_on.set()
        tick_until(lambda: set(follower.ended) == {1, 2, 3, 4}, engine, 1, 2, 3, 4)


def test_the_end_waits_for_what_runs_and_begins_nothing(engine: Engine) -> None:
    follower = Follower(holds=True)
    with working(engine, follower.drain) as ending:
        tick_until(lambda: follower.began.total() == 1, engine, 1, 2)
        ending.begin()
        assert follower.ended.total() == 0
        follower.go_on.set()
    assert follower.began.total() == follower.ended.total() == 1


def test_an_end_before_any_hint_is_an_end(engine: Engine) -> None:
    with working(engine, Follower().drain):
        pass
    assert engine.stats() in (Load(waiting=0, running=0), Load(waiting=0, running=None))


def test_to_prepare_twice_is_to_prepare_once(engine: Engine) -> None:
    engine.hint([1])
    engine.prepare()
    assert engine.stats().waiting == 1


def test_nothing_is_swept_that_is_not_stalled(engine: Engine) -> None:
    follower = Follower(holds=True)
    with working(engine, follower.drain):
        tick_until(lambda: follower.began.total() == 1, engine, 1)
        engine.hint([2])
        assert engine.sweep_stalled() == 0
        follower.go_on.set()
        tick_until(lambda: set(follower.ended) == {1, 2}, engine, 2)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_whatever_carries_the_hints_each_lesson_goes_out_once(
    engine: Engine, engine_db: Database, concurrency: int
) -> None:
    house = House(engine_db)
    house.publish(small_course(1))
    people = [f"reader-{number}@example.org" for number in range(20)]
    for email in people:
        house.join(email)
    house.courier.sent.clear()
    app = replace(Door(house).app, clock=lambda: EIGHT)
    crew = Crew(*[app] * concurrency, ending=Ending())
    assert drain.due(app) == [0]
    with working(engine, crew.drain, concurrency=concurrency):
        while drain.due(app):
            # As the ticks of several nodes do.
            engine.hint(drain.due(app))
            engine.hint(drain.due(app))
            threading.Event().wait(0.05)
    rows = [row for email in people for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]
    assert {row.state for row in rows} == {DeliveryState.SENT}
    assert sorted(parcel.recipient for parcel in house.courier.sent) == sorted(people)
