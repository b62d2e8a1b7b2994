"""Is everything forgotten that nobody needs any more, and nothing else, wherever the upkeep is killed?"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from house import DAY, FORM, LONDON, NOW, SECRET, TERMS, House, an_address, small_course
from sqlalchemy import Column, String, Table, Text, event, func, insert, select, text

from sequencer.core import abuse
from sequencer.core.abuse import Kind
from sequencer.core.model import (
    DeliveryState,
    SignupRequest,
    SubscriberState,
    SuppressionReason,
)
from sequencer.flows import optin, subscription, upkeep
from sequencer.flows.reminders import Patience
from sequencer.flows.upkeep import BATCH, Tidied
from sequencer.forms import OptIn
from sequencer.store import consents, door, erasure, subscribers, used
from sequencer.store.database import Database, Transaction
from sequencer.store.tables import (
    Coded,
    UtcDateTime,
    Words,
    api_answer,
    api_key,
    delivery,
    metadata,
    referred,
    zone_rules,
)

EMAIL = "reader@example.org"
MONTH = NOW + 30 * DAY
HOUR = timedelta(hours=1)


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


def rows(db: Database) -> dict[str, int]:
    """How many rows each table has that has any; what is known of zones is about nobody."""
    with db.read() as tx:
        counts = {
            table.name: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
    return {name: count for name, count in counts.items() if count and name != zone_rules.name}


def asked(house: House, email: str = EMAIL, now: datetime = NOW) -> None:
    """Somebody signs up and gets the mail."""
    house.sign_up(email, now)
    house.tick(now)


def is_known(house: House, email: str = EMAIL) -> bool:
    """Whether we know somebody of this address."""
    with house.db.read() as tx:
        return subscribers.find(tx, an_address(email)) is not None


# Who is forgotten


def test_who_never_confirmed_is_erased_thirty_days_after_their_last_sign_up(open_house: House) -> None:
    before = rows(open_house.db)
    asked(open_house)
    open_house.tidy(NOW + 3 * DAY)
    open_house.tick(NOW + 3 * DAY)
    open_house.tidy(MONTH - timedelta(seconds=1))
    assert is_known(open_house)
    assert open_house.tidy(MONTH).forgotten == 1
    assert rows(open_house.db) == before


def test_a_later_sign_up_is_waited_for_even_one_that_got_no_answer(open_house: House) -> None:
    for day in (0, 1, 20):
        asked(open_house, now=NOW + day * DAY)
    assert len(open_house.courier.sent) == 2
    open_house.tidy(MONTH + 19 * DAY)
    assert is_known(open_house)
    assert open_house.tidy(MONTH + 20 * DAY).forgotten == 1


def test_nothing_is_left_of_who_is_erased_in_any_table(open_house: House) -> None:
    for email in (EMAIL, "other@example.org"):
        open_house.sign_up(email)
    who, other = open_house.person(EMAIL).id, open_house.person("other@example.org").id
    with open_house.db.begin() as tx:
        for person in (who, other):
            _fill(tx, person)
    before = rows(open_house.db)
    theirs = {table.name for table in metadata.sorted_tables if _refers(table)} | {"subscriber"}
    assert theirs >= {"consent", "delivery", "enrolment", "event", "hook_call", "done", "departure", "address_change"}
    assert theirs <= set(before)
    with open_house.db.begin() as tx:
        erasure.erase(tx, [who])
    after = rows(open_house.db)
    assert after == {name: count // 2 if name in theirs else count for name, count in before.items()}
    with open_house.db.begin() as tx:
        erasure.erase(tx, [other])
        erasure.erase(tx, [])
    assert set(rows(open_house.db)) == set(before) - theirs


def _refers(table: Table) -> bool:
    """Whether rows of this table can be somebody's, or belong to something of theirs."""
    targets = [key.column.table for key in table.foreign_keys]
    return any(target.name == "subscriber" or _refers(target) for target in targets)


