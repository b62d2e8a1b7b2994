"""What if the months of the ledger are turned: is anybody given twice what they had in one that is gone?"""

from collections.abc import Sequence
from dataclasses import replace

from house import DAY, EIGHT, TERMS, House, small_course, small_lesson

from sequencer.core.model import Course, EnrolmentState
from sequencer.flows import upkeep
from sequencer.store import enrolments, months
from sequencer.store.database import Database

EMAIL = "reader@example.org"


def _of(letters: Sequence[str]) -> Course:
    return replace(small_course(), lessons=tuple(small_lesson(1, key=one, subject=one) for one in letters))


def _let_this_month_go(db: Database) -> None:
    """What becomes of a month when it is old enough, before it is: the test does not wait for years."""
    with db.begin() as tx:
        this = months.now(tx)
        tx.exec_driver_sql(f"DROP TABLE {months.table(this)}")
        months.make(tx, this)


def test_whoever_had_a_lesson_in_a_month_that_is_gone_does_not_get_it_again(partitioned_db: Database) -> None:
    house = House(partitioned_db)
    house.publish(_of("ABCD"))
    house.join(EMAIL)
    house.tick(EIGHT)
    house.tick(EIGHT + DAY)
    assert house.subjects(EMAIL)[1:] == ["A", "B"]
    _let_this_month_go(partitioned_db)
    # What they had comes later now, as far as the course knows.
    house.publish(_of("CDAB"), EIGHT + DAY)
    for day in range(2, 12):
        house.tick(EIGHT + day * DAY)
    assert sorted(house.subjects(EMAIL)[1:]) == ["A", "B", "C", "D"]
    assert house.place(EMAIL).next_due_at is None


def test_somebody_who_starts_over_gets_everything_anew_all_the_same(partitioned_db: Database) -> None:
    house = House(partitioned_db)
    house.publish(_of("AB"))
    house.join(EMAIL)
    for day in range(3):
        house.tick(EIGHT + day * DAY)
    _let_this_month_go(partitioned_db)
    who = house.place(EMAIL)
    with partitioned_db.begin() as tx:
        again = replace(who, state=EnrolmentState.ACTIVE, run=1, step=0, next_due_at=EIGHT + 5 * DAY, finished_at=None)
        enrolments.save(tx, again)
    for day in range(5, 8):
        house.tick(EIGHT + day * DAY)
    assert house.subjects(EMAIL)[1:] == ["A", "B", "A", "B"]


def test_the_upkeep_makes_the_months_that_are_missing_and_drops_none_too_early(partitioned_db: Database) -> None:
    with partitioned_db.begin() as tx:
        this = months.now(tx)
        tx.exec_driver_sql(f"DROP TABLE {months.table(this + 1)}")
        before = months.there(tx)
    upkeep.tidy(partitioned_db, replace(TERMS, ledger_months=3), now=EIGHT)
    with partitioned_db.read() as tx:
        assert months.there(tx) == sorted([*before, months.table(this + 1)])
