"""What do the tests of this ring speak of? A relay with its collector, who vouches and signs, and what a run gave."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from interop.collector import Arrived, Collector
from interop.course import Installation
from interop.relays import Relay
from story.stage import wait_for

from sequencer.core.model import Delivery

MESSAGES = int(os.environ.get("INTEROP_MESSAGES", "2000"))
SOME = 20

# Whom the relay refuses for good, and whom for now, by number: strewn among the others.
GONE = {number: f"gone{number}@example.org" for number in range(7, MESSAGES + 1, 40)}
LATER = {number: f"later{number}@example.org" for number in range(23, MESSAGES + 1, 40)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A relay that listens, and what arrives behind it."""

    relay: Relay
    collector: Collector

    def wait_for(self, messages: int) -> None:
        """Come back when so many messages have arrived, and the relay holds none any more."""
        arrived = self.collector.arrived
        try:
            wait_for("the delivery of all", lambda: len(arrived) >= messages and self.relay.is_empty(), patience=90)
        except AssertionError as error:
            raise AssertionError(f"{error}; {len(arrived)} of {messages} arrived; {self.relay.said()}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who vouches for our relays: the file that names it, and the relays' certificate and key."""

    file: Path
    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The folder of the DKIM keys, and the DNS records that belong to them."""

    folder: Path
    records: Mapping[str, str]


class Install(Protocol):
    """Makes an installation."""

    def __call__(self, people: int, others: Mapping[int, str] = ...) -> Installation:
        """With so many people who are due; `others` have these addresses, by number."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hurried:
    """What our program said of its pass, what arrived, the ledger, who gets no more mail, and what the relay logged."""

    done: Mapping[str, object]
    arrived: tuple[Arrived, ...]
    ledger: tuple[Delivery, ...]
    suppressed: frozenset[str]
    logged: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What our program said of each pass, what arrived, and the ledger afterwards."""

    passes: tuple[Mapping[str, object], ...]
    arrived: tuple[Arrived, ...]
    ledger: tuple[Delivery, ...]
