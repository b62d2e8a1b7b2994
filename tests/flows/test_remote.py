"""Does the learner hold the remote: does each button do what it says, once, and never bring two lessons at once?"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from house import DAY, EIGHT, LONDON, NOW, SECRET, Answer, House, Meddler, ScriptedCourier, small_course, small_lesson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequencer.core import tokens
from sequencer.core.model import (
    Course,
    Deferred,
    DeliveryState,
    EnrolmentId,
    EnrolmentState,
    Gap,
    Lesson,
    LessonId,
    Pace,
    Stage,
    SubscriberState,
    Uncertain,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import certificate, dispatch, leaving, pauses, progress, remote, report, seats, tempo
from sequencer.flows.progress import Became, Progress, Standing
from sequencer.flows.seats import Said

EMAIL = "reader@example.org"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
BUSY = (Stage.MAIL, Deferred(reply="451 busy"))


@pytest.fixture
def taught(house: House) -> House:
    """A house in which somebody has had the first of five lessons, on Monday at eight."""
    house.publish(small_course(5))
    house.join(EMAIL, name="Rea Reader")
    house.tick(EIGHT)
    return house


def course_of(*lessons: Lesson) -> Course:
    """The small course with these lessons."""
    return replace(small_course(1), lessons=lessons)


def which(house: House, email: str = EMAIL) -> EnrolmentId:
    """The person's place."""
    return house.place(email).id


def look(house: House, now: datetime, email: str = EMAIL) -> Progress:
    """What their page shows."""
    return progress.look(house.db, house.press, which(house, email), now=now)


def upcoming(house: House, now: datetime, email: str = EMAIL) -> LessonId:
    """The lesson that the buttons of the page are about; 0 where there is none."""
    coming = look(house, now, email).coming
    return coming[0].lesson if coming else LessonId(0)


def next_now(house: House, now: datetime) -> Said:
    """They open the page and press."""
    return remote.next_now(house.db, which(house), upcoming(house, now), now=now)


def skip(house: House, now: datetime) -> Said:
    """They open the page and press."""
    return remote.skip(house.db, which(house), upcoming(house, now), now=now)


def pause(house: House, now: datetime, length: timedelta | date = 2 * WEEK) -> Said:
    """They press."""
    return tempo.pause(house.db, which(house), length, now=now)


def resume(house: House, now: datetime) -> Said:
    """They press."""
    return tempo.resume(house.db, which(house), now=now)


def rhythm(
    house: House,
    now: datetime,
    *,
    pace: Pace | None = None,
    send_at: time | None = None,
    days: frozenset[int] | None = None,
) -> Said:
    """They fill in the form and press."""
    return tempo.set_rhythm(house.db, which(house), pace=pace, send_at=send_at, days=days, now=now)


def start_over(house: House, now: datetime) -> Said:
    """They open the page and press."""
    return remote.start_over(house.db, which(house), house.place(EMAIL).run, now=now)


def lessons(house: House, email: str = EMAIL) -> list[str]:
    """The subjects of the lessons that were sent."""
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


def daily(house: House, start: datetime, days: int) -> None:
    """A pass each hour of so many days."""
    for hour in range(24 * days):
        house.tick(start + hour * HOUR)


def finish(house: House) -> datetime:
    """They get all lessons; a moment after the last."""
    for day in range(1, 5):
        house.tick(EIGHT + day * DAY)
    assert house.place(EMAIL).state is EnrolmentState.FINISHED
    return EIGHT + 4 * DAY + HOUR


# Next lesson now


def test_the_next_lesson_comes_now_and_the_one_after_it_a_gap_later(taught: House) -> None:
    assert next_now(taught, EIGHT + HOUR) is Said.NOW
    taught.tick(EIGHT + HOUR)
    assert lessons(taught) == ["Subject 1", "Subject 2"]
    assert taught.place(EMAIL).next_due_at == EIGHT + DAY


def test_next_now_pressed_twice_is_one_lesson(taught: House) -> None:
    lesson = upcoming(taught, EIGHT + HOUR)
    press: Callable[[datetime], Said] = lambda now: remote.next_now(taught.db, which(taught), lesson, now=now)  # noqa: E731
    assert press(EIGHT + HOUR) is Said.NOW
    assert press(EIGHT + HOUR) is Said.UNDER_WAY
    taught.tick(EIGHT + HOUR)
    assert press(EIGHT + HOUR + MINUTE) is Said.UNDER_WAY
    daily(taught, EIGHT + HOUR + MINUTE, 0)
    taught.tick(EIGHT + 2 * HOUR)
    assert lessons(taught) == ["Subject 1", "Subject 2"]


