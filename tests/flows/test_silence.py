"""What becomes of an address that is to get no more mail: by a relay's report, a bounce, or an admin's word?"""

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from house import DAY, EIGHT, NOW, House, Meddler, an_address, small_course
from sqlalchemy import select

from sequencer.core.hooks import Happening
from sequencer.core.model import (
    REPORTED,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    SubscriberState,
    SuppressionReason,
)
from sequencer.flows import hooks, moving, silence
from sequencer.flows.hooks import Wish
from sequencer.store import subscribers
from sequencer.store.subscribers import Suppression
from sequencer.store.tables import event, metadata, subscriber

EMAIL, NEW = "reader@example.org", "new@example.com"
COMPLAINT = SuppressionReason.COMPLAINT


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


def complain(house: House, email: str = EMAIL, now: datetime = EIGHT) -> tuple[Suppression, bool]:
    """A relay reports that mail to this address was called spam."""
    return silence.suppress(house.db, an_address(email), COMPLAINT, detail="abuse", now=now)


def listed(house: House, email: str = EMAIL) -> Suppression | None:
    """What stands on the list of an address."""
    with house.db.read() as tx:
        return subscribers.suppression_of(tx, an_address(email))


def everything(house: House) -> list[object]:
    """All rows of all tables."""
    with house.db.read() as tx:
        return [tx.execute(select(table)).all() for table in metadata.sorted_tables]


def told(house: House) -> list[str]:
    """The names of the events that were written down for hooks."""
    with house.db.read() as tx:
        return list(tx.execute(select(event.c.name).order_by(event.c.id)).scalars())


def at_once(*acts: Callable[[], object]) -> None:
    """All of these at the same moment."""
    start, failed = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except Exception as error:  # noqa: BLE001 (told below)
            failed.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize("reason", REPORTED)
def test_whoever_is_suppressed_gets_nothing_more_and_their_course_stops(
    open_house: House, reason: SuppressionReason
) -> None:
    open_house.join(EMAIL)
    found, is_new = silence.suppress(open_house.db, an_address(EMAIL), reason, detail="said so", now=NOW)
    assert (found.reason, found.detail, found.created_at, is_new) == (reason, "said so", NOW, True)
    assert open_house.person(EMAIL).state is SubscriberState.SUPPRESSED
    place = open_house.place(EMAIL)
    assert (place.state, place.next_due_at) == (EnrolmentState.STOPPED, None)
    sent = len(open_house.courier.sent)
    for day in range(5):
        open_house.sign_up(EMAIL, EIGHT + day * DAY)
        open_house.tick(EIGHT + day * DAY)
    assert len(open_house.courier.sent) == sent


@pytest.mark.parametrize("reason", REPORTED)
def test_a_confirmation_that_waits_is_withheld_and_its_row_says_why(
    open_house: House, reason: SuppressionReason
) -> None:
    open_house.sign_up(EMAIL)
    silence.suppress(open_house.db, an_address(EMAIL), reason, now=NOW)
    open_house.tick(NOW)
    assert open_house.courier.sent == []
    (row,) = open_house.ledger(EMAIL)
    assert (row.state, row.due_at) == (DeliveryState.SKIPPED, None)
    assert row.reply.endswith(("suppression list.", "is dead.", "as spam."))


def test_what_is_claimed_for_somebody_who_complained_is_never_sent(open_house: House) -> None:
    open_house.join(EMAIL)
    courier = Meddler(before_intent=lambda: complain(open_house))
    meddled = House(open_house.db, courier)
    assert meddled.tick(EIGHT).accepted == 0
    assert len(courier.tried) == 1
    for day in range(5):
        assert open_house.tick(EIGHT + day * DAY).accepted == 0
    assert courier.sent == []
    assert open_house.states(EMAIL)[-1] is DeliveryState.SKIPPED


def test_twice_is_once_and_the_first_reason_stays(open_house: House) -> None:
    hooks.add(open_house.db, Wish(name="crm", url="https://crm.example/", events=tuple(Happening)), now=NOW)
    open_house.join(EMAIL)
    first, _ = complain(open_house)
    before = everything(open_house)
    assert complain(open_house, now=EIGHT + DAY) == (first, False)
    assert silence.suppress(open_house.db, an_address(EMAIL), SuppressionReason.BOUNCE, now=EIGHT) == (first, False)
    assert everything(open_house) == before
    assert told(open_house).count("subscriber.complained") == 1
    assert "subscriber.bounced" not in told(open_house)


def test_told_twice_at_once_is_told_once(open_house: House) -> None:
    hooks.add(open_house.db, Wish(name="crm", url="https://crm.example/", events=(Happening.COMPLAINED,)), now=NOW)
    open_house.join(EMAIL)
    at_once(*[lambda: complain(open_house)] * 3, *[lambda: complain(open_house, NEW)] * 3)
    assert told(open_house) == ["subscriber.complained"]
    assert listed(open_house, NEW) is not None


def test_an_address_that_nobody_has_is_suppressed_and_nobody_is_made_of_it(open_house: House) -> None:
    found, is_new = complain(open_house)
    assert (found.normalized, is_new) == (EMAIL, True)
    with open_house.db.read() as tx:
        assert tx.execute(select(subscriber)).all() == []
    open_house.sign_up(EMAIL)
    open_house.tick(NOW)
    assert open_house.courier.sent == []


def test_who_signs_up_at_the_moment_of_a_report_gets_no_mail(open_house: House) -> None:
    emails = [f"reader-{number}@example.org" for number in range(5)]
    for email in emails:
        at_once(lambda one=email: open_house.sign_up(one), lambda one=email: complain(open_house, one))  # type: ignore[misc]
    open_house.tick(NOW)
    assert open_house.courier.sent == []
    assert all(listed(open_house, email) is not None for email in emails)


def test_whoever_typed_a_suppressed_address_is_suppressed_for_its_first_reason(open_house: House) -> None:
    complain(open_house)
    open_house.sign_up(EMAIL)
    assert open_house.person(EMAIL).state is SubscriberState.PENDING
    found, is_new = silence.suppress(open_house.db, an_address(EMAIL), SuppressionReason.MANUAL, now=EIGHT)
    assert (found.reason, is_new) == (COMPLAINT, False)
    assert open_house.person(EMAIL).state is SubscriberState.SUPPRESSED


def test_a_mail_to_a_new_address_is_withheld_when_that_address_is_suppressed_meanwhile(open_house: House) -> None:
    open_house.join(EMAIL)
    sent = len(open_house.courier.sent)
    moving.ask(open_house.db, open_house.person(EMAIL).id, an_address(NEW), ip="192.0.2.1", now=NOW)
    complain(open_house, NEW, NOW)
    open_house.tick(NOW)
    assert len(open_house.courier.sent) == sent
    (row,) = [one for one in open_house.ledger(EMAIL) if one.kind is DeliveryKind.MOVE]
    assert row.state is DeliveryState.SKIPPED
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE
