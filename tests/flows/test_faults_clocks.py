"""What if several send from one PostgreSQL database, and their clocks are minutes apart?"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flows.faults import QUARTER, interrupted_pass, lessons, three_readers
from house import DAY, EIGHT, House, ScriptedCourier

from benchmarks import ground
from sequencer.core.model import Accepted, Deferred, DeliveryState
from sequencer.flows import dispatch
from sequencer.store import deliveries, enrolments
from sequencer.store.database import connect

# More than one takes at once, so that there is something for the others.
PEOPLE = dispatch.BATCH + 40
DAYS = 2
TEN = timedelta(minutes=10)


@contextmanager
def _workers(house: House, url: str, count: int) -> Iterator[Sequence[House]]:
    """So many senders from the house's database, each with connections of its own; some answers are "later"."""
    made = []
    for _ in range(count):
        worker = House(connect(url, root=Path()), ScriptedCourier())
        worker.press = house.press
        worker.courier.answers = [*[Accepted(reply="250 Ok")] * 10, *[Deferred(reply="451 later")] * 5]
        made.append(worker)
    try:
        yield made
    finally:
        for worker in made:
            worker.db.close()


def _all_at_once(workers: Sequence[House], nows: Sequence[datetime]) -> None:
    start = threading.Barrier(len(workers))
    errors: list[Exception] = []

    def run(worker: House, now: datetime) -> None:
        start.wait()
        try:
            worker.tick(now)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    threads = [threading.Thread(target=run, args=one) for one in zip(workers, nows, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("clocks", [(-5, 5), (5, -5, 0, 3)], ids=["two", "four"])
def test_several_whose_clocks_are_minutes_apart_send_each_lesson_once(
    shared_house: House, postgres_url: str, clocks: tuple[int, ...]
) -> None:
    db = shared_house.db
    ground.fill(db, ground.publish(db, lessons=DAYS), people=PEOPLE, due=PEOPLE)
    with _workers(shared_house, postgres_url, len(clocks)) as workers:
        for moment in (EIGHT + day * DAY + step * TEN for day in range(DAYS) for step in (1, 2, 4, 9)):
            _all_at_once(workers, [moment + timedelta(minutes=ahead) for ahead in clocks])
        sent = Counter(parcel.ticket.delivery_id for worker in workers for parcel in worker.courier.sent)
        assert sum(bool(worker.courier.tried) for worker in workers) > 1
    with db.read() as tx:
        rows = deliveries.listed(tx, limit=2 * DAYS * PEOPLE)
        finished = enrolments.next_due(tx) is None
    assert len(rows) == DAYS * PEOPLE
    assert {(row.state, row.doubts) for row in rows} == {(DeliveryState.SENT, 0)}
    assert {1, 2} <= {row.attempt for row in rows}
    assert sent == Counter({row.id: row.attempt for row in rows})
    assert finished


@pytest.mark.parametrize("nth", [2, 3], ids=["claimed", "sending"])
def test_what_one_holds_is_not_taken_by_another_whose_clock_is_ahead_of_the_lease(
    shared_house: House, postgres_url: str, nth: int
) -> None:
    three_readers(shared_house)
    with _workers(shared_house, postgres_url, 1) as (ahead,):
        done = []
        # By its own clock every lease is over; leases are told by the database's.
        assert interrupted_pass(shared_house, nth, lambda: done.append(ahead.tick(EIGHT + 2 * QUARTER))) == ""
        assert done[0].recovered == 0
        assert ahead.courier.tried == []
    assert Counter(row.attempt for row in lessons(shared_house)) == {1: 3}
    assert {row.state for row in lessons(shared_house)} == {DeliveryState.SENT}
