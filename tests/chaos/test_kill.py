"""What if the sender is killed at any moment? Short in `make test`; `make chaos` kills a hundred times."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import text

from benchmarks import ground
from sequencer.content.files import shipped
from sequencer.core.model import DeliveryState, WhenUncertain
from sequencer.store import deliveries
from sequencer.store.database import Database

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
MESSAGES = int(os.environ.get("CHAOS_MESSAGES", "2000"))
SEED = int(os.environ.get("CHAOS_SEED", "20261122"))
CONNECTIONS = 20
_MESSAGE_ID = re.compile(rb"^Message-ID: (.*)\r$", re.MULTILINE)


class Sink:
    """A relay that takes everything, a group of commands at a time, and writes down each Message-ID it accepted."""

    def __init__(self) -> None:
        self.accepted: Counter[bytes] = Counter()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Conversation(self.accepted), "127.0.0.1", 0)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()


class _Conversation(asyncio.Protocol):
    def __init__(self, accepted: Counter[bytes]) -> None:
        self._accepted = accepted
        self._rest = b""
        self._content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while True:
            whole, mark, rest = self._rest.partition(b"\r\n.\r\n" if self._content else b"\r\n")
            if not mark:
                return
            self._rest = rest
            self._transport.write(self._answer(whole))

    def _answer(self, whole: bytes) -> bytes:
        if self._content:
            self._content = False
            found = _MESSAGE_ID.search(whole + b"\r\n")
            assert found is not None
            self._accepted[found.group(1)] += 1
            return b"250 2.0.0 Ok\r\n"
        match whole[:4].upper():
            case b"EHLO":
                return b"250-sink\r\n250 PIPELINING\r\n"
            case b"DATA":
                self._content = True
                return b"354 go on\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
            case _:
                return b"250 2.0.0 Ok\r\n"


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
