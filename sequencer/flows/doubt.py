"""What becomes of a message whose fate is unknown? It is sent once more, held, or settled by an admin."""

import logging
from datetime import datetime
from enum import StrEnum

from sequencer.core import verdicts
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import Claim, DeliveryId, DeliveryState, WhenUncertain
from sequencer.errors import BadRequest, NotFound
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


def once_more(tx: Transaction, archive: Archive, claim: Claim, *, now: datetime) -> datetime | None:
    """When an uncertain message is sent once more, or None where it is left to an admin."""
    policy = WhenUncertain.RETRY
    if claim.revision_id is not None:
        policy = archive.revision(tx, claim.revision_id).course.uncertain
    if policy is WhenUncertain.HOLD or claim.doubts + 1 >= verdicts.MOST_DOUBTS:
        return None
    return now + verdicts.DOUBT_FOR


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
            go_on(tx, archive, [claim], now=now)
    log.info("delivery.resolved", extra={"delivery": which, "finding": finding})
