"""What comes next for somebody, by which rule, and what stands in the way? In sentences, for who explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core import schedule
from sequencer.core.model import (
    Course,
    Delivery,
    DeliveryState,
    Enrolment,
    EnrolmentState,
    Revision,
    Rhythm,
    Subscriber,
    SubscriberState,
)
from sequencer.flows import hours, replan, seats
from sequencer.store import courses, deliveries, pauses, shards
from sequencer.store.database import Transaction
from sequencer.store.pauses import Scope, Standstill
from sequencer.store.subscribers import Suppression

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WITH_A_SENDER = (DeliveryState.CLAIMED, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message of a person's past, with the words it carried."""

    delivery: Delivery
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A person's place in a course. `next_due` is on their own clock; `rule` says why then; None: nothing is due.

    `note` is a sentence about what comes next that the date alone does not tell; "" where it tells all.
    """

    enrolment: Enrolment
    course: Course
    next_lesson: str
    next_due: datetime | None
    rule: str
    note: str


def of(tx: Transaction, person: Subscriber, place: Enrolment, *, now: datetime) -> Place:
    """What comes next at one place, as it is planned now."""
    revision = courses.revision(tx, courses.current_id(tx, place.course_id))
    lessons = revision.course.lessons
    left = place.step < len(lessons)
    due = place.next_due_at
    return Place(
        enrolment=place,
        course=revision.course,
        next_lesson=lessons[place.step].subject if left else "",
        next_due=schedule.in_zone(due, _zone(person)) if due else None,
        rule=_rule(tx, person, place, revision, due) if due and left else "",
        note=_note(tx, person, place, revision.course, now),
    )


def _note(tx: Transaction, person: Subscriber, place: Enrolment, course: Course, now: datetime) -> str:
    """What the date does not tell, or why there is none."""
    if course.is_newsletter:
        stays = f'The person is on the newsletter "{course.title}" and gets its issues.'
        return (
            stays if place.state is EnrolmentState.ACTIVE else f'The person has left the newsletter "{course.title}".'
        )
    lessons = len(course.lessons)
    if place.next_due_at is not None:
        return _of_date(tx, person, place, course, place.next_due_at, now=now)
    if place.state is EnrolmentState.FINISHED:
        return f'"{course.title}" is finished.'
    if place.state is EnrolmentState.STOPPED:
        had = f"{min(place.step, lessons)} of {lessons} lessons"
        return f'"{course.title}" has stopped after {had}; the person goes on there if they come back.'
    if place.held_due_at is not None:
        return f'"{course.title}" stands still; when it goes on, so does the person, at their next hour.'
    return _open(tx, place, course)


def _of_date(
    tx: Transaction, person: Subscriber, place: Enrolment, course: Course, due: datetime, *, now: datetime
) -> str:
    if place.step >= len(course.lessons):
        return f'"{course.title}" has become shorter: no lesson is left, and it is over on {_day(person, due)}.'
    if due > now:
        return ""
    waits = pauses.standstill(tx) is not None or place.course_id in pauses.paused_courses(tx)
    return "It is due, and waits." if waits else "It is due: the next pass sends it."


def _open(tx: Transaction, place: Enrolment, course: Course) -> str:
    """What the next lesson of somebody waits for who has no hour."""
    waits = [row for row in deliveries.had(tx, place) if row.state in _WITH_A_SENDER or row.due_at is not None]
    number = f"message {waits[-1].id}" if waits else "the last one"
    return f'The next lesson of "{course.title}" is planned when {number} is over.'


def _rule(tx: Transaction, person: Subscriber, place: Enrolment, revision: Revision, due: datetime) -> str:
    """The rhythm that gives the hour, in words."""
    preference = replan.preference(person, place)
    rhythm = hours.to_lesson(revision.course, place.step, since=due, preference=preference)
    every = len(rhythm.days) == len(_DAYS)
    days = "every day" if every else ", ".join(_DAYS[day] for day in sorted(rhythm.days))
    gap = "as soon as that comes" if place.step == 0 else f"at least {rhythm.gap} after the lesson before"
    minutes = rhythm.spread // timedelta(minutes=1)
    window = f" or up to {minutes} minutes later" if minutes else ""
    chosen = (("hour", preference.send_at), ("days", preference.days), ("pace", preference.pace))
    own = [name for name, value in chosen if value is not None]
    listed = " and ".join([", ".join(own[:-1]), own[-1]] if len(own) > 1 else own)
    whose = f" ({listed} chosen by the person)" if own else ""
    when = f"{days} at {rhythm.send_at:%H:%M}{window} on the person's clock{_but(revision.course)}, {gap}{whose}"
    return when + _apart(person, revision, rhythm, due) + _pause(tx, person, place)


def _but(course: Course) -> str:
    off = [f"public holidays ({course.holidays})"] if course.holidays else []
    if course.rhythm.blackout or course.rhythm.yearly:
        off.append("the days that course.toml leaves out")
    return f", not on {' or '.join(off)}" if off else ""


def _apart(person: Subscriber, revision: Revision, rhythm: Rhythm, due: datetime) -> str:
    """What may have put a lesson beside its hour."""
    if schedule.known_zone(person.timezone) is None:
        return ""
    if schedule.first_due(due, _zone(person), rhythm, share=hours.share(person.id, revision)) == due:
        return ""
    return '; beside that hour by "next lesson now", or as "hours_between" keeps it apart from another course'


def _pause(tx: Transaction, person: Subscriber, place: Enrolment) -> str:
    """The person's pause, unless they had a lesson since."""
    last = deliveries.last_accepted(tx, place)
    if place.paused_until is None or (last is not None and last >= place.paused_until):
        return ""
    return f"; the person has paused until {_day(person, place.paused_until)}"


