"""Does each message arrive exactly once, whatever happens to the servers between the workers?"""

import itertools
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fleet import Fleet, fleet, new_database
from kombu import Connection
from redis import Redis
from services import servers
from services.servers import Server
from sqlalchemy import create_engine, make_url, text

from sequencer.core.model import DeliveryState
from sequencer.flows import roster

MESSAGES = 400
_FAST = signal.SIGINT  # of PostgreSQL's three ways to stop
_NUMBERS = itertools.count(1)

Open = Callable[..., AbstractContextManager[Fleet]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An engine with its broker: the settings that choose it, and how all of its hints are lost."""

    settings: Mapping[str, str]
    wipe: Callable[[Fleet], object]
    broker: Server | None = None


@pytest.fixture
def opened(postgresql: tuple[Server, str], tmp_path: Path) -> Open:
    """A fleet on a database of its own, with so many messages that are due."""

    def made(way: Way, **options: object) -> AbstractContextManager[Fleet]:
        url = new_database(postgresql[1], f"fleet_{next(_NUMBERS)}")
        return fleet(tmp_path, url, messages=MESSAGES, **{"delay": 0.02, "parted": True, **way.settings, **options})  # type: ignore[arg-type]

    return made


@pytest.fixture
def by_procrastinate() -> Way:
    """Hints by PostgreSQL."""

    def wipe(them: Fleet) -> None:
        with them.db.begin() as tx:
            tx.execute(text("DELETE FROM procrastinate_jobs WHERE status = 'todo'"))

    return Way(settings={"engine": "procrastinate"}, wipe=wipe)


@pytest.fixture
def by_redis(redis: tuple[Server, str]) -> Way:
    """Hints by Redis."""
    broker, url = redis

    def wipe(_: Fleet) -> None:
        with Redis.from_url(url) as client:
            client.flushall()

    return Way(settings={"engine": "celery", "broker_url": url}, wipe=wipe, broker=broker)


@pytest.fixture
def by_rabbitmq(rabbitmq: tuple[Server, str]) -> Way:
    """Hints by RabbitMQ."""
    broker, url = rabbitmq

    def wipe(_: Fleet) -> None:
        with Connection(url) as connection:
            connection.default_channel.queue_delete("sequencer")

    return Way(settings={"engine": "celery", "broker_url": url}, wipe=wipe, broker=broker)


@pytest.fixture(params=["procrastinate", "redis", "rabbitmq"])
def way(request: pytest.FixtureRequest) -> Way:
    """Each engine with each broker in turn."""
    found: Way = request.getfixturevalue(f"by_{request.param}")
    return found


def _begin(them: Fleet, *, clocks: int = 0) -> None:
    """Two workers, and they have begun."""
    for _ in range(clocks):
        them.start("clock")
    for _ in range(2):
        them.start("worker", "--concurrency", "2")
    them.wait_for("any mail", lambda: them.arrived() > MESSAGES // 10)


def _finish(them: Fleet) -> None:
    """The rest arrives, and all processes end well."""
    them.wait_for("the rest", them.is_settled)
    for process in them.processes:
        them.end(process)
    them.assert_each_exactly_once()


def _settle(them: Fleet) -> None:
    """Nothing is under way any more.

    Leases end again and again: who finds later that a connection of theirs was cut leaves what they hold to these, too.
    """
    looks = itertools.count()

    def settled() -> bool:
        if next(looks) % 100 == 0:
            them.let_leases_end()
        return them.is_settled()

    them.wait_for("the rest", settled)
    before = -1
    while before != them.arrived():
        before = them.arrived()
        threading.Event().wait(1)


def _settle_all(them: Fleet) -> None:
    """What was written down as begun and not as done is settled by the relay's log, until nothing is in doubt."""
    _settle(them)
    while them.resolve():
        _settle(them)


def test_with_two_clocks_and_a_broker_that_is_wiped_in_between_each_message_arrives_once(
    way: Way, opened: Open
) -> None:
    with opened(way) as them:
        _begin(them, clocks=2)
        way.wipe(them)
        them.wait_for("half of it", lambda: them.arrived() > MESSAGES // 2)
        way.wipe(them)
        _finish(them)


@pytest.mark.parametrize("way", ["redis"], indirect=True)
def test_with_a_broker_that_goes_away_and_comes_back_each_message_arrives_once(way: Way, opened: Open) -> None:
    assert way.broker is not None
    with opened(way) as them:
        _begin(them)
        way.broker.stop()
        way.broker.start()
        _finish(them)


@pytest.mark.parametrize("way", ["redis", "rabbitmq"], indirect=True)
def test_while_the_broker_is_away_workers_and_clocks_end_all_the_same_and_another_engine_goes_on(
    way: Way, opened: Open
) -> None:
    assert way.broker is not None
    with opened(way) as them:
        _begin(them, clocks=1)
        them.wait_for("all on the roster", lambda: len(roster.listed(them.db)) == len(them.processes))
        way.broker.stop()
        threading.Event().wait(1)
        for process in them.processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(10) for process in them.processes] == [0, 0, 0], them.log()
        them.processes.clear()
        them.start("worker", "--engine", "in-process")
        them.wait_for("the rest", them.is_settled)
        way.broker.start()
        _finish(them)


@pytest.mark.parametrize("way", ["procrastinate", "redis"], indirect=True)
def test_with_a_postgresql_that_is_restarted_in_between_each_message_arrives_once(
    way: Way, opened: Open, postgresql: tuple[Server, str]
) -> None:
    server, _ = postgresql
    with opened(way) as them:
        _begin(them)
        them.db.close()
        # SIGINT: every connection is cut, and what was committed stays.
        server.stop(_FAST)
        server.start()
        _settle_all(them)
        _finish(them)


def test_with_connections_that_are_cut_in_the_middle_of_commits_each_message_arrives_once(
    by_procrastinate: Way, opened: Open, postgresql: tuple[Server, str]
) -> None:
    with opened(by_procrastinate) as them:
        _begin(them)
        cuts = 0
        for _ in range(20):
            cuts += _cut(them, postgresql[1])
            threading.Event().wait(0.05)
        assert cuts > 0
        _settle_all(them)
        _finish(them)


def test_behind_pgbouncer_in_transaction_mode_each_message_arrives_once(
    by_procrastinate: Way, postgresql: tuple[Server, str], tmp_path: Path
) -> None:
    url = new_database(postgresql[1], f"fleet_{next(_NUMBERS)}")
    with servers.pgbouncer(postgresql[1]) as bouncer:
        behind = f"{bouncer}/{make_url(url).database}"
        with fleet(tmp_path, behind, messages=MESSAGES, delay=0.02, **by_procrastinate.settings) as them:
            _begin(them, clocks=1)
            _finish(them)


def test_workers_whose_machines_are_ten_minutes_off_send_nothing_early_late_or_twice(
    by_procrastinate: Way, opened: Open
) -> None:
    with opened(by_procrastinate) as them:
        _let_half_be_due_in(them, minutes=5)
        ahead = them.start("worker", environ=_off(FAKETIME="+10m"))
        them.wait_for("what is due", lambda: them.states().get(DeliveryState.SENT) == MESSAGES // 2)
        # By its own clock the other half is due, too; a pass or two later it still has not gone out.
        them.wait_for("a word of it", lambda: "clock.off seconds=600" in them.log())
        threading.Event().wait(3)
        assert them.arrived() == MESSAGES // 2
        them.end(ahead)
        # By the clock of one that is behind, nobody is due for ten minutes.
        _let_half_be_due_in(them, minutes=0)
        behind = them.start("worker", environ=_off(FAKETIME="-10m"))
        them.wait_for("the rest", them.is_settled)
        assert "clock.off seconds=-600" in them.log()
        them.end(behind)
        them.assert_each_exactly_once()


def test_when_the_clock_of_a_machine_is_set_right_mail_does_not_wait_for_the_old_hour(
    by_procrastinate: Way, opened: Open, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+10m\n", encoding="ascii")
    with opened(by_procrastinate) as them:
        _let_half_be_due_in(them, minutes=5)
        worker = them.start("worker", environ=_off(FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_CACHE_DURATION="1"))
        them.wait_for("what is due", lambda: them.states().get(DeliveryState.SENT) == MESSAGES // 2)
        them.wait_for("a word of it", lambda: "clock.off seconds=600" in them.log())
        clock.write_text("+0\n", encoding="ascii")
        them.wait_for("a word of it", lambda: "clock.right" in them.log())
        _let_half_be_due_in(them, minutes=0)
        them.wait_for("the rest", them.is_settled)
        them.end(worker)
        them.assert_each_exactly_once()


def _off(**by: str) -> Mapping[str, str]:
    """What a process has in its environment, so that it takes its machine's clock to be off by so much."""
    return {"LD_PRELOAD": str(servers.FAKETIME), "DONT_FAKE_MONOTONIC": "1", **by}


def _let_half_be_due_in(them: Fleet, *, minutes: int) -> None:
    """Half of those who have not been sent anything are due so many minutes from now; or all of them at once."""
    at = "floor(extract(epoch FROM clock_timestamp())) + :seconds"
    whom = "id % 2 = 0 OR :seconds = 0"
    with them.db.begin() as tx:
        tx.execute(
            text(f"UPDATE enrolment SET next_due_at = {at} WHERE step = 0 AND ({whom})"),  # noqa: S608 (both are ours)
            {"seconds": minutes * 60},
        )


def _cut(them: Fleet, url: str) -> int:
    """Every connection of the workers is cut, whatever it is at, and its server process is over; how many that were."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :name AND state <> 'idle'"
        found = admin.execute(text(cut), {"name": make_url(them.url).database})
        cuts = len(found.all())
    engine.dispose()
    return cuts
