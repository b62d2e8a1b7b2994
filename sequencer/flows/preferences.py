"""What can people change about what they get? Name, zone, hour, days, pauses, and which of their courses go on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sequencer.core import tokens
from sequencer.core.model import (
    NEWSLETTER,
    Assent,
    Course,
    Enrolment,
    EnrolmentState,
    Preference,
    SignupRequest,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import directory, leaving, optin, tempo
from sequencer.flows.seats import Said
from sequencer.store import courses, enrolments, subscribers
from sequencer.store.database import Database, Transaction

UNKNOWN = "We do not know this person any more."
_ASKED = "They asked for the newsletter on their page of preferences."


class Done(StrEnum):
    """What came of a press. The words for it are the page's."""

    SAVED = "saved"
    LEFT = "left"
    BACK = "back"
    PAUSED = "paused"
    RESUMED = "resumed"
    ASKED = "asked"
    SENT = "sent"
    NEWSLETTER = "newsletter"
    NO_NEWSLETTER = "no-newsletter"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants their mail to be like; None for what they did not say."""

    name: str | None = None
    zone: ZoneInfo | None = None
    rhythm: Preference | None = None


def whose(secret: str, token: str, *, now: datetime) -> SubscriberId:
    """Whom a preferences link belongs to. Raises BadRequest for a link that is not ours."""
    return SubscriberId(tokens.unseal(secret, Purpose.PREFERENCES, token, now=now).subject)


def person(db: Database, who: SubscriberId) -> Subscriber:
    """The person as they are now. Raises NotFound."""
    with db.read() as tx:
        found = subscribers.get(tx, who)
    if found is None:
        raise NotFound(UNKNOWN)
    return found


def places(db: Database, who: SubscriberId) -> Sequence[tuple[Enrolment, Course]]:
    """The person's courses with their place in each."""
    with db.read() as tx:
        return [
            (place, courses.revision(tx, courses.current_id(tx, place.course_id)).course)
            for place in enrolments.of(tx, who)
        ]


def newsletter(db: Database) -> Course | None:
    """The newsletter, if there is one."""
    with db.read() as tx:
        found = courses.current(tx, NEWSLETTER)
    return found.course if found else None


def prefer(db: Database, who: SubscriberId, wish: Wish, *, now: datetime) -> Subscriber:
    """Change what the wish names; what is due next is planned anew by the new clock, never earlier than now."""
    with db.begin() as tx:
        before = _locked(tx, who)
        after = replace(
            before,
            name=before.name if wish.name is None else wish.name,
            timezone=before.timezone if wish.zone is None else wish.zone.key,
            preference=before.preference if wish.rhythm is None else wish.rhythm,
        )
        directory.change(tx, before, after, now=now)
    return after


def leave(db: Database, who: SubscriberId, slug: str, *, now: datetime) -> Done:
    """Leave one course, and stay for the rest."""
    left = Done.NO_NEWSLETTER if slug == NEWSLETTER else Done.LEFT
    return left if leaving.leave_one(db, who, slug, now=now) else Done.NOTHING


def come_back(db: Database, who: SubscriberId, slug: str, *, now: datetime) -> Done:
    """Go on with a course that they had left, or get the newsletter from now on.

    Raises BadRequest for any other course, and for who has left altogether.
    """
    with db.begin() as tx:
        known = _locked(tx, who)
        if known.state is not SubscriberState.ACTIVE:
            raise BadRequest("You have left altogether. Please sign up again if you would like to come back.")
        which = courses.published_ids(tx, [slug]).get(slug)
        place = enrolments.find(tx, who, which) if which is not None else None
        if place is None and which is not None and slug == NEWSLETTER:
            # They ask for it from a mail of theirs, as if they had pressed the button of one that asks.
            request = SignupRequest(
                form="", address=known.address, name="", timezone="", note=_ASKED, source_url="", ip=""
            )
            optin.vouch(tx, known, which, request, wording=_ASKED, assent=Assent.MAIL, now=now)
            return Done.NEWSLETTER
        if place is None:
            raise BadRequest("You were never on this course. Please sign up for it.")
        _, changed = directory.enrol(tx, known, slug, now=now)
    back = Done.NEWSLETTER if slug == NEWSLETTER else Done.BACK
    return back if changed else Done.NOTHING


def pause(db: Database, who: SubscriberId, length: timedelta, *, now: datetime) -> Done:
    """Nothing comes for so long, of any course: a commit for each."""
    said = [tempo.pause(db, place.id, length, now=now) for place in _going(db, who)]
    return Done.PAUSED if Said.PAUSED in said else Done.NOTHING


def resume(db: Database, who: SubscriberId, *, now: datetime) -> Done:
    """All pauses end."""
    said = [tempo.resume(db, place.id, now=now) for place in _going(db, who)]
    return Done.RESUMED if Said.RESUMED in said else Done.NOTHING


def _going(db: Database, who: SubscriberId) -> Sequence[Enrolment]:
    with db.read() as tx:
        return [place for place in enrolments.of(tx, who) if place.state is EnrolmentState.ACTIVE]


def _locked(tx: Transaction, who: SubscriberId) -> Subscriber:
    found = subscribers.lock(tx, who)
    if found is None:
        raise NotFound(UNKNOWN)
    return found
