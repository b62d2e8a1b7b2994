"""What follows from what the site tells us of somebody? It is kept, and courses that end with it stop at once."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sequencer.core.model import EnrolmentId, EnrolmentState, Subscriber
from sequencer.flows import directory
from sequencer.store import enrolments, events
from sequencer.store.database import Transaction
from sequencer.store.events import EventId

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of it: the courses that stopped."""

    id: EventId
    stopped: Sequence[EnrolmentId]


def hear(tx: Transaction, who: Subscriber, name: str, data: Mapping[str, object], *, now: datetime) -> Heard:
    """Somebody, who is locked, did this; whichever course says `exit_on` it stops for them, unsent what is not sent."""
    event = events.record(tx, name, who.id, data, now=now)
    ends = [
        place
        for place in enrolments.of(tx, who.id)
        if place.state is EnrolmentState.ACTIVE and name in directory.words(tx, place.course_id).course.exit_on
    ]
    stopped = directory.stop(tx, ends, reason=f'The site told us "{name}", with which the course ends.', now=now)
    log.info("event.heard", extra={"heard": event, "what": name, "subscriber": who.id, "stopped": len(stopped)})
    return Heard(id=event, stopped=stopped)
