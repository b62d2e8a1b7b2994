"""What happens when somebody, or something, follows a link in a mail?"""

from collections.abc import Mapping
from datetime import timedelta
from html import unescape

import pytest
from door import Door, Page
from house import DAY, EIGHT, NOW, SECRET, House, small_course
from sqlalchemy import select, update

from sequencer.core import tokens
from sequencer.core.model import DeliveryKind, DeliveryState, EnrolmentState, SubscriberState
from sequencer.core.tokens import Purpose
from sequencer.store.database import Database
from sequencer.store.tables import metadata, subscriber

EMAIL = "reader@example.org"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def everything(db: Database) -> Mapping[str, list[Mapping[str, object]]]:
    """All rows of all tables, but for the fences, which say how often a row was written and nothing of the person."""
    with db.read() as tx:
        rows = {table.name: tx.execute(select(table)).mappings().all() for table in metadata.sorted_tables}
    return {
        name: sorted(({key: value for key, value in row.items() if key != "fence"} for row in found), key=repr)
        for name, found in rows.items()
    }


def signed_up(door: Door) -> str:
    """Somebody signs up and gets the mail; the path of its button."""
    door.house.sign_up(EMAIL, name="Rea", zone="Europe/Paris")
    door.house.tick(NOW)
    return door.link(EMAIL, "confirm")


def on_course(door: Door) -> None:
    """Somebody is on the course and has had one lesson."""
    door.house.join(EMAIL, name="Rea", zone="Europe/Paris")
    door.house.tick(EIGHT)
    door.now = EIGHT + timedelta(hours=1)


# Confirming


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_confirmation_page_changes_nothing(door: Door, method: str) -> None:
    link = signed_up(door)
    before = everything(door.house.db)
    answer = door.ask.request(method, link)
    assert answer.status_code == 200
    assert everything(door.house.db) == before
    if method == "GET":
        page = Page(answer.text)
        assert [(form["method"], form.get("action", "")) for form in page.all("form")] == [("post", "")]
        assert page.text("button") == ["Yes, send me the course"]


def test_pressing_the_button_puts_the_person_on_the_course_and_says_when_it_begins(door: Door) -> None:
    link = signed_up(door)
    answer = door.ask.post(link, headers={"x-forwarded-for": "6.6.6.6"})
    assert answer.status_code == 200
    assert "Monday 2 March 2026 at 08:00 (Europe/Paris)" in answer.text
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE


def test_pressing_the_button_twice_is_pressing_it_once(door: Door) -> None:
    link = signed_up(door)
    first = door.ask.post(link)
    before = everything(door.house.db)
    door.now = NOW + timedelta(minutes=5)
    second = door.ask.post(link)
    assert (second.status_code, second.text) == (200, first.text)
    assert everything(door.house.db) == before


def test_a_confirmation_link_expires(door: Door) -> None:
    link = signed_up(door)
    door.now = NOW + 7 * DAY
    for answer in (door.ask.get(link), door.ask.post(link)):
        assert answer.status_code == 400
        page = Page(answer.text)
        assert page.text("h1") == ["This link has expired"]
        assert [one["href"] for one in page.all("a")] == ["/f/newsletter"]
    assert door.house.person(EMAIL).state is SubscriberState.PENDING


def test_a_used_link_does_not_bring_back_who_has_left(door: Door) -> None:
    link = signed_up(door)
    door.ask.post(link)
    door.house.tick(EIGHT)
    door.now = EIGHT + timedelta(hours=1)
    door.ask.post(door.link(EMAIL, "u"))
    answer = door.ask.post(link)
    assert answer.status_code == 400
    assert "This link is used up." in answer.text
    assert door.house.person(EMAIL).state is SubscriberState.LEFT


# Tokens that are not ours

_TOKENS = {
    "nonsense": "nonsense",
    "empty payload": "AAAA",
    "other letters": "%C3%A9%F0%9F%98%80",
    "bytes that are no text": "%ff%fe",
    "null": "%00",
    "dots": "..%5c..",
    "long": "A" * 4000,
    "of another house": tokens.seal("another secret of another house, as long", Purpose.LEAVE, 1),
    "for another purpose": tokens.seal(SECRET, Purpose.VIEW, 1),
}


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("kind", ["confirm", "u", "p", "v"])
@pytest.mark.parametrize("which", _TOKENS)
def test_a_token_that_is_not_ours_is_refused_in_a_sentence(
    quiet_door: Door, kind: str, which: str, accept: str
) -> None:
    token = _TOKENS[which]
    if which == "for another purpose" and kind == "v":
        token = tokens.seal(SECRET, Purpose.CONFIRM, 1)
    for method in ("GET",) if kind == "v" else ("GET", "POST"):
        answer = quiet_door.ask.request(method, f"/{kind}/{token}", data=ONE_CLICK, headers={"accept": accept})
        assert answer.status_code == 400
        assert "This link is not complete or not one of ours. Please copy it whole from the e-mail." in answer.text
        assert answer.headers["content-type"].startswith(accept)


