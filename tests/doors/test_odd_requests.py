"""Does anything that a stranger can put into a request break the door, on either kind of database?"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from types import MappingProxyType

import pytest
from door import Door
from house import FORM, NOW, House, small_course
from program import Program
from recorded import NO_CAPS

from sequencer.core.model import Consent
from sequencer.store import consents

NUL, HALF, LONG = "a\x00b", "\ud800", "x" * 5000
ODD = [NUL, LONG, "\u202egpj.exe", "\ufeff", "\U000e0041", "é" * 300, "\x1b[31m", "%00", "{{ 7*7 }}", "'; DROP TABLE x"]
FIELDS = (
    "name", "timezone", "language", "source_url", "current_url", "utm_source", "tag", "tags[]", "l", "next", "redirect",
    "callback", "c", "_t", "altcha", "sure", "_shape", "form", "lang", "fields[x]", "metadata__y", "consent",
)  # fmt: skip


@pytest.fixture
def door(house: House) -> Iterator[Door]:
    """A door that counts nobody, behind a proxy on this machine."""
    house.publish(small_course())
    with Door(house, signup_caps=NO_CAPS, trusted_proxies=(ip_network("127.0.0.0/8"),)).open() as opened:
        yield opened


def taken(house: House, email: str) -> Consent:
    """The consent of somebody who signed up."""
    with house.db.read() as tx:
        return consents.of(tx, house.person(email).id)[-1]


def test_no_value_of_any_field_breaks_anything(door: Door) -> None:
    for number, odd in enumerate(ODD):
        fields = {"email": f"reader-{number}@example.org", **dict.fromkeys(FIELDS, odd), odd: "x"}
        assert door.ask.post("/f/newsletter", data=fields).status_code < 500, odd
        assert door.ask.post("/f/newsletter", json=fields).status_code < 500, odd
        short = {name: value[:200] for name, value in fields.items()}
        assert door.ask.get("/f/newsletter", params=short).status_code < 500, odd
        plain = {"email": fields["email"], "name": "Rea", "utm_source": odd, "tag": odd, "wish": odd, "timezone": odd}
        assert door.ask.post("/f/newsletter", data=plain).status_code == 200, odd
        assert door.ask.post("/f/newsletter", data={"email": odd}).status_code == 400
        assert door.ask.post("/f/newsletter", json={"email": f"{odd}@example.org"}).status_code < 500


@pytest.mark.parametrize("odd", ["a%00b", "%ED%A0%80", "..%2f..%2fetc", "x" * 3000], ids=["nul", "half", "up", "long"])
def test_no_path_breaks_anything(door: Door, odd: str) -> None:
    for path in ("/f/{}", "/f/{}/embed", "/confirm/{}", "/notme/{}", "/u/{}", "/p/{}", "/c/{}", "/v/{}", "/i/{}",
                 "/static/{}", "/data/{}", "/certificate/{}", "/move/{}", "/back/{}", "/test/{}", "/{}",
                 "/subscribe/{}", "/forms/{}/subscriptions"):  # fmt: skip
        for method in ("GET", "POST"):
            answer = door.ask.request(method, path.format(odd))
            assert answer.status_code < 500, (method, path)


HOPS = [
    ("203.0.113.9", "203.0.113.9"),
    ("203.0.113.9:4711", "203.0.113.9"),
    ("[2001:db8:1:2::9]:4711", "2001:db8:1:2::9"),
    ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ("198.51.100.1, 203.0.113.9, 127.0.0.7", "203.0.113.9"),
    ("::ffff:203.0.113.9", "203.0.113.9"),
    ("2001:db8:1:2::9%" + "x" * 400, "2001:db8:1:2::9"),
    ("2001:db8:1:2::9%<b>eth0</b>", "2001:db8:1:2::9"),
    ("unknown", "127.0.0.1"),
    ("203.0.113.9, unknown", "127.0.0.1"),
    ("203.0.113.9, ,", "127.0.0.1"),
    ("evil, 999.1.1.1", "127.0.0.1"),
]


def test_a_visitor_is_the_nearest_hop_that_is_no_proxy_of_ours(door: Door) -> None:
    for number, (said, kept) in enumerate(HOPS):
        email = f"reader-{number}@example.org"
        answer = door.ask.post("/f/newsletter", data={"email": email}, headers={"x-forwarded-for": said})
        assert answer.status_code == 200
        assert taken(door.house, email).ip == kept


def test_what_stands_nearer_to_us_counts_though_it_came_in_lines_of_its_own(door: Door) -> None:
    lines = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9"), ("x-real-ip", "198.51.100.2"),
             ("forwarded", "for=198.51.100.3")]  # fmt: skip
    door.ask.post("/f/newsletter", data={"email": "rea@example.org"}, headers=[*lines, ("host", door.host)])
    assert taken(door.house, "rea@example.org").ip == "203.0.113.9"


def test_a_key_that_names_an_odd_address_of_the_internet_breaks_nothing(door: Door) -> None:
    with Program(door) as program:
        program.post("/subscribers", 202, email="rea@example.org", form="newsletter", ip="2001:db8:1:2::9%eth0")
        assert taken(door.house, "rea@example.org").ip == "2001:db8:1:2::9"
        for odd in ODD:
            body = {"email": "b@example.org", "form": "newsletter"}
            for field in ("ip", "name", "timezone", "source_url", "user_agent", "language", "form", "course", "proof"):
                answer = program.ask.post("/subscribers", json={**body, field: odd})
                assert answer.status_code < 500, (field, odd)
            for name in ("tag", "email", "course", "state", "cursor"):
                assert program.ask.get("/subscribers", params={name: odd}).status_code < 500, (name, odd)


def test_a_program_that_names_an_odd_address_of_the_internet_breaks_nothing(house: House) -> None:
    house.publish(small_course())
    form = replace(FORM, signature="header", secrets=("s" * 32,))
    with Door(house, forms=MappingProxyType({"newsletter": form})).open() as door:
        for number, odd in enumerate(["2001:db8:1:2::9%" + "x" * 400, *ODD]):
            body = {
                "email": f"b{number}@example.org",
                "ip": odd,
                "remote_ip": odd,
                "_remote_ip": odd,
                "user_agent": odd,
            }
            answer = door.ask.post("/f/newsletter", json=body, headers={"x-sequencer-secret": "s" * 32})
            assert answer.status_code == 200, answer.text
            assert len(taken(house, f"b{number}@example.org").ip) <= 45


def test_fields_that_come_twice_are_one_answer(door: Door) -> None:
    body = "email=rea%40example.org&email=der%40example.org&name=Rea&name=Der"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert door.ask.post("/f/newsletter", content=body, headers=kind).status_code == 200
    twice = '{"email": "ann@example.org", "email": "bob@example.org"}'
    assert (
        door.ask.post("/f/newsletter", content=twice, headers={"content-type": "application/json"}).status_code == 200
    )
    door.house.tick(NOW)
    assert [parcel.recipient for parcel in door.house.courier.sent] == ["rea@example.org", "bob@example.org"]


ADDRESSES = [
    ("Rea+Tag@Example.ORG", "rea+tag@example.org"),
    ("rea@xn--bcher-kva.example.org", "rea@bücher.example.org"),
    ("rea@BÜCHER.example.org", "rea@bücher.example.org"),
    ("jürgen@example.org", "jürgen@example.org"),
    ("ju\u0308rgen@example.org", "jürgen@example.org"),
    ("\u00a0rea@example.org\u2003", "rea@example.org"),
]


def test_one_mailbox_is_one_person_however_it_is_spelled(door: Door) -> None:
    for typed, known in ADDRESSES:
        assert door.ask.post("/f/newsletter", data={"email": typed}).status_code == 200
        assert door.house.person(known).address.normalized == known


NO_ADDRESSES = [
    "rea\u200b@example.org", "rea@exa\u200bmple.org", "rea@ex\u202eample.org", "rea@-x.org", "rea@127.0.0.1",
    "rea@[127.0.0.1]", "rea@localhost", "rea@xn--a.org", '"rea"@example.org', "rea@example.org\x00",
    "rea(hi)@example.org", "a" * 65 + "@example.org", "rea@" + "a." * 130 + "org",
]  # fmt: skip


def test_what_nobody_can_be_written_to_at_is_refused(door: Door) -> None:
    for typed in NO_ADDRESSES:
        assert door.ask.post("/f/newsletter", json={"email": typed}).status_code == 400, typed
        assert door.ask.post("/f/newsletter", data={"email": typed}).status_code == 400, typed