@pytest.mark.parametrize("moment", ["before_intent", "before_report"])
def test_while_a_lesson_is_on_the_wire_no_button_brings_another(taught: House, moment: str) -> None:
    said: list[Said] = []
    lesson = upcoming(taught, EIGHT + 2 * HOUR)

    def press() -> None:
        said.append(remote.next_now(taught.db, which(taught), lesson, now=EIGHT + DAY))
        said.append(remote.skip(taught.db, which(taught), LessonId(lesson + 1), now=EIGHT + DAY))

    courier = Meddler(**{moment: press})  # type: ignore[arg-type]
    house = House(taught.db, courier)
    house.tick(EIGHT + DAY)
    assert said == [Said.UNDER_WAY, Said.UNDER_WAY]
    assert lessons(house) == ["Subject 2"]
    assert house.place(EMAIL).next_due_at == EIGHT + 2 * DAY
    assert house.place(EMAIL).step == 2


def test_a_lesson_that_waits_to_be_tried_again_is_on_its_way(taught: House) -> None:
    taught.courier.answers = [BUSY]
    taught.tick(EIGHT + DAY)
    seen = look(taught, EIGHT + DAY + MINUTE)
    assert seen.standing is Standing.UNDER_WAY
    assert [one.became for one in seen.past] == [Became.SENT, Became.UNDER_WAY]
    assert next_now(taught, EIGHT + DAY + MINUTE) is Said.UNDER_WAY
    assert skip(taught, EIGHT + DAY + MINUTE) is Said.UNDER_WAY
    taught.tick(EIGHT + DAY + HOUR)
    assert lessons(taught) == ["Subject 1", "Subject 2"]
    assert taught.place(EMAIL).next_due_at == EIGHT + 2 * DAY


def test_next_now_ends_a_pause(taught: House) -> None:
    pause(taught, EIGHT + HOUR)
    assert next_now(taught, EIGHT + 2 * HOUR) is Said.NOW
    taught.tick(EIGHT + 2 * HOUR)
    assert lessons(taught) == ["Subject 1", "Subject 2"]
    assert taught.place(EMAIL).paused_until is None
    assert taught.place(EMAIL).next_due_at == EIGHT + DAY


def test_while_everybody_rests_so_does_who_is_impatient(taught: House) -> None:
    pauses.stop(taught.db, reason="a wrong link", now=EIGHT + HOUR)
    assert look(taught, EIGHT + 2 * HOUR).standing is Standing.RESTING
    assert next_now(taught, EIGHT + 2 * HOUR) is Said.RESTING
    pauses.go_on(taught.db)
    pauses.pause_course(taught.db, "small", now=EIGHT + 2 * HOUR)
    assert next_now(taught, EIGHT + 2 * HOUR) is Said.RESTING
    assert [one.at for one in look(taught, EIGHT + 2 * HOUR).coming] == [None] * 4
    assert taught.place(EMAIL).next_due_at == EIGHT + DAY


def test_a_pause_and_a_choice_hold_when_the_whole_course_rested_meanwhile(taught: House) -> None:
    pauses.pause_course(taught.db, "small", now=EIGHT + HOUR)
    taught.tick(EIGHT + DAY)
    assert taught.place(EMAIL).held_due_at is not None
    assert pause(taught, EIGHT + DAY + HOUR, 1 * WEEK) is Said.PAUSED
    assert rhythm(taught, EIGHT + DAY + HOUR, send_at=time(20)) is Said.RHYTHM
    pauses.resume_course(taught.db, "small", now=EIGHT + 2 * DAY)
    assert taught.place(EMAIL).next_due_at == EIGHT + 8 * DAY + 12 * HOUR


# Pause and go on


def test_nothing_comes_during_a_pause_and_no_burst_after_it(taught: House) -> None:
    assert pause(taught, EIGHT + HOUR, 2 * WEEK) is Said.PAUSED
    assert look(taught, EIGHT + HOUR).standing is Standing.PAUSED
    daily(taught, EIGHT + HOUR, 13)
    assert lessons(taught) == ["Subject 1"]
    taught.tick(EIGHT + 14 * DAY)
    taught.tick(EIGHT + 14 * DAY + HOUR)
    assert lessons(taught) == ["Subject 1", "Subject 2"]
    assert taught.place(EMAIL).next_due_at == EIGHT + 15 * DAY


def test_pausing_twice_is_the_later_choice(taught: House) -> None:
    pause(taught, EIGHT + HOUR, 4 * WEEK)
    pause(taught, EIGHT + 2 * HOUR, 1 * WEEK)
    assert taught.place(EMAIL).next_due_at == EIGHT + 7 * DAY
    pause(taught, EIGHT + 3 * HOUR, 2 * WEEK)
    assert taught.place(EMAIL).next_due_at == EIGHT + 14 * DAY


def test_who_goes_on_gets_the_next_lesson_at_their_hour_and_only_one(taught: House) -> None:
    pause(taught, EIGHT + HOUR)
    assert resume(taught, EIGHT + 5 * DAY + HOUR) is Said.RESUMED
    assert taught.place(EMAIL).paused_until is None
    daily(taught, EIGHT + 5 * DAY + HOUR, 1)
    assert lessons(taught) == ["Subject 1", "Subject 2"]
    assert resume(taught, EIGHT + 6 * DAY + HOUR) is Said.ALREADY


