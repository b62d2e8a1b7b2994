"""Does each row of the ledger have one owner at a time, and is an owner of yesterday refused?"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from house import EIGHT, NOW, an_address, small_course
from sqlalchemy import event as hooks
from sqlalchemy import select, text

from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import (
    ConsentId,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    SubscriberId,
    SubscriberState,
    Ticket,
)
from sequencer.store import asking, courses, deliveries, enrolments, hot, subscribers
from sequencer.store.database import Database, Transaction, clock
from sequencer.store.hot import Plan, Settlement
from sequencer.store.tables import delivery, enrolment, subscriber

PARTITIONED = True
PEOPLE = 60
EVENTS = (DeliveryEvent.ACCEPT, DeliveryEvent.DEFER, DeliveryEvent.REJECT, DeliveryEvent.LOSE)
S = DeliveryState


def _people(db: Database, count: int) -> list[SubscriberId]:
    """Active people whose first lesson is due at eight."""
    with db.begin() as tx:
        courses.publish(tx, small_course(), now=NOW)
        course = courses.current(tx, "small")
        assert course is not None
        who = []
        for number in range(count):
            person = subscribers.ensure(tx, an_address(f"p{number}@example.org"), name="", timezone="UTC", now=NOW)
            who.append(person.id)
            enrolments.start(tx, person.id, course.course_id, due_at=EIGHT, now=NOW)
        tx.execute(subscriber.update().values(state=SubscriberState.ACTIVE))
    return who


def _queue(db: Database, people: Sequence[SubscriberId]) -> None:
    with db.begin() as tx:
        for number, who in enumerate(people, 1):
            asking.queue(tx, DeliveryKind.CONFIRMATION, [(ConsentId(number), who)], now=NOW)


def _claimed(db: Database) -> Ticket:
    """One claimed row of one person."""
    _queue(db, _people(db, 1))
    with db.begin() as tx:
        (which,) = deliveries.claim_waiting(tx, now=EIGHT, limit=1)
    return Ticket(delivery_id=which, attempt=1)


def _row(db: Database, which: DeliveryId) -> Delivery:
    with db.read() as tx:
        row = deliveries.get(tx, which)
    assert row is not None
    return row


def _intend(db: Database, *tickets: Ticket) -> frozenset[DeliveryId]:
    with db.begin() as tx:
        return hot.intend(tx, tickets)


def _settle(db: Database, ticket: Ticket, event: DeliveryEvent) -> frozenset[DeliveryId]:
    again = EIGHT if event is DeliveryEvent.DEFER else None
    settlement = Settlement(ticket=ticket, event=event, reply="said", relay="relay", due_at=again)
    with db.begin() as tx:
        return hot.settle(tx, [settlement], now=EIGHT)


def _let_leases_end(db: Database) -> None:
    with db.begin() as tx:
        tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"))


def _put(db: Database, ticket: Ticket, state: DeliveryState) -> None:
    with db.begin() as tx:
        tx.execute(delivery.update().where(delivery.c.id == ticket.delivery_id).values(state=state))


def test_a_claim_may_be_sent_once(db: Database) -> None:
    ticket = _claimed(db)
    assert _intend(db, ticket) == {ticket.delivery_id}
    assert _intend(db, ticket) == frozenset()


def test_an_attempt_of_yesterday_may_not_be_sent(db: Database) -> None:
    ticket = _claimed(db)
    before = _row(db, ticket.delivery_id)
    assert _intend(db, Ticket(delivery_id=ticket.delivery_id, attempt=0)) == frozenset()
    assert _intend(db, Ticket(delivery_id=ticket.delivery_id, attempt=2)) == frozenset()
    assert _row(db, ticket.delivery_id) == before


def test_a_claim_whose_lease_ran_out_may_not_be_sent(db: Database) -> None:
    ticket = _claimed(db)
    _let_leases_end(db)
    assert _intend(db, ticket) == frozenset()
    assert _row(db, ticket.delivery_id).state is DeliveryState.CLAIMED


def test_of_many_claims_only_those_that_still_hold_may_be_sent(db: Database) -> None:
    _queue(db, _people(db, 3))
    with db.begin() as tx:
        ids = deliveries.claim_waiting(tx, now=EIGHT, limit=3)
    one, two, three = (Ticket(delivery_id=which, attempt=1) for which in ids)
    with db.begin() as tx:
        tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE id = :which"), {"which": one.delivery_id})
    assert _intend(db, one, two, Ticket(delivery_id=three.delivery_id, attempt=9)) == {two.delivery_id}


@pytest.mark.parametrize(
    ("state", "confirmation", "lesson"),
    [
        (SubscriberState.PENDING, True, False),
        (SubscriberState.ACTIVE, True, True),
        (SubscriberState.LEFT, True, False),
        (SubscriberState.SUPPRESSED, False, False),
    ],
)
def test_the_intent_asks_once_more_whether_the_person_wants_it(
    db: Database, state: SubscriberState, *, confirmation: bool, lesson: bool
) -> None:
    for kind, wanted in ((DeliveryKind.CONFIRMATION, confirmation), (DeliveryKind.LESSON, lesson)):
        ticket = _claimed(db)
        with db.begin() as tx:
            tx.execute(delivery.update().values(kind=kind))
            tx.execute(subscriber.update().values(state=state))
        assert bool(_intend(db, ticket)) is wanted
        with db.begin() as tx:
            tx.execute(delivery.delete())
            tx.execute(enrolment.delete())
            tx.execute(subscriber.delete())


@pytest.mark.parametrize("event", EVENTS)
def test_an_attempt_of_yesterday_settles_nothing(db: Database, event: DeliveryEvent) -> None:
    ticket = _claimed(db)
    _intend(db, ticket)
    before = _row(db, ticket.delivery_id)
    assert _settle(db, Ticket(delivery_id=ticket.delivery_id, attempt=0), event) == frozenset()
    assert _row(db, ticket.delivery_id) == before


ALLOWED = {
    (S.CLAIMED, DeliveryEvent.DEFER): S.DEFERRED,
    (S.CLAIMED, DeliveryEvent.REJECT): S.FAILED,
    (S.SENDING, DeliveryEvent.ACCEPT): S.SENT,
    (S.SENDING, DeliveryEvent.DEFER): S.DEFERRED,
    (S.SENDING, DeliveryEvent.REJECT): S.FAILED,
    (S.SENDING, DeliveryEvent.LOSE): S.UNCERTAIN,
    (S.UNCERTAIN, DeliveryEvent.ACCEPT): S.SENT,
    (S.UNCERTAIN, DeliveryEvent.REJECT): S.FAILED,
}


def test_an_answer_moves_a_row_only_from_where_the_table_says(db: Database) -> None:
    ticket = _claimed(db)
    for state in DeliveryState:
        for event in EVENTS:
            _put(db, ticket, state)
            before = _row(db, ticket.delivery_id)
            settled = _settle(db, ticket, event)
            after = _row(db, ticket.delivery_id)
            if (state, event) in ALLOWED:
                assert settled == {ticket.delivery_id}
                assert after.state is ALLOWED[state, event]
            else:
                assert settled == frozenset()
                assert after == before


def test_an_answer_that_comes_after_the_lease_still_counts_while_nobody_took_the_row(db: Database) -> None:
    ticket = _claimed(db)
    _intend(db, ticket)
    _let_leases_end(db)
    assert _settle(db, ticket, DeliveryEvent.ACCEPT) == {ticket.delivery_id}
    with db.read() as tx:
        assert deliveries.expired(tx, limit=10) == []


def test_a_row_that_was_answered_is_not_taken_back(db: Database) -> None:
    ticket = _claimed(db)
    _intend(db, ticket)
    _let_leases_end(db)
    with db.begin() as tx:
        (seen,) = deliveries.expired(tx, limit=10)
    _settle(db, ticket, DeliveryEvent.ACCEPT)
    with db.begin() as tx:
        deliveries.expire(tx, seen, to=DeliveryState.UNCERTAIN, due_at=EIGHT)
    assert _row(db, ticket.delivery_id).state is DeliveryState.SENT


def test_a_lease_that_runs_is_nobody_else_s(db: Database) -> None:
    ticket = _claimed(db)
    with db.read() as tx:
        assert deliveries.expired(tx, limit=10) == []
    _intend(db, ticket)
    with db.read() as tx:
        assert deliveries.expired(tx, limit=10) == []
        assert deliveries.claim_waiting(tx, now=EIGHT, limit=10) == []


def test_a_claim_lasts_five_minutes_and_a_sending_row_a_quarter_of_an_hour(db: Database) -> None:
    ticket = _claimed(db)
    assert 290 <= _lease(db) <= 300
    _intend(db, ticket)
    assert 890 <= _lease(db) <= 900


def _lease(db: Database) -> int:
    """How many seconds the only lease has left, by the database's clock."""
    with db.read() as tx:
        return tx.execute(select(delivery.c.lease_until - clock(tx))).scalar_one()


