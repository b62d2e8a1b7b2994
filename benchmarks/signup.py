"""How many sign-ups a second does the door take? wrk posts forms to a running service; then the database is counted.

The service is `sequencer serve` on a fresh SQLite file, kept to one core; wrk, the relay and the visitors have the
others. Every sign-up has another address and comes from another network, as behind a proxy. Meanwhile somebody asks for
a page ten times a second, and many connections are open on which nobody says anything. With --in-process it is told how
much CPU each sign-up takes, which hardly depends on what else the machine does (benchmarks/door.py).
"""

import argparse
import http.client
import json
import os
import re
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import door, sink

CORE = 0
SETTINGS = """
base_url = "http://127.0.0.1:{port}"
listen = "127.0.0.1:{port}"
secret_key = "a secret for benchmarks, known to all"
postal_address = "1 Example Street"
relay_url = "smtp://127.0.0.1:{relay}?tls=off&connections=20"
trusted_proxies = ["127.0.0.1"]
signup_caps = {{ form = 100000000, all = 100000000, domain = 100000000 }}
"""
LUA = """
local number = 0
request = function()
  number = number + 1
  local who = string.format("reader-{seed}-%x", number)
  local body = "email=" .. who .. "%40example-" .. (number % 997) .. ".org&name=Reader&timezone=Europe%2FParis"
  local parts = {{ 1 + number % 199, number % 251, math.floor(number / 199) % 250, math.floor(number / 251) % 250 }}
  local head = {{ ["Content-Type"] = "application/x-www-form-urlencoded", ["Accept"] = "{accept}" }}
  head["X-Forwarded-For"] = table.concat(parts, ".")
  return wrk.format("POST", "/f/newsletter", head, body)
end
"""


def main() -> None:
    """Run the rounds and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accept", default="text/html", help="text/html for a page, or application/json")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--in-process", type=int, metavar="SIGN-UPS", help="count CPU instead, over so many sign-ups")
    given = parser.parse_args()
    if given.in_process:
        ways = {"connections": given.connections, "accept": given.accept}
        told = [door.measure(given.in_process, SETTINGS, **ways, seed=number + 1) for number in range(given.rounds)]
        print(json.dumps(told, indent=2) if given.json else table(told))
        return
    if not shutil.which("wrk"):
        sys.exit("wrk is needed; on Debian: apt install wrk")
    rounds = []
    for number in range(given.rounds):
        idle = given.idle if number else 0
        rounds.append(measure(given.seconds, given.connections, idle, accept=given.accept, seed=number + 1))
    print(json.dumps(rounds, indent=2) if given.json else table(rounds))


def measure(seconds: int, connections: int, idle: int, *, accept: str, seed: int) -> dict[str, float]:
    """One round against a fresh service."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, sink.running() as (relay, _):
        root = Path(folder)
        with service(root, relay) as (port, server), silence(port, idle) as opened, visitor(port) as waits:
            (root / "post.lua").write_text(LUA.format(seed=seed, accept=accept), encoding="utf-8")
            before = cpu(server.pid)
            wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(root / "post.lua")]
            done = subprocess.run([*wrk, f"http://127.0.0.1:{port}"], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
            used = cpu(server.pid) - before
            # The mails that went out beside, and not behind.
            sent = counted(root / "sequencer.db")["sent"]
        said = done.stdout
        kept = counted(root / "sequencer.db")
        requests = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        return {
            "accepted_per_second": round((requests - int(refused[1] if refused else 0)) / seconds),
            "committed_per_second": round(kept["consent"] / seconds),
            "refused": int(refused[1]) if refused else 0,
            "p50_ms": latency(said, "50%"),
            "p99_ms": latency(said, "99%"),
            "core": round(used / seconds, 2),
            "page_p50_ms": round(1000 * statistics.median(waits), 1),
            "page_worst_ms": round(1000 * max(waits), 1),
            "idle_connections": opened,
            "mails_per_second": round(sent / seconds),
        }


@contextmanager
def service(root: Path, relay: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`sequencer serve` in this folder, on one core, ready."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    (root / "sequencer.toml").write_text(SETTINGS.format(port=port, relay=relay), encoding="utf-8")
    here = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    shutil.copytree("lessons", root / "lessons")
    program = [sys.executable, "-m", "sequencer", "serve"]
    log = (root / "log").open("wb")
    server = subprocess.Popen(program, cwd=root, env=here, stdout=log, stderr=log, preexec_fn=_one_core)  # noqa: S603, PLW1509
    try:
        while True:
            if server.poll() is not None:
                sys.exit((root / "log").read_text())
            try:
                asked(port)
                break
            except OSError:
                time.sleep(0.1)
        yield port, server
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@contextmanager
def silence(port: int, many: int) -> Iterator[int]:
    """So many connections on which nobody says anything; as many as this machine lets a program have."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    opened = []
    for _ in range(min(many, most - 500)):
        one = socket.socket()
        one.connect(("127.0.0.1", port))
        opened.append(one)
    # They stand in a row until they are let in: who comes last is answered when all are.
    asked(port)
    try:
        yield len(opened)
    finally:
        for one in opened:
            one.close()


@contextmanager
def visitor(port: int) -> Iterator[list[float]]:
    """Somebody who asks for the sign-up page again and again; how long they waited each time, in seconds."""
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.1):
            began = time.perf_counter()
            asked(port)
            waits.append(time.perf_counter() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def asked(port: int) -> None:
    """Ask for the sign-up page; raises OSError where it is not given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/f/newsletter")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise OSError(answer.status)


def counted(file: Path) -> dict[str, int]:
    """How many sign-ups are in the database, and how many mails went out."""
    with sqlite3.connect(file) as db:
        (consents,) = db.execute("SELECT count(*) FROM consent").fetchone()
        (sent,) = db.execute("SELECT count(*) FROM delivery WHERE finished_at IS NOT NULL").fetchone()
    return {"consent": consents, "sent": sent}


def cpu(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def latency(said: str, part: str) -> float:
    """A line of wrk's table, in milliseconds."""
    number, unit = re.search(rf"{part}\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
    return round(float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit], 1)


def table(rounds: list[dict[str, float]]) -> str:
    """The rounds side by side."""
    return "\n".join(f"{name:22}" + "".join(f"{one[name]:>12}" for one in rounds) for name in rounds[0])


def _one_core() -> None:
    os.sched_setaffinity(0, {CORE})


if __name__ == "__main__":
    main()
