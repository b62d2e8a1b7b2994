"""Does somebody on a German course read German from the sign-up to the end, and does everybody else read English?"""

import email
import email.policy
from collections.abc import Iterator

import pytest
from door import Door, Page
from house import EIGHT, NOW, House, small_course
from sqlalchemy import update

from sequencer.store.tables import subscriber

EMAIL = "leserin@example.org"
SLIP = {"email": "leserin", "name": "Lena"}


@pytest.fixture
def german(house: House) -> Iterator[Door]:
    """A door whose only course speaks German as in Austria."""
    house.publish(small_course(language="de-AT", title="Ein kleiner Kurs", brand="Die Marke"))
    with Door(house).open() as opened:
        yield opened


def read(content: bytes) -> tuple[str, str, str]:
    """Subject, text and HTML of a mail that was sent."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    return mail["subject"], text.get_content(), html.get_content()


def test_the_mails_of_a_german_course_are_german(german: Door) -> None:
    house = german.house
    house.sign_up(EMAIL, name="Lena", zone="Europe/Berlin")
    house.tick(NOW)
    house.confirm(EMAIL)
    house.tick(EIGHT)
    confirmation, lesson = (read(parcel.content) for parcel in house.courier.sent)
    assert confirmation[0] == "Bitte bestätigen Sie: Ein kleiner Kurs"
    assert "Ja, schicken Sie mir den Kurs:" in confirmation[1]
    assert "Sie können uns auch <a href=" in confirmation[2]
    for part in confirmation[1:]:
        assert "Jemand hat am Montag, 2. März 2026 um 07:00 (UTC) darum gebeten." in part
        assert "beginnt mit 192.0.2." in part
    assert "Ein kleiner Kurs, Lektion 1 von 3" in lesson[1]
    assert f"weil Sie sich mit {EMAIL} für „Ein kleiner Kurs“ angemeldet haben." in " ".join(lesson[1].split())
    assert f"Sie erhalten diese Mail, weil Sie sich mit {EMAIL} für „Ein kleiner Kurs“ angemeldet haben." in lesson[2]
    assert "Content-Language: de-AT" in house.courier.sent[1].content.decode(errors="replace")


def test_the_pages_of_a_german_course_are_german(german: Door) -> None:
    house = german.house
    form = german.ask.get("/f/newsletter").text
    assert '<html lang="de-AT" dir="ltr">' in form
    assert "3 Lektionen per E-Mail, eine nach der anderen." in form
    house.join(EMAIL, name="Lena", zone="Europe/Berlin")
    house.tick(EIGHT)
    german.now = EIGHT
    place = german.link(EMAIL, "c")
    course = german.ask.get(place).text
    assert "1 von 3 Lektionen hat Sie erreicht" in course
    assert "Lektion 2 kommt am " in course
    assert " um 08:00 (Europe/Berlin)." in course
    assert "Wie im Kurs vorgesehen (1 Tag)" in course
    assert "Jeden zweiten Tag" in course
    assert "Sonntag" in course
    done = german.ask.post(f"{place}/rhythm", data={"pace": "weekly"}, follow_redirects=True).text
    assert Page(done).text("h1") == ["Ein kleiner Kurs"]
    assert "Gespeichert." in done
    assert "SUMMARY:Lektion 1 von 3: Subject 1" in german.ask.get(f"{place}/lessons.ics").text
    assert "Zu viele Mails" in german.ask.get(german.link(EMAIL, "u")).text
    assert "Ihre Einstellungen" in german.ask.get(german.link(EMAIL, "p")).text


def test_what_went_wrong_is_said_in_german_to_browsers_and_scripts(german: Door) -> None:
    said = "Diese E-Mail-Adresse kann nicht verwendet werden. In einer E-Mail-Adresse muss ein @ stehen."
    assert said in german.sign_up(SLIP, accept="text/html").text
    assert german.sign_up(SLIP, accept="application/json").json()["error"] == said
    unknown = german.ask.get("/nothing", headers={"accept": "text/html"})
    assert unknown.status_code == 404
    assert "Diese Seite gibt es hier nicht." in unknown.text
    assert "Seite nicht gefunden" in unknown.text
    assert "Dieser Link ist nicht vollständig" in german.ask.get("/c/none", headers={"accept": "text/html"}).text
    assert "Diese Seite lässt sich so nicht verwenden." in german.ask.delete("/f/newsletter").text


def test_a_button_that_is_refused_says_so_in_the_language_of_its_course(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL, zone="Europe/Berlin")
    house.tick(EIGHT)
    house.publish(small_course(language="fr"))
    with Door(house).open() as door:
        door.now = EIGHT
        answer = door.ask.post(f"{door.link(EMAIL, 'c')}/pause", data={"weeks": "3"})
    assert answer.status_code == 400
    assert "Merci de choisir une, deux ou quatre semaines." in answer.text


def test_a_page_about_no_course_speaks_the_persons_language_if_we_do(door: Door) -> None:
    house = door.house
    house.sign_up(EMAIL)
    path = house.press.preferences_url(house.person(EMAIL).id).removeprefix(door.settings.base_url)
    for language, title in (("de-DE", "Ihre Einstellungen"), ("tlh", "Your preferences"), ("", "Your preferences")):
        with house.db.begin() as tx:
            tx.execute(update(subscriber).values(language=language))
        assert Page(door.ask.get(path).text).text("h1") == [title]


def test_a_page_about_a_course_speaks_its_language_whatever_the_persons_is(door: Door) -> None:
    house = door.house
    house.join(EMAIL)
    house.tick(EIGHT)
    door.now = EIGHT
    with house.db.begin() as tx:
        tx.execute(update(subscriber).values(language="de-DE"))
    assert Page(door.ask.get(door.link(EMAIL, "p")).text).text("h1") == ["Your preferences"]


def test_where_no_course_is_published_pages_speak_english(house: House) -> None:
    with Door(house).open() as door:
        assert '<html lang="en" dir="ltr">' in door.ask.get("/").text
        assert "There is no such page here." in door.ask.get("/nothing").text


def test_a_course_in_hebrew_has_pages_from_right_to_left(house: House) -> None:
    house.publish(small_course(language="he"))
    with Door(house).open() as door:
        shown = door.ask.get("/f/newsletter").text
    assert '<html lang="he" dir="rtl">' in shown
    assert "Send me the course" in shown
