"""What does a sending process note of each answer, beside the database? One line that names nobody and quotes nothing.

The format is in docs/operate.md: a JSON object a line, ids and codes only, so that a journal may be kept for weeks.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from sequencer.core.model import (
    Accepted,
    Claim,
    Deferred,
    DeliveryId,
    DeliveryKind,
    EnrolmentId,
    Outcome,
    Rejected,
    SubscriberId,
    Ticket,
    Uncertain,
)

_CODE = re.compile(r"[2-5][0-9]{2}(?:[ -][245]\.[0-9]{1,3}\.[0-9]{1,3})?")
_TAKEN = {"accepted": Accepted, "deferred": Deferred, "rejected": Rejected, "uncertain": Uncertain}


class Noted(StrEnum):
    """How an attempt ended, in a word."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One attempt: when it ended (epoch seconds), how, and of which message; `code` is the relay's, not its words."""

    at: int
    outcome: Noted
    kind: DeliveryKind
    campaign_id: int
    subscriber_id: SubscriberId
    run: int
    enrolment_id: EnrolmentId | None
    delivery_id: DeliveryId
    attempt: int
    message_id: str
    code: str

    @property
    def key(self) -> tuple[DeliveryKind, int, SubscriberId, int]:
        """Which message it is about: there is one row of the ledger for it."""
        return self.kind, self.campaign_id, self.subscriber_id, self.run

    @property
    def ticket(self) -> Ticket:
        """Which attempt it is about."""
        return Ticket(delivery_id=self.delivery_id, attempt=self.attempt)


def record(claim: Claim, outcome: Outcome, *, at: int, message_id: str) -> Record:
    """What is noted of this answer."""
    found = _CODE.match(outcome.reply)
    return Record(
        at=at,
        outcome=next(Noted(word) for word, kind in _TAKEN.items() if isinstance(outcome, kind)),
        kind=claim.kind,
        campaign_id=claim.campaign_id,
        subscriber_id=claim.subscriber_id,
        run=claim.run,
        enrolment_id=claim.enrolment_id,
        delivery_id=claim.id,
        attempt=claim.attempt,
        message_id=message_id,
        code=found[0] if found else "",
    )


def line(one: Record) -> str:
    """The record as a line, without its end. Nothing in it needs escaping."""
    return (
        f'{{"t":{one.at},"o":"{one.outcome}","k":"{one.kind}","c":{one.campaign_id},"s":{one.subscriber_id},'
        f'"r":{one.run},"e":{one.enrolment_id or 0},"d":{one.delivery_id},"a":{one.attempt},"m":"{one.message_id}",'
        f'"y":"{one.code}"}}'
    )


def parse(text: str) -> Record | None:
    """A line as a record; None for one that is torn, or none of ours."""
    try:
        found = json.loads(text)
        return Record(
            at=int(found["t"]),
            outcome=Noted(found["o"]),
            kind=DeliveryKind(found["k"]),
            campaign_id=int(found["c"]),
            subscriber_id=SubscriberId(int(found["s"])),
            run=int(found["r"]),
            enrolment_id=EnrolmentId(int(found["e"])) if found["e"] else None,
            delivery_id=DeliveryId(int(found["d"])),
            attempt=int(found["a"]),
            message_id=str(found["m"]),
            code=str(found["y"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
