"""Does the metronome look again and again, whatever a pass does, and does it stop when the pass that runs has ended?"""

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from door import Door, wait_until
from house import NOW, House, small_course
from receiver import Answer, Receiver

from sequencer import worker
from sequencer.core.hooks import Happening
from sequencer.core.model import DeliveryKind
from sequencer.delivery.courier import Carried, Ledger
from sequencer.delivery.hooks import Caller
from sequencer.errors import BadContent, BadDatabase, SequencerError
from sequencer.flows import hooks
from sequencer.flows.hooks import Wish
from sequencer.store.database import Database
from sequencer.worker import Beat, Metronome, all_in_one

EMAIL = "reader@example.org"


async def true_soon(true: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, true)


@dataclass(slots=True)
class Passes:
    """A clock that counts how often a pass asked it, and raises what it is told to."""

    troubles: list[Exception] = field(default_factory=list)
    asked: int = 0

    def __call__(self) -> datetime:
        self.asked += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return NOW


@dataclass(slots=True)
class SlowCourier:
    """Takes what there is, and waits in the middle until it is let go."""

    began: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def carry(self, _ledger: Ledger) -> Carried:
        """Wait, then be done."""
        self.began.set()
        assert self.go_on.wait(20)
        self.ended = True
        return Carried(tried=0)


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the metronome has told the log."""
    return [one for one in caplog.records if one.name == "sequencer.worker"]


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The same as words, with the reasons."""
    return [(one.getMessage(), one.__dict__.get("reason", "")) for one in told(caplog)]


def test_it_looks_until_it_is_stopped_and_not_after(sqlite_db: Database) -> None:
    clock, other_clock = Passes(), Passes()
    app = Door(House(sqlite_db)).app
    metronome, another = (all_in_one(replace(app, clock=one), every=0.01) for one in (clock, other_clock))

    async def story() -> int:
        metronome.start()
        await true_soon(lambda: clock.asked >= 3)
        await metronome.stop()
        at_the_end = clock.asked
        # Another one goes on beside it: time passes, and the loop runs.
        another.start()
        await true_soon(lambda: other_clock.asked >= 10)
        await another.stop()
        return at_the_end

    assert asyncio.run(story()) == clock.asked


def test_when_the_machine_s_clock_is_set_back_nothing_waits_for_the_old_hour(sqlite_db: Database) -> None:
    # What is to come in an hour though it comes every ten seconds was planned by a clock that was ahead.
    called: list[str] = []
    late, far = (
        Beat(what=what, every=every, call=lambda _, what=what: called.append(what), first=3600)  # type: ignore[misc]
        for what, every in (("late", 10.0), ("far", 7200.0))
    )
    began, looks = datetime.now(UTC), itertools.count()

    def wall() -> datetime:
        return began - next(looks) * timedelta(minutes=10)

    metronome = Metronome(Door(House(sqlite_db)).app, late, far, wall=wall)

    async def story() -> None:
        metronome.start()
        await true_soon(lambda: bool(called))
        await metronome.stop()

    asyncio.run(story())
    assert called == ["late"]


