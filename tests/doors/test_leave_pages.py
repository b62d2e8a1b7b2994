"""What does somebody see and press who unsubscribes in a browser, and who undoes it?"""

from dataclasses import replace
from datetime import timedelta

import pytest
from door import Door, Page
from house import DAY, EIGHT, FORM, LONDON, NOW, House, an_address, small_course

from sequencer.core.model import EnrolmentState, LeaveReason, SubscriberState
from sequencer.flows import subscription
from sequencer.store import departures, enrolments
from sequencer.web.leave import REASONS

EMAIL = "reader@example.org"
HOUR = timedelta(hours=1)


@pytest.fixture
def door(door: Door) -> Door:
    """Somebody is on a course and has had one lesson."""
    door.house.join(EMAIL, name="Rea")
    door.house.tick(EIGHT)
    door.now = EIGHT + HOUR
    return door


def on_two(house: House) -> None:
    """The same person is on another course too."""
    house.publish(small_course(slug="other", title="Another <Course>"))
    form = replace(FORM, course="other")
    subscription.add(house.db, an_address(EMAIL), form, name="", zone=LONDON, reason="A test.", now=NOW)


def states(house: House) -> list[EnrolmentState]:
    """Of all places, the oldest first."""
    with house.db.read() as tx:
        return [place.state for place in enrolments.of(tx, house.person(EMAIL).id)]


def choices(page: Page, name: str) -> dict[str, bool]:
    """The values of a group of radio buttons, and which is chosen."""
    return {tag["value"]: "checked" in tag for tag in page.all("input") if tag["name"] == name}


def test_who_is_on_one_course_is_offered_no_choice(door: Door) -> None:
    page = Page(door.ask.get(door.link(EMAIL, "u")).text)
    assert [(tag["type"], tag["value"]) for tag in page.all("input") if tag["name"] == "scope"] == [("hidden", "*")]
    assert page.text("button") == ["Unsubscribe"]


def test_who_is_on_several_may_leave_one_of_them_and_everything_is_chosen(door: Door) -> None:
    on_two(door.house)
    link = door.link(EMAIL, "u")
    page = Page(door.ask.get(link).text)
    assert choices(page, "scope") == {"*": True, "small": False, "other": False}
    assert page.text("label")[:3] == [
        "Everything that we send you",
        "Only “A Small Course”",
        "Only “Another <Course>”",
    ]
    answer = door.ask.post(link, data={"scope": "other"})
    assert answer.status_code == 200
    assert "No further lesson of “Another &lt;Course&gt;” will come." in answer.text
    assert states(door.house) == [EnrolmentState.ACTIVE, EnrolmentState.STOPPED]
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE
    # Now there is one left.
    assert list(choices(Page(door.ask.get(link).text), "scope")) == ["*"]


def test_a_reason_is_kept_and_none_is_needed(door: Door) -> None:
    link = door.link(EMAIL, "u")
    page = Page(door.ask.get(link).text)
    assert choices(page, "reason") == {reason.value: False for reason in REASONS}
    words = "Too\r\nmany\x00 mails \N{RIGHT-TO-LEFT OVERRIDE}" + "x" * 3000
    door.ask.post(link, data={"scope": "*", "reason": "too often", "words": words})
    with door.house.db.read() as tx:
        (gone,) = departures.of(tx, door.house.person(EMAIL).id)
    assert gone.reason is LeaveReason.TOO_OFTEN
    assert gone.words.startswith("Too many mails x")
    assert len(gone.words) == 1000


@pytest.mark.parametrize("reason", ["by us", "nonsense", "x" * 9000])
def test_a_reason_that_is_not_offered_is_none_and_keeps_nobody(door: Door, reason: str) -> None:
    assert door.ask.post(door.link(EMAIL, "u"), data={"scope": "*", "reason": reason}).status_code == 200
    with door.house.db.read() as tx:
        (gone,) = departures.of(tx, door.house.person(EMAIL).id)
    assert gone.reason is None
    assert door.house.person(EMAIL).state is SubscriberState.LEFT


def test_who_pressed_on_the_page_may_undo_it_there_for_an_hour(door: Door) -> None:
    link = door.link(EMAIL, "u")
    page = Page(door.ask.post(link, data={"scope": "*"}).text)
    assert page.text("h1") == ["You have left"]
    (form,) = page.all("form")
    assert form["action"].startswith("/back/")
    door.now += HOUR
    assert Page(door.ask.get(link).text).all("form") == []
    answer = door.ask.post(form["action"])
    assert (answer.status_code, Page(answer.text).text("h1")) == (200, ["You are back"])
    assert "the next lesson comes on Tuesday 3 March 2026 at 08:00 (Europe/London)." in answer.text
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE


def test_a_mail_program_that_pressed_is_shown_no_button_that_undoes_it(door: Door) -> None:
    answer = door.ask.post(door.link(EMAIL, "u"), data={"List-Unsubscribe": "One-Click"})
    assert Page(answer.text).all("form") == []
    assert "a link that undoes it" in answer.text


def test_whoever_finds_an_old_mail_of_somebody_who_left_cannot_bring_them_back(door: Door) -> None:
    link = door.link(EMAIL, "u")
    door.ask.post(link, data={"scope": "*"})
    door.now += DAY
    for answer in (door.ask.get(link), door.ask.post(link, data={"scope": "*"}), door.ask.get(door.link(EMAIL, "p"))):
        assert answer.status_code == 200
        assert "/back/" not in answer.text
    assert door.ask.post(f"{door.link(EMAIL, 'p')}/return", data={"course": "small"}).status_code == 400
    assert door.house.person(EMAIL).state is SubscriberState.LEFT


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_page_that_undoes_changes_nothing(door: Door, method: str) -> None:
    door.ask.post(door.link(EMAIL, "u"))
    door.house.tick(door.now)
    answer = door.ask.request(method, door.link(EMAIL, "back"))
    assert answer.status_code == 200
    assert door.house.person(EMAIL).state is SubscriberState.LEFT
    if method == "GET":
        page = Page(answer.text)
        assert page.text("li") == ["A Small Course"]
        assert page.text("button") == ["Undo: go on where I was"]
        assert "The Brand" in page.text("title")[0]


def test_the_link_of_the_farewell_brings_them_back_once_and_for_all(door: Door) -> None:
    door.ask.post(door.link(EMAIL, "u"))
    door.house.tick(door.now)
    link = door.link(EMAIL, "back")
    first = door.ask.post(link)
    assert (first.status_code, door.ask.post(link).text, door.ask.get(link).text) == (200, first.text, first.text)
    assert states(door.house) == [EnrolmentState.ACTIVE]
    door.now += 31 * DAY
    answer = door.ask.get(link)
    assert answer.status_code == 400
    assert "This link has expired." in answer.text


def test_who_is_on_no_course_any_more_may_leave_and_come_back_all_the_same(door: Door) -> None:
    for day in (1, 2):
        door.house.tick(EIGHT + day * DAY)
    door.now = EIGHT + 3 * DAY
    assert states(door.house) == [EnrolmentState.FINISHED]
    page = Page(door.ask.post(door.link(EMAIL, "u"), data={"scope": "*"}).text)
    door.ask.post(page.all("form")[0]["action"])
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE
    assert states(door.house) == [EnrolmentState.FINISHED]
