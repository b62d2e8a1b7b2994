"""What does an author see of a mail, in each of its shapes, for each kind of reader?"""

import re
from dataclasses import replace
from email import message_from_string, policy
from pathlib import Path

import httpx
import pytest
from door import ENVIRON, Page, served
from manuscripts import lessons, seen, write

from sequencer import settings as options
from sequencer.message import dkim
from sequencer.message.dkim import Signers
from sequencer.web import look as looks
from sequencer.web import preview
from sequencer.web.preview import Desk

SAMPLES = [one.key for one in looks.SAMPLES]


def test_the_first_page_lists_the_lessons(ask: httpx.Client) -> None:
    page = seen(ask, "/")
    assert page.text("h1") == ["Lessons"]
    assert lessons(page) == ["1 Subject 1 Theme 1", "2 Subject 2 Theme 2"]
    links = [tag["href"] for tag in page.all("a")][2:]
    assert links[:4] == ["/confirmation", "/reminder", "/lesson/1", "/lesson/2"]
    assert {"/farewell", "/move", "/access"} < set(links[4:])


def test_a_lesson_is_shown_as_html_as_text_and_as_what_travels(ask: httpx.Client) -> None:
    page = seen(ask, "/lesson/1")
    assert page.text("h1") == ["Subject 1"]
    (frame,) = page.all("iframe")
    assert "allow-scripts" not in frame["sandbox"]
    assert "Words of lesson 1 for Alex." in ask.get(frame["src"]).text
    assert "Words of lesson 2 for Alex." in seen(ask, "/lesson/2?shape=text").text("pre")[0]
    (source,) = seen(ask, "/lesson/2?shape=source").words["pre"]
    message = message_from_string(source, policy=policy.default)
    assert (message["Subject"], message["List-Unsubscribe-Post"]) == ("Subject 2", "List-Unsubscribe=One-Click")
    assert [part.get_content_type() for part in message.walk()][1:] == ["text/plain", "text/html"]
    assert seen(ask, "/lesson/1?shape=nonsense").all("iframe") == [frame]


def test_the_source_is_signed_where_the_settings_name_a_key(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(dkim.new_key(ed25519=False))
    settings = replace(options.load(None, ENVIRON), dkim_key=tmp_path / "key.pem")
    with served(preview.build(replace(desk, signers=Signers(settings)))) as url:
        source = Page(httpx.get(f"{url}/lesson/1?shape=source", timeout=30).text).words["pre"][0]
    assert source.startswith("DKIM-Signature: v=1; a=rsa-sha256")


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_lesson_is_read_as_anybody(ask: httpx.Client, sample: str) -> None:
    reader = next(one for one in looks.SAMPLES if one.key == sample)
    page = seen(ask, f"/lesson/1?reader={sample}")
    body = Page(ask.get(page.all("iframe")[0]["src"]).text)
    assert any(f"Words of lesson 1 for {reader.name or 'you'}." in words for words in body.text("p"))
    assert body.all("html")[0]["dir"] == ("rtl" if reader.language == "ar" else "ltr")
    assert "b" not in body.words
    for shape in ("text", "source"):
        assert reader.address.split("@")[0] in seen(ask, f"/lesson/1?shape={shape}&reader={sample}").text("pre")[0]
    assert [tag["href"] for tag in page.all("a") if "reader=" in tag["href"]] != []


def test_a_mail_is_dark_or_light_whatever_the_browser_prefers(ask: httpx.Client) -> None:
    (light,) = seen(ask, "/lesson/1").all("iframe")
    (dark,) = seen(ask, "/lesson/1?scheme=dark&width=desktop").all("iframe")
    assert (light["class"], dark["class"]) == ("body phone light", "body desktop dark")
    assert "@media (max-width: 0)" in ask.get(light["src"]).text
    assert "@media (min-width: 0)" in ask.get(dark["src"]).text
    assert "prefers-color-scheme" not in ask.get(light["src"]).text + ask.get(dark["src"]).text
    assert "prefers-color-scheme" in seen(ask, "/lesson/1?shape=source").text("pre")[0]


def test_the_choices_are_links_that_keep_each_other(ask: httpx.Client) -> None:
    page = seen(ask, "/lesson/1?reader=markup&scheme=dark")
    links = [tag["href"] for tag in page.all("a")]
    assert "/lesson/1?reader=markup&width=desktop&scheme=dark" in links
    assert "/lesson/2?reader=markup&scheme=dark" in links
    assert "/inbox?reader=markup&scheme=dark" in links
    assert len([tag for tag in page.all("a") if tag.get("aria-current") == "true"]) == 4
    for link in links:
        seen(ask, link)


def test_the_inbox_cuts_lines_off_as_phones_do(ask: httpx.Client, course: Path) -> None:
    write(course, 1, subject='"A subject of more words than any phone would ever show"', preheader=f'"{"Ah " * 60}"')
    page = seen(ask, "/inbox")
    second, first, _, asking = [words for words in page.text("li") if words.startswith("Ann Author")]
    assert asking.startswith("Ann Author Please confirm: A Small Course One press of a button")
    assert second.startswith("Ann Author 08:00 Subject 2 Preheader 2 A Small Course")
    found = re.fullmatch(r"Ann Author 08:00 (.*…) (Ah .*…)", first)
    assert found
    assert (found[1], len(found[1])) == ("A subject of more words than any phone…", 39)
    assert 88 <= len(found[2]) <= 90
    assert page.text("li")[-1] == "Lesson 1: 54 characters"
    assert "A subject of more words than any phone would ever show" in seen(ask, "/inbox?width=desktop").text("li")[-3]
    assert [tag["class"] for tag in seen(ask, "/inbox?scheme=dark").all("ol")] == ["plain inbox phone dark"]


@pytest.mark.parametrize(
    ("most", "level", "said"),
    [
        (0, "fine", r"\d\d KB of the 102 KB that Gmail shows\."),
        (95_000, "near", r"9\d KB: nearly too long\. Gmail cuts a mail off after 102 KB\."),
        (110_000, "over", r"1\d\d KB: Gmail cuts it off after 102 KB, and the links at its foot\."),
    ],
)
def test_the_size_stands_against_what_gmail_shows(
    ask: httpx.Client, course: Path, most: int, level: str, said: str
) -> None:
    there = len(ask.get("/lesson/1/body.html").content)
    write(course, 1, "\n" + "word " * ((most - there) // 5) + "\n")
    page = seen(ask, "/lesson/1")
    assert re.search(said, page.text("dd")[2])
    assert page.all("dd")[2]["class"] == f"heft {level}"
    (bar,) = page.all("progress")
    assert int(bar["value"]) <= int(bar["max"]) == 102_000
    assert bool(re.search(said, lessons(seen(ask, "/"))[0])) == (level != "fine")


@pytest.mark.parametrize(
    "path",
    ["/lesson/0", "/lesson/3", "/lesson/0/body.html", "/lesson/01", "/static/other.css", "/static/..%2fx", "/nowhere"],
)
def test_what_is_not_there_is_not_found(ask: httpx.Client, path: str) -> None:
    assert seen(ask, path, status=404).text("h1") == ["Page not found"]