def test_a_token_of_which_one_letter_was_changed_is_refused(door: Door) -> None:
    on_course(door)
    link = door.link(EMAIL, "u")
    for place in range(len("/u/"), len(link) - 1):
        changed = link[:place] + ("A" if link[place] != "A" else "B") + link[place + 1 :]
        assert door.ask.post(changed).status_code == 400
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE


@pytest.mark.parametrize(
    ("kind", "purpose", "status"),
    [("confirm", Purpose.CONFIRM, 400), ("p", Purpose.PREFERENCES, 404), ("v", Purpose.VIEW, 400)],
)
def test_a_token_of_somebody_who_is_gone_is_a_sentence(
    quiet_door: Door, kind: str, purpose: Purpose, status: int
) -> None:
    answer = quiet_door.ask.get(f"/{kind}/{tokens.seal(SECRET, purpose, 4711)}")
    assert answer.status_code == status
    assert Page(answer.text).text("p")[1].endswith(".")


# Leaving


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_unsubscribe_page_changes_nothing(door: Door, method: str) -> None:
    on_course(door)
    before = everything(door.house.db)
    answer = door.ask.request(method, door.link(EMAIL, "u"))
    assert answer.status_code == 200
    assert everything(door.house.db) == before
    if method == "GET":
        assert Page(answer.text).text("button") == ["Unsubscribe"]


@pytest.mark.parametrize(
    "body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {},
        {"content": b"", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"\xff\x00 nonsense", "headers": {"content-type": "multipart/form-data"}},
        {"json": {"List-Unsubscribe": "One-Click"}},
    ],
    ids=["urlencoded", "multipart", "no body", "empty form", "nonsense", "json"],
)
def test_one_click_unsubscribes_without_redirect_login_or_cookie(door: Door, body: dict[str, object]) -> None:
    on_course(door)
    link = door.link(EMAIL, "u")
    first = door.ask.post(link, **body)  # type: ignore[arg-type]
    assert first.status_code == 200
    assert "set-cookie" not in first.headers
    assert "location" not in first.headers
    assert door.house.person(EMAIL).state is SubscriberState.LEFT
    assert door.house.place(EMAIL).state is EnrolmentState.STOPPED
    before = everything(door.house.db)
    door.now += DAY
    second = door.ask.post(link, **body)  # type: ignore[arg-type]
    assert (second.status_code, second.text) == (200, first.text)
    assert everything(door.house.db) == before


def test_who_left_gets_nothing_more_though_a_lesson_was_due(door: Door) -> None:
    on_course(door)
    door.ask.post(door.link(EMAIL, "u"), data=ONE_CLICK)
    door.house.tick(EIGHT + DAY)
    kinds = [(row.kind, row.state) for row in door.house.ledger(EMAIL)]
    sent = (DeliveryKind.CONFIRMATION, DeliveryKind.LESSON, DeliveryKind.FAREWELL)
    assert kinds == [(kind, DeliveryState.SENT) for kind in sent]


def test_leaving_works_in_a_house_without_a_form_too(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT)
    with Door(house, forms={}).open() as door:
        assert door.ask.post(door.link(EMAIL, "u")).status_code == 200
    assert house.person(EMAIL).state is SubscriberState.LEFT


# Preferences


def test_the_preferences_page_shows_what_is_known_and_changes_nothing(door: Door) -> None:
    on_course(door)
    before = everything(door.house.db)
    page = Page(door.ask.get(door.link(EMAIL, "p")).text)
    assert everything(door.house.db) == before
    fields = {tag["name"]: tag["value"] for tag in page.all("input") if tag["type"] in ("text", "time", "email")}
    assert fields == {"name": "Rea", "hour": "", "email": ""}
    assert not any("checked" in tag for tag in page.all("input"))
    assert [tag["value"] for tag in page.all("option") if "selected" in tag] == ["Europe/Paris"]
    assert page.text("h3") == ["A Small Course"]
    assert [(tag["value"], tag["max"]) for tag in page.all("progress")] == [("1", "3")]


