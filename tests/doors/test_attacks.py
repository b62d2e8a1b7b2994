"""What can a stranger do from outside: with forged links, other people's pages, smuggled headers and addresses?"""

import itertools
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import urlsplit

import pytest
from door import STREET, Door, Page
from house import DAY, EIGHT, FORM, NOW, SECRET, House, small_course
from sqlalchemy import select

from sequencer.core import tokens
from sequencer.core.model import SubscriberState
from sequencer.core.tokens import Purpose
from sequencer.store.database import Database
from sequencer.store.tables import metadata
from sequencer.web import access, leave, move, optin, person, remote

EMAIL, NEW = "reader@example.org", "new@example.com"
# What each kind of link is sealed for.
PURPOSES = {
    "confirm": Purpose.CONFIRM,
    "notme": Purpose.DISOWN,
    "u": Purpose.LEAVE,
    "back": Purpose.BACK,
    "p": Purpose.PREFERENCES,
    "v": Purpose.VIEW,
    "c": Purpose.REMOTE,
    "certificate": Purpose.CERTIFICATE,
    "move": Purpose.MOVE,
    "data": Purpose.DATA,
}
# Everything that is done by a link, by the route that does it.
ROUTES = [
    (method, route.path)
    for route in (
        *optin.routes(),
        *leave.routes(),
        *person.routes(),
        *move.routes(),
        *access.routes(),
        *remote.ROUTES,
    )
    for method in sorted((route.methods or set()) - {"HEAD"})
]
FIELDS = {
    "scope": "*", "course": "small", "weeks": "2", "email": NEW, "sure": "yes", "for_good": "yes", "name": "Mallory",
    "timezone": "Asia/Tokyo", "lesson": "1", "run": "0",
}  # fmt: skip


def everything(db: Database) -> Mapping[str, list[Mapping[str, Any]]]:
    """All rows of all tables."""
    with db.read() as tx:
        return {
            table.name: [dict(row) for row in tx.execute(select(table)).mappings()] for table in metadata.sorted_tables
        }


@pytest.fixture
def door(door: Door) -> Door:
    """Somebody is on a course and has had one lesson."""
    door.house.join(EMAIL, name="Rea")
    door.house.tick(EIGHT)
    door.now = EIGHT + timedelta(hours=1)
    return door


def path_to(route: str, token: str) -> str:
    """The route with a token in its place."""
    return route.replace("{token}", token)


# Forged tokens


def _forged(purpose: Purpose) -> Iterator[str]:
    good = tokens.seal(SECRET, purpose, 1)
    yield from (good[:-1] + ("A" if good[-1] != "A" else "Q"), good + "A", good[:-4], good[::-1], "", "A" * 44)
    yield tokens.seal("the secret of another installation, as long", purpose, 1)
    yield from (tokens.seal(SECRET, other, 1) for other in Purpose if other is not purpose)
    yield tokens.seal(SECRET, purpose, 1, expires_at=NOW)


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=[f"{method} {route}" for method, route in ROUTES])
def test_no_forged_token_opens_anything_or_changes_anything(door: Door, method: str, route: str) -> None:
    before = everything(door.house.db)
    for token in _forged(PURPOSES[route.split("/")[1]]):
        data = FIELDS if method == "POST" else None
        answer = door.ask.request(method, path_to(route, token), data=data, headers={"accept": "text/html"})
        assert answer.status_code in (400, 404), (token, answer.status_code)
        assert "Rea" not in answer.text
        assert EMAIL not in answer.text
    assert everything(door.house.db) == before


def test_every_kind_of_link_is_tried_here() -> None:
    assert {route.split("/")[1] for _, route in ROUTES} == set(PURPOSES)
    assert set(PURPOSES.values()) | {Purpose.FORM} == set(Purpose)


# Cross-site requests


CROSS_SITE = {
    "origin": "https://evil.example", "referer": "https://evil.example/", "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate", "accept": "text/html", "cookie": "session=1; remember=me",
}  # fmt: skip


def test_nothing_but_the_token_in_the_path_gives_anybody_a_right(door: Door) -> None:
    # There is no login and no cookie: what another site has a browser send holds nothing that ours would know.
    before = everything(door.house.db)
    for method, route in ROUTES:
        for token in ("", "me", EMAIL, "1"):
            data = FIELDS if method == "POST" else None
            answer = door.ask.request(method, path_to(route, token), data=data, headers=CROSS_SITE)
            assert answer.status_code in (400, 404, 405)
            assert "set-cookie" not in answer.headers
    assert everything(door.house.db) == before


def test_no_browser_is_told_that_another_site_may_read_a_page_of_somebodys_own(door: Door) -> None:
    for kind in ("u", "p", "v", "c"):
        answer = door.ask.get(door.link(EMAIL, kind), headers=CROSS_SITE)
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        asked = door.ask.options(
            door.link(EMAIL, kind), headers={**CROSS_SITE, "access-control-request-method": "POST"}
        )
        assert asked.status_code == 405
        assert not [name for name in asked.headers if name.startswith("access-control-")]


