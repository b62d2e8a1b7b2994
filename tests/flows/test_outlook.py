"""Would somebody who is tired understand what comes next for a person, and what stands in the way?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, PLACES, House, an_address, small_course
from sqlalchemy import text

from sequencer.core.model import Blame, Deferred, Pace, Rejected, Stage
from sequencer.delivery.courier import Carried, Ledger
from sequencer.flows import dispatch, pauses, report, subscription, tempo
from sequencer.flows.report import Why

EMAIL = "reader@example.org"
HOUR = timedelta(hours=1)
COURSE = '"A Small Course"'
SINCE = "paused since 2026-03-02 09:00 UTC"
STANDSTILL = (
    'Everything is paused since 2026-03-02 09:00 UTC (The relay is blocked.); "sequencer resume" lets it go on.'
)
IN_HAND = (
    "A sender has lesson 2: Subject 2 (message 3) in hand; if it has died, another takes it back within a quarter of "
    "an hour."
)


def why(house: House, now: datetime) -> Why:
    """What is told of the reader."""
    return report.why(house.db, an_address(EMAIL), now=now)


@pytest.fixture
def taught(house: House) -> House:
    """A house in which the reader has had the first of three lessons, on Monday at eight."""
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT)
    return house


def wait(_: House) -> None:
    """Nothing happens."""


def pause_everything(house: House) -> None:
    pauses.stop(house.db, reason="The relay is blocked.", now=EIGHT + HOUR)


def pause_course(house: House) -> None:
    pauses.pause_course(house.db, "small", reason="A wrong link", now=EIGHT + HOUR)


def pause_course_over_an_hour(house: House) -> None:
    pause_course(house)
    house.tick(EIGHT + DAY)


def busy(house: House) -> None:
    house.courier.answers = [(Stage.RCPT, Deferred(reply="451 busy", after=2 * DAY))]
    house.tick(EIGHT + DAY)


def busy_and_paused(house: House) -> None:
    busy(house)
    tempo.pause(house.db, house.place(EMAIL).id, timedelta(weeks=1), now=EIGHT + DAY)


def refused(house: House) -> None:
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 nobody", blame=Blame.ADDRESS))]
    house.tick(EIGHT + DAY)


def leave(house: House) -> None:
    house.leave(EMAIL, EIGHT + HOUR)


def finish(house: House) -> None:
    for day in (1, 2):
        house.tick(EIGHT + day * DAY)


def shorten(house: House) -> None:
    house.publish(small_course(1), EIGHT + HOUR)


class Silent:
    """A sender that claims, and is heard of no more."""

    def carry(self, ledger: Ledger) -> Carried:
        """Claim, and fall silent."""
        ledger.next_batch(PLACES)
        return Carried(tried=0)


def fall_silent(house: House) -> None:
    dispatch.tick(house.db, Silent(), house.press, now=EIGHT + DAY)


@pytest.mark.parametrize(
    ("act", "at", "note", "blockers"),
    [
        (wait, HOUR, "", []),
        (wait, 2 * DAY, "It is due: the next pass sends it.", []),
        (
            pause_everything,
            2 * HOUR,
            "",
            [
                STANDSTILL,
            ],
        ),
        (
            pause_course,
            2 * DAY,
            "It is due, and waits.",
            [f'{COURSE} is {SINCE} (A wrong link); "sequencer course resume small" lets it go on.'],
        ),
        (
            pause_course_over_an_hour,
            2 * DAY,
            f"{COURSE} stands still; when it goes on, so does the person, at their next hour.",
            [f'{COURSE} is {SINCE} (A wrong link); "sequencer course resume small" lets it go on.'],
        ),
        (
            busy,
            DAY,
            f"The next lesson of {COURSE} is planned when message 3 is over.",
            ['Lesson 2: Subject 2 (message 3) waits until 2026-03-05 08:00 UTC. The relay said "451 busy".'],
        ),
        (
            busy_and_paused,
            DAY,
            f"The next lesson of {COURSE} is planned when message 3 is over.",
            [
                f"The person has paused {COURSE} until Tuesday 10 March 2026.",
                'Lesson 2: Subject 2 (message 3) waits until 2026-03-10 08:00 UTC. The relay said "451 busy".',
            ],
        ),
        (
            fall_silent,
            DAY,
            f"The next lesson of {COURSE} is planned when message 3 is over.",
            [
                IN_HAND,
            ],
        ),
        (
            refused,
            DAY,
            f"{COURSE} has stopped after 2 of 3 lessons; the person goes on there if they come back.",
            ["The address is suppressed (bounce): 550 5.1.1 nobody"],
        ),
        (
            leave,
            DAY,
            f"{COURSE} has stopped after 1 of 3 lessons; the person goes on there if they come back.",
            [
                "The person unsubscribed on 02 March 2026 at 09:00 UTC.",
                "Word of farewell (message 3) goes out with the next pass.",
            ],
        ),
        (finish, 3 * DAY, f"{COURSE} is finished.", ["Every course of this person is finished."]),
        (
            shorten,
            2 * HOUR,
            f"{COURSE} has become shorter: no lesson is left, and it is over on Tuesday 03 March 2026.",
            [],
        ),
    ],
)
def test_what_comes_next_and_what_is_in_the_way_is_told_in_every_state(
    taught: House, act: Callable[[House], None], at: timedelta, note: str, blockers: list[str]
) -> None:
    act(taught)
    told = why(taught, EIGHT + at)
    assert (told.places[0].note, list(told.blockers)) == (note, blockers)


def test_a_rule_that_is_all_the_persons_own_is_told_so(taught: House) -> None:
    chosen = {"pace": Pace.WEEKLY, "send_at": time(18), "days": frozenset({0, 3})}
    tempo.set_rhythm(taught.db, taught.place(EMAIL).id, **chosen, now=EIGHT + HOUR)  # type: ignore[arg-type]
    assert why(taught, EIGHT + HOUR).places[0].rule == (
        "Mon, Thu at 18:00 on the person's clock, at least 7 days after the lesson before "
        "(hour, days and pace chosen by the person)"
    )


def test_a_lesson_that_was_put_off_for_another_course_s_says_why_it_comes_beside_its_hour(house: House) -> None:
    for slug, title in (("small", "A Small Course"), ("other", "Another")):
        house.publish(small_course(slug=slug, title=title))
        form = replace(FORM, course=slug)
        subscription.add(house.db, an_address(EMAIL), form, name="", zone=LONDON, reason="A test.", now=NOW)
    dispatch.tick(house.db, house.courier, house.press, now=EIGHT, apart=4 * HOUR)
    sent, waits = why(house, EIGHT).places
    assert sent.rule.endswith("at least 1 day after the lesson before")
    assert waits.next_due == EIGHT + 4 * HOUR
    assert waits.rule.endswith(
        'as soon as that comes; beside that hour by "next lesson now", or as "hours_between" keeps it apart from '
        "another course"
    )


def test_a_zone_that_nobody_knows_any_more_is_told_and_the_hour_is_shown_all_the_same(taught: House) -> None:
    with taught.db.begin() as tx:
        tx.execute(text("UPDATE subscriber SET timezone = 'Mars/Olympus'"))
    told = why(taught, EIGHT + HOUR)
    assert told.places[0].next_due == EIGHT + DAY
    assert told.places[0].rule == "every day at 08:00 on the person's clock, at least 1 day after the lesson before"
    assert list(told.blockers) == [
        'Nobody knows the time zone "Mars/Olympus" any more; hours are counted by another one.'
    ]