def test_nobody_waits_for_a_message_that_nobody_may_claim(db: Database) -> None:
    (who,) = _people(db, 1)
    _queue(db, [who])
    with db.begin() as tx:
        assert deliveries.next_due(tx) == NOW
        tx.execute(subscriber.update().values(state=SubscriberState.SUPPRESSED))
        assert deliveries.next_due(tx) is None


def test_a_lesson_that_has_its_row_is_not_claimed_anew(db: Database) -> None:
    _people(db, 2)
    with db.begin() as tx:
        revision = courses.current(tx, "small")
        assert revision is not None
        one, two = hot.claim_due(tx, now=EIGHT, limit=9)
        first = revision.lesson_ids[0]
        assert len(hot.make_claims(tx, [(one, first, revision.id)], now=NOW)) == 1
        made = hot.make_claims(tx, [(one, first, revision.id), (two, first, revision.id)], now=NOW)
        assert [claim.subscriber_id for claim in made] == [two.subscriber_id]
        assert len(deliveries.listed(tx)) == 2


def test_a_claim_of_a_lesson_says_all_that_is_needed_to_send_it(db: Database) -> None:
    (who,) = _people(db, 1)
    with db.begin() as tx:
        revision = courses.current(tx, "small")
        assert revision is not None
        (due,) = hot.claim_due(tx, now=EIGHT, limit=9)
        (made,) = hot.make_claims(tx, [(due, revision.lesson_ids[0], revision.id)], now=EIGHT)
        (read,) = deliveries.claims(tx, [made.id])
    assert made == read
    assert (made.subscriber_id, made.attempt, made.step, made.address.wire) == (who, 1, 1, "p0@example.org")


