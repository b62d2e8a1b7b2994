"""Is a sign-up that goes straight to its form answered as if it had been looked up like any other request?"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

import httpx
import pytest
from door import THANKS, Door
from house import FORM, House, small_course
from recorded import NO_CAPS

from sequencer.store import consents
from sequencer.web import asgi

FORMS = {
    "newsletter": replace(FORM, next=(THANKS,)),
    "unpublished": replace(FORM, key="unpublished", course="none"),
    "strict": replace(FORM, key="strict", origins=("https://www.example.org",)),
}
PROGRAM = {"accept": "application/json"}
BROWSER = {"accept": "text/html", "accept-language": "en"}
FIELDS = {"email": "rea@example.org", "name": "Rea"}
CASES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "taken": ("newsletter", {"data": FIELDS}),
    "led on": ("newsletter", {"data": {**FIELDS, "next": THANKS}}),
    "as JSON": ("newsletter", {"json": FIELDS}),
    "a slip": ("newsletter", {"data": {"email": "rea@gmial.com"}}),
    "no address": ("newsletter", {"data": {"name": "Rea"}}),
    "no form at all": ("newsletter", {"content": b"\x00", "headers": {"content-type": "image/png"}}),
    "broken JSON": ("newsletter", {"content": b"{", "headers": {"content-type": "application/json"}}),
    "half a multipart": ("newsletter", {"content": b"--", "headers": {"content-type": "multipart/form-data"}}),
    "too much": ("newsletter", {"content": b"x" * 70_000, "headers": {"content-type": "text/plain"}}),
    "too many fields": (
        "newsletter",
        {"content": b"a=b&" * 201, "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ),
    "nothing": ("newsletter", {}),
    "from a page": ("strict", {"data": FIELDS, "headers": {"origin": "https://www.example.org"}}),
    "no such course": ("unpublished", {"data": FIELDS}),
    "no such form": ("other", {"data": FIELDS}),
}


@pytest.fixture
def door(house: House) -> Iterator[Door]:
    """A door with several forms."""
    house.publish(small_course())
    with Door(house, forms=MappingProxyType(FORMS), signup_caps=NO_CAPS).open() as opened:
        yield opened


def both(door: Door, path: str, said: Mapping[str, object], accept: Mapping[str, str]) -> list[httpx.Response]:
    """What is answered straight, and what by the site's table: there the same forms are below a root path."""
    site = asgi.build(door.app)

    async def ask(root: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=site, root_path=root, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://mail.example.org", headers=accept
        ) as client:
            return await client.post(f"{root}/f/{path}", **said)  # type: ignore[arg-type]

    async def story() -> list[httpx.Response]:
        return [await ask(""), await ask("/f")]

    return asyncio.run(story())


def test_the_straight_way_answers_to_the_byte_like_the_other(door: Door) -> None:
    for case, (path, said) in CASES.items():
        for accept in (BROWSER, PROGRAM, {}):
            straight, usual = both(door, path, said, accept)
            assert straight.status_code == usual.status_code, case
            assert straight.headers.raw == usual.headers.raw, case
            assert straight.content == usual.content, case


@pytest.mark.parametrize("accept", [BROWSER, PROGRAM], ids=["browser", "program"])
def test_what_nobody_has_thought_of_is_apologized_for_on_either_way(
    door: Door, accept: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    door.now = None  # type: ignore[assignment]
    straight, usual = both(door, "newsletter", {"data": FIELDS}, accept)
    assert straight.status_code == usual.status_code == 500
    assert "Something is wrong on our side." in straight.text
    assert (straight.headers.raw, straight.content) == (usual.headers.raw, usual.content)
    assert [one.getMessage() for one in caplog.records].count("request.failed") == 2


def test_who_comes_by_both_ways_is_asked_once(door: Door) -> None:
    both(door, "newsletter", {"data": FIELDS}, BROWSER)
    with door.house.db.read() as tx:
        assert len(consents.of(tx, door.house.person(FIELDS["email"]).id)) == 1
