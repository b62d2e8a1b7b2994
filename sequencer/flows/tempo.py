"""How does a person say when lessons come? A pause and its end, and their own hour, days and pace: one commit each."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sequencer.core import schedule
from sequencer.core.model import EnrolmentId, Pace, Preference, Subscriber
from sequencer.errors import BadRequest
from sequencer.flows import hours, replan, seats
from sequencer.flows.seats import Said, Seat
from sequencer.store import deliveries, enrolments, subscribers
from sequencer.store.database import Database, Transaction

LONGEST_PAUSE = timedelta(days=366)


def pause(db: Database, which: EnrolmentId, until: date | timedelta, *, now: datetime) -> Said:
    """Nothing comes before the day `until`, or so long after today, by the person's calendar; the last word counts.

    A lesson that waits to be tried again waits as long. Raises BadRequest for a day that is past, or too far away.
    """
    with db.begin() as tx:
        return hold(tx, which, until, now=now)


def hold(tx: Transaction, which: EnrolmentId, until: date | timedelta, *, now: datetime) -> Said:
    """The same, within a transaction that does more."""
    person = seats.lock_person(tx, which)
    ends_at = _morning(until, hours.zone(person.timezone, replan.UTC), now)
    _put_off(tx, person, which, ends_at, now)
    seat = seats.take(tx, person, which)
    said = seats.refused(seat)
    if said is None:
        seats.save(tx, replace(seat, place=replace(seat.place, paused_until=ends_at)), now)
        said = Said.PAUSED
    return seats.told(which, "pause", said)


def resume(db: Database, which: EnrolmentId, *, now: datetime) -> Said:
    """A pause ends: the next lesson comes at the person's next hour, and never a burst."""
    with db.begin() as tx:
        return let_go(tx, which, now=now)


def let_go(tx: Transaction, which: EnrolmentId, *, now: datetime) -> Said:
    """The same, within a transaction that does more."""
    person = seats.lock_person(tx, which)
    _put_off(tx, person, which, None, now)
    seat = seats.take(tx, person, which)
    said = seats.refused(seat) or (Said.ALREADY if not seats.is_paused(seat.place, now) else None)
    if said is None:
        seats.save(tx, replace(seat, place=replace(seat.place, paused_until=None)), now)
        said = Said.RESUMED
    return seats.told(which, "resume", said)


def set_pace(tx: Transaction, which: EnrolmentId, pace: Pace | None, *, now: datetime) -> Said:
    """The person's pace for this course; None: the course's."""
    seat = seats.take(tx, seats.lock_person(tx, which), which)
    said = seats.refused(seat)
    if said is None:
        seats.save(tx, replace(seat, place=replace(seat.place, pace=pace)), now)
        said = Said.RHYTHM
    return seats.told(which, "pace", said)


def set_rhythm(
    db: Database,
    which: EnrolmentId,
    *,
    pace: Pace | None,
    send_at: time | None,
    days: frozenset[int] | None,
    now: datetime,
) -> Said:
    """The person's own hour and days, for all of their courses, and their pace for this one; None: the course's.

    What the course has is no choice of one's own: it goes along when the course changes.
    """
    with db.begin() as tx:
        person = seats.lock_person(tx, which)
        places = enrolments.lock_of(tx, person.id)
        mine = next(one for one in places if one.id == which)
        said = seats.refused(Seat(person=person, place=mine, revision=seats.words(tx, mine)))
        if said is None:
            usual = seats.words(tx, mine).course.rhythm
            own = Preference(
                send_at=None if send_at == usual.send_at else send_at, days=None if days == usual.days else days
            )
            person = replace(person, preference=own)
            subscribers.save(tx, person)
            for one in places:
                place = replace(one, pace=pace) if one.id == which else one
                seats.save(tx, Seat(person=person, place=place, revision=seats.words(tx, place)), now)
            said = Said.RHYTHM
    return seats.told(which, "rhythm", said)


def _put_off(tx: Transaction, person: Subscriber, which: EnrolmentId, ends_at: datetime | None, now: datetime) -> None:
    """A lesson that waits to be tried again waits for the end of the pause too, or comes back from there.

    An issue does not wait: when the pause is over it is old news.
    """
    place = seats.known(tx, which)
    revision = seats.words(tx, place)
    if revision.course.is_newsletter:
        if ends_at is not None:
            deliveries.cancel_of(tx, place, reason="The person paused before it was sent.", now=now)
    elif ends_at is not None or seats.is_paused(place, now):
        place = replace(place, next_due_at=None, paused_until=ends_at)
        deliveries.put_off(tx, place, due_at=replan.next_due(tx, person, place, revision, now=now))


def _morning(until: date | timedelta, zone: ZoneInfo, now: datetime) -> datetime:
    """The beginning of a day of the person's calendar."""
    today = schedule.in_zone(now, zone).date()
    day = today + until if isinstance(until, timedelta) else until
    if not today < day <= today + LONGEST_PAUSE:
        raise BadRequest("Choose a day after today, and within a year.")
    begins = schedule.local_instant(day, time(), zone)
    return begins or _morning(day + timedelta(days=1), zone, now)
