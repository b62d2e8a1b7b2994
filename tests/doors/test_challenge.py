"""Does a browser have to show that a person is in front of it, and does that count once only?"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape

import altcha
import httpx
import pytest
from door import Door, Page
from house import FORM, NOW, House, small_course
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core.model import SubscriberState
from sequencer.flows import report
from sequencer.forms import Challenge
from sequencer.store import subscribers
from sequencer.store.database import Database
from sequencer.web import challenge

EMAIL = "reader@example.org"


@pytest.fixture
def wary_door(db: Database) -> Iterator[Door]:
    """A door whose form always asks for work."""
    house = House(db)
    house.publish(small_course())
    forms = {"newsletter": replace(FORM, challenge=Challenge.ALWAYS)}
    with Door(house, forms=forms).open() as opened:
        yield opened


def known(door: Door) -> int:
    with door.house.db.read() as tx:
        return len(subscribers.listed(tx))


def solved(page: str) -> str:
    """What the script of the page would find."""
    found = re.search(r'data-challenge="([^"]*)"', page)
    assert found is not None
    made = altcha.Challenge.from_dict(json.loads(unescape(found[1])))
    return altcha.Payload(made, altcha.solve_challenge(made)).to_base64()


def posted_again(page: httpx.Response, payload: str) -> dict[str, str]:
    """The fields that the script posts."""
    inputs = [values for tag, values in Page(page.text).tags if tag == "input"]
    fields = {one["name"]: one.get("value", "") for one in inputs}
    assert fields["altcha"] == ""
    return {**fields, "altcha": payload}


def test_nothing_is_sent_before_the_browser_has_worked_and_then_all_goes_on(wary_door: Door) -> None:
    first = wary_door.sign_up({"email": EMAIL, "name": "Rea", "timezone": "Asia/Tokyo"})
    assert first.status_code == 200
    assert "One moment" in first.text
    assert "script-src 'self'" in first.headers["content-security-policy"]
    assert known(wary_door) == 0
    again = wary_door.sign_up(posted_again(first, solved(first.text)))
    assert again.status_code == 200
    assert "One moment" not in again.text
    why = report.why(wary_door.house.db, wary_door.house.person(EMAIL).address, now=wary_door.now)
    assert [(one.name, one.timezone) for one in why.consents] == [("Rea", "Asia/Tokyo")]
    assert wary_door.house.person(EMAIL).state is SubscriberState.PENDING


def test_one_solution_is_good_for_one_sign_up(wary_door: Door) -> None:
    page = wary_door.sign_up({"email": EMAIL})
    payload = solved(page.text)
    wary_door.sign_up(posted_again(page, payload))
    other = wary_door.sign_up({"email": "victim@example.org", "altcha": payload})
    assert "One moment" in other.text
    assert known(wary_door) == 1


def test_the_same_solution_written_differently_is_the_same(wary_door: Door) -> None:
    payload = solved(wary_door.sign_up({"email": EMAIL}).text)
    spaced = base64.b64encode(json.dumps(json.loads(base64.b64decode(payload)), indent=2).encode()).decode()
    secret = wary_door.settings.secret_key
    assert challenge.solution(secret, payload, now=NOW) == challenge.solution(secret, spaced, now=NOW) != ""


def test_what_is_forged_or_changed_is_no_solution(wary_door: Door) -> None:
    page = wary_door.sign_up({"email": EMAIL})
    said = json.loads(base64.b64decode(solved(page.text)))

    def accepted(changed: dict[str, object]) -> bool:
        payload = base64.b64encode(json.dumps(changed).encode()).decode()
        return challenge.solution(wary_door.settings.secret_key, payload, now=NOW) != ""

    assert accepted(said)
    cheap = {**said["challenge"], "parameters": {**said["challenge"]["parameters"], "cost": 1}}
    assert not accepted({**said, "challenge": cheap})
    assert not accepted({**said, "challenge": {**said["challenge"], "signature": None}})
    assert not accepted({**said, "solution": {**said["solution"], "counter": said["solution"]["counter"] + 1}})
    later = {**said["challenge"], "parameters": {**said["challenge"]["parameters"], "data": {"until": 10**12}}}
    assert not accepted({**said, "challenge": later})
    assert challenge.solution("another secret", base64.b64encode(json.dumps(said).encode()).decode(), now=NOW) == ""


@given(
    st.text()
    | st.binary().map(lambda raw: base64.b64encode(raw).decode())
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(
                    [
                        "challenge",
                        "solution",
                        "parameters",
                        "signature",
                        "counter",
                        "nonce",
                        "salt",
                        "derivedKey",
                        "cost",
                        "keyLength",
                        "keyPrefix",
                        "algorithm",
                        "expiresAt",
                    ]
                ),
                inner,
            )
            | st.lists(inner)
        ),
    ).map(lambda made: base64.b64encode(json.dumps(made).encode()).decode())
)
def test_no_payload_whatever_is_more_than_a_wrong_one(payload: str) -> None:
    assert challenge.solution("the secret", payload, now=NOW) == ""


def test_a_program_that_gets_a_challenge_is_told_so(wary_door: Door) -> None:
    answer = wary_door.ask.post("/f/newsletter", json={"email": EMAIL}, headers={"accept": "application/json"})
    assert answer.status_code in (400, 403)
    assert "error" in answer.json()
    assert known(wary_door) == 0


def test_the_script_is_ours_and_nothing_else_is_served_as_one(sqlite_door: Door) -> None:
    script = sqlite_door.ask.get("/static/challenge.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert sqlite_door.ask.get("/static/base.html").status_code == 404


def test_too_many_from_one_network_are_told_to_come_later(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    with Door(house, signup_caps={"ip": 1}).open() as door:
        for number in range(10):
            assert door.sign_up({"email": f"reader-{number}@example.org"}).status_code == 200
        answer = door.sign_up({"email": EMAIL})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) <= timedelta(hours=1).total_seconds()
        assert "too many sign-ups" in answer.text
        assert known(door) == 1
