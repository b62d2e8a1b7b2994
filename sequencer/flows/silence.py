"""How does an address get no more mail? The list, the person, what is queued and who is told of it: in one commit."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sequencer.core import lifecycle
from sequencer.core.lifecycle import EnrolmentEvent, SubscriberEvent
from sequencer.core.model import Address, Enrolment, Subscriber, SubscriberState, SuppressionReason
from sequencer.flows import telling
from sequencer.store import deliveries, enrolments, erasure, subscribers
from sequencer.store.database import Database, Transaction
from sequencer.store.subscribers import Suppression

log = logging.getLogger(__name__)

# What happens to the person, and what stands in the rows of what is not sent to them any more.
_REASONS: Mapping[SuppressionReason, tuple[SubscriberEvent, str]] = MappingProxyType(
    {
        SuppressionReason.BOUNCE: (SubscriberEvent.BOUNCE, "The address is dead."),
        SuppressionReason.COMPLAINT: (SubscriberEvent.COMPLAIN, "The owner reported our mail as spam."),
        SuppressionReason.MANUAL: (SubscriberEvent.SUPPRESS, "The address was put on the suppression list."),
        SuppressionReason.DISOWNED: (SubscriberEvent.DISOWN, "The owner said that it had not been them."),
    }
)


def suppress(
    db: Database, address: Address, reason: SuppressionReason, *, detail: str = "", now: datetime
) -> tuple[Suppression, bool]:
    """Nothing more is sent to this address, whether we know it or not; and nothing that anybody types changes that.

    What stands on the list of it, and whether that is new: an address that is on it keeps its first reason. Twice is
    once, and hooks are told once.
    """
    with db.begin() as tx:
        return hear(tx, address, reason, detail=detail, now=now)


def hear(
    tx: Transaction, address: Address, reason: SuppressionReason, *, detail: str = "", now: datetime
) -> tuple[Suppression, bool]:
    """The same, within a transaction that does more."""
    person = _held(tx, address, now)
    is_new = subscribers.suppression_of(tx, address) is None
    found = subscribers.suppress(tx, address, reason=reason, detail=detail, now=now)
    if person is not None and person.state is not SubscriberState.SUPPRESSED:
        silence(tx, person, found.reason, detail=found.detail, now=now)
    if is_new:
        log.info("suppression.added", extra={"reason": reason})
    return found, is_new


def silence(tx: Transaction, person: Subscriber, reason: SuppressionReason, *, detail: str = "", now: datetime) -> None:
    """Nothing more is sent to a person, who is locked: their address is on the list, and their courses stop.

    What is queued or claimed for them is not sent; what is on the wire arrives.
    """
    event, said = _REASONS[reason]
    state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, event)
    subscribers.suppress(tx, person.address, reason=reason, detail=detail, now=now)
    subscribers.save(tx, replace(person, state=state))
    # People before messages before places, as whoever sends takes them.
    deliveries.cancel(tx, person.id, reason=said, now=now)
    stop_courses(tx, enrolments.lock_of(tx, person.id))
    telling.suppressed(tx, person, reason, detail=detail, now=now)
    log.info("subscriber.suppressed", extra={"subscriber": person.id, "reason": reason})


def stop_courses(tx: Transaction, places: Sequence[Enrolment]) -> None:
    """Nothing more is due to a person on these courses."""
    for place in places:
        state = lifecycle.move(lifecycle.ENROLMENT, place.state, EnrolmentEvent.STOP)
        enrolments.save(tx, replace(place, state=state, next_due_at=None, held_due_at=None))


def _held(tx: Transaction, address: Address, now: datetime) -> Subscriber | None:
    """Whose address it is, locked; where it is nobody's, nobody else makes it theirs before this is committed."""
    known = subscribers.find(tx, address)
    person = subscribers.lock(tx, known.id) if known else None
    if person is not None and person.address.normalized == address.normalized:
        return person
    # Whoever signs up with it at this moment waits for us, or we for them: so they see the list, or we see them.
    people, made = subscribers.ensure_all(tx, [address], timezone="UTC", now=now)
    found = people[address.normalized]
    if made:
        erasure.erase(tx, [found.id])
        return None
    return found