def test_who_pauses_and_goes_on_within_a_day_gets_no_second_lesson_on_it(taught: House) -> None:
    pause(taught, EIGHT + HOUR)
    resume(taught, EIGHT + 2 * HOUR)
    assert taught.place(EMAIL).next_due_at == EIGHT + DAY


def test_a_pause_wins_over_a_lesson_that_is_due_and_not_yet_claimed(taught: House) -> None:
    next_now(taught, EIGHT + HOUR)
    pause(taught, EIGHT + HOUR, 1 * WEEK)
    taught.tick(EIGHT + HOUR)
    assert lessons(taught) == ["Subject 1"]
    assert taught.place(EMAIL).next_due_at == EIGHT + 7 * DAY


@pytest.mark.parametrize("answer", [None, Uncertain(reply="lost")])
def test_who_pauses_while_a_lesson_is_on_the_wire_gets_the_next_one_after_the_pause(
    taught: House, answer: Uncertain | None
) -> None:
    courier = Meddler(
        answers=[answer] if answer else [],
        before_report=lambda: pause(taught, EIGHT + DAY, 2 * WEEK) and None,
    )
    house = House(taught.db, courier)
    house.tick(EIGHT + DAY)
    house.tick(EIGHT + DAY + HOUR)
    assert house.place(EMAIL).next_due_at == EIGHT + 15 * DAY
    assert set(lessons(house)) == {"Subject 2"}


def test_a_lesson_that_waits_to_be_tried_again_waits_for_the_end_of_a_pause(taught: House) -> None:
    taught.courier.answers = [BUSY]
    taught.tick(EIGHT + DAY)
    pause(taught, EIGHT + DAY + MINUTE, 1 * WEEK)
    seen = look(taught, EIGHT + DAY + HOUR)
    assert (seen.standing, seen.past[1].became, seen.coming[0].at) == (
        Standing.PAUSED, Became.UNDER_WAY, EIGHT + 9 * DAY,
    )  # fmt: skip
    daily(taught, EIGHT + DAY + HOUR, 6)
    assert lessons(taught) == ["Subject 1"]
    taught.tick(EIGHT + 8 * DAY)
    assert lessons(taught) == ["Subject 1", "Subject 2"]
    assert taught.place(EMAIL).next_due_at == EIGHT + 9 * DAY


def test_who_goes_on_gets_the_lesson_that_waited_at_their_next_hour(taught: House) -> None:
    taught.courier.answers = [BUSY]
    taught.tick(EIGHT + DAY)
    pause(taught, EIGHT + DAY + MINUTE, 4 * WEEK)
    resume(taught, EIGHT + 3 * DAY + HOUR)
    daily(taught, EIGHT + 3 * DAY + HOUR, 1)
    assert lessons(taught) == ["Subject 1", "Subject 2"]
    assert taught.place(EMAIL).next_due_at == EIGHT + 5 * DAY


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=367), date(2026, 3, 2), date(2027, 4, 1)])
def test_a_pause_ends_after_today_and_within_a_year(taught: House, length: timedelta | date) -> None:
    with pytest.raises(BadRequest, match="a day after today, and within a year"):
        pause(taught, EIGHT + HOUR, length)


def test_a_pause_over_the_change_of_clocks_ends_at_the_hour_of_the_persons_clock(taught: House) -> None:
    pause(taught, EIGHT + HOUR, 4 * WEEK)
    due = taught.place(EMAIL).next_due_at
    assert due == datetime(2026, 3, 30, 8, tzinfo=LONDON)
    assert due.utcoffset() == timedelta(0)
    assert due == EIGHT + 28 * DAY - HOUR


def test_a_zone_whose_day_has_no_midnight_has_a_morning_all_the_same(taught: House) -> None:
    # In Nuuk the clock jumps from 23:00 on 28 March to midnight; in Santiago a day in September begins at one.
    for zone, day, first in (("America/Nuuk", date(2026, 3, 29), 0), ("America/Santiago", date(2026, 9, 6), 1)):
        taught.prefer(EMAIL, EIGHT + HOUR, zone=ZoneInfo(zone))
        assert pause(taught, EIGHT + HOUR, day) is Said.PAUSED
        ends = taught.place(EMAIL).paused_until
        assert ends is not None
        local = ends.astimezone(ZoneInfo(zone))
        assert (local.date(), local.hour) == (day, first)


def test_a_pause_lasts_when_the_course_is_edited_and_when_the_person_moves(taught: House) -> None:
    pause(taught, EIGHT + HOUR, 2 * WEEK)
    changed = small_course(
        6, rhythm=small_course().rhythm.__class__(send_at=time(9), days=frozenset(range(7)), gap=Gap(days=1))
    )
    taught.publish(changed, EIGHT + 2 * HOUR)
    assert taught.place(EMAIL).next_due_at == EIGHT + 14 * DAY + HOUR
    taught.prefer(EMAIL, EIGHT + 3 * HOUR, zone=ZoneInfo("Asia/Tokyo"))
    due = taught.place(EMAIL).next_due_at
    assert due is not None
    assert due.astimezone(ZoneInfo("Asia/Tokyo")).replace(tzinfo=None) == datetime(2026, 3, 16, 9)  # noqa: DTZ001


