"""How many messages a second does PostgreSQL let through? Due people among many, sent by appending to a file.

Nothing is on the wire, so what is measured is the ledger: claim, intent, outcome and the next hour of each person.
Every message is counted in the file, and once more in the ledger. The second round is the same with one old snapshot
open.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks import ground
from sequencer import settings, worker
from sequencer.app import App, open_app
from sequencer.content.templates import Templates
from sequencer.core.model import Accepted, Claim, DeliveryState, Parcel, Report, Revision
from sequencer.delivery.courier import Carried, Ledger
from sequencer.delivery.way import Lane
from sequencer.engine import choose
from sequencer.engine.drain import drain as drain_one
from sequencer.engine.drain import due
from sequencer.engine.ending import Ending
from sequencer.flows import dispatch
from sequencer.flows.lowwater import Marks
from sequencer.flows.press import Imprint, Press
from sequencer.relays import Relay
from sequencer.store import deliveries, partition, shards
from sequencer.store.database import Database, connect
from sequencer.values import EngineName, Intent

LESSONS = 4
WORDS = 240
DAY = timedelta(days=1)
FAR = 30  # days until the others are due
LOOK = 0.25  # seconds between two looks at what is due
STOP = "stop"  # a file that tells the workers of an engine that nobody is due any more
RELAY = Relay(host="file.test", port=25, tls="off", key="file")
TAKEN = Accepted(reply="250 2.0.0 Ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """A courier that writes the id of each message to the end of a file, which is then as good as sent."""

    path: Path
    batch: int

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more; what became of a batch is settled with the next one's intents."""
        places = [Lane(relay=RELAY)] * self.batch
        tried, reports = 0, list[Report]()
        with self.path.open("ab", buffering=0) as file:
            while batch := ledger.next_batch(places):
                if not ledger.intends:
                    granted = ledger.record([one.ticket for one in batch], reports)
                    batch, reports = [one for one in batch if one.ticket.delivery_id in granted], []
                file.write(b"".join(b"%d\n" % one.ticket.delivery_id for one in batch))
                tried += len(batch)
                reports += [Report(ticket=one.ticket, outcome=TAKEN, relay=RELAY.name) for one in batch]
                if ledger.intends:
                    ledger.record([], reports)
                    reports = []
            if reports:
                ledger.record([], reports)
        return Carried(tried=tried)


class Blank(Press):
    """A press that leaves the page empty: what a message costs to make is measured by benchmarks.drain."""

    def lesson(self, claim: Claim, revision: Revision, relay: Relay, **_: object) -> Parcel:  # noqa: ARG002
        """A parcel without a word in it."""
        return Parcel(
            ticket=claim.ticket,
            relay=relay.name,
            sender="a@example.org",
            recipient=claim.address.wire,
            needs_smtputf8=False,
            content=b"From: a@example.org\r\nMessage-ID: <%d@example.org>\r\n\r\n" % claim.id,
        )


@dataclass(slots=True)
class Round:
    """What one round gave."""

    seconds: float
    ours: float
    servers: float | None
    ids: list[int] = field(default_factory=list)


