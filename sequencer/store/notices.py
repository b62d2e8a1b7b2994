"""Which mails answer what somebody did on a page? Farewells, moves and the way to one's data, in the ledger."""

from datetime import datetime

from sqlalchemy import exists, func, insert, select

from sequencer.core.model import DeliveryKind, DeliveryState, SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import delivery


def queue(
    tx: Transaction, kind: DeliveryKind, campaign: int, who: SubscriberId, *, run: int = 0, now: datetime
) -> None:
    """Queue one, due at once."""
    tx.execute(
        insert(delivery).values(
            kind=kind,
            campaign_id=campaign,
            subscriber_id=who,
            run=run,
            state=DeliveryState.QUEUED,
            attempt=0,
            doubts=0,
            due_at=now,
            relay="",
            reply="",
            created_at=now,
        )
    )


def last_at(tx: Transaction, who: SubscriberId, kind: DeliveryKind) -> datetime | None:
    """When the last one of this kind was made that was not cancelled; None where there was none."""
    query = select(func.max(delivery.c.created_at)).where(
        delivery.c.subscriber_id == who, delivery.c.kind == kind, delivery.c.state != DeliveryState.SKIPPED
    )
    found: datetime | None = tx.execute(query).scalar_one()
    return found


def is_about(tx: Transaction, who: SubscriberId, kind: DeliveryKind, campaign: int) -> bool:
    """Whether there is one about this that was not cancelled."""
    query = exists().where(
        delivery.c.subscriber_id == who,
        delivery.c.kind == kind,
        delivery.c.campaign_id == campaign,
        delivery.c.state != DeliveryState.SKIPPED,
    )
    return bool(tx.execute(select(query)).scalar_one())
