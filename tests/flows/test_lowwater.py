"""Is anybody missed because claims begin behind the last one, and does an old snapshot cost what it did?"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, House, small_course
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from sequencer.core.model import EnrolmentId
from sequencer.flows import dispatch
from sequencer.flows.lowwater import LONGEST, LowWater, Marks
from sequencer.store import enrolments, hot, shards
from sequencer.store.database import Database, Transaction
from sequencer.store.tables import enrolment

PEOPLE = 60
MANY = 3_000
WORKERS = 2
SECOND = timedelta(seconds=1)


class Clock:
    """Seconds that pass when the test says so, and while somebody looks at everything."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def _fill(db: Database, people: int) -> None:
    """So many people, one due a second up to eight."""
    with db.begin() as tx:
        names = "subscriber", "enrolment", "course"
        tx.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))
        tx.execute(text("INSERT INTO course (id, slug, title) VALUES (1, 'small', 'Small')"))
        given = {"people": people, "eight": int(EIGHT.timestamp())}
        tx.execute(
            text("""
INSERT INTO subscriber (id, normalized, wire, needs_smtputf8, name, timezone, state, created_at)
SELECT n, 'p' || n, 'p' || n, 0, '', 'Europe/London', 1, 0 FROM generate_series(1, :people) AS g(n)"""),
            given,
        )
        tx.execute(
            text("""
INSERT INTO enrolment (id, subscriber_id, course_id, run, step, state, next_due_at, fence, started_at)
SELECT n, n, 1, 0, 0, 0, :eight - :people + n, 0, 0 FROM generate_series(1, :people) AS g(n)"""),
            given,
        )


def _due(db: Database) -> int:
    with db.read() as tx:
        return len(tx.execute(select(enrolment.c.id).where(enrolment.c.next_due_at <= EIGHT)).all())


def _claim(tx: Transaction, low: LowWater, limit: int = 7) -> list[int]:
    hot.steer(tx)
    return [one.enrolment_id for one in low.claim_due(tx, now=EIGHT, limit=limit, people=shards.EVERYBODY)]


class Town:
    """Two workers, each with a transaction that it may leave open, and somebody who moves people about."""

    def __init__(self, db: Database) -> None:
        self.db = db
        _fill(db, PEOPLE)
        self.clock = Clock()
        self.low = [LowWater(thrifty=True, clock=self.clock) for _ in range(WORKERS)]
        self.open: list[Transaction | None] = [None] * WORKERS

    def claim(self, worker: int) -> None:
        """A worker claims some, and is slow to commit."""
        self.end(worker, keep=True)
        tx = self.db.engine.connect()
        tx.begin()
        self.open[worker] = tx
        _claim(tx, self.low[worker])

    def end(self, worker: int, *, keep: bool) -> None:
        """What a worker has claimed is committed, or it dies before that."""
        tx = self.open[worker]
        if tx is not None:
            if keep:
                tx.commit()
            else:
                tx.rollback()
            tx.close()
            self.open[worker] = None

    def move(self, who: int, back: int) -> None:
        """Somebody whom nobody holds is to get their next lesson at an hour that may lie long ago."""
        with self.db.begin() as tx:
            free = select(enrolment.c.id).where(enrolment.c.id == who).with_for_update(skip_locked=True)
            at = EIGHT - back * SECOND
            tx.execute(update(enrolment).where(enrolment.c.id.in_(free)).values(next_due_at=at))

    def drain(self) -> None:
        """Both go on until neither finds anything; a minute later they look once more."""
        for _ in range(2):
            for low in self.low:
                while True:
                    with self.db.begin() as tx:
                        if not _claim(tx, low):
                            break
            self.clock.now += LONGEST


_WORKER = st.integers(0, WORKERS - 1)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), _WORKER, st.just(0)),
        st.tuples(st.sampled_from(["commit", "die"]), _WORKER, st.just(0)),
        st.tuples(st.just("move"), st.integers(1, PEOPLE), st.integers(0, 2 * PEOPLE)),
        st.tuples(st.just("wait"), st.integers(1, 90), st.just(0)),
    ),
    max_size=30,
)


