"""Does the sender make way while many sign up, and does the mail go out all the same?"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx
import pytest
from door import Door, served
from house import EIGHT, PLACES, House, ScriptedCourier, small_course

from sequencer.delivery.courier import Carried, Ledger
from sequencer.engine import drain
from sequencer.engine.ending import Ending
from sequencer.flows.rush import LASTS, MANY, Rush
from sequencer.store.database import Database
from sequencer.web import asgi

PEOPLE = [f"reader-{number}@example.org" for number in range(3)]


@dataclass
class Meanwhile:
    """What happens whenever the sender waits."""

    then: Callable[[int], None] = lambda _waits: None
    waits: int = 0


class Watched(Ending):
    """An ending of which is known how often it was waited for; nobody really waits."""

    def __init__(self, meanwhile: Meanwhile) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def wait(self, seconds: float | None = None) -> bool:  # noqa: ARG002 (no time passes here)
        """Something happens."""
        self._meanwhile.waits += 1
        self._meanwhile.then(self._meanwhile.waits)
        return self.has_begun()


@pytest.fixture
def door(db: Database) -> Door:
    """A house in which three lessons are due."""
    house = House(db)
    house.publish(small_course())
    for who in PEOPLE:
        house.join(who)
    found = Door(house)
    found.now = EIGHT
    return found


def lessons(door: Door) -> int:
    return sum("Subject 1" in door.house.subjects(who) for who in PEOPLE)


def test_where_few_sign_up_nothing_waits(door: Door) -> None:
    door.app.rush.waiting = MANY - 1
    drain.drain(door.app, None, ending=Watched(meanwhile := Meanwhile()))
    assert (lessons(door), meanwhile.waits) == (3, 0)


def test_the_sender_goes_on_as_soon_as_the_rush_is_over(door: Door) -> None:
    door.app.rush.waiting = MANY

    def over(waits: int) -> None:
        assert lessons(door) == 0
        door.app.rush.waiting = 0 if waits == 2 else MANY

    drain.drain(door.app, None, ending=Watched(meanwhile := Meanwhile(then=over)))
    assert (lessons(door), meanwhile.waits) == (3, 2)


def test_a_rush_without_end_starves_nobody(door: Door) -> None:
    door.app.rush.waiting = 1000
    drain.drain(door.app, None, ending=Watched(meanwhile := Meanwhile()))
    assert lessons(door) == 3
    assert meanwhile.waits > 0


@dataclass
class Counting(ScriptedCourier):
    """Carries, and knows how many it was given at once."""

    batches: list[int] = field(default_factory=list)

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more."""
        while batch := ledger.next_batch(PLACES):
            self.batches.append(len(batch))
            for parcel in batch:
                self._send(parcel, ledger)
        return Carried(tried=sum(self.batches))


@pytest.mark.parametrize(("waiting", "batches"), [(MANY - 1, [33]), (MANY, [20, 13])])
def test_while_many_sign_up_few_are_claimed_at_once(door: Door, waiting: int, batches: list[int]) -> None:
    for number in range(30):
        door.house.join(f"more-{number}@example.org")
    counting = Counting()
    door.app.rush.waiting = waiting
    drain.drain(replace(door.app, courier=counting), None, ending=Watched(Meanwhile()))
    assert counting.batches == batches


def test_an_ending_is_not_kept_waiting_by_a_rush(door: Door) -> None:
    door.app.rush.waiting = 1000
    ending = Watched(meanwhile := Meanwhile())
    meanwhile.then = lambda _waits: ending.begin()
    drain.drain(door.app, None, ending=ending)
    assert (lessons(door), meanwhile.waits) == (0, 1)


def test_who_hangs_up_or_hears_an_error_waits_no_longer() -> None:
    rush = Rush()
    with rush:
        with suppress(ConnectionError), rush:
            assert rush.waiting == 2
            raise ConnectionError
        assert rush.waiting == 1
    assert rush.waiting == 0


def test_a_rush_lasts_for_a_moment_after_its_answers() -> None:
    rush = Rush()
    with ExitStack() as crowd:
        for _ in range(MANY - 1):
            crowd.enter_context(rush)
        assert not rush.is_on
        crowd.enter_context(rush)
        assert rush.is_on
    assert (rush.waiting, rush.is_on) == (0, True)
    rush.until -= LASTS
    assert not rush.is_on


def test_everybody_who_signs_up_is_counted_while_they_wait_and_no_longer(door: Door) -> None:
    seen: list[int] = []
    clock = door.app.clock

    def looking() -> datetime:
        seen.append(door.app.rush.waiting)
        return clock()

    site = asgi.build(replace(door.app, clock=looking))
    with served(site) as url:
        assert httpx.post(f"{url}/f/newsletter", data={"email": "new@example.org"}, timeout=30).status_code == 200
    assert max(seen) == 1
    assert door.app.rush.waiting == 0
