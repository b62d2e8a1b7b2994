"""What if workers are killed and frozen at any moment? Short in `make test`; `make chaos-scale` goes on for fifty each.

Whoever is frozen comes back after its leases have run out and others have taken its rows: what it then says of them is
refused, because the attempt that it holds is an old one.
"""

import os
import random
import signal
import subprocess
import threading
from pathlib import Path

from fleet import Fleet, fleet, new_database

WORKERS = 3
FAULTS = int(os.environ.get("CHAOS_SCALE_FAULTS", "2"))  # kills, and as many freezes
MESSAGES = int(os.environ.get("CHAOS_SCALE_MESSAGES", "1000"))
ENGINE = os.environ.get("CHAOS_SCALE_ENGINE", "procrastinate")
SEED = int(os.environ.get("CHAOS_SCALE_SEED", "20261130"))
CONNECTIONS = 10


def test_after_kills_and_freezes_of_workers_nothing_is_doubled_and_nothing_is_lost(
    postgres_url: str, tmp_path: Path
) -> None:
    dice = random.Random(SEED)  # noqa: S311 (a seed that can be repeated)
    url = new_database(postgres_url, "chaos")
    with fleet(tmp_path, url, messages=MESSAGES, connections=CONNECTIONS, delay=0.04, engine=ENGINE) as them:
        workers = [them.start("worker") for _ in range(WORKERS)]
        kills = freezes = 0
        faults = ["kill", "freeze"] * FAULTS
        dice.shuffle(faults)
        for fault in faults:
            which = dice.randrange(WORKERS)
            if not _is_busy(them, dice):
                break
            if fault == "kill":
                workers[which].kill()
                workers[which].wait()
                workers[which] = them.start("worker")
                them.let_leases_end()
                kills += 1
            else:
                _freeze(them, workers[which], dice)
                freezes += 1
        them.let_leases_end()
        them.wait_for("an end", lambda: _is_over(them))
        held = MESSAGES - them.states().get("sent", 0)
        missing = MESSAGES - them.arrived()
        print(f"{kills} kills, {freezes} freezes: {them.copies()} doubled, {held} in doubt, {missing} of them lost")  # noqa: T201 (for `make chaos-scale`)
        assert min(kills, freezes) > FAULTS // 2
        assert them.copies() == 0
        assert held <= kills * CONNECTIONS
        assert missing <= held
        # The relay's log settles what arrived; the rest is sent again.
        assert them.resolve() == missing
        them.wait_for("the rest", them.is_settled)
        for worker in workers:
            them.end(worker)
        them.assert_each_exactly_once()


def _is_busy(them: Fleet, dice: random.Random) -> bool:
    """Some more messages have arrived, and then some milliseconds more or less have passed; False where all have."""
    before = them.arrived()
    them.wait_for("any mail", lambda: them.arrived() > before + 10 or _is_over(them))
    threading.Event().wait(dice.random() * 0.1)
    return not _is_over(them)


def _freeze(them: Fleet, worker: "subprocess.Popen[bytes]", dice: random.Random) -> None:
    """Stop it for longer than its leases last; the others take what it holds."""
    worker.send_signal(signal.SIGSTOP)
    them.let_leases_end()
    before = them.arrived()
    them.wait_for("mail by others", lambda: them.arrived() > before + 20 or _is_over(them))
    threading.Event().wait(dice.random() * 0.2)
    worker.send_signal(signal.SIGCONT)


def _is_over(them: Fleet) -> bool:
    return them.is_settled()
