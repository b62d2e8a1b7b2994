"""How do people leave a course, or everything, and how do they come back who did not mean to?"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, SECRET, House, Meddler, an_address, small_course, unfolded

from sequencer.core import tokens
from sequencer.core.model import (
    Blame,
    Deferred,
    DeliveryKind,
    DeliveryState,
    Departure,
    EnrolmentState,
    LeaveReason,
    Rejected,
    Stage,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, Expired, NotFound
from sequencer.flows import disown, leaving, preferences, returning, subscription
from sequencer.flows.leaving import EVERYTHING, Goodbye, Leaver
from sequencer.store import courses, departures, enrolments, subscribers

EMAIL = "reader@example.org"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SLUGS = ("small", "other", "third")


@pytest.fixture
def house(house: House) -> House:
    """Somebody is on three courses and has had the first lesson of each."""
    for slug in SLUGS:
        house.publish(small_course(5, slug=slug, title=f"The {slug} course"))
        form = replace(FORM, course=slug)
        subscription.add(house.db, an_address(EMAIL), form, name="Ann", zone=LONDON, reason="A test.", now=NOW)
    house.tick(EIGHT)
    return house


def leave(house: House, scope: str = EVERYTHING, now: datetime = EIGHT + MINUTE, about: str = "small") -> Leaver:
    """They press the button of the page behind the link of this course's lessons."""
    with house.db.read() as tx:
        which = courses.published_ids(tx, [about])[about]
    token = tokens.seal(SECRET, Purpose.LEAVE, house.person(EMAIL).id, about=which)
    return leaving.leave(house.db, SECRET, token, scope=scope, now=now)


def undo(house: House, now: datetime = EIGHT + HOUR) -> returning.Return:
    """They press the button of the page behind the link of the farewell."""
    return returning.undo(house.db, SECRET, house.token(EMAIL, "back"), now=now)


def states(house: House) -> list[EnrolmentState]:
    """Of all three places, in the order in which they were begun."""
    with house.db.read() as tx:
        return [place.state for place in enrolments.of(tx, house.person(EMAIL).id)]


def left(house: House) -> list[Departure]:
    """What is kept of departures."""
    with house.db.read() as tx:
        return list(departures.of(tx, house.person(EMAIL).id))


def farewells(house: House) -> list[DeliveryState]:
    """The states of all farewells."""
    return [row.state for row in house.ledger(EMAIL) if row.kind is DeliveryKind.FAREWELL]


ON, OFF = EnrolmentState.ACTIVE, EnrolmentState.STOPPED


# What is left


def test_leaving_one_course_stops_that_one_alone(house: House) -> None:
    found = leave(house, "other")
    assert (found.left and found.left.title, found.has_left) == ("The other course", True)
    assert house.person(EMAIL).state is SubscriberState.ACTIVE
    assert states(house) == [ON, OFF, ON]
    before = len(house.courier.sent)
    house.tick(EIGHT + DAY)
    subjects = house.subjects(EMAIL)[before:]
    assert sorted(subjects) == ["Subject 2", "Subject 2", "You have left: The other course"]


def test_leaving_one_course_cancels_what_waits_for_it_and_nothing_else(house: House) -> None:
    house.courier.answers = [(Stage.MAIL, Deferred(reply="451 busy")) for _ in SLUGS]
    house.tick(EIGHT + DAY)
    leave(house, "small", EIGHT + DAY)
    waiting = [row for row in house.ledger(EMAIL) if row.attempt and row.state is not DeliveryState.SENT]
    assert [row.state for row in waiting] == [DeliveryState.SKIPPED, DeliveryState.DEFERRED, DeliveryState.DEFERRED]


def test_leaving_one_course_between_claim_and_content_withholds_its_lesson_alone(house: House) -> None:
    pressed: list[Leaver] = []
    courier = Meddler(before_intent=lambda: pressed.append(leave(house, "other", EIGHT + DAY)) if not pressed else None)
    meddled = House(house.db, courier)
    meddled.tick(EIGHT + DAY)
    assert len([one for one in courier.tried if b"Subject: Subject 2" in one.content]) == 3
    assert len([one for one in courier.sent if b"Subject: Subject 2" in one.content]) == 2
    assert states(house) == [ON, OFF, ON]


@pytest.mark.parametrize("scope", [EVERYTHING, "", "nowhere", "' OR 1=1 --", "x" * 5000], ids=lambda scope: scope[:9])
def test_whatever_else_is_said_means_everything(house: House, scope: str) -> None:
    found = leave(house, scope)
    assert (found.left, found.has_left) == (None, True)
    assert house.person(EMAIL).state is SubscriberState.LEFT
    assert states(house) == [OFF, OFF, OFF]


