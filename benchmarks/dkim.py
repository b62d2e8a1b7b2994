"""What does a DKIM signature cost? A message of 20 KB signed by us, by RSA-2048 alone, and by dkimpy, in turn."""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import dkim as dkimpy
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from benchmarks import ground
from sequencer.core.model import Mailbox
from sequencer.message import dkim, mime
from sequencer.message.dkim import Signer
from sequencer.message.mime import Letter

WORDS = "steady words, line by line, "
LETTER = Letter(
    sender=Mailbox(name="Ann Author", address="ann@example.org"),
    recipient="reader1@example.org",
    subject="A lesson to measure",
    language="en",
    message_id="<0123456789abcdef0123456789abcdef@example.org>",
    date=ground.NOW,
    list_name="A Course to Measure",
    list_id="bench.list-id.example.org",
    unsubscribe="https://mail.example.org/u/" + "x" * 60,
    text=WORDS * 220,
    html="<html><body>" + f"<p>{WORDS}</p>\n" * 350 + "</body></html>\n",
)


def main() -> None:
    """Run the rounds in turn and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--messages", type=int, default=500, help="signed in a round; dkimpy signs a tenth")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="bench-") as folder:
        rsa, ed = (signer(Path(folder), ed25519=kind) for kind in (False, True))
        kinds = jobs(rsa, ed, (Path(folder) / "rsa.pem").read_bytes(), mime.compose(LETTER))
        rates = measured(kinds, rounds=given.rounds, messages=given.messages)
    report(rates, len(mime.compose(LETTER)), as_json=given.json)


def signer(folder: Path, *, ed25519: bool) -> Signer:
    """A signer with a fresh key."""
    path = folder / ("ed.pem" if ed25519 else "rsa.pem")
    path.write_bytes(dkim.new_key(ed25519=ed25519))
    return dkim.load(path, "example.org", "s1")


def jobs(rsa: Signer, ed: Signer, pem: bytes, content: bytes) -> dict[str, Callable[[], object]]:
    """What is compared."""
    return {
        "bare": bare(rsa),
        "ours": lambda: dkim.sign(content, [rsa], timestamp=ground.NOW),
        "ours_with_ed25519": lambda: dkim.sign(content, [rsa, ed], timestamp=ground.NOW),
        "dkimpy": theirs(rsa, pem, content),
    }


def measured(kinds: dict[str, Callable[[], object]], *, rounds: int, messages: int) -> dict[str, list[float]]:
    """Signatures a second, of each kind round by round."""
    rates: dict[str, list[float]] = {name: [] for name in [*kinds, "two_threads"]}
    for _ in range(rounds):
        for name, job in kinds.items():
            rates[name].append(rate(job, messages // 10 if name == "dkimpy" else messages))
        rates["two_threads"].append(rate(kinds["ours"], messages, threads=2))
    return rates


def bare(rsa: Signer) -> Callable[[], object]:
    """What nobody can do without: one RSA signature over as many bytes as there are in the headers."""
    words, padding, digest = b"x" * 900, PKCS1v15(), hashes.SHA256()
    return lambda: rsa.key.sign(words, padding, digest)


def theirs(rsa: Signer, pem: bytes, content: bytes) -> Callable[[], object]:
    """The same signature, by dkimpy."""
    there = [name.encode() for name in rsa.headers if f"\r\n{name}:".encode() in b"\r\n" + content.lower()]
    given = {"canonicalize": (b"relaxed", b"simple"), "include_headers": there}
    return lambda: dkimpy.sign(content, b"s1", b"example.org", pem, **given)


def rate(job: Callable[[], object], times: int, *, threads: int = 1) -> float:
    """How often a second the job is done, by so many threads at once."""
    workers = [threading.Thread(target=repeat, args=(job, times // threads)) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return times // threads * threads / (time.perf_counter() - began)


def repeat(job: Callable[[], object], times: int) -> None:
    """Do it so many times."""
    for _ in range(times):
        job()


def report(rates: dict[str, list[float]], size: int, *, as_json: bool) -> None:
    """Medians over the rounds, and ratios round by round."""
    middle = {f"{name}_per_second": round(statistics.median(found)) for name, found in rates.items()}
    ratios = {
        name: round(statistics.median(one / other for one, other in zip(rates[above], rates[below], strict=True)), 2)
        for name, above, below in (
            ("ratio_ours_to_bare", "ours", "bare"),
            ("ratio_ours_to_dkimpy", "ours", "dkimpy"),
            ("ratio_two_threads_to_one", "two_threads", "ours"),
        )
    }
    result = {"message_bytes": size, **middle, **ratios}
    if as_json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:28} {value}")


if __name__ == "__main__":
    main()
