"""Who sends? An installation of ours in a folder of its own, with many people who are due, driven by its command line.

It is our program in a process of its own, as an admin runs it: only the people are put into the database at once.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks import ground
from sequencer.content.files import shipped
from sequencer.core.model import Delivery, DeliveryState, SubscriberState
from sequencer.store import deliveries, subscribers
from sequencer.store.database import connect

SENDER_DOMAIN = "example.org"
_SETTINGS = """base_url = "https://mail.example.org"
secret_key = "{secret}"
postal_address = "1 Example Street"
database_url = "sqlite:///interop.db"
relay_url = "{relay}"
courses = "{courses}"
dkim_key = "{keys}/rsa.pem"
dkim_ed25519_key = "{keys}/ed25519.pem"
dkim_selector = "s1"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A course whose first lesson so many people are to get, signed with the `keys`.

    `trusts` is the file of the authorities whose certificates it believes.
    """

    folder: Path
    keys: Path
    people: int
    trusts: Path

    def set_up(self, others: Mapping[int, str]) -> None:
        """Publish the course, and let the people be due; `others` are addresses that are not reader<number>'s."""
        db = ground.database(self.folder, "sqlite:///interop.db")
        ground.fill(db, ground.publish(db, words=330), people=self.people, due=self.people)
        with db.begin() as tx:
            for number, address in others.items():
                values = {"number": number, "address": address}
                tx.execute(
                    text("UPDATE subscriber SET normalized = :address, wire = :address WHERE id = :number"), values
                )
        db.close()

    def tick(self, relay: str, *, hours: int = 0) -> Mapping[str, object]:
        """Send what is due so many hours later by this relay; what the program says of it."""
        settings = self.folder / "sequencer.toml"
        settings.write_text(
            _SETTINGS.format(secret=ground.SECRET, relay=relay, courses=shipped("lessons"), keys=self.keys)
        )
        now = (ground.NOW + timedelta(hours=hours)).isoformat()
        printed = self._run("--config", str(settings), "tick", "--now", now, "--json")
        found: Mapping[str, object] = json.loads(printed)
        return found

    def ledger(self) -> list[Delivery]:
        """All rows of the ledger."""
        db = connect("sqlite:///interop.db", root=self.folder)
        with db.read() as tx:
            rows = list(deliveries.listed(tx, limit=self.people + 1))
        db.close()
        return rows

    def suppressed(self) -> set[str]:
        """The addresses that get no more mail."""
        db = connect("sqlite:///interop.db", root=self.folder)
        with db.read() as tx:
            people = subscribers.listed(tx, state=SubscriberState.SUPPRESSED, limit=self.people)
        db.close()
        return {person.address.wire for person in people}

    def is_waiting(self) -> bool:
        """Whether anybody's first message is not sent yet."""
        return Counter(row.state for row in self.ledger()) != {DeliveryState.SENT: self.people}

    def _run(self, *words: str) -> str:
        return run(*words, folder=self.folder, SSL_CERT_FILE=str(self.trusts))


def make_keys(folder: Path) -> Mapping[str, str]:
    """Make an RSA and an Ed25519 key there; the TXT records that the program asks an admin to publish."""
    records = {}
    for name, options in (("rsa.pem", ()), ("ed25519.pem", ("--ed25519",))):
        run("dkim", "new", SENDER_DOMAIN, *options, "--into", name, folder=folder)
        shown = json.loads(run("dkim", "show", name, "--domain", SENDER_DOMAIN, "--json", folder=folder))
        records[shown["name"]] = shown["value"]
    return records


def run(*words: str, folder: Path, **environ: str) -> str:
    """What our program prints, run in this folder with nothing but these variables added."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SEQUENCER_")}
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-W", "error", "-m", "sequencer", *words],
        cwd=folder,
        env={**ours, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    # A relay that cannot be used is told by exit code 1, and printed all the same.
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout
