"""Which sites may show our sign-up page in a frame, and does all of it happen within?"""

from dataclasses import replace

import httpx
import pytest
from door import Door, Page
from house import FORM, NOW, House, small_course

from sequencer.forms import Challenge, Form, Signature
from sequencer.store.database import Database
from sequencer.web import snippets

EMAIL = "reader@example.org"
SITES = ("https://www.example.org", "https://essays.example.com:8443")
NAVIGATION = {"accept": "text/html,*/*;q=0.8"}
EMBED = "/f/newsletter/embed"


def opened(db: Database, **changes: object) -> Door:
    """A door with a form that two sites may frame."""
    house = House(db)
    for slug in ("small", "other"):
        house.publish(small_course(slug=slug, title=f"The {slug} course"))
    form = replace(FORM, **{"embed": SITES, "next": ("https://www.example.org/thanks",), **changes})  # type: ignore[arg-type]
    return Door(house, forms={"newsletter": form, "plain": Form(key="plain", course="small")})


def framers(answer: httpx.Response) -> str:
    """Who may frame it."""
    (policy,) = answer.headers.get_list("content-security-policy")
    return policy.partition("frame-ancestors ")[2]


def test_only_pages_made_for_a_frame_may_be_framed_and_only_by_the_sites_that_are_named(sqlite_db: Database) -> None:
    with opened(sqlite_db).open() as door:
        assert framers(door.ask.get(EMBED)) == " ".join(SITES)
        for path in ("/", "/f/newsletter", "/f/plain", "/p/x", "/u/x", "/nowhere", "/static/site.css", "/healthz"):
            assert framers(door.ask.get(path)) == "'none'", path
        assert framers(door.sign_up({"email": EMAIL}, **NAVIGATION)) == "'none'"


def test_a_form_that_names_no_site_has_no_such_page(sqlite_db: Database) -> None:
    with opened(sqlite_db).open() as door:
        for answer in (door.ask.get("/f/plain/embed"), door.ask.post("/f/plain/embed", data={"email": EMAIL})):
            assert (answer.status_code, framers(answer)) == (404, "'none'")
        assert door.ask.get("/f/nowhere/embed").status_code == 404
        assert door.house.tick(NOW).accepted == 0


def test_all_that_follows_stays_within_the_frame(sqlite_db: Database) -> None:
    with opened(sqlite_db, thanks="https://www.example.org/thanks").open() as door:
        seen = {
            "form": door.ask.get(EMBED),
            "error": door.ask.post(EMBED, data={"email": "x"}, headers=NAVIGATION),
            "meant": door.ask.post(EMBED, data={"email": "reader@gmial.com"}, headers=NAVIGATION),
            "sent": door.ask.post(
                EMBED, data={"email": EMAIL, "next": "https://www.example.org/thanks"}, headers=NAVIGATION
            ),
            "too large": door.ask.post(EMBED, data={"email": "x" * 100_000}, headers=NAVIGATION),
        }
        # Outside of a frame the same form leads on.
        assert (
            door.sign_up({"email": "b@example.org"}, **NAVIGATION).headers["location"]
            == "https://www.example.org/thanks"
        )
    statuses = {name: answer.status_code for name, answer in seen.items()}
    assert statuses == {"form": 200, "error": 400, "meant": 200, "sent": 200, "too large": 413}
    for name, answer in seen.items():
        assert framers(answer) == " ".join(SITES), name
        page = Page(answer.text)
        assert {form["action"] for form in page.all("form")} <= {EMBED}, name
        assert page.all("a") == page.all("header") == [], name
        assert "location" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert "form-action 'self';" in answer.headers["content-security-policy"]
    assert Page(seen["sent"].text).text("h1") == ["Look in your inbox"]
    assert door.house.tick(NOW).accepted == 2


def test_a_challenge_is_met_within_the_frame(sqlite_db: Database) -> None:
    with opened(sqlite_db, challenge=Challenge.ALWAYS).open() as door:
        answer = door.ask.post(EMBED, data={"email": EMAIL}, headers=NAVIGATION)
        assert framers(answer) == " ".join(SITES)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert {form["action"] for form in Page(answer.text).all("form")} == {EMBED}
        outside = door.sign_up({"email": EMAIL}, **NAVIGATION)
        assert framers(outside) == "'none'"
        assert {form["action"] for form in Page(outside.text).all("form")} == {"/f/newsletter"}


def test_a_form_for_programs_has_no_page_in_a_frame(sqlite_db: Database) -> None:
    with opened(sqlite_db, signature=Signature.GITHUB, secrets=("s" * 32,)).open() as door:
        assert door.ask.get(EMBED).status_code == 404


def test_what_a_site_pastes_shows_that_page(sqlite_db: Database) -> None:
    with opened(sqlite_db).open() as door:
        form = door.settings.forms["newsletter"]
        (frame,) = Page(snippets.framed(form, "", "Sign up")).all("iframe")
        assert door.ask.get(frame["src"]).status_code == 200
        assert frame["title"] == "Sign up"


# Courses to choose from


def test_a_form_of_several_courses_lets_the_visitor_choose(sqlite_db: Database) -> None:
    lists = (("7", "other"), ("unpublished", "nowhere"))
    with opened(sqlite_db, lists=lists).open() as door:
        for path in ("/f/newsletter", EMBED):
            page = Page(door.ask.get(path).text)
            offered = {tag["value"]: "checked" in tag for tag in page.all("input") if tag["name"] == "tag"}
            assert offered == {"": True, "7": False}
        assert [words for words in page.text("label") if words.startswith("The ")] == [
            "The small course",
            "The other course",
        ]
        answer = door.sign_up({"email": EMAIL, "tag": "7"}, **NAVIGATION)
        assert "“The other course”" in answer.text
        refused = Page(door.sign_up({"email": "x", "tag": "7", "MMERGE3": "Bath"}, **NAVIGATION).text)
        fields = [(tag["name"], tag.get("value", ""), "checked" in tag) for tag in refused.all("input")]
        assert [field for field in fields if field[0] == "tag"] == [("tag", "", False), ("tag", "7", True)]
        assert ("MMERGE3", "Bath", False) in fields


@pytest.mark.parametrize("lists", [(), (("7", "small"), ("8", "small"))])
def test_where_there_is_one_course_there_is_nothing_to_choose(
    sqlite_db: Database, lists: tuple[tuple[str, str], ...]
) -> None:
    with opened(sqlite_db, lists=lists).open() as door:
        assert "tag" not in {tag["name"] for tag in Page(door.ask.get("/f/newsletter").text).all("input")}


def test_the_form_leads_on_where_it_may(sqlite_db: Database) -> None:
    # Chromium holds a form to the policy of its page also where it is led elsewhere by the answer.
    with opened(sqlite_db, thanks="https://thanks.example.net/a?b").open() as door:
        policy = door.ask.get("/f/newsletter").headers["content-security-policy"]
        assert "form-action 'self' https://www.example.org https://thanks.example.net;" in policy
        assert "form-action 'self';" in door.ask.get("/f/plain").headers["content-security-policy"]
