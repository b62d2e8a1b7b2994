"""What becomes of a message whose fate is unknown? It is sent once more, held, or settled by an admin."""

import logging
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sequencer.core import verdicts
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import DOUBT_FOR, Claim, DeliveryId, DeliveryKind, DeliveryState, IssueId, WhenUncertain
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import telling
from sequencer.flows.archive import Archive
from sequencer.flows.plan import go_on
from sequencer.store import deliveries, hot
from sequencer.store.database import Database, Transaction
from sequencer.store.hot import Settlement

log = logging.getLogger(__name__)


class Finding(StrEnum):
    """What an admin has found out about an uncertain message, or wants done about it."""

    SENT = "sent"
    FAILED = "failed"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What is done about one message in doubt: sent again at `again`, or taken for `sent`, or left to an admin."""

    again: datetime | None = None
    sent: bool = False


def settle(tx: Transaction, archive: Archive, claim: Claim, *, now: datetime) -> Doubt:
    """What course or newsletter say about this message in doubt; one in doubt again and again is left to an admin."""
    policy, rest = WhenUncertain.RETRY, DOUBT_FOR
    if claim.revision_id is not None:
        course = archive.revision(tx, claim.revision_id).course
        policy, rest = course.uncertain, course.doubt_for
    elif claim.kind is DeliveryKind.ISSUE:
        words = archive.issue(tx, IssueId(claim.campaign_id)).words
        policy, rest = words.uncertain, words.doubt_for
    if policy is WhenUncertain.ASSUME_SENT:
        return Doubt(sent=True)
    if policy is WhenUncertain.HOLD or claim.doubts + 1 >= verdicts.MOST_DOUBTS:
        return Doubt()
    return Doubt(again=now + rest)


def assume_sent(tx: Transaction, archive: Archive, claim: Claim, reply: str, *, now: datetime) -> None:
    """Take an uncertain message for sent; the ledger keeps saying that nobody knows."""
    settlement = Settlement(ticket=claim.ticket, event=DeliveryEvent.ACCEPT, reply=assumed(reply), relay=claim.relay)
    if hot.settle(tx, [settlement], now=now):
        telling.sent(tx, archive, [claim], now=now)


def assumed(reply: str) -> str:
    """What the ledger says of a message that is taken for sent."""
    return f"Assumed to be sent; nobody knows. {reply}".strip()


def resolve(db: Database, archive: Archive, which: DeliveryId, finding: Finding, *, now: datetime) -> None:
    """Settle an uncertain message by hand, or send it once more with the next pass.

    Raises NotFound, and BadRequest for a message that is not uncertain.
    """
    with db.begin() as tx:
        row = deliveries.lock(tx, which)
        if row is None:
            raise NotFound(f"There is no message {which} in the ledger.")
        if row.state is not DeliveryState.UNCERTAIN:
            raise BadRequest(f"Message {which} is {row.state}, not uncertain: there is nothing to resolve.")
        (claim,) = deliveries.claims(tx, [which])
        if finding is Finding.AGAIN:
            deliveries.wait_until(tx, row, due_at=now)
        else:
            event = DeliveryEvent.ACCEPT if finding is Finding.SENT else DeliveryEvent.REJECT
            words = f"An admin found that it was {finding}. {row.reply}"
            hot.settle(tx, [Settlement(ticket=claim.ticket, event=event, reply=words, relay=row.relay)], now=now)
            if finding is Finding.SENT:
                telling.sent(tx, archive, [claim], now=now)
            go_on(tx, archive, [claim], now=now)
    log.info("delivery.resolved", extra={"delivery": which, "finding": finding})
