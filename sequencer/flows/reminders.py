"""Who is asked once more? Who signed up some days ago and has not confirmed, once, and with time left to do so."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sequencer.core import verdicts
from sequencer.core.model import Consent, ConsentId, DeliveryKind, SubscriberId, SubscriberState
from sequencer.core.verdicts import Reminder
from sequencer.store import asking, consents, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

BATCH = 200
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the link of a confirmation works, and after how long its reader is reminded of it (0: never)."""

    link: timedelta
    reminder: timedelta


def remind(db: Database, patience: Patience, *, now: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """Queue the reminders that are due, a batch to a commit; how many. What is decided of one is decided for ever."""
    queued, last = 0, None
    while not stop():
        with db.begin() as tx:
            page = consents.unconsidered(tx, until=now - patience.reminder, after=last, limit=BATCH)
            chosen = _chosen(tx, page, patience, now) if page else []
            asking.queue(tx, DeliveryKind.REMINDER, chosen, now=now)
        for which, who in chosen:
            log.info("subscriber.reminded", extra={"subscriber": who, "consent": which})
        queued += len(chosen)
        if not page:
            break
        last = page[-1]
    return queued


def _chosen(
    tx: Transaction, page: Sequence[Consent], patience: Patience, now: datetime
) -> Sequence[tuple[ConsentId, SubscriberId]]:
    """Those of these consents whose givers are reminded now; the others are decided too, unless it is too early."""
    # Whoever somebody else holds just now comes with the next look.
    people = subscribers.lock_free(tx, {one.subscriber_id for one in page})
    suppressed = subscribers.suppressed_among(tx, [one.address.normalized for one in people.values()])
    answered, mails = consents.answered_at(tx, people), asking.of(tx, people)
    chosen = []
    for one in page:
        person = people.get(one.subscriber_id)
        if person is None:
            continue
        since = max(person.confirmed_at or _LONG_AGO, person.left_at or _LONG_AGO)
        silent = person.state is SubscriberState.SUPPRESSED or person.address.normalized in suppressed
        said = verdicts.reminder(
            one,
            mails.get(person.id, ()),
            answered_at=now if silent else max(since, answered.get(person.id, _LONG_AGO)),
            since=since,
            after=patience.reminder,
            expires_at=one.asked_at + patience.link,
            now=now,
        )
        decided = said is not Reminder.LATER and consents.consider(tx, one.id, now=now)
        if decided and said is Reminder.NOW:
            chosen.append((one.id, person.id))
    return chosen