def _fill(tx: Transaction, who: int) -> None:
    """A row in each table that can hold something of a person; whatever tables there will be."""
    ids = {"subscriber": who}
    for table in metadata.sorted_tables:
        if table.name not in ids and "id" in table.c and not _refers(table):
            ids[table.name] = tx.execute(select(func.min(table.c.id))).scalar_one() or _row(tx, table, ids, who)
        elif _refers(table):
            ids[table.name] = _row(tx, table, ids, who)


def _row(tx: Transaction, table: Table, ids: dict[str, int], who: int) -> int:
    """A row of this table; its id, where it has one."""
    made = tx.execute(insert(table).values(dict(_values(table, ids, who))))
    return int(made.inserted_primary_key[0])


def _values(table: Table, ids: dict[str, int], who: int) -> Iterator[tuple[str, object]]:
    for column in table.columns:
        named = referred(column)
        if named is not None and (named.table.name in ids or not column.nullable):
            yield column.name, ids[named.table.name]
        elif column.name != "id" and not column.nullable and column.server_default is None:
            yield column.name, _value(column, who)


def _value(column: Column[object], who: int) -> object:
    kind = column.type
    if isinstance(kind, Coded):
        return kind.members[0]
    if isinstance(kind, UtcDateTime):
        return NOW
    if isinstance(kind, Words):
        return ()
    return f"{column.name}-{who}" if isinstance(kind, String | Text) else who


def test_who_disowned_or_bounced_is_erased_and_stays_on_the_suppression_list(open_house: House) -> None:
    asked(open_house)
    open_house.refuse(EMAIL)
    assert open_house.tidy(MONTH).forgotten == 1
    assert not is_known(open_house)
    with open_house.db.read() as tx:
        found = subscribers.suppression_of(tx, an_address(EMAIL))
    assert found is not None
    assert found.reason is SuppressionReason.DISOWNED
    asked(open_house, now=MONTH)
    assert len(open_house.courier.sent) == 1


def _confirmed(house: House) -> None:
    house.join(EMAIL)


def _left(house: House) -> None:
    house.join(EMAIL)
    house.leave_now(EMAIL)


def _disowned_after_all(house: House) -> None:
    house.join(EMAIL)
    house.refuse(EMAIL)


def _added(house: House) -> None:
    subscription.add(house.db, an_address(EMAIL), FORM, name="", zone=LONDON, reason="At the fair.", now=NOW)


def _admitted(house: House) -> None:
    form = replace(FORM, opt_in=OptIn.SINGLE, single_because="They had signed in.")
    house.sign_up(EMAIL)
    with house.db.begin() as tx:
        (consent,) = consents.of(tx, house.person(EMAIL).id)
        request = SignupRequest(
            form=FORM.key, address=an_address(EMAIL), name="", timezone="", note="", source_url="", ip=""
        )
        assert optin.admit(tx, consent.subscriber_id, consent.course_id, request, form, now=NOW)


@pytest.mark.parametrize("came", [_confirmed, _left, _disowned_after_all, _added, _admitted])
def test_who_confirmed_or_was_vouched_for_is_never_forgotten(open_house: House, came: Callable[[House], None]) -> None:
    came(open_house)
    assert open_house.tidy(NOW + 4000 * DAY).forgotten == 0
    assert is_known(open_house)


def test_nobody_is_forgotten_whose_link_still_works(open_house: House) -> None:
    asked(open_house)
    terms = replace(TERMS, patience=Patience(link=60 * DAY, reminder=3 * DAY))
    assert open_house.tidy(NOW + 60 * DAY - HOUR, terms).forgotten == 0
    assert open_house.tidy(NOW + 60 * DAY, terms).forgotten == 1


