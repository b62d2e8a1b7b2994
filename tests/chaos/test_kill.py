"""What if the sender is killed at any moment? Short in `make test`; `make chaos` kills a hundred times."""

import os
import random
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sink import Sink
from sqlalchemy import text

from benchmarks import ground
from sequencer.content.files import shipped
from sequencer.core.model import DeliveryState, WhenUncertain
from sequencer.store import deliveries
from sequencer.store.database import Database

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
MESSAGES = int(os.environ.get("CHAOS_MESSAGES", "3000"))
SEED = int(os.environ.get("CHAOS_SEED", "20261122"))
CONNECTIONS = 20


@pytest.mark.parametrize("policy", [WhenUncertain.RETRY, WhenUncertain.HOLD])
def test_after_kills_at_random_nothing_is_lost_and_only_what_was_in_flight_is_doubled(
    policy: WhenUncertain, tmp_path: Path
) -> None:
    dice = random.Random(f"{SEED}{policy}")  # noqa: S311 (a seed that can be repeated)
    db = ground.database(tmp_path, "sqlite:///chaos.db")
    revision = ground.publish(db, uncertain=policy)
    ground.fill(db, revision, people=MESSAGES, due=MESSAGES)
    kills = 0
    with Sink() as sink:
        settings = _settings(tmp_path, sink.port)
        while kills < KILLS and _sent(db) < MESSAGES:
            sender = _tick(settings)
            _wait_for_sending(db, sender, dice)
            sender.send_signal(signal.SIGKILL)
            sender.wait()
            kills += 1
        for minutes in (0, 16, 32):
            _tick(settings, minutes=minutes).wait()
        copies = sum(sink.accepted.values()) - len(sink.accepted)
        rows = _rows(db)
    doubts = sum(doubted for _, doubted in rows)
    print(f"{policy}: {kills} kills, {doubts} messages in doubt, {copies} copies, {len(sink.accepted)} arrived")  # noqa: T201 (for `make chaos`)
    assert kills > KILLS // 2
    assert doubts <= kills * CONNECTIONS
    assert copies <= doubts
    if policy is WhenUncertain.RETRY:
        assert len(sink.accepted) == MESSAGES
        assert {state for state, _ in rows} == {DeliveryState.SENT}
    else:
        # What is held was seen by the relay, or is named in the ledger.
        assert copies == 0
        held = sum(state is DeliveryState.UNCERTAIN for state, _ in rows)
        assert len(sink.accepted) >= MESSAGES - held
    db.close()


def _settings(folder: Path, port: int) -> Path:
    path = folder / "sequencer.toml"
    path.write_text(
        f"""base_url = "https://mail.example.org"
secret_key = "{ground.SECRET}"
postal_address = "1 Example Street"
database_url = "sqlite:///chaos.db"
relay_url = "smtp://127.0.0.1:{port}?tls=off&connections={CONNECTIONS}"
courses = "{shipped("lessons")}"
""",
        encoding="utf-8",
    )
    return path


def _tick(settings: Path, *, minutes: int = 0) -> subprocess.Popen[bytes]:
    now = (ground.NOW + timedelta(minutes=minutes)).isoformat()
    command = [sys.executable, "-m", "sequencer", "--config", str(settings), "tick", "--now", now]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def _wait_for_sending(db: Database, sender: subprocess.Popen[bytes], dice: random.Random) -> None:
    """Until this sender has begun, and then some milliseconds more or less."""
    before = _sent(db)
    pause = threading.Event()
    while sender.poll() is None and _sent(db) == before:
        pause.wait(0.005)
    pause.wait(dice.random() * 0.04)


def _sent(db: Database) -> int:
    with db.read() as tx:
        return deliveries.count(tx).get(DeliveryState.SENT, 0)


def _rows(db: Database) -> list[tuple[DeliveryState, int]]:
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM delivery")).scalar_one() == MESSAGES
        return [(row.state, row.doubts) for row in deliveries.listed(tx, limit=MESSAGES)]
