"""Does the cost of a claim grow with the list? 1,000 due people among 10,000, 100,000 … are claimed, and planned."""

import argparse
import json
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks import ground
from sequencer.store import hot
from sequencer.store.database import Database

DUE = 1_000
BATCH = 200
ROUNDS = 5


def main() -> None:
    """Measure each size and print the cost of a row, and how it compares with the smallest list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, help="the longest list (10,000,000 takes some minutes)")
    parser.add_argument("--url", default="sqlite:///bench.db", help="the database; a PostgreSQL one must be empty")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sizes = [10**power for power in range(4, 9) if 10**power <= given.most]
    found = {}
    for size in sizes:
        found[size] = measure(size, given.url)
        ground.empty(given.url)
    base = found[sizes[0]]
    rows = [
        {"enrolments": size, "us_per_row": round(us, 1), "ratio": round(us / base, 2)} for size, us in found.items()
    ]
    if given.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(f"{row['enrolments']:>12,}  {row['us_per_row']:>8} us a row  {row['ratio']:>5} x")


def measure(size: int, url: str) -> float:
    """The median cost of claiming one of 1,000 due rows among `size`, in microseconds; claimed again each round."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        db = ground.database(Path(folder), url)
        revision = ground.publish(db)
        ground.fill(db, revision, people=size, due=DUE)
        ground.tidy(db)
        costs = [_round(db, round_) for round_ in range(ROUNDS + 1)]
        db.close()
    return statistics.median(costs[1:])


def _round(db: Database, round_: int) -> float:
    """Claim all that is due, and plan it anew at a moment that only these people are due at."""
    now = ground.NOW + timedelta(seconds=round_)
    began, claimed = time.perf_counter(), 0
    while True:
        with db.begin() as tx:
            hot.steer(tx)
            due = hot.claim_due(tx, now=now, limit=BATCH)
            again = now + timedelta(seconds=1)
            hot.plan(
                tx,
                [hot.Plan(enrolment_id=one.enrolment_id, step=one.step + 1, due_at=again) for one in due],
                now=now,
            )
        claimed += len(due)
        if not due:
            break
    if claimed != DUE:
        raise SystemExit(f"{claimed} of {DUE} due people were claimed.")
    return (time.perf_counter() - began) / DUE * 1e6


if __name__ == "__main__":
    main()
