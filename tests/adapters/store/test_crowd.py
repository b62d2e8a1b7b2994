"""Are the rows of a crowd the very rows that a single sign-up would leave, on both databases?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from house import FORM, NOW, an_address, small_course
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from sequencer.core import floods
from sequencer.core.floods import Use
from sequencer.core.model import (
    Address,
    ConsentId,
    CourseId,
    DeliveryKind,
    DeliveryState,
    SignupRequest,
    SuppressionReason,
)
from sequencer.message import address
from sequencer.store import asking, consents, courses, door, subscribers
from sequencer.store.database import Database, Transaction
from sequencer.store.tables import consent, delivery, door_use, subscriber

ADDRESSES = tuple(
    address.parse(one)
    for one in (
        "Rea@example.org",
        "o'neil+x@example.com",
        "jürgen@example.org",
        "rea@bücher.example",
        "q@xn--bcher-kva.example",
    )
)
LATER = NOW + timedelta(seconds=90, microseconds=7)
PUT_OFF = LATER + timedelta(hours=1)
WORDS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)
PAIRS = st.dictionaries(WORDS, WORDS, max_size=3).map(lambda pairs: tuple(pairs.items()))
REQUESTS = st.builds(
    SignupRequest,
    form=st.just("newsletter"),
    address=st.just(ADDRESSES[0]),
    name=WORDS,
    timezone=st.sampled_from(["", "Europe/Paris"]),
    note=WORDS,
    source_url=WORDS,
    ip=st.just("192.0.2.1"),
    user_agent=WORDS,
    language=st.just("fr"),
    shape=st.just("plain"),
    utm=PAIRS,
    attributes=PAIRS,
    tags=st.lists(WORDS, max_size=3).map(tuple),
)


def _course(tx: Transaction) -> CourseId:
    courses.publish(tx, small_course(), now=NOW)
    course = courses.current(tx, "small")
    assert course is not None
    return course.course_id


def _rows(tx: Transaction, *, of: str = "subscriber") -> Sequence[tuple[object, ...]]:
    """The rows of a table as they are kept, without their ids."""
    table = {"subscriber": subscriber, "consent": consent, "delivery": delivery}[of]
    return [tuple(row) for row in tx.execute(select(*[one for one in table.c if one.name != "id"]))]


def test_people_who_come_together_are_as_if_each_had_come_alone(db: Database) -> None:
    with db.begin() as tx:
        people, made = subscribers.ensure_all(tx, ADDRESSES, timezone="Europe/London", now=LATER)
        assert made == set(people) == {one.normalized for one in ADDRESSES}
        assert people == {one.address.normalized: one for one in subscribers.listed(tx)}
        together = _rows(tx)
        tx.execute(delete(subscriber))
        for one in sorted(ADDRESSES, key=lambda one: one.normalized):
            subscribers.ensure(tx, one, name="", timezone="Europe/London", now=LATER)
        assert together == _rows(tx)


def test_who_is_known_is_found_and_not_made_anew(db: Database) -> None:
    known, unknown = ADDRESSES[0], ADDRESSES[1]
    with db.begin() as tx:
        before = subscribers.ensure(tx, known, name="Rea", timezone="UTC", now=NOW)
        subscribers.save(tx, replace(before, confirmed_at=NOW, tags=("a",)))
        people, made = subscribers.ensure_all(tx, [known, unknown, known], timezone="Europe/London", now=LATER)
        assert made == {unknown.normalized}
        assert people[known.normalized] == replace(before, confirmed_at=NOW, tags=("a",))
        # Asked again and again, everybody is known and nobody is made.
        again, anew = subscribers.ensure_all(tx, [known, unknown], timezone="Europe/London", now=LATER)
        assert (again, anew) == (people, frozenset())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=REQUESTS)
def test_what_many_agreed_to_is_kept_as_what_one_agreed_to(db: Database, request: SignupRequest) -> None:
    version = FORM.wording_version
    with db.begin() as tx:
        course = _course(tx)
        who = subscribers.ensure(tx, ADDRESSES[0], name="", timezone="UTC", now=NOW).id
        one = consents.record(tx, who, course, request, wording=FORM.consent, wording_version=version, now=LATER)
        many = consents.record_all(tx, [(who, course, request, FORM)], now=LATER)[who]
        alone, together = _rows(tx, of="consent")[-2:]
        kept = [consents.get(tx, which) for which in (one, many)]
        tx.rollback()
    assert alone == together
    assert kept[0] is not None
    assert replace(kept[0], id=many) == kept[1]


def test_each_of_many_consents_is_named_by_its_own_person(db: Database) -> None:
    with db.begin() as tx:
        course = _course(tx)
        people, _ = subscribers.ensure_all(
            tx, [an_address(f"p{one}@example.org") for one in range(70)], timezone="UTC", now=NOW
        )
        asked = [(one.id, course, _request(one.address), FORM) for one in people.values()]
        made = consents.record_all(tx, asked, now=NOW)
        assert {who: _name(tx, which) for who, which in made.items()} == {
            one.id: one.address.wire for one in people.values()
        }


def test_a_mail_for_each_of_them_is_queued_as_the_ledger_has_it(db: Database) -> None:
    with db.begin() as tx:
        people, _ = subscribers.ensure_all(tx, ADDRESSES[:2], timezone="UTC", now=NOW)
        mails = [(ConsentId(number), one.id) for number, one in enumerate(people.values(), 1)]
        asking.queue(tx, DeliveryKind.CONFIRMATION, mails, now=LATER, due={mails[1][0]: PUT_OFF})
        together = _rows(tx, of="delivery")
        tx.execute(delete(delivery))
        for which, who in mails:
            row = {"kind": DeliveryKind.CONFIRMATION, "campaign_id": which, "subscriber_id": who, "run": 0}
            row |= {"state": DeliveryState.QUEUED, "attempt": 0, "doubts": 0, "created_at": LATER}
            row |= {"due_at": PUT_OFF if which == mails[1][0] else LATER}
            tx.execute(insert(delivery), [row | {"relay": "", "reply": ""}])
        assert together == _rows(tx, of="delivery")


def test_who_is_suppressed_is_found_among_many(db: Database) -> None:
    with db.begin() as tx:
        for one in ADDRESSES[1:3]:
            subscribers.suppress(tx, one, reason=SuppressionReason.MANUAL, detail="", now=NOW)
        asked = [one.normalized for one in ADDRESSES]
        assert subscribers.suppressed_among(tx, asked) == {one.normalized for one in ADDRESSES[1:3]}
        assert subscribers.suppressed_among(tx, []) == frozenset()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counted=st.lists(
        st.tuples(st.integers(0, 40), st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5)), st.booleans()),
        max_size=8,
    )
)
def test_counters_hold_what_was_counted_and_a_day_of_it_is_seen(
    db: Database, counted: list[tuple[int, dict[str, int], bool]]
) -> None:
    sums: dict[tuple[str, int], list[int]] = {}
    with db.begin() as tx:
        tx.execute(delete(door_use))
        for hours, asked, confirmed in counted:
            at = NOW - timedelta(hours=hours)
            door.count(tx, asked, now=at)
            if confirmed:
                door.confirm(tx, asked, now=at)
            for subject, many in asked.items():
                both = sums.setdefault((subject, floods.hour(at)), [0, 0])
                both[0] += many
                both[1] += confirmed
        found = {one: set(uses) for one, uses in door.uses(tx, "abcd", now=NOW).items()}
    expected: dict[str, set[Use]] = {}
    for (subject, hour), (asked_for, done) in sums.items():
        if hour >= floods.hour(NOW) - 24:
            expected.setdefault(subject, set()).add(Use(hour=hour, asked=asked_for, confirmed=done))
    assert found == expected


def _request(to: Address) -> SignupRequest:
    return SignupRequest(form="newsletter", address=to, name=to.wire, timezone="", note="", source_url="", ip="")


def _name(tx: Transaction, which: ConsentId) -> str:
    kept = consents.get(tx, which)
    assert kept is not None
    return kept.name