def test_who_leaves_and_comes_back_does_not_wait_for_an_old_pause(taught: House) -> None:
    pause(taught, EIGHT + HOUR, 4 * WEEK)
    taught.leave(EMAIL, EIGHT + 2 * HOUR)
    taught.join(EMAIL, EIGHT + DAY + HOUR)
    assert taught.place(EMAIL).next_due_at == EIGHT + 2 * DAY


# Hour, days and pace


@pytest.mark.parametrize(("pace", "days"), [(Pace.DAILY, 1), (Pace.EVERY_OTHER_DAY, 2), (Pace.WEEKLY, 7), (None, 1)])
def test_a_pace_counts_from_the_last_lesson(taught: House, pace: Pace | None, days: int) -> None:
    assert rhythm(taught, EIGHT + HOUR, pace=pace) is Said.RHYTHM
    assert taught.place(EMAIL).next_due_at == EIGHT + days * DAY
    taught.tick(EIGHT + days * DAY)
    assert taught.place(EMAIL).next_due_at == EIGHT + 2 * days * DAY


def test_slower_and_then_the_courses_own_again_is_as_before(taught: House) -> None:
    rhythm(taught, EIGHT + HOUR, pace=Pace.WEEKLY)
    rhythm(taught, EIGHT + 3 * DAY + HOUR, pace=None)
    assert taught.place(EMAIL).next_due_at == EIGHT + 4 * DAY


def test_an_hour_of_ones_own_brings_no_second_lesson_that_day(taught: House) -> None:
    rhythm(taught, EIGHT + HOUR, send_at=time(20, 30))
    assert taught.place(EMAIL).next_due_at == EIGHT + DAY + timedelta(hours=12, minutes=30)
    rhythm(taught, EIGHT + 2 * HOUR, send_at=time(6))
    assert taught.place(EMAIL).next_due_at == EIGHT + DAY - 2 * HOUR


def test_days_of_ones_own_are_kept_also_by_what_comes_after(taught: House) -> None:
    rhythm(taught, EIGHT + HOUR, days=frozenset({2, 5}))
    assert taught.place(EMAIL).next_due_at == EIGHT + 2 * DAY
    taught.tick(EIGHT + 2 * DAY)
    assert taught.place(EMAIL).next_due_at == EIGHT + 5 * DAY


def test_what_the_course_has_is_no_choice_of_ones_own(taught: House) -> None:
    rhythm(taught, EIGHT + HOUR, send_at=time(8), days=frozenset(range(7)))
    preference = taught.person(EMAIL).preference
    assert (preference.send_at, preference.days) == (None, None)


def test_the_hour_is_for_all_courses_and_the_pace_for_one(taught: House) -> None:
    other = small_course(3, slug="other", title="Another")
    taught.publish(other)
    with taught.db.begin() as tx:
        revision = seats.courses.current(tx, "other")
        assert revision is not None
        second = seats.enrolments.start(tx, taught.person(EMAIL).id, revision.course_id, due_at=EIGHT + DAY, now=NOW)
    first = _first_place(taught)
    tempo.set_rhythm(taught.db, first, pace=Pace.WEEKLY, send_at=time(20), days=None, now=EIGHT + HOUR)
    with taught.db.read() as tx:
        one, two = seats.known(tx, first), seats.known(tx, second)
    assert one.next_due_at == EIGHT + 7 * DAY + 12 * HOUR
    assert (two.pace, two.next_due_at) == (None, EIGHT + 12 * HOUR)


def _first_place(house: House) -> EnrolmentId:
    with house.db.read() as tx:
        return seats.enrolments.of(tx, house.person(EMAIL).id)[0].id


def test_the_gap_that_a_lesson_asks_for_itself_is_never_made_shorter(house: House) -> None:
    house.publish(course_of(small_lesson(1), small_lesson(2, gap=Gap(days=3))))
    house.join(EMAIL)
    house.tick(EIGHT)
    rhythm(house, EIGHT + HOUR, pace=Pace.DAILY)
    assert house.place(EMAIL).next_due_at == EIGHT + 3 * DAY


# Leave one out


def test_a_lesson_that_is_left_out_is_not_sent_and_the_next_comes_in_its_place(taught: House) -> None:
    assert skip(taught, EIGHT + HOUR) is Said.SKIPPED
    taught.tick(EIGHT + DAY)
    assert lessons(taught) == ["Subject 1", "Subject 3"]
    seen = look(taught, EIGHT + DAY + HOUR)
    assert [one.became for one in seen.past] == [Became.SENT, Became.SKIPPED, Became.SENT]


