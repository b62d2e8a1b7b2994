"""Which pages are there, and how does a person come to each? A new page is one line of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
from browser.town import (
    ARABIC,
    ASKED,
    CONFIRMS,
    FIRST_ISSUE,
    GRADUATE,
    INVITED,
    LEFT,
    MOVED,
    MOVES,
    PAUSED,
    READER,
    REFUSED,
    RETURNED,
    STAYED,
    SUBSCRIBED,
    TWO,
    UNDECIDED,
)
from browser.visitor import Visitor

Way = Callable[[Visitor], None]
LESSON = "a lesson's own"


@dataclass(frozen=True, slots=True)
class Place:
    """A page: the template that it is made of, how to come to it, and the status of its answer."""

    template: str
    way: Way
    status: int = field(default=200, kw_only=True)
    says_more_without_scripts: bool = field(default=False, kw_only=True)


def _at(path: str) -> Way:
    """The page at an address of the service."""
    return lambda visitor: visitor.open(path)


def _by_mail(email: str, kind: str) -> Way:
    """The page behind the link of this kind in somebody's newest mail."""
    return lambda visitor: visitor.open(visitor.town.link(email, kind))


def _pressed(way: Way, button: str) -> Way:
    """The page after the button of another."""

    def go(visitor: Visitor) -> None:
        way(visitor)
        visitor.press(button)

    return go


def _filled(way: Way, label: str, words: str) -> Way:
    """Another page with a field filled in."""

    def go(visitor: Visitor) -> None:
        way(visitor)
        visitor.fill(label, words)

    return go


def _from_the_writers_page(visitor: Visitor) -> None:
    visitor.open(f"{visitor.town.site}/")
    visitor.fill("E-mail", ASKED)
    visitor.press("Sign up")


