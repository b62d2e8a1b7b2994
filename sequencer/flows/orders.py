"""What is a claim to say, and is it still to be said? Each kind of message has a row in a table that finds out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from sequencer.content.digest import NO_DIGEST, Digest
from sequencer.core.model import Claim, ConsentId, DeliveryId, DeliveryKind, Parcel
from sequencer.errors import BadContent
from sequencer.flows.press import Press
from sequencer.relays import Relay
from sequencer.store import consents
from sequencer.store.database import Transaction

# Prints the message when the transaction is over. Raises BadContent where it cannot be made.
Print: TypeAlias = Callable[[], Parcel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """The message is not to be sent any more; `reason` is kept in its row."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where messages are made during one claim: the press, the time, and what each lesson lists of those before it."""

    press: Press
    now: datetime
    digests: Mapping[DeliveryId, Digest]


def order(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """How the message of this claim is printed, for this relay; decided with all that is known now."""
    return _KINDS[claim.kind](tx, desk, claim, relay)


def _lesson(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    if claim.revision_id is None:
        return partial(_gone, claim)
    revision = desk.press.archive.revision(tx, claim.revision_id)
    digest = desk.digests.get(claim.id, NO_DIGEST)
    return partial(desk.press.lesson, claim, revision, relay, digest=digest)


def _question(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """A confirmation, or the reminder of one."""
    consent = consents.get(tx, ConsentId(claim.campaign_id))
    if consent is None:
        return partial(_gone, claim)
    if consent.confirmed_at is not None or consent.disowned_at is not None:
        return Withheld(reason="It was answered before this was sent.")
    # Only after days without a relay; a mail whose button does nothing is worse than none.
    if desk.now >= desk.press.expires_at(consent):
        return Withheld(reason="The link in it had expired before it could be sent.")
    revision = desk.press.archive.current(tx, consent.course_id)
    make = desk.press.reminder if claim.kind is DeliveryKind.REMINDER else desk.press.confirmation
    return partial(make, claim, consent, revision, relay)


def _gone(claim: Claim) -> Parcel:
    raise BadContent(f"delivery {claim.id}: what it should say is gone.")


_KINDS: Mapping[DeliveryKind, Callable[[Transaction, Desk, Claim, Relay], Print | Withheld]] = MappingProxyType(
    {
        DeliveryKind.LESSON: _lesson,
        DeliveryKind.CONFIRMATION: _question,
        DeliveryKind.REMINDER: _question,
    }
)
