"""Is what relays said never lost: when we die before the commit, and when last night's backup is restored?"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from house import DAY, EIGHT, NOW, House, Meddler, small_course
from sqlalchemy import delete, insert, select, text

from sequencer.content.files import shipped
from sequencer.core.model import (
    Blame,
    Deferred,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    Outcome,
    Rejected,
    Stage,
    SubscriberState,
    Uncertain,
)
from sequencer.errors import BadDatabase
from sequencer.flows import copying, dispatch, pauses, replay
from sequencer.flows.replay import Replayed
from sequencer.store import journal
from sequencer.store.database import Database
from sequencer.store.journal import Journal
from sequencer.store.tables import metadata

ANN, BEN, CLEO, DAN = (f"{name}@example.org" for name in ("ann", "ben", "cleo", "dan"))
HOUR = DAY / 24
Kept = list[list[dict[str, object]]]


@pytest.fixture
def kept_house(house: House, tmp_path: Path) -> House:
    """A house that keeps a journal."""
    house.journal = Journal(tmp_path / "journal")
    return house


def book(house: House) -> Journal:
    assert house.journal is not None
    return house.journal


def told(house: House, now: datetime) -> Replayed:
    return replay.replay(house.db, house.press.archive, journal.read([book(house).folder]), now=now)


def lessons(house: House, email: str) -> list[str]:
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


def all_of(number: int) -> list[str]:
    return [f"Subject {lesson}" for lesson in range(1, number + 1)]


def rows(db: Database) -> Kept:
    with db.read() as tx:
        return [[dict(row) for row in tx.execute(select(table)).mappings()] for table in metadata.sorted_tables]


def put_back(db: Database, kept: Kept) -> None:
    with db.begin() as tx:
        for table in reversed(metadata.sorted_tables):
            tx.execute(delete(table))
        for table, were in zip(metadata.sorted_tables, kept, strict=True):
            if were:
                tx.execute(insert(table), were)


def killed_before_the_commit(house: House, outcome: Outcome | None = None) -> None:
    """Ann's first lesson is on the wire, the relay has answered, and we die before that is committed."""
    house.publish(small_course(2))
    house.join(ANN)
    before: list[Kept] = []
    answers = [] if outcome is None else [outcome]
    house.courier = Meddler(answers=[*answers], before_report=lambda: before.append(rows(house.db)))
    house.tick(EIGHT)
    put_back(house.db, before[-1])
    assert house.states(ANN)[-1] is DeliveryState.SENDING


def let_leases_run_out(db: Database) -> None:
    with db.begin() as tx:
        tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"))


def test_what_was_accepted_before_the_commit_failed_is_not_called_uncertain(kept_house: House) -> None:
    killed_before_the_commit(kept_house)
    let_leases_run_out(kept_house.db)
    kept_house.tick(EIGHT + HOUR)
    assert kept_house.states(ANN)[-1] is DeliveryState.SENT
    assert kept_house.ledger(ANN)[-1].doubts == 0
    for hour in range(2, 72):
        kept_house.tick(EIGHT + hour * HOUR)
    assert lessons(kept_house, ANN) == all_of(2)
    assert kept_house.place(ANN).state is EnrolmentState.FINISHED


def test_without_the_journal_it_would_be_uncertain_and_come_twice(kept_house: House) -> None:
    killed_before_the_commit(kept_house)
    kept_house.journal = None
    let_leases_run_out(kept_house.db)
    for hour in range(1, 4):
        kept_house.tick(EIGHT + hour * HOUR)
    assert lessons(kept_house, ANN) == ["Subject 1", "Subject 1"]


def test_the_journal_of_another_machine_turns_uncertain_into_sent(kept_house: House) -> None:
    killed_before_the_commit(kept_house)
    let_leases_run_out(kept_house.db)
    # Who recovers does not see that journal.
    dispatch.recover(kept_house.db, kept_house.press.archive, now=EIGHT)
    assert kept_house.states(ANN)[-1] is DeliveryState.UNCERTAIN
    done = told(kept_house, EIGHT)
    assert (done.settled, done.made) == (1, 0)
    assert kept_house.states(ANN)[-1] is DeliveryState.SENT
    assert told(kept_house, EIGHT).settled == 0
    for hour in range(1, 72):
        kept_house.tick(EIGHT + hour * HOUR)
    assert lessons(kept_house, ANN) == all_of(2)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Rejected(reply="554 5.6.0 no", blame=Blame.MESSAGE), DeliveryState.FAILED),
        (Deferred(reply="451 4.3.0 later"), DeliveryState.DEFERRED),
        (Uncertain(reply="The connection broke."), DeliveryState.UNCERTAIN),
    ],
    ids=["rejected", "deferred", "uncertain"],
)
def test_other_answers_that_were_not_committed_are_known_too(
    kept_house: House, outcome: Outcome, state: DeliveryState
) -> None:
    killed_before_the_commit(kept_house, outcome)
    let_leases_run_out(kept_house.db)
    kept_house.courier.down = "The relay is away."
    kept_house.tick(EIGHT + HOUR)
    assert kept_house.states(ANN)[-1] is state


