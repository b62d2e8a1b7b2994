"""What becomes of many who sign up at once, of robots, and of those whom somebody else signs up?"""

import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from house import DAY, FORM, LONDON, NOW, SECRET, House, small_course

from sequencer.core import abuse
from sequencer.core.abuse import Accept, Challenge, Pretend, Refuse, Signals, Verdict
from sequencer.core.model import Delivery, DeliveryKind, SignupRequest, SuppressionReason
from sequencer.flows import signup
from sequencer.flows.signup import Door, Knock
from sequencer.forms import USUAL_CAPS
from sequencer.message import address
from sequencer.store import consents, deliveries, door, subscribers

DOOR = Door(caps=abuse.caps(USUAL_CAPS), secret=SECRET, zone=LONDON)
HOUR = timedelta(hours=1)


def knock(email: str, *, ip: str = "192.0.2.1", **signals: object) -> Knock:
    """Somebody fills in the form."""
    parsed = address.parse(email)
    request = SignupRequest(form=FORM.key, address=parsed, name="", timezone="", note="", source_url="", ip=ip)
    said = Signals(form=FORM.key, address=parsed.normalized, name="", ip=ip)
    return Knock(request=request, form=FORM, signals=said._replace(**signals))  # type: ignore[arg-type]


def take(house: House, knocks: Sequence[Knock], now: datetime = NOW) -> Sequence[Verdict]:
    return signup.take(house.db, knocks, DOOR, now=now)


def queued(house: House) -> Counter[str]:
    """How many mails wait or went out, by the person they are for."""
    with house.db.read() as tx:
        rows: Sequence[Delivery] = deliveries.listed(tx, limit=100_000)
        names = {person.id: person.address.normalized for person in subscribers.listed(tx, limit=100_000)}
    return Counter(names[row.subscriber_id] for row in rows if row.kind is not DeliveryKind.LESSON)


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


def test_many_are_taken_in_one_commit_and_each_is_asked(open_house: House) -> None:
    emails = [f"reader-{number}@example-{number % 7}.org" for number in range(40)]
    verdicts = take(open_house, [knock(email, ip=f"192.0.2.{at}") for at, email in enumerate(emails)])
    assert verdicts == [Accept()] * 40
    assert queued(open_house) == dict.fromkeys(emails, 1)
    with open_house.db.read() as tx:
        kept = [consents.of(tx, person.id) for person in subscribers.listed(tx)]
    assert all(len(one) == 1 and one[0].wording == FORM.consent and one[0].wording_version for one in kept)


def test_each_in_a_batch_gets_what_they_asked_for_and_nobody_elses(open_house: House) -> None:
    """The rows of a batch are made together, and must not change places."""
    emails = [f"{letter}@example.org" for letter in "hcafbgde"]
    knocks = [knock(email, ip=f"198.51.{at}.1") for at, email in enumerate(emails)]
    take(open_house, [one._replace(request=one.request._replace(name=one.signals.address)) for one in knocks])
    with open_house.db.read() as tx:
        for person in subscribers.listed(tx):
            (consent,) = consents.of(tx, person.id)
            assert consent.name == person.address.normalized
            (row,) = deliveries.of(tx, person.id)
            assert row.campaign_id == consent.id


def test_one_address_many_times_in_a_batch_is_asked_once(open_house: House) -> None:
    take(open_house, [knock("Rea@example.org", ip=f"192.0.2.{number}") for number in range(5)])
    assert queued(open_house) == {"rea@example.org": 1}


def test_a_robot_hears_what_all_hear_and_leaves_no_trace_but_a_count(open_house: House) -> None:
    assert take(open_house, [knock("victim@example.org", is_robot=True)]) == [Pretend()]
    with open_house.db.read() as tx:
        assert subscribers.listed(tx) == []


def test_who_is_suppressed_is_neither_asked_nor_told_apart(open_house: House) -> None:
    with open_house.db.begin() as tx:
        known, unknown = address.parse("known@example.org"), address.parse("unknown@example.org")
        subscribers.ensure(tx, known, name="", timezone="UTC", now=NOW)
        for one in (known, unknown):
            subscribers.suppress(tx, one, reason=SuppressionReason.COMPLAINT, detail="", now=NOW)
    verdicts = take(open_house, [knock(f"{who}@example.org") for who in ("known", "unknown", "new")])
    assert verdicts == [Accept()] * 3
    assert queued(open_house) == {"new@example.org": 1}


