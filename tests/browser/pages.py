"""Which pages are there, and how does a person come to each? A new page is one line of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
from browser.town import ASKED, CONFIRMS, GRADUATE, LEFT, PAUSED, READER, REFUSED, UNDECIDED
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


form = _at("/f/article")
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
    "sent": Place("sent.html", _from_the_writers_page),
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
    "leave": Place("leave.html", _by_mail(READER, "/u/")),
    "left": Place("left.html", _pressed(_by_mail(LEFT, "/u/"), "Unsubscribe")),
    "test mail": Place("tried.html", _at("/test/u/anything")),
    "not found": Place("error.html", _at("/nowhere"), status=404),
    "forged link": Place("error.html", _at("/u/forged"), status=400),
    "forged confirmation": Place("error.html", _at("/confirm/forged"), status=400),
    "locked": Place("error.html", _while_the_database_is_locked, status=503),
}