@given(steps=_STEPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_is_missed_by_two_workers_whatever_comes_between(
    postgres_db: Database, steps: list[tuple[str, int, int]]
) -> None:
    town = Town(postgres_db)
    for what, which, more in steps:
        match what:
            case "claim":
                town.claim(which)
            case "move":
                town.move(which, more)
            case "wait":
                town.clock.now += which
            case _:
                town.end(which, keep=what == "commit")
    for worker in range(WORKERS):
        town.end(worker, keep=False)
    town.drain()
    assert _due(postgres_db) == 0


@pytest.fixture
def old_snapshot(postgres_db: Database) -> Iterator[Database]:
    """Many who are due, and somebody who began to read before any of them was claimed."""
    _fill(postgres_db, MANY)
    with postgres_db.engine.connect() as dump:
        dump.execution_options(isolation_level="REPEATABLE READ")
        dump.execute(select(enrolment.c.id).limit(1)).all()
        yield postgres_db


def _entries(db: Database, since: hot.Place | None) -> int:
    """How many entries of the index a claim looks at; it is taken back."""
    read = text("SELECT pg_stat_get_xact_tuples_returned(CAST('enrolment_due' AS regclass))")
    with db.engine.connect() as tx:
        hot.steer(tx)
        before = int(tx.execute(read).scalar_one())
        assert len(hot.claim_due(tx, now=EIGHT, limit=100, since=since)) == 100
        after = int(tx.execute(read).scalar_one())
        tx.rollback()
    return after - before


def test_an_old_snapshot_makes_no_claim_behind_the_mark_dearer(old_snapshot: Database) -> None:
    low, looked = LowWater(thrifty=True), []
    for _ in range(20):
        with old_snapshot.begin() as tx:
            assert len(_claim(tx, low, 100)) == 100
        looked.append(_entries(old_snapshot, low.since))
    assert max(looked) < 110
    # What it would be from the beginning: all that was claimed since the snapshot, which nobody can clean up.
    assert _entries(old_snapshot, None) > 2_000


def test_a_dear_look_from_the_beginning_is_put_off_a_minute_at_most(postgres_db: Database) -> None:
    _fill(postgres_db, PEOPLE)
    clock = Clock()
    low = LowWater(thrifty=True, clock=clock)
    with postgres_db.begin() as tx:
        assert len(_claim(tx, low, PEOPLE)) == PEOPLE
        tx.execute(update(enrolment).where(enrolment.c.id == 1).values(next_due_at=EIGHT - DAY))
        # The last look took a whole second of this clock.
        assert _claim(tx, low) == []
        clock.now += LONGEST
        assert _claim(tx, low) == [1]


def test_a_pass_that_remembers_nothing_leaves_nobody_out(postgres_db: Database) -> None:
    _fill(postgres_db, PEOPLE)
    low = LowWater(clock=Clock())
    with postgres_db.begin() as tx:
        assert len(_claim(tx, low, PEOPLE)) == PEOPLE
        tx.execute(update(enrolment).where(enrolment.c.id == 1).values(next_due_at=EIGHT - DAY))
        assert _claim(tx, low) == [1]


def test_passes_share_a_mark_and_each_sends_what_was_put_before_it(house: House) -> None:
    house.publish(small_course(3))
    for number in range(3):
        house.join(f"p{number}@example.org")
    marks = Marks()

    def tick(now: datetime) -> int:
        return dispatch.tick(house.db, house.courier, house.press, now=now, low=marks.of()).accepted

    assert tick(EIGHT) == 3
    with house.db.begin() as tx:
        tx.execute(update(enrolment).where(enrolment.c.id == 2).values(next_due_at=EIGHT - DAY))
    assert tick(EIGHT) == 1
    assert tick(EIGHT) == 0
    assert tick(EIGHT + DAY) == 3


def test_while_looking_whole_is_dear_a_pass_asks_what_is_due_behind_the_mark(house: House) -> None:
    house.publish(small_course(3))
    for number in range(3):
        house.join(f"p{number}@example.org")
    clock = Clock()
    low = LowWater(thrifty=True, clock=clock)

    def tick(now: datetime) -> int:
        return dispatch.tick(house.db, house.courier, house.press, now=now, low=low).accepted

    # Looking takes a second of this clock: so what lies before the mark waits, and what comes after it does not.
    assert tick(EIGHT) == 3
    assert (tick(EIGHT), tick(EIGHT + DAY)) == (0, 3)
    with house.db.begin() as tx:
        tx.execute(update(enrolment).where(enrolment.c.id == 2).values(next_due_at=EIGHT - DAY))
    clock.now += LONGEST
    assert tick(EIGHT + DAY) == 1


def test_what_is_next_behind_a_place_is_asked_of_both_kinds(db: Database, house: House) -> None:
    house.publish(small_course(3))
    for number in range(2):
        house.join(f"p{number}@example.org")
    with db.read() as tx:
        first, second = (hot.Place(due_at=EIGHT, enrolment_id=EnrolmentId(which)) for which in (1, 2))
        assert enrolments.next_due(tx) == EIGHT
        assert enrolments.next_due(tx, since=first) == EIGHT
        assert enrolments.next_due(tx, since=second) is None
