"""How fast does a list move into another database? People on a course and their ledger are copied, and compared."""

import argparse
import json
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from benchmarks import ground
from sequencer.content.files import shipped
from sequencer.flows import copying
from sequencer.store.database import connect


def main() -> None:
    """Fill a database, copy it, and print rows a second, comparing included."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000, help="each is three rows")
    parser.add_argument("--url", default="sqlite:///bench.db", help="the source; a PostgreSQL one must be empty")
    parser.add_argument("--to", default="sqlite:///copy.db", help="the target, which must be empty")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = ground.database(Path(folder), given.url)
        revision = ground.publish(source)
        ground.fill(source, revision, people=given.people, due=0)
        with source.begin() as tx:
            tx.execute(
                text("""
INSERT INTO delivery (id, kind, campaign_id, subscriber_id, run, enrolment_id, revision_id, state, attempt, doubts,
                      relay, reply, created_at, finished_at)
SELECT id, 1, 1, id, 0, id, 1, 3, 1, 0, '127.0.0.1:25', '250 2.0.0 Ok: queued as 4F2B91C0', 1772438400, 1772438401
  FROM subscriber""")
            )
        target = connect(given.to, root=Path(folder))
        began = time.perf_counter()
        done = copying.copy(source, target, shipped("migrations"), now=datetime.now(UTC), rehearse=True)
        took = time.perf_counter() - began
        source.close()
        target.close()
    found = {
        "rows": done.rows,
        "seconds": round(took, 1),
        "rows_per_second": round(done.rows / took),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(found) if given.json else "  ".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
