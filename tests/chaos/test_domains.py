"""Do worker processes keep a domain's throttle together, though one of them is killed, and does nobody else wait?"""

from pathlib import Path

from fleet import Fleet, fleet, new_database
from sqlalchemy import text

from sequencer.core import rates
from sequencer.core.model import DeliveryState
from sequencer.core.rates import SECOND

MESSAGES = 240
SLOW = "slow.example.com"
A_MINUTE = 300


def test_workers_of_whom_one_is_killed_keep_a_throttle_and_other_mail_does_not_wait(
    postgres_url: str, tmp_path: Path
) -> None:
    url = new_database(postgres_url, "domains")
    throttle = f'"{SLOW}" = "{A_MINUTE}/minute"'
    with fleet(tmp_path, url, messages=MESSAGES, domains=throttle, engine="procrastinate") as them:
        _every_fourth_is_there(them)
        workers = [them.start("worker") for _ in range(2)]
        them.wait_for("some", lambda: len(_begun(them)) > 10)
        workers[0].kill()
        workers[0].wait()
        workers[0] = them.start("worker")
        them.let_leases_end()
        them.wait_for("an end", them.is_settled)
        for worker in workers:
            them.end(worker)
        _assert_none_is_lost_or_doubled(them)
        _assert_kept(_begun(them))
        others = [at for at, domain in them.sink.named if domain != SLOW]
        assert max(others) < max(_begun(them))


def _every_fourth_is_there(them: Fleet) -> None:
    moved = "normalized = replace(normalized, :old, :new), wire = replace(wire, :old, :new)"
    with them.db.begin() as tx:
        tx.execute(text(f"UPDATE subscriber SET {moved} WHERE id % 4 = 0"), {"old": "example.org", "new": SLOW})  # noqa: S608


def _begun(them: Fleet) -> list[float]:
    """When messages to the slow domain began."""
    return [at for at, domain in them.sink.named if domain == SLOW]


def _assert_none_is_lost_or_doubled(them: Fleet) -> None:
    """What the killed one had on the wire is in doubt; all else is at the sink, once."""
    states = them.states()
    assert states[DeliveryState.SENT] + states.get(DeliveryState.UNCERTAIN, 0) == MESSAGES, states
    assert states[DeliveryState.SENT] <= them.arrived() <= MESSAGES
    assert them.copies() == 0


def _assert_kept(begun: list[float]) -> None:
    """Between any two messages, and however close they are, there are no more than the throttle makes turns for."""
    rate = rates.cap(A_MINUTE, 60)
    apart, grace = rate.interval / SECOND, rate.grace / SECOND
    assert len(begun) >= MESSAGES / 4 - 8
    for first, begin in enumerate(begun):
        for last in range(first, len(begun)):
            assert last - first + 1 <= (begun[last] - begin + grace) / apart + 1