def test_leaving_one_out_twice_leaves_one_out(taught: House) -> None:
    lesson = upcoming(taught, EIGHT + HOUR)
    said = [remote.skip(taught.db, which(taught), lesson, now=EIGHT + HOUR) for _ in range(2)]
    assert said == [Said.SKIPPED, Said.ALREADY]
    assert taught.place(EMAIL).step == 2


def test_leaving_out_the_last_lesson_finishes_the_course(taught: House) -> None:
    for day in range(1, 4):
        taught.tick(EIGHT + day * DAY)
    assert skip(taught, EIGHT + 3 * DAY + HOUR) is Said.SKIPPED
    place = taught.place(EMAIL)
    assert (place.state, place.finished_at, place.next_due_at) == (
        EnrolmentState.FINISHED, EIGHT + 3 * DAY + HOUR, None,
    )  # fmt: skip
    daily(taught, EIGHT + 3 * DAY + HOUR, 2)
    assert lessons(taught) == ["Subject 1", "Subject 2", "Subject 3", "Subject 4"]


def test_who_leaves_out_the_last_lesson_begins_the_course_that_follows(house: House) -> None:
    house.publish(small_course(2, slug="other"))
    house.publish(small_course(1, next="other"))
    house.join(EMAIL)
    assert skip(house, NOW) is Said.SKIPPED
    with house.db.read() as tx:
        places = seats.enrolments.of(tx, house.person(EMAIL).id)
    assert [(one.state, one.next_due_at) for one in places] == [
        (EnrolmentState.FINISHED, None),
        (EnrolmentState.ACTIVE, EIGHT + DAY),
    ]


# Start over


def test_a_new_pass_begins_with_the_first_lesson_and_the_ledger_holds_each_pass(taught: House) -> None:
    later = finish(taught)
    assert start_over(taught, later) is Said.RESTARTED
    place = taught.place(EMAIL)
    assert (place.run, place.step, place.state, place.finished_at) == (1, 0, EnrolmentState.ACTIVE, None)
    assert place.next_due_at == EIGHT + 5 * DAY
    for day in range(5, 10):
        taught.tick(EIGHT + day * DAY)
    assert lessons(taught) == [f"Subject {number}" for number in (1, 2, 3, 4, 5)] * 2
    assert [row.run for row in taught.ledger(EMAIL)][1:] == [0] * 5 + [1] * 5


def test_starting_over_twice_is_starting_over_once(taught: House) -> None:
    taught.tick(EIGHT + DAY)
    said = [remote.start_over(taught.db, which(taught), 0, now=EIGHT + DAY + MINUTE) for _ in range(2)]
    assert said == [Said.RESTARTED, Said.ALREADY]
    assert start_over(taught, EIGHT + DAY + 2 * MINUTE) is Said.ALREADY
    assert taught.place(EMAIL).run == 1


def test_starting_over_half_way_cancels_what_waits_to_be_tried_again(taught: House) -> None:
    taught.courier.answers = [BUSY]
    taught.tick(EIGHT + DAY)
    assert start_over(taught, EIGHT + DAY + MINUTE) is Said.RESTARTED
    assert taught.states(EMAIL)[-1] is DeliveryState.SKIPPED
    daily(taught, EIGHT + DAY + HOUR, 2)
    assert lessons(taught) == ["Subject 1", "Subject 1", "Subject 2"]


def test_what_an_earlier_pass_left_waiting_does_not_come_back_with_the_person(taught: House) -> None:
    taught.courier.answers = [BUSY]
    taught.tick(EIGHT + DAY)
    start_over(taught, EIGHT + DAY + MINUTE)
    taught.leave(EMAIL, EIGHT + DAY + HOUR)
    taught.join(EMAIL, EIGHT + 2 * DAY + HOUR)
    daily(taught, EIGHT + 2 * DAY + HOUR, 2)
    assert lessons(taught) == ["Subject 1", "Subject 1", "Subject 2"]


def test_starting_over_between_claim_and_content_withholds_that_lesson(taught: House) -> None:
    courier = Meddler(before_intent=lambda: remote.start_over(taught.db, which(taught), 0, now=EIGHT + DAY) and None)
    house = House(taught.db, courier)
    house.tick(EIGHT + DAY)
    assert lessons(house) == ["Subject 1"]
    assert house.states(EMAIL)[-2:] == [DeliveryState.SKIPPED, DeliveryState.SENT]
    place = house.place(EMAIL)
    assert (place.run, place.step, place.next_due_at) == (1, 1, EIGHT + 2 * DAY)


def test_starting_over_while_the_content_is_on_the_wire_has_to_wait(taught: House) -> None:
    said: list[Said] = []
    courier = Meddler(
        before_report=lambda: said.append(remote.start_over(taught.db, which(taught), 0, now=EIGHT + DAY))
    )
    house = House(taught.db, courier)
    house.tick(EIGHT + DAY)
    assert said == [Said.UNDER_WAY]
    assert (house.place(EMAIL).run, house.place(EMAIL).next_due_at) == (0, EIGHT + 2 * DAY)


