"""What is a claim to say, and is it still to be said? Each kind of message has a row in a table that finds out."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from sequencer.content.digest import NO_DIGEST, Digest
from sequencer.content.render import ACCESS, CONFIRM, FAREWELL, FAREWELL_COURSE, MOVE, MOVED, REMIND, Asked
from sequencer.core import networks
from sequencer.core.model import (
    NEWSLETTER,
    Claim,
    ConsentId,
    Course,
    CourseId,
    DeliveryId,
    DeliveryKind,
    DepartureId,
    Issue,
    IssueId,
    IssueState,
    MoveId,
    Parcel,
    Revision,
)
from sequencer.errors import BadContent
from sequencer.flows import catchup, voice
from sequencer.flows.press import ACCESS_WITHIN, UNDO_WITHIN, Press
from sequencer.relays import Relay
from sequencer.store import asking, courses, departures, moves, subscribers
from sequencer.store.asking import Question
from sequencer.store.database import Transaction

_SILENT = "The address was put on the suppression list before this was sent."
_ANSWERED = "It was answered before this was sent."
# Only after days without a relay; a mail whose button does nothing is worse than none.
_TOO_LATE = "The link in it had expired before it could be sent."

# Prints the message when the transaction is over. Raises BadContent where it cannot be made.
Print: TypeAlias = Callable[[], Parcel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """The message is not to be sent any more; `reason` is kept in its row."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where messages are made during one claim: the press, the time, and what all of them need, looked up at once.

    That is what lessons list of those before them, what confirmations ask, the courses they ask about, issues, and the
    newsletter where somebody is asked about it.
    """

    press: Press
    now: datetime
    digests: Mapping[DeliveryId, Digest]
    questions: Mapping[ConsentId, Question]
    current: Mapping[CourseId, Revision]
    issues: Mapping[IssueId, Issue]
    newsletter: Course | None = None


def desk(tx: Transaction, press: Press, claims: Collection[Claim], *, now: datetime) -> Desk:
    """The desk at which these claims are made."""
    questions = asking.about(tx, {ConsentId(one.campaign_id) for one in claims if one.kind in asking.KINDS})
    issues = {IssueId(one.campaign_id) for one in claims if one.kind is DeliveryKind.ISSUE}
    return Desk(
        press=press,
        now=now,
        digests=catchup.digests(tx, press, list(claims)),
        questions=questions,
        current={which: press.archive.current(tx, which) for which in {one.course_id for one in questions.values()}},
        issues={which: press.archive.issue(tx, which) for which in issues},
        newsletter=_newsletter(tx, press) if any(one.newsletter for one in questions.values()) else None,
    )


def _newsletter(tx: Transaction, press: Press) -> Course | None:
    which = courses.published_ids(tx, [NEWSLETTER]).get(NEWSLETTER)
    return None if which is None else press.archive.current(tx, which).course


def order(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """How the message of this claim is printed, for this relay; decided with all that is known now."""
    return _KINDS[claim.kind](tx, desk, claim, relay)


def _lesson(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    if claim.revision_id is None:
        return partial(_gone, claim)
    revision = desk.press.archive.revision(tx, claim.revision_id)
    digest = desk.digests.get(claim.id, NO_DIGEST)
    return partial(desk.press.lesson, claim, revision, relay, digest=digest)


def _issue(_tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """An issue: whether it still goes out, and whether the person still is on the newsletter."""
    issue = desk.issues[IssueId(claim.campaign_id)]
    if issue.state is IssueState.CANCELLED or claim.run != issue.run:
        return Withheld(reason="The issue was called off before it was sent.")
    if not claim.is_wanted:
        return Withheld(reason="The person left the newsletter before it was sent.")
    return partial(desk.press.issue, claim, issue, relay)


def _question(_tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """A confirmation, or the reminder of one."""
    asked = desk.questions.get(ConsentId(claim.campaign_id))
    if asked is None:
        return partial(_gone, claim)
    if asked.answered:
        return Withheld(reason=_ANSWERED)
    if desk.now >= desk.press.expires_at(asked):
        return Withheld(reason=_TOO_LATE)
    template = REMIND if claim.kind is DeliveryKind.REMINDER else CONFIRM
    links = {"confirm": desk.press.confirm_url(asked), "refuse": desk.press.disown_url(asked.id)}
    revision = desk.current[asked.course_id]
    when = desk.press.words(revision.course).time(asked.asked_at)
    beside = desk.newsletter if asked.newsletter and not revision.course.is_newsletter else None
    title = beside.title if beside is not None else ""
    told = Asked(when=when, network=networks.beginning(asked.ip), newsletter=title)
    return partial(desk.press.letter, claim, template, links, revision, relay, asked=told)


def _farewell(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """What says to whom has left how to undo it."""
    gone = departures.get(tx, DepartureId(claim.campaign_id))
    if gone is None:
        return partial(_gone, claim)
    if gone.undone_at is not None:
        return Withheld(reason="It was undone before this was sent.")
    if desk.now >= gone.left_at + UNDO_WITHIN:
        return Withheld(reason=_TOO_LATE)
    template = FAREWELL if gone.course_id is None else FAREWELL_COURSE
    links = {"undo": desk.press.undo_url(gone)}
    return _written(tx, desk, claim, relay, template, links, course=voice.of_departure(tx, gone))


def _move(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """What asks at a new address, or says at the former one that mails go elsewhere."""
    move = moves.get(tx, MoveId(claim.campaign_id))
    if move is None:
        return partial(_gone, claim)
    if subscribers.suppression_of(tx, move.before if claim.run else move.after) is not None:
        return Withheld(reason=_SILENT)
    if claim.run:
        taken = move.taken_back_at is not None
        course, links = voice.of(tx, claim.subscriber_id), {"undo": desk.press.stay_url(move)}
        said = Withheld(reason="It was taken back before this was sent.")
        return said if taken else _written(tx, desk, claim, relay, MOVED, links, course=course)
    if move.confirmed_at is not None:
        return Withheld(reason=_ANSWERED)
    if desk.now >= desk.press.move_until(move):
        return Withheld(reason=_TOO_LATE)
    links = {"move": desk.press.move_url(move)}
    return _written(tx, desk, claim, relay, MOVE, links, course=voice.of(tx, claim.subscriber_id))


def _access(tx: Transaction, desk: Desk, claim: Claim, relay: Relay) -> Print | Withheld:
    """What leads somebody to their data."""
    if desk.now >= claim.created_at + ACCESS_WITHIN:
        return Withheld(reason=_TOO_LATE)
    links = {"data": desk.press.data_url(claim.subscriber_id, claim.created_at)}
    return _written(tx, desk, claim, relay, ACCESS, links, course=voice.of(tx, claim.subscriber_id))


def _written(
    tx: Transaction,
    desk: Desk,
    claim: Claim,
    relay: Relay,
    template: str,
    links: Mapping[str, str],
    *,
    course: CourseId | None,
) -> Print | Withheld:
    """A mail in the name of a course."""
    if course is None:
        return Withheld(reason="There is no course in whose name it could be written.")
    return partial(desk.press.letter, claim, template, links, desk.press.archive.current(tx, course), relay)


def _gone(claim: Claim) -> Parcel:
    raise BadContent(f"delivery {claim.id}: what it should say is gone.")


_KINDS: Mapping[DeliveryKind, Callable[[Transaction, Desk, Claim, Relay], Print | Withheld]] = MappingProxyType(
    {
        DeliveryKind.LESSON: _lesson,
        DeliveryKind.CONFIRMATION: _question,
        DeliveryKind.REMINDER: _question,
        DeliveryKind.FAREWELL: _farewell,
        DeliveryKind.MOVE: _move,
        DeliveryKind.ACCESS: _access,
        DeliveryKind.ISSUE: _issue,
    }
)
