"""How many messages a second does PostgreSQL let through? Due people among many, sent by appending to a file.

Nothing is on the wire, so what is measured is the ledger: claim, intent, outcome and the next hour of each person.
Every message is counted in the file, and once more in the ledger. The last round is done once more with one old
snapshot open. What the machine is worth is measured before and behind all of it (benchmarks/bare.py).
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks import bare, ground
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

    engine: EngineName
    workers: int
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
    parser.add_argument(
        "--round",
        action="append",
        type=_way,
        metavar="ENGINE:WORKERS",
        help="in place of --engine and --workers; as often as there are to be rounds, each a day of its own",
    )
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
    ways: list[tuple[EngineName, int]] = given.round or [(given.engine, given.workers)]
    fill(given.url, given.people, given.due, given.shards, lessons=len(ways) + 2)
    before = bare.measure(given.url, ways[0][1])
    rounds = [drain(db, given, way, day=day) for day, way in enumerate(ways)]
    with snapshot(db):
        rounds.append(drain(db, given, ways[-1], day=len(ways)))
    after = bare.measure(given.url, ways[0][1])
    ids = [one for done in rounds for one in done.ids]
    with db.read() as tx:
        sent = deliveries.count(tx).get(DeliveryState.SENT, 0)
    if len(set(ids)) != len(rounds) * given.due or sent != len(rounds) * given.due:
        raise SystemExit(f"{[len(one.ids) for one in rounds]} were sent, {sent} are so by the ledger.")
    *plain, old = (_told(one, given.due) for one in rounds)
    return {
        "people": given.people,
        "due": given.due,
        "shards": shards.count(db),
        "intent": given.intent,
        "batch": given.batch,
        "rendered": given.render,
        "rounds": plain,
        "with_an_old_snapshot": old,
        "share_with_an_old_snapshot": round(rounds[-2].seconds / rounds[-1].seconds, 2),
        "bare_cycle_per_second": [round(before), round(after)],
        "doubled": len(ids) - len(set(ids)),
    }


def _told(done: Round, due: int) -> dict[str, object]:
    return {
        "engine": done.engine,
        "workers": done.workers,
        "messages_per_second": round(due / done.seconds),
        "our_cpu_us_per_message": round(done.ours / due * 1e6, 1),
        "postgresql_cpu_us_per_message": done.servers and round(done.servers / due * 1e6, 1),
    }


def _way(said: str) -> tuple[EngineName, int]:
    """An engine and how many workers it has."""
    name, _, workers = said.partition(":")
    try:
        return EngineName(name), int(workers or 1)
    except ValueError as error:
        reason = f"a round is an engine and its workers like procrastinate:2, and not {said}"
        raise argparse.ArgumentTypeError(reason) from error


def fill(url: str, people: int, due: int, parts: int = 0, *, lessons: int) -> None:
    """So many people, of whom so many are due; the others are due in a month."""
    db = ground.database(Path(), url)
    if parts:
        partition.divide(db, parts=parts)
    revision = ground.publish(db, words=WORDS, lessons=lessons)
    ground.fill(db, revision, people=people, due=due, later=FAR * 86_400)
    ground.tidy(db)
    db.close()


def drain(db: Database, given: argparse.Namespace, way: tuple[EngineName, int], *, day: int) -> Round:
    """All workers at once, until nothing is due on that day."""
    engine, crew = way
    given = argparse.Namespace(**{**vars(given), "engine": engine})
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        options = ["--url", given.url, "--batch", str(given.batch), "--intent", given.intent, "--folder", folder]
        options += ["--workers", str(crew), "--day", str(day), *(["--render"] if given.render else [])]
        options += ["--engine", engine, "--broker", given.broker]
        command = [sys.executable, "-m", "benchmarks.scale", *options]
        before = server_cpu(db)
        workers = [
            subprocess.Popen([*command, "--worker", str(number)], stdout=subprocess.PIPE)  # noqa: S603
            for number in range(crew)
        ]
        if engine is not EngineName.IN_PROCESS:
            hint(db, given, Path(folder), day)
        told = [json.loads(worker.communicate()[0]) for worker in workers]
        after = server_cpu(db)
        ids = [int(line) for path in Path(folder).glob("[0-9]*") for line in path.read_bytes().split()]
    # Starting a process is not what is measured: from the first look of any to the last one's end.
    seconds = max(one["ended"] for one in told) - min(one["began"] for one in told)
    ours, servers = sum(one["cpu"] for one in told), None if before is None or after is None else after - before
    return Round(engine=engine, workers=crew, seconds=seconds, ours=ours, servers=servers, ids=ids)


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
