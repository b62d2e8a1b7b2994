"""What if workers are killed and frozen at any moment? Short in `make test`; `make chaos-scale` goes on for fifty each.

By the engine that CHAOS_SCALE_ENGINE names; Celery, which needs a broker, is in tests/services.
"""

import os
from pathlib import Path

import storm
from fleet import fleet, new_database

ENGINE = os.environ.get("CHAOS_SCALE_ENGINE", "procrastinate")


def test_after_kills_and_freezes_of_workers_nothing_is_doubled_and_nothing_is_lost(
    postgres_url: str, tmp_path: Path
) -> None:
    url = new_database(postgres_url, "chaos")
    storming = {"messages": storm.MESSAGES, "connections": storm.CONNECTIONS, "delay": storm.DELAY}
    with fleet(tmp_path, url, engine=ENGINE, **storming) as them:  # type: ignore[arg-type]
        storm.survive(them)