def test_starting_over_ends_a_pause_and_keeps_the_pace(taught: House) -> None:
    rhythm(taught, EIGHT + HOUR, pace=Pace.EVERY_OTHER_DAY)
    pause(taught, EIGHT + 2 * HOUR)
    start_over(taught, EIGHT + 3 * HOUR)
    place = taught.place(EMAIL)
    assert (place.paused_until, place.pace, place.next_due_at) == (None, Pace.EVERY_OTHER_DAY, EIGHT + 2 * DAY)


# Done


def test_a_lesson_can_be_ticked_and_unticked_twice(taught: House) -> None:
    (row,) = look(taught, EIGHT + HOUR).past
    for is_done, said in ((True, Said.DONE), (True, Said.DONE), (False, Said.UNDONE), (False, Said.UNDONE)):
        assert remote.tick(taught.db, which(taught), row.lesson, is_done=is_done, now=EIGHT + HOUR) is said
        assert look(taught, EIGHT + HOUR).past[0].is_done is is_done


def test_a_lesson_that_has_not_come_cannot_be_ticked(taught: House) -> None:
    with pytest.raises(BadRequest, match="You have not had this lesson yet"):
        remote.tick(taught.db, which(taught), upcoming(taught, EIGHT + HOUR), is_done=True, now=EIGHT + HOUR)


def test_each_pass_has_its_own_ticks(taught: House) -> None:
    later = finish(taught)
    first = look(taught, later).past[0].lesson
    remote.tick(taught.db, which(taught), first, is_done=True, now=later)
    start_over(taught, later)
    taught.tick(EIGHT + 5 * DAY)
    assert [one.is_done for one in look(taught, EIGHT + 5 * DAY + HOUR).past] == [False]


# Who has finished, who has left, who is nobody


def test_a_finished_course_offers_nothing_but_starting_over_and_ticks(taught: House) -> None:
    later = finish(taught)
    said = [next_now(taught, later), skip(taught, later), pause(taught, later), resume(taught, later),
            rhythm(taught, later, pace=Pace.WEEKLY)]  # fmt: skip
    assert said == [Said.FINISHED] * 5
    assert taught.place(EMAIL).next_due_at is None
    assert look(taught, later).standing is Standing.FINISHED


def test_who_has_left_can_do_nothing_here(taught: House) -> None:
    taught.leave(EMAIL, EIGHT + HOUR)
    before = (taught.place(EMAIL), taught.ledger(EMAIL), taught.person(EMAIL))
    later = EIGHT + 2 * HOUR
    said = [next_now(taught, later), skip(taught, later), pause(taught, later), resume(taught, later),
            rhythm(taught, later, pace=Pace.WEEKLY), start_over(taught, later),
            remote.tick(taught.db, which(taught), LessonId(1), is_done=True, now=later)]  # fmt: skip
    assert said == [Said.GONE] * 7
    assert (taught.place(EMAIL), taught.ledger(EMAIL), taught.person(EMAIL)) == before
    assert taught.person(EMAIL).state is SubscriberState.LEFT
    assert look(taught, later).standing is Standing.GONE
    assert look(taught, later).coming == ()


def test_a_link_of_nobody_is_told_so(house: House) -> None:
    for act in (
        lambda: progress.look(house.db, house.press, EnrolmentId(404), now=NOW),
        lambda: remote.next_now(house.db, EnrolmentId(404), LessonId(1), now=NOW),
        lambda: tempo.pause(house.db, EnrolmentId(404), WEEK, now=NOW),
    ):
        with pytest.raises(NotFound, match="We do not know this course of yours any more"):
            act()


def test_a_press_and_a_pass_at_the_same_moment_are_one_lesson(house: House) -> None:
    house.publish(small_course(12))
    house.join(EMAIL)
    house.tick(EIGHT)
    for number in range(1, 9):
        now = EIGHT + number * MINUTE
        lesson = upcoming(house, now)
        with ThreadPoolExecutor(4) as pool:
            presses = [pool.submit(remote.next_now, house.db, which(house), lesson, now=now) for _ in range(2)]
            passes = [pool.submit(house.tick, now) for _ in range(2)]
        assert [press.result() for press in presses].count(Said.NOW) == 1
        assert sum(one.result().accepted for one in passes) <= 1
        house.tick(now)
        assert lessons(house) == [f"Subject {one}" for one in range(1, number + 2)]


def test_starting_over_and_a_pass_at_the_same_moment_are_one_lesson_that_day(shared_house: House) -> None:
    house = shared_house
    house.publish(small_course(3))
    house.join(EMAIL)
    house.tick(EIGHT)
    for number in range(1, 9):
        now = EIGHT + number * DAY
        run = house.place(EMAIL).run
        with ThreadPoolExecutor(4) as pool:
            presses = [pool.submit(remote.start_over, house.db, which(house), run, now=now) for _ in range(2)]
            passes = [pool.submit(house.tick, now) for _ in range(2)]
        assert [press.result() for press in presses].count(Said.RESTARTED) <= 1
        assert sum(one.result().accepted for one in passes) + house.tick(now).accepted == 1
        place = house.place(EMAIL)
        assert (place.next_due_at is None) is (place.state is EnrolmentState.FINISHED)


