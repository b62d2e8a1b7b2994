"""Does the house tell truly what happened to somebody, and why?"""

from dataclasses import replace
from datetime import timedelta

import pytest
from house import DAY, EIGHT, NOW, PLACES, SECRET, House, ScriptedCourier, an_address, small_course
from sqlalchemy import text, update

from sequencer.core import tokens
from sequencer.core.model import Blame, Deferred, DeliveryKind, Rejected, Stage, SubscriberState, Uncertain
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import preferences, report
from sequencer.flows.report import Why
from sequencer.store.tables import delivery

EMAIL = "reader@example.org"
NOBODY_KNOWS = "Nobody knows whether lesson 1: Subject 1 (message 2) arrived; "
HELD = 'it is held, and "sequencer delivery resolve 2 --as sent" (or failed, or again) settles it. The line was cut.'


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


def _why(house: House) -> Why:
    return report.why(house.db, an_address(EMAIL), now=NOW)


def test_somebody_we_do_not_know_is_said_to_be_so(house: House) -> None:
    with pytest.raises(NotFound, match=r"We do not know reader@example\.org\."):
        _why(house)


def test_whoever_has_not_confirmed_is_told_to_be_waited_for(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    known = _why(open_house)
    assert list(known.blockers) == [
        "The person has not confirmed their address yet.",
        "Confirmation mail (message 1) goes out with the next pass.",
    ]
    assert [sent.what for sent in known.sent] == ["confirmation mail"]
    assert known.places == []


def test_nothing_stands_in_the_way_of_whoever_waits_for_their_hour(open_house: House) -> None:
    open_house.join(EMAIL, zone="America/New_York")
    known = _why(open_house)
    assert known.blockers == []
    (place,) = known.places
    assert place.next_lesson == "Subject 1"
    assert place.next_due is not None
    assert place.next_due.isoformat() == "2026-03-02T08:00:00-05:00"
    assert place.rule == "every day at 08:00 on the person's clock, as soon as that comes"


def test_the_rule_of_a_later_lesson_names_the_gap(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    (place,) = _why(open_house).places
    assert place.rule == "every day at 08:00 on the person's clock, at least 1 day after the lesson before"


def test_the_rule_names_the_window_and_the_days_without_lessons(house: House) -> None:
    plain = small_course()
    rhythm = replace(plain.rhythm, spread=timedelta(minutes=15), days=frozenset({0, 3}), yearly=frozenset({(12, 25)}))
    house.publish(replace(plain, rhythm=rhythm, holidays="GB"))
    house.join(EMAIL)
    (place,) = _why(house).places
    assert place.rule == (
        "Mon, Thu at 08:00 or up to 15 minutes later on the person's clock, not on public holidays (GB) or the days "
        "that course.toml leaves out, as soon as that comes"
    )


def test_what_was_put_off_says_until_when_and_what_the_relay_said(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [Deferred(reply="451 4.3.0 busy", after=timedelta(minutes=30))]
    open_house.tick(EIGHT)
    assert list(_why(open_house).blockers) == [
        'Lesson 1: Subject 1 (message 2) waits until 2026-03-02 08:30 UTC. The relay said "451 4.3.0 busy".'
    ]


def test_what_is_uncertain_says_when_it_is_sent_once_more_and_then_that_it_is_held(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [Uncertain(reply="the line was cut"), Uncertain(reply="the line was cut")]
    open_house.tick(EIGHT)
    assert list(_why(open_house).blockers) == [
        NOBODY_KNOWS + "it is sent once more at 2026-03-02 08:15 UTC. The line was cut."
    ]
    open_house.tick(EIGHT + timedelta(minutes=15))
    assert list(_why(open_house).blockers) == [NOBODY_KNOWS + HELD]


def test_a_dead_address_is_told_with_the_relay_s_words(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 no such user", blame=Blame.ADDRESS))]
    open_house.tick(EIGHT)
    known = _why(open_house)
    assert list(known.blockers) == ["The address is suppressed (bounce): 550 5.1.1 no such user"]
    assert known.suppression is not None
    assert known.places[0].next_due is None


def test_whoever_left_is_told_when(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    open_house.leave(EMAIL, EIGHT + timedelta(minutes=30))
    known = _why(open_house)
    assert list(known.blockers)[:1] == ["The person unsubscribed on 02 March 2026 at 08:30 UTC."]
    assert known.places[0].rule == ""


def test_whoever_has_finished_is_told_so(open_house: House) -> None:
    open_house.join(EMAIL)
    for day in range(3):
        open_house.tick(EIGHT + day * DAY)
    known = _why(open_house)
    assert list(known.blockers) == ["Every course of this person is finished."]
    assert [sent.what for sent in known.sent] == [
        "confirmation mail",
        "lesson 1: Subject 1",
        "lesson 2: Subject 2",
        "lesson 3: Subject 3",
    ]
    assert known.places[0].next_lesson == ""


def test_what_was_sent_is_told_in_the_words_that_were_sent(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    open_house.publish(replace(small_course(), lessons=tuple(reversed(small_course().lessons))))
    known = _why(open_house)
    assert known.sent[1].what == "lesson 1: Subject 1"
    assert known.places[0].next_lesson == "Subject 3"


@pytest.mark.parametrize("kind", [one for one in DeliveryKind if one is not DeliveryKind.LESSON])
def test_each_kind_of_letter_has_a_name_of_its_own(open_house: House, kind: DeliveryKind) -> None:
    open_house.sign_up(EMAIL)
    with open_house.db.begin() as tx:
        tx.execute(update(delivery).values(kind=kind))
    names = {
        DeliveryKind.CONFIRMATION: "confirmation mail",
        DeliveryKind.REMINDER: "reminder to confirm",
        DeliveryKind.FAREWELL: "word of farewell",
        DeliveryKind.MOVE: "question at a new address",
        DeliveryKind.ACCESS: "way to what is kept of them",
        DeliveryKind.ISSUE: "issue",
    }
    assert [sent.what for sent in _why(open_house).sent] == [names[kind]]


def test_asking_changes_nothing(open_house: House) -> None:
    open_house.join(EMAIL)
    assert _why(open_house) == _why(open_house)


def _view(house: House, token: str) -> str:
    mail = report.web_view(house.db, house.press, SECRET, token, now=NOW)
    return mail.html + mail.text


def test_a_lesson_in_the_browser_holds_nothing_of_the_person_and_no_link_that_acts_for_them(open_house: House) -> None:
    open_house.join(EMAIL, name="Zebedee")
    open_house.tick(EIGHT)
    page = _view(open_house, open_house.token(EMAIL, "v"))
    assert "Words of lesson 1 for you." in page
    for secret in ("Zebedee", "reader@", "/u/", "/p/", "/v/"):
        assert secret not in page


def test_a_confirmation_cannot_be_read_in_the_browser(open_house: House) -> None:
    open_house.join(EMAIL)
    token = tokens.seal(SECRET, Purpose.VIEW, open_house.ledger(EMAIL)[0].id)
    with pytest.raises(BadRequest, match="not here"):
        _view(open_house, token)


@pytest.mark.parametrize("purpose", [Purpose.LEAVE, Purpose.CONFIRM, Purpose.PREFERENCES])
def test_a_link_for_something_else_shows_no_lesson(open_house: House, purpose: Purpose) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    row = open_house.ledger(EMAIL)[1]
    with pytest.raises(BadRequest):
        _view(open_house, tokens.seal(SECRET, purpose, row.id))
    with pytest.raises(BadRequest, match="not here"):
        _view(open_house, tokens.seal(SECRET, Purpose.VIEW, 404))


def test_people_are_told_page_by_page_each_once_in_the_order_in_which_they_came(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    with open_house.db.begin() as tx:
        tx.execute(
            text(
                "WITH RECURSIVE more(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM more WHERE n < 2500) "
                "INSERT INTO subscriber (id, normalized, wire, needs_smtputf8, name, timezone, state, created_at) "
                "SELECT n, 'r' || n || '@example.org', '', 0, '', 'UTC', n % 2, 0 FROM more"
            )
        )
    assert [person.id for person in report.people(open_house.db)] == list(range(1, 2501))
    active = [person.id for person in report.people(open_house.db, state=SubscriberState.ACTIVE)]
    assert active == list(range(3, 2501, 2))


def test_nobody_is_nobody(house: House) -> None:
    assert list(report.people(house.db)) == []


def test_the_message_ids_of_what_was_sent_are_those_on_the_wire(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.join("other@example.org")
    open_house.courier.answers = [Uncertain(reply="lost")]
    for day in range(2):
        open_house.tick(EIGHT + day * DAY)
    told = list(report.sent_message_ids(open_house.db, open_house.press))
    wire = [
        line.split(b": ", 1)[1].decode()
        for parcel in open_house.courier.sent
        for line in parcel.content.split(b"\r\n")
        if line.startswith(b"Message-ID: ") and b"\r\nList-Id: " in parcel.content
    ]
    assert len(told) == len(set(told)) == 3
    assert set(told) <= set(wire)


def test_what_is_in_flight_is_what_somebody_holds(open_house: House) -> None:
    open_house.join(EMAIL)
    assert report.in_flight(open_house.db) == 0

    class Looker(ScriptedCourier):
        """Looks when it has claimed."""

        seen = -1

        def carry(self, ledger: object) -> object:
            """Claim, look, and forget."""
            ledger.next_batch(PLACES)  # type: ignore[attr-defined]
            self.seen = report.in_flight(open_house.db)
            return ScriptedCourier().carry(ledger)  # type: ignore[arg-type]

    looker = Looker()
    House(open_house.db, looker).tick(EIGHT)
    assert looker.seen == 1


def test_whoever_is_active_without_a_course_is_said_to_be_on_none(open_house: House) -> None:
    open_house.join(EMAIL)
    with open_house.db.begin() as tx:
        tx.execute(text("DELETE FROM enrolment"))
    assert list(_why(open_house).blockers) == ["The person is on no course."]
    assert preferences.places(open_house.db, open_house.person(EMAIL).id) == []
