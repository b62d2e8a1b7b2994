"""Which other programs are told of what happens here? An event and its calls are rows of the very commit of it.

So nothing is told that did not happen, and nothing that happened is forgotten. Where no hook listens, nothing is
written.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from sequencer.core.hooks import MOST_WORDS, Happening
from sequencer.core.model import (
    Address,
    Claim,
    CourseId,
    DeliveryKind,
    IssueId,
    LessonId,
    Subscriber,
    SubscriberId,
    SuppressionReason,
)
from sequencer.flows.archive import Archive
from sequencer.store import calls, hooks
from sequencer.store.database import Transaction

_NOTHING: Mapping[str, object] = MappingProxyType({})
_SUPPRESSED = {
    SuppressionReason.BOUNCE: Happening.BOUNCED,
    SuppressionReason.COMPLAINT: Happening.COMPLAINED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happened to one person: in which course, None for all of them; and what more there is to say."""

    who: SubscriberId
    address: Address
    course: CourseId | None
    more: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


class Audience:
    """Which events anybody listens to, asked once for a pass: a hook that is added meanwhile begins with the next."""

    def __init__(self) -> None:
        self._names: frozenset[str] | None = None

    def wants(self, tx: Transaction, what: Happening) -> bool:
        """Whether anybody listens."""
        if self._names is None:
            self._names = hooks.wanted(tx)
        return what in self._names


def tell(tx: Transaction, what: Happening, those: Iterable[Told], *, now: datetime) -> None:
    """This happened to these people: it is told to every hook that listens, once it is committed.

    Where none listens, nobody but the first is looked at.
    """
    rest = iter(those)
    first = next(rest, None)
    if first is None or what not in hooks.wanted(tx):
        return
    told = [first, *rest]
    slugs = hooks.slugs(tx, {one.course for one in told if one.course is not None})
    rows = [(one.who, _payload(one, slugs[one.course] if one.course is not None else None)) for one in told]
    calls.tell(tx, what, rows, now=now)


def happened(
    tx: Transaction,
    what: Happening,
    person: Subscriber,
    course: CourseId | None = None,
    *,
    now: datetime,
    **more: object,
) -> None:
    """The same of one person."""
    tell(tx, what, [Told(who=person.id, address=person.address, course=course, more=more)], now=now)


def sent(tx: Transaction, archive: Archive, claims: Sequence[Claim], *, now: datetime) -> None:
    """These messages were taken by a mail server: those of them that are lessons or issues are told."""
    told, issues = [], []
    for claim in claims:
        if claim.kind is DeliveryKind.ISSUE:
            more = {"issue": archive.issue(tx, IssueId(claim.campaign_id)).key, "delivery": claim.id}
            issues.append(Told(who=claim.subscriber_id, address=claim.address, course=claim.course_id, more=more))
        if claim.kind is DeliveryKind.LESSON and claim.revision_id is not None:
            revision = archive.revision(tx, claim.revision_id)
            at = revision.lesson_ids.index(LessonId(claim.campaign_id))
            more = {"lesson": revision.course.lessons[at].key, "number": at + 1, "delivery": claim.id}
            told.append(Told(who=claim.subscriber_id, address=claim.address, course=revision.course_id, more=more))
    tell(tx, Happening.SENT, told, now=now)
    tell(tx, Happening.ISSUE_SENT, issues, now=now)


def suppressed(
    tx: Transaction, person: Subscriber, reason: SuppressionReason, *, detail: str = "", now: datetime
) -> None:
    """Nothing more is sent to a person; `detail` is what a mail server said."""
    what = _SUPPRESSED.get(reason)
    if what is None:
        happened(tx, Happening.UNSUBSCRIBED, person, now=now, reason=reason.value)
    else:
        happened(tx, what, person, now=now, detail=detail[:MOST_WORDS])


def _payload(one: Told, course: str | None) -> str:
    subscriber = {"id": one.who, "email": one.address.wire}
    return json.dumps({"subscriber": subscriber, "course": course, **one.more}, ensure_ascii=False)
