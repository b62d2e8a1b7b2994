"""How does somebody get their mail at another address, and what can a stranger do who has one of their mails?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, NOW, SECRET, House, an_address, small_course, unfolded

from sequencer.core import tokens
from sequencer.core.model import (
    Accepted,
    Blame,
    DeliveryKind,
    DeliveryState,
    Move,
    Rejected,
    Stage,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from sequencer.core.tokens import Purpose
from sequencer.errors import BadRequest, Expired, NotFound, TooMany
from sequencer.flows import moving
from sequencer.flows.moving import Moving
from sequencer.store import moves, subscribers
from sequencer.store.database import Database

OLD, NEW, OTHER = "reader@example.org", "new@example.com", "other@example.net"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def house(house: House) -> House:
    """Somebody is on a course and has had one lesson."""
    house.publish(small_course(5))
    house.join(OLD, name="Ann")
    house.tick(EIGHT)
    return house


def ask(house: House, to: str = NEW, now: datetime = EIGHT + MINUTE, who: str = OLD) -> None:
    """They give a new address on their preferences page."""
    moving.ask(house.db, house.person(who).id, an_address(to), ip="192.0.2.7", now=now)


def press(house: House, at: str = NEW, now: datetime = EIGHT + HOUR) -> Moving:
    """Somebody at that address presses the button behind the newest link."""
    return moving.press(house.db, SECRET, house.token(at, "move"), now=now)


def sent_since(house: House, before: int) -> list[tuple[str, str]]:
    """To whom what went, by its subject."""
    found = []
    for one in house.courier.sent[before:]:
        (subject,) = [line for line in unfolded(one.content).splitlines() if line.startswith("Subject: ")]
        found.append((one.recipient, subject.removeprefix("Subject: ")))
    return found


def kept(house: House, db: Database | None = None) -> Sequence[Move]:
    """What is kept of it."""
    with (db or house.db).read() as tx:
        return moves.of(tx, SubscriberId(1))


def test_the_new_address_is_asked_and_mails_go_there_once_it_is_confirmed(house: House) -> None:
    before = len(house.courier.sent)
    ask(house)
    house.tick(EIGHT + 2 * MINUTE)
    assert sent_since(house, before) == [(NEW, "Is this your address? The Brand")]
    assert house.person(OLD).address.normalized == OLD
    house.tick(EIGHT + DAY)
    assert press(house, now=EIGHT + DAY + HOUR).move.confirmed_at is not None
    assert house.person(NEW).name == "Ann"
    house.tick(EIGHT + 2 * DAY)
    assert sent_since(house, before)[1:] == [
        (OLD, "Subject 2"),
        (OLD, "Your mails go to another address now"),
        (NEW, "Subject 3"),
    ]


def test_the_question_says_nothing_of_who_asks(house: House) -> None:
    ask(house)
    house.tick(EIGHT + 2 * MINUTE)
    words = unfolded(house.courier.sent[-1].content)
    assert OLD not in words
    assert f"To: {NEW}" in words
    assert "Ann" not in words.replace("Ann Author", "").replace("ann@", "")
    assert "Auto-Submitted: auto-generated" in words
    assert "List-Unsubscribe" not in words


def test_looking_at_the_link_moves_nothing_and_pressing_twice_is_pressing_once(house: House) -> None:
    ask(house)
    house.tick(EIGHT + 2 * MINUTE)
    token = house.token(NEW, "move")
    assert moving.look(house.db, SECRET, token, now=EIGHT + HOUR).move.confirmed_at is None
    assert house.person(OLD).state is SubscriberState.ACTIVE
    first = press(house)
    assert press(house, now=EIGHT + 2 * HOUR) == first
    house.tick(EIGHT + 3 * HOUR)
    assert [row.state for row in house.ledger(NEW) if row.kind is DeliveryKind.MOVE] == [DeliveryState.SENT] * 2


def test_one_may_ask_once_a_day_and_what_was_asked_last_counts(house: House) -> None:
    ask(house)
    with pytest.raises(TooMany, match="come again tomorrow"):
        ask(house, OTHER, EIGHT + 23 * HOUR)
    house.tick(EIGHT + 2 * MINUTE)
    ask(house, OTHER, EIGHT + DAY + MINUTE)
    house.tick(EIGHT + DAY + 2 * MINUTE)
    with pytest.raises(BadRequest, match="used up"):
        press(house, NEW, EIGHT + DAY + HOUR)
    press(house, OTHER, EIGHT + DAY + HOUR)
    assert house.person(OTHER).name == "Ann"


def test_a_link_works_as_long_as_that_of_a_confirmation(house: House) -> None:
    ask(house)
    house.tick(EIGHT + 2 * MINUTE)
    with pytest.raises(Expired):
        press(house, now=EIGHT + MINUTE + 7 * DAY)
    press(house, now=EIGHT + 7 * DAY)


def test_an_address_that_is_somebody_elses_is_asked_like_any_other_and_nothing_is_thrown_together(house: House) -> None:
    house.join(OTHER, EIGHT, name="Bea")
    house.tick(EIGHT)
    before = len(house.courier.sent)
    ask(house, OTHER)
    house.tick(EIGHT + 2 * MINUTE)
    assert sent_since(house, before) == [(OTHER, "Is this your address? The Brand")]
    with pytest.raises(BadRequest, match="as a subscriber of its own"):
        press(house, OTHER)
    assert (house.person(OLD).name, house.person(OTHER).name) == ("Ann", "Bea")
    assert kept(house)[-1].confirmed_at is None


def test_a_suppressed_address_gets_nothing_and_who_asks_cannot_tell(house: House) -> None:
    with house.db.begin() as tx:
        subscribers.suppress(tx, an_address(NEW), reason=SuppressionReason.COMPLAINT, detail="", now=NOW)
    before = len(house.courier.sent)
    ask(house)
    house.tick(EIGHT + HOUR)
    assert sent_since(house, before) == []
    with pytest.raises(TooMany):
        ask(house, OTHER, EIGHT + HOUR)
    token = house.press.move_url(kept(house)[0]).rpartition("/")[2]
    with pytest.raises(BadRequest, match="do not write to this address"):
        moving.press(house.db, SECRET, token, now=EIGHT + HOUR)


def test_ones_own_address_is_not_asked_and_nothing_gives_it_away(house: House) -> None:
    before = len(house.courier.sent)
    ask(house, OLD.upper())
    house.tick(EIGHT + HOUR)
    assert sent_since(house, before) == []
    with pytest.raises(TooMany):
        ask(house, OTHER, EIGHT + HOUR)


def test_many_who_name_one_address_bring_it_one_mail_a_day(house: House) -> None:
    people = [f"{number}@example.org" for number in range(5)]
    for email in people:
        house.join(email, EIGHT)
    house.tick(EIGHT)
    before = len(house.courier.sent)
    for email in people:
        ask(house, "victim@example.com", EIGHT + MINUTE, email)
    house.tick(EIGHT + HOUR)
    assert [to for to, _ in sent_since(house, before)] == ["victim@example.com"]


def test_who_gets_no_mail_cannot_move(house: House) -> None:
    house.leave(OLD, EIGHT + MINUTE)
    with pytest.raises(BadRequest, match="sign up with the new address"):
        ask(house, now=EIGHT + HOUR)
    with pytest.raises(NotFound):
        moving.ask(house.db, SubscriberId(404), an_address(NEW), ip="", now=EIGHT)
    with pytest.raises(NotFound):
        moving.press(house.db, SECRET, tokens.seal(SECRET, Purpose.MOVE, 404), now=EIGHT)


def test_a_dead_new_address_is_not_held_against_the_person(house: House) -> None:
    ask(house)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))]
    house.tick(EIGHT + HOUR)
    (row,) = [row for row in house.ledger(OLD) if row.kind is DeliveryKind.MOVE]
    assert row.state is DeliveryState.FAILED
    assert house.person(OLD).state is SubscriberState.ACTIVE
    assert house.tick(EIGHT + DAY).accepted == 1


def test_an_address_that_needs_smtputf8_is_asked_in_it(house: House) -> None:
    ask(house, "jürgen@bücher.example.org")
    house.tick(EIGHT + HOUR)
    parcel = house.courier.sent[-1]
    assert (parcel.recipient, parcel.needs_smtputf8) == ("jürgen@xn--bcher-kva.example.org", True)


def test_a_question_that_was_answered_or_came_too_late_is_withheld(house: House) -> None:
    ask(house)
    house.tick(EIGHT + 2 * MINUTE)
    press(house, now=EIGHT + HOUR)
    ask(house, OTHER, EIGHT + DAY + HOUR, NEW)
    house.tick(EIGHT + 10 * DAY)
    rows = [row for row in house.ledger(NEW) if row.kind is DeliveryKind.MOVE]
    assert [(row.state, row.reply.startswith("The link in it had expired")) for row in rows[2:]] == [
        (DeliveryState.SKIPPED, True)
    ]


# At the former address


def moved(house: House) -> None:
    """Somebody who has one of their mails has moved them to an address of their own; the former one hears of it."""
    ask(house)
    house.tick(EIGHT + 2 * MINUTE)
    press(house)
    house.tick(EIGHT + 2 * HOUR)


def test_the_former_address_takes_it_back_for_thirty_days(house: House) -> None:
    moved(house)
    token = house.token(OLD, "move")
    assert moving.look(house.db, SECRET, token, now=EIGHT + DAY).at_former
    assert house.person(NEW).name == "Ann"
    press(house, OLD, EIGHT + DAY)
    assert house.person(OLD).name == "Ann"
    assert press(house, OLD, EIGHT + DAY + HOUR).move.taken_back_at == EIGHT + DAY
    with pytest.raises(BadRequest, match="used up"):
        press(house, NEW, EIGHT + DAY + HOUR)
    with pytest.raises(Expired):
        press(house, OLD, EIGHT + HOUR + 30 * DAY)


def test_whoever_read_mail_there_first_has_the_last_word_however_often_it_was_moved_on(house: House) -> None:
    moved(house)
    ask(house, OTHER, EIGHT + DAY + MINUTE, NEW)
    house.tick(EIGHT + DAY + 2 * MINUTE)
    press(house, OTHER, EIGHT + DAY + HOUR)
    house.tick(EIGHT + DAY + 2 * HOUR)
    press(house, OLD, EIGHT + 2 * DAY)
    assert house.person(OLD).name == "Ann"
    for at in (NEW, OTHER):
        with pytest.raises(BadRequest, match="used up"):
            press(house, at, EIGHT + 2 * DAY + HOUR)
    assert house.person(OLD).name == "Ann"


def test_an_address_that_somebody_else_has_by_now_is_not_taken_from_them(house: House) -> None:
    moved(house)
    house.join(OLD, EIGHT + DAY, name="Somebody else")
    with pytest.raises(BadRequest, match="Somebody else gets mails"):
        press(house, OLD, EIGHT + 2 * DAY)
    assert (house.person(OLD).name, house.person(NEW).name) == ("Somebody else", "Ann")


def test_a_word_of_what_was_taken_back_is_withheld(house: House) -> None:
    ask(house)
    house.tick(EIGHT + 2 * MINUTE)
    move = press(house).move
    token = house.press.stay_url(move).rpartition("/")[2]
    moving.press(house.db, SECRET, token, now=EIGHT + HOUR)
    house.tick(EIGHT + 2 * HOUR)
    row = [row for row in house.ledger(OLD) if row.kind is DeliveryKind.MOVE][-1]
    assert (row.state, row.reply) == (DeliveryState.SKIPPED, "It was taken back before this was sent.")


def test_a_suppressed_person_moves_nowhere(house: House) -> None:
    moved(house)
    house.courier.answers = [Accepted(reply="250 Ok"), (Stage.RCPT, Rejected(reply="550 5.1.1", blame=Blame.ADDRESS))]
    house.tick(EIGHT + DAY)
    house.tick(EIGHT + 2 * DAY)
    assert house.person(NEW).state is SubscriberState.SUPPRESSED
    for at in (OLD, NEW):
        with pytest.raises(BadRequest, match="do not write"):
            press(house, at, EIGHT + 3 * DAY)
