"""What do the two links of a confirmation mail show, and what do their buttons do?"""

import logging
from datetime import timedelta

import httpx
import pytest
from door import Door, Page
from doors.test_links import everything
from house import DAY, EIGHT, FORM, NOW, SECRET, House, small_course

from sequencer.core import tokens
from sequencer.core.model import SignupRequest, SubscriberState
from sequencer.core.tokens import Purpose
from sequencer.store import consents, courses
from sequencer.store.database import Database

EMAIL = "reader@example.org"
MINUTE = timedelta(minutes=1)


def asked(door: Door) -> str:
    """Somebody signs up and gets the mail; the path behind "it was not you"."""
    door.house.sign_up(EMAIL)
    door.house.tick(NOW)
    return door.link(EMAIL, "notme")


def buttons(answer: httpx.Response) -> list[tuple[str, str, str]]:
    """The forms of a page: method, where they post to, and what their button says."""
    page = Page(answer.text)
    forms = [(form["method"], form.get("action", "")) for form in page.all("form")]
    return [(*form, words) for form, words in zip(forms, page.text("button"), strict=True)]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_scanner_that_follows_the_link_changes_nothing(door: Door, method: str) -> None:
    link = asked(door)
    before = everything(door.house.db)
    answer = door.ask.request(method, link)
    assert answer.status_code == 200
    assert everything(door.house.db) == before
    if method == "GET":
        assert buttons(answer) == [("post", "", "That was not me")]
        assert "Somebody signed up for “A Small Course” with your address." in answer.text
        assert "Monday 2 March 2026 at 07:00 (UTC), from the internet address 192.0.2.1." in answer.text


def test_the_button_suppresses_and_the_page_offers_the_way_back(door: Door) -> None:
    link = asked(door)
    for answer in (door.ask.post(link), door.ask.post(link), door.ask.get(link)):
        assert answer.status_code == 200
        assert Page(answer.text).text("h1") == ["We write to you no more"]
        assert buttons(answer) == [("post", f"{link}/undo", "It was me after all")]
    assert door.house.person(EMAIL).state is SubscriberState.SUPPRESSED


def test_after_seven_days_the_page_offers_no_way_back_and_the_old_button_says_so(door: Door) -> None:
    link = asked(door)
    door.ask.post(link)
    door.now = NOW + 7 * DAY
    assert buttons(door.ask.get(link)) == []
    answer = door.ask.post(f"{link}/undo")
    assert answer.status_code == 400
    assert "This could be taken back for 7 days only. Please write to us." in answer.text
    assert door.house.person(EMAIL).state is SubscriberState.SUPPRESSED


def test_who_takes_it_back_confirms_with_one_press_more(door: Door) -> None:
    link = asked(door)
    door.ask.post(link)
    back = door.ask.post(f"{link}/undo")
    ((method, action, words),) = buttons(back)
    assert (method, action, words) == ("post", door.link(EMAIL, "confirm"), "Yes, send me the course")
    assert Page(door.ask.post(action).text).text("h1") == ["You are in"]
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE


def test_who_takes_it_back_when_the_link_has_expired_is_led_to_the_form(door: Door) -> None:
    link = asked(door)
    door.now = NOW + 6 * DAY
    door.ask.post(link)
    door.now = NOW + 8 * DAY
    answer = door.ask.post(f"{link}/undo")
    assert buttons(answer) == []
    assert [one["href"] for one in Page(answer.text).all("a")] == ["/f/newsletter"]


def test_a_house_without_that_form_offers_none(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    with Door(house, forms={}).open() as door:
        link, confirm = asked(door), door.link(EMAIL, "confirm")
        door.now = NOW + 8 * DAY
        door.ask.post(link)
        assert "We may write to you again, if you sign up again." in door.ask.post(f"{link}/undo").text
        assert [one["href"] for one in Page(door.ask.get(confirm).text).all("a")] == ["/"]


def test_a_reader_of_another_course_only_strikes_the_sign_up_out(door: Door) -> None:
    door.house.join(EMAIL)
    door.house.tick(EIGHT)
    door.house.publish(small_course(slug="other", title="Another Course"))
    who = door.house.person(EMAIL)
    with door.house.db.begin() as tx:
        other = courses.current(tx, "other")
        assert other is not None
        request = SignupRequest(
            form="newsletter", address=who.address, name="", timezone="", note="", source_url="", ip=""
        )
        which = consents.record(tx, who.id, other.course_id, request, wording=FORM.consent, now=EIGHT)
    link = f"/notme/{tokens.seal(SECRET, Purpose.DISOWN, which)}"
    shown = door.ask.get(link)
    assert "this sign-up is struck out. What you already get from us goes on." in shown.text
    assert "internet address" not in shown.text
    assert Page(door.ask.post(link).text).text("h1") == ["Struck out"]
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE


def test_a_link_that_was_used_in_time_is_not_said_to_have_been_in_vain(door: Door) -> None:
    asked(door)
    link = door.link(EMAIL, "confirm")
    door.ask.post(link)
    door.now = NOW + 7 * DAY
    for answer in (door.ask.get(link), door.ask.post(link)):
        assert "“A Small Course” is confirmed, and there is nothing left to do." in answer.text
        assert Page(answer.text).all("a") == []


def test_what_is_forgotten_is_said_to_be(door: Door) -> None:
    link, confirm = asked(door), door.link(EMAIL, "confirm")
    door.house.tidy(NOW + 30 * DAY)
    door.now = NOW + 30 * DAY
    for answer in (door.ask.get(link), door.ask.post(link), door.ask.post(f"{link}/undo")):
        assert answer.status_code == 404
        assert "We keep nothing of this sign-up any more" in answer.text
    answer = door.ask.get(confirm)
    assert Page(answer.text).text("h1") == ["This link has expired"]
    assert [one["href"] for one in Page(answer.text).all("a")] == ["/"]


def test_the_log_names_nobody_s_address_and_no_link(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="sequencer"):
        link = asked(door)
        door.ask.post(link)
        door.ask.post(f"{link}/undo")
        door.ask.post(door.link(EMAIL, "confirm"))
        door.house.tidy(NOW + 3 * DAY)
    said = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records if "sequencer" in record.name)
    assert "subscriber.disowned" in said
    assert "subscriber.reclaimed" in said
    assert "reader@" not in said
    assert link.rpartition("/")[2] not in said
