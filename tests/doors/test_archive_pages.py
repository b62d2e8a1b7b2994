"""What can everybody read of the issues that went out?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest
from door import Door
from house import NOW, House, small_course
from newsletters import an_issue, newsletter, schedule

from sequencer.core.model import Image, ImageKind
from sequencer.flows import issues
from sequencer.store import images
from sequencer.store.database import Database

ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def archive(sqlite_db: Database) -> Iterator[Door]:
    """A door whose newsletter has two issues that went out, one that was called off, and one that is to come."""
    house = House(sqlite_db)
    house.publish(small_course())
    issues.publish(house.db, newsletter(), now=NOW)
    for key in ("first", "second", "off"):
        schedule(house, an_issue(key))
    issues.cancel(house.db, "off", now=NOW)
    schedule(house, an_issue("later"), at=datetime(2099, 1, 1, 9))  # noqa: DTZ001
    with Door(house).open() as opened:
        yield opened


def test_the_archive_lists_what_went_out_the_newest_first(archive: Door) -> None:
    page = archive.ask.get("/archive")
    assert page.status_code == 200
    assert page.text.index("Issue second") < page.text.index("Issue first")
    assert "Issue off" not in page.text
    assert "Issue later" not in page.text
    assert 'rel="alternate" type="application/atom+xml"' in page.text
    assert "noindex" not in str(page.headers)


def test_an_issue_is_read_by_everybody_without_anything_of_a_person(archive: Door) -> None:
    page = archive.ask.get("/archive/1-first")
    assert "Words of lesson 1 for you" in page.text
    assert 'href="https://mail.example.org/archive">All issues</a>' in page.text
    assert "/u/" not in page.text
    assert "/p/" not in page.text
    assert " style=" not in page.text


@pytest.mark.parametrize("path", ["/archive/3-off", "/archive/4-later", "/archive/99-x", "/archive?page=2"])
def test_what_did_not_go_out_is_not_there(archive: Door, path: str) -> None:
    assert archive.ask.get(path).status_code == 404


def test_the_feed_tells_of_each_issue_by_an_id_that_stays(archive: Door) -> None:
    page = archive.ask.get("/archive/feed.xml")
    assert page.headers["content-type"].startswith("application/atom+xml")
    feed = ET.fromstring(page.text.encode())  # noqa: S314 (our own)
    ids = [one.text for one in feed.findall("a:entry/a:id", ATOM)]
    assert [str(one).rpartition("/")[2] for one in ids] == ["2-second", "1-first"]
    assert feed.findtext("a:updated", namespaces=ATOM) == "2026-03-02T07:00:00Z"
    assert "Words of lesson 1" in str(feed.findtext("a:entry/a:content", namespaces=ATOM))


BODY = """\
{% if subscriber.name %}Dear {{ subscriber.name }},{% else %}Dear reader,{% endif %}

The [tide table](https://example.org/t?a=1&b=2), [an older issue](/archive/1-first), [leave]({{ links.unsubscribe }}).

![A lamp on a pier](lamp.png "The lamp & the pier")

![A boat](https://example.org/boat.png) lies beside it, and `1 < 2 & "so"`.

::: exercise Watch one tide
- [ ] Take a chair.
:::

::: tip
Tides turn twice a day.
:::

::: question
What did the water leave?
:::

::: button
[See the tides](https://example.org/tides)
:::

::: tomorrow
The moon, for {{ subscriber.name or "everybody" }}.
:::
"""


def entry(feed: bytes) -> tuple[ET.Element, str]:
    """The newest entry of a feed, and its words as XML: whatever is not well-formed raises."""
    (newest, *_) = ET.fromstring(feed).findall("a:entry", ATOM)  # noqa: S314 (our own)
    content = newest.find("a:content", ATOM)
    assert content is not None
    assert content.get("type") == "html"
    return newest, str(content.text)


@pytest.fixture
def words(archive: Door) -> tuple[ET.Element, str]:
    """What the feed tells of an issue that holds everything."""
    lamp = Image(to="lamp.png", digest="0" * 64, kind=ImageKind.PNG, width=800, height=600)
    issue = an_issue("tides", subject='Tides & "currents"', preheader="For {{ subscriber.name or 'you' }}", body=BODY)
    given = replace(issue.lessons[0], images=(lamp,))
    with archive.house.db.begin() as tx:
        images.keep(tx, lamp, b"x")
    schedule(archive.house, replace(issue, lessons=(given,)))
    return entry(archive.ask.get("/archive/feed.xml").content)


def test_the_feed_tells_an_issue_in_plain_html_without_a_mails_dress(words: tuple[ET.Element, str]) -> None:
    newest, html = words
    body = ET.fromstring(f"<body>{html.replace('<hr>', '<hr/>')}</body>")  # noqa: S314 (our own)
    assert {one.tag for one in body.iter()} == {
        "body", "p", "a", "figure", "img", "figcaption", "code", "blockquote", "strong", "ul", "li", "hr",
    }  # fmt: skip
    allowed = {"href", "src", "alt", "width", "height"}
    assert {name for one in body.iter() for name in one.keys()} <= allowed  # noqa: SIM118 (an element's attributes)
    assert newest.findtext("a:title", namespaces=ATOM) == 'Tides & "currents"'
    assert newest.findtext("a:summary", namespaces=ATOM) == "For you"


def test_boxes_captions_and_buttons_keep_their_words_in_the_feed(words: tuple[ET.Element, str]) -> None:
    body = ET.fromstring(f"<body>{words[1].replace('<hr>', '<hr/>')}</body>")  # noqa: S314 (our own)
    quoted = [" ".join("".join(one.itertext()).split()) for one in body.iter("blockquote")]
    assert quoted == [
        "Exercise: Watch one tide ☐ Take a chair.",
        "Tip Tides turn twice a day.",
        "A question to keep What did the water leave?",
    ]
    assert [one.text for one in body.iter("figcaption")] == ["The lamp & the pier"]
    assert [one.get("alt") for one in body.iter("img")] == ["A lamp on a pier", "A boat"]
    assert "Coming next" in words[1]


def test_every_address_in_the_feed_leads_somewhere_from_anywhere(words: tuple[ET.Element, str]) -> None:
    body = ET.fromstring(f"<body>{words[1].replace('<hr>', '<hr/>')}</body>")  # noqa: S314 (our own)
    assert [one.get("href") for one in body.iter("a")] == [
        "https://example.org/t?a=1&b=2",
        "https://mail.example.org/archive/1-first",
        "https://example.org/tides",
    ]
    sources = [str(one.get("src")) for one in body.iter("img")]
    assert sources[0].startswith("https://mail.example.org/i/")
    assert sources[1] == "https://example.org/boat.png"


def test_the_feed_speaks_to_somebody_of_whom_nothing_is_known(words: tuple[ET.Element, str]) -> None:
    assert "Dear reader," in words[1]
    assert "The moon, for everybody." in words[1]
    assert ", leave." in words[1]
    assert "{{" not in words[1]
    assert "/u/" not in words[1]
    assert "/p/" not in words[1]


@pytest.mark.parametrize("path", ["/archive", "/archive/1-first", "/archive/feed.xml"])
def test_who_has_it_is_not_sent_it_again(archive: Door, path: str) -> None:
    page = archive.ask.get(path)
    for name, value in (("if-none-match", page.headers["etag"]), ("if-modified-since", page.headers["last-modified"])):
        again = archive.ask.get(path, headers={name: value})
        assert (again.status_code, again.text) == (304, "")
    assert archive.ask.get(path, headers={"if-none-match": '"other"'}).status_code == 200
