"""What does a fleet look like to tests? Workers and clocks in processes of their own, one PostgreSQL, one sink.

Nothing of the program is replaced. Where time has to pass, the leases in the rows run out.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sink import Sink
from sqlalchemy import text

from benchmarks import ground
from sequencer.content.files import shipped
from sequencer.core.model import DeliveryState, WhenUncertain
from sequencer.flows import doubt, reconcile
from sequencer.flows.doubt import Finding
from sequencer.store import deliveries, partition
from sequencer.store.database import Database, connect

PATIENCE = 90.0  # seconds for any one thing to happen
_TALKATIVE = {"PYTHONFAULTHANDLER": "1"}


@dataclass(slots=True, kw_only=True)
class Fleet:
    """An installation whose people are all due, and the processes that work for it."""

    folder: Path
    url: str
    db: Database
    sink: Sink
    messages: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Run the program with these words, and more in its environment; it goes on in a process of its own."""
        command = [sys.executable, "-m", "sequencer", "--config", str(self.folder / "sequencer.toml"), *words]
        with (self.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 (our own program)
                command, stdout=log, stderr=log, env={**os.environ, **_TALKATIVE, **(environ or {})}
            )
        self.processes.append(process)
        return process

    def run(self, *words: str) -> None:
        """Run a command to its end; it must end well."""
        assert self.start(*words).wait(PATIENCE) == 0, self.log()[-5000:]

    def log(self) -> str:
        """What all of them have said."""
        return (self.folder / "log.txt").read_text(errors="replace")

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """SIGTERM; it must end well."""
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # it says at which lines its threads are
            code = process.wait(30)
        assert code == 0, self.log()[-20000:]

    def wait_for(self, what: str, until: Callable[[], object], *, patience: float = PATIENCE) -> None:
        """Come back when `until` is true; fail, saying `what` did not happen, when it takes too long."""
        deadline = time.monotonic() + patience
        while not until():
            assert time.monotonic() < deadline, f"{what} did not happen\n{self.log()[-5000:]}"
            threading.Event().wait(0.05)

    def arrived(self) -> int:
        """How many messages the sink has, each counted once."""
        return len(self.sink.accepted)

    def copies(self) -> int:
        """How many it has too many."""
        return sum(self.sink.accepted.values()) - len(self.sink.accepted)

    def states(self) -> dict[DeliveryState, int]:
        """How many rows the ledger has, by state."""
        with self.db.read() as tx:
            return dict(deliveries.count(tx))

    def is_settled(self) -> bool:
        """Whether every message is sent, or in doubt."""
        states = self.states()
        return states.get(DeliveryState.SENT, 0) + states.get(DeliveryState.UNCERTAIN, 0) == self.messages

    def let_leases_end(self) -> None:
        """Whoever holds a row has held it too long, but for rows that somebody is writing at this moment."""
        held = "SELECT id FROM delivery WHERE lease_until IS NOT NULL FOR UPDATE SKIP LOCKED"
        with self.db.begin() as tx:
            tx.execute(text(f"UPDATE delivery SET lease_until = 1 WHERE id IN ({held})"))  # noqa: S608 (both are ours)

    def resolve(self) -> int:
        """What is in doubt is settled, as the relay's log says, and the rest is sent again; how many that were."""
        now = datetime.now(UTC)
        log = [f"message-id={found.decode()}\n" for found in self.sink.accepted]
        reconcile.reconcile(self.db, ground.press(), reconcile.message_ids(log), now=now)
        with self.db.read() as tx:
            rows = deliveries.listed(tx, state=DeliveryState.UNCERTAIN, limit=self.messages)
        for row in rows:
            doubt.resolve(self.db, ground.press().archive, row.id, Finding.AGAIN, now=now)
        return len(rows)

    def assert_each_exactly_once(self) -> None:
        """Every message is at the sink, once, and the ledger knows it."""
        assert self.arrived() == self.messages, self.log()[-5000:]
        assert self.copies() == 0
        assert self.states() == {DeliveryState.SENT: self.messages}


@contextmanager
def fleet(
    folder: Path,
    url: str,
    *,
    messages: int,
    connections: int = 4,
    delay: float = 0.01,
    parted: bool = False,
    relay: str = "",
    domains: str = "",
    **options: str,
) -> Iterator[Fleet]:
    """So many messages that are due, on an empty PostgreSQL database; what is in doubt is held.

    `parted`: the database is divided into shards. `relay` are more options of the relay, as its address has them, and
    `domains` the lines of its table of throttles.
    """
    db = ground.database(folder, url)
    if parted:
        partition.divide(db)
    ground.fill(db, ground.publish(db, uncertain=WhenUncertain.HOLD), people=messages, due=messages)
    with Sink(delay=delay) as sink:
        more = "".join(f'{name} = "{value}"\n' for name, value in options.items())
        url_of_relay = f"smtp://127.0.0.1:{sink.port}?tls=off&connections={connections}{relay}"
        tables = f'[relays.sink]\nurl = "{url_of_relay}"\n[relays.sink.domains]\n{domains}\n' if domains else ""
        one = "" if domains else f'relay_url = "{url_of_relay}"'
        (folder / "sequencer.toml").write_text(
            f"""base_url = "https://mail.example.org"
secret_key = "{ground.SECRET}"
postal_address = "1 Example Street"
database_url = "{url}"
{one}
courses = "{shipped("lessons")}"
{more}{tables}""",
            encoding="utf-8",
        )
        made = Fleet(folder=folder, url=url, db=db, sink=sink, messages=messages)
        try:
            yield made
        finally:
            for process in made.processes:
                process.kill()
                process.wait()
            db.close()


def new_database(server: str, name: str) -> str:
    """An empty database of this name on a server, whose address is given; its own address."""
    admin = connect(server, root=Path())
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = admin.engine.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    admin.close()
    return url
