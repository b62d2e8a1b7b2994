"""How does an author get a lesson into their own inbox before it is published? As real mail that says it is a test.

The press, the signature and the conversation with the relay are those of real mail. No database is asked: what would
be rows lasts as long as the message is on its way. Whoever follows a link in it comes to a page that says so. Images
are fetched from where real mail has them, so whoever sends a test keeps them first (flows/images.py).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sequencer.content.templates import Templates
from sequencer.core.limits import Rest
from sequencer.core.model import (
    Course,
    Deferred,
    DeliveryId,
    Outcome,
    Parcel,
    Report,
    Ticket,
    Uncertain,
)
from sequencer.core.rates import Grant, Turn
from sequencer.delivery.courier import Courier
from sequencer.delivery.way import Lane
from sequencer.errors import NotFound
from sequencer.flows import proof
from sequencer.flows.press import Imprint, Press
from sequencer.flows.proof import Reader
from sequencer.message import dkim
from sequencer.message.dkim import Signers
from sequencer.relays import Relay

# Below this path the web door answers every link of a test with the same page.
LINKS = "/test"


class Rehearsal:
    """One course, or one issue, tried out. The secret of `imprint` is for this once: it also makes the Message-IDs."""

    def __init__(
        self, course: Course, templates: Templates, imprint: Imprint, *, signers: Signers, courier: Courier
    ) -> None:
        self.course = course
        self._press = Press(templates, replace(imprint, base_url=imprint.base_url + LINKS, site=imprint.base_url))
        self._signers = signers
        self._courier = courier

    def steps(self, number: int | None) -> Sequence[int]:
        """The step of the lesson with this number, or all steps. Raises NotFound."""
        total = len(self.course.lessons)
        if number is not None and not 1 <= number <= total:
            raise NotFound(f"There is no lesson {number}; the course has {total}.")
        return range(total) if number is None else [number - 1]

    def mark(self, step: int) -> str:
        """How the subject of a test begins."""
        if self.course.is_newsletter:
            return "[Test]"
        return f"[Test {step + 1}/{len(self.course.lessons)}]"

    def check(self, steps: Sequence[int], reader: Reader, relay: Relay, *, now: datetime) -> None:
        """Make every lesson and send none. Raises BadContent with file and line."""
        for step in steps:
            self._parcel(step, reader, relay, now)

    def send(self, step: int, reader: Reader, *, now: datetime) -> Outcome:
        """Send one lesson, now and only now: what is put off is not tried again."""
        ledger = _OneMessage(
            lambda relay: self._parcel(step, reader, relay, now), needs_smtputf8=reader.address.needs_smtputf8
        )
        carried = self._courier.carry(ledger)
        said = carried.trouble or " ".join(carried.down) or "No relay takes mail at the moment."
        return ledger.outcome or Deferred(reply=said, tried=False)

    def _parcel(self, step: int, reader: Reader, relay: Relay, now: datetime) -> Parcel:
        if self.course.is_newsletter:
            parcel = proof.pull_issue(self._press, self.course, reader, relay=relay, now=now)
        else:
            parcel = proof.pull(self._press, self.course, step, reader, relay=relay, now=now)
        signers = self._signers.for_domain(parcel.sender.rpartition("@")[2], unsigned=relay.unsigned)
        marked = _marked(parcel.content, self.mark(step))
        return parcel._replace(content=dkim.sign(marked, signers, timestamp=now))


def sentence(outcome: Outcome) -> str:
    """What became of a test that was not accepted, for whoever sent it."""
    reply = outcome.reply.rstrip(".")
    if isinstance(outcome, Uncertain):
        return f"The relay got the mail and never said whether it took it ({reply}); look whether it arrives."
    return f"The relay said: {reply}." if reply[:3].isdecimal() else f"{reply[:1].upper()}{reply[1:]}."


def _marked(content: bytes, mark: str) -> bytes:
    """The message marked as a test, in its headers alone: what is read in it, the preheader too, is as it will be."""
    # The mark takes the first line of a folded header (RFC 5322 §2.2.3), however the words behind it are encoded.
    subject = content.replace(b"\r\nSubject: ", f"\r\nSubject: {mark}\r\n ".encode(), 1)
    return b"X-Sequencer-Test: yes\r\n" + subject


class _OneMessage:
    """A ledger of one message, in memory. What a relay has not looked at may go by another."""

    in_process = True
    signs = False
    intends = True

    def __init__(self, make: Callable[[Relay], Parcel], *, needs_smtputf8: bool) -> None:
        self.outcome: Outcome | None = None
        self._make = make
        self._needs_smtputf8 = needs_smtputf8
        self._asked: set[str] = set()
        self._is_away = False

    def lease(self, relay: Relay, room: int, held: int) -> Grant:  # noqa: ARG002 (a ledger that counts nothing)
        """Whatever is left for today: one message more is no matter."""
        return Grant(most=room)

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:  # noqa: ARG002 (a ledger that counts nothing)
        """Nothing was leased."""
        return ()

    def renew(self, ticket: Ticket, relay: Relay) -> Turn | None:  # noqa: ARG002 (it has no turn that could be over)
        """None was given."""
        return None

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        """The message, unless it is on its way, has been answered, or was refused a look by each of them."""
        free = [one for one in places if one.relay.name not in self._asked]
        if self._is_away or not free:
            return []
        suiting = [one for one in free if one.smtputf8 or not self._needs_smtputf8]
        relay = (suiting or free)[0].relay
        self._asked.add(relay.name)
        self._is_away = True
        return [self._make(relay)]

    def pressed(self, places: Sequence[Lane]) -> Sequence[Parcel]:  # noqa: ARG002 (nobody does)
        """Nobody presses anything."""
        return []

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        """Remember the answer."""
        for report in reports:
            self.outcome = report.outcome
            self._is_away = not isinstance(report.outcome, Deferred) or report.outcome.tried
        return frozenset(ticket.delivery_id for ticket in intents)

    def rests(self, relays: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002 (a test may find out about a relay)
        """None: whoever sends a test means it."""
        return {}

    def share(self, news: Sequence[Rest], relays: Sequence[str]) -> Sequence[Rest]:  # noqa: ARG002 (nobody else)
        """Nobody else is told."""
        return []

    def must_end(self) -> bool:
        """Ctrl-C ends it, in its own way."""
        return False
