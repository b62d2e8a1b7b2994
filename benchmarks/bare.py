"""How fast can PostgreSQL go through the same steps at all? The bare cycle, by the driver alone, on its own tables.

Claim, advance, insert, outcome: as few columns, indexes and commits as it can do with, and nobody to decide about.
It says what a machine is worth at the moment, so that `benchmarks.scale` can be told as a share of it.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import psycopg
from sqlalchemy.engine import make_url

PEOPLE = 300_000
DUE = 100_000
BATCH = 500
_LATER = 10_000
_MADE = f"""
DROP SCHEMA IF EXISTS bare CASCADE;
CREATE SCHEMA bare;
CREATE TABLE bare.enrolment (id bigint PRIMARY KEY, subscriber_id bigint NOT NULL, step smallint NOT NULL,
    next_due_at bigint, fence int NOT NULL) WITH (fillfactor = 80);
INSERT INTO bare.enrolment SELECT n, n, 0, CASE WHEN n % {PEOPLE // DUE} = 0 THEN 1 ELSE {_LATER} END, 0
    FROM generate_series(1, {PEOPLE}) AS g(n);
CREATE INDEX ON bare.enrolment (next_due_at, id) WHERE next_due_at IS NOT NULL;
CREATE TABLE bare.delivery (id bigserial PRIMARY KEY, kind smallint, campaign_id bigint, subscriber_id bigint,
    run smallint, enrolment_id bigint, state smallint, attempt smallint, lease_until bigint, reply text,
    created_at bigint, finished_at bigint) WITH (fillfactor = 80);
CREATE UNIQUE INDEX ON bare.delivery (kind, campaign_id, subscriber_id, run);
ANALYZE;
CHECKPOINT"""
_BY_INDEX = "; ".join(f"SET enable_{way} = off" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"))
_CLAIM = """
SELECT id, subscriber_id FROM bare.enrolment WHERE next_due_at <= 1 ORDER BY next_due_at, id LIMIT %s
   FOR UPDATE SKIP LOCKED"""
_ADVANCE = f"""
UPDATE bare.enrolment e SET step = step + 1, next_due_at = {_LATER}, fence = fence + 1
  FROM unnest(%s::bigint[]) AS u(i) WHERE e.id = u.i"""
_INSERT = """
INSERT INTO bare.delivery (kind, campaign_id, subscriber_id, run, enrolment_id, state, attempt, lease_until, reply,
                           created_at)
SELECT 1, 1, s, 0, i, 2, 1, 900, '', 1 FROM unnest(%s::bigint[], %s::bigint[]) AS u(i, s) ON CONFLICT DO NOTHING
RETURNING id"""
_SETTLE = """
UPDATE bare.delivery d SET state = 3, reply = '250 2.0.0 Ok', finished_at = 1 FROM unnest(%s::bigint[]) AS u(i)
 WHERE d.id = u.i AND d.attempt = 1 AND d.state = 2"""


def measure(url: str, workers: int) -> float:
    """Messages a second through the bare cycle."""
    with psycopg.connect(_plain(url), autocommit=True) as db:
        for statement in _MADE.split(";"):
            db.execute(statement)
    command = [sys.executable, "-m", "benchmarks.bare", "--url", url, "--worker"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(workers)]  # noqa: S603
    told = [json.loads(one.communicate()[0]) for one in running]
    with psycopg.connect(_plain(url), autocommit=True) as db:
        db.execute("DROP SCHEMA bare CASCADE")
    if sum(one["sent"] for one in told) != DUE:
        raise SystemExit(f"The bare cycle sent {told}.")
    return DUE / (max(one["ended"] for one in told) - min(one["began"] for one in told))


def work(url: str) -> dict[str, float]:
    """One worker, until nobody is due: what a batch came to is settled with the next one's claim."""
    sent, ids = 0, list[int]()
    with psycopg.connect(_plain(url)) as db:
        for statement in _BY_INDEX.split(";"):
            db.execute(statement)
        db.commit()
        began = time.time()
        while True:
            if ids:
                db.execute(_SETTLE, (ids,))
            due = db.execute(_CLAIM, (BATCH,)).fetchall()
            if due:
                places = [place for place, _ in due]
                db.execute(_ADVANCE, (places,))
                ids = [which for (which,) in db.execute(_INSERT, (places, [who for _, who in due])).fetchall()]
            db.commit()
            if not due:
                return {"sent": sent, "began": began, "ended": time.time()}
            sent += len(ids)


def _plain(url: str) -> str:
    """The address as the driver knows it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def main() -> None:
    """Print what the machine is worth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=os.environ.get("BENCH_DATABASE_URL", ""), help="an empty PostgreSQL database")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    print(json.dumps(work(given.url) if given.worker else {"messages_per_second": measure(given.url, given.workers)}))


if __name__ == "__main__":
    main()
