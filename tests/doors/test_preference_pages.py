"""What can be seen and pressed on the page of preferences, and behind the links that are mailed from there?"""

import json
from datetime import time, timedelta

import pytest
from door import Door, Page
from house import DAY, EIGHT, House, an_address, small_course

from sequencer.core.model import DeliveryKind, EnrolmentState, SubscriberState, SuppressionReason
from sequencer.store import subscribers
from sequencer.store.database import Database

EMAIL, NEW = "reader@example.org", "new@example.com"
HOUR = timedelta(hours=1)


@pytest.fixture
def door(door: Door) -> Door:
    """Somebody is on a course and has had one lesson."""
    door.house.join(EMAIL, name="Rea")
    door.house.tick(EIGHT)
    door.now = EIGHT + HOUR
    return door


def press(door: Door, act: str, **fields: str) -> Page:
    """A press of a button below the page, followed to where it leads."""
    link = door.link(EMAIL, "p")
    answer = door.ask.post(f"{link}/{act}", data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{link}?said=")
    shown = door.ask.get(answer.headers["location"])
    assert shown.status_code == 200
    return Page(shown.text)


def forms(page: Page) -> list[str]:
    """What the page posts to, without its own address."""
    return [form["action"].rpartition("/")[2] for form in page.all("form")][1:]


# What is shown


def test_the_page_shows_nobodys_address(door: Door) -> None:
    answer = door.ask.get(door.link(EMAIL, "p"))
    assert EMAIL not in answer.text
    page = Page(answer.text)
    assert forms(page) == ["leave", "pause", "pause", "pause", "move", "data"]
    links = [tag["href"].split("/")[1] for tag in page.all("a")]
    assert links == ["c", "u"]


def test_who_has_left_is_offered_the_form_and_their_data_and_nothing_that_acts(door: Door) -> None:
    door.house.leave(EMAIL, door.now)
    page = Page(door.ask.get(door.link(EMAIL, "p")).text)
    assert forms(page) == ["data"]
    assert [tag["href"] for tag in page.all("a")] == ["/f/newsletter"]
    assert any("You get no mails from us" in words for words in page.text("p"))


def test_who_has_left_where_there_is_no_form_is_offered_none(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    house.join(EMAIL)
    house.tick(EIGHT)
    with Door(house, forms={}).open() as door:
        link = door.link(EMAIL, "p")
        house.leave(EMAIL, EIGHT)
        assert Page(door.ask.get(link).text).all("a") == []


@pytest.mark.parametrize("said", ["saved", "paused", "<script>", "nonsense", ""])
def test_what_was_pressed_is_said_in_our_words_alone(door: Door, said: str) -> None:
    answer = door.ask.get(door.link(EMAIL, "p"), params={"said": said})
    assert answer.status_code == 200
    assert ("role=" in answer.text) == (said in ("saved", "paused"))
    assert "<script>" not in answer.text


# Hour and days


def test_hour_and_days_are_saved_and_taken_back(door: Door) -> None:
    link = door.link(EMAIL, "p")
    page = Page(door.ask.post(link, data={"rhythm": "yes", "hour": "18:30", "tue": "yes", "fri": "yes"}).text)
    own = door.house.person(EMAIL).preference
    assert (own.send_at, own.days) == (time(18, 30), frozenset({1, 4}))
    assert [tag["id"] for tag in page.all("input") if "checked" in tag] == ["tue", "fri"]
    assert any("Tuesday 3 March 2026 at 18:30 (Europe/London)" in words for words in page.text("p"))
    door.ask.post(link, data={"rhythm": "yes", "hour": ""})
    own = door.house.person(EMAIL).preference
    assert (own.send_at, own.days) == (None, None)


def test_an_hour_alone_leaves_the_days_as_they_are(door: Door) -> None:
    link = door.link(EMAIL, "p")
    door.ask.post(link, data={"rhythm": "yes", "tue": "yes"})
    door.ask.post(link, data={"hour": "07:00"})
    own = door.house.person(EMAIL).preference
    assert (own.send_at, own.days) == (time(7), frozenset({1}))


@pytest.mark.parametrize("hour", ["25:00", "noon", "8", "08:00:00:00"])
def test_an_hour_that_is_none_is_refused_in_its_place(door: Door, hour: str) -> None:
    answer = door.ask.post(door.link(EMAIL, "p"), data={"hour": hour})
    assert answer.status_code == 400
    assert "Please write the hour like 08:00." in answer.text
    assert door.house.person(EMAIL).preference.send_at is None


# Courses and pauses


def test_a_course_is_left_and_come_back_to(door: Door) -> None:
    page = press(door, "leave", course="small")
    assert page.text("p")[1] == "You have left that course."
    assert door.house.place(EMAIL).state is EnrolmentState.STOPPED
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE
    assert "return" in forms(page)
    assert "pause" not in forms(page)
    page = press(door, "return", course="small")
    assert page.text("p")[1] == "That course goes on."
    assert door.house.place(EMAIL).state is EnrolmentState.ACTIVE
    assert press(door, "return", course="small").text("p")[1] == "Nothing has changed."


def test_everything_is_paused_and_goes_on(door: Door) -> None:
    page = press(door, "pause", weeks="2")
    assert any("Paused until Monday 16 March 2026." in words for words in page.text("p"))
    assert "resume" in forms(page)
    assert "resume" not in forms(press(door, "resume"))
    assert door.ask.post(f"{door.link(EMAIL, 'p')}/pause", data={"weeks": "3"}).status_code == 400
    assert door.house.place(EMAIL).paused_until is None


# Another address


def test_another_address_is_asked_by_mail_and_the_page_says_the_same_whoever_has_it(door: Door) -> None:
    door.house.join("known@example.com", door.now)
    with door.house.db.begin() as tx:
        silent = an_address("silent@example.com")
        subscribers.suppress(tx, silent, reason=SuppressionReason.COMPLAINT, detail="", now=EIGHT)
    said = []
    for day, to in enumerate((NEW, "known@example.com", "silent@example.com", EMAIL)):
        door.now = EIGHT + HOUR + day * (DAY + HOUR)
        said.append(press(door, "move", email=to).text("p")[1])
    assert len(set(said)) == 1
    door.house.tick(door.now)
    asked = {one.recipient for one in door.house.courier.sent if b"Is this your address" in one.content}
    assert asked == {NEW, "known@example.com"}


def test_the_new_address_confirms_and_the_former_takes_it_back(door: Door) -> None:
    press(door, "move", email=NEW)
    door.house.tick(door.now)
    link = door.link(NEW, "move")
    page = Page(door.ask.get(link).text)
    assert page.text("button") == ["Yes, send my mails here"]
    assert door.house.person(EMAIL).state is SubscriberState.ACTIVE
    first = door.ask.post(link)
    assert (first.status_code, door.ask.post(link).text, door.ask.get(link).text) == (200, first.text, first.text)
    assert door.house.person(NEW).name == "Rea"
    door.house.tick(door.now)
    link = door.link(EMAIL, "move")
    assert Page(door.ask.get(link).text).text("h1") == ["Take it back?"]
    assert door.house.person(NEW).name == "Rea"
    assert Page(door.ask.post(link).text).text("h1") == ["Taken back"]
    assert door.house.person(EMAIL).name == "Rea"


def test_an_address_of_somebody_else_is_refused_in_a_sentence_to_its_owner(door: Door) -> None:
    door.house.join(NEW, door.now, name="Bea")
    press(door, "move", email=NEW)
    door.house.tick(door.now)
    answer = door.ask.post(door.link(NEW, "move"))
    assert answer.status_code == 400
    assert "as a subscriber of its own" in answer.text
    assert (door.house.person(EMAIL).name, door.house.person(NEW).name) == ("Rea", "Bea")


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("", "Please give your e-mail address."),
        ("nonsense", "This e-mail address cannot be used."),
        ("a@mailinator.com", "soon thrown away"),
        ("a@example.com\r\nBcc: b@example.com", "This is not an e-mail address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_its_place(door: Door, email: str, sentence: str) -> None:
    answer = door.ask.post(f"{door.link(EMAIL, 'p')}/move", data={"email": email})
    assert answer.status_code == 400
    assert sentence in answer.text
    assert [row for row in door.house.ledger(EMAIL) if row.kind is DeliveryKind.MOVE] == []


def test_another_address_on_the_same_day_has_to_wait(door: Door) -> None:
    press(door, "move", email=NEW)
    answer = door.ask.post(f"{door.link(EMAIL, 'p')}/move", data={"email": "other@example.com"})
    assert answer.status_code == 429
    page = Page(answer.text)
    assert "come again tomorrow" in page.text("p")[1]
    (field,) = [tag for tag in page.all("input") if tag["name"] == "email"]
    assert (field["value"], field["aria-describedby"]) == ("other@example.com", "error")


# One's data


def test_the_way_to_ones_data_is_mailed_and_not_shown(door: Door) -> None:
    page = press(door, "data")
    assert page.text("p")[1] == "A mail with the link is on its way to you."
    assert not [tag for tag in page.all("a") if "/data/" in tag["href"]]
    assert door.ask.post(f"{door.link(EMAIL, 'p')}/data").status_code == 429
    door.house.tick(door.now)
    assert door.house.courier.sent[-1].recipient == EMAIL


def test_a_link_of_a_lesson_opens_nobodys_data(door: Door) -> None:
    for kind in ("p", "u", "v", "c"):
        token = door.house.token(EMAIL, kind)
        for method, path in (("GET", ""), ("POST", "/export"), ("POST", "/erase")):
            answer = door.ask.request(
                method, f"/data/{token}{path}", data={"sure": "yes"} if method == "POST" else None
            )
            assert answer.status_code == 400
    assert door.house.person(EMAIL).name == "Rea"


def ready(door: Door) -> str:
    """The path that was mailed."""
    press(door, "data")
    door.house.tick(door.now)
    return door.link(EMAIL, "data")


def test_ones_data_is_a_file_to_download(door: Door) -> None:
    answer = door.ask.post(f"{ready(door)}/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    found = json.loads(answer.text)
    assert (found["subscriber"]["normalized"], len(found["deliveries"])) == (EMAIL, 3)


def test_erasing_is_asked_once_more(door: Door) -> None:
    link = ready(door)
    assert Page(door.ask.get(link).text).text("button") == ["Download it", "Erase …"]
    page = Page(door.ask.post(f"{link}/erase").text)
    assert page.text("h1") == ["Erase everything?"]
    assert door.house.person(EMAIL).name == "Rea"
    fields = {tag["name"]: tag["value"] for tag in page.all("input") if tag["type"] == "hidden"}
    answer = door.ask.post(page.all("form")[0]["action"], data=fields)
    assert (answer.status_code, Page(answer.text).text("h1")) == (200, ["Erased"])
    with door.house.db.read() as tx:
        assert subscribers.find(tx, an_address(EMAIL)) is None
        assert subscribers.suppressions(tx) == []


@pytest.mark.parametrize("for_good", [False, True])
def test_whoever_is_erased_for_good_cannot_be_signed_up_again(door: Door, *, for_good: bool) -> None:
    link = ready(door)
    answer = door.ask.post(f"{link}/erase", data={"sure": "yes", **({"for_good": "yes"} if for_good else {})})
    assert ("list of those that get no mail" in answer.text) == for_good
    before = len(door.house.courier.sent)
    door.sign_up({"email": EMAIL})
    door.house.tick(door.now)
    assert len(door.house.courier.sent) == before + (not for_good)


def test_no_link_works_for_who_is_erased_and_each_says_so(door: Door) -> None:
    links = {kind: door.link(EMAIL, kind) for kind in ("u", "p", "v", "c")}
    link = ready(door)
    door.ask.post(f"{link}/erase", data={"sure": "yes"})
    assert door.ask.post(links["u"]).status_code == 200
    assert [door.ask.get(links[kind]).status_code for kind in ("p", "v", "c")] == [404, 400, 404]
    for answer in (door.ask.get(link), door.ask.post(f"{link}/export"), door.ask.post(f"{link}/erase")):
        assert answer.status_code == 404
        assert "We keep nothing of you any more." in answer.text