def test_nobody_is_forgotten_while_a_mail_to_them_is_on_its_way(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    with open_house.db.begin() as tx:
        tx.execute(delivery.update().values(state=DeliveryState.SENDING, attempt=1, due_at=None, lease_until=2**40))
    assert open_house.tidy(MONTH).forgotten == 0
    with open_house.db.begin() as tx:
        tx.execute(delivery.update().values(state=DeliveryState.SENT, lease_until=None))
    assert open_house.tidy(MONTH).forgotten == 1


def test_whom_somebody_else_holds_is_forgotten_with_the_next_look(shared_house: House) -> None:
    shared_house.publish(small_course())
    asked(shared_house)
    with shared_house.db.begin() as other:
        subscribers.lock(other, shared_house.person(EMAIL).id)
        assert shared_house.tidy(MONTH).forgotten == 0
    assert shared_house.tidy(MONTH).forgotten == 1


@pytest.mark.parametrize("by", ["many", "one"])
def test_who_signs_up_at_the_very_moment_of_being_forgotten_is_known_again(shared_house: House, by: str) -> None:
    shared_house.publish(small_course())
    asked(shared_house)
    done: list[int] = []

    def forget(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        # Behind the insert that found somebody, before they are looked at.
        if not done and "FROM subscriber" in statement and "FOR NO KEY UPDATE" in statement:
            done.append(0)
            done[0] = shared_house.tidy(MONTH).forgotten

    event.listen(shared_house.db.engine, "before_cursor_execute", forget)
    try:
        with shared_house.db.begin() as tx:
            if by == "many":
                people, made = subscribers.ensure_all(tx, [an_address(EMAIL)], timezone="UTC", now=MONTH)
                assert made == {EMAIL}
                found = people[EMAIL]
            else:
                found = subscribers.ensure(tx, an_address(EMAIL), name="", timezone="UTC", now=MONTH)
    finally:
        event.remove(shared_house.db.engine, "before_cursor_execute", forget)
    assert done == [1]
    assert shared_house.person(EMAIL) == found
    assert found.created_at == MONTH


def test_who_is_forgotten_may_come_again_as_a_stranger(open_house: House) -> None:
    asked(open_house)
    open_house.tidy(MONTH)
    open_house.join(EMAIL, MONTH)
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE
    open_house.tick(MONTH + HOUR)
    assert open_house.subjects(EMAIL)[-1] == "Subject 1"


def test_many_are_forgotten_a_batch_to_a_commit(open_house: House) -> None:
    for number in range(BATCH + 3):
        open_house.sign_up(f"reader-{number}@example.org")
    looks = itertools.chain([False, True], itertools.repeat(True))
    assert upkeep.forget(open_house.db, TERMS, now=MONTH, stop=lambda: next(looks)) == BATCH
    assert upkeep.forget(open_house.db, TERMS, now=MONTH) == 3


def test_forgetting_takes_no_longer_for_a_long_list(sqlite_db: Database) -> None:
    with sqlite_db.read() as tx:
        query = "EXPLAIN QUERY PLAN SELECT id FROM subscriber WHERE confirmed_at IS NULL AND asked_at <= 5 LIMIT 9"
        plans = [row.detail for row in tx.execute(text(query))]
        for table in metadata.sorted_tables:
            for column in table.columns:
                # Who never confirmed has no place in a course.
                named = referred(column)
                theirs = named is not None and named.table.name == "subscriber"
                if theirs and table.name != "enrolment":
                    query = f"EXPLAIN QUERY PLAN DELETE FROM {table.name} WHERE {column.name} IN (1, 2)"  # noqa: S608
                    plans += [row.detail for row in tx.execute(text(query))]
    assert plans[0] == "SEARCH subscriber USING INDEX subscriber_unconfirmed (asked_at<?)"
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


# What refers to nobody


def test_what_may_be_used_again_what_was_counted_and_what_was_answered_goes_in_time(open_house: House) -> None:
    subject = abuse.subject(Kind.FORM, FORM.key, SECRET)
    with open_house.db.begin() as tx:
        for number in range(5):
            used.first(tx, f"digest-{number}", until=NOW + HOUR, now=NOW)
        used.first(tx, "later", until=NOW + 40 * DAY, now=NOW)
        door.count(tx, {subject: 1}, now=NOW)
        which = tx.execute(
            insert(api_key).values(name="k", digest="d", scopes=(), created_at=NOW).returning(api_key.c.id)
        ).scalar_one()
        tx.execute(
            insert(api_answer).values(api_key_id=which, key="a", request="", status=200, body="{}", answered_at=NOW)
        )
    assert open_house.tidy(NOW + HOUR / 2) == Tidied(reminded=0, forgotten=0, dropped=0)
    assert open_house.tidy(NOW + HOUR).dropped == 5
    assert open_house.tidy(NOW + DAY + HOUR).dropped == 1
    assert open_house.tidy(NOW + 9 * DAY).dropped == 1
    assert open_house.tidy(NOW + 40 * DAY).dropped == 1
    assert {"used", "door_use", "api_answer"} & set(rows(open_house.db)) == set()


# Killed at any moment


class KilledError(Exception):
    """The process is gone. Not a BaseException: after one of those, PostgreSQL learns a moment later that we are."""


@contextmanager
def killed(db: Database, nth: int) -> Iterator[list[str]]:
    """The process dies as it is about to say its nth word to the database; what it said before."""
    said: list[str] = []

    def say(word: str) -> None:
        if len(said) == nth:
            raise KilledError
        said.append(word)

    def before(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        say(statement)

    def commit(_connection: object) -> None:
        say("COMMIT")

    event.listen(db.engine, "before_cursor_execute", before)
    event.listen(db.engine, "commit", commit)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
        event.remove(db.engine, "commit", commit)


def _lives(db: Database, nth: int, act: Callable[[], object]) -> bool:
    """Whether the act came to its end before its nth word."""
    try:
        with killed(db, nth):
            act()
    except KilledError:
        return False
    return True


def test_an_upkeep_that_is_killed_anywhere_loses_and_doubles_nothing(open_house: House) -> None:
    house, now = open_house, MONTH
    for nth in itertools.count():
        house.forget_everybody()
        asked(house, "old@example.org")
        house.sign_up("late@example.org", now - 3 * DAY)
        asked(house, "due@example.org", now - 3 * DAY)
        house.courier.sent.clear()
        lived = _lives(house.db, nth, lambda: house.tidy(now))
        house.tidy(now)
        house.tick(now)
        house.tick(now + HOUR)
        assert sorted(parcel.recipient for parcel in house.courier.sent) == ["due@example.org", "late@example.org"]
        assert [is_known(house, f"{who}@example.org") for who in ("old", "late", "due")] == [False, True, True]
        found = rows(house.db)
        assert (found["subscriber"], found["consent"], found["delivery"]) == (2, 2, 4)
        if lived:
            break
    assert nth > 15


ACTS: dict[str, Callable[[House], object]] = {
    "confirm": lambda house: house.confirm(EMAIL, NOW + HOUR),
    "disown": lambda house: house.refuse(EMAIL, NOW + HOUR),
    "take back": lambda house: house.take_back(EMAIL, NOW + HOUR),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_press_that_is_killed_anywhere_is_a_press_or_none(open_house: House, act: str) -> None:
    house = open_house
    for nth in itertools.count():
        house.forget_everybody()
        asked(house)
        if act == "take back":
            house.refuse(EMAIL)
        before = _all(house)
        lived = _lives(house.db, nth, lambda: ACTS[act](house))
        assert lived or _all(house) == before
        ACTS[act](house)
        once = _all(house)
        ACTS[act](house)
        assert _all(house) == once
        assert once != before
        if lived:
            break
    assert nth > 3


def _all(house: House) -> list[object]:
    with house.db.read() as tx:
        return [tx.execute(select(table)).all() for table in metadata.sorted_tables]
