"""What do edits of a course do to real people, and does the plan say it beforehand?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from house import DAY, EIGHT, NOW, PLACES, House, ScriptedCourier, small_course, small_lesson, subjects

from sequencer.core.edits import Change
from sequencer.core.model import (
    Accepted,
    Course,
    Deferred,
    EnrolmentState,
    Finishers,
    Gap,
    Parcel,
    Report,
    Rhythm,
    Stage,
    Uncertain,
)
from sequencer.delivery.courier import Carried, Ledger
from sequencer.flows import course as course_flow
from sequencer.flows import edits
from sequencer.flows.edits import Foresight

ANN, BEN = "ann@example.org", "ben@example.org"


def of(letters: str, **changes: object) -> Course:
    """A course whose lessons are letters."""
    lessons = tuple(small_lesson(1, key=one, subject=one, body=f"Words of {one}.\n") for one in letters)
    return replace(small_course(), lessons=lessons, **changes)  # type: ignore[arg-type]


def read(house: House, *, days: int) -> None:
    """So many days go by, with a pass at eight on each."""
    go_on(house, 0, days)


def lessons_of(house: House, email: str = ANN) -> str:
    """The letters that somebody was sent, in order."""
    return "".join(one for one in house.subjects(email) if len(one) == 1)


def go_on(house: House, first: int, last: int) -> None:
    for day in range(first, last):
        house.tick(EIGHT + day * DAY)


@pytest.mark.parametrize(
    ("old", "new", "days", "sent"),
    [
        ("ABC", "XABC", 1, "ABC"),  # inserted before their place: they are past it
        ("ABC", "AXBC", 1, "AXBC"),  # at their place
        ("ABC", "ABXC", 1, "ABXC"),  # after it
        ("ABC", "AC", 1, "AC"),  # deleted while it was waited for
        ("ABCD", "BCD", 2, "ABCD"),  # deleted behind them: nobody skips one
        ("ABCD", "ACBD", 1, "ACBD"),  # swapped ahead of them
        ("ABCD", "BACD", 1, "ABCD"),  # swapped with one they had
        ("ABC", "ABCD", 2, "ABCD"),  # appended
        ("ABC", "CAB", 2, "ABC"),  # the next one was put before what they had
    ],
)
def test_nobody_misses_a_lesson_and_nobody_gets_one_twice(
    house: House, old: str, new: str, days: int, sent: str
) -> None:
    house.publish(of(old))
    house.join(ANN)
    read(house, days=days)
    assert lessons_of(house) == sent[:days]
    house.publish(of(new), EIGHT + (days - 1) * DAY + timedelta(hours=1))
    go_on(house, days, 10)
    assert lessons_of(house) == sent
    assert house.place(ANN).state is EnrolmentState.FINISHED


def test_nobody_gets_two_in_a_day_by_an_edit(house: House) -> None:
    house.publish(of("ABCD"))
    house.join(ANN)
    house.tick(EIGHT)
    for hour in range(1, 10):
        house.publish(of("ABCD"[: 2 + hour % 3] + "XYZ"[: hour % 4]), EIGHT + timedelta(hours=hour))
        house.tick(EIGHT + timedelta(hours=hour, minutes=1))
    assert lessons_of(house) == "A"
    house.tick(EIGHT + DAY)
    assert len(lessons_of(house)) == 2


@pytest.mark.parametrize(
    ("finishers", "away", "goes_on"),
    [
        (Finishers.RECENT, 80, True),
        (Finishers.RECENT, 100, False),
        (Finishers.ALL, 400, True),
        (Finishers.NONE, 2, False),
    ],
)
def test_finishers_get_what_is_appended_as_the_course_says(
    house: House, finishers: Finishers, away: int, *, goes_on: bool
) -> None:
    house.publish(of("AB"))
    house.join(ANN)
    read(house, days=2)
    assert house.place(ANN).state is EnrolmentState.FINISHED
    later = EIGHT + away * DAY + timedelta(hours=3)
    house.publish(of("ABC", finishers=finishers), later)
    assert (house.place(ANN).state is EnrolmentState.ACTIVE) is goes_on
    house.tick(later)
    assert lessons_of(house) == "AB"
    house.tick(EIGHT + (away + 1) * DAY + timedelta(hours=23))
    assert lessons_of(house) == ("ABC" if goes_on else "AB")
    # Who was passed over is not owed it by a later edit either.
    house.publish(of("ABC", finishers=finishers, title="Another title"), later + 2 * DAY)
    assert house.place(ANN).state is EnrolmentState.FINISHED


def test_a_new_hour_holds_from_the_lesson_that_waits_already(house: House) -> None:
    house.publish(of("ABC"))
    house.join(ANN)
    house.tick(EIGHT)
    evening = Rhythm(send_at=time(18), days=frozenset(range(7)), gap=Gap(days=1))
    house.publish(of("ABC", rhythm=evening), EIGHT + timedelta(hours=1))
    assert house.place(ANN).next_due_at == EIGHT + DAY + timedelta(hours=10)
    slower = Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(days=5))
    house.publish(of("ABC", rhythm=slower), EIGHT + timedelta(hours=2))
    assert house.place(ANN).next_due_at == EIGHT + 5 * DAY


def test_what_is_due_already_stays_due_when_the_hour_changes(house: House) -> None:
    house.publish(of("ABC"))
    house.join(ANN)
    evening = Rhythm(send_at=time(18), days=frozenset(range(7)), gap=Gap(days=1))
    house.publish(of("ABC", rhythm=evening), EIGHT + timedelta(minutes=1))
    assert house.place(ANN).next_due_at == EIGHT


# Eight in London on a Thursday; the day after it is Good Friday.
THURSDAY = datetime(2026, 4, 2, 7, 0, tzinfo=UTC)
PLAIN = small_course().rhythm


@pytest.mark.parametrize(
    "off",
    [
        {"rhythm": replace(PLAIN, blackout=frozenset({date(2026, 4, 3)}))},
        {"rhythm": replace(PLAIN, yearly=frozenset({(4, 3)}))},
        {"holidays": "GB"},
    ],
    ids=["a date", "a day of every year", "public holidays"],
)
def test_a_lesson_that_is_planned_for_a_day_that_is_taken_out_comes_on_the_next_one(
    house: House, off: dict[str, object]
) -> None:
    house.publish(of("ABC"), THURSDAY - DAY)
    house.join(ANN, THURSDAY - timedelta(hours=1))
    house.tick(THURSDAY)
    assert house.place(ANN).next_due_at == THURSDAY + DAY
    now = THURSDAY + timedelta(hours=1)
    seen = foresee(house, of("ABC", **off), now)
    assert {edit.change for edit in seen.edits} == {Change.TIMING}
    assert (seen.retimed, seen.effects[0].first_due) == (1, THURSDAY + 2 * DAY)
    house.publish(of("ABC", **off), now)
    assert house.place(ANN).next_due_at == THURSDAY + 2 * DAY
    house.publish(of("ABC"), now)
    assert house.place(ANN).next_due_at == THURSDAY + DAY


class Editor(ScriptedCourier):
    """Publishes another revision while a lesson is on the wire."""

    house: House
    course: Course
    when: datetime

    def _send(self, parcel: Parcel, ledger: Ledger) -> None:
        self.house.publish(self.course, self.when)
        super()._send(parcel, ledger)


@pytest.mark.parametrize("new", ["XABC", "AXBC", "BAC", "AC", "A", "C", "BC", "XYZ"])
@pytest.mark.parametrize(
    "answer", [Accepted(reply="250 Ok"), (Stage.RCPT, Deferred(reply="450 later")), Uncertain(reply="lost")]
)
def test_an_edit_during_a_claim_leaves_nobody_behind(house: House, new: str, answer: object) -> None:
    house.publish(of("ABC"))
    house.join(ANN)
    editor = Editor(answers=[answer])  # type: ignore[list-item]
    editor.house, editor.course, editor.when = house, of(new), EIGHT
    editor.sent = house.courier.sent
    house.courier = editor
    house.tick(EIGHT)
    for hour in range(1, 24 * 8):
        house.tick(EIGHT + timedelta(hours=hour))
    had = lessons_of(house)
    assert set(had) >= set(new) - {"X"} - ({"Y"} if new == "X" else set())
    assert house.place(ANN).state is EnrolmentState.FINISHED
    assert len(set(had)) == len(had) or (isinstance(answer, Uncertain) and had.count("A") == 2)


def test_who_waits_for_another_try_is_not_given_the_next_lesson_by_an_edit(house: House) -> None:
    house.publish(of("ABC"))
    house.join(ANN)
    house.courier.answers = [(Stage.RCPT, Deferred(reply="450 later"))] * 3
    house.tick(EIGHT)
    house.publish(of("XABC"), EIGHT)
    assert house.place(ANN).next_due_at is None
    go_on(house, 0, 6)
    assert lessons_of(house)[:2] == "AB"


def foresee(house: House, course: Course, now: datetime) -> Foresight:
    return edits.foresee(house.db, course, now=now)


def test_the_plan_says_what_will_happen_and_does_nothing(house: House) -> None:
    house.publish(of("ABC"))
    house.join(ANN)
    house.tick(EIGHT)
    house.join(BEN, EIGHT + timedelta(hours=1))
    before = [house.place(one) for one in (ANN, BEN)]
    seen = foresee(house, of("AXBC"), EIGHT + timedelta(hours=2))
    assert [house.place(one) for one in (ANN, BEN)] == before
    assert seen.number == 2
    assert [(edit.change.value, edit.key) for edit in seen.edits] == [("added", "X")]
    assert [(one.people, one.place, one.before, one.after, one.is_same, one.added) for one in seen.effects] == [
        (1, 0, "A", "A", True, ("X",)),
        (1, 1, "B", "X", False, ()),
    ]
    assert seen.effects[1].first_due == EIGHT + DAY
    assert seen.twice == 0
    assert foresee(house, of("ABC"), EIGHT).number == 0
    house.publish(of("AXBC"), EIGHT + timedelta(hours=2))
    assert house.place(ANN).next_due_at == seen.effects[1].first_due


def test_the_plan_counts_finishers_and_when_they_get_it(house: House) -> None:
    house.publish(of("A"))
    house.join(ANN, zone="America/New_York")
    house.join(BEN, zone="Asia/Tokyo")
    for hour in range(48):
        house.tick(EIGHT + timedelta(hours=hour))
    now = EIGHT + 10 * DAY
    seen = foresee(house, of("AB"), now)
    assert seen.reopened.people == 2
    assert seen.reopened.first_due is not None
    assert seen.reopened.last_due is not None
    assert seen.reopened.first_due.astimezone(ZoneInfo("America/New_York")).hour == 8
    assert seen.reopened.last_due.astimezone(ZoneInfo("Asia/Tokyo")).hour == 8
    assert foresee(house, of("XA"), now).reopened.people == 0


def test_the_plan_of_a_course_that_never_was_published_is_all_new(house: House) -> None:
    seen = foresee(house, of("AB", slug="another"), NOW)
    assert (seen.number, seen.effects, seen.reopened.people) == (1, (), 0)
    assert [edit.change.value for edit in seen.edits] == ["added", "added"]


def test_a_rollback_publishes_what_was_said_before_and_people_go_on(house: House) -> None:
    house.publish(of("ABC"))
    house.join(ANN)
    house.tick(EIGHT)
    house.publish(of("AXC"), EIGHT + timedelta(hours=1))
    numbers = [one.number for one in course_flow.history(house.db, "small")]
    made = course_flow.rollback(
        house.db, "small", numbers[1], house.templates, postal_address="1", now=EIGHT + timedelta(hours=2)
    )
    assert made is not None
    assert made.number == numbers[0] + 1
    assert [lesson.key for lesson in made.course.lessons] == ["A", "B", "C"]
    go_on(house, 1, 5)
    assert lessons_of(house) == "ABC"


def test_history_is_kept_and_never_rewritten(house: House) -> None:
    house.publish(of("ABCD"))
    first = course_flow.history(house.db, "small")
    house.publish(of("ABC"))
    house.publish(of("AB"))
    later: Sequence[object] = course_flow.history(house.db, "small")
    assert later[-len(first) :] == first
    assert len(later) == len(first) + 2


def test_a_claim_of_a_lesson_that_was_removed_goes_out_as_it_was(house: House) -> None:
    house.publish(of("ABC"))
    house.join(ANN)

    class Halting(ScriptedCourier):
        def carry(self, ledger: Ledger) -> Carried:
            (parcel,) = ledger.next_batch(PLACES)
            house.publish(of("BC"), EIGHT)
            assert ledger.record([parcel.ticket], []) == {parcel.ticket.delivery_id}
            self.sent.append(parcel)
            ledger.record([], [Report(ticket=parcel.ticket, outcome=Accepted(reply="250"), relay="script")])
            return Carried(tried=1)

    halting = Halting(sent=house.courier.sent)
    house.courier = halting
    house.tick(EIGHT)
    house.courier = ScriptedCourier(sent=halting.sent)
    go_on(house, 1, 4)
    assert [one for one in subjects(halting.sent) if len(one) == 1] == ["A", "B", "C"]