def test_who_is_claimed_is_due_no_more_until_their_next_lesson_is_planned(db: Database) -> None:
    _people(db, 1)
    with db.begin() as tx:
        (due,) = hot.claim_due(tx, now=EIGHT, limit=9)
        assert hot.claim_due(tx, now=EIGHT, limit=9) == []
        hot.plan(tx, [Plan(enrolment_id=due.enrolment_id, step=1, due_at=EIGHT)], now=EIGHT)
        (again,) = hot.claim_due(tx, now=EIGHT, limit=9)
    assert (due.step, again.step) == (0, 1)


def test_a_plan_is_for_who_still_stands_where_they_stood(db: Database) -> None:
    _people(db, 1)
    with db.begin() as tx:
        (due,) = hot.claim_due(tx, now=EIGHT, limit=9)
        for step in (0, 2):
            assert hot.plan(tx, [Plan(enrolment_id=due.enrolment_id, step=step, due_at=EIGHT)], now=EIGHT) == set()
        planned = hot.plan(tx, [Plan(enrolment_id=due.enrolment_id, step=1, due_at=EIGHT)], now=EIGHT)
        assert planned == {due.enrolment_id}
        assert hot.plan(tx, [Plan(enrolment_id=due.enrolment_id, step=1, due_at=None)], now=EIGHT) == set()
        assert enrolments.next_due(tx) == EIGHT


@pytest.mark.parametrize("state", [EnrolmentState.STOPPED, EnrolmentState.FINISHED])
def test_nothing_is_planned_for_who_is_not_on_the_course_any_more(db: Database, state: EnrolmentState) -> None:
    _people(db, 1)
    with db.begin() as tx:
        (due,) = hot.claim_due(tx, now=EIGHT, limit=9)
        tx.execute(enrolment.update().values(state=state))
        assert hot.plan(tx, [Plan(enrolment_id=due.enrolment_id, step=1, due_at=EIGHT)], now=EIGHT) == set()
        assert enrolments.next_due(tx) is None


@pytest.mark.parametrize("state", [SubscriberState.PENDING, SubscriberState.LEFT, SubscriberState.SUPPRESSED])
def test_a_lesson_is_due_to_active_people_only(db: Database, state: SubscriberState) -> None:
    _people(db, 1)
    with db.begin() as tx:
        tx.execute(subscriber.update().values(state=state))
        assert hot.claim_due(tx, now=EIGHT, limit=9) == []


def test_nothing_to_do_is_done_without_a_word(db: Database) -> None:
    with db.begin() as tx:
        assert hot.intend(tx, []) == frozenset()
        assert hot.settle(tx, [], now=EIGHT) == frozenset()
        assert hot.plan(tx, [], now=EIGHT) == frozenset()
        assert hot.make_claims(tx, [], now=EIGHT) == []


def _take_with_four(take: Callable[[], Sequence[object]]) -> Counter[object]:
    """Four threads take until there is nothing; what each took, counted."""
    taken: list[object] = []
    errors: list[Exception] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        try:
            while some := take():
                taken.extend(some)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    return Counter(taken)