def test_name_and_zone_can_be_changed_and_the_next_lesson_follows(door: Door) -> None:
    on_course(door)
    link = door.link(EMAIL, "p")
    answer = door.ask.post(link, data={"name": "  Zoë\N{NO-BREAK SPACE} Q. ", "timezone": "Asia/Tokyo"})
    assert answer.status_code == 200
    assert "Saved" in Page(answer.text).text("title")[0]
    person = door.house.person(EMAIL)
    assert (person.name, person.timezone) == ("Zoë Q.", "Asia/Tokyo")
    due = door.house.place(EMAIL).next_due_at
    assert due is not None
    assert due.hour == 23


def test_what_the_form_does_not_send_stays_as_it_is(door: Door) -> None:
    on_course(door)
    link = door.link(EMAIL, "p")
    assert door.ask.post(link, data={"timezone": "Asia/Tokyo"}).status_code == 200
    assert door.house.person(EMAIL).name == "Rea"
    assert door.ask.post(link, json={"name": "Zoë"}).status_code == 200
    person = door.house.person(EMAIL)
    assert (person.name, person.timezone) == ("Zoë", "Asia/Tokyo")


def test_somebody_whose_zone_nobody_knows_any_more_chooses_another_on_the_page(door: Door) -> None:
    on_course(door)
    link = door.link(EMAIL, "p")
    with door.house.db.begin() as tx:
        tx.execute(update(subscriber).values(timezone="Mars/Olympus"))
    page = Page(door.ask.get(link).text)
    assert [tag["value"] for tag in page.all("option") if "selected" in tag] == ["UTC"]
    assert door.ask.post(link, data={"timezone": "Europe/Paris"}).status_code == 200
    assert door.house.person(EMAIL).timezone == "Europe/Paris"


def test_a_name_can_be_taken_back(door: Door) -> None:
    on_course(door)
    door.ask.post(door.link(EMAIL, "p"), data={"name": "", "timezone": "Europe/Paris"})
    assert door.house.person(EMAIL).name == ""


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "A\r\nBcc: b@example.org"}, "line break"),
        ({"name": "x" * 5000}, "longer than 200 characters"),
        ({"name": "Rea", "timezone": "Mars/Olympus"}, "Please choose a time zone from the list."),
        ({"name": "Rea", "timezone": ""}, "Please choose a time zone from the list."),
    ],
)
def test_bad_preferences_are_refused_and_change_nothing(door: Door, fields: dict[str, str], sentence: str) -> None:
    on_course(door)
    before = everything(door.house.db)
    answer = door.ask.post(door.link(EMAIL, "p"), data=fields)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert everything(door.house.db) == before


def test_the_way_out_of_the_preferences_page_leads_out(door: Door) -> None:
    on_course(door)
    page = Page(door.ask.get(door.link(EMAIL, "p")).text)
    (way_out,) = [tag["href"] for tag in page.all("a") if tag["href"].startswith("/u/")]
    assert door.ask.post(way_out).status_code == 200
    assert door.house.person(EMAIL).state is SubscriberState.LEFT


def test_the_preferences_of_somebody_on_no_course_show_the_houses_brand(door: Door) -> None:
    signed_up(door)
    token = tokens.seal(SECRET, Purpose.PREFERENCES, door.house.person(EMAIL).id)
    assert "The Brand" in Page(door.ask.get(f"/p/{token}").text).text("title")[0]


# A lesson in the browser


def test_a_lesson_in_the_browser_greets_nobody_and_holds_no_link_that_acts(door: Door) -> None:
    on_course(door)
    answer = door.ask.get(door.link(EMAIL, "v"))
    assert answer.status_code == 200
    assert "Words of lesson 1 for you" in unescape(answer.text)
    assert "Rea" not in answer.text
    assert EMAIL not in answer.text
    assert not any(f"/{kind}/" in answer.text for kind in ("u", "p", "v", "confirm"))


def test_a_lesson_in_the_browser_stays_as_it_was_sent_when_the_course_changes(door: Door) -> None:
    on_course(door)
    link = door.link(EMAIL, "v")
    door.house.publish(small_course(2, title="Another Title"))
    assert "Words of lesson 1" in door.ask.get(link).text
