"""How does somebody get their mail at another address? It is asked there, and the former one may take it back."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.core import tokens
from sequencer.core.model import (
    Address,
    Course,
    DeliveryKind,
    Move,
    MoveId,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound, TooMany
from sequencer.flows import voice
from sequencer.store import courses, moves, notices, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

ONE_IN = timedelta(days=1)
_GONE = "We keep nothing of this any more. Please open your preferences, and begin again there."
_USED = "This link is used up: another address was asked for since then."
_SILENT = "We do not write to this address any more. Please write to us if you think that is wrong."
_TAKEN = (
    "This address gets mails from us already, as a subscriber of its own. Nothing was changed: unsubscribe there what "
    "you do not want twice, or keep both."
)
_TAKEN_SINCE = "Somebody else gets mails from us at this address by now. Please write to us."


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A change of address as it stands now, in whose name we write of it, and at which end somebody stands.

    `at_former`: they read mail at the address before, and may take it back.
    """

    move: Move
    course: Course | None
    at_former: bool


def ask(db: Database, who: SubscriberId, to: Address, *, ip: str, now: datetime) -> None:
    """Ask at a new address whether it is the person's; once a day. What it answers depends on the person alone.

    Nothing goes to an address that is suppressed, that somebody has asked for today, or that is theirs already.
    Raises TooMany where they have asked today, and BadRequest where they get no mail.
    """
    with db.begin() as tx:
        person = _locked(tx, who)
        if person.state is not SubscriberState.ACTIVE:
            raise BadRequest("You get no mails from us at the moment; sign up with the new address instead.")
        asked = moves.of(tx, who)
        if asked and now < asked[-1].asked_at + ONE_IN:
            raise TooMany("You have asked for another address within a day already; please come again tomorrow.")
        wanted = moves.asked_for(tx, to, since=now - ONE_IN) == 0 and to.normalized != person.address.normalized
        which = moves.record(tx, person, to, ip=ip, now=now)
        if wanted and subscribers.suppression_of(tx, to) is None:
            notices.queue(tx, DeliveryKind.MOVE, which, who, now=now)
    log.info("subscriber.asked_to_move", extra={"subscriber": who, "move": which})


def look(db: Database, secret: str, token: str, *, now: datetime) -> Moving:
    """What a link of such a mail is about; changes nothing. Raises BadRequest for a link that is no good."""
    which, at_former = _named(secret, token, now)
    with db.read() as tx:
        move = moves.get(tx, which)
        person = subscribers.get(tx, move.subscriber_id) if move else None
        return _seen(tx, *_allowed(tx, move, person, at_former=at_former), at_former=at_former)


def press(db: Database, secret: str, token: str, *, now: datetime) -> Moving:
    """At the new address: it is theirs, and mails go there from now on. At the former one: it was not them.

    Each in one commit, and twice is once. Raises BadRequest for a link that is no good, and where the address is
    somebody else's: nobody's courses are thrown together.
    """
    which, at_former = _named(secret, token, now)
    with db.begin() as tx:
        known = moves.get(tx, which)
        person = subscribers.lock(tx, known.subscriber_id) if known else None
        move, person = _allowed(tx, moves.get(tx, which), person, at_former=at_former)
        if at_former and move.taken_back_at is None:
            _take_back(tx, move, person, now)
        elif not at_former and move.confirmed_at is None:
            _confirm(tx, move, person, now)
        return _seen(tx, *_allowed(tx, moves.get(tx, which), person, at_former=at_former), at_former=at_former)


def _confirm(tx: Transaction, move: Move, person: Subscriber, now: datetime) -> None:
    if subscribers.suppression_of(tx, move.after) is not None:
        raise BadRequest(_SILENT)
    if not subscribers.move(tx, person.id, move.after):
        raise BadRequest(_TAKEN)
    moves.confirm(tx, move.id, now=now)
    if move.after.normalized != move.before.normalized and subscribers.suppression_of(tx, move.before) is None:
        notices.queue(tx, DeliveryKind.MOVE, move.id, person.id, run=1, now=now)
    log.info("subscriber.moved", extra={"subscriber": person.id, "move": move.id})


def _take_back(tx: Transaction, move: Move, person: Subscriber, now: datetime) -> None:
    if not subscribers.move(tx, person.id, move.before):
        raise BadRequest(_TAKEN_SINCE)
    moves.take_back(tx, move.id, now=now)
    log.info("subscriber.moved_back", extra={"subscriber": person.id, "move": move.id})


def _named(secret: str, token: str, now: datetime) -> tuple[MoveId, bool]:
    said = tokens.unseal(secret, Purpose.MOVE, token, now=now)
    return MoveId(said.subject), bool(said.about)


def _allowed(
    tx: Transaction, move: Move | None, person: Subscriber | None, *, at_former: bool
) -> tuple[Move, Subscriber]:
    """Both, where the link still has a say.

    At a new address that is so for what was asked for last. Whoever read mail at an address first has the last word:
    what was asked for before they took theirs back counts no more, at either end.
    """
    if move is None or person is None:
        raise NotFound(_GONE)
    if person.state is SubscriberState.SUPPRESSED:
        raise BadRequest(_SILENT)
    asked = moves.of(tx, person.id)
    overruled = any(one.taken_back_at >= move.asked_at for one in asked if one.id < move.id and one.taken_back_at)
    used = move.taken_back_at is not None or any(one.id > move.id for one in asked)
    if overruled or (used and not at_former):
        raise BadRequest(_USED)
    return move, person


def _seen(tx: Transaction, move: Move, person: Subscriber, *, at_former: bool) -> Moving:
    which = voice.of(tx, person.id)
    course = courses.revision(tx, courses.current_id(tx, which)).course if which is not None else None
    return Moving(move=move, course=course, at_former=at_former)


def _locked(tx: Transaction, who: SubscriberId) -> Subscriber:
    found = subscribers.lock(tx, who)
    if found is None:
        raise NotFound("We do not know this person any more.")
    return found
