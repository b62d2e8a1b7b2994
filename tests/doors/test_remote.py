"""What happens when somebody, or something, opens a course page and presses its buttons?"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx
import pytest
from door import Door, Page
from house import DAY, EIGHT, LONDON, NOW, SECRET, House, small_course
from sqlalchemy import select

from sequencer.core import tokens
from sequencer.core.model import CatchUp, Deferred, EnrolmentState, Pace, Stage, SubscriberState
from sequencer.core.tokens import Purpose
from sequencer.store.database import Database
from sequencer.store.tables import metadata
from sequencer.web.buttons import ACTS
from sequencer.web.remote import ROUTES

EMAIL = "reader@example.org"
NOT_OURS = "This link is not complete or not one of ours. Please copy it whole from the e-mail."


def everything(db: Database) -> Mapping[str, list[str]]:
    """All rows of all tables."""
    with db.read() as tx:
        return {
            table.name: sorted(map(repr, tx.execute(select(table)).mappings().all()))
            for table in metadata.sorted_tables
        }


def on_course(door: Door) -> str:
    """Somebody is on the course and has had one lesson; the path of their course page, as the mail has it."""
    door.house.join(EMAIL, name="Rea Reader", zone="Europe/London")
    door.house.tick(EIGHT)
    door.now = EIGHT + timedelta(hours=1)
    return door.link(EMAIL, "c")


def finished(door: Door) -> str:
    """They have had all of them."""
    link = on_course(door)
    for day in range(1, 3):
        door.house.tick(EIGHT + day * DAY)
    door.now = EIGHT + 2 * DAY + timedelta(hours=1)
    return link


def press(door: Door, link: str, words: str) -> httpx.Response:
    """They press the button with these words, as a browser does, and are led back to the page."""
    action, fields = button(door.ask.get(link).text, link, words)
    answer = door.ask.post(action, data=fields, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 303
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    return door.ask.get(answer.headers["location"])


def button(html: str, link: str, words: str) -> tuple[str, dict[str, str]]:
    """Where the button with these words posts to, and what it sends along."""
    forms = re.findall(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', html, re.DOTALL)
    for action, inside in forms:
        for attributes, said in re.findall(r"<button([^>]*)>(.*?)</button>", inside, re.DOTALL):
            if " ".join(re.sub("<[^>]+>", "", said).split()).startswith(words):
                assert action.startswith(f"{link}/")
                named = re.search(r'name="(\w+)" value="([^"]*)"', attributes)
                return action, {named[1]: named[2]} if named else {}
    raise AssertionError(f"no button says {words}")


# Looking


def _addresses(door: Door, link: str) -> list[str]:
    made = certificate_of(door, link, "Without a name")
    return [link, f"{link}/lessons.ics", made, *(f"{link}/{act}" for act in (*ACTS, "certificate"))]


def certificate_of(door: Door, link: str, words: str) -> str:
    """The path of the certificate that a press of this button leads to."""
    action, fields = button(door.ask.get(link).text, link, words)
    answer = door.ask.post(action, data=fields)
    assert answer.status_code == 303
    return str(answer.headers["location"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_any_of_these_addresses_changes_nothing(door: Door, method: str) -> None:
    link = finished(door)
    addresses = _addresses(door, link)
    assert len(addresses) == len(ROUTES)
    before = everything(door.house.db)
    for address in addresses:
        status = 200 if address in addresses[:3] else 405
        assert door.ask.request(method, address).status_code == status, address
    assert everything(door.house.db) == before


def test_following_every_link_of_a_lesson_and_of_the_pages_behind_them_changes_nothing(door: Door) -> None:
    link = on_course(door)
    (mail,) = [parcel for parcel in door.house.courier.sent if b"List-Unsubscribe" in parcel.content]
    words = mail.content.replace(b"=\r\n", b"").replace(b"=3D", b"=").decode()
    paths = set(re.findall(r"https://mail\.example\.org(/[\w/-]+)", words))
    assert link in paths
    before = everything(door.house.db)
    for path in sorted(paths):
        page = door.ask.get(path)
        assert page.status_code == 200
        for anchor in Page(page.text).all("a") if path == link else ():
            assert door.ask.get(anchor["href"].removeprefix("https://mail.example.org")).status_code == 200
    assert everything(door.house.db) == before


def test_the_page_shows_progress_lessons_and_dates_and_nobodys_address(door: Door) -> None:
    link = on_course(door)
    answer = door.ask.get(link)
    page = Page(answer.text)
    assert page.text("h1") == ["A Small Course"]
    assert "Rea, 1 of 3 lessons has reached you." in " ".join(answer.text.split())
    assert [(tag["value"], tag["max"]) for tag in page.all("progress")] == [("1", "3")]
    assert "Lesson 2 comes on Tuesday 3 March 2026 at 08:00 (Europe/London)." in answer.text
    assert "Wed 4 March, 08:00" in answer.text
    assert door.link(EMAIL, "v") in [tag["href"] for tag in page.all("a")]
    assert "Reader" not in answer.text
    assert EMAIL not in answer.text
    assert door.link(EMAIL, "u") not in answer.text
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"


def test_the_page_of_somebody_without_a_name_names_nobody(door: Door) -> None:
    door.house.join(EMAIL)
    door.house.tick(EIGHT)
    assert "1 of 3 lessons has reached you." in " ".join(door.ask.get(door.link(EMAIL, "c")).text.split())


@pytest.mark.parametrize("rule", [CatchUp.SKIP, CatchUp.DIGEST])
def test_the_page_says_what_became_of_lessons_that_were_passed_over(door: Door, rule: CatchUp) -> None:
    link = on_course(door)
    door.house.publish(small_course(catch_up=rule), door.now)
    door.house.tick(EIGHT + 5 * DAY)
    first, second, third = re.findall(r"<li>(.*?)</li>", door.ask.get(link).text, re.DOTALL)
    assert "Subject 3" in third
    words = {
        CatchUp.SKIP: "Passed over: its day passed while lessons rested",
        CatchUp.DIGEST: "Its day passed while lessons rested; read it here",
    }[rule]
    assert words in second
    assert words not in first + third
    readable = re.search(r'href="(/v/[^"]+)">Subject 2</a>', second)
    assert (readable is not None, "</button>" in second) == (rule is CatchUp.DIGEST, rule is CatchUp.DIGEST)
    if readable:
        assert "Words of lesson 2" in door.ask.get(readable.group(1)).text
        assert "Ticked as done." in press(door, link, "Done: Subject 2").text
    assert '<section class="part" id="certificate">' in door.ask.get(link).text
    made = certificate_of(door, link, "Without a name")
    assert "2 of 3 lessons by e-mail" in " ".join(door.ask.get(made).text.split())


# Pressing


def test_next_now_brings_the_next_lesson_and_says_so(door: Door) -> None:
    link = on_course(door)
    page = press(door, link, "Next lesson now")
    assert "The next lesson is on its way to you." in page.text
    assert 'role="status"' in page.text
    assert Page(page.text).text("h2")[0] == "A lesson is on its way"
    door.house.tick(door.now)
    assert door.house.subjects(EMAIL)[-1] == "Subject 2"
    door.now += timedelta(minutes=5)
    assert "Lesson 3 comes on Tuesday 3 March 2026 at 08:00" in door.ask.get(link).text


def test_the_same_press_sent_twice_is_one_lesson(door: Door) -> None:
    link = on_course(door)
    action, fields = button(door.ask.get(link).text, link, "Next lesson now")
    for _ in range(2):
        assert door.ask.post(action, data=fields).status_code == 303
        door.house.tick(door.now)
        door.now += timedelta(minutes=1)
    assert [one for one in door.house.subjects(EMAIL) if one.startswith("Subject")] == ["Subject 1", "Subject 2"]


def test_pause_and_go_on(door: Door) -> None:
    link = on_course(door)
    page = press(door, link, "2 weeks")
    assert "Paused until Monday 16 March 2026" in Page(page.text).text("h2")
    assert "Then comes “Subject 2”, on Monday 16 March 2026 at 08:00 (Europe/London)." in page.text
    page = press(door, link, "Go on")
    assert "Your course goes on." in page.text
    assert door.house.place(EMAIL).next_due_at == EIGHT + DAY


def test_a_lesson_that_waits_for_the_end_of_a_pause_is_named_and_cannot_be_hurried(door: Door) -> None:
    link = on_course(door)
    door.house.courier.answers = [(Stage.MAIL, Deferred(reply="451 busy"))]
    door.house.tick(EIGHT + DAY)
    door.now = EIGHT + DAY + timedelta(hours=1)
    assert Page(door.ask.get(link).text).text("h2")[0] == "A lesson is on its way"
    page = press(door, link, "1 week")
    assert "Then comes “Subject 2”, which waits meanwhile." in page.text
    assert "Next lesson now" not in Page(page.text).text("button")


def test_hour_days_and_pace(door: Door) -> None:
    link = on_course(door)
    chosen = {"pace": "weekly", "hour": "19:30", "mon": "yes", "thu": "yes"}
    answer = door.ask.post(f"{link}/rhythm", data=chosen)
    page = Page(door.ask.get(answer.headers["location"]).text)
    assert [tag["value"] for tag in page.all("option") if "selected" in tag] == ["weekly"]
    assert [tag["value"] for tag in page.all("input") if tag["type"] == "time"] == ["19:30"]
    assert [tag["name"] for tag in page.all("input") if "checked" in tag] == ["mon", "thu"]
    assert door.house.place(EMAIL).pace is Pace.WEEKLY
    assert door.house.place(EMAIL).next_due_at == datetime(2026, 3, 9, 19, 30, tzinfo=LONDON)
    door.ask.post(f"{link}/rhythm", data={"pace": "", "hour": ""})
    page = Page(door.ask.get(link).text)
    assert [tag for tag in page.all("option") if "selected" in tag] == []
    assert len([tag for tag in page.all("input") if "checked" in tag]) == 7
    assert door.house.place(EMAIL).next_due_at == EIGHT + DAY


def test_a_lesson_can_be_left_out(door: Door) -> None:
    link = on_course(door)
    page = press(door, link, "Leave this one out")
    assert "That lesson is left out." in page.text
    assert "Lesson 3 comes on Tuesday 3 March 2026 at 08:00" in page.text
    assert "Left out" in page.text


def test_a_lesson_is_ticked_and_unticked(door: Door) -> None:
    link = on_course(door)
    page = press(door, link, "Done: Subject 1")
    assert "1 is ticked as done" in page.text
    assert [tag["aria-pressed"] for tag in Page(page.text).all("button") if "aria-pressed" in tag] == ["true"]
    page = press(door, link, "Done: Subject 1")
    assert "ticked as done" not in page.text


def test_starting_over_begins_a_new_round(door: Door) -> None:
    link = finished(door)
    page = press(door, link, "Start over from lesson 1")
    assert "You begin again with the first lesson." in page.text
    assert "Lesson 1 comes on Thursday 5 March 2026 at 08:00" in page.text
    assert (door.house.place(EMAIL).run, door.house.place(EMAIL).state) == (1, EnrolmentState.ACTIVE)


def test_a_word_that_nobody_said_is_not_shown(door: Door) -> None:
    link = on_course(door)
    for said in ("nonsense", "<b>", "gone", ""):
        answer = door.ask.get(link, params={"said": said})
        assert answer.status_code == 200
        assert 'role="status"' not in answer.text


@pytest.mark.parametrize(
    ("act", "fields", "sentence"),
    [
        ("now", {}, "press the button there"),
        ("now", {"lesson": "x"}, "press the button there"),
        ("skip", {"lesson": "9" * 40}, "press the button there"),
        ("done", {"lesson": "3"}, "You have not had this lesson yet"),
        ("restart", {"run": "-1"}, "press the button there"),
        ("pause", {"weeks": "500"}, "Please choose one, two or four weeks."),
        ("rhythm", {"pace": "hourly"}, "Please choose a pace from the list."),
        ("rhythm", {"hour": "25:00"}, "Please write the hour like 08:00."),
        ("certificate", {"name": "shown"}, "There is a certificate when the course is finished."),
    ],
)
def test_a_press_that_cannot_be_is_refused_in_a_sentence_and_changes_nothing(
    door: Door, act: str, fields: dict[str, str], sentence: str
) -> None:
    link = on_course(door)
    before = everything(door.house.db)
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = door.ask.post(f"{link}/{act}", data=fields, headers=form)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert everything(door.house.db) == before


# Tokens that are not ours


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "A" * 4000,
        "%00",
        tokens.seal("another secret of another house, as long", Purpose.REMOTE, 1),
        tokens.seal(SECRET, Purpose.VIEW, 1),
        tokens.seal(SECRET, Purpose.PREFERENCES, 1),
    ],
)
def test_a_link_that_is_not_ours_is_one_clear_page(quiet_door: Door, token: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for path in (f"/c/{token}", f"/c/{token}/lessons.ics", f"/certificate/{token}"):
        answer = quiet_door.ask.get(path)
        assert (answer.status_code, NOT_OURS in answer.text) == (400, True)
    for act in (*ACTS, "certificate"):
        answer = quiet_door.ask.post(f"/c/{token}/{act}", data={"lesson": "1", "weeks": "1", "run": "0"}, headers=form)
        assert (answer.status_code, NOT_OURS in answer.text) == (400, True)


def test_the_link_of_a_place_that_is_gone_says_so(quiet_door: Door) -> None:
    token = tokens.seal(SECRET, Purpose.REMOTE, 404)
    assert quiet_door.ask.get(f"/c/{token}").status_code == 404
    assert quiet_door.ask.post(f"/c/{token}/now", data={"lesson": "1"}).status_code == 404


# Who has left, who has finished


def test_who_has_left_finds_nothing_but_the_way_back(door: Door) -> None:
    link = on_course(door)
    door.ask.post(door.link(EMAIL, "u"))
    page = Page(door.ask.get(link).text)
    assert page.text("h1") == ["You have left"]
    assert page.all("form") == page.all("button") == []
    assert [tag["href"] for tag in page.all("a")] == ["/f/newsletter"]
    before = everything(door.house.db)
    answer = door.ask.post(f"{link}/now", data={"lesson": "2"})
    assert answer.status_code == 303
    assert Page(door.ask.get(answer.headers["location"]).text).text("h1") == ["You have left"]
    assert everything(door.house.db) == before
    assert door.house.person(EMAIL).state is SubscriberState.LEFT


def test_who_has_finished_has_a_certificate_that_anybody_can_read(door: Door) -> None:
    link = finished(door)
    page = Page(door.ask.get(link).text)
    assert page.text("h1") == ["You have finished, Rea"]
    assert "Reader" not in door.ask.get(link).text
    for words, name in (("With my name", True), ("Without a name", False)):
        path = certificate_of(door, link, words)
        answer = door.ask.get(path)
        assert answer.status_code == 200
        assert ("Rea Reader" in answer.text) is name
        assert "A Small Course" in Page(answer.text).text("h1")
        assert "3 of 3 lessons by e-mail, from Monday 2 March 2026 to Wednesday 4 March 2026." in answer.text
        assert f"https://mail.example.org{path}" in answer.text
        assert EMAIL not in answer.text
        assert "/c/" not in answer.text
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"


def test_a_certificate_without_a_name_cannot_be_turned_into_one_with_it(door: Door) -> None:
    link = finished(door)
    bare, named = certificate_of(door, link, "Without a name"), certificate_of(door, link, "With my name")
    assert bare != named
    for at in range(len("/certificate/"), len(bare)):
        mixed = bare[:at] + named[at:]
        if mixed not in (bare, named):
            assert door.ask.get(mixed).status_code == 400


# The calendar


def unfolded(feed: bytes) -> list[tuple[str, str]]:
    """The content lines of a feed (RFC 5545 §3.1), each name and value; anything against the grammar is an error."""
    assert feed.endswith(b"\r\n")
    lines = feed[:-2].split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    for line in lines:
        line.decode()  # no letter is cut in two
    whole = b"\r\n".join(lines).replace(b"\r\n ", b"").decode().split("\r\n")
    found = [re.fullmatch(r"([A-Z-]+)(?:;[A-Z]+=[A-Z]+)*:(.*)", line) for line in whole]
    return [(match[1], match[2]) for match in found if match is not None or pytest.fail("not a content line")]


def events(feed: bytes) -> list[dict[str, str]]:
    """The events of a feed."""
    lines = unfolded(feed)
    assert (lines[0], lines[-1]) == (("BEGIN", "VCALENDAR"), ("END", "VCALENDAR"))
    assert {"VERSION", "PRODID"} <= {name for name, _ in lines}
    made: list[dict[str, str]] = []
    for name, value in lines[1:-1]:
        if (name, value) == ("BEGIN", "VEVENT"):
            made.append({})
        elif made and name != "END":
            assert name not in made[-1]
            made[-1][name] = value
    assert all({"UID", "DTSTAMP", "DTSTART"} <= set(event) for event in made)
    return made


def test_the_calendar_holds_each_lesson_at_its_hour_under_a_name_that_stays(door: Door) -> None:
    link = on_course(door)
    answer = door.ask.get(f"{link}/lessons.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    before = events(answer.content)
    assert [event["DTSTART"] for event in before] == ["20260302T080000Z", "20260303T080000Z", "20260304T080000Z"]
    assert [event["SUMMARY"] for event in before] == [f"Lesson {number} of 3: Subject {number}" for number in (1, 2, 3)]
    assert EMAIL not in answer.text
    assert "Rea" not in answer.text
    press(door, link, "1 week")
    after = events(door.ask.get(f"{link}/lessons.ics").content)
    assert [event["DTSTART"] for event in after] == ["20260302T080000Z", "20260309T080000Z", "20260310T080000Z"]
    assert [event["UID"] for event in after] == [event["UID"] for event in before]
    assert len({event["UID"] for event in after}) == 3


def test_a_calendar_over_the_change_of_clocks_stays_at_the_persons_hour(sqlite_door: Door) -> None:
    link = on_course(sqlite_door)
    press(sqlite_door, link, "4 weeks")
    starts = [event["DTSTART"] for event in events(sqlite_door.ask.get(f"{link}/lessons.ics").content)]
    assert starts == ["20260302T080000Z", "20260330T070000Z", "20260331T070000Z"]


def test_a_calendar_of_long_and_strange_words_is_still_a_calendar(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(
        small_course(title="Semicolons; commas, and \\ in many a long title of a course – “überall” 日本語" * 2)
    )
    with Door(house).open() as door:
        link = on_course(door)
        feed = door.ask.get(f"{link}/lessons.ics").content
        names = [value for name, value in unfolded(feed) if name == "NAME"]
        assert names[0].startswith(r"Semicolons\; commas\, and \\ in many a long")
        assert len(events(feed)) == 3


# Fit to be seen


@pytest.fixture(scope="module")
def visited(quiet_door: Door) -> dict[str, httpx.Response]:
    """Every page of a course, by a name."""
    door, seen = quiet_door, {}
    door.now = NOW
    link = on_course(door)
    seen["course"] = door.ask.get(link)
    seen["paused"] = press(door, link, "1 week")
    seen["on its way"] = press(door, link, "Next lesson now")
    door.house.tick(door.now)
    press(door, link, "Leave this one out")
    seen["finished"] = door.ask.get(link)
    seen["certificate"] = door.ask.get(certificate_of(door, link, "With my name"))
    door.ask.post(door.link(EMAIL, "u"))
    seen["gone"] = door.ask.get(link)
    return seen


PAGES = ["course", "paused", "on its way", "finished", "certificate", "gone"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_formed_labelled_and_without_scripts(visited: dict[str, httpx.Response], name: str) -> None:
    page = Page(visited[name].text)
    assert page.open == []
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert page.text("title")[0].endswith("– The Brand")
    assert page.all("script") == page.all("style") == page.all("iframe") == page.all("img") == []
    assert not {key for _, given in page.tags for key in given if key == "style" or key.startswith("on")}
    fields = [*page.all("input"), *page.all("select")]
    assert sorted(field["id"] for field in fields) == sorted(tag["for"] for tag in page.all("label"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [tag[key] for _, tag in page.tags for key in ("aria-describedby", "aria-labelledby") if key in tag]
    assert set(named) <= set(ids)
    assert all(page.text("button"))
    assert all(tag["method"] == "post" for tag in page.all("form"))
    assert "default-src 'none'; style-src 'self'" in visited[name].headers["content-security-policy"]
    assert visited[name].headers["cache-control"] == "no-store"
