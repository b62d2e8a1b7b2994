"""What if workers that follow Celery's hints are killed and frozen? A few times; by `make chaos-scale`, many.

`make chaos-scale CHAOS_SCALE_ENGINE=celery CHAOS_SCALE_FAULTS=50` asks for as many as you like.
"""

from pathlib import Path

import storm
from fleet import fleet, new_database
from services.servers import Server


def test_by_celery_after_kills_and_freezes_of_workers_nothing_is_doubled_and_nothing_is_lost(
    postgresql: tuple[Server, str], redis: tuple[Server, str], tmp_path: Path
) -> None:
    url = new_database(postgresql[1], "kills")
    storming = {"messages": storm.MESSAGES, "connections": storm.CONNECTIONS, "delay": storm.DELAY}
    with fleet(tmp_path, url, engine="celery", broker_url=redis[1], **storming) as them:  # type: ignore[arg-type]
        storm.survive(them)
