"""Does PostgreSQL find what a batch is about by its indexes, whole or partitioned, even where it knows nothing yet?"""

import json
from collections.abc import Iterator

import pytest
from emptying import as_new
from house import EIGHT, House, small_course
from sqlalchemy import event, text

from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import LessonId, RevisionId, Ticket
from sequencer.store import courses, hot
from sequencer.store.database import Database, Transaction
from sequencer.store.hot import Plan, Settlement

PEOPLE = 2_000
BATCH = 100


@pytest.fixture(params=["postgres_db", "partitioned_db"])
def server(request: pytest.FixtureRequest) -> Database:
    """PostgreSQL with a list that was just brought in: nobody has counted it yet."""
    db: Database = request.getfixturevalue(request.param)
    as_new(db)
    House(db).publish(small_course())
    eight = int(EIGHT.timestamp())
    with db.begin() as tx:
        tx.execute(
            text("""
INSERT INTO subscriber (id, normalized, wire, needs_smtputf8, name, timezone, state, created_at)
SELECT n, 'p' || n, 'p' || n, 0, '', 'Europe/London', 1, 0 FROM generate_series(1, :people) AS g(n)"""),
            {"people": PEOPLE},
        )
        tx.execute(
            text("""
INSERT INTO enrolment (id, subscriber_id, course_id, run, step, state, next_due_at, fence, started_at)
SELECT n, n, 1, 0, 0, 0, :eight, 0, 0 FROM generate_series(1, :people) AS g(n)"""),
            {"people": PEOPLE, "eight": eight},
        )
    return db


def _a_batch(tx: Transaction) -> None:
    """What becomes of a hundred people: claimed, intended, settled, planned."""
    revision = courses.current(tx, "small")
    assert revision is not None
    hot.steer(tx)
    due = hot.claim_due(tx, now=EIGHT, limit=BATCH)
    lesson, which = LessonId(revision.lesson_ids[0]), RevisionId(revision.id)
    claims = hot.make_claims(tx, [(one, lesson, which) for one in due], now=EIGHT)
    tickets = [Ticket(delivery_id=one.id, attempt=one.attempt) for one in claims]
    assert len(hot.intend(tx, tickets)) == BATCH
    ended = [Settlement(ticket=one, event=DeliveryEvent.ACCEPT, reply="", relay="") for one in tickets]
    assert len(hot.settle(tx, ended, now=EIGHT)) == BATCH
    plans = [Plan(enrolment_id=one.enrolment_id, step=one.step + 1, due_at=EIGHT) for one in due]
    assert len(hot.plan(tx, plans, now=EIGHT)) == BATCH


def _nodes(plan: dict[str, object]) -> Iterator[dict[str, object]]:
    yield plan
    for below in plan.get("Plans", []):  # type: ignore[attr-defined]
        yield from _nodes(below)


@pytest.mark.parametrize("counted", [False, True])
def test_no_table_or_index_is_read_from_end_to_end_to_find_a_batch(server: Database, *, counted: bool) -> None:
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "UPDATE" in statement or "INSERT" in statement:
            seen.append((statement, parameters))

    if counted:
        # Nobody is without a next hour, nothing is leased: PostgreSQL would rather begin with such rows.
        with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
            tx.execute(text("ANALYZE"))
    with server.begin() as tx:
        event.listen(server.engine, "before_cursor_execute", note)
        _a_batch(tx)
        event.remove(server.engine, "before_cursor_execute", note)
        plans = [tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", given).scalar_one() for sql, given in seen]
    assert len(plans) == 5
    for found in plans:
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        kinds = {str(node["Node Type"]) for node in _nodes(plan)}
        assert kinds.isdisjoint({"Seq Scan", "Hash Join", "Merge Join", "Sort", "Bitmap Heap Scan"}), plan
        through = [node for node in _nodes(plan) if node["Node Type"] == "Index Scan" and "Index Cond" not in node]
        assert through == []