def _held_up_by_a_challenge(visitor: Visitor) -> None:
    # The script does not come: so the page stays as it is while the browser works.
    visitor.tab.route("**/challenge.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    visitor.open(f"{visitor.town.site}/guarded")
    visitor.fill("E-mail", ASKED)
    visitor.press("Sign up")


def _said_that_it_was_not_them(email: str) -> Way:
    """The page after "that was not me", pressed now or before."""

    def go(visitor: Visitor) -> None:
        link = visitor.town.link(email, "/notme/")
        httpx.post(link).raise_for_status()
        visitor.open(link)

    return go


def _too_late(visitor: Visitor) -> None:
    visitor.open(visitor.town.expired(ASKED))


def _while_the_database_is_locked(visitor: Visitor) -> None:
    form(visitor)
    visitor.fill("E-mail address", "late@example.org")
    with visitor.town.locked():
        visitor.press("Send me the course")


def _unfolded(way: Way) -> Way:
    """Another page with what is folded away in it shown."""

    def go(visitor: Visitor) -> None:
        way(visitor)
        visitor.tab.locator("summary").click()

    return go


def _erased(visitor: Visitor) -> None:
    _a_strangers_data(visitor)
    visitor.press("Erase …")
    visitor.press("Erase everything")


def _a_strangers_data(visitor: Visitor) -> None:
    visitor.open(visitor.town.stranger())


form = _at("/f/article")
letter = _at("/f/letter")
framed = _at("/f/framed/embed")
preferences = _by_mail(READER, "/p/")
course = _by_mail(READER, "/c/")
finished = _by_mail(GRADUATE, "/c/")

PAGES: Mapping[str, Place] = {
    "front page": Place("index.html", _at("/")),
    "form": Place("form.html", form),
    "form with an error": Place(
        "form.html",
        _pressed(_filled(form, "E-mail address", "reader@localhost"), "Send me the course"),
        status=400,
    ),
    "form with a choice in a frame": Place("form.html", framed),
    "form in a frame with an error": Place(
        "form.html",
        _pressed(_filled(framed, "E-mail address", "reader@localhost"), "Send me the course"),
        status=400,
    ),
    "form from right to left": Place("form.html", _at("/f/arabic")),
    "did you mean": Place(
        "meant.html", _pressed(_filled(form, "E-mail address", "reader@gmial.com"), "Send me the course")
    ),
    "one more press": Place("button.html", _at("/f/known?email=linked%40example.org")),
    "sent": Place("sent.html", _from_the_writers_page),
    "sent in a frame": Place("sent.html", _pressed(_filled(framed, "E-mail address", ASKED), "Send me the course")),
    "challenge": Place("challenge.html", _held_up_by_a_challenge, says_more_without_scripts=True),
    "confirm": Place("confirm.html", _by_mail(ASKED, "/confirm/")),
    "confirm too late": Place("expired.html", _too_late, status=400),
    "not me": Place("disown.html", _by_mail(ASKED, "/notme/")),
    "not me, by a reader": Place("disown.html", _by_mail(READER, "/notme/")),
    "not me, said": Place("disowned.html", _said_that_it_was_not_them(REFUSED)),
    "not me, taken back": Place(
        "reclaimed.html", _pressed(_said_that_it_was_not_them(UNDECIDED), "It was me after all")
    ),
    "confirmed": Place("confirmed.html", _pressed(_by_mail(CONFIRMS, "/confirm/"), "Yes, send me the course")),
    "lesson": Place(LESSON, _by_mail(READER, "/v/")),
    "preferences": Place("preferences.html", preferences),
    "preferences saved": Place("preferences.html", _pressed(_filled(preferences, "First name", "Rea"), "Save")),
    "preferences with an error": Place(
        "preferences.html",
        _pressed(_filled(preferences, "First name", "Rea\N{RIGHT-TO-LEFT OVERRIDE}"), "Save"),
        status=400,
    ),
    "preferences at the end": Place("preferences.html", _by_mail(GRADUATE, "/p/")),
    "preferences of who left": Place("preferences.html", _by_mail(LEFT, "/p/")),
    "course": Place("course.html", course),
    "course saved": Place("course.html", _pressed(course, "Save")),
    "course paused": Place("course.html", _pressed(_by_mail(PAUSED, "/c/"), "2 weeks")),
    "course finished": Place("finished.html", finished),
    "course of who left": Place("gone.html", _by_mail(LEFT, "/c/")),
    "certificate": Place("certificate.html", _pressed(finished, "With my name")),
    "certificate without a name": Place("certificate.html", _pressed(finished, "Without a name")),
    "preferences of two courses": Place("preferences.html", _by_mail(TWO, "/p/")),
    "preferences from right to left": Place("preferences.html", _by_mail(ARABIC, "/p/")),
    "preferences with a wrong address": Place(
        "preferences.html",
        _pressed(_filled(preferences, "New e-mail address", "reader@localhost"), "Send a mail there"),
        status=400,
    ),
    "leave": Place("leave.html", _by_mail(READER, "/u/")),
    "leave and say why": Place("leave.html", _unfolded(_by_mail(READER, "/u/"))),
    "leave one of two": Place("leave.html", _by_mail(TWO, "/u/")),
    "leave from right to left": Place("leave.html", _by_mail(ARABIC, "/u/")),
    "left": Place("left.html", _by_mail(LEFT, "/u/")),
    "come back": Place("return.html", _by_mail(LEFT, "/back/")),
    "came back": Place("returned.html", _by_mail(RETURNED, "/back/")),
    "another address": Place("move.html", _by_mail(f"new-{MOVES}", "/move/")),
    "moved": Place("moved.html", _by_mail(f"new-{MOVED}", "/move/")),
    "stay": Place("stay.html", _by_mail(MOVED, "/move/")),
    "stayed": Place("stayed.html", _by_mail(STAYED, "/move/")),
    "data": Place("data.html", _by_mail(READER, "/data/")),
    "erase": Place("erase.html", _pressed(_a_strangers_data, "Erase …")),
    "erased": Place("erased.html", _erased),
    "archive": Place("archive.html", _at("/archive")),
    "issue": Place(LESSON, _at(f"/archive/1-{FIRST_ISSUE}")),
    "issue of a reader": Place(LESSON, _by_mail(SUBSCRIBED, "/v/")),
    "form of the newsletter": Place("form.html", letter),
    "sent of the newsletter": Place(
        "sent.html", _pressed(_filled(letter, "E-mail address", INVITED), "Send me the newsletter")
    ),
    "confirm the newsletter": Place("confirm.html", _by_mail(INVITED, "/confirm/")),
    "confirmed the newsletter": Place(
        "confirmed.html", _pressed(_by_mail(INVITED, "/confirm/"), "Yes, send me the newsletter")
    ),
    "preferences of the newsletter": Place("preferences.html", _by_mail(SUBSCRIBED, "/p/")),
    "leave the newsletter": Place("leave.html", _by_mail(SUBSCRIBED, "/u/")),
    "test mail": Place("tried.html", _at("/test/u/anything")),
    "not found": Place("error.html", _at("/nowhere"), status=404),
    "forged link": Place("error.html", _at("/u/forged"), status=400),
    "forged confirmation": Place("error.html", _at("/confirm/forged"), status=400),
    "locked": Place("error.html", _while_the_database_is_locked, status=503),
}