def test_where_the_journal_cannot_be_written_what_is_known_is_settled_and_nothing_more_is_sent(
    house: House, tmp_path: Path
) -> None:
    house.publish(small_course(1))
    for email in (ANN, BEN):
        house.join(email)
    (tmp_path / "file").write_text("", encoding="ascii")
    house.journal = Journal(tmp_path / "file" / "journal")
    with pytest.raises(BadDatabase, match=r"The journal in .* cannot be written"):
        house.tick(EIGHT)
    states = [house.states(email)[-1] for email in (ANN, BEN)]
    assert sorted(states) == [DeliveryState.CLAIMED, DeliveryState.SENT]
    house.journal = Journal(tmp_path / "journal")
    let_leases_run_out(house.db)
    house.tick(EIGHT + HOUR)
    assert [lessons(house, email) for email in (ANN, BEN)] == [all_of(1), all_of(1)]


def restored(house: House, night: Database) -> None:
    """The service goes on from the backup: its journals are those of the machine."""
    house.db = night


def copy_of(house: House, opened: Callable[[str], Database]) -> Database:
    night = opened("sqlite" if house.db.is_sqlite else "postgresql")
    copying.copy(house.db, night, shipped("migrations"), now=NOW, rehearse=True)
    return night


def hours(house: House, begin: int, end: int) -> None:
    for hour in range(begin, end):
        house.tick(EIGHT + hour * HOUR)


def test_after_a_restored_backup_each_lesson_comes_exactly_once(
    kept_house: House, opened: Callable[[str], Database]
) -> None:
    house = kept_house
    # Who finishes the course goes on with another one.
    house.publish(small_course(3, slug="after", title="Another Course"))
    house.publish(small_course(7, next="after"))
    house.join(ANN, zone="America/New_York")
    house.join(BEN)
    house.courier.answers = []
    hours(house, 0, 60)
    house.sign_up(DAN, EIGHT + 60 * HOUR)
    hours(house, 60, 72)
    night = copy_of(house, opened)
    # After the backup: one confirms, one is put off by the relay, one signs up, all go on.
    house.confirm(DAN, EIGHT + 72 * HOUR)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="451 4.3.0 later"))]
    hours(house, 72, 100)
    house.join(CLEO, EIGHT + 100 * HOUR)
    unknown = house.person(CLEO).id
    hours(house, 100, 145)
    before = {email: lessons(house, email) for email in (ANN, BEN, CLEO, DAN)}
    assert (len(before[BEN]), len(before[CLEO]), len(before[DAN])) == (7, 2, 4)

    restored(house, night)
    now = EIGHT + 146 * HOUR
    assert "restored from a backup" in replay.pause_if_restored(house.db, book(house), now=now)
    house.tick(now)
    assert {email: lessons(house, email) for email in before} == before
    done = told(house, now)
    assert (done.unknown, done.unconfirmed) == ({unknown}, {house.person(DAN).id})
    again = told(house, now)
    assert (again.settled, again.made, again.unknown) == (0, 0, {unknown})
    assert replay.pause_if_restored(house.db, book(house), now=now) == ""
    pauses.go_on(house.db)
    hours(house, 146, 150)
    house.confirm(DAN, EIGHT + 150 * HOUR)
    house.join(CLEO, EIGHT + 150 * HOUR)
    assert house.person(CLEO).id > unknown
    hours(house, 150, 150 + 24 * 14)

    # The courses are as they were published: seven lessons and three more, each exactly once.
    for email in (ANN, BEN, DAN):
        assert lessons(house, email) == [*all_of(7), *all_of(3)], email
    # Whom nobody knew any more signed up again, and is somebody new to us.
    assert lessons(house, CLEO) == [*before[CLEO], *all_of(7), *all_of(3)]
    assert house.person(DAN).state is SubscriberState.ACTIVE
    rows_of = {row.state for email in before for row in house.ledger(email)}
    assert rows_of == {DeliveryState.SENT}


