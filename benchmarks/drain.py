"""How fast do due lessons reach a relay? Claimed, personalised, sent over loopback SMTP, settled in SQLite.

In the same run Postfix's own load generator sends as many messages of the same size to the same sink, in turn.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import ground, sink
from sequencer.core.model import DeliveryState
from sequencer.delivery.courier import SmtpCourier
from sequencer.flows import dispatch
from sequencer.relays import Relay
from sequencer.store import deliveries

WORDS = 240  # which make a message of 20 KB


def main() -> None:
    """Run the rounds in turn and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dkim", action="store_true", help="sign each message with an RSA key of 2048 bits")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, metavar="PORT", help="only drain once into this port (used by itself)")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(drain(given.messages, given.connections, given.one, signed=given.dkim)))
        return
    with sink.running() as (port, name):
        ours, theirs = [], []
        for _ in range(given.rounds):
            command = [sys.executable, "-m", "benchmarks.drain", "--one", str(port)]
            options = ["--messages", str(given.messages), "--connections", str(given.connections)]
            options += ["--dkim"] if given.dkim else []
            done = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
            ours.append(json.loads(done.stdout))
            theirs.append(source(given.messages, given.connections, port, ours[-1]["size"]))
    report(ours, [rate for rate in theirs if rate], name, as_json=given.json)


def drain(messages: int, connections: int, port: int, *, signed: bool = False) -> dict[str, float]:
    """Fill a fresh database, drain it into the sink, and count the ledger."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        db = ground.database(Path(folder))
        revision = ground.publish(db, words=WORDS)
        ground.fill(db, revision, people=messages, due=messages)
        courier = SmtpCourier(Relay(host="127.0.0.1", port=port, tls="off", connections=connections))
        press = ground.press(Path(folder) if signed else None)
        cpu, began = time.process_time(), time.perf_counter()
        done = dispatch.tick(db, courier, press, now=ground.NOW)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        with db.read() as tx:
            sent = deliveries.count(tx).get(DeliveryState.SENT, 0)
        if sent != messages or done.accepted != messages:
            raise SystemExit(f"{sent} of {messages} were sent: {done}")
        db.close()
    size = ground.message_size(press, revision)
    return {
        "rate": messages / seconds,
        "cpu_us": cpu / messages * 1e6,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "size": size,
    }


def source(messages: int, connections: int, port: int, size: int) -> float:
    """The rate of Postfix's smtp-source over the same number of connections; 0 where it is not installed."""
    found = sink.postfix_tool("smtp-source")
    if found is None:
        return 0.0
    command = [found, "-s", str(connections), "-m", str(messages), "-l", str(size), "-d", f"127.0.0.1:{port}"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return messages / (time.perf_counter() - began)


def report(ours: list[dict[str, float]], theirs: list[float], name: str, *, as_json: bool) -> None:
    """Medians over the rounds, and the ratio round by round."""
    middle = {key: statistics.median(one[key] for one in ours) for key in ours[0]}
    ratios = [one["rate"] / other for one, other in zip(ours, theirs, strict=False)]
    result = {
        "messages_per_second": round(middle["rate"]),
        "cpu_us_per_message": round(middle["cpu_us"], 1),
        "peak_rss_mb": round(middle["rss_mb"], 1),
        "message_bytes": round(middle["size"]),
        "smtp_source_per_second": round(statistics.median(theirs)) if theirs else None,
        "ratio": round(statistics.median(ratios), 2) if ratios else None,
        "sink": name,
    }
    if as_json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:24} {value}")


if __name__ == "__main__":
    main()
