"""Who is on the newsletter, and who is not any more? A scope of its own beside courses."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from zoneinfo import ZoneInfo

import pytest
from house import DAY, EIGHT, LONDON, NOW, SECRET, House, an_address, small_course, unfolded
from newsletters import an_issue, came, newsletter, read, rows, schedule

from sequencer import forms
from sequencer.core.model import NEWSLETTER, DeliveryState, EnrolmentState, SignupRequest, SubscriberState
from sequencer.core.verdicts import SignupVerdict
from sequencer.errors import BadRequest
from sequencer.flows import (
    broadcast,
    erase,
    export,
    issues,
    leaving,
    optin,
    preferences,
    report,
    returning,
    signup,
    tempo,
)
from sequencer.flows.preferences import Done
from sequencer.forms import Form, OptIn
from sequencer.store import enrolments

EMAIL = "reader@example.org"
COURSE = forms.parse({"course": {"course": "small"}})["course"]
ALONE = forms.parse({"news": {"newsletter": True}})["news"]
BOTH = forms.parse({"both": {"newsletter": True, "course": "small"}})["both"]


@pytest.fixture(autouse=True)
def _published(house: House) -> None:
    """There is a course, and a newsletter."""
    house.publish(small_course(3))
    issues.publish(house.db, newsletter(), now=NOW)


def _sign_up(house: House, form: Form, email: str = EMAIL) -> SignupVerdict:
    request = SignupRequest(
        form=form.key, address=an_address(email), name="", timezone="", note="", source_url="", ip="192.0.2.1"
    )
    return signup.sign_up(house.db, request, form, zone=LONDON, now=NOW)


def _words(content: bytes) -> str:
    """What a mail says, both parts, on one line."""
    parts = message_from_bytes(content, policy=default).walk()
    return " ".join(" ".join(str(one.get_content()).split()) for one in parts if one.get_content_maintype() == "text")


def _join(house: House, form: Form, email: str = EMAIL) -> optin.Confirmed:
    _sign_up(house, form, email)
    house.tick(NOW)
    return house.confirm(email)


def _on(house: House, email: str = EMAIL) -> dict[str, EnrolmentState]:
    found = preferences.places(house.db, house.person(email).id)
    return {course.slug: place.state for place, course in found}


ACTIVE, STOPPED = EnrolmentState.ACTIVE, EnrolmentState.STOPPED


def test_its_name_is_one_everywhere() -> None:
    assert forms.NEWSLETTER == NEWSLETTER == newsletter().slug


def test_a_form_for_the_newsletter_alone_leads_to_it_and_to_no_lesson(house: House) -> None:
    done = _join(house, ALONE)
    assert (done.course.title, done.first_due) == ("The Letter", None)
    assert _on(house) == {NEWSLETTER: ACTIVE}
    asked = unfolded(house.courier.sent[0].content)
    assert "The Letter”, a newsletter by" in asked.replace("\r\n", " ").replace("=E2=80=9D", "”")
    house.tick(EIGHT + 3 * DAY)
    assert len(house.courier.sent) == 1


def test_what_is_agreed_to_says_so() -> None:
    assert ALONE.consent == "I would like to receive this newsletter by e-mail."
    assert BOTH.consent == "I would like to receive this course and the newsletter by e-mail."
    assert BOTH.courses == ("small", NEWSLETTER)


def test_a_form_for_both_leads_to_both(house: House) -> None:
    done = _join(house, BOTH)
    assert done.course.slug == "small"
    assert _on(house) == {"small": ACTIVE, NEWSLETTER: ACTIVE}
    schedule(house)
    house.tick(NOW)
    house.tick(EIGHT)
    assert came(house) == {EMAIL: 1}
    assert came(house, "Subject 1") == {EMAIL: 1}


def test_the_mail_that_asks_names_what_the_form_is_for_and_nothing_else(house: House) -> None:
    for form, email in ((BOTH, "both@example.org"), (ALONE, EMAIL), (COURSE, "course@example.org")):
        _sign_up(house, form, email)
    house.tick(NOW)
    also = "You then get “The Letter” too, a newsletter by e-mail."
    # As text and as HTML.
    asked = {one.recipient: _words(one.content).count(also) for one in house.courier.sent}
    assert asked == {"both@example.org": 2, EMAIL: 0, "course@example.org": 0}


def test_a_form_for_both_of_single_opt_in_asks_nobody(house: House) -> None:
    single = forms.parse(
        {"x": {"newsletter": True, "course": "small", "opt_in": "single", "single_because": "They had signed in."}}
    )["x"]
    assert single.opt_in is OptIn.SINGLE
    assert _sign_up(house, single) is SignupVerdict.ADMIT
    assert _on(house) == {"small": ACTIVE, NEWSLETTER: ACTIVE}
    assert _sign_up(house, single) is SignupVerdict.ADMIT


def test_who_is_on_the_course_and_asks_for_both_is_asked_and_goes_on_at_their_place(house: House) -> None:
    house.join(EMAIL)
    house.tick(EIGHT)
    request = SignupRequest(
        form="both", address=an_address(EMAIL), name="", timezone="", note="", source_url="", ip="192.0.2.1"
    )
    later = EIGHT + DAY
    assert signup.sign_up(house.db, request, BOTH, zone=LONDON, now=later) is SignupVerdict.CONFIRM
    house.tick(later)
    house.confirm(EMAIL, later)
    assert _on(house) == {"small": ACTIVE, NEWSLETTER: ACTIVE}
    assert [came(house, f"Subject {number}") for number in (1, 2)] == [{EMAIL: 1}] * 2
    assert signup.sign_up(house.db, request, BOTH, zone=LONDON, now=later + DAY) is not SignupVerdict.CONFIRM


def test_one_click_in_an_issue_leaves_the_newsletter_and_the_course_goes_on(house: House) -> None:
    _join(house, BOTH)
    schedule(house)
    house.tick(NOW)
    house.leave(EMAIL)
    assert _on(house) == {"small": ACTIVE, NEWSLETTER: STOPPED}
    assert house.person(EMAIL).state is SubscriberState.ACTIVE
    house.tick(EIGHT)
    assert came(house, "Subject 1") == {EMAIL: 1}
    schedule(house, an_issue("second"), NOW + DAY)
    house.tick(NOW + DAY)
    assert came(house, "Issue second") == {}


def test_one_click_in_an_issue_leaves_everything_where_there_is_nothing_else(house: House) -> None:
    _join(house, ALONE)
    schedule(house)
    house.tick(NOW)
    house.leave(EMAIL)
    assert _on(house) == {NEWSLETTER: STOPPED}
    assert house.person(EMAIL).state is SubscriberState.LEFT


def test_one_click_in_a_lesson_leaves_the_newsletter_too(house: House) -> None:
    _join(house, BOTH)
    house.tick(EIGHT)
    house.leave(EMAIL, EIGHT)
    assert _on(house) == {"small": STOPPED, NEWSLETTER: STOPPED}


def test_the_page_behind_the_link_offers_the_newsletter_the_course_and_everything(house: House) -> None:
    _join(house, BOTH)
    schedule(house)
    house.tick(NOW)
    token = house.token(EMAIL, "u")
    found = leaving.to_leave(house.db, SECRET, token, now=NOW)
    assert [one.slug for one in found.choices] == [NEWSLETTER, "small"]
    left = leaving.leave(house.db, SECRET, token, scope="small", now=NOW)
    assert left.left is not None
    assert _on(house) == {"small": STOPPED, NEWSLETTER: ACTIVE}


def test_leaving_the_newsletter_is_undone_by_a_mail_and_old_issues_do_not_come(house: House) -> None:
    _join(house, BOTH)
    schedule(house)
    house.tick(NOW)
    house.leave(EMAIL)
    house.tick(NOW)
    farewell = unfolded(house.courier.sent[-1].content)
    assert "No further issue of" in farewell
    schedule(house, an_issue("second"), NOW + DAY)
    house.tick(NOW + DAY)
    back = NOW + 2 * DAY
    returning.undo(house.db, SECRET, house.token(EMAIL, "back"), now=back)
    assert _on(house) == {"small": ACTIVE, NEWSLETTER: ACTIVE}
    schedule(house, an_issue("third"), back)
    house.tick(back)
    assert came(house, "Issue second") == {}
    assert came(house, "Issue third") == {EMAIL: 1}


def test_leaving_everything_and_undoing_it_brings_the_newsletter_back(house: House) -> None:
    _join(house, BOTH)
    house.tick(EIGHT)
    house.leave(EMAIL, EIGHT)
    house.tick(EIGHT)
    done = returning.undo(house.db, SECRET, house.token(EMAIL, "back"), now=EIGHT + DAY)
    assert {course.slug: due is None for course, due in done.courses} == {"small": False, NEWSLETTER: True}
    assert _on(house) == {"small": ACTIVE, NEWSLETTER: ACTIVE}


def test_the_newsletter_has_a_switch_among_the_preferences(house: House) -> None:
    house.join(EMAIL)
    who = house.person(EMAIL).id
    assert preferences.come_back(house.db, who, NEWSLETTER, now=NOW) is Done.NEWSLETTER
    assert _on(house) == {"small": ACTIVE, NEWSLETTER: ACTIVE}
    assert preferences.come_back(house.db, who, NEWSLETTER, now=NOW) is Done.NOTHING
    assert preferences.leave(house.db, who, NEWSLETTER, now=NOW) is Done.NO_NEWSLETTER
    assert preferences.leave(house.db, who, NEWSLETTER, now=NOW) is Done.NOTHING
    assert preferences.come_back(house.db, who, NEWSLETTER, now=NOW) is Done.NEWSLETTER
    said = report.why(house.db, an_address(EMAIL), now=NOW).consents[-1]
    assert "page of preferences" in said.wording
    assert said.confirmed_at is not None


def test_who_has_left_altogether_cannot_switch_it_on(house: House) -> None:
    house.join(EMAIL)
    house.leave_now(EMAIL)
    with pytest.raises(BadRequest, match="left altogether"):
        preferences.come_back(house.db, house.person(EMAIL).id, NEWSLETTER, now=NOW)


def test_only_the_newsletter_has_such_a_switch(house: House) -> None:
    house.join(EMAIL)
    with pytest.raises(BadRequest, match="never on this course"):
        preferences.come_back(house.db, house.person(EMAIL).id, "another", now=NOW)


def test_another_zone_and_a_pause_do_not_trouble_the_newsletter(house: House) -> None:
    _join(house, BOTH)
    house.prefer(EMAIL, zone=ZoneInfo("Asia/Tokyo"))
    who = house.person(EMAIL).id
    assert preferences.pause(house.db, who, timedelta(weeks=1), now=NOW) is Done.PAUSED
    assert preferences.resume(house.db, who, now=NOW) is Done.RESUMED
    schedule(house)
    house.tick(NOW)
    assert came(house) == {EMAIL: 1}


def test_an_issue_that_waits_when_somebody_pauses_does_not_come(house: House) -> None:
    read(house, EMAIL)
    schedule(house)
    house.courier.down = "The relay is down."
    house.tick(NOW)
    house.courier.down = ""
    assert broadcast.fan_out(house.db, house.press.archive, now=NOW)
    tempo.pause(house.db, house.place(EMAIL).id, timedelta(days=7), now=NOW)
    house.tick(NOW)
    assert came(house) == {}
    assert rows(house, EMAIL) == [DeliveryState.SKIPPED]


def test_why_explains_issues_and_the_newsletter(house: House) -> None:
    _join(house, ALONE)
    schedule(house)
    house.tick(NOW)
    found = report.why(house.db, an_address(EMAIL), now=NOW)
    assert [one.what for one in found.sent][1:] == ["issue: Issue first"]
    assert [one.note for one in found.places] == ['The person is on the newsletter "The Letter" and gets its issues.']
    preferences.leave(house.db, house.person(EMAIL).id, NEWSLETTER, now=NOW)
    found = report.why(house.db, an_address(EMAIL), now=NOW)
    assert [one.note for one in found.places] == ['The person has left the newsletter "The Letter".']


def test_an_issue_in_the_browser_shows_nothing_of_the_person(house: House) -> None:
    read(house, EMAIL)
    schedule(house)
    house.tick(NOW)
    seen = report.web_view(house.db, house.press, SECRET, house.token(EMAIL, "v"), now=NOW)
    assert "Words of lesson 1 for you" in seen.html
    assert EMAIL not in seen.html
    assert "/u/" not in seen.html


def test_issues_are_exported_and_erased_with_the_rest(house: House) -> None:
    _join(house, BOTH)
    schedule(house)
    house.tick(NOW)
    who = house.person(EMAIL).id
    told = export.export(house.db, who, now=NOW)
    assert "issue" in str(told)
    erase.erase(house.db, who, now=NOW)
    with house.db.read() as tx:
        assert enrolments.of(tx, who) == []
