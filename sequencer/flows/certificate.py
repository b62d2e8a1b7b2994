"""Who says that somebody finished a course? A link that we signed, and what the ledger knows behind it."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sequencer.core import schedule, tokens
from sequencer.core.model import Course, DeliveryState, Enrolment, EnrolmentId, EnrolmentState
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import hours, replan, seats
from sequencer.flows.press import Press
from sequencer.store import deliveries, done, subscribers
from sequencer.store.database import Database

_TAKEN = (DeliveryState.SENT, DeliveryState.UNCERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is certified: lessons that arrived from one day to another, and those that were ticked. No address."""

    course: Course
    name: str
    received: int
    done: int
    began: date
    ended: date


def seal(secret: str, place: Enrolment, *, named: bool) -> str:
    """The token of a certificate for the present pass; the name is on it only where the person agreed: `named`.

    Raises BadRequest for a pass that is not finished.
    """
    if place.state is not EnrolmentState.FINISHED:
        raise BadRequest("There is a certificate when the course is finished.")
    # The pass, and in its lowest bit whether the name may be shown: nobody but we can set it.
    return tokens.seal(secret, Purpose.CERTIFICATE, place.id, about=place.run << 1 | named)


def read(db: Database, press: Press, secret: str, token: str, *, now: datetime) -> Certificate:
    """What a certificate's link stands for. Raises BadRequest for a link that is not ours, NotFound for nobody."""
    opened = tokens.unseal(secret, Purpose.CERTIFICATE, token, now=now)
    with db.read() as tx:
        place = replace(seats.known(tx, EnrolmentId(opened.subject)), run=opened.about >> 1)
        person = subscribers.get(tx, place.subscriber_id)
        rows = [row for row in deliveries.had(tx, place) if row.state in _TAKEN]
        last = max(rows, key=lambda row: row.finished_at or row.created_at, default=None)
        if person is None or last is None or last.revision_id is None:
            raise NotFound("We have no certificate for this link any more.")
        zone = hours.zone(person.timezone, replan.UTC)
        days = [schedule.in_zone(row.finished_at or row.created_at, zone).date() for row in rows]
        return Certificate(
            course=press.archive.revision(tx, last.revision_id).course,
            name=person.name if opened.about & 1 else "",
            received=len(rows),
            done=len(done.ticked(tx, place.id, place.run) & {row.campaign_id for row in rows}),
            began=min(days),
            ended=max(days),
        )