def main() -> None:
    """Fill the database, run the rounds, count, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=os.environ.get("BENCH_DATABASE_URL", ""), help="an empty PostgreSQL database")
    parser.add_argument("--people", type=int, default=10_000_000)
    parser.add_argument("--due", type=int, default=1_000_000)
    parser.add_argument(
        "--engine", type=EngineName, default=EngineName.IN_PROCESS, help="who tells workers where to look"
    )
    parser.add_argument("--broker", default="", help="for celery: like redis://127.0.0.1:6379/0")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--intent", type=Intent, default=Intent.STRICT)
    parser.add_argument("--shards", type=int, default=0, help="partition the database; 0: leave it whole")
    parser.add_argument("--render", action="store_true", help="make each message, too")
    parser.add_argument("--worker", type=int, metavar="N", help="only be one of the workers (used by itself)")
    parser.add_argument("--day", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.url:
        raise SystemExit("Give --url or BENCH_DATABASE_URL: an empty PostgreSQL database.")
    db = connect(given.url, root=Path())
    if given.worker is not None:
        print(json.dumps((work if given.engine is EngineName.IN_PROCESS else follow)(db, given)))
    else:
        print(json.dumps(measure(db, given)))
    db.close()


def measure(db: Database, given: argparse.Namespace) -> dict[str, object]:
    """Both rounds; raises SystemExit where a message is missing or there twice."""
    fill(given.url, given.people, given.due, given.shards)
    first = drain(db, given, day=0)
    with snapshot(db):
        second = drain(db, given, day=1)
    doubled = sum(number - 1 for number in Counter(first.ids + second.ids).values())
    with db.read() as tx:
        sent = deliveries.count(tx).get(DeliveryState.SENT, 0)
    if len(set(first.ids + second.ids)) != 2 * given.due or sent != 2 * given.due:
        raise SystemExit(f"{len(first.ids)} and {len(second.ids)} were sent, {sent} are so by the ledger.")
    rate, old = given.due / first.seconds, given.due / second.seconds
    return {
        "engine": given.engine,
        "people": given.people,
        "due": given.due,
        "workers": given.workers,
        "shards": shards.count(db),
        "intent": given.intent,
        "batch": given.batch,
        "rendered": given.render,
        "messages_per_second": round(rate),
        "messages_per_second_with_an_old_snapshot": round(old),
        "share_with_an_old_snapshot": round(old / rate, 2),
        "our_cpu_us_per_message": round(first.ours / given.due * 1e6, 1),
        "postgresql_cpu_us_per_message": first.servers and round(first.servers / given.due * 1e6, 1),
        "doubled": doubled,
    }


def fill(url: str, people: int, due: int, parts: int = 0) -> None:
    """So many people, of whom so many are due; the others are due in a month."""
    db = ground.database(Path(), url)
    if parts:
        partition.divide(db, parts=parts)
    revision = ground.publish(db, words=WORDS, lessons=LESSONS)
    ground.fill(db, revision, people=people, due=due, later=FAR * 86_400)
    ground.tidy(db)
    db.close()


def drain(db: Database, given: argparse.Namespace, *, day: int) -> Round:
    """All workers at once, until nothing is due on that day."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        options = ["--url", given.url, "--batch", str(given.batch), "--intent", given.intent, "--folder", folder]
        options += ["--workers", str(given.workers), "--day", str(day), *(["--render"] if given.render else [])]
        options += ["--engine", given.engine, "--broker", given.broker]
        command = [sys.executable, "-m", "benchmarks.scale", *options]
        before = server_cpu(db)
        workers = [
            subprocess.Popen([*command, "--worker", str(number)], stdout=subprocess.PIPE)  # noqa: S603
            for number in range(given.workers)
        ]
        if given.engine is not EngineName.IN_PROCESS:
            hint(db, given, Path(folder), day)
        told = [json.loads(worker.communicate()[0]) for worker in workers]
        after = server_cpu(db)
        ids = [int(line) for path in Path(folder).glob("[0-9]*") for line in path.read_bytes().split()]
    # Starting a process is not what is measured: from the first look of any to the last one's end.
    seconds = max(one["ended"] for one in told) - min(one["began"] for one in told)
    ours, servers = sum(one["cpu"] for one in told), None if before is None or after is None else after - before
    return Round(seconds=seconds, ours=ours, servers=servers, ids=ids)


def server_cpu(db: Database) -> float | None:
    """The seconds of CPU that PostgreSQL's processes have used, those that ended too; None where it is far away."""
    with db.read() as tx:
        backend = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    if not _process(backend)[0].startswith("postgres"):
        return None
    server = _process(backend)[1]
    while True:
        ended = _process(server)
        family = [one for path in Path("/proc").glob("[0-9]*") if (one := _process(int(path.name)))[1] == server]
        # Who ended in between would be counted twice.
        if ended == _process(server):
            return ended[3] + sum(own for _, _, own, _ in family)


