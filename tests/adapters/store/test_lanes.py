"""Is what is to be sent found by the small indexes, in a ledger full of what is sent and of newsletters that wait?"""

import re
from collections.abc import Collection

import pytest
from house import EIGHT
from sqlalchemy import event, text

from sequencer.core.model import DeliveryKind
from sequencer.store import deliveries, hot
from sequencer.store.database import Database

SENT, WAITING, PRESSES = 20_000, 10_000, 5
LANES: dict[str, Collection[DeliveryKind]] = {
    "in general": (),
    "presses": deliveries.AT_ONCE,
    "reminders": deliveries.BEHIND,
    "issues": deliveries.LAST,
}
_ROWS = """
WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :most)
INSERT INTO delivery (kind, campaign_id, subscriber_id, run, state, attempt, doubts, due_at, relay, reply, created_at)
SELECT :kind, 1, n, 0, :state, 0, 0, :due, '', '', 0 FROM g"""


@pytest.fixture
def full(db: Database) -> Database:
    """Twenty thousand lessons that are sent, ten thousand newsletters that wait, and five confirmations."""
    eight = int(EIGHT.timestamp())
    with db.begin() as tx:
        tx.execute(
            text("""
WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :most)
INSERT INTO subscriber (id, normalized, wire, needs_smtputf8, name, timezone, state, created_at)
SELECT n, 'p' || n, 'p' || n, 0, '', 'Europe/London', 1, 0 FROM g"""),
            {"most": SENT},
        )
        for kind, state, most, due in ((1, 3, SENT, None), (6, 0, WAITING, eight), (0, 0, PRESSES, eight)):
            tx.execute(text(_ROWS), {"kind": kind, "state": state, "most": most, "due": due})
        tx.exec_driver_sql("ANALYZE")
    return db


@pytest.mark.parametrize("lane", LANES)
def test_what_is_claimed_is_found_by_the_index_of_its_kind_and_nothing_else_is_read(full: Database, lane: str) -> None:
    plan = _plan(full, LANES[lane])
    assert any("delivery_lane" in line for line in plan), plan
    assert [line for line in plan if "Seq Scan" in line or line.startswith("SCAN")] == [], plan
    # What PostgreSQL really read; SQLite says only by what it searches.
    read = [int(found) for line in plan for found in re.findall(r"actual rows=(\d+)", line)]
    assert max(read, default=0) <= PRESSES, plan
    assert not full.is_sqlite or "(kind=? AND due_at<?)" in plan[0]


def _plan(db: Database, only: Collection[DeliveryKind]) -> list[str]:
    """How the database goes about it, and what it read, where it says so."""
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            seen.append((statement, parameters))

    word = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN ANALYZE"
    with db.begin() as tx:
        hot.steer(tx)
        event.listen(db.engine, "before_cursor_execute", note)
        deliveries.claim_waiting(tx, now=EIGHT, limit=3, only=only)
        event.remove(db.engine, "before_cursor_execute", note)
    ((sql, given),) = seen
    with db.begin() as tx:
        hot.steer(tx)
        return [str(row[-1]) for row in tx.exec_driver_sql(f"{word} {sql}", given)]
