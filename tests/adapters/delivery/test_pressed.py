"""Does whoever has just pressed a button wait behind what lies claimed for a slow relay?"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from office import Office, Waiting
from relay import EXTENSIONS, ChaosRelay, Fault, Step

from sequencer.core.model import DeliveryId, Parcel, Ticket
from sequencer.delivery.courier import Carried, SmtpCourier
from sequencer.delivery.way import Lane

BATCH = 200
READER = "pressed@example.org"


@dataclass
class Desk(Office):
    """A ledger to which somebody comes who has pressed a button, once the first messages are out."""

    relay: ChaosRelay | None = None
    answers: list[Parcel] = field(default_factory=list)

    def pressed(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        assert self.relay is not None
        if self.answers or self.relay.messages < 3:
            return []
        self._queue.appendleft(Waiting(self.messages + 1))
        self.answers = [self._claim(places[0])._replace(recipient=READER, at_once=True)]
        return self.answers


def slow(step: Step) -> Fault | None:
    """A relay that thinks about each message for a while."""
    if step is Step.DOT:
        threading.Event().wait(0.02)
    return None


@pytest.mark.parametrize("rate", [0, 40], ids=["slow", "limited"])
@pytest.mark.parametrize("extensions", [EXTENSIONS, EXTENSIONS[1:]], ids=["grouped", "plain"])
def test_a_confirmation_does_not_wait_behind_a_batch_of_lessons(extensions: tuple[str, ...], rate: int) -> None:
    with ChaosRelay(dice=slow, extensions=extensions) as relay:
        office = Desk(BATCH, relay=relay)
        done = SmtpCourier(relay.settings(connections=1, rate=rate)).carry(office)
    assert done == Carried(tried=BATCH + 1)
    # It came within a second or so, behind those that were sent in that time, and not behind all that lay claimed.
    assert relay.recipients.index(READER) < BATCH / 2
    assert DeliveryId(BATCH + 1) in office.outcomes
    assert Ticket(delivery_id=DeliveryId(BATCH + 1), attempt=1) == office.answers[0].ticket
