"""Can a person do all there is to do with keys alone, in a browser that runs no scripts?"""

import json

import pytest
from browser.town import GRADUATE, Town
from browser.visitor import Arrive, Visitor
from story.stage import wait_for

from sequencer.core.model import SubscriberState
from sequencer.flows import report


@pytest.fixture
def visitor(arrive: Arrive) -> Visitor:
    """Somebody who has a keyboard and no scripts."""
    return arrive(scripts=False)


def _sign_up(visitor: Visitor, email: str, page: str = "/") -> None:
    visitor.open(visitor.town.site + page)
    visitor.tab_to("E-mail")
    visitor.type(email)
    visitor.tab_to("Sign up")
    visitor.leads_on("Enter")


def _join(visitor: Visitor, email: str) -> None:
    _sign_up(visitor, email)
    visitor.open(visitor.town.link(email, "/confirm/"))
    visitor.tab_to("Yes, send me the course")
    visitor.leads_on("Space")


def test_a_browser_works_for_a_moment_and_then_all_goes_on(arrive: Arrive) -> None:
    visitor = arrive()
    _sign_up(visitor, "worker@example.org", page="/guarded")
    visitor.tab.locator("#challenge").wait_for(state="detached")
    assert visitor.heading() == "Look in your inbox"
    assert visitor.town.link("worker@example.org", "/confirm/")
    assert visitor.complaints == []


def test_a_browser_without_scripts_is_told_where_to_write(visitor: Visitor) -> None:
    _sign_up(visitor, "still@example.org", page="/guarded")
    assert visitor.heading() == "One moment"
    assert "JavaScript" in visitor.tab.locator("main").inner_text()


def test_from_the_writers_page_through_a_lesson_to_the_farewell(visitor: Visitor, town: Town) -> None:
    email = "journey@example.org"
    _join(visitor, email)
    assert visitor.heading() == "You are in"

    town.next_lesson(email)
    visitor.open(town.link(email, "/v/"))
    assert visitor.heading() in str(town.stage.inbox.to(email)[-1].parsed()["Subject"])

    visitor.open(town.link(email, "/p/"))
    visitor.tab_to("First name (optional)")
    visitor.type("Bea")
    visitor.tab_to("Your time zone")
    visitor.type("Asia/Tok")
    visitor.tab_to("Save")
    visitor.leads_on("Enter")
    assert visitor.tab.get_by_role("status").inner_text() == "Saved."
    visitor.open(town.link(email, "/p/"))
    assert visitor.tab.get_by_label("First name").input_value() == "Bea"
    assert visitor.tab.get_by_label("Your time zone").input_value() == "Asia/Tokyo"
    assert "at 08:00 (Asia/Tokyo)" in visitor.tab.locator("main").inner_text()

    visitor.tab_to("Unsubscribe")
    visitor.leads_on("Enter")
    visitor.tab_to("Unsubscribe")
    visitor.leads_on("Space")
    assert visitor.heading() == "You have left"
    assert visitor.complaints == []


def test_who_leaves_by_the_button_of_their_mail_program_finds_the_course_stopped(visitor: Visitor, town: Town) -> None:
    email = "one-click@example.org"
    _join(visitor, email)
    town.next_lesson(email)
    town.one_click(email)
    visitor.open(town.link(email, "/p/"))
    assert "1 of 14 lessons sent. You have left it." in visitor.tab.locator("main").inner_text()


def test_a_slip_in_the_address_is_pointed_out_where_it_is_and_can_be_mended(visitor: Visitor) -> None:
    # Where nobody minds that this visitor is quicker than people are.
    visitor.open("/f/framed")
    visitor.tab_to("E-mail address")
    visitor.type("reader@localhost")
    visitor.leads_on("Enter")
    (slip,) = [one for one in visitor.controls() if one.focused]
    assert slip.name == "E-mail address"
    field = visitor.tab.get_by_label(slip.name)
    assert field.get_attribute("aria-invalid") == "true"
    assert visitor.tab.locator(f"#{field.get_attribute('aria-describedby')}").get_attribute("role") == "alert"
    visitor.type("slip@example.org")
    visitor.leads_on("Enter")
    assert visitor.heading() == "Look in your inbox"


