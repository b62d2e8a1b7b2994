"""Is an event written down with each thing that happens to somebody, in its commit, and for who listens only?"""

import json
from datetime import timedelta

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, PLACES, SECRET, House, ScriptedCourier, an_address, small_course
from sqlalchemy import event, text

from sequencer.core.hooks import Happening
from sequencer.core.model import (
    Accepted,
    Blame,
    Rejected,
    SignupRequest,
    Stage,
    SuppressionReason,
    Uncertain,
    WhenUncertain,
)
from sequencer.delivery.courier import Carried, Ledger
from sequencer.flows import doubt, hooks, leaving, remote, returning, signup, silence, subscription
from sequencer.flows.doubt import Finding
from sequencer.flows.hooks import Wish
from sequencer.forms import Form, OptIn
from sequencer.store.database import Database

EMAIL = "reader@example.org"
DEAD = Rejected(reply="550 5.1.1 No such user", blame=Blame.ADDRESS)
Told = tuple[str, dict[str, object]]


def listen(db: Database, *events: Happening) -> None:
    """A hook that hears these events, or all."""
    wish = Wish(name="crm", url="https://crm.example/", events=events or tuple(Happening))
    hooks.add(db, wish, now=NOW)


def told(db: Database) -> list[Told]:
    """What hooks are told of, in order: the event, and its data without the person, who is checked."""
    with db.read() as tx:
        rows = tx.execute(
            text(
                "SELECT e.name, e.payload, s.id, s.wire FROM hook_call c JOIN event e ON e.id = c.event_id "
                "JOIN subscriber s ON s.id = e.subscriber_id ORDER BY c.id"
            )
        ).all()
    found = []
    for name, payload, who, wire in rows:
        data = json.loads(payload)
        assert data.pop("subscriber") == {"id": who, "email": wire}
        found.append((name, data))
    return found


def names(db: Database) -> list[str]:
    """The names of what hooks are told of, in order."""
    return [name for name, _ in told(db)]


def forget(db: Database) -> None:
    """What was told so far does not matter."""
    with db.begin() as tx:
        tx.execute(text("DELETE FROM hook_call"))
        tx.execute(text("DELETE FROM event"))


def a_request(form: Form) -> SignupRequest:
    return SignupRequest(
        form=form.key, address=an_address(EMAIL), name="", timezone="", note="", source_url="", ip="192.0.2.1"
    )


@pytest.fixture
def heard(house: House) -> House:
    """A house whose small course is published, and whose hook hears everything."""
    house.publish(small_course())
    listen(house.db)
    return house


def test_a_whole_course_is_told_from_the_sign_up_to_the_end(heard: House) -> None:
    heard.join(EMAIL)
    for day in range(4):
        heard.tick(EIGHT + day * DAY)
    lessons = [row.id for row in heard.ledger(EMAIL)][1:]
    assert told(heard.db) == [
        ("subscriber.subscribed", {"course": "small", "form": "newsletter"}),
        ("subscriber.confirmed", {"course": "small", "form": "newsletter"}),
        ("lesson.sent", {"course": "small", "lesson": "lesson-1", "number": 1, "delivery": lessons[0]}),
        ("lesson.sent", {"course": "small", "lesson": "lesson-2", "number": 2, "delivery": lessons[1]}),
        ("lesson.sent", {"course": "small", "lesson": "lesson-3", "number": 3, "delivery": lessons[2]}),
        ("course.finished", {"course": "small", "enrolment": heard.place(EMAIL).id}),
    ]


def test_what_is_said_twice_happens_once(heard: House) -> None:
    heard.join(EMAIL)
    heard.confirm(EMAIL)
    heard.sign_up(EMAIL, NOW + DAY)
    heard.leave_now(EMAIL)
    heard.leave_now(EMAIL)
    assert names(heard.db) == ["subscriber.subscribed", "subscriber.confirmed", "subscriber.unsubscribed"]


def test_a_batch_of_sign_ups_is_told_one_by_one(heard: House) -> None:
    for number in range(3):
        heard.sign_up(f"reader{number}@example.org")
    assert names(heard.db) == ["subscriber.subscribed"] * 3


def test_whoever_is_on_a_course_without_a_mail_has_asked_and_confirmed(heard: House) -> None:
    single = Form(key="members", course="small", opt_in=OptIn.SINGLE, single_because="They are members.")
    signup.sign_up(heard.db, a_request(single), single, zone=LONDON, now=NOW)
    both = [
        ("subscriber.subscribed", {"course": "small", "form": "members"}),
        ("subscriber.confirmed", {"course": "small", "form": "members"}),
    ]
    assert told(heard.db) == both
    other = an_address("other@example.org")
    subscription.add(heard.db, other, FORM, name="", zone=LONDON, reason="A paper list.", now=NOW)
    assert names(heard.db) == ["subscriber.subscribed", "subscriber.confirmed"] * 2


def test_a_dead_address_is_told_with_the_servers_words(heard: House) -> None:
    heard.join(EMAIL)
    forget(heard.db)
    heard.courier.answers = [(Stage.RCPT, DEAD)]
    heard.tick(EIGHT)
    assert told(heard.db) == [("subscriber.bounced", {"course": None, "detail": "550 5.1.1 No such user"})]


def test_a_complaint_has_an_event_of_its_own(heard: House) -> None:
    heard.join(EMAIL)
    forget(heard.db)
    silence.suppress(heard.db, an_address(EMAIL), SuppressionReason.COMPLAINT, detail="abuse", now=NOW)
    assert told(heard.db) == [("subscriber.complained", {"course": None, "detail": "abuse"})]


