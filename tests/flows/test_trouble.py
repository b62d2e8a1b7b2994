"""If one message is in trouble, do all the others go out?"""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from house import DAY, EIGHT, NOW, House, small_course
from sqlalchemy import text

from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.core.model import Blame, Deferred, DeliveryState, EnrolmentState, Rejected, Stage, SubscriberState
from sequencer.flows.press import Imprint, Press

EMAIL = "reader@example.org"
OTHER = "other@example.org"
REFUSED = Rejected(reply="554 5.6.0 we do not like these words", blame=Blame.MESSAGE)


class OwnTemplates:
    """A house whose templates stand in a folder that can be broken and mended."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self._imprint = Imprint(
            base_url="https://mail.example.org", secret=house.press._imprint.secret, postal_address="", confirm_within=7
        )
        shutil.copytree(shipped("templates"), folder)
        self._folder = folder
        self.mjml = folder / "mail" / "lesson.mjml"
        self._good = self.mjml.read_text()
        self.start()

    def start(self) -> None:
        """As after a start of the program: nothing is compiled yet, and a file that changes is read again."""
        self.house.press = Press(Templates(self._folder, live=True), self._imprint)

    def mend(self) -> None:
        """The file is as it was."""
        self.mjml.write_text(self._good)
        self.start()


@pytest.fixture
def own(house: House, tmp_path: Path) -> OwnTemplates:
    """A house with a small course and templates of its own."""
    house.publish(small_course())
    return OwnTemplates(house, tmp_path / "templates")


@pytest.mark.parametrize(
    "broken", ["<mjml><mj-body></mjml>", "[% if %]", "[[ nobody.knows ]]", ""], ids=["mjml", "jinja", "name", "nothing"]
)
def test_a_lesson_that_cannot_be_made_waits_and_confirmations_go_out(own: OwnTemplates, broken: str) -> None:
    house = own.house
    house.join(EMAIL)
    own.mjml.write_text(broken)
    own.start()
    house.sign_up(OTHER)
    done = house.tick(EIGHT)
    assert (done.accepted, done.deferred) == (1, 1)
    row = house.ledger(EMAIL)[-1]
    assert row.state is DeliveryState.DEFERRED
    assert "lesson.mjml" in row.reply
    own.mend()
    house.tick(EIGHT + timedelta(minutes=2))
    assert house.subjects(EMAIL)[1:] == ["Subject 1"]


def test_a_lesson_that_cannot_be_made_does_not_hold_up_another_that_can(own: OwnTemplates) -> None:
    house = own.house
    house.join(EMAIL)
    house.tick(EIGHT)
    house.join(OTHER, NOW + DAY)
    # Lesson 1 is compiled and kept; lesson 2 is not, and now it cannot be.
    own.mjml.write_text("<mjml><mj-body></mjml>")
    done = house.tick(EIGHT + DAY)
    assert (done.accepted, done.deferred) == (1, 1)
    assert house.subjects(OTHER)[1:] == ["Subject 1"]
    assert house.states(EMAIL)[-1] is DeliveryState.DEFERRED


def test_a_lesson_that_can_never_be_made_fails_after_days_and_the_course_goes_on(own: OwnTemplates) -> None:
    house = own.house
    house.join(EMAIL)
    own.mjml.write_text("<mjml><mj-body></mjml>")
    own.start()
    now = EIGHT
    for _ in range(29):
        house.tick(now)
        now = house.ledger(EMAIL)[1].due_at or now
    assert house.ledger(EMAIL)[1].state is DeliveryState.FAILED
    own.mend()
    house.tick(now + 2 * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 2"]


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.CONTENT])
def test_a_message_that_is_refused_for_its_words_fails_and_the_course_goes_on(house: House, stage: Stage) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [(stage, REFUSED)]
    assert house.tick(EIGHT).rejected == 1
    row = house.ledger(EMAIL)[-1]
    assert (row.state, row.reply, row.finished_at) == (DeliveryState.FAILED, REFUSED.reply, EIGHT)
    assert house.person(EMAIL).state is SubscriberState.ACTIVE
    house.tick(EIGHT + DAY)
    assert house.subjects(EMAIL)[-1] == "Subject 2"


def test_the_last_lesson_that_is_refused_ends_the_course(house: House) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    house.courier.answers = [REFUSED]
    house.tick(EIGHT)
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


@pytest.mark.parametrize("blame", [Blame.MAILBOX, Blame.MESSAGE, Blame.US])
def test_only_a_dead_address_is_suppressed(house: House, blame: Blame) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 no", blame=blame))]
    house.tick(EIGHT)
    assert house.person(EMAIL).state is SubscriberState.ACTIVE
    assert house.place(EMAIL).next_due_at == EIGHT + DAY


def test_a_confirmation_to_a_dead_address_suppresses_it(house: House) -> None:
    house.publish(small_course())
    house.sign_up(EMAIL)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))]
    house.tick(NOW)
    assert house.person(EMAIL).state is SubscriberState.SUPPRESSED
    assert house.states(EMAIL) == [DeliveryState.FAILED]


def test_the_relay_s_wish_to_wait_is_granted(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [Deferred(reply="454 4.7.0 daily quota", after=timedelta(hours=1))]
    house.tick(EIGHT)
    due = house.ledger(EMAIL)[-1].due_at
    assert due is not None
    assert due - EIGHT >= timedelta(hours=1)


def test_confirmations_go_before_lessons_that_wait(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [Deferred(reply="451 busy")]
    house.tick(EIGHT)
    house.sign_up(OTHER, EIGHT + timedelta(minutes=5))
    house.courier.tried.clear()
    house.tick(EIGHT + timedelta(minutes=5))
    assert [parcel.recipient for parcel in house.courier.tried] == [OTHER, EMAIL]


def test_no_connection_is_opened_where_nothing_is_due(house: House) -> None:
    house.publish(small_course())
    house.courier.down = "a connection was opened"
    assert house.tick(EIGHT).trouble == ""
    house.courier.down = ""
    house.join(EMAIL)
    house.courier.down = "a connection was opened"
    assert house.tick(EIGHT - timedelta(seconds=1)).trouble == ""
    assert house.tick(EIGHT).trouble == "a connection was opened"


def test_no_connection_is_opened_for_what_waits_for_a_suppressed_person(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.courier.answers = [Deferred(reply="451 busy")]
    house.tick(EIGHT)
    with house.db.begin() as tx:
        tx.execute(text("UPDATE subscriber SET state = 3"))
    house.courier.down = "a connection was opened"
    assert house.tick(EIGHT + DAY).trouble == ""