# What the page foretells


def _happens(house: House, until: datetime) -> list[datetime]:
    """When lessons really come, if a pass looks whenever something is due."""
    came: list[datetime] = []
    while (at := dispatch.next_due(house.db)) is not None and at < until:
        came += [at] * house.tick(at).accepted
    return came


@pytest.mark.parametrize(
    "course",
    [
        small_course(5),
        course_of(small_lesson(1), small_lesson(2), small_lesson(3), small_lesson(4, gap=Gap(days=3))),
    ],
)
def test_the_dates_on_the_page_are_those_on_which_lessons_come(house: House, course: Course) -> None:
    # Over the last weekend of March, on which London's clock changes.
    start = datetime(2026, 3, 26, 7, tzinfo=LONDON)
    house.publish(course, start)
    house.join(EMAIL, start)
    rhythm(house, start, pace=Pace.EVERY_OTHER_DAY, send_at=time(21, 15), days=frozenset({0, 3, 4, 5, 6}))
    foretold = [one.at for one in look(house, start).coming]
    assert foretold == _happens(house, start + 16 * DAY)
    assert {at.astimezone(LONDON).time() for at in foretold if at} == {time(21, 15)}


def test_what_is_on_its_way_is_foreseen_a_gap_behind(taught: House) -> None:
    taught.courier.answers = [BUSY]
    taught.tick(EIGHT + DAY)
    assert look(taught, EIGHT + DAY + MINUTE).coming[0].at == EIGHT + 2 * DAY


def test_the_page_knows_the_first_name_alone_and_subjects_are_filled_in(house: House) -> None:
    house.publish(
        course_of(
            small_lesson(1, subject="For {{ subscriber.name or 'you' }}, lesson {{ lesson.number }}"), small_lesson(2)
        )
    )
    house.join(EMAIL, name="Rea Reader")
    house.tick(EIGHT)
    seen = look(house, EIGHT + HOUR)
    assert seen.name == "Rea"
    assert [one.subject for one in seen.past] == ["For Rea, lesson 1"]
    assert EMAIL not in repr(seen)


# Certificates


def test_a_certificate_says_what_the_ledger_knows(taught: House) -> None:
    first = look(taught, EIGHT + HOUR).past[0].lesson
    remote.tick(taught.db, which(taught), first, is_done=True, now=EIGHT + HOUR)
    skip(taught, EIGHT + HOUR)
    for day in range(1, 4):
        taught.tick(EIGHT + day * DAY)
    for named, name in ((True, "Rea Reader"), (False, "")):
        token = certificate.seal(SECRET, taught.place(EMAIL), named=named)
        found = certificate.read(taught.db, taught.press, SECRET, token, now=EIGHT + 400 * DAY)
        assert (found.name, found.received, found.done) == (name, 4, 1)
        assert (found.began, found.ended) == (date(2026, 3, 2), date(2026, 3, 5))
        assert found.course.title == "A Small Course"


def test_a_certificate_outlasts_the_next_pass_and_the_next_revision(taught: House) -> None:
    later = finish(taught)
    token = certificate.seal(SECRET, taught.place(EMAIL), named=False)
    before = certificate.read(taught.db, taught.press, SECRET, token, now=later)
    start_over(taught, later)
    taught.publish(small_course(2, title="Another Title"), later)
    taught.tick(EIGHT + 5 * DAY)
    assert certificate.read(taught.db, taught.press, SECRET, token, now=later + 9 * DAY) == before


def test_there_is_no_certificate_before_the_end(taught: House) -> None:
    with pytest.raises(BadRequest, match="when the course is finished"):
        certificate.seal(SECRET, taught.place(EMAIL), named=True)


def test_a_name_that_is_taken_back_is_gone_from_the_certificate(taught: House) -> None:
    later = finish(taught)
    token = certificate.seal(SECRET, taught.place(EMAIL), named=True)
    taught.prefer(EMAIL, later, name="")
    assert certificate.read(taught.db, taught.press, SECRET, token, now=later).name == ""


def test_a_certificate_that_is_not_ours_opens_nothing(taught: House) -> None:
    finish(taught)
    place = taught.place(EMAIL)
    good = certificate.seal(SECRET, place, named=False)
    foreign = certificate.seal("the secret of another installation, as long", place, named=False)
    other = tokens.seal(SECRET, Purpose.REMOTE, place.id)
    for token in (good[:-1] + ("A" if good[-1] != "A" else "Q"), foreign, other, "", "nonsense"):
        with pytest.raises(BadRequest, match="not one of ours"):
            certificate.read(taught.db, taught.press, SECRET, token, now=NOW)
    empty = tokens.seal(SECRET, Purpose.CERTIFICATE, place.id, about=5 << 1)
    with pytest.raises(NotFound):
        certificate.read(taught.db, taught.press, SECRET, empty, now=NOW)


