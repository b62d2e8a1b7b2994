"""Do two worker processes keep a relay's rate together, by the instants that the relay notes?"""

from pathlib import Path

from fleet import Fleet, fleet, new_database
from sqlalchemy import text

from sequencer.core import rates
from sequencer.core.rates import SECOND

MESSAGES = 160
RATE = 40.0


def test_two_workers_together_never_start_more_than_the_rate_allows(postgres_url: str, tmp_path: Path) -> None:
    url = new_database(postgres_url, "rate")
    option = f"&rate={RATE:g}"
    # Of sixteen small shards one pass after the other, so that the two lease by turns, and often.
    with fleet(tmp_path, url, messages=MESSAGES, parted=True, relay=option, engine="procrastinate") as them:
        workers = [them.start("worker") for _ in range(2)]
        them.wait_for("an end", them.is_settled)
        for worker in workers:
            them.end(worker)
        them.assert_each_exactly_once()
        assert _leases(them) > 0
        _assert_kept(them.sink.begun)


def _assert_kept(begun: list[float]) -> None:
    """Between any two messages, and however close they are, there are no more than the promise says."""
    rate = rates.rate(RATE)
    apart, grace = rate.interval / SECOND, rate.grace / SECOND
    assert len(begun) == MESSAGES
    for first, begin in enumerate(begun):
        for last in range(first, MESSAGES):
            assert last - first + 1 <= (begun[last] - begin + grace) / apart + 1


def _leases(them: Fleet) -> int:
    """How many rates are kept by rows that both share."""
    with them.db.read() as tx:
        return int(tx.execute(text("SELECT count(*) FROM rate_bucket WHERE tat > 0")).scalar_one())