def _process(number: int) -> tuple[str, int, float, float]:
    """A process: its name, whose child it is, the CPU of its own, and that with what its ended children had."""
    try:
        name, _, rest = Path(f"/proc/{number}/stat").read_text().partition("(")[2].rpartition(")")
    except FileNotFoundError:
        return "", 0, 0.0, 0.0
    words = rest.split()
    used = [int(one) / os.sysconf("SC_CLK_TCK") for one in words[11:15]]
    return name, int(words[1]), sum(used[:2]), sum(used)


def work(db: Database, given: argparse.Namespace) -> dict[str, float]:
    """One worker: its shards in turn, until nothing of theirs is due; without shards, whatever is."""
    courier = Append(path=given.folder / str(given.worker), batch=given.batch)
    press, marks, now = _press(render=given.render), Marks(), ground.NOW + given.day * DAY
    number = shards.count(db)
    worker.keep_what_is_loaded()
    mine: Sequence[int | None] = range(given.worker, number, given.workers) if number > 1 else [None]
    began, before = time.time(), cpu()
    for shard in mine:
        dispatch.tick(db, courier, press, now=now, intent=given.intent, shard=shard, low=marks.of(shard))
    return {"began": began, "ended": time.time(), "cpu": cpu() - before}


def hint(db: Database, given: argparse.Namespace, folder: Path, day: int) -> None:
    """Be the clock: tell the engine of each shard where somebody is due, and then the workers that nobody is."""
    app = _app(db, given, day, folder)
    carrier = choose.open_engine(app, given.engine)
    carrier.prepare()
    while shards_due := due(app):
        carrier.hint(shards_due)
        time.sleep(LOOK)
    (folder / STOP).touch()
    carrier.close()


def follow(db: Database, given: argparse.Namespace) -> dict[str, float]:
    """One worker of an engine, until it is told that nobody is due any more."""
    app, ending = _app(db, given, given.day, given.folder), Ending()
    app = replace(app, courier=Append(path=given.folder / str(given.worker), batch=given.batch))
    spans: list[tuple[float, float]] = []

    def drain_shard(shard: int) -> None:
        began = time.time()
        if drain_one(app, shard, ending=ending).accepted:
            spans.append((began, time.time()))

    def watch() -> None:
        while not (given.folder / STOP).exists():
            time.sleep(LOOK)
        ending.begin()

    threading.Thread(target=watch, daemon=True).start()
    carrier = choose.open_engine(app, given.engine)
    carrier.prepare()
    worker.keep_what_is_loaded()
    before = cpu()
    carrier.run_worker(drain_shard, concurrency=1, ending=ending)
    carrier.close()
    used, now = cpu() - before, time.time()
    began, ended = min((one for one, _ in spans), default=now), max((one for _, one in spans), default=0.0)
    return {"began": began, "ended": ended, "cpu": used}


def cpu() -> float:
    """The seconds of CPU that this process has used, its threads and the system for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _app(db: Database, given: argparse.Namespace, day: int, folder: Path) -> App:
    """The app whose clock stands still on that day, and whose journal lies in that folder."""
    options = {"DATABASE_URL": given.url, "ENGINE": given.engine, "BROKER_URL": given.broker}
    read = settings.load(None, {f"SEQUENCER_{name}": one for name, one in options.items()}, samples=settings.SAMPLES)
    now = ground.NOW + day * DAY
    app = open_app(replace(read, root=folder, intent=given.intent), clock=lambda: now)
    app.close()
    return replace(app, db=db, press=_press(render=given.render))


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """Somebody reads for a long time, and has begun."""
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as tx:
        tx.execute(text("SELECT count(*) FROM course"))
        yield


def _press(*, render: bool) -> Press:
    imprint = Imprint(
        base_url="https://mail.example.org", secret=ground.SECRET, postal_address="1 Example Street", confirm_within=7
    )
    return (Press if render else Blank)(Templates(), imprint)


if __name__ == "__main__":
    main()
