"""Does asking how the queue stands read small indexes, and no table from end to end, on either database?"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from house import EIGHT, NOW
from sqlalchemy import event

from sequencer.store import queue, shards
from sequencer.store.database import Database, Transaction

PARTITIONED = True
ASKED = {
    "due": (lambda tx: queue.due(tx, until=EIGHT), "enrolment_due"),
    "soon": (lambda tx: queue.due(tx, until=EIGHT + timedelta(days=1), after=EIGHT), "enrolment_due"),
    "oldest": (queue.oldest, "enrolment_due"),
    "waiting": (lambda tx: queue.waiting(tx, now=NOW), "delivery_waiting"),
    "held": (queue.held, "delivery_leased"),
    "uncertain": (queue.uncertain, "delivery_uncertain"),
}


def _plans(db: Database, act: Callable[[Transaction], object]) -> list[str]:
    """How the database goes about each SELECT that `act` makes, where it can choose."""
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.strip().startswith("SELECT"):
            seen.append((statement, parameters))

    with db.read() as tx:
        if not db.is_sqlite:
            # Of an empty table PostgreSQL would rather read all.
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        event.listen(db.engine, "before_cursor_execute", note)
        act(tx)
        event.remove(db.engine, "before_cursor_execute", note)
        word = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
        return [str(row[-1]) for sql, given in seen for row in tx.exec_driver_sql(f"{word} {sql}", given)]


@pytest.mark.parametrize("question", ASKED)
def test_how_the_queue_stands_is_read_from_the_small_indexes_alone(db: Database, question: str) -> None:
    act, index = ASKED[question]
    plan = _plans(db, act)
    # Each part of a table that is divided has an index with a name of its own. Of what waits there are two small ones,
    # and an empty table makes no difference between them.
    named = [line for line in plan if index in line or (index == "delivery_waiting" and "delivery_lane" in line)]
    assert named or (shards.count(db) > 1 and "Index" in "".join(plan)), plan
    whole = [line for line in plan if "Seq Scan" in line or line.startswith(("SCAN enrolment", "SCAN delivery"))]
    assert [line for line in whole if line not in named] == [], plan