def test_a_link_shows_the_courses_that_go_on_that_of_the_link_first(house: House) -> None:
    leave(house, "small")
    with house.db.read() as tx:
        which = courses.published_ids(tx, ["third"])["third"]
    token = tokens.seal(SECRET, Purpose.LEAVE, house.person(EMAIL).id, about=which)
    found = leaving.to_leave(house.db, SECRET, token, now=EIGHT + HOUR)
    assert [one.slug for one in found.choices] == ["third", "other"]
    assert (found.has_left, found.departure) == (False, None)


def test_a_link_of_somebody_unknown_is_about_nobody_and_no_error(house: House) -> None:
    token = tokens.seal(SECRET, Purpose.LEAVE, 404)
    assert leaving.leave(house.db, SECRET, token, now=EIGHT) == Leaver(course=None, has_left=True)


# What is kept


def test_each_departure_is_kept_with_its_reason_once(house: House) -> None:
    token = tokens.seal(SECRET, Purpose.LEAVE, house.person(EMAIL).id)
    words = Goodbye(reason=LeaveReason.TOO_OFTEN, words="It was " + "very " * 400)
    for minute in (1, 2):
        leaving.leave(house.db, SECRET, token, scope="small", goodbye=words, now=EIGHT + minute * MINUTE)
    for minute in (3, 4):
        leaving.leave(house.db, SECRET, token, now=EIGHT + minute * MINUTE)
    one, everything = left(house)
    assert (one.reason, len(one.words), one.left_at) == (LeaveReason.TOO_OFTEN, 1000, EIGHT + MINUTE)
    assert (one.course_id is None, everything.course_id is None) == (False, True)
    assert (everything.reason, everything.words, everything.left_at) == (None, "", EIGHT + 3 * MINUTE)
    assert (len(one.stopped), len(everything.stopped)) == (1, 2)


def test_an_admin_unsubscribes_without_a_mail_and_it_is_kept_that_it_was_us(house: House) -> None:
    house.leave_now(EMAIL, EIGHT + MINUTE)
    assert [one.reason for one in left(house)] == [LeaveReason.BY_US]
    house.tick(EIGHT + DAY)
    assert farewells(house) == []


# The farewell


def test_who_leaves_everything_hears_once_how_to_undo_it(house: House) -> None:
    assert leave(house).is_mailed
    before = len(house.courier.sent)
    house.tick(EIGHT + HOUR)
    (mail,) = house.courier.sent[before:]
    words = unfolded(mail.content)
    assert mail.recipient == EMAIL
    assert "Subject: You have left: The Brand" in words
    assert "Auto-Submitted: auto-generated" in words
    assert "List-Unsubscribe" not in words
    assert "works for 30 days" in words
    assert "Ann" not in words.replace("Ann Author", "").replace("ann@", "")
    house.tick(EIGHT + 5 * DAY)
    assert len(house.courier.sent) == before + 1


def test_leaving_twice_brings_one_farewell_though_the_first_was_not_sent_yet(house: House) -> None:
    leave(house)
    assert leave(house, now=EIGHT + 2 * MINUTE).is_mailed
    house.tick(EIGHT + HOUR)
    leave(house, now=EIGHT + 2 * DAY)
    house.tick(EIGHT + 2 * DAY)
    assert farewells(house) == [DeliveryState.SENT]


def test_there_is_one_farewell_a_day_whatever_somebody_leaves_and_comes_back_to(house: House) -> None:
    leave(house, "small")
    assert not leave(house, "other", EIGHT + HOUR).is_mailed
    assert not leave(house, EVERYTHING, EIGHT + 2 * HOUR).is_mailed
    house.tick(EIGHT + 3 * HOUR)
    assert farewells(house) == [DeliveryState.SENT]
    # The page, in front of which they still are, undoes it all the same.
    assert leave(house, EVERYTHING, EIGHT + 2 * HOUR + MINUTE).may_undo
    assert not leave(house, EVERYTHING, EIGHT + 3 * HOUR).may_undo


def test_a_farewell_that_was_undone_before_it_was_sent_is_withheld(house: House) -> None:
    gone = leave(house).departure
    assert gone is not None
    token = house.press.undo_url(gone).rpartition("/")[2]
    returning.undo(house.db, SECRET, token, now=EIGHT + 2 * MINUTE)
    house.tick(EIGHT + HOUR)
    (row,) = [row for row in house.ledger(EMAIL) if row.kind is DeliveryKind.FAREWELL]
    assert (row.state, row.reply) == (DeliveryState.SKIPPED, "It was undone before this was sent.")


