"""Who goes on with a later lesson, because the days of those between have passed? Courses that skip, or make a digest.

Each lesson that is passed over gets its row in the ledger, in the transaction in which the person goes on. A digest is
what those rows say, so that it is the same whenever a mail is made.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.content.digest import Digest, Listed
from sequencer.core import catchup
from sequencer.core.model import (
    CatchUp,
    Claim,
    CourseId,
    DeliveryId,
    EnrolmentId,
    Preference,
    Revision,
    SubscriberId,
)
from sequencer.flows import hours
from sequencer.flows.press import Press
from sequencer.store import hot, passed
from sequencer.store.database import Transaction
from sequencer.store.hot import Due
from sequencer.store.passed import Passed, Skip
from sequencer.store.places import Waiting

log = logging.getLogger(__name__)

_SHORTEST_GAP = timedelta(hours=1)  # sooner than that nothing can be missed
_PAGE = 500
_MOST_LISTED = 20  # titles in one digest: beyond that nobody reads on, and mailboxes cut long mails off


def claimed(
    tx: Transaction,
    due: Sequence[Due],
    revisions: Mapping[CourseId, Revision],
    *,
    default_zone: ZoneInfo,
    now: datetime,
) -> Sequence[Due]:
    """These people, just claimed, at the lesson that would be due to them now."""
    late = [
        _Late(
            enrolment_id=one.enrolment_id,
            subscriber_id=one.subscriber_id,
            run=one.run,
            step=one.step,
            since=one.due_at,
            until=now,
            zone=hours.zone(one.timezone, default_zone),
            preference=one.preference,
            revision=revisions[one.course_id],
        )
        for one in due
        if revisions[one.course_id].course.catch_up is not CatchUp.SHIFT and now - one.due_at >= _SHORTEST_GAP
    ]
    if not late:
        return due
    onward = _pass_over(tx, late, now=now)
    hot.skip(tx, list(onward.items()))
    return [one._replace(step=onward.get(one.enrolment_id, one.step)) for one in due]


def held(
    tx: Transaction, people: Sequence[Waiting], revision: Revision, *, instead: ZoneInfo, now: datetime
) -> Mapping[EnrolmentId, int]:
    """With which lesson people go on whose course stood still, as far as it is a later one.

    What lay in a pause of their own is not missed, whoever else rested meanwhile.
    """
    onward: dict[EnrolmentId, int] = {}
    if revision.course.catch_up is not CatchUp.SHIFT:
        for first in range(0, len(people), _PAGE):
            late = [_held(one, revision, instead, now) for one in people[first : first + _PAGE]]
            onward |= _pass_over(tx, late, now=now)
    return onward


def digests(tx: Transaction, press: Press, claims: Sequence[Claim]) -> Mapping[DeliveryId, Digest]:
    """What these lessons list before their own words, as far as they do."""
    revisions = {one.revision_id for one in claims if one.revision_id is not None}
    listing = {one for one in revisions if press.archive.revision(tx, one).course.catch_up is CatchUp.DIGEST}
    if not listing:
        return {}
    carriers = {one.id: one for one in claims if one.revision_id in listing}
    found = passed.before(tx, carriers.values())
    return {which: _digest(tx, press, rows, carriers[which].name) for which, rows in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Late:
    """Somebody whose lesson at `step` was due at `since`, and whose next one goes out at `until`."""

    enrolment_id: EnrolmentId
    subscriber_id: SubscriberId
    run: int
    step: int
    since: datetime
    until: datetime
    zone: ZoneInfo
    preference: Preference
    revision: Revision


def _held(one: Waiting, revision: Revision, instead: ZoneInfo, now: datetime) -> _Late:
    assert one.held_due_at is not None  # noqa: S101 (that is who is held)
    since, step = one.held_due_at, min(one.step, len(revision.lesson_ids) - 1)
    if one.paused_until is not None and one.paused_until > since:
        since = hours.next_hour(one, step, revision, now=one.paused_until, instead=instead)
    return _Late(
        enrolment_id=one.enrolment_id,
        subscriber_id=one.subscriber_id,
        run=one.run,
        step=one.step,
        since=since,
        until=hours.next_hour(one, step, revision, now=now, instead=instead),
        zone=hours.zone(one.timezone, instead),
        preference=one.preference,
        revision=revision,
    )


def _pass_over(tx: Transaction, late: Sequence[_Late], *, now: datetime) -> dict[EnrolmentId, int]:
    """At which step those go on who missed something; the ledger and the log say what it was."""
    had = passed.had(tx, [(one.enrolment_id, one.subscriber_id) for one in late])
    known: dict[object, int] = {}
    onward: dict[EnrolmentId, int] = {}
    skips: list[Skip] = []
    for one in late:
        ids, seen = one.revision.lesson_ids, had.get(one.enrolment_id, ())
        steps = tuple(step for step in range(one.step, len(ids)) if ids[step] not in seen)
        share = hours.share(one.subscriber_id, one.revision)
        # Most of those who share zone and hour have missed the same: it is worked out once for all of them.
        key = (one.revision.id, steps, one.since, one.until, one.zone, one.preference, share)
        if key not in known:
            known[key] = _count_missed(one, steps, share)
        if known[key]:
            onward[one.enrolment_id] = steps[known[key]]
            skips += _skips(one, steps[: known[key]], steps[known[key]])
    passed.add(tx, skips, now=now)
    return onward


def _count_missed(one: _Late, steps: Sequence[int], share: int) -> int:
    course = one.revision.course
    lead = [hours.to_lesson(course, step, since=one.since, preference=one.preference) for step in steps]
    return len(catchup.missed(lead, 0, one.since, one.until, one.zone, share=share))


def _skips(one: _Late, missed: Sequence[int], onward: int) -> Iterator[Skip]:
    lessons = one.revision.course.lessons
    why = "Passed over: its day passed while lessons rested."
    if one.revision.course.catch_up is CatchUp.DIGEST:
        why = f"In the digest of lesson {onward + 1}: its day passed while lessons rested."
    keys = ",".join(lessons[step].key for step in missed)
    log.info("lessons.skipped", extra={"enrolment": one.enrolment_id, "lessons": keys})
    for step in missed:
        yield Skip(
            enrolment_id=one.enrolment_id,
            subscriber_id=one.subscriber_id,
            run=one.run,
            lesson=one.revision.lesson_ids[step],
            revision_id=one.revision.id,
            reason=why,
        )


def _digest(tx: Transaction, press: Press, rows: Sequence[Passed], name: str) -> Digest:
    """The titles by which the lessons went when they were passed over, each with its page."""
    listed = []
    for row in rows:
        then = press.archive.revision(tx, row.revision_id)
        if then.course.catch_up is CatchUp.DIGEST:
            title = press.subject(then.course, then.lesson_ids.index(row.lesson), name=name)
            listed.append(Listed(title=title, url=press.view_url(row.id)))
    return Digest(lessons=tuple(listed[:_MOST_LISTED]), more=max(0, len(listed) - _MOST_LISTED))