def test_a_message_in_doubt_since_the_backup_is_treated_as_the_course_says(
    kept_house: House, opened: Callable[[str], Database]
) -> None:
    house = kept_house
    house.publish(small_course(2))
    house.join(ANN)
    night = copy_of(house, opened)
    house.courier.answers = [Uncertain(reply="The connection broke.")]
    house.tick(EIGHT)
    restored(house, night)
    assert told(house, EIGHT + HOUR).made == 1
    house.tick(EIGHT + HOUR)
    assert house.states(ANN)[-1] is DeliveryState.UNCERTAIN
    hours(house, 2, 72)
    # Once more, as after any doubt, by the same Message-ID; then the course goes on.
    assert lessons(house, ANN) == ["Subject 1", "Subject 1", "Subject 2"]
    assert len(house.ledger(ANN)) == 3


def test_a_new_pass_that_was_begun_since_goes_on(kept_house: House, opened: Callable[[str], Database]) -> None:
    house = kept_house
    house.publish(small_course(2))
    house.join(ANN)
    hours(house, 0, 50)
    assert house.place(ANN).state is EnrolmentState.FINISHED
    night = copy_of(house, opened)
    with house.db.begin() as tx:
        tx.execute(
            text("UPDATE enrolment SET run = 1, step = 0, state = 0, finished_at = NULL, next_due_at = :at"),
            {"at": int((EIGHT + 72 * HOUR).timestamp())},
        )
    hours(house, 72, 74)
    restored(house, night)
    told(house, EIGHT + 75 * HOUR)
    hours(house, 75, 150)
    assert lessons(house, ANN) == [*all_of(2), *all_of(2)]
    assert house.place(ANN).run == 1


def test_a_healthy_database_goes_on_and_so_does_one_whose_people_were_erased(kept_house: House) -> None:
    house = kept_house
    assert replay.pause_if_restored(house.db, book(house), now=NOW) == ""
    house.publish(small_course(2))
    house.join(ANN)
    house.tick(EIGHT)
    assert replay.pause_if_restored(house.db, book(house), now=EIGHT) == ""
    house.forget_everybody()
    assert replay.pause_if_restored(house.db, book(house), now=EIGHT) == ""
    assert pauses.standstill(house.db) is None


def test_somebody_else_s_journal_stops_everything(kept_house: House, opened: Callable[[str], Database]) -> None:
    house = kept_house
    house.publish(small_course(2))
    empty = copy_of(house, opened)
    house.join(ANN)
    house.tick(EIGHT)
    assert "or is another one" in replay.pause_if_restored(empty, book(house), now=EIGHT)
    still = pauses.standstill(empty)
    assert still is not None
    # An admin's own word is left as it is.
    pauses.stop(empty, reason="mine", now=EIGHT)
    with empty.begin() as tx:
        tx.execute(text("DELETE FROM subscriber"))
    replay.pause_if_restored(empty, book(house), now=EIGHT)
    still = pauses.standstill(empty)
    assert still is not None
    assert still.reason == "mine"


def test_lessons_that_are_published_no_more_are_named(kept_house: House, opened: Callable[[str], Database]) -> None:
    house = kept_house
    house.publish(small_course(1))
    house.join(ANN)
    house.tick(EIGHT)
    night = copy_of(house, opened)
    house.publish(small_course(2), now=EIGHT + HOUR)
    hours(house, 24, 26)
    assert lessons(house, ANN) == all_of(2)
    restored(house, night)
    done = told(house, EIGHT + 2 * DAY)
    assert len(done.unpublished) == 1
    assert done.made == 0


def test_the_journal_names_each_attempt_and_nobody_s_address(kept_house: House) -> None:
    house = kept_house
    house.publish(small_course(1))
    house.join(ANN)
    house.courier.answers = [Deferred(reply="451 4.3.0 later"), Deferred(reply="no server looked", tried=False)]
    hours(house, 0, 3)
    found = [(one.kind, one.outcome.value, one.attempt) for one in journal.read([book(house).folder])]
    assert found == [
        (DeliveryKind.CONFIRMATION, "accepted", 1),
        (DeliveryKind.LESSON, "deferred", 1),
        (DeliveryKind.LESSON, "accepted", 3),
    ]
    content = "".join(path.read_text(encoding="ascii") for path in book(house).folder.iterdir())
    assert "ann" not in content
    assert all(one.message_id.endswith("@example.org>") for one in journal.read([book(house).folder]))
