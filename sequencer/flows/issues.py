"""How does an issue of the newsletter go out, and who may still stop it? Schedule, call off, and say how it stands."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sequencer.content import skeletons
from sequencer.content.render import compile_issue, sample_person
from sequencer.content.templates import Templates
from sequencer.core import lanes as hours
from sequencer.core import lifecycle, schedule
from sequencer.core.lifecycle import IssueEvent
from sequencer.core.model import NEWSLETTER, Course, DeliveryState, Issue, IssueId, IssueState, Lane, LaneId
from sequencer.errors import BadRequest, Conflict, NotFound
from sequencer.flows import broadcast, images
from sequencer.store import broadcasts, courses, issues
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

_CALLED_OFF = "The issue was called off before it was sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When an issue is to go out: `at`, as the clocks in `zone` show it, or those of each reader; None for now."""

    at: datetime | None = None
    zone: ZoneInfo
    is_local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many readers are due an issue at one moment, by whose clocks; no zones: by whichever."""

    due_at: datetime
    zones: tuple[str, ...]
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What scheduling an issue would do, as things stand. `had` got it before it was called off, and get it no more.

    `after`: whoever got the last issue gets this one no sooner, None where it is long ago.
    """

    subject: str
    crowds: Sequence[Crowd]
    had: int
    after: datetime | None = None

    @property
    def people(self) -> int:
        """How many are on the newsletter now."""
        return sum(one.people for one in self.crowds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an issue stands: its lanes, and how many of its messages are in which state."""

    issue: Issue
    lanes: Sequence[Lane]
    outcomes: Mapping[DeliveryState, int]


def check(words: Course, templates: Templates, *, postal_address: str) -> None:
    """Compile the issue and fill it in, with a name and without.

    Raises BadContent with file and line, also for what has only been begun: words of "issue new" are nobody's.
    """
    skeletons.refuse(words.lessons[0])
    compiled = compile_issue(words, templates=templates, postal_address=postal_address)
    compiled.fill(sample_person(""))
    compiled.fill(sample_person())


def publish(db: Database, newsletter: Course, *, now: datetime) -> None:
    """From now on people can be on the newsletter, and mails in its name look as its file says. Idempotent."""
    with db.begin() as tx:
        courses.publish(tx, replace(newsletter, lessons=()), now=now)


def foresee(db: Database, words: Course, when: When, *, now: datetime) -> Outlook:
    """What scheduling this issue would do, to how many and when; changes nothing.

    Raises BadRequest for an hour that is over, Conflict for an issue that is scheduled or was sent.
    """
    with db.read() as tx:
        known = _free(issues.of_key(tx, words.lessons[0].key))
        people = _zones(tx)
        crowds = [
            Crowd(due_at=one.due_at, zones=one.zones, people=sum(people.get(name, 0) for name in one.zones))
            for one in _lanes(people, when, now)
        ]
        if len(crowds) == 1:
            crowds = [replace(crowds[0], people=sum(people.values()))]
        had = broadcasts.had(tx, known.id) if known else 0
        return Outlook(
            subject=words.lessons[0].subject,
            crowds=[one for one in crowds if one.people or len(crowds) == 1],
            had=had,
            after=_after(tx, words, known, min(one.due_at for one in crowds)),
        )


def schedule_issue(
    db: Database,
    words: Course,
    when: When,
    templates: Templates,
    *,
    postal_address: str,
    folder: Path | None = None,
    now: datetime,
) -> Issue:
    """Let an issue go out as it is written now; whatever becomes of its file, these are the words that are sent.

    One that was called off may be scheduled anew: who has got it gets it no more. Raises as `foresee` does, and
    BadContent with file and line.
    """
    check(words, templates, postal_address=postal_address)
    if folder is not None:
        images.keep(db, words.lessons, folder)
    with db.begin() as tx:
        courses.publish(tx, replace(words, lessons=()), now=now)
        images.insist(tx, words)
        known = _free(issues.find(tx, words.lessons[0].key))
        lanes = _lanes(_zones(tx), when, now)
        which = issues.add(tx, words, lanes, now=now) if known is None else None
        if which is None:
            # Of two who schedule the same id at the same moment the later one finds that of the other.
            known = known or _free(issues.find(tx, words.lessons[0].key))
            assert known is not None  # noqa: S101 (it was there just now, and issues are kept)
            which = known.id
            lifecycle.move(lifecycle.ISSUE, known.state, IssueEvent.SCHEDULE)
            issues.again(tx, known, words, lanes, now=now)
        made = issues.get(tx, which)
    assert made is not None  # noqa: S101 (made above)
    log.info("issue.scheduled", extra={"issue": which, "run": made.run, "lanes": len(lanes)})
    return made


def cancel(db: Database, key: str, *, now: datetime) -> Standing:
    """Call an issue off: what is not on the wire yet is not sent. Idempotent. Raises NotFound."""
    with db.begin() as tx:
        which = _known(tx, key).id
        # Lanes before the issue, as a fan-out takes them: nobody waits in a circle.
        issues.close(tx, which, now=now)
        found = issues.find(tx, key)
        assert found is not None  # noqa: S101 (known above; issues are kept)
        issues.move(tx, which, lifecycle.move(lifecycle.ISSUE, found.state, IssueEvent.CANCEL))
        stopped = issues.cancel(tx, which, reason=_CALLED_OFF, now=now)
        standing = _standing(tx, key)
    log.info("issue.cancelled", extra={"issue": which, "messages": stopped})
    return standing


def status(db: Database, key: str) -> Standing:
    """How an issue stands. Raises NotFound where it was never scheduled."""
    with db.read() as tx:
        return _standing(tx, key)


def scheduled(db: Database) -> Sequence[Issue]:
    """All issues that were ever scheduled, the newest first."""
    with db.read() as tx:
        return issues.listed(tx)


def _free(known: Issue | None) -> Issue | None:
    """The issue, where it was called off; None where it never was."""
    if known is not None and known.state is not IssueState.CANCELLED:
        what = "scheduled already" if known.state is IssueState.SCHEDULED else "sent already"
        raise Conflict(f'The issue "{known.key}" is {what}; "sequencer issue cancel {known.key}" calls it off.')
    return known


def _known(tx: Transaction, key: str) -> Issue:
    found = issues.of_key(tx, key)
    if found is None:
        raise NotFound(f'The issue "{key}" was never scheduled.')
    return found


def _standing(tx: Transaction, key: str) -> Standing:
    issue = _known(tx, key)
    return Standing(issue=issue, lanes=issues.lanes(tx, issue.id), outcomes=issues.outcomes(tx, issue.id))


def _zones(tx: Transaction) -> Mapping[str, int]:
    which = courses.published_ids(tx, [NEWSLETTER]).get(NEWSLETTER)
    return {} if which is None else broadcasts.zones(tx, which)


def _lanes(zones: Mapping[str, int], when: When, now: datetime) -> Sequence[Lane]:
    """One lane for all, or one for each moment at which the clocks of somebody show the hour.

    Behind these comes one for whoever has moved on meanwhile, or came from elsewhere.
    """
    at = now if when.at is None else _instant(when.at, when.zone)
    if when.at is None or not when.is_local:
        if at < now:
            raise BadRequest(f"{at:%Y-%m-%d %H:%M} UTC is over; choose a time that is to come.")
        return [_lane((), at)]
    if hours.is_over(when.at, now=now):
        raise BadRequest(f"{when.at:%Y-%m-%d %H:%M} is over everywhere; choose a time that is to come.")
    found = [_lane(names, moment) for moment, names in hours.by_hour(zones, when.at, instead=when.zone, now=now)]
    last = max((one.due_at for one in found), default=max(at, now))
    return [*found, _lane((), last)]


def _lane(zones: tuple[str, ...], due_at: datetime) -> Lane:
    return Lane(id=LaneId(0), issue_id=IssueId(0), zones=zones, due_at=due_at)


def _instant(at: datetime, zone: ZoneInfo) -> datetime:
    return schedule.local_instant(at.date(), at.time(), zone) or at.replace(tzinfo=zone).astimezone(UTC)


def _after(tx: Transaction, words: Course, known: Issue | None, first: datetime) -> datetime | None:
    """Until when the gap to another issue keeps this one back from who gets both."""
    gap = broadcast.length(words.rhythm.gap)
    others = [one for one in issues.listed(tx)[:20] if known is None or one.id != known.id]
    ends = [
        max(lane.ended_at or lane.due_at for lane in lanes)
        for one in others
        if one.state is not IssueState.CANCELLED and (lanes := issues.lanes(tx, one.id))
    ]
    near = [end + gap for end in ends if end <= first < end + gap]
    return max(near, default=None)