def test_a_page_of_somebodys_own_is_read_by_no_cache_and_listed_by_no_search_engine(door: Door) -> None:
    for kind in ("u", "p", "v", "c"):
        headers = door.ask.get(door.link(EMAIL, kind)).headers
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


# Redirects


AWAY = ("https://evil.example", "//evil.example", "\\\\evil.example", "/\\evil.example", "https:evil.example")


@pytest.mark.parametrize("to", AWAY)
def test_no_field_of_ours_leads_a_visitor_elsewhere(door: Door, to: str) -> None:
    link = door.link(EMAIL, "p")
    fields = dict.fromkeys(("next", "_next", "redirect", "redirect_to", "said", "return", "url", "thanks"), to)
    for act, more in (("pause", {"weeks": "1"}), ("resume", {}), ("leave", {"course": "small"}), ("data", {})):
        answer = door.ask.post(f"{link}/{act}", data={**fields, **more}, params=fields)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{link}?said=")
    for answer in (door.sign_up({**fields, "email": NEW}), door.ask.get("/f/newsletter", params=fields)):
        assert "location" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:443", "mail.example.org@evil.example"])
def test_what_a_request_says_of_our_name_is_in_no_answer(house: House, host: str) -> None:
    house.publish(small_course())
    with Door(house).open() as door:
        before, STREET.sites[host] = door.host, STREET.sites[door.host]
        for path in ("/", "/f/newsletter", "/f/newsletter/", "/static/../", "/nowhere", "/u/x/"):
            answer = door.ask.get(path, headers={"host": host, "x-forwarded-host": host, "forwarded": f"host={host}"})
            assert "evil.example" not in answer.text
            assert "location" not in answer.headers
        answer = door.ask.post("/f/newsletter", data={"email": EMAIL}, headers={"host": host})
        assert answer.status_code == 200
        house.tick(NOW)
        assert b"evil.example" not in house.courier.sent[-1].content
        del STREET.sites[host]
        assert door.host == before


def raw(door: Door, request: bytes) -> bytes:
    """What is answered to these bytes."""
    at = urlsplit(STREET.url)
    with socket.create_connection((at.hostname, at.port), timeout=20) as wire:
        wire.sendall(request.replace(b"HOST", door.host.encode()))
        return wire.recv(4096)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n", b"404"),
        (b"GET // HTTP/1.1\r\nHost: HOST\r\n\r\n", b"404"),
        (b"GET http://evil.example/f/newsletter HTTP/1.1\r\nHost: HOST\r\n\r\n", b"200"),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: HOST\r\nX: a\x00b\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", b"400"),
        (b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    ],
)
def test_requests_that_no_browser_makes_are_answered_or_refused(quiet_door: Door, line: bytes, status: bytes) -> None:
    answer = raw(quiet_door, line)
    assert answer.split(b" ")[1] == status
    assert b"evil.example" not in answer


def test_a_head_that_does_not_end_is_not_read_to_the_end(quiet_door: Door) -> None:
    at = urlsplit(STREET.url)
    with socket.create_connection((at.hostname, at.port), timeout=20) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: " + quiet_door.host.encode() + b"\r\nX: ")
        answer = b""
        try:
            for _ in range(1000):
                wire.sendall(b"a" * 10_000)
            answer = wire.recv(4096)
        except ConnectionError:
            answer = b"431"  # they hung up while we spoke
        assert b"431" in answer
    long = {"x": "a" * 60_000}
    assert quiet_door.ask.get("/f/newsletter", headers=long).status_code == 200
    body = {"email": "rea@example.org", "name": "Rea", "wish": "a" * 50_000}
    for _ in range(3):
        assert quiet_door.ask.post("/f/newsletter", data=body, headers=long).status_code == 200


# Requests that would be made from here