def test_four_who_claim_waiting_rows_at_once_take_each_row_once(db: Database) -> None:
    _queue(db, _people(db, PEOPLE))

    def take() -> Sequence[object]:
        with db.begin() as tx:
            return deliveries.claim_waiting(tx, now=EIGHT, limit=3)

    taken = _take_with_four(take)
    assert set(taken.values()) == {1}
    assert len(taken) == PEOPLE
    with db.read() as tx:
        assert {row.attempt for row in deliveries.listed(tx)} == {1}


def test_four_who_claim_due_people_at_once_take_each_person_once(db: Database) -> None:
    _people(db, PEOPLE)

    def take() -> Sequence[object]:
        with db.begin() as tx:
            return [one.enrolment_id for one in hot.claim_due(tx, now=EIGHT, limit=3)]

    taken = _take_with_four(take)
    assert set(taken.values()) == {1}
    assert len(taken) == PEOPLE


def test_four_who_take_back_dead_rows_at_once_take_each_row_once(db: Database) -> None:
    _queue(db, _people(db, PEOPLE))
    with db.begin() as tx:
        deliveries.claim_waiting(tx, now=EIGHT, limit=PEOPLE)
    _let_leases_end(db)

    def take() -> Sequence[object]:
        with db.begin() as tx:
            rows = deliveries.expired(tx, limit=3)
            for row in rows:
                deliveries.expire(tx, row, to=DeliveryState.DEFERRED, due_at=EIGHT)
            return [row.id for row in rows]

    taken = _take_with_four(take)
    assert set(taken.values()) == {1}
    assert len(taken) == PEOPLE


def _explained(db: Database, act: Callable[[Transaction], object]) -> list[str]:
    """How SQLite would go about each SELECT that `act` makes."""
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.strip().startswith("SELECT"):
            seen.append((statement, parameters))

    with db.begin() as tx:
        hooks.listen(db.engine, "before_cursor_execute", note)
        act(tx)
        hooks.remove(db.engine, "before_cursor_execute", note)
        return [
            str(row[-1]) for sql, given in seen for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all()
        ]


@pytest.mark.parametrize(
    ("act", "index"),
    [
        (lambda tx: hot.claim_due(tx, now=NOW, limit=200), "enrolment_due (next_due_at<?)"),
        (enrolments.next_due, "enrolment_due"),
        (lambda tx: deliveries.claim_waiting(tx, now=NOW, limit=200), "delivery_lane (kind=? AND due_at<?)"),
        (deliveries.next_due, "delivery_waiting"),
        (lambda tx: deliveries.expired(tx, limit=200), "delivery_leased (lease_until<?)"),
    ],
    ids=["claim_due", "enrolments.next_due", "claim_waiting", "deliveries.next_due", "expired"],
)
@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
def test_what_is_asked_each_second_reads_the_small_index_and_no_table_from_end_to_end(
    sqlite_db: Database, act: Callable[[Transaction], object], index: str, *, analyzed: bool
) -> None:
    people = _people(sqlite_db, 300)
    _queue(sqlite_db, people)
    if analyzed:
        with sqlite_db.begin() as tx:
            tx.exec_driver_sql("ANALYZE")
    plan = _explained(sqlite_db, act)
    assert any(index in line for line in plan), plan
    assert not [line for line in plan if line.startswith("SCAN") and index.partition(" ")[0] not in line], plan


def test_a_settled_row_waits_for_nothing_and_is_leased_by_nobody(db: Database) -> None:
    ticket = _claimed(db)
    _intend(db, ticket)
    _settle(db, ticket, DeliveryEvent.ACCEPT)
    row = _row(db, ticket.delivery_id)
    assert (row.state, row.reply, row.relay, row.finished_at) == (DeliveryState.SENT, "said", "relay", EIGHT)
    with db.read() as tx:
        assert tx.execute(select(delivery.c.lease_until, delivery.c.due_at)).one() == (None, None)
        assert deliveries.claim_waiting(tx, now=EIGHT + timedelta(days=9), limit=9) == []


@pytest.mark.parametrize(
    "said",
    ["", "NULL", "null", '250 "Ok", {as it is}', "a\\b\\", "{1,2}", "two\nlines", "Ünïcode \U0001f600", " , ", "%s"],
)
def test_what_a_server_said_is_kept_as_it_said_it(db: Database, said: str) -> None:
    ticket = _claimed(db)
    _intend(db, ticket)
    with db.begin() as tx:
        settled = Settlement(ticket=ticket, event=DeliveryEvent.ACCEPT, reply=said, relay=said)
        assert hot.settle(tx, [settled], now=EIGHT) == {ticket.delivery_id}
    row = _row(db, ticket.delivery_id)
    assert (row.reply, row.relay) == (said, said)
