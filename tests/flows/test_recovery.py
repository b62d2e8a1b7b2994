"""What if the sender dies, at any moment at all: is anything lost, or doubled without the ledger's saying so?"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, NOW, PLACES, House, ScriptedCourier, small_course
from sqlalchemy import text

from sequencer.core.model import (
    Accepted,
    Deferred,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    Parcel,
    Report,
    Stage,
    Ticket,
    Uncertain,
    WhenUncertain,
)
from sequencer.delivery.courier import Carried, Ledger
from sequencer.flows import dispatch

EMAIL = "reader@example.org"
QUARTER = timedelta(minutes=15)


class Killed(BaseException):
    """The sender is gone; nothing catches this, as nothing catches SIGKILL."""


@dataclass(slots=True)
class Mortal:
    """A sender that is killed when it has lived through `life` moments of a pass."""

    sent: list[Parcel]
    life: int
    lived: list[str] = field(default_factory=list)

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more, or until death."""
        self._live("before the claim")
        while batch := ledger.next_batch(PLACES):
            self._live("after the claim")
            for parcel in batch:
                granted = ledger.record([parcel.ticket], [])
                self._live("after the intent")
                if parcel.ticket.delivery_id in granted:
                    self.sent.append(parcel)
                    self._live("after the content")
                    answer = Accepted(reply="250 Ok")
                    ledger.record([], [Report(ticket=parcel.ticket, outcome=answer, relay="mortal")])
                    self._live("after the answer")
        return Carried(tried=0)

    def _live(self, moment: str) -> None:
        self.lived.append(moment)
        if len(self.lived) > self.life:
            raise Killed


def _let_leases_end(house: House) -> None:
    with house.db.begin() as tx:
        tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"))


def _lessons(house: House, email: str) -> list[Delivery]:
    return [row for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]


def _die_after(house: House, life: int, now: datetime) -> tuple[str, bool]:
    """One pass by a sender of that length of life; its last moment, and whether it was killed there."""
    mortal = Mortal(sent=house.courier.sent, life=life)
    try:
        dispatch.tick(house.db, mortal, house.press, now=now)
    except Killed:
        return mortal.lived[-1], True
    return "", False


@dataclass(slots=True)
class Died:
    """Claims, and perhaps says that it will send; then it is heard of no more."""

    intends: bool

    def carry(self, ledger: Ledger) -> Carried:
        """Claim, intend, and fall silent."""
        batch = ledger.next_batch(PLACES)
        if self.intends:
            ledger.record([parcel.ticket for parcel in batch], [])
        return Carried(tried=len(batch))


def test_killed_at_any_moment_of_any_pass_nothing_is_lost_and_only_what_is_uncertain_is_doubled(house: House) -> None:
    house.publish(small_course(2))
    moments = set()
    for life in range(100):
        email = f"reader-{life}@example.org"
        house.join(email)
        moment, killed = _die_after(house, life, EIGHT)
        moments.add(moment)
        for step in range(4):
            _let_leases_end(house)
            house.tick(EIGHT + step * QUARTER)
        for day in (1, 2):
            house.tick(EIGHT + day * DAY)
        rows = _lessons(house, email)
        assert [row.state for row in rows] == [DeliveryState.SENT] * 2, moment
        assert house.place(email).state is EnrolmentState.FINISHED, moment
        arrived = Counter(parcel.ticket.delivery_id for parcel in house.courier.sent)
        for row in rows:
            assert arrived[row.id] in (1, 1 + row.doubts), moment
            assert row.doubts == (moment in ("after the intent", "after the content") and row is rows[0]), moment
        if not killed:
            break
    assert moments == {
        "before the claim",
        "after the claim",
        "after the intent",
        "after the content",
        "after the answer",
        "",
    }


@pytest.mark.parametrize("life", range(2, 14))
def test_killed_in_the_middle_of_a_batch_each_row_is_judged_by_itself(house: House, life: int) -> None:
    house.publish(small_course(1))
    emails = [f"reader-{number}@example.org" for number in range(4)]
    for email in emails:
        house.join(email)
    house.courier.sent.clear()
    _die_after(house, life, EIGHT)
    for step in range(4):
        _let_leases_end(house)
        house.tick(EIGHT + step * QUARTER)
    arrived = Counter(parcel.ticket.delivery_id for parcel in house.courier.sent)
    rows = [row for email in emails for row in _lessons(house, email)]
    assert [row.state for row in rows] == [DeliveryState.SENT] * 4
    assert all(1 <= arrived[row.id] <= 1 + row.doubts for row in rows)
    assert sum(row.doubts for row in rows) <= 1