def test_a_network_that_signs_up_too_many_has_to_work_and_then_waits(open_house: House) -> None:
    def verdict(number: int, *, solved: str = "") -> Verdict:
        one = knock(f"victim-{number}@example-{number}.org")
        return take(open_house, [one._replace(solution=solved)])[0]

    verdicts = [verdict(number) for number in range(100)]
    assert [type(one) for one in verdicts[:10]] == [Accept] * 10
    assert {type(one) for one in verdicts[10:]} == {Challenge}
    assert isinstance(verdict(100, solved="some work"), Refuse)
    assert sum(queued(open_house).values()) == 10
    assert take(open_house, [knock("later@example.org")], NOW + DAY + 2 * HOUR)[0] == Accept()


def test_a_batch_is_counted_as_if_they_had_come_one_after_the_other(open_house: House) -> None:
    verdicts = take(open_house, [knock(f"victim-{number}@example-{number}.org") for number in range(15)])
    assert [type(one) for one in verdicts] == [Accept] * 10 + [Challenge] * 5


def test_the_work_of_a_browser_counts_once(open_house: House) -> None:
    def worked(email: str) -> Verdict:
        return take(open_house, [knock(email, challenge="always")._replace(solution="the digest")])[0]

    assert worked("one@example.org") == Accept()
    assert isinstance(worked("two@example.org"), Challenge)
    assert queued(open_house) == {"one@example.org": 1}


def test_a_message_that_a_program_repeats_is_taken_once(open_house: House) -> None:
    one = knock("rea@example.org", ip="", is_program=True)._replace(receipt="typeform|abc")
    assert take(open_house, [one, one]) == [Accept(), Accept()]
    assert take(open_house, [one], NOW + 2 * DAY) == [Accept()]
    assert queued(open_house) == {"rea@example.org": 1}


def test_what_failed_before_its_commit_may_come_again(open_house: House) -> None:
    """The name of a program's message is used up with the sign-up that it brings, or not at all."""
    one = knock("rea@example.org", ip="", is_program=True)._replace(receipt="typeform|abc")
    broken = knock("other@example.org")._replace(form=replace(FORM, course="unknown"))
    with pytest.raises(Exception, match="not published"):
        take(open_house, [one, broken])
    assert queued(open_house) == {}
    take(open_house, [one])
    assert queued(open_house) == {"rea@example.org": 1}


