"""How is all that we keep of a person erased? In one commit, whatever is being sent to them at that moment."""

import logging
from datetime import datetime

from sequencer.core.model import SubscriberId, SuppressionReason
from sequencer.errors import NotFound
from sequencer.store import deliveries, enrolments, erasure, keys, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)


def erase(db: Database, who: SubscriberId, *, for_good: bool = False, now: datetime) -> None:
    """Erase the person: themselves, consents, places, the ledger's rows and whatever else refers to them.

    A lesson that is claimed is not sent any more; one whose content is on the wire arrives, and its answer finds no
    row. The suppression list keeps the address where it stands there, or where it is to stand there `for_good`: then
    nobody can sign it up again. Raises NotFound where there is nobody.
    """
    with db.begin() as tx:
        wipe(tx, who, for_good=for_good, now=now)


def wipe(tx: Transaction, who: SubscriberId, *, for_good: bool = False, now: datetime) -> None:
    """The same, within a transaction that does more."""
    person = subscribers.lock(tx, who)
    if person is None:
        raise NotFound("There is no such person; nothing is kept of them.")
    if for_good:
        reason, said = SuppressionReason.MANUAL, "They asked to be erased, and never to be written to again."
        subscribers.suppress(tx, person.address, reason=reason, detail=said, now=now)
    # People before messages before places, as whoever sends takes them; then nobody claims anything for them.
    deliveries.cancel(tx, who, reason="The person is erased.", now=now)
    enrolments.lock_of(tx, who)
    erasure.erase(tx, [who])
    keys.forget_person(tx, who)
    log.info("subscriber.erased", extra={"subscriber": who})