def test_a_bounce_that_is_reported_later_is_told_as_one_that_we_met_and_an_admins_word_as_a_goodbye(
    heard: House,
) -> None:
    for email in (EMAIL, "other@example.org"):
        heard.join(email)
    forget(heard.db)
    silence.suppress(heard.db, an_address(EMAIL), SuppressionReason.BOUNCE, detail="550 5.1.1", now=NOW)
    silence.suppress(heard.db, an_address("other@example.org"), SuppressionReason.MANUAL, detail="By post.", now=NOW)
    assert told(heard.db) == [
        ("subscriber.bounced", {"course": None, "detail": "550 5.1.1"}),
        ("subscriber.unsubscribed", {"course": None, "reason": "manual"}),
    ]


def test_whoever_leaves_says_why_and_from_what(heard: House) -> None:
    heard.join(EMAIL)
    heard.tick(EIGHT)
    forget(heard.db)
    leaving.leave_one(heard.db, heard.person(EMAIL).id, "small", now=EIGHT)
    heard.leave(EMAIL, EIGHT)
    assert told(heard.db) == [
        ("subscriber.unsubscribed", {"course": "small", "reason": None}),
        ("subscriber.unsubscribed", {"course": None, "reason": None}),
    ]


def test_whoever_comes_back_is_told_as_confirmed(heard: House) -> None:
    heard.join(EMAIL)
    heard.tick(EIGHT)
    heard.leave(EMAIL, EIGHT)
    heard.tick(EIGHT)
    forget(heard.db)
    returning.undo(heard.db, SECRET, heard.token(EMAIL, "back"), now=EIGHT)
    assert told(heard.db) == [("subscriber.confirmed", {"course": None, "form": None})]


def test_whoever_never_was_it_is_told_as_unsubscribed(heard: House) -> None:
    heard.sign_up(EMAIL)
    heard.tick(NOW)
    heard.refuse(EMAIL)
    assert told(heard.db)[1:] == [("subscriber.unsubscribed", {"course": None, "reason": "disowned"})]


def test_whoever_leaves_the_last_lesson_out_has_finished(heard: House) -> None:
    heard.join(EMAIL)
    heard.tick(EIGHT)
    heard.tick(EIGHT + DAY)
    forget(heard.db)
    place = heard.place(EMAIL)
    with heard.db.read() as tx:
        (last,) = tx.execute(text("SELECT max(id) FROM lesson")).one()
    remote.skip(heard.db, place.id, last, now=EIGHT + DAY)
    assert told(heard.db) == [("course.finished", {"course": "small", "enrolment": place.id})]


def test_a_lesson_in_doubt_is_told_when_somebody_knows_that_it_was_sent(heard: House) -> None:
    heard.join(EMAIL)
    forget(heard.db)
    heard.courier.answers = [Uncertain(reply="The line went dead.")]
    heard.tick(EIGHT)
    assert told(heard.db) == []
    row = heard.ledger(EMAIL)[-1]
    doubt.resolve(heard.db, heard.press.archive, row.id, Finding.SENT, now=EIGHT)
    assert names(heard.db) == ["lesson.sent"]


def test_a_lesson_that_is_assumed_to_be_sent_is_told(house: House) -> None:
    house.publish(small_course(uncertain=WhenUncertain.ASSUME_SENT))
    listen(house.db, Happening.SENT)
    house.join(EMAIL)
    house.courier.answers = [Uncertain(reply="The line went dead."), Accepted(reply="250 Ok")]
    house.tick(EIGHT)
    house.tick(EIGHT + DAY)
    assert [data["lesson"] for _, data in told(house.db)] == ["lesson-1", "lesson-2"]


def test_a_lesson_that_was_on_the_wire_at_a_crash_and_is_assumed_to_be_sent_is_told(house: House) -> None:
    house.publish(small_course(uncertain=WhenUncertain.ASSUME_SENT))
    listen(house.db, Happening.SENT)
    house.join(EMAIL)
    house.courier = _Dying()
    with pytest.raises(_PlugPulled):
        house.tick(EIGHT)
    with house.db.begin() as tx:
        tx.execute(text("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"))
    house.courier = ScriptedCourier()
    house.tick(EIGHT + timedelta(minutes=1))
    assert [data["lesson"] for _, data in told(house.db)] == ["lesson-1"]


def test_only_what_a_hook_asked_for_is_written(house: House) -> None:
    house.publish(small_course())
    listen(house.db, Happening.CONFIRMED)
    house.join(EMAIL)
    house.tick(EIGHT)
    house.leave(EMAIL, EIGHT)
    assert names(house.db) == ["subscriber.confirmed"]


def test_a_pass_without_hooks_asks_once_and_writes_nothing(house: House) -> None:
    house.publish(small_course())
    for number in range(5):
        house.join(f"reader{number}@example.org")
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.extend([statement] if "hook" in statement else [])

    event.listen(house.db.engine, "before_cursor_execute", note)
    house.tick(EIGHT)
    event.remove(house.db.engine, "before_cursor_execute", note)
    assert len(asked) == 1
    assert len(house.courier.sent) == 10
    with house.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM event")).scalar_one() == 0


class _PlugPulled(Exception):
    """The sender is no more."""


class _Dying(ScriptedCourier):
    """Says that content is on the wire, and dies before the answer."""

    def carry(self, ledger: Ledger) -> Carried:
        """Send one, and fall silent."""
        ledger.record([parcel.ticket for parcel in ledger.next_batch(PLACES)], [])
        raise _PlugPulled