def test_what_was_claimed_by_a_dead_sender_is_sent_once_when_its_lease_is_over(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    dispatch.tick(house.db, Died(intends=False), house.press, now=EIGHT)
    _let_leases_end(house)
    done = house.tick(EIGHT + QUARTER)
    assert (done.recovered, done.accepted) == (1, 1)
    assert house.subjects(EMAIL)[1:] == ["Subject 1"]
    assert _lessons(house, EMAIL)[0].attempt == 2


def test_among_many_senders_a_row_is_its_owner_s_until_the_lease_is_over(shared_house: House) -> None:
    shared_house.publish(small_course())
    shared_house.join(EMAIL)
    dispatch.tick(shared_house.db, Died(intends=False), shared_house.press, now=EIGHT)
    done = shared_house.tick(EIGHT + DAY)
    assert (done.recovered, done.accepted) == (0, 0)


def test_where_one_at_a_time_sends_the_next_one_need_not_wait_for_the_leases_of_the_dead(single_house: House) -> None:
    single_house.publish(small_course())
    single_house.join(EMAIL)
    dispatch.tick(single_house.db, Died(intends=False), single_house.press, now=EIGHT)
    done = single_house.tick(EIGHT)
    assert (done.recovered, done.accepted) == (1, 1)


def test_where_one_at_a_time_sends_nobody_touches_what_the_living_hold(single_house: House) -> None:
    single_house.publish(small_course())
    single_house.join(EMAIL)
    others = []
    slow = Slow(meanwhile=[lambda: _let_leases_end(single_house), lambda: others.append(single_house.tick(EIGHT))])
    assert dispatch.tick(single_house.db, slow, single_house.press, now=EIGHT).accepted == 1
    assert [(tick.recovered, tick.accepted) for tick in others] == [(0, 0)]
    assert [row.doubts for row in _lessons(single_house, EMAIL)] == [0]


def test_what_a_dead_sender_may_have_sent_is_called_uncertain_and_sent_once_more(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    dispatch.tick(house.db, Died(intends=True), house.press, now=EIGHT)
    _let_leases_end(house)
    assert house.tick(EIGHT + QUARTER).accepted == 0
    (row,) = _lessons(house, EMAIL)
    assert (row.state, row.doubts, row.due_at) == (DeliveryState.UNCERTAIN, 1, EIGHT + 2 * QUARTER)
    house.tick(EIGHT + 2 * QUARTER)
    assert house.subjects(EMAIL)[1:] == ["Subject 1"]
    (row,) = _lessons(house, EMAIL)
    assert (row.state, row.doubts) == (DeliveryState.SENT, 1)


def test_a_message_that_kills_each_sender_is_held_after_the_second_and_the_course_goes_on(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    for step in (0, 2):
        dispatch.tick(house.db, Died(intends=True), house.press, now=EIGHT + step * QUARTER)
        _let_leases_end(house)
        house.tick(EIGHT + (step + 1) * QUARTER)
    (row,) = _lessons(house, EMAIL)
    assert (row.state, row.doubts, row.due_at) == (DeliveryState.UNCERTAIN, 2, None)
    house.tick(EIGHT + DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 2"]


def test_a_confirmation_of_a_dead_sender_is_sent_once_more_too(house: House) -> None:
    house.publish(small_course())
    house.sign_up(EMAIL)
    dispatch.tick(house.db, Died(intends=True), house.press, now=NOW)
    _let_leases_end(house)
    house.tick(NOW)
    house.tick(NOW + QUARTER)
    assert house.states(EMAIL) == [DeliveryState.SENT]
    house.confirm(EMAIL, NOW + QUARTER)


def test_a_course_that_holds_what_is_uncertain_goes_on_without_it(house: House) -> None:
    house.publish(small_course(uncertain=WhenUncertain.HOLD))
    house.join(EMAIL)
    house.courier.answers = [Uncertain(reply="lost")]
    house.tick(EIGHT)
    for day in range(1, 4):
        house.tick(EIGHT + day * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 2", "Subject 3"]
    held = _lessons(house, EMAIL)[0]
    assert (held.state, held.due_at, held.reply) == (DeliveryState.UNCERTAIN, None, "lost")
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


def test_a_course_that_holds_what_is_uncertain_holds_what_a_dead_sender_left(house: House) -> None:
    house.publish(small_course(uncertain=WhenUncertain.HOLD))
    house.join(EMAIL)
    dispatch.tick(house.db, Died(intends=True), house.press, now=EIGHT)
    _let_leases_end(house)
    house.tick(EIGHT + QUARTER)
    house.tick(EIGHT + DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 2"]
    assert _lessons(house, EMAIL)[0].due_at is None


@dataclass(slots=True)
class Slow(ScriptedCourier):
    """Sends, then sleeps past its lease while somebody else works; then gives its late answer."""

    meanwhile: list[object] = field(default_factory=list)
    late: Accepted | Deferred = field(default_factory=lambda: Accepted(reply="250 late"))

    def carry(self, ledger: Ledger) -> Carried:
        """Send one batch, and report it late."""
        batch = ledger.next_batch(PLACES)
        granted = ledger.record([parcel.ticket for parcel in batch], [])
        self.sent += [parcel for parcel in batch if parcel.ticket.delivery_id in granted]
        for act in self.meanwhile:
            act()  # type: ignore[operator]
        ledger.record([], [Report(ticket=one.ticket, outcome=self.late, relay="slow") for one in batch])
        return Carried(tried=len(batch))


def test_a_late_yes_settles_what_was_uncertain_and_it_is_not_sent_again(shared_house: House) -> None:
    shared_house.publish(small_course())
    shared_house.join(EMAIL)
    slow = Slow(meanwhile=[lambda: _let_leases_end(shared_house), lambda: shared_house.tick(EIGHT + QUARTER)])
    assert dispatch.tick(shared_house.db, slow, shared_house.press, now=EIGHT).accepted == 1
    (row,) = _lessons(shared_house, EMAIL)
    assert (row.state, row.reply, row.due_at) == (DeliveryState.SENT, "250 late", None)
    shared_house.tick(EIGHT + 3 * QUARTER)
    assert shared_house.subjects(EMAIL)[1:] == []
    shared_house.tick(EIGHT + DAY)
    assert shared_house.subjects(EMAIL)[1:] == ["Subject 2"]


def test_a_late_yes_to_what_was_held_does_not_hurry_or_hold_up_the_course(shared_house: House) -> None:
    shared_house.publish(small_course(uncertain=WhenUncertain.HOLD))
    shared_house.join(EMAIL)
    slow = Slow(
        meanwhile=[
            lambda: _let_leases_end(shared_house),
            lambda: shared_house.tick(EIGHT + QUARTER),
            lambda: dispatch.tick(shared_house.db, Died(intends=True), shared_house.press, now=EIGHT + DAY),
        ]
    )
    dispatch.tick(shared_house.db, slow, shared_house.press, now=EIGHT)
    first, second = _lessons(shared_house, EMAIL)
    assert (first.state, second.state) == (DeliveryState.SENT, DeliveryState.SENDING)
    # Lesson 2 is on somebody's wire: lesson 3 must not be planned by lesson 1's late answer.
    assert shared_house.place(EMAIL).next_due_at is None


def test_a_late_yes_to_what_is_sent_anew_changes_nothing(shared_house: House) -> None:
    shared_house.publish(small_course())
    shared_house.join(EMAIL)
    seen: list[Delivery] = []
    slow = Slow(
        meanwhile=[
            lambda: _let_leases_end(shared_house),
            lambda: shared_house.tick(EIGHT + QUARTER),
            lambda: shared_house.tick(EIGHT + 2 * QUARTER),
            lambda: seen.extend(_lessons(shared_house, EMAIL)),
        ]
    )
    assert dispatch.tick(shared_house.db, slow, shared_house.press, now=EIGHT).accepted == 0
    assert _lessons(shared_house, EMAIL) == seen
    assert seen[0].attempt == 2


def test_the_answer_of_a_sender_that_was_too_slow_to_intend_is_no_answer(shared_house: House) -> None:
    shared_house.publish(small_course())
    shared_house.join(EMAIL)

    class TooSlow:
        """Wakes when its claim is somebody else's."""

        def carry(self, ledger: Ledger) -> Carried:
            """Claim, sleep, then try to send."""
            (parcel,) = ledger.next_batch(PLACES)
            _let_leases_end(shared_house)
            shared_house.tick(EIGHT + QUARTER)
            assert self.granted(ledger, parcel.ticket) == frozenset()
            late = Report(ticket=parcel.ticket, outcome=Deferred(reply="451 late"), relay="slow")
            ledger.record([], [late])
            return Carried(tried=1)

        def granted(self, ledger: Ledger, ticket: Ticket) -> frozenset[DeliveryId]:
            """What may be sent."""
            return ledger.record([ticket], [])

    dispatch.tick(shared_house.db, TooSlow(), shared_house.press, now=EIGHT)
    assert shared_house.subjects(EMAIL)[1:] == ["Subject 1"]
    assert _lessons(shared_house, EMAIL)[0].state is DeliveryState.SENT


def test_more_dead_rows_than_fit_into_one_batch_are_all_taken_back(house: House) -> None:
    count = dispatch.BATCH + 5
    house.publish(small_course(1))
    house.join(EMAIL)
    _copy_the_reader(house, count - 1)
    dispatch.tick(house.db, Hoarder(), house.press, now=EIGHT)
    _let_leases_end(house)
    done = house.tick(EIGHT + QUARTER)
    assert (done.recovered, done.accepted) == (count, count)


class Hoarder:
    """Claims everything and sends nothing."""

    def carry(self, ledger: Ledger) -> Carried:
        """Claim until there is no more."""
        claimed: list[Parcel] = []
        while batch := ledger.next_batch(PLACES):
            claimed += batch
        return Carried(tried=len(claimed))


def _copy_the_reader(house: House, count: int) -> None:
    """More people who stand where the reader stands."""
    with house.db.begin() as tx:
        for table, columns in (
            ("subscriber", "needs_smtputf8, name, timezone, state, created_at, confirmed_at"),
            ("enrolment", "course_id, run, step, state, next_due_at, fence, started_at"),
        ):
            named = "normalized, wire" if table == "subscriber" else "subscriber_id"
            values = "'r' || n || '@example.org', 'r' || n || '@example.org'" if table == "subscriber" else "n"
            tx.execute(
                text(
                    f"WITH RECURSIVE more(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM more WHERE n <= {count}) "  # noqa: S608
                    f"INSERT INTO {table} (id, {named}, {columns}) SELECT n, {values}, {columns} FROM {table}, more"
                )
            )


def test_a_pass_that_is_told_to_stop_claims_nothing_more(house: House) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    assert house.tick(EIGHT, stop=lambda: True).accepted == 0
    assert _lessons(house, EMAIL) == []
    assert house.place(EMAIL).next_due_at == EIGHT
    house.tick(EIGHT)
    assert house.subjects(EMAIL)[1:] == ["Subject 1"]


def test_what_was_claimed_before_the_stop_is_finished(house: House) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    batch = min(dispatch.BATCH, len(PLACES))
    _copy_the_reader(house, batch)
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 1

    done = house.tick(EIGHT, stop=stop)
    assert done.accepted == batch
    with house.db.read() as tx:
        left = tx.execute(text("SELECT count(*) FROM enrolment WHERE next_due_at IS NOT NULL")).scalar_one()
    assert left == 1


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.CONTENT])
def test_a_message_that_nobody_ever_takes_fails_at_the_end_of_the_ladder_and_the_course_goes_on(
    house: House, stage: Stage
) -> None:
    house.publish(small_course(2))
    house.join(EMAIL)
    house.courier.answers = [(stage, Deferred(reply=f"451 try {number}")) for number in range(1, 30)]
    now = EIGHT
    for _ in range(29):
        house.tick(now)
        now = _lessons(house, EMAIL)[0].due_at or now
    (row,) = _lessons(house, EMAIL)
    assert (row.state, row.attempt, row.reply) == (DeliveryState.FAILED, 29, "451 try 29")
    assert timedelta(hours=60) < now - EIGHT < timedelta(hours=90)
    house.tick(now + 2 * DAY)
    assert _lessons(house, EMAIL)[1].state is DeliveryState.SENT
