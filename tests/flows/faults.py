"""What do tests of faults share? What goes wrong at a chosen moment of a pass, and what must be true after."""

import re
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from house import DAY, EIGHT, House, ScriptedCourier, small_course
from sqlalchemy import text

from sequencer.core.model import Delivery, DeliveryKind, DeliveryState, EnrolmentState
from sequencer.errors import BadDatabase
from sequencer.flows import dispatch

QUARTER = timedelta(minutes=15)
PEOPLE = ("ann@example.org", "ben@example.org", "cleo@example.org")
# What a courier asks of the ledger in one pass over three people: a claim, three intents and outcomes, a last claim.
MOMENTS = range(1, 9)

_OTHER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.stdin:
    other.execute(statement)
    print("done", flush=True)
"""


@dataclass(slots=True)
class Interrupted:
    """A courier that lets `fault` happen before it asks the ledger for the nth time."""

    courier: ScriptedCourier
    nth: int
    fault: Callable[[], object]
    asked: int = 0

    def carry(self, ledger: Any) -> Any:
        """Send until the ledger has no more."""
        return self.courier.carry(_Questions(self, ledger))

    def count(self) -> None:
        """One more question."""
        self.asked += 1
        if self.asked == self.nth:
            self.fault()


class _Questions:
    def __init__(self, courier: Interrupted, ledger: Any) -> None:
        self._courier = courier
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if name not in ("next_batch", "record"):
            return found

        def ask(*args: Any, **options: Any) -> Any:
            self._courier.count()
            return found(*args, **options)

        return ask


class OtherProgram:
    """A program of its own that has the SQLite file open, and says there what it is told to."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def say(self, statement: str) -> None:
        """Say it, and come back when it is done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{statement}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def other_program(path: Path) -> Iterator[OtherProgram]:
    """Such a program; it ends when this is left."""
    command = [sys.executable, "-c", _OTHER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield OtherProgram(process)


def three_readers(house: House, lessons: int = 1) -> None:
    """A small course that three people are on."""
    house.publish(small_course(lessons))
    for email in PEOPLE:
        house.join(email)
    house.courier.sent.clear()


def interrupted_pass(house: House, nth: int, fault: Callable[[], object]) -> str:
    """A pass at eight in which the fault happens before the nth question; what the operator is told, "" for nothing."""
    courier = Interrupted(house.courier, nth, fault)
    try:
        dispatch.tick(house.db, courier, house.press, now=EIGHT)
    except BadDatabase as bad:
        return str(bad)
    finally:
        assert courier.asked >= nth, "the fault did not happen"
    return ""


def lessons(house: House) -> list[Delivery]:
    """The rows of all lessons of the three."""
    return [row for email in PEOPLE for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]


def passes_after(house: House, days: int = 1) -> None:
    """The fault is gone: the next passes. Only from PostgreSQL do they wait for the leases of what was held."""
    for step in range(4):
        house.tick(EIGHT + step * QUARTER)
        if not house.db.is_sqlite:
            with house.db.begin() as tx:
                tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"))
    for day in range(1, days):
        house.tick(EIGHT + day * DAY + QUARTER)


def assert_all_arrived(house: House, each: int = 1) -> None:
    """Everybody has had so many lessons, and a second copy only of what the ledger names, by the same Message-ID."""
    rows = lessons(house)
    arrived = Counter(parcel.ticket.delivery_id for parcel in house.courier.sent)
    names: dict[int, set[bytes]] = defaultdict(set)
    for parcel in house.courier.sent:
        names[parcel.ticket.delivery_id] |= set(re.findall(rb"^Message-ID: (.*)\r$", parcel.content, re.MULTILINE))
    assert len(rows) == each * len(PEOPLE)
    assert {row.state for row in rows} == {DeliveryState.SENT}
    assert {house.place(email).state for email in PEOPLE} == {EnrolmentState.FINISHED}
    for row in rows:
        assert 1 <= arrived[row.id] <= 1 + row.doubts, row
        assert len(names[row.id]) == 1


def doubts(rows: Sequence[Delivery]) -> int:
    """How many messages the ledger has named as uncertain."""
    return sum(row.doubts for row in rows)


def pages(path: Path) -> int:
    """How many pages a SQLite file has now."""
    other = sqlite3.connect(path)
    found = int(other.execute("PRAGMA page_count").fetchone()[0])
    other.close()
    return found