def test_an_empty_form_does_not_leave_the_page_and_shows_what_is_missing(visitor: Visitor) -> None:
    visitor.open("/f/article")
    visitor.tab_to("Send me the course")
    visitor.keys("Enter")
    assert [one.name for one in visitor.controls() if one.focused] == ["E-mail address"]
    assert visitor.status == 200


def test_a_form_may_lead_on_to_a_page_of_the_writers_own(visitor: Visitor, town: Town) -> None:
    _sign_up(visitor, "next@example.org", page="/with-next")
    assert visitor.heading() == "Thank you"
    assert visitor.tab.url == f"{town.site}/thanks"
    assert visitor.complaints == []


def test_who_came_while_nothing_could_be_written_down_signs_up_a_moment_later(visitor: Visitor, town: Town) -> None:
    email = "patient@example.org"
    with town.locked():
        _sign_up(visitor, email)
    assert "try again in a few minutes" in visitor.tab.locator("main").inner_text()
    _sign_up(visitor, email)
    assert town.link(email, "/confirm/")


def test_a_look_at_each_page_behind_a_mail_changes_nothing(visitor: Visitor, town: Town) -> None:
    email = "scanned@example.org"
    _sign_up(visitor, email)
    for kind in ("/confirm/", "/notme/"):
        visitor.open(town.link(email, kind))
    people = report.people(town.stage.app.db)
    assert [one.state for one in people if one.address.normalized == email] == [SubscriberState.PENDING]


def _press(visitor: Visitor, page: str, button: str, key: str = "Enter") -> str:
    """Press a button of the course page; what it says then."""
    visitor.open(page)
    visitor.tab_to(button)
    visitor.leads_on(key)
    return visitor.tab.get_by_role("status").inner_text()


def test_a_learner_has_the_remote_of_their_course_in_hand(visitor: Visitor, town: Town) -> None:
    email = "learner@example.org"
    _join(visitor, email)
    town.next_lesson(email)
    page = town.link(email, "/c/")

    def has_come() -> bool:
        visitor.open(page)
        return visitor.tab.get_by_role("button", name="Next lesson now").count() == 1

    assert _press(visitor, page, "Next lesson now") == "The next lesson is on its way to you."
    wait_for("the next lesson", has_come)
    assert town.lessons_of(email) == 2
    done = [one.name for one in visitor.controls() if one.name.startswith("Done: ")]
    assert len(done) == 2
    assert _press(visitor, page, done[0], "Space") == "Ticked as done."
    assert _press(visitor, page, done[0]) == "Not ticked any more."
    assert _press(visitor, page, "Leave this one out", "Space") == "That lesson is left out."
    assert _press(visitor, page, "2 weeks") == "Paused."
    assert visitor.tab.get_by_role("heading", name="Paused until").count() == 1
    assert _press(visitor, page, "Go on") == "Your course goes on."

    visitor.tab_to("Start over")
    visitor.keys("Enter")
    visitor.tab_to("Start over from lesson 1")
    visitor.leads_on("Enter")
    assert visitor.tab.get_by_role("status").inner_text() == "You begin again with the first lesson."
    assert visitor.complaints == []


def test_a_learner_chooses_their_hour_their_pace_and_their_days(visitor: Visitor, town: Town) -> None:
    email = "rhythm@example.org"
    _join(visitor, email)
    town.next_lesson(email)
    page = town.link(email, "/c/")
    visitor.open(page)
    visitor.tab_to("Pace")
    visitor.type("Week")
    visitor.tab_to("Hour")
    visitor.type("0930A")
    visitor.tab_to("Sunday")
    visitor.keys("Space")
    visitor.tab_to("Save")
    visitor.leads_on("Enter")
    assert visitor.tab.get_by_role("status").inner_text() == "Saved."
    visitor.open(page)
    assert visitor.tab.get_by_label("Hour", exact=True).input_value() == "09:30"
    assert visitor.tab.get_by_label("Pace").input_value() == "weekly"
    assert not visitor.tab.get_by_label("Sunday").is_checked()
    assert visitor.tab.get_by_label("Monday").is_checked()


def test_a_graduate_shows_a_certificate_with_or_without_their_name(visitor: Visitor, town: Town) -> None:
    for button, has_name in (("With my name", True), ("Without a name", False)):
        visitor.open(town.link(GRADUATE, "/c/"))
        visitor.tab_to(button)
        visitor.leads_on("Enter")
        assert visitor.heading() == "Small"
        assert ("Rea" in visitor.tab.locator("main").inner_text().split()) is has_name