@pytest.mark.parametrize("trouble", [BadContent("small/01.md: broken."), RuntimeError("a bug"), OSError("no disk")])
def test_a_pass_that_raises_is_logged_and_the_next_one_comes(
    sqlite_db: Database, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Passes(troubles=[trouble])
    metronome = all_in_one(replace(Door(House(sqlite_db)).app, clock=clock), every=0.01)

    async def story() -> None:
        metronome.start()
        await true_soon(lambda: clock.asked >= 3)
        await metronome.stop()

    with caplog.at_level(logging.WARNING, logger="sequencer.worker"):
        asyncio.run(story())
    assert said(caplog) == [("tick.failed", str(trouble)), ("tick.recovered", "")]
    # A bug of ours comes with its traceback, and what the operator can mend in one sentence.
    assert (told(caplog)[0].exc_info is None) is isinstance(trouble, SequencerError)


def test_trouble_that_lasts_is_told_once_and_its_end_too(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    locked, full = "process 17 holds it since 0x7f3a", "there is no room"
    first = [*[BadDatabase(locked), BadDatabase(full)] * 5, RuntimeError(locked), BadDatabase(locked.replace("7", "8"))]
    clock = Passes(troubles=[*first])
    metronome = all_in_one(replace(Door(House(db)).app, clock=clock), every=0.01)

    async def story() -> None:
        metronome.start()
        await true_soon(lambda: clock.asked >= len(first) + 2)
        clock.troubles += [BadDatabase(locked)]
        await true_soon(lambda: len(said(caplog)) == 6)
        await metronome.stop()

    with caplog.at_level(logging.WARNING, logger="sequencer.worker"):
        asyncio.run(story())
    assert said(caplog) == [
        ("tick.failed", locked),
        ("tick.failed", full),
        ("tick.failed", locked),
        ("tick.recovered", ""),
        ("tick.failed", locked),
        ("tick.recovered", ""),
    ]
    assert [one.__dict__["failed"] for one in told(caplog) if one.getMessage() == "tick.recovered"] == [len(first), 1]


def test_stopping_waits_for_the_pass_that_runs(sqlite_db: Database) -> None:
    courier = SlowCourier()
    house = House(sqlite_db)
    house.publish(small_course())
    house.sign_up(EMAIL)
    metronome = all_in_one(replace(Door(house).app, courier=courier), every=0.01)

    async def story() -> bool:
        metronome.start()
        await true_soon(courier.began.is_set)
        stopping = asyncio.create_task(metronome.stop())
        early, _ = await asyncio.wait({stopping}, timeout=0.05)
        courier.go_on.set()
        await stopping
        return bool(early)

    assert asyncio.run(story()) is False
    assert courier.ended


def test_one_pass_at_a_time_however_long_it_takes(sqlite_db: Database) -> None:
    courier, clock, other_clock = SlowCourier(), Passes(), Passes()
    house = House(sqlite_db)
    house.publish(small_course())
    house.sign_up(EMAIL)
    app = Door(house).app
    metronome = all_in_one(replace(app, courier=courier, clock=clock), every=0.01)
    another = all_in_one(replace(app, clock=other_clock), every=0.01)

    async def story() -> int:
        metronome.start()
        await true_soon(courier.began.is_set)
        another.start()
        await true_soon(lambda: other_clock.asked >= 10)
        asked = clock.asked
        courier.go_on.set()
        await another.stop()
        await metronome.stop()
        return asked

    assert asyncio.run(story()) == 1


def test_beside_the_door_it_runs_for_as_long_as_the_door_is_open(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    house.sign_up(EMAIL)
    app = Door(house).app

    async def story() -> None:
        here = worker.this_process("serve")
        async with worker.beside(app, here, lambda beat: all_in_one(app, beat, every=0.01))(None):
            await true_soon(lambda: len(house.courier.sent) == 1)

    asyncio.run(story())
    house.sign_up("other@example.org")
    assert len(house.courier.sent) == 1


@pytest.mark.parametrize("trouble", [BadDatabase("The database is locked."), RuntimeError("a bug")])
def test_beside_the_passes_it_tidies_up_whatever_an_upkeep_does(
    db: Database, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(db)
    house.publish(small_course())
    house.sign_up(EMAIL, NOW - timedelta(days=3))
    house.tick(NOW - timedelta(days=3))
    clock = Passes(troubles=[trouble])
    # No pass comes in its time.
    metronome = all_in_one(replace(Door(house).app, clock=clock), every=3600, tidy=0.05)

    async def story() -> int:
        metronome.start()
        await true_soon(lambda: len(house.ledger(EMAIL)) == 2)
        await metronome.stop()
        return clock.asked

    with caplog.at_level(logging.WARNING, logger="sequencer.worker"):
        at_the_end = asyncio.run(story())
    assert said(caplog) == [("upkeep.failed", str(trouble)), ("upkeep.recovered", "")]
    assert (told(caplog)[0].exc_info is None) is isinstance(trouble, SequencerError)
    assert [row.kind for row in house.ledger(EMAIL)] == [DeliveryKind.CONFIRMATION, DeliveryKind.REMINDER]
    assert clock.asked == at_the_end


def test_beside_the_mail_other_programs_are_told_and_a_receiver_that_hangs_delays_no_stop(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    with Receiver() as crm, Receiver(answers=[Answer(hangs=True)]) as slow:
        for name, url in (("crm", crm.url), ("slow", slow.url)):
            wish = Wish(name=name, url=url, events=[Happening.SUBSCRIBED], insecure=True)
            hooks.add(house.db, wish, now=NOW)
        house.sign_up(EMAIL)
        metronome = all_in_one(Door(house).app, every=0.01)

        async def story() -> None:
            metronome.start()
            await true_soon(crm.began.is_set)
            await true_soon(slow.began.is_set)
            await metronome.stop()

        asyncio.run(story())
    assert [one.said["type"] for one in crm.got] == ["subscriber.subscribed"]
    (waiting,) = hooks.told(house.db, "slow", limit=5)
    assert (waiting.attempt, waiting.under_way) == (0, False)


def test_a_bug_that_keeps_programs_from_being_told_is_told_once(
    sqlite_db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    hooks.add(house.db, Wish(name="crm", url="https://crm.example/", events=[Happening.SUBSCRIBED]), now=NOW)
    house.sign_up(EMAIL)
    app = replace(Door(house).app, caller=_Broken())
    metronome = all_in_one(app, every=0.01)

    async def story() -> None:
        metronome.start()
        await true_soon(lambda: ("hooks.recovered", "") in said(caplog))
        await metronome.stop()

    with caplog.at_level(logging.WARNING, logger="sequencer.worker"):
        asyncio.run(story())
    assert said(caplog) == [("hooks.failed", "This is broken."), ("hooks.recovered", "")]


class _Broken(Caller):
    """Cannot post."""

    def post(self, *_: object, **__: object) -> None:
        """Fail."""
        raise RuntimeError("This is broken.")
