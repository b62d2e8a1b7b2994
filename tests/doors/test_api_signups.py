"""Does a program that signs people up count like a form does, though it is trusted?"""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from door import Door
from house import NOW, SECRET, House, small_course
from program import Program, problem

from sequencer.core import abuse
from sequencer.core.abuse import Kind
from sequencer.core.model import Delivery
from sequencer.forms import USUAL_CAPS
from sequencer.store import deliveries, door

CAPS = {**USUAL_CAPS, "form": 1, "institution": 5}


@pytest.fixture
def strict(house: House) -> Iterator[Door]:
    """A door at which few are usual."""
    house.publish(small_course())
    with Door(house, signup_caps=CAPS).open() as opened:
        yield opened


def asked(house: House, kind: Kind, name: str) -> tuple[int, int]:
    """How often that was asked for, and how many confirmed."""
    subject = abuse.subject(kind, name, SECRET)
    with house.db.read() as tx:
        found = door.uses(tx, [subject], now=NOW).get(subject, ())
    return sum(one.asked for one in found), sum(one.confirmed for one in found)


def mails(house: House) -> list[Delivery]:
    with house.db.read() as tx:
        return list(deliveries.listed(tx))


def test_a_sign_up_by_a_key_is_counted_by_form_mailbox_and_domain(house: House, strict: Door) -> None:
    with Program(strict) as program:
        program.post("/subscribers", 202, email="rea@example.org", form="newsletter", ip="192.0.2.7")
        program.post("/subscribers", 202, email="rea@example.org", form="newsletter")
    named = {Kind.FORM: "newsletter", Kind.TAKEN: "newsletter", Kind.ADDRESS: "rea@example.org", Kind.ALL: ""}
    assert {kind: asked(house, kind, name) for kind, name in named.items()} == dict.fromkeys(named, (2, 0))
    assert asked(house, Kind.DOMAIN, "example.org") == (2, 0)
    assert asked(house, Kind.IP, "192.0.2.7") == (1, 0)
    assert len(mails(house)) == 1
    house.tick(NOW)
    house.confirm("rea@example.org")
    assert asked(house, Kind.TAKEN, "newsletter") == (2, 1)


def test_a_key_is_never_sent_to_work_and_far_beyond_a_cap_it_has_to_wait(house: House, strict: Door) -> None:
    with Program(strict) as program:
        for number in range(10):
            program.post("/subscribers", 202, email=f"reader-{number}@example.org", form="newsletter")
        body = {"email": "late@example.org", "form": "newsletter"}
        refused = program.ask.post("/subscribers", json=body)
        problem(refused, 429, "too-many")
        assert refused.headers["retry-after"] == "3600"
        assert len(mails(house)) == 10
        strict.now = NOW + timedelta(hours=1)
        program.post("/subscribers", 202, **body)
        assert len(mails(house)) == 11


def test_what_was_refused_may_come_again_by_the_same_name(house: House, strict: Door) -> None:
    with Program(strict) as program:
        for number in range(10):
            program.post("/subscribers", 202, email=f"reader-{number}@example.org", form="newsletter")
        body = {"email": "late@example.org", "form": "newsletter"}
        name = {"idempotency-key": "order-1"}
        assert program.ask.post("/subscribers", json=body, headers=name).status_code == 429
        strict.now = NOW + timedelta(hours=1)
        assert [program.ask.post("/subscribers", json=body, headers=name).status_code for _ in range(2)] == [202, 202]
    assert asked(house, Kind.ADDRESS, "late@example.org") == (1, 0)


def test_a_sudden_crowd_is_asked_little_by_little(house: House) -> None:
    house.publish(small_course())
    with Door(house, signup_caps={**USUAL_CAPS, "institution": 5}).open() as opened, Program(opened) as program:
        answers = {
            program.ask.post("/subscribers", json={"email": f"a@office-{number}.gov", "form": "newsletter"}).text
            for number in range(12)
        }
    assert len(answers) == 1
    for hours, sent in ((0, 5), (2, 10), (4, 12)):
        house.tick(NOW + timedelta(hours=hours))
        assert len(house.courier.sent) == sent


def test_what_no_form_takes_no_key_brings(house: House, strict: Door) -> None:
    with Program(strict) as program:
        for body in (
            {"email": "rea@mailinator.com", "form": "newsletter"},
            {"email": "rea@example.org", "form": "newsletter", "name": "win at https://casino.example"},
        ):
            problem(program.ask.post("/subscribers", json=body), 422, "unusable")
        # There is nobody who could be asked whether they meant another domain.
        program.post("/subscribers", 202, email="rea@t-onlin.de", form="newsletter")
    assert len(mails(house)) == 1
