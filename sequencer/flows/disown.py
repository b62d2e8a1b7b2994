"""What if a sign-up was not the owner's? They say so, and hear nothing more; for some days they may take it back."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sequencer.core import lifecycle, tokens, verdicts
from sequencer.core.lifecycle import SubscriberEvent
from sequencer.core.model import (
    Address,
    Consent,
    ConsentId,
    Course,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import Expired, NotFound
from sequencer.flows import silence
from sequencer.store import asking, consents, courses, subscribers
from sequencer.store.database import Database, Transaction
from sequencer.store.subscribers import Suppression

log = logging.getLogger(__name__)

UNDO_WITHIN = timedelta(days=7)
_SAID = "The owner of the address said that it had not been them."
_FORGOTTEN = "We keep nothing of this sign-up any more: it was never confirmed, and is forgotten."


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """A sign-up that may not have been its owner's, as it stands now.

    `is_about_all`: who disowns it gets nothing more from us; else only this one sign-up is struck out, as they read
    another course of ours. `may_undo`: they may still take it back.
    """

    consent: Consent
    course: Course
    is_about_all: bool
    may_undo: bool


def to_disown(db: Database, secret: str, token: str, *, now: datetime) -> Doubted:
    """What a link "this was not me" is about; changes nothing. Raises BadRequest for a link that is no good."""
    which = _named(secret, token, now)
    with db.read() as tx:
        consent = consents.get(tx, which)
        person = subscribers.get(tx, consent.subscriber_id) if consent else None
        return _doubted(tx, consent, person, now)


def disown(db: Database, secret: str, token: str, *, now: datetime) -> Doubted:
    """The owner says that it was not them: nothing more is sent there, and no sign-up changes that. Twice is once.

    Who reads a course of ours and never confirmed this sign-up only has it struck out.
    """
    which = _named(secret, token, now)
    with db.begin() as tx:
        consent, person = _locked(tx, which)
        if consent.disowned_at is None:
            consents.disown(tx, which, now=now)
            asking.answered(tx, person.id, which, reason=_SAID, now=now)
            if verdicts.is_about_all(person.state, confirmed=consent.confirmed_at is not None):
                silence.silence(tx, person, SuppressionReason.DISOWNED, detail=_SAID, now=now)
            log.info("subscriber.disowned", extra={"subscriber": person.id, "consent": which})
        return _doubted(tx, *_locked(tx, which), now)


def undo(db: Database, secret: str, token: str, *, now: datetime) -> Doubted:
    """It was them after all: what they asked for can be confirmed again, and nothing is sent before. Twice is once.

    Raises Expired where they said so too long ago.
    """
    which = _named(secret, token, now)
    with db.begin() as tx:
        consent, person = _locked(tx, which)
        if consent.disowned_at is not None:
            if not _may_undo(consent, now):
                raise Expired(f"This could be taken back for {UNDO_WITHIN.days} days only. Please write to us.")
            said = f"Disowned on {consent.disowned_at:%Y-%m-%d %H:%M} UTC, taken back on {now:%Y-%m-%d %H:%M} UTC."
            consents.reclaim(tx, which, note=" ".join(filter(None, [consent.note, said])))
            found = subscribers.suppression_of(tx, person.address)
            if found is not None and found.reason is SuppressionReason.DISOWNED:
                _lift(tx, person)
            log.info("subscriber.reclaimed", extra={"subscriber": person.id, "consent": which})
        return _doubted(tx, *_locked(tx, which), now)


def lift(db: Database, address: Address, *, now: datetime) -> Suppression:
    """An admin takes an address off the suppression list: its owner may sign up again, and is asked by mail first.

    Raises NotFound where it is not on the list.
    """
    with db.begin() as tx:
        person = subscribers.find(tx, address)
        person = subscribers.lock(tx, person.id) if person else None
        found = subscribers.suppression_of(tx, address)
        if found is None:
            raise NotFound(f"{address.normalized} is not on the suppression list.")
        if person is None:
            subscribers.lift(tx, address)
        else:
            # As if they had left just now: what was mailed before does not count any more, nor do its links work.
            _lift(tx, replace(person, left_at=now))
    log.info("suppression.lifted", extra={"reason": found.reason})
    return found


def suppressed(db: Database) -> Iterator[Suppression]:
    """The suppression list in the order of its addresses, read a page at a time."""
    after = ""
    while True:
        with db.read() as tx:
            page = subscribers.suppressions(tx, after=after)
        yield from page
        if not page:
            return
        after = page[-1].normalized


def _lift(tx: Transaction, person: Subscriber) -> None:
    subscribers.lift(tx, person.address)
    if person.state is SubscriberState.SUPPRESSED:
        state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.LIFT)
        subscribers.save(tx, replace(person, state=state))


def _named(secret: str, token: str, now: datetime) -> ConsentId:
    return ConsentId(tokens.unseal(secret, Purpose.DISOWN, token, now=now).subject)


def _locked(tx: Transaction, which: ConsentId) -> tuple[Consent, Subscriber]:
    """The consent and its person, locked, people first. Raises NotFound where nothing is kept of them any more."""
    known = consents.get(tx, which)
    person = subscribers.lock(tx, known.subscriber_id) if known else None
    consent = consents.lock(tx, which)
    if consent is None or person is None:
        raise NotFound(_FORGOTTEN)
    return consent, person


def _doubted(tx: Transaction, consent: Consent | None, person: Subscriber | None, now: datetime) -> Doubted:
    if consent is None or person is None:
        raise NotFound(_FORGOTTEN)
    return Doubted(
        consent=consent,
        course=courses.revision(tx, courses.current_id(tx, consent.course_id)).course,
        is_about_all=verdicts.is_about_all(person.state, confirmed=consent.confirmed_at is not None),
        may_undo=_may_undo(consent, now),
    )


def _may_undo(consent: Consent, now: datetime) -> bool:
    return consent.disowned_at is not None and now < consent.disowned_at + UNDO_WITHIN
