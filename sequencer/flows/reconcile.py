"""What did go out since the backup that was restored? A relay's log says so, and the ledger takes its word.

A Message-ID is made from what a message is, to whom and in which pass. So for everybody on a course the ids of the
lessons that are still before them can be made, and looked for in the log: what is found there has been sent. So can the
ids of issues that are not over, for everybody on the newsletter.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import Claim, DeliveryKind, IssueId, IssueState, Revision, SubscriberId
from sequencer.flows import hours, several
from sequencer.flows.plan import go_on
from sequencer.flows.press import Press
from sequencer.flows.several import Finisher
from sequencer.store import courses, deliveries, hot, issues, places, reconciled
from sequencer.store.database import Database, Transaction
from sequencer.store.hot import Settlement
from sequencer.store.places import Waiting

log = logging.getLogger(__name__)

_ID = re.compile(r"<([^<>\s@]{1,250}@[^<>\s@]{1,250})>")
_UTC = ZoneInfo("UTC")
_WORDS = "A relay's log says that it was sent."
_RUNS_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a log told: ids that stood in it, messages that the ledger did not know to be sent, people moved on."""

    ids: int
    found: int
    people: int


def message_ids(lines: Iterable[str]) -> frozenset[str]:
    """Every Message-ID that stands in a log, whatever else does: with its angle brackets, as they are written there."""
    return frozenset(f"<{which}>" for line in lines for which in _ID.findall(line))


def reconcile(db: Database, press: Press, ids: frozenset[str], *, now: datetime) -> Reconciled:
    """Settle as sent what the log names, and move its people on. Run twice, the second finds nothing.

    Whoever restores a backup pauses everything first ("sequencer pause"), reconciles, and resumes.
    """
    with db.begin() as tx:
        found = people = _settle_begun(tx, press, ids, now)
        everywhere = left = courses.all_current(tx)
        while left:
            named = [lessons for revision in left for lessons in _read(tx, press, revision, ids, now)]
            found, people = found + sum(named), people + len(named)
            # Who has just finished a course may have had lessons of the one that follows it.
            onward = {one.course.next for one in left} if named else set()
            left = [one for one in everywhere if one.course.slug in onward]
        readers = _read_issues(tx, press, ids, now)
        found, people = found + len(readers), people + len(set(readers))
    log.warning("ledger.reconciled", extra={"ids": len(ids), "found": found, "people": people})
    return Reconciled(ids=len(ids), found=found, people=people)


def _read(tx: Transaction, press: Press, revision: Revision, ids: frozenset[str], now: datetime) -> Sequence[int]:
    """Move on whom the log names in this course; for each of them, how many lessons it names."""
    named = []
    for one in list(places.due(tx, revision.course_id)):
        had = _had(press, one, revision, ids)
        if had:
            _move_on(tx, press, one, had, revision, now)
            named.append(len(had))
    return named


def _read_issues(tx: Transaction, press: Press, ids: frozenset[str], now: datetime) -> Sequence[SubscriberId]:
    """Who the log says has got issues that are not over, each as often as it says so; they get those no more.

    An issue may have been called off and scheduled anew since: so its next runs are looked for too.
    """
    had = []
    for issue in [one for one in issues.listed(tx) if one.state is not IssueState.SENT]:
        for run in range(issue.run, issue.run + 1 + _RUNS_AHEAD):
            for some in reconciled.unsent(tx, issue.id, run):
                found = [one for one in some if press.issue_message_id(issue, one.subscriber_id, run) in ids]
                reconciled.insert_issues(tx, found, issue.id, run, now=now)
                others = reconciled.of_other_runs(tx, [one.subscriber_id for one in found], issue.id, run)
                issues.withhold(tx, others, reason=_WORDS, now=now)
                had += [one.subscriber_id for one in found]
    return had


def _settle_begun(tx: Transaction, press: Press, ids: frozenset[str], now: datetime) -> int:
    """Messages that the ledger has begun, and that the log names, are sent; their people go on."""
    begun = deliveries.claims(tx, reconciled.unsettled(tx))
    sent = [claim for claim in begun if press.message_id(claim, _sender(tx, press, claim)) in ids]
    settlements = [
        Settlement(ticket=one.ticket, event=DeliveryEvent.RECONCILE, reply=_WORDS, relay=one.relay) for one in sent
    ]
    hot.settle(tx, settlements, now=now)
    go_on(tx, press.archive, sent, now=now)
    return len(sent)


def _sender(tx: Transaction, press: Press, claim: Claim) -> str:
    """In whose name a lesson or an issue goes out; "" for a lesson of which nobody knows any more what it says."""
    if claim.kind is DeliveryKind.ISSUE:
        return press.archive.issue(tx, IssueId(claim.campaign_id)).words.sender.address
    return press.archive.revision(tx, claim.revision_id).course.sender.address if claim.revision_id else ""


def _had(press: Press, one: Waiting, revision: Revision, ids: frozenset[str]) -> Sequence[int]:
    """Which lessons from the person's place on the log names, by position."""
    sender = revision.course.sender.address
    return [
        at
        for at in range(one.step, len(revision.lesson_ids))
        if press.lesson_message_id(revision.lesson_ids[at], one.subscriber_id, one.run, sender) in ids
    ]


def _move_on(
    tx: Transaction, press: Press, one: Waiting, had: Sequence[int], revision: Revision, now: datetime
) -> None:
    """As if the lessons had been sent just now: the next one comes a gap later, never sooner than it would have."""
    reconciled.insert_sent(tx, one, [revision.lesson_ids[at] for at in had], revision.id, now=now)
    step = max(had) + 1
    over = step >= len(revision.lesson_ids)
    due = None if over else hours.next_hour(replace(one, last=now), step, revision, now=now, instead=_UTC)
    reconciled.move(tx, one.enrolment_id, step=step, due_at=due, now=now)
    if over:
        finisher = Finisher(
            subscriber_id=one.subscriber_id,
            course_id=revision.course_id,
            timezone=one.timezone,
            preference=one.preference,
        )
        several.follow(tx, press.archive, [finisher], now=now)