# Whatever is pressed, in whatever order

ACTS = st.one_of(
    st.tuples(st.just("tick"), st.sampled_from([1, 3, 7, 23, 24, 50])),
    st.tuples(st.just("busy"), st.sampled_from([1, 24])),
    st.tuples(st.just("now"), st.just(0)),
    st.tuples(st.just("skip"), st.just(0)),
    st.tuples(st.just("pause"), st.sampled_from([1, 2, 7])),
    st.tuples(st.just("resume"), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("pace"), st.sampled_from([None, *Pace])),
    st.tuples(st.just("send_at"), st.sampled_from([None, time(0), time(6), time(9), time(23)])),
    st.tuples(st.just("days"), st.sampled_from([None, frozenset({0, 3}), frozenset({5, 6})])),
    st.tuples(st.just("edit"), st.sampled_from([3, 5, 6])),
)
_PEOPLE = iter(range(10**9))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(acts=st.lists(ACTS, max_size=25))
def test_no_row_of_presses_brings_two_lessons_on_one_day_but_by_next_now(
    house: House, acts: list[tuple[str, object]]
) -> None:
    presser = _Presser(house)
    for act, value in acts:
        presser.press(act, value)
    presser.press("tick", 48)
    leaving.leave_person(house.db, house.person(presser.email).id, now=presser.now)
    days = [at.astimezone(LONDON).date() for at, asked in presser.came if not asked]
    for day in days:
        same = [at for at, _ in presser.came if at.astimezone(LONDON).date() == day]
        unasked = [at for at, asked in presser.came if not asked and at.astimezone(LONDON).date() == day]
        assert len(unasked) == 1
        assert same[0] == unasked[0], "a lesson that nobody asked for came behind another one of that day"


class _Presser:
    """Somebody who presses, beginning on the Friday before the clocks change."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.now = datetime(2026, 3, 27, 7, tzinfo=LONDON)
        self.came: list[tuple[datetime, bool]] = []
        self.asked = False
        self.chosen: dict[str, object] = {"pace": None, "send_at": None, "days": None}
        house.courier = ScriptedCourier()
        self.email = f"reader-{next(_PEOPLE)}@example.org"
        house.publish(small_course(6), self.now)
        house.join(self.email, self.now)
        house.courier.sent.clear()

    def press(self, act: str, value: object) -> None:
        """One act, or some hours in which a pass looks each hour."""
        place, db, now = self.house.place(self.email), self.house.db, self.now
        lesson = upcoming(self.house, now, self.email)
        if act in ("tick", "busy"):
            self.wait(int(str(value)), answers=[BUSY] if act == "busy" else [])
        elif act == "edit":
            self.house.publish(small_course(int(str(value))), now)
        elif act in ("pace", "send_at", "days"):
            self.chosen[act] = value
            tempo.set_rhythm(db, place.id, **self.chosen, now=now)  # type: ignore[arg-type]
        else:
            acts: Mapping[str, Callable[[], Said]] = {
                "now": lambda: remote.next_now(db, place.id, lesson, now=now),
                "skip": lambda: remote.skip(db, place.id, lesson, now=now),
                "pause": lambda: tempo.pause(db, place.id, timedelta(days=int(str(value))), now=now),
                "resume": lambda: tempo.resume(db, place.id, now=now),
                "restart": lambda: remote.start_over(db, place.id, place.run, now=now),
            }
            said = acts[act]()
            self.asked = said is Said.NOW or (self.asked and said not in (Said.PAUSED, Said.RESTARTED))

    def wait(self, hours: int, *, answers: list[Answer]) -> None:
        """So many hours pass."""
        self.house.courier.answers = answers
        for _ in range(hours):
            self.now += HOUR
            due = dispatch.next_due(self.house.db)
            if due is None or due > self.now:
                continue
            before = len(self.house.courier.sent)
            self.house.tick(self.now)
            new = len(self.house.courier.sent) - before
            assert new <= 1
            if new:
                self.came.append((self.now, self.asked))
                self.asked = False


# What an admin is told


def _rule(house: House) -> str:
    (place,) = report.why(house.db, house.person(EMAIL).address, now=NOW).places
    return place.rule


def test_why_names_what_the_person_chose_as_the_rule(taught: House) -> None:
    rhythm(taught, EIGHT + HOUR, pace=Pace.WEEKLY, send_at=time(19, 30))
    assert _rule(taught) == (
        "every day at 19:30 on the person's clock, at least 7 days after the lesson before "
        "(hour and pace chosen by the person)"
    )


def test_why_names_a_pause_until_a_lesson_came_after_it(taught: House) -> None:
    pause(taught, EIGHT + HOUR, 1 * WEEK)
    assert _rule(taught).endswith("; the person has paused until Monday 09 March 2026")
    taught.tick(EIGHT + 7 * DAY)
    assert "paused" not in _rule(taught)
