"""Do a relay's rate and its day's quota hold over all workers, whichever of them dies?"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from house import DAY, EIGHT, SCRIPT
from sqlalchemy import text

from sequencer.core import rates
from sequencer.core.model import DeliveryId, Ticket
from sequencer.core.rates import SECOND
from sequencer.flows.ration import Ration
from sequencer.relays import Ramp, Relay
from sequencer.store import rates as buckets
from sequencer.store import relays
from sequencer.store.database import Database

HOUR = timedelta(hours=1)
# Slow, so that the moments that a test takes are nothing beside the time until the next turn.
HOURLY = rates.rate(1, 3600)


def lease(db: Database, name: str = "one", wanted: int = 100) -> tuple[int, int]:
    """How many turns of one an hour there are, and in how many seconds the first comes."""
    with db.begin() as tx:
        found = buckets.lease(tx, name, HOURLY, wanted=wanted)
    return found.count, round((found.first - found.now) / SECOND)


def pass_time(db: Database, seconds: float) -> None:
    """What is held lies so much earlier, as if that time had passed."""
    with db.begin() as tx:
        tx.execute(text("UPDATE rate_bucket SET tat = tat - :passed"), {"passed": int(seconds * SECOND)})


def used(db: Database, name: str = "one") -> int:
    with db.read() as tx:
        return relays.used(tx, name, now=EIGHT)


def tickets(first: int, count: int) -> list[Ticket]:
    return [Ticket(delivery_id=DeliveryId(number), attempt=1) for number in range(first, first + count)]


def test_whoever_leases_first_has_the_turn_and_the_next_one_comes_an_interval_later(db: Database) -> None:
    assert lease(db) == (1, 0)
    assert lease(db) == (0, 3600)
    pass_time(db, 3590)
    assert lease(db) == (1, 10)
    assert lease(db, "two") == (1, 0)
    with db.read() as tx:
        held = buckets.held(tx)
    assert {name: round(left / SECOND) for name, left in held.items()} == {"one": 3610, "two": 3600}


def test_a_clock_that_is_set_back_stops_a_relay_for_a_minute_and_an_interval_and_no_longer(db: Database) -> None:
    assert lease(db) == (1, 0)
    pass_time(db, -(10**6))
    assert lease(db) == (0, 3660)
    pass_time(db, 3600)
    assert lease(db) == (1, 60)


def test_a_turn_that_was_not_needed_is_there_for_others_unless_somebody_has_the_one_behind_it(db: Database) -> None:
    with db.begin() as tx:
        first = buckets.lease(tx, "one", HOURLY, wanted=1)
        buckets.give_back(tx, "one", HOURLY, end=first.tat, unused=1)
    assert lease(db) == (1, 0)
    pass_time(db, 3600)
    assert lease(db) == (1, 0)
    with db.begin() as tx:
        buckets.give_back(tx, "one", HOURLY, end=first.tat + 1, unused=1)
    assert lease(db) == (0, 3600)


def test_of_many_who_lease_at_once_no_two_have_the_same_turn(db: Database) -> None:
    fast, found, errors = rates.rate(20), [], []
    start = threading.Barrier(4)

    def take() -> None:
        try:
            start.wait()
            for _ in range(5):
                with db.begin() as tx:
                    found.append(buckets.lease(tx, "one", fast, wanted=3))
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    _together([take] * 4)
    assert errors == []
    turns = sorted(one.first + number * fast.interval for one in found for number in range(one.count))
    assert len(turns) >= 15
    assert all(later - sooner >= fast.interval for sooner, later in pairwise(turns))


def test_a_restart_does_not_begin_a_rate_anew(db: Database) -> None:
    relay = replace(SCRIPT, rate=1 / 3600)
    first = Ration(db, now=EIGHT).lease(relay, 100, 0)
    assert (first.most, first.count, round(first.wait), first.interval) == (100, 1, 0, 3600.0)
    again = Ration(db, now=EIGHT).lease(relay, 100, 0)
    assert (again.most, again.count, round(again.wait)) == (100, 0, 3600)


def test_what_a_pass_leased_and_did_not_need_is_given_back_at_its_end(db: Database) -> None:
    relay, ration = replace(SCRIPT, rate=1 / 3600), Ration(db, now=EIGHT)
    assert ration.lease(relay, 5, 0).count == 1
    # Nothing more for who holds enough.
    assert ration.lease(relay, 5, 5).count == 0
    ration.give_back({relay.name: 1})
    assert Ration(db, now=EIGHT).lease(relay, 1, 0).count == 1


def test_messages_of_a_quota_are_reserved_before_they_are_claimed_and_only_what_was_taken_counts(db: Database) -> None:
    relay, ration = replace(SCRIPT, key="one", daily_quota=30), Ration(db, now=EIGHT)
    assert ration.lease(relay, 20, 0).most == 10
    assert used(db) == 10
    some = tickets(1, 10)
    for ticket in some:
        ration.spend(ticket, relay)
    assert ration.lease(relay, 5, 0).most == 5
    ration.taken(some[:4])
    ration.not_taken(some[4:])
    # Six came back, and five were there.
    assert ration.lease(relay, 11, 0).most == 11
    assert used(db) == 15
    ration.give_back({relay.name: 0})
    assert used(db) == 4
    # What was settled once is not counted once more.
    ration.not_taken(some)
    ration.give_back({relay.name: 0})
    assert used(db) == 4


def test_a_worker_that_dies_takes_what_it_reserved_with_it_and_no_more_is_sent_than_allowed(db: Database) -> None:
    relay = replace(SCRIPT, key="one", daily_quota=12)
    assert Ration(db, now=EIGHT).lease(relay, 400, 0).most == 10
    ration = Ration(db, now=EIGHT)
    assert [ration.lease(relay, 400, 0).most for _ in range(2)] == [2, 2]
    assert Ration(db, now=EIGHT + DAY).lease(relay, 400, 0).most == 0
    assert Ration(db, now=EIGHT + DAY + HOUR).lease(relay, 400, 0).most == 10


def _send(db: Database, relay: Relay, sent: list[int]) -> Callable[[], None]:
    def work() -> None:
        for _ in range(4):
            ration, number = Ration(db, now=EIGHT), 0
            while most := min(ration.lease(relay, 7, 0).most, 7):
                some = tickets(number, most)
                for ticket in some:
                    ration.spend(ticket, relay)
                number += most
                # Every third one is put off by the relay.
                ration.taken(one for one in some if one.delivery_id % 3)
                sent.extend(one.delivery_id for one in some if one.delivery_id % 3)
                ration.not_taken(some)
            ration.give_back({relay.name: 0})

    return work


def _together(works: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    "relay",
    [
        replace(SCRIPT, daily_quota=100),
        replace(SCRIPT, daily_quota=500, warm_up=Ramp(since=EIGHT.date() - 2 * DAY, first=25, growth=2.0)),
    ],
    ids=["quota", "warm-up"],
)
def test_workers_at_once_never_send_more_than_the_day_allows_and_send_all_of_it(db: Database, relay: Relay) -> None:
    sent: list[int] = []
    _together([_send(db, relay, sent)] * 3)
    assert len(sent) == used(db, relay.name) == 100


def test_a_relay_without_limits_costs_nothing(db: Database) -> None:
    ration = Ration(db, now=EIGHT)
    assert ration.lease(SCRIPT, 400, 0).most == 400
    ration.spend(tickets(1, 1)[0], SCRIPT)
    ration.not_taken(tickets(1, 1))
    ration.give_back({})
    with db.read() as tx:
        assert (
            tx.execute(text("SELECT (SELECT count(*) FROM rate_bucket) + (SELECT count(*) FROM relay_use)")).scalar()
            == 0
        )
