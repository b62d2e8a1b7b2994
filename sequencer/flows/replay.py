"""What do the journals of senders know that the database does not? What was accepted is sent, and its people go on.

After a crash that is an answer whose commit failed; after a restored backup, all that went out since it was made.
"""

import itertools
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import (
    Claim,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    EnrolmentId,
    IssueId,
    IssueState,
    LessonId,
    RevisionId,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.records import Noted, Record
from sequencer.flows import retrace, telling
from sequencer.flows.archive import Archive
from sequencer.flows.plan import go_on
from sequencer.store import deliveries, hot, issues, pauses, replayed, sequences
from sequencer.store.database import Database, Transaction
from sequencer.store.hot import Settlement
from sequencer.store.journal import Journal
from sequencer.store.pauses import Scope

log = logging.getLogger(__name__)

_BATCH = 500
_WORDS = "A sender's journal says how it ended."
_WORDS_OF_ANOTHER = "A sender's journal says that the person got the issue when it was scheduled anew."
_NOT_YET = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED)
_IN_DOUBT = (DeliveryState.SENDING, DeliveryState.UNCERTAIN)
_EVENTS: Mapping[Noted, DeliveryEvent] = MappingProxyType(
    {
        Noted.ACCEPTED: DeliveryEvent.RECONCILE,
        Noted.REJECTED: DeliveryEvent.REJECT,
        Noted.DEFERRED: DeliveryEvent.DEFER,
    }
)


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What journals told. `settled` rows had no end, `made` ones were not there; `people` moved on.

    `unknown` are people whom the database does not know, who signed up after the backup; `unconfirmed` those who
    confirmed after it. `unpublished` are lessons that were published after it, `unscheduled` issues that were
    scheduled after it.
    """

    records: int = 0
    settled: int = 0
    made: int = 0
    people: set[SubscriberId] = field(default_factory=set)
    unknown: set[SubscriberId] = field(default_factory=set)
    unconfirmed: set[SubscriberId] = field(default_factory=set)
    unpublished: set[int] = field(default_factory=set)
    unscheduled: set[int] = field(default_factory=set)


def settle_known(
    tx: Transaction, archive: Archive, doubtful: Sequence[Claim], journal: Journal, *, now: datetime
) -> frozenset[DeliveryId]:
    """Settle those of these messages, which dead senders left on the wire, whose answer a journal here knows."""
    known = journal.known({claim.ticket for claim in doubtful}, now=now)
    answered = [
        (claim, known[claim.ticket])
        for claim in doubtful
        if claim.ticket in known and known[claim.ticket].key == _key(claim) and known[claim.ticket].outcome in _EVENTS
    ]
    settled = hot.settle(tx, [_settlement(claim, one.outcome, now) for claim, one in answered], now=now)
    over = [(claim, one) for claim, one in answered if claim.id in settled and one.outcome is not Noted.DEFERRED]
    telling.sent(tx, archive, [claim for claim, one in over if one.outcome is Noted.ACCEPTED], now=now)
    go_on(tx, archive, [claim for claim, _ in over], now=now)
    return settled


def replay(db: Database, archive: Archive, noted: Iterable[Record], *, now: datetime) -> Replayed:
    """Bring the ledger up to what was noted, a batch a commit, and let nobody else ever have an id that stands there.

    Run twice, the second finds nothing. Whoever restores a backup pauses everything first, replays, and resumes.
    """
    told = Replayed()
    rest = iter(noted)
    while batch := list(itertools.islice(rest, _BATCH)):
        told.records += len(batch)
        with db.begin() as tx:
            replayed.reserve(tx, _highest(batch))
            _Batch(tx, archive, told, now).take(sorted(batch, key=lambda one: one.at))
    log.warning(
        "ledger.replayed",
        extra={"records": told.records, "settled": told.settled, "made": told.made, "unknown": len(told.unknown)},
    )
    return told


def pause_if_restored(db: Database, journal: Journal, *, now: datetime) -> str:
    """Stop everything where the journal knows of messages that the database does not; the sentence that says so."""
    newest = [one for one in journal.newest() if one.outcome is Noted.ACCEPTED]
    with db.begin() as tx:
        strange = _strange(tx, newest) if newest else 0
        if not strange:
            return ""
        reason = (
            f"The journal in {journal.folder} knows of messages that the database does not: it was restored from a "
            'backup, or is another one. Say "sequencer reconcile --journal" with that folder, then "sequencer resume"'
        )
        replayed.reserve(tx, _highest(newest))
        if pauses.standstill(tx) is None:
            pauses.stop(tx, Scope.EVERYTHING, reason=reason, now=now)
    log.error("database.restored", extra={"reason": reason, "messages": strange})
    return reason


def _strange(tx: Transaction, newest: Sequence[Record]) -> int:
    """How many of these the database cannot have forgotten by itself: who was erased is not missed."""
    rows = replayed.rows(tx, newest)
    people = replayed.people(tx, {one.subscriber_id for one in newest})
    given = sequences.last(tx)["subscriber"]
    return sum(_is_missed(one, rows.get(one.key), one.subscriber_id in people, given) for one in newest)


def _is_missed(one: Record, row: Delivery | None, known: bool, given: int) -> bool:  # noqa: FBT001 (asked here only)
    if not known:
        return one.subscriber_id > given
    return row is None or (row.attempt < one.attempt and row.state in _NOT_YET)


class _Batch:
    """Some records within one transaction."""

    def __init__(self, tx: Transaction, archive: Archive, told: Replayed, now: datetime) -> None:
        self._tx = tx
        self._archive = archive
        self._told = told
        self._now = now
        self._issues: Mapping[IssueId, tuple[IssueState, int]] = {}

    def take(self, batch: Sequence[Record]) -> None:
        """Settle what is there, and make what is not."""
        rows = replayed.rows(self._tx, batch)
        people = replayed.people(self._tx, {one.subscriber_id for one in batch})
        named = {IssueId(one.campaign_id) for one in batch if one.kind is DeliveryKind.ISSUE}
        self._issues = issues.standing(self._tx, named)
        settled: dict[DeliveryId, Noted] = {}
        made: set[replayed.Key] = set()
        # What was accepted counts, whatever else was tried.
        for one in sorted(batch, key=lambda one: one.outcome is not Noted.ACCEPTED):
            row = rows.get(one.key)
            if row is not None:
                self._settle(row, one, settled)
            elif one.outcome in (Noted.ACCEPTED, Noted.UNCERTAIN) and one.key not in made:
                made.add(one.key)
                self._make(one, people.get(one.subscriber_id))
        claims = deliveries.claims(self._tx, settled) if settled else []
        hot.settle(self._tx, [_settlement(claim, settled[claim.id], self._now) for claim in claims], now=self._now)
        go_on(self._tx, self._archive, claims, now=self._now)
        self._withhold([one for one in batch if one.outcome is Noted.ACCEPTED], rows.values(), settled)
        self._told.settled += len(claims)
        self._told.people |= {claim.subscriber_id for claim in claims}

    def _settle(self, row: Delivery, one: Record, settled: dict[DeliveryId, Noted]) -> None:
        if one.outcome is Noted.ACCEPTED and row.state in (*_NOT_YET, *_IN_DOUBT):
            settled[row.id] = one.outcome
        elif row.id in settled:
            return
        elif one.outcome is Noted.REJECTED and row.state in _IN_DOUBT and row.attempt == one.attempt:
            settled[row.id] = one.outcome
        elif one.outcome is Noted.UNCERTAIN and row.state in _NOT_YET and row.attempt < one.attempt:
            replayed.doubt(self._tx, row, attempt=one.attempt)

    def _make(self, one: Record, person: SubscriberState | None) -> None:
        if person is None:
            self._told.unknown.add(one.subscriber_id)
            return
        place: EnrolmentId | None = None
        revision: RevisionId | None = None
        if one.kind is DeliveryKind.LESSON:
            course = replayed.course_of(self._tx, LessonId(one.campaign_id))
            if course is None:
                self._told.unpublished.add(one.campaign_id)
                return
            published = self._archive.current(self._tx, course)
            place = retrace.learner(self._tx, self._archive, one, person, published, now=self._now)
            revision = published.id
        elif one.kind is DeliveryKind.ISSUE:
            if one.campaign_id not in self._issues:
                self._told.unscheduled.add(one.campaign_id)
                return
            place = retrace.reader(self._tx, one, person, now=self._now)
        if one.kind in (DeliveryKind.LESSON, DeliveryKind.ISSUE) and place is None:
            # They confirmed after the backup: what they had is known when they do so again.
            self._told.unconfirmed.add(one.subscriber_id)
        replayed.add(self._tx, one, place, revision)
        self._told.made += 1
        self._told.people.add(one.subscriber_id)

    def _withhold(self, accepted: Iterable[Record], rows: Iterable[Delivery], but: Collection[DeliveryId]) -> None:
        """Whoever got an issue gets it no more by a row of the run before, in which it was called off since."""
        had = {(one.campaign_id, one.subscriber_id) for one in accepted if one.kind is DeliveryKind.ISSUE}
        others = [
            row.id
            for row in rows
            if row.kind is DeliveryKind.ISSUE and (row.campaign_id, row.subscriber_id) in had and row.id not in but
        ]
        issues.withhold(self._tx, others, reason=_WORDS_OF_ANOTHER, now=self._now)


def _settlement(claim: Claim, outcome: Noted, now: datetime) -> Settlement:
    event = _EVENTS[outcome]
    again = now if event is DeliveryEvent.DEFER else None
    return Settlement(ticket=claim.ticket, event=event, reply=_WORDS, relay=claim.relay, due_at=again)


def _key(claim: Claim) -> replayed.Key:
    return claim.kind, claim.campaign_id, claim.subscriber_id, claim.run


def _highest(noted: Iterable[Record]) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for one in noted:
        found |= Counter(replayed.ids(one))
    return found