def test_a_farewell_whose_link_works_no_more_is_withheld(house: House) -> None:
    leave(house)
    house.tick(EIGHT + 31 * DAY)
    assert farewells(house) == [DeliveryState.SKIPPED]


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.MANUAL])
def test_a_suppressed_address_gets_no_farewell(house: House, reason: SuppressionReason) -> None:
    with house.db.begin() as tx:
        subscribers.suppress(tx, an_address(EMAIL), reason=reason, detail="", now=EIGHT)
    assert not leave(house).is_mailed
    assert farewells(house) == []


def test_a_farewell_to_a_dead_address_suppresses_it(house: House) -> None:
    leave(house)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))]
    house.tick(EIGHT + HOUR)
    assert house.person(EMAIL).state is SubscriberState.SUPPRESSED


# Coming back


def test_undoing_puts_somebody_back_at_their_place_in_everything_that_ended_with_it(house: House) -> None:
    leave(house, "third")
    leave(house, EVERYTHING, EIGHT + DAY + MINUTE)
    house.tick(EIGHT + DAY + HOUR)
    found = undo(house, EIGHT + 2 * DAY)
    person = house.person(EMAIL)
    assert (person.state, person.left_at, person.name) == (SubscriberState.ACTIVE, None, "Ann")
    assert states(house) == [ON, ON, OFF]
    assert found.is_done
    assert [course.slug for course, _ in found.courses] == ["small", "other"]
    before = len(house.courier.sent)
    for day in range(2, 5):
        house.tick(EIGHT + day * DAY + HOUR)
    assert house.subjects(EMAIL)[before:] == [f"Subject {number}" for number in (2, 2, 3, 3, 4, 4)]


def test_undoing_twice_is_undoing_once(house: House) -> None:
    leave(house, "small")
    house.tick(EIGHT + HOUR)
    undo(house)
    with house.db.read() as tx:
        before = enrolments.of(tx, house.person(EMAIL).id)
    assert undo(house, EIGHT + 3 * HOUR).is_done
    with house.db.read() as tx:
        assert enrolments.of(tx, house.person(EMAIL).id) == before
    assert left(house)[0].undone_at == EIGHT + HOUR


def test_looking_at_what_would_be_undone_changes_nothing(house: House) -> None:
    leave(house)
    house.tick(EIGHT + HOUR)
    before = (house.person(EMAIL), states(house), left(house))
    found = returning.to_undo(house.db, SECRET, house.token(EMAIL, "back"), now=EIGHT + 2 * HOUR)
    assert (found.is_done, [course.slug for course, _ in found.courses]) == (False, list(SLUGS))
    assert (house.person(EMAIL), states(house), left(house)) == before


def test_undoing_works_for_thirty_days(house: House) -> None:
    leave(house)
    house.tick(EIGHT + HOUR)
    with pytest.raises(Expired):
        undo(house, EIGHT + MINUTE + 30 * DAY)
    undo(house, EIGHT + 30 * DAY)
    assert house.person(EMAIL).state is SubscriberState.ACTIVE


def _signs_up_again(house: House) -> None:
    house.join(EMAIL, EIGHT + 2 * DAY)
    leave(house, EVERYTHING, EIGHT + 3 * DAY)


def _is_silenced(house: House) -> None:
    with house.db.begin() as tx:
        person = subscribers.lock(tx, house.person(EMAIL).id)
        assert person is not None
        subscribers.suppress(tx, person.address, reason=SuppressionReason.COMPLAINT, detail="", now=EIGHT)
        subscribers.save(tx, replace(person, state=SubscriberState.SUPPRESSED))


def _was_silenced(house: House) -> None:
    _is_silenced(house)
    disown.lift(house.db, an_address(EMAIL), now=EIGHT + 4 * DAY)


@pytest.mark.parametrize(
    ("meanwhile", "sentence"),
    [(_signs_up_again, "left altogether since then"), (_is_silenced, "do not write"), (_was_silenced, "sign up again")],
)
def test_an_old_farewell_does_not_undo_what_came_after_it(
    house: House, meanwhile: Callable[[House], None], sentence: str
) -> None:
    leave(house)
    house.tick(EIGHT + HOUR)
    token = house.token(EMAIL, "back")
    meanwhile(house)
    for act in (returning.to_undo, returning.undo):
        with pytest.raises(BadRequest, match=sentence):
            act(house.db, SECRET, token, now=EIGHT + 5 * DAY)
    assert house.person(EMAIL).state is not SubscriberState.ACTIVE


