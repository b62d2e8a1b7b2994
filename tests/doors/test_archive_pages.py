"""What can everybody read of the issues that went out?"""

from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest
from door import Door
from house import NOW, House, small_course
from newsletters import an_issue, newsletter, schedule

from sequencer.flows import issues
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


@pytest.mark.parametrize("path", ["/archive", "/archive/1-first", "/archive/feed.xml"])
def test_who_has_it_is_not_sent_it_again(archive: Door, path: str) -> None:
    page = archive.ask.get(path)
    for name, value in (("if-none-match", page.headers["etag"]), ("if-modified-since", page.headers["last-modified"])):
        again = archive.ask.get(path, headers={name: value})
        assert (again.status_code, again.text) == (304, "")
    assert archive.ask.get(path, headers={"if-none-match": '"other"'}).status_code == 200
