"""When is somebody's next lesson due, now that their hour, days, pace, zone, place or pause are others?"""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core.model import Enrolment, Preference, Revision, Subscriber
from sequencer.flows import hours
from sequencer.store import deliveries
from sequencer.store.database import Transaction
from sequencer.store.places import Waiting

UTC = ZoneInfo("UTC")  # instead of a zone that nobody knows any more


def preference(person: Subscriber, place: Enrolment) -> Preference:
    """What a person prefers on this course: their own hour and days, and the pace they chose for it."""
    return replace(person.preference, pace=place.pace)


def next_due(tx: Transaction, person: Subscriber, place: Enrolment, revision: Revision, *, now: datetime) -> datetime:
    """When the next lesson of this place is due: their next allowed hour, a gap after the last, behind their pause.

    What is due already stays due, unless they paused.
    """
    due, pause = place.next_due_at, place.paused_until
    if due is not None and due <= now and (pause is None or pause <= now):
        return due
    step = min(place.step, len(revision.lesson_ids) - 1)
    waiting = Waiting(
        enrolment_id=place.id,
        subscriber_id=person.id,
        run=place.run,
        step=step,
        timezone=person.timezone,
        preference=preference(person, place),
        paused_until=pause,
        due_at=due,
        finished_at=place.finished_at,
        last=deliveries.last_accepted(tx, place),
    )
    return hours.next_hour(waiting, step, revision, now=now, instead=UTC)
