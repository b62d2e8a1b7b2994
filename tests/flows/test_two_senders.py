"""What if two do the same at once, or somebody acts while a lesson is being claimed?"""

import threading
from collections import Counter
from zoneinfo import ZoneInfo

from house import DAY, EIGHT, NOW, House, ScriptedCourier, small_course
from sqlalchemy import text

from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import DeliveryKind, DeliveryState, EnrolmentState, LessonId, Ticket
from sequencer.flows import leaving
from sequencer.store import courses, deliveries, hot
from sequencer.store.database import Database
from sequencer.store.hot import Settlement

PARTITIONED = True
PEOPLE = 30
EMAIL = "reader@example.org"


def _together(*houses: House, day: int) -> None:
    """Each house makes one pass, in a thread of its own, at the same moment."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(houses))

    def run(house: House) -> None:
        start.wait()
        try:
            house.tick(EIGHT + day * DAY)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(house,)) for house in houses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_two_who_send_at_once_send_each_lesson_once(house: House) -> None:
    house.publish(small_course(3))
    emails = [f"reader-{number}@example.org" for number in range(PEOPLE)]
    for email in emails:
        house.sign_up(email)
    house.tick(NOW)
    for email in emails:
        house.confirm(email)
    one, two = House(house.db, ScriptedCourier()), House(house.db, ScriptedCourier())
    for day in range(3):
        _together(one, two, day=day)
        # Whatever a loser of a race left for the next pass.
        one.tick(EIGHT + day * DAY)
    arrived = Counter(parcel.ticket.delivery_id for parcel in one.courier.sent + two.courier.sent)
    rows = [row for email in emails for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]
    assert len(rows) == 3 * PEOPLE
    assert {row.state for row in rows} == {DeliveryState.SENT}
    assert arrived == Counter(row.id for row in rows)


def test_confirmations_are_sent_once_by_two_at_once(house: House) -> None:
    house.publish(small_course(1))
    for number in range(PEOPLE):
        house.sign_up(f"reader-{number}@example.org", EIGHT)
    one, two = House(house.db, ScriptedCourier()), House(house.db, ScriptedCourier())
    _together(one, two, day=0)
    assert sorted(Counter(parcel.recipient for parcel in one.courier.sent + two.courier.sent).values()) == [1] * PEOPLE


def _waits(db: Database, other: threading.Thread) -> None:
    """Come back when `other` waits for a lock, or has had the time to come to one."""
    for _ in range(50):
        threading.Event().wait(0.01)
        if not other.is_alive():
            return
        if not db.is_sqlite:
            with db.read() as tx:
                if tx.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                    return


def test_whoever_leaves_while_their_lesson_is_being_claimed_gets_nothing(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    who = house.person(EMAIL).id
    going = threading.Thread(target=leaving.leave_person, args=(house.db, who), kwargs={"now": EIGHT})
    with house.db.begin() as tx:
        due = hot.claim_due(tx, now=EIGHT, limit=10)
        revision = courses.current(tx, "small")
        assert revision is not None
        going.start()
        _waits(house.db, going)
        # With a lock on the person's key this would wait for who leaves, who waits for us.
        claims = hot.make_claims(tx, [(due[0], LessonId(revision.lesson_ids[0]), revision.id)], now=EIGHT)
    going.join()
    with house.db.begin() as tx:
        assert hot.intend(tx, [Ticket(delivery_id=claims[0].id, attempt=1)]) == frozenset()
    assert house.place(EMAIL).state is EnrolmentState.STOPPED
    assert house.place(EMAIL).next_due_at is None


def test_whoever_leaves_while_their_lesson_is_claimed_as_begun_has_left_behind_it(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    who = house.person(EMAIL).id
    going = threading.Thread(target=leaving.leave_person, args=(house.db, who), kwargs={"now": EIGHT})
    with house.db.begin() as tx:
        (due,) = hot.claim_due(tx, now=EIGHT, limit=10)
        revision = courses.current(tx, "small")
        assert revision is not None
        going.start()
        _waits(house.db, going)
        # They wait for their place, which we hold: so nobody need be asked once more whether they are still here.
        order = (due, LessonId(revision.lesson_ids[0]), revision.id)
        (claim,) = hot.make_claims(tx, [order], now=EIGHT, begun=True)
    going.join()
    with house.db.begin() as tx:
        taken = Settlement(ticket=claim.ticket, event=DeliveryEvent.ACCEPT, reply="250 Ok", relay="")
        assert hot.settle(tx, [taken], now=EIGHT) == {claim.id}
    rows = [row.state for row in house.ledger(EMAIL) if row.kind is DeliveryKind.LESSON]
    assert rows == [DeliveryState.SENT]
    assert house.place(EMAIL).state is EnrolmentState.STOPPED
    house.tick(EIGHT + DAY)
    assert [row.state for row in house.ledger(EMAIL) if row.kind is DeliveryKind.LESSON] == rows


def test_many_may_leave_while_lessons_go_out(house: House) -> None:
    house.publish(small_course(2))
    emails = [f"reader-{number}@example.org" for number in range(PEOPLE)]
    for email in emails:
        house.join(email)
    people = {email: house.person(email).id for email in emails}
    errors: list[BaseException] = []
    start = threading.Barrier(2)

    def leave_all() -> None:
        start.wait()
        try:
            for who in people.values():
                leaving.leave_person(house.db, who, now=EIGHT)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    going = threading.Thread(target=leave_all)
    going.start()
    start.wait()
    house.tick(EIGHT)
    going.join()
    assert errors == []
    before = len(house.courier.sent)
    house.tick(EIGHT + DAY)
    assert len(house.courier.sent) == before
    assert {house.place(email).state for email in emails} == {EnrolmentState.STOPPED}


def test_whoever_moves_while_their_lesson_is_being_claimed_does_not_get_the_next_one_before_it(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT)
    tokyo = ZoneInfo("Asia/Tokyo")
    moving = threading.Thread(target=house.prefer, args=(EMAIL, EIGHT + DAY), kwargs={"zone": tokyo})
    with house.db.begin() as tx:
        (due,) = hot.claim_due(tx, now=EIGHT + DAY, limit=10)
        revision = courses.current(tx, "small")
        assert revision is not None
        moving.start()
        _waits(house.db, moving)
        hot.make_claims(tx, [(due, LessonId(revision.lesson_ids[1]), revision.id)], now=EIGHT + DAY)
    moving.join()
    assert house.place(EMAIL).next_due_at is None
    with house.db.read() as tx:
        assert deliveries.next_due(tx) is None