def test_no_address_that_a_visitor_gives_is_ever_asked_for_anything(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    connect, named = socket.socket.connect, socket.getaddrinfo
    ours = urlsplit(STREET.url).port

    def noted(self: socket.socket, to: Any) -> None:
        if not (isinstance(to, tuple) and to[1] == ours) and self.family is not socket.AF_UNIX:
            asked.append(to)
        connect(self, to)

    def noted_name(*words: Any, **more: Any) -> Any:
        if words[0] != "127.0.0.1":
            asked.append(words)
        return named(*words, **more)

    monkeypatch.setattr(socket.socket, "connect", noted)
    monkeypatch.setattr(socket, "getaddrinfo", noted_name)
    inside = "http://169.254.169.254/latest/meta-data/"
    fields = dict.fromkeys(("next", "url", "source_url", "page_url", "image", "callback", "webhook", "name"), inside)
    door.sign_up({**fields, "email": "a@[169.254.169.254]"})
    door.sign_up({**fields, "email": NEW}, referer=inside, origin="http://169.254.169.254")
    door.ask.post("/f/newsletter", json={"email": "b@example.com", **fields})
    link = door.link(EMAIL, "p")
    door.ask.post(link, data={"name": inside, "timezone": inside})
    door.ask.post(f"{link}/move", data={"email": "c@169.254.169.254"})
    door.house.tick(door.now)
    assert asked == []


# Headers of mails


SMUGGLED = ["Rea\r\nBcc: victim@example.org", "Rea\nBcc: victim@example.org", "Rea\rBcc: x", "Rea\x00", "Rea\x0bBcc: x",
            "Rea\u2028Bcc: victim@example.org", "=?utf-8?q?Rea=0D=0ABcc:_victim@example.org?="]  # fmt: skip


@pytest.mark.parametrize("name", SMUGGLED)
def test_no_name_becomes_a_header(house: House, name: str) -> None:
    lesson = replace(small_course().lessons[0], subject="For {{ subscriber.name }}")
    house.publish(replace(small_course(), lessons=(lesson,)))
    with Door(house).open() as door:
        door.sign_up({"email": EMAIL, "name": name})
        house.tick(NOW)
        if house.courier.sent:
            door.ask.post(door.link(EMAIL, "confirm"))
            door.now = EIGHT
            house.tick(EIGHT)
            door.ask.post(door.link(EMAIL, "p"), data={"name": name})
        house.tick(EIGHT + DAY)
    for parcel in house.courier.sent:
        found = message_from_bytes(parcel.content, policy=policy.default)
        assert parcel.recipient == EMAIL
        assert "Bcc" not in found
        assert "victim" not in str(found["To"])
        names = [line.partition(b":")[0] for line in parcel.content.partition(b"\r\n\r\n")[0].split(b"\r\n")]
        assert not any(one.lower() == b"bcc" for one in names)


TWO = ["a@example.org\r\nBcc: b@example.org", "a@example.org%0d%0aBcc:b@example.org", "a@example.org,b@example.org",
       '"a\r\n"@example.org', "<a@example.org>, b@example.org", "a@example.org\x00b@example.org"]  # fmt: skip


@pytest.mark.parametrize("address", TWO)
def test_no_address_becomes_two_or_a_header(door: Door, address: str) -> None:
    before = len(door.house.courier.sent)
    door.sign_up({"email": address})
    door.ask.post(f"{door.link(EMAIL, 'p')}/move", data={"email": address})
    door.house.tick(door.now)
    assert {parcel.recipient for parcel in door.house.courier.sent[before:]} <= {EMAIL}


def test_no_value_of_a_request_becomes_a_header_of_an_answer(quiet_door: Door) -> None:
    smuggled = "x%0d%0aSet-Cookie:%20a=b"
    for path in (f"/f/newsletter?next={smuggled}", f"/{smuggled}", f"/u/{smuggled}", f"/f/{smuggled}",
                 f"/f/newsletter?c={smuggled}&email=a%40example.org"):  # fmt: skip
        answer = quiet_door.ask.get(path)
        assert "set-cookie" not in answer.headers
        assert "a=b" not in " ".join(itertools.chain(answer.headers.keys(), answer.headers.values()))


# Words that would be markup


def test_no_word_of_a_visitor_is_markup_in_a_page_of_ours(door: Door) -> None:
    words = "\"><script>alert(1)</script><b x='"
    link = door.link(EMAIL, "p")
    answers = [
        door.ask.post(link, data={"name": words}),
        door.ask.post(f"{link}/move", data={"email": words}),
        door.sign_up({"email": words, "name": words, "other": words}),
        door.ask.get(f"/f/newsletter?name={words}"),
        door.ask.post(door.link(EMAIL, "u"), data={"scope": words, "reason": words, "words": words}),
    ]
    for answer in answers:
        page = Page(answer.text)
        assert page.all("script") == page.all("b") == []
    assert door.house.person(EMAIL).state is SubscriberState.LEFT


def test_pages_may_be_framed_by_nobody_but_where_a_form_names_the_site(house: House) -> None:
    house.publish(small_course())
    site = "https://www.example.org"
    forms = {"newsletter": replace(FORM, embed=(site,))}
    with Door(house, forms=forms).open() as door:
        door.house.join(EMAIL)
        door.house.tick(EIGHT)
        door.now = EIGHT
        framed = door.ask.get("/f/newsletter/embed").headers["content-security-policy"]
        assert framed.endswith(f"frame-ancestors {site}")
        links = [door.link(EMAIL, kind) for kind in ("u", "p", "v", "c", "confirm", "notme")]
        for path in (*links, "/", "/f/newsletter", "/nowhere", "/static/site.css", "/healthz"):
            said = door.ask.get(path).headers["content-security-policy"]
            assert said.endswith("frame-ancestors 'none'"), path
            # Nor does it help to put the word behind an address.
            assert door.ask.get(f"{path}/embed").headers["content-security-policy"].count(site) == (
                path == "/f/newsletter"
            )
