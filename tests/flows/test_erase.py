"""What does a person get who asks what we keep of them, and what is left when all of it is erased?"""

import json
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from house import DAY, EIGHT, NOW, SECRET, House, Meddler, an_address, small_course, unfolded
from sqlalchemy import Column, Insert, select, text

from sequencer.core import tokens
from sequencer.core.model import (
    Blame,
    DeliveryKind,
    DeliveryState,
    LessonId,
    Rejected,
    Stage,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, Expired, NotFound, TooMany
from sequencer.flows import access, erase, export, leaving, moving, remote
from sequencer.flows.leaving import Goodbye
from sequencer.store import courses, departures, erasure, events, hot, subscribers
from sequencer.store.database import Database
from sequencer.store.tables import UtcDateTime, Words, metadata

PARTITIONED = True
EMAIL, STAYS = "reader@example.org", "stays@example.org"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "data.md"


def _row(table_name: str, /, **values: object) -> Insert:
    """A row of a table that these tests do not know well: whatever must be there is."""
    kinds = {str: "x", int: 1, datetime: EIGHT, tuple: ()}
    table = metadata.tables[table_name]
    needed = [one for one in table.columns if not (one.nullable or one.server_default or one.primary_key)]
    samples = {one.name: kinds[_python(one)] for one in needed}
    return table.insert().values({**samples, **values})


def _python(column: Column[Any]) -> type:
    if isinstance(column.type, UtcDateTime):
        return datetime
    return tuple if isinstance(column.type, Words) else column.type.python_type


@pytest.fixture
def house(house: House) -> House:
    """Somebody of whom a row stands in every table that can hold one, and somebody else likewise."""
    house.publish(small_course(5))
    for email in (EMAIL, STAYS):
        house.join(email, name="Ann", zone="Europe/Paris")
    house.tick(EIGHT)
    for email in (EMAIL, STAYS):
        who, place = house.person(email), house.place(email)
        with house.db.begin() as tx:
            event = events.record(tx, "bought", who.id, {"what": "a book"}, now=EIGHT)
            hook = tx.execute(_row("hook", name=email).returning(metadata.tables["hook"].c.id)).scalar_one()
            tx.execute(_row("hook_call", hook_id=hook, event_id=event))
        lesson = next(row.campaign_id for row in house.ledger(email) if row.kind is DeliveryKind.LESSON)
        remote.tick(house.db, place.id, LessonId(lesson), is_done=True, now=EIGHT + MINUTE)
        moving.ask(house.db, who.id, an_address(f"new-{email}"), ip="192.0.2.7", now=EIGHT + MINUTE)
        token = tokens.seal(SECRET, Purpose.LEAVE, who.id)
        leaving.leave(house.db, SECRET, token, goodbye=Goodbye(words="So long."), now=EIGHT + MINUTE)
    return house


def rows(db: Database) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """All rows of all tables."""
    with db.read() as tx:
        return {
            table.name: [dict(row) for row in tx.execute(select(table)).mappings()] for table in metadata.sorted_tables
        }


def counts(db: Database) -> Mapping[str, int]:
    """How many rows each table has."""
    return {name: len(found) for name, found in rows(db).items()}


def personal() -> set[str]:
    """The tables that refer to people, straight or by way of something of theirs."""
    found = {"subscriber"}
    while True:
        more = {
            table.name
            for table in metadata.sorted_tables
            for key in table.foreign_keys
            if key.column.table.name in found
        } - found
        if not more:
            return found
        found |= more


# Erasing


def test_everything_of_one_person_is_erased_and_nothing_of_anybody_else(house: House) -> None:
    before, others = counts(house.db), house.person(STAYS)
    assert all(before[table] for table in personal()), "some table is not tried here"
    erase.erase(house.db, house.person(EMAIL).id, now=EIGHT + DAY)
    after = counts(house.db)
    assert {table: before[table] - after[table] for table in before if table in personal()} == {
        table: before[table] // 2 for table in personal()
    }
    assert {table: after[table] for table in after if table not in personal()} == {
        table: before[table] for table in before if table not in personal()
    }
    assert house.person(STAYS) == others
    assert EMAIL not in repr(rows(house.db)).replace(f"'name': '{EMAIL}'", "")  # the hook of this test is called so


def test_an_erased_person_may_come_again_as_somebody_new(house: House) -> None:
    before = house.person(EMAIL).id
    erase.erase(house.db, before, now=EIGHT + DAY)
    house.join(EMAIL, EIGHT + 2 * DAY)
    assert house.person(EMAIL).id > before
    assert house.place(EMAIL).step == 0


def test_a_suppressed_address_stays_on_the_list_and_one_is_put_there_that_is_to(house: House) -> None:
    with house.db.begin() as tx:
        subscribers.suppress(tx, an_address(EMAIL), reason=SuppressionReason.COMPLAINT, detail="A report.", now=NOW)
    erase.erase(house.db, house.person(EMAIL).id, now=EIGHT + DAY)
    erase.erase(house.db, house.person(STAYS).id, for_good=True, now=EIGHT + DAY)
    with house.db.read() as tx:
        found = {one.normalized: one.reason for one in subscribers.suppressions(tx)}
    assert found == {EMAIL: SuppressionReason.COMPLAINT, STAYS: SuppressionReason.MANUAL}
    for email in (EMAIL, STAYS):
        before = len(house.courier.sent)
        house.sign_up(email, EIGHT + 2 * DAY)
        house.tick(EIGHT + 2 * DAY)
        assert len(house.courier.sent) == before


def test_erasing_nobody_is_a_sentence(house: House) -> None:
    for act in (erase.erase, export.export):
        with pytest.raises(NotFound, match="no such person"):
            act(house.db, SubscriberId(404), now=NOW)


@pytest.mark.parametrize("on_the_wire", [False, True], ids=["claimed", "on the wire"])
def test_what_is_claimed_for_an_erased_person_is_not_sent_and_what_is_on_the_wire_leaves_no_row(
    house: House, *, on_the_wire: bool
) -> None:
    house.join("third@example.org", EIGHT + DAY)
    who = house.person("third@example.org").id

    def fault() -> None:
        if who:
            erase.erase(house.db, who, now=EIGHT + 2 * DAY)

    pressed: list[None] = []

    def once() -> None:
        if not pressed:
            pressed.append(fault())

    courier = Meddler(before_report=once) if on_the_wire else Meddler(before_intent=once)
    meddled = House(house.db, courier)
    meddled.tick(EIGHT + 2 * DAY)
    assert [one.recipient for one in courier.tried] == ["third@example.org"]
    assert len(courier.sent) == on_the_wire
    for day in range(3, 6):
        meddled.tick(EIGHT + day * DAY)
    assert len(courier.tried) == 1
    with house.db.read() as tx:
        assert subscribers.get(tx, who) is None


def test_whoever_is_given_a_row_while_they_are_erased_is_erased_with_it(shared_house: House) -> None:
    # A sender may write what happened to somebody without waiting for who has locked them.
    house = shared_house
    house.publish(small_course())
    house.join(EMAIL)
    who = house.person(EMAIL).id
    erasing = threading.Thread(target=erase.erase, args=(house.db, who), kwargs={"now": EIGHT})
    with house.db.begin() as tx:
        events.record(tx, "lesson.sent", who, {}, now=EIGHT)
        erasing.start()
        while True:
            with house.db.read() as other:
                if other.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                    break
    erasing.join()
    with house.db.read() as tx:
        assert subscribers.get(tx, who) is None
        assert events.of(tx, who) == []


def test_whoever_is_erased_while_their_lesson_is_being_claimed_gets_nothing(house: House) -> None:
    house.join("third@example.org", EIGHT + DAY)
    who = house.person("third@example.org").id
    erasing = threading.Thread(target=erase.erase, args=(house.db, who), kwargs={"now": EIGHT + DAY})
    with house.db.begin() as tx:
        (due,) = hot.claim_due(tx, now=EIGHT + 2 * DAY, limit=10)
        revision = courses.current(tx, "small")
        assert revision is not None
        erasing.start()
        for _ in range(30):
            threading.Event().wait(0.01)
        hot.make_claims(tx, [(due, LessonId(revision.lesson_ids[0]), revision.id)], now=EIGHT + 2 * DAY)
    erasing.join()
    with house.db.read() as tx:
        assert subscribers.get(tx, who) is None
        assert erasure.kept(tx, who)["delivery"] == []


# Taking along


def _export(house: House, email: str = EMAIL) -> dict[str, Any]:
    found = export.export(house.db, house.person(email).id, now=EIGHT + DAY)
    plain: dict[str, Any] = json.loads(json.dumps(found))
    assert plain == found
    return plain


def test_everything_that_is_kept_is_exported(house: House) -> None:
    found = _export(house)
    assert (found["format"], found["exported_at"]) == ("sequencer-subscriber-1", "2026-03-03T08:00:00Z")
    parts = {export.PARTS.get(table, table) for table in personal() - {"subscriber"}}
    assert set(found) == {"format", "exported_at", "subscriber", "suppression", *parts}
    assert all(found[part] for part in parts)
    for table in personal():
        part = found[export.PARTS.get(table, table)]
        one = part if isinstance(part, dict) else part[0]
        assert set(metadata.tables[table].columns.keys()) <= set(one), table


def test_an_export_says_in_words_what_numbers_stand_for(house: House) -> None:
    found = _export(house)
    person = found["subscriber"]
    assert (person["normalized"], person["name"], person["timezone"], person["state"]) == (
        EMAIL, "Ann", "Europe/Paris", "left",
    )  # fmt: skip
    assert person["created_at"] == "2026-03-02T07:00:00Z"
    assert (found["consents"][0]["course"], found["consents"][0]["ip"]) == ("small", "192.0.2.1")
    assert found["enrolments"][0]["course"] == "small"
    assert [row["what"] for row in found["deliveries"]][:2] == ["confirmation mail", "lesson 1: Subject 1"]
    assert found["ticks"][0]["lesson"] == "lesson-1"
    assert found["events"][0]["payload"] == {"what": "a book"}
    assert found["departures"][0]["words"] == "So long."
    assert found["address_changes"][0]["normalized"] == f"new-{EMAIL}"
    assert found["suppression"] is None


def test_an_export_holds_preferences_and_what_keeps_the_address_silent(house: House) -> None:
    with house.db.begin() as tx:
        tx.execute(text("UPDATE subscriber SET send_at = 450, days = 5 WHERE id = 1"))
        subscribers.suppress(tx, an_address(EMAIL), reason=SuppressionReason.BOUNCE, detail="550", now=EIGHT)
    found = _export(house)
    assert (found["subscriber"]["send_at"], found["subscriber"]["days"]) == ("07:30", ["mon", "wed"])
    assert found["suppression"] == {"reason": "bounce", "detail": "550", "created_at": "2026-03-02T08:00:00Z"}


def test_nothing_of_anybody_else_is_exported(house: House) -> None:
    assert STAYS not in json.dumps(_export(house))


def test_an_export_changes_nothing(house: House) -> None:
    before = rows(house.db)
    _export(house)
    assert rows(house.db) == before


def test_each_part_and_field_of_an_export_is_documented(house: House) -> None:
    documented = DOCS.read_text(encoding="utf-8")
    for part, found in _export(house).items():
        assert f"`{part}`" in documented
        for one in [found] if isinstance(found, dict) else found if isinstance(found, list) else []:
            missing = [field for field in one if not re.search(rf"`{field}`", documented)]
            assert not missing, (part, missing)


# The way to it


def back(house: House) -> SubscriberId:
    """Somebody who gets mail."""
    house.join("third@example.org", EIGHT + DAY)
    return house.person("third@example.org").id


def test_the_link_is_mailed_once_a_day_and_works_for_one(house: House) -> None:
    who = back(house)
    access.ask(house.db, who, now=EIGHT + DAY)
    with pytest.raises(TooMany, match="within a day"):
        access.ask(house.db, who, now=EIGHT + DAY + 23 * HOUR)
    house.tick(EIGHT + DAY)
    (mail,) = [one for one in house.courier.sent if b"Subject: The way to your data" in one.content]
    assert mail.recipient == "third@example.org"
    assert "works for 1 day." in unfolded(mail.content)
    token = house.token("third@example.org", "data")
    found, course = access.whose(house.db, SECRET, token, now=EIGHT + 2 * DAY - MINUTE)
    assert (found, course and course.slug) == (who, "small")
    with pytest.raises(Expired):
        access.export(house.db, SECRET, token, now=EIGHT + 2 * DAY)
    access.ask(house.db, who, now=EIGHT + 2 * DAY)


def test_behind_the_link_all_of_it_can_be_taken_along_and_erased(house: House) -> None:
    who = back(house)
    access.ask(house.db, who, now=EIGHT + DAY)
    house.tick(EIGHT + DAY)
    token = house.token("third@example.org", "data")
    assert access.export(house.db, SECRET, token, now=EIGHT + DAY + HOUR)["subscriber"]
    access.erase(house.db, SECRET, token, for_good=False, now=EIGHT + DAY + HOUR)
    for act in (access.whose, access.export):
        with pytest.raises(NotFound, match="nothing of you"):
            act(house.db, SECRET, token, now=EIGHT + DAY + 2 * HOUR)
    with house.db.read() as tx:
        assert subscribers.suppressions(tx) == []


def test_a_link_that_could_not_be_sent_for_a_day_is_withheld(house: House) -> None:
    who = back(house)
    access.ask(house.db, who, now=EIGHT + DAY)
    house.courier.down = "away"
    house.tick(EIGHT + DAY)
    house.courier.down = ""
    house.tick(EIGHT + 3 * DAY)
    (row,) = [row for row in house.ledger("third@example.org") if row.kind is DeliveryKind.ACCESS]
    assert row.state is DeliveryState.SKIPPED


def test_who_has_left_gets_the_link_and_who_is_suppressed_is_told_to_write(house: House) -> None:
    access.ask(house.db, house.person(EMAIL).id, now=EIGHT + DAY)
    house.tick(EIGHT + DAY)
    assert house.token(EMAIL, "data")
    who = back(house)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1", blame=Blame.ADDRESS))]
    house.tick(EIGHT + 2 * DAY)
    assert house.person("third@example.org").state is SubscriberState.SUPPRESSED
    with pytest.raises(BadRequest, match="write to us about your data"):
        access.ask(house.db, who, now=EIGHT + 3 * DAY)
    with pytest.raises(NotFound):
        access.ask(house.db, SubscriberId(404), now=EIGHT)


def test_no_log_of_it_holds_an_address(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="sequencer"):
        erase.erase(house.db, house.person(EMAIL).id, for_good=True, now=EIGHT + DAY)
    (record,) = caplog.records
    assert record.getMessage() == "subscriber.erased"
    assert EMAIL not in repr(record.__dict__)


def test_a_departure_outlives_no_one(house: House) -> None:
    who = house.person(EMAIL).id
    erase.erase(house.db, who, now=EIGHT + DAY)
    with house.db.read() as tx:
        assert departures.of(tx, who) == []