def blockers(
    tx: Transaction,
    person: Subscriber,
    suppression: Suppression | None,
    sent: Sequence[Sent],
    places: Sequence[Place],
    *,
    now: datetime,
) -> Sequence[str]:
    """What stands between the person and their next lesson, a sentence each."""
    return [
        *_stands_still(tx, places),
        *_about(person, suppression, places),
        *_paused(person, places, now),
        *(words for one in sent for words in _waits(one, now)),
    ]


def _stands_still(tx: Transaction, places: Sequence[Place]) -> Sequence[str]:
    """What an admin has paused."""
    said = [f"{one}; {_undone(one)}" for one in pauses.still(tx).rows if _concerns(tx, one, places)]
    still = {one.name: one for one in pauses.still_courses(tx)}
    for place in places:
        one = still.get(place.course.slug)
        if one is not None and place.enrolment.state is EnrolmentState.ACTIVE:
            undo = f'"sequencer course resume {place.course.slug}" lets it go on.'
            said.append(f'"{place.course.title}" is {one.words}; {undo}')
    return said


def _concerns(tx: Transaction, one: Standstill, places: Sequence[Place]) -> bool:
    """Whether it may keep this person waiting: a shard does so only where they are in it."""
    if one.scope is not Scope.SHARD:
        return True
    going = [place.enrolment.id for place in places if place.enrolment.state is EnrolmentState.ACTIVE]
    return int(one.name) in {shards.of(tx, which) for which in going}


def _undone(one: Standstill) -> str:
    if one.scope is Scope.RELAY:
        return f'others take its mail, where there are any; "sequencer resume --relay {one.name}" lets it go on.'
    return f'"sequencer resume{f" --shard {one.name}" if one.name else ""}" lets it go on.'


def _about(person: Subscriber, suppression: Suppression | None, places: Sequence[Place]) -> Sequence[str]:
    """What is about the person themselves."""
    said = []
    if suppression is not None:
        said.append(f"The address is suppressed ({suppression.reason}): {suppression.detail}")
    if person.state is SubscriberState.PENDING:
        said.append("The person has not confirmed their address yet.")
    if person.state is SubscriberState.LEFT and person.left_at:
        said.append(f"The person unsubscribed on {person.left_at:%d %B %Y at %H:%M} UTC.")
    if schedule.known_zone(person.timezone) is None:
        said.append(f'Nobody knows the time zone "{person.timezone}" any more; hours are counted by another one.')
    if places and all(place.enrolment.state is EnrolmentState.FINISHED for place in places):
        said.append("Every course of this person is finished.")
    if person.state is SubscriberState.ACTIVE and not places:
        said.append("The person is on no course.")
    return said


def _paused(person: Subscriber, places: Sequence[Place], now: datetime) -> Sequence[str]:
    """Pauses of the person's own that no date speaks of, as a message waits for their end."""
    return [
        f'The person has paused "{one.course.title}" until {_day(person, one.enrolment.paused_until)}.'
        for one in places
        if one.enrolment.paused_until is not None and seats.is_paused(one.enrolment, now) and one.next_due is None
    ]


def _waits(sent: Sent, now: datetime) -> Sequence[str]:
    """What a message waits for that is not over."""
    row, said = sent.delivery, said_of(sent.delivery)
    named, at = f"{sent.what} (message {row.id})", row.due_at
    later = at if at is not None and at > now else None
    if row.state in _WITH_A_SENDER:
        return [f"A sender has {named} in hand; if it has died, another takes it back within a quarter of an hour."]
    if row.state is DeliveryState.UNCERTAIN:
        when = f"at {later:%Y-%m-%d %H:%M} UTC" if later else "with the next pass"
        settles = f'"sequencer delivery resolve {row.id} --as sent" (or failed, or again) settles it'
        what = f"it is sent once more {when}" if at else f"it is held, and {settles}"
        return [f"Nobody knows whether {named} arrived; {what}.{said}"]
    if at is not None:
        waits = f"waits until {later:%Y-%m-%d %H:%M} UTC" if later else "goes out with the next pass"
        return [f"{named[0].upper()}{named[1:]} {waits}.{said}"]
    return []


def said_of(row: Delivery) -> str:
    """What is known of how a message fared, as a sentence: the relay's words, or ours where no relay was asked."""
    words = row.reply
    if words[:3].isdecimal():
        return f' The relay said "{words}".'
    return f" {words[0].upper()}{words[1:].removesuffix('.')}." if words else ""


def _zone(person: Subscriber) -> ZoneInfo:
    # Without a word in the log: who reads this is told of an unknown zone among what stands in the way.
    return schedule.known_zone(person.timezone) or replan.UTC


def _day(person: Subscriber, instant: datetime) -> str:
    return f"{schedule.in_zone(instant, _zone(person)):%A %d %B %Y}"