def test_two_doors_at_once_ask_each_address_once(open_house: House) -> None:
    emails = [f"reader-{number}@example.org" for number in range(30)]
    knocks = [knock(email, ip=f"192.0.{at}.1") for at, email in enumerate(emails)]
    failed: list[BaseException] = []

    def door_of(order: Sequence[Knock]) -> None:
        try:
            for first in range(0, 30, 5):
                take(open_house, order[first : first + 5])
        except Exception as error:  # noqa: BLE001 (told by the test)
            failed.append(error)

    threads = [
        threading.Thread(target=door_of, args=(order,)) for order in (knocks, knocks[::-1], knocks[10:] + knocks[:10])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert queued(open_house) == dict.fromkeys(emails, 1)


def test_robots_that_were_kept_out_do_not_keep_the_challenge_on_when_they_are_gone(open_house: House) -> None:
    def flood(hour: int, many: int) -> list[type[Verdict]]:
        some = [
            knock(f"victim-{hour}-{number}@example-{number}.org", ip=f"10.{hour}.{number}.1") for number in range(many)
        ]
        return [type(one) for one in take(open_house, some, NOW + hour * HOUR)]

    assert flood(0, 60) == [Accept] * 60
    for hour in range(1, 6):
        assert flood(hour, 20) == [Challenge] * 20
    assert flood(9, 3) == [Accept] * 3


def test_a_crowd_at_one_provider_has_to_work_until_its_own_confirm(open_house: House) -> None:
    crowd = [knock(f"reader-{number}@gmail.com", ip=f"10.1.{number}.1") for number in range(120)]
    for first in range(0, 120, 20):  # as several processes would: each batch knows of the others by the database
        take(open_house, crowd[first : first + 20])
    assert sum(queued(open_house).values()) == 100
    assert take(open_house, [knock("somebody@example.org", ip="10.2.1.1")]) == [Accept()]
    open_house.tick(NOW)
    for number in range(5):
        open_house.confirm(f"reader-{number}@gmail.com", NOW + HOUR / 2)
    verdicts = take(open_house, crowd[100:], NOW + HOUR / 2)
    assert [type(one) for one in verdicts] == [Accept] * 20


def test_a_crowd_that_a_program_brings_is_asked_little_by_little(open_house: House) -> None:
    crowd = [knock(f"clerk-{number}@office-{number}.gov", ip="", is_program=True) for number in range(35)]
    assert all(isinstance(one, Accept) for one in take(open_house, crowd))
    assert set(queued(open_house).values()) == {1}
    for hours, sent in ((0, 10), (1, 10), (2, 20), (4, 30), (6, 35)):
        open_house.tick(NOW + hours * HOUR)
        assert len(open_house.courier.sent) == sent


def test_whose_mail_is_put_off_gets_one_however_often_they_ask(open_house: House) -> None:
    crowd = [knock(f"clerk-{number}@office-{number}.gov", ip="", is_program=True) for number in range(35)]
    take(open_house, crowd)
    take(open_house, crowd[-1:], NOW + 5 * HOUR)
    open_house.tick(NOW + 6 * HOUR)
    assert queued(open_house)["clerk-34@office-34.gov"] == 1
    take(open_house, crowd[-1:], NOW + DAY + 5 * HOUR)
    open_house.tick(NOW + DAY + 5 * HOUR)
    assert queued(open_house)["clerk-34@office-34.gov"] == 1


def test_nobody_fills_a_mailbox_by_spelling_it_in_many_ways(open_house: House) -> None:
    for day in range(8):
        some = [knock(f"victim+{day}-{number}@example.org", ip=f"10.{day}.{number}.1") for number in range(20)]
        take(open_house, some, NOW + day * DAY)
    assert sum(queued(open_house).values()) == abuse.SPELLINGS
    assert take(open_house, [knock("victim@example.org")], NOW + 9 * DAY) == [Accept()]


def test_who_confirms_may_use_as_many_spellings_as_they_like(open_house: House) -> None:
    for number in range(2 * abuse.SPELLINGS):
        email, at = f"rea+{number}@example.org", NOW + number * DAY
        take(open_house, [knock(email, ip=f"10.1.{number}.1")], at)
        open_house.tick(at)
        open_house.confirm(email, at)
        assert queued(open_house)[email] == 1


def test_counters_are_forgotten_after_some_days(open_house: House) -> None:
    take(open_house, [knock("rea@example.org")])
    with open_house.db.begin() as tx:
        assert door.forget(tx, now=NOW + 7 * DAY) == (0, "")
        assert door.forget(tx, now=NOW + 9 * DAY) == (7, "")
        assert door.uses(tx, {abuse.subject(abuse.Kind.ALL, "", SECRET)}, now=NOW) == {}


def test_counters_are_looked_through_a_part_at_a_time(open_house: House) -> None:
    take(open_house, [knock("old@example.org")])
    take(open_house, [knock("new@example.com", ip="198.51.100.7")], NOW + 8 * DAY)
    behind, gone, parts = "", 0, 0
    while parts == 0 or behind:
        with open_house.db.begin() as tx:
            dropped, behind = door.forget(tx, now=NOW + 9 * DAY, behind=behind, limit=2)
        gone, parts = gone + dropped, parts + 1
    assert (gone, parts) == (7, 6)
    with open_house.db.read() as tx:
        assert len(door.uses(tx, {abuse.subject(abuse.Kind.ALL, "", SECRET)}, now=NOW + 9 * DAY)) == 1


# What it runs through fifty thousand times others count once.
@pytest.mark.no_cover
def test_a_flood_brings_nobody_more_than_two_mails(open_house: House) -> None:
    """Sign-ups for a thousand victims within five days, fifty thousand on SQLite, and not one cap or challenge."""
    dice = random.Random(7)  # noqa: S311 (the same flood each time)
    victims = [
        knock(f"victim-{number}@example-{number % 9}.org", ip=f"10.0.{number % 250}.1", challenge="never")
        for number in range(1000)
    ]
    no_caps = replace(DOOR, caps=abuse.caps(dict.fromkeys(USUAL_CAPS, 10**9)))
    times = sorted(dice.randrange(5 * 1440) for _ in range(500 if open_house.db.is_sqlite else 100))
    day = 0
    for minute in times:
        if minute // 1440 > day:
            day = minute // 1440
            open_house.tick(NOW + day * DAY)
        signup.take(open_house.db, dice.sample(victims, 100), no_caps, now=NOW + timedelta(minutes=minute))
    counted = queued(open_house)
    assert set(counted.values()) <= {1, 2}
    assert sum(counted.values()) > 1000


def test_caps_keep_most_of_a_flood_from_anybody(open_house: House) -> None:
    """The same from some hundred networks, against the caps as they are."""
    dice = random.Random(7)  # noqa: S311 (the same flood each time)
    for round_ in range(50):
        flood = [
            knock(f"victim-{dice.randrange(500)}@example-{dice.randrange(9)}.org", ip=f"10.9.{dice.randrange(100)}.1")
            for _ in range(100)
        ]
        take(open_house, flood, NOW + timedelta(minutes=round_))
    assert sum(queued(open_house).values()) <= 10 * 100
