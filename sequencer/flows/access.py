"""How does a person come to all that we keep of them? By a link mailed to them, as other links are passed on."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from sequencer.core import tokens
from sequencer.core.model import Course, DeliveryKind, SubscriberId, SubscriberState
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound, TooMany
from sequencer.flows import erase as erasing
from sequencer.flows import export as exporting
from sequencer.flows import voice
from sequencer.store import courses, notices, subscribers
from sequencer.store.database import Database

log = logging.getLogger(__name__)

ONE_IN = timedelta(days=1)
_NOBODY = "We keep nothing of you any more."


def ask(db: Database, who: SubscriberId, *, now: datetime) -> None:
    """Mail the link to the person, once a day. Raises BadRequest for whom we may not write to, and TooMany."""
    with db.begin() as tx:
        person = subscribers.lock(tx, who)
        if person is None:
            raise NotFound(_NOBODY)
        if person.state is SubscriberState.SUPPRESSED or subscribers.suppression_of(tx, person.address) is not None:
            raise BadRequest("We do not write to this address any more; please write to us about your data.")
        last = notices.last_at(tx, who, DeliveryKind.ACCESS)
        if last is not None and now < last + ONE_IN:
            raise TooMany("A mail with the link was sent to you within a day; please look for it.")
        # What it is about is this very asking: a number of its own.
        notices.queue(tx, DeliveryKind.ACCESS, int(now.timestamp()), who, now=now)
    log.info("subscriber.asked_for_data", extra={"subscriber": who})


def whose(db: Database, secret: str, token: str, *, now: datetime) -> tuple[SubscriberId, Course | None]:
    """Whose data a link leads to, and in whose name we write to them. Raises BadRequest and NotFound."""
    who = SubscriberId(tokens.unseal(secret, Purpose.DATA, token, now=now).subject)
    with db.read() as tx:
        if subscribers.get(tx, who) is None:
            raise NotFound(_NOBODY)
        which = voice.of(tx, who)
        return who, None if which is None else courses.revision(tx, courses.current_id(tx, which)).course


def export(db: Database, secret: str, token: str, *, now: datetime) -> Mapping[str, object]:
    """All of it, as a document. Raises BadRequest and NotFound."""
    who, _ = whose(db, secret, token, now=now)
    return exporting.export(db, who, now=now)


def erase(db: Database, secret: str, token: str, *, for_good: bool, now: datetime) -> Course | None:
    """Erase all of it. Raises BadRequest and NotFound."""
    who, course = whose(db, secret, token, now=now)
    erasing.erase(db, who, for_good=for_good, now=now)
    return course
