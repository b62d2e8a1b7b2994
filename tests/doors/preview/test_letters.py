"""Does an author see the mails that are no lessons, and a lesson that lists others?"""

import re
from dataclasses import replace
from email import message_from_string, policy
from pathlib import Path

import httpx
from door import served
from manuscripts import COURSE, seen, write

from sequencer.content.templates import Templates
from sequencer.web import preview
from sequencer.web.preview import Desk


def test_the_confirmation_is_looked_at_like_a_lesson(ask: httpx.Client) -> None:
    page = seen(ask, "/confirmation")
    assert page.text("h1") == ["Please confirm: A Small Course"]
    (frame,) = page.all("iframe")
    assert "Please confirm that you want to receive" in ask.get(frame["src"]).text
    assert "Yes, send me the course:" in seen(ask, "/confirmation?shape=text").text("pre")[0]
    (source,) = seen(ask, "/confirmation?shape=source").words["pre"]
    message = message_from_string(source, policy=policy.default)
    assert (message["To"], message["Auto-Submitted"]) == ("alex@example.org", "auto-generated")
    assert message["List-Unsubscribe"] is None


def test_the_confirmation_is_dark_or_light_for_a_phone_or_a_desktop_and_for_anybody(ask: httpx.Client) -> None:
    (frame,) = seen(ask, "/confirmation?width=desktop&scheme=dark&reader=right-to-left").all("iframe")
    assert frame["class"] == "body desktop dark"
    html = ask.get(frame["src"]).text
    assert "@media (min-width: 0)" in html
    assert 'dir="rtl"' in html
    # Whoever typed a name into the form need not be who reads this mail.
    assert "ليلى" not in html


def test_so_is_the_mail_that_asks_once_more(ask: httpx.Client) -> None:
    page = seen(ask, "/reminder")
    assert page.text("h1") == ["Do you still want it? A Small Course"]
    (frame,) = page.all("iframe")
    assert "this is the last time that we ask" in ask.get(frame["src"]).text
    assert "this is the last time that we ask" in seen(ask, "/reminder?shape=text").text("pre")[0]


def test_each_mail_leads_to_the_one_before_and_the_one_after(ask: httpx.Client) -> None:
    def around(path: str) -> list[tuple[str, str]]:
        return [(tag["rel"], tag["href"]) for tag in seen(ask, path).all("a") if "rel" in tag]

    assert around("/confirmation") == [("next", "/reminder")]
    assert around("/reminder?scheme=dark") == [
        ("prev", "/confirmation?scheme=dark"),
        ("next", "/lesson/1?scheme=dark"),
    ]
    assert around("/lesson/2") == [("prev", "/lesson/1"), ("next", "/farewell-course")]
    assert around("/access") == [("prev", "/moved")]


def test_a_template_of_ones_own_is_shown_as_it_is_now(desk: Desk, tmp_path: Path) -> None:
    own = tmp_path / "templates"
    (own / "mail").mkdir(parents=True)
    (own / "mail" / "confirm.txt").write_text("Press: {{ links.confirm }}\n", encoding="utf-8")
    desk = replace(desk, templates=Templates(own, live=True), watched=(own, *desk.watched))
    with served(preview.build(desk)) as url, httpx.Client(base_url=url, timeout=30) as ask:
        assert re.match("Press: https://mail", seen(ask, "/confirmation?shape=text").text("pre")[0])
        (own / "mail" / "confirm.txt").write_text("Now press: {{ links.confirm }}\n", encoding="utf-8")
        assert re.match("Now press: https://mail", seen(ask, "/confirmation?shape=text").text("pre")[0])
        (own / "mail" / "confirm.txt").write_text("Press: {{ links.confrm }}\n", encoding="utf-8")
        assert any("confrm" in words for words in seen(ask, "/confirmation", 500).text("p"))
        assert ask.get("/confirmation/body.html").status_code == 500
        assert "Words of lesson 1" in ask.get("/lesson/1/body.html").text


def test_a_course_that_makes_digests_shows_a_lesson_as_one(ask: httpx.Client, course: Path) -> None:
    write(course, 3)
    assert "How it comes" not in [tag.get("aria-label") for tag in seen(ask, "/lesson/3").all("nav")]
    assert "While lessons rested" not in ask.get("/lesson/3/body.html?coming=rested").text
    (course / "course.toml").write_text(f'{COURSE}catch_up = "digest"\n', encoding="utf-8")
    assert "/lesson/3?coming=rested" in [tag["href"] for tag in seen(ask, "/lesson/3").all("a")]
    (frame,) = seen(ask, "/lesson/3?coming=rested").all("iframe")
    assert "Subject 1" in ask.get(frame["src"]).text
    assert "Subject 2" in ask.get(frame["src"]).text
    assert "Subject 1" not in ask.get("/lesson/3/body.html").text
