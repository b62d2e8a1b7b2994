"""In whose name do we write to somebody what is no lesson? In that of a course of theirs, or of the first there is."""

from sequencer.core.model import CourseId, Departure, SubscriberId
from sequencer.store import courses, enrolments
from sequencer.store.database import Transaction


def of(tx: Transaction, who: SubscriberId) -> CourseId | None:
    """The course that somebody began last, or the first that is published; None where none is."""
    places = enrolments.of(tx, who)
    if places:
        return places[-1].course_id
    return next((one.course_id for one in courses.all_current(tx)), None)


def of_departure(tx: Transaction, gone: Departure) -> CourseId | None:
    """The course that somebody left; where they left everything, one that ended with it."""
    if gone.course_id is not None:
        return gone.course_id
    stopped = [place.course_id for place in enrolments.of(tx, gone.subscriber_id) if place.id in gone.stopped]
    return stopped[0] if stopped else of(tx, gone.subscriber_id)
