"""What is particular to hints by a broker? Nobody merges them, so one at a time drains a shard; and it may be away."""

import threading
from collections import Counter

import pytest
from door import wait_until
from kombu.transport import memory

from sequencer.engine.celery import CeleryEngine
from sequencer.engine.ending import Ending
from sequencer.errors import BadBroker
from sequencer.store import sender
from sequencer.store.database import Database


def test_a_shard_that_somebody_else_drains_is_left_to_them(partitioned_db: Database) -> None:
    memory.Channel.queues.clear()
    engine = CeleryEngine(partitioned_db, "memory://", transport={"polling_interval": 0.02})
    followed: Counter[int] = Counter()
    ending = Ending()

    def work() -> None:
        engine.run_worker(lambda shard: followed.update([shard]), concurrency=2, ending=ending)

    def tick(*shards: int) -> bool:
        engine.hint(shards)
        return threading.Event().wait(0.1)

    worker = threading.Thread(target=work)
    worker.start()
    with sender.alone(partitioned_db, 3) as mine:
        assert mine
        wait_until(lambda: followed[4] > 2 or tick(3, 4))
        assert followed[3] == 0
    wait_until(lambda: followed[3] > 0 or tick(3))
    ending.begin()
    worker.join(20)
    engine.close()
    assert set(followed) == {3, 4}


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1/0", "amqp://guest:hunter2@127.0.0.1:1//"])
def test_a_broker_that_is_away_is_one_sentence_without_its_password(sqlite_db: Database, broker: str) -> None:
    engine = CeleryEngine(sqlite_db, broker)
    for ask in (lambda: engine.hint([1]), engine.stats):
        with pytest.raises(BadBroker) as caught:
            ask()
        said = str(caught.value)
        assert said.startswith("The broker cannot be reached (")
        assert said.endswith('); see that it runs, and that the option "broker_url" leads to it.')
        assert "hunter2" not in said
    engine.close()