def test_our_form_in_a_frame_of_another_site_is_filled_in_within_it(visitor: Visitor, town: Town) -> None:
    visitor.open(f"{town.site}/framing")
    frame = visitor.tab.frame_locator("iframe")
    frame.get_by_label("E-mail address").focus()
    visitor.type("framed@localhost")
    visitor.keys("Enter")
    assert "cannot be used" in frame.get_by_role("alert").inner_text()
    frame.get_by_label("E-mail address").focus()
    visitor.type("framed@example.org")
    frame.get_by_label("Why Men Pull Away").focus()
    visitor.keys("ArrowDown", "Enter")
    frame.get_by_role("heading", name="Look in your inbox").wait_for()
    assert visitor.tab.url == f"{town.site}/framing"
    assert visitor.heading() == "An article"
    visitor.open(town.link("framed@example.org", "/confirm/"))
    assert visitor.heading() == "Small"
    # An address that cannot be used is an answer with that status, and the browser says so of the frame.
    assert [one for one in visitor.complaints if not one.startswith("Failed to load")] == []


def test_no_other_page_of_ours_is_shown_in_a_frame(visitor: Visitor, town: Town) -> None:
    visitor.open(f"{town.site}/framing-another")
    visitor.tab.frames[1].wait_for_url("chrome-error://**")  # it says so when it is done with the page around it
    visitor.tab.locator("iframe").evaluate("(frame, url) => { frame.src = url }", f"{town.url}/f/framed")
    visitor.tab.wait_for_timeout(500)
    assert visitor.tab.frames[1].url.startswith("chrome-error://")
    assert any("frame-ancestors" in one for one in visitor.complaints)


def _reader(visitor: Visitor, town: Town, email: str) -> None:
    """Somebody who has had a lesson."""
    _join(visitor, email)
    town.next_lesson(email)


def test_who_left_by_mistake_undoes_it_from_the_mail(visitor: Visitor, town: Town) -> None:
    email = "undoes@example.org"
    _reader(visitor, town, email)
    visitor.open(town.link(email, "/u/"))
    visitor.tab_to("Would you like to tell us why? (optional)")
    visitor.keys("Enter")
    visitor.tab_to("Too many mails")
    visitor.keys("ArrowDown")
    visitor.tab_to("In your own words (optional)")
    visitor.type("A slip.")
    visitor.tab_to("Unsubscribe")
    visitor.leads_on("Enter")
    assert visitor.heading() == "You have left"
    visitor.open(town.link(email, "/back/"))
    visitor.tab_to("Undo: go on where I was")
    visitor.leads_on("Enter")
    assert visitor.heading() == "You are back"
    town.next_lesson(email)
    assert visitor.complaints == []


def test_somebody_moves_to_another_address_and_takes_all_they_have_with_them(visitor: Visitor, town: Town) -> None:
    email, new = "mover@example.org", "moved-in@example.com"
    _reader(visitor, town, email)
    visitor.open(town.link(email, "/p/"))
    visitor.tab_to("New e-mail address")
    visitor.type(new)
    visitor.leads_on("Enter")
    assert "on its way to the new address" in visitor.tab.get_by_role("status").inner_text()
    visitor.open(town.link(new, "/move/"))
    visitor.tab_to("Yes, send my mails here")
    visitor.leads_on("Enter")
    assert visitor.heading() == "Your mails come here now"
    town.next_lesson(new)

    visitor.open(town.link(new, "/p/"))
    visitor.tab_to("Send me the link")
    visitor.leads_on("Enter")
    visitor.open(town.link(new, "/data/"))
    with visitor.tab.expect_download() as download:
        visitor.tab_to("Download it")
        visitor.keys("Enter")
    kept = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert (kept["subscriber"]["normalized"], kept["address_changes"][0]["former_normalized"]) == (new, email)

    visitor.tab_to("Erase …")
    visitor.leads_on("Enter")
    visitor.tab_to("Erase everything")
    visitor.leads_on("Enter")
    assert visitor.heading() == "Erased"
    assert new not in [person.address.normalized for person in report.people(town.stage.app.db)]
    assert visitor.complaints == []