def test_the_farewell_to_a_course_does_not_bring_back_who_left_everything_since(house: House) -> None:
    leave(house, "small")
    house.tick(EIGHT + HOUR)
    token = house.token(EMAIL, "back")
    leave(house, EVERYTHING, EIGHT + 2 * DAY)
    with pytest.raises(BadRequest, match="left altogether"):
        returning.undo(house.db, SECRET, token, now=EIGHT + 3 * DAY)
    assert house.person(EMAIL).state is SubscriberState.LEFT


def test_who_came_back_and_left_one_course_anew_stays_out_of_that_one(house: House) -> None:
    leave(house)
    house.tick(EIGHT + HOUR)
    token = house.token(EMAIL, "back")
    house.join(EMAIL, EIGHT + 2 * DAY)  # to the first of them
    leave(house, "small", EIGHT + 3 * DAY)
    assert returning.undo(house.db, SECRET, token, now=EIGHT + 4 * DAY).is_done
    assert states(house) == [OFF, ON, ON]


def test_a_farewell_of_somebody_who_is_gone_is_a_sentence(house: House) -> None:
    token = tokens.seal(SECRET, Purpose.BACK, 404)
    for act in (returning.to_undo, returning.undo):
        with pytest.raises(NotFound):
            act(house.db, SECRET, token, now=EIGHT)


def test_somebody_who_never_confirmed_cannot_be_brought_in_by_undoing(house: House) -> None:
    house.sign_up("new@example.org", NOW)
    who = house.person("new@example.org").id
    token = tokens.seal(SECRET, Purpose.LEAVE, who)
    found = leaving.leave(house.db, SECRET, token, now=NOW + MINUTE)
    assert (found.has_left, found.may_undo, found.is_mailed) == (True, False, False)
    assert found.departure is not None
    back = house.press.undo_url(found.departure).rpartition("/")[2]
    with pytest.raises(BadRequest, match="sign up again"):
        returning.undo(house.db, SECRET, back, now=NOW + MINUTE)
    assert house.person("new@example.org").state is SubscriberState.LEFT


# From the page of preferences


def test_one_course_can_be_left_and_come_back_to_from_the_preferences(house: House) -> None:
    who = house.person(EMAIL).id
    assert preferences.leave(house.db, who, "other", now=EIGHT + MINUTE) is preferences.Done.LEFT
    assert preferences.leave(house.db, who, "other", now=EIGHT + MINUTE) is preferences.Done.NOTHING
    assert states(house) == [ON, OFF, ON]
    assert preferences.come_back(house.db, who, "other", now=EIGHT + HOUR) is preferences.Done.BACK
    assert preferences.come_back(house.db, who, "other", now=EIGHT + HOUR) is preferences.Done.NOTHING
    assert states(house) == [ON, ON, ON]
    # It was not undone, and yet it does not hold any more: the mail of it brings nobody back twice.
    house.tick(EIGHT + 2 * HOUR)
    leave(house, EVERYTHING, EIGHT + 2 * DAY)
    with pytest.raises(BadRequest, match="left altogether"):
        undo(house, EIGHT + 3 * DAY)


def test_no_course_can_be_begun_from_the_preferences_nor_anything_by_who_has_left(house: House) -> None:
    house.publish(small_course(slug="fourth"))
    who = house.person(EMAIL).id
    for slug in ("fourth", "nowhere", ""):
        with pytest.raises(BadRequest, match="never on this course"):
            preferences.come_back(house.db, who, slug, now=EIGHT)
        assert preferences.leave(house.db, who, slug, now=EIGHT) is preferences.Done.NOTHING
    leave(house)
    with pytest.raises(BadRequest, match="sign up again"):
        preferences.come_back(house.db, who, "small", now=EIGHT + HOUR)
    assert preferences.leave(house.db, SubscriberId(404), "small", now=EIGHT) is preferences.Done.NOTHING


def test_a_log_of_leaving_holds_no_address_and_no_words(house: House, caplog: pytest.LogCaptureFixture) -> None:
    token = tokens.seal(SECRET, Purpose.LEAVE, house.person(EMAIL).id)
    with caplog.at_level(logging.INFO, logger="sequencer"):
        leaving.leave(house.db, SECRET, token, scope="small", goodbye=Goodbye(words="secret words"), now=EIGHT)
        leaving.leave(house.db, SECRET, token, now=EIGHT)
    said = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert any("subscriber.left_course" in line for line in said)
    assert any("subscriber.left " in line for line in said)
    assert not any(EMAIL in line or "secret words" in line for line in said)
