"""What is a storm? Workers that are killed and frozen at any moment, and what must be true when it is over.

Whoever is frozen comes back after its leases have run out and others have taken its rows: what it then says of them is
refused, because the attempt that it holds is an old one.
"""

import os
import random
import signal
import subprocess
import threading

from fleet import Fleet

from sequencer.core.model import DeliveryState

WORKERS = 3
FAULTS = int(os.environ.get("CHAOS_SCALE_FAULTS", "2"))  # kills, and as many freezes
MESSAGES = int(os.environ.get("CHAOS_SCALE_MESSAGES", "1000"))
SEED = int(os.environ.get("CHAOS_SCALE_SEED", "20261130"))
CONNECTIONS = 10
DELAY = 0.04


def survive(them: Fleet) -> None:
    """Three workers send while they are killed and frozen; nothing is doubled, and in the end nothing is lost."""
    dice = random.Random(SEED)  # noqa: S311 (a seed that can be repeated)
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
    them.wait_for("an end", them.is_settled)
    _count(them, kills=kills, freezes=freezes)
    for worker in workers:
        them.end(worker)
    them.assert_each_exactly_once()


def _count(them: Fleet, *, kills: int, freezes: int) -> None:
    """Nothing is doubled, and no more is in doubt than was on the wire; the relay's log and another try do the rest."""
    held = MESSAGES - them.states().get("sent", 0)
    missing = MESSAGES - them.arrived()
    print(f"{kills} kills, {freezes} freezes: {them.copies()} doubled, {held} in doubt, {missing} of them lost")  # noqa: T201 (for `make chaos-scale`)
    assert min(kills, freezes) > FAULTS // 2
    assert them.copies() == 0
    assert held <= kills * CONNECTIONS
    assert missing <= held
    # The relay's log settles what arrived; the rest is sent again, and stays in doubt until somebody has claimed it.
    assert them.resolve() == missing
    them.wait_for("the rest", lambda: them.states() == {DeliveryState.SENT: MESSAGES})


def _is_busy(them: Fleet, dice: random.Random) -> bool:
    """Some more messages have arrived, and then some milliseconds more or less have passed; False where all have."""
    before = them.arrived()
    them.wait_for("any mail", lambda: them.arrived() > before + 10 or them.is_settled())
    threading.Event().wait(dice.random() * 0.1)
    return not them.is_settled()


def _freeze(them: Fleet, worker: "subprocess.Popen[bytes]", dice: random.Random) -> None:
    """Stop it for longer than its leases last; the others take what it holds."""
    worker.send_signal(signal.SIGSTOP)
    them.let_leases_end()
    before = them.arrived()
    them.wait_for("mail by others", lambda: them.arrived() > before + 20 or them.is_settled())
    threading.Event().wait(dice.random() * 0.2)
    worker.send_signal(signal.SIGCONT)
