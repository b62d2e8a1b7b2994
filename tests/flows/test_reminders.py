"""Who is reminded, when, and who never is; and how many mails can come to somebody who does not answer?"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, TERMS, House, Meddler, an_address, small_course, unfolded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sequencer.core.model import (
    Blame,
    Deferred,
    DeliveryKind,
    DeliveryState,
    Rejected,
    SignupRequest,
    Stage,
    SubscriberState,
    SuppressionReason,
    Uncertain,
)
from sequencer.core.verdicts import CONFIRMATIONS_IN_ALL, SignupVerdict
from sequencer.errors import BadRequest
from sequencer.flows import dispatch, reminders, signup
from sequencer.flows.reminders import BATCH, Patience
from sequencer.store import consents, subscribers
from sequencer.store.database import Database

EMAIL = "reader@example.org"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
THIRD = NOW + 3 * DAY
CONFIRM, REMIND = "Please confirm: A Small Course", "Do you still want it? A Small Course"


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


def asked(house: House, email: str = EMAIL, now: datetime = NOW) -> None:
    """Somebody signs up and gets the mail."""
    house.sign_up(email, now)
    house.tick(now)


def hour(house: House, now: datetime) -> None:
    """The upkeep of an hour, and the pass behind it."""
    house.tidy(now)
    house.tick(now)


# Who is reminded


def test_who_has_not_confirmed_after_three_days_is_reminded_once(open_house: House) -> None:
    asked(open_house)
    hour(open_house, THIRD - MINUTE)
    assert open_house.subjects(EMAIL) == [CONFIRM]
    for step in range(8):
        hour(open_house, THIRD + step * 12 * HOUR)
    assert open_house.subjects(EMAIL) == [CONFIRM, REMIND]
    (_, row) = open_house.ledger(EMAIL)
    assert (row.kind, row.state, row.campaign_id) == (DeliveryKind.REMINDER, DeliveryState.SENT, 1)


def test_the_reminder_has_the_same_two_links_and_nothing_that_the_visitor_wrote(open_house: House) -> None:
    open_house.sign_up(EMAIL, name="You owe me money")
    open_house.tick(NOW)
    hour(open_house, THIRD)
    first, second = (unfolded(parcel.content) for parcel in open_house.courier.sent)
    links = [set(re.findall(r"https://mail\.example\.org/\w+/[\w-]+", words)) for words in (first, second)]
    assert links[0] == links[1]
    assert sorted(link.split("/")[3] for link in links[0]) == ["confirm", "notme"]
    assert "owe" not in second
    assert "Auto-Submitted: auto-generated" in second
    assert "List-Unsubscribe" not in second
    ids = {re.search(r"^Message-ID: (.*)\r$", words, re.MULTILINE)[1] for words in (first, second)}  # type: ignore[index]
    assert len(ids) == 2


def test_who_is_reminded_can_confirm_by_that_mail(open_house: House) -> None:
    asked(open_house)
    hour(open_house, THIRD)
    open_house.confirm(EMAIL, THIRD + HOUR)
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE


def test_whoever_left_and_signs_up_again_is_reminded_too(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.leave_now(EMAIL)
    asked(open_house, now=NOW + MINUTE)
    hour(open_house, THIRD + MINUTE)
    assert open_house.subjects(EMAIL) == [CONFIRM, CONFIRM, REMIND]


def test_whoever_reads_a_course_is_reminded_of_another_one(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.publish(small_course(slug="other", title="Another Course"))
    asked_for_another(open_house, NOW + DAY)
    hour(open_house, NOW + 4 * DAY)
    assert open_house.subjects(EMAIL)[-1] == "Do you still want it? Another Course"


def asked_for_another(house: House, now: datetime) -> None:
    """A reader of the small course signs up for the other one."""
    form = replace(FORM, key="other", course="other")
    request = SignupRequest(
        form=form.key, address=an_address(EMAIL), name="", timezone="", note="", source_url="", ip="192.0.2.1"
    )
    signup.sign_up(house.db, request, form, zone=LONDON, now=now)
    house.tick(now)


# Who never is


def _confirms(house: House) -> None:
    house.confirm(EMAIL, NOW + DAY)


def _is_unsubscribed(house: House) -> None:
    house.leave_now(EMAIL, NOW + DAY)


def _disowns(house: House) -> None:
    house.refuse(EMAIL, NOW + DAY)


def _disowns_and_takes_it_back(house: House) -> None:
    house.refuse(EMAIL, NOW + DAY)
    house.take_back(EMAIL, NOW + DAY)
    house.refuse(EMAIL, NOW + DAY)


def _is_put_on_the_suppression_list(house: House) -> None:
    with house.db.begin() as tx:
        subscribers.suppress(tx, an_address(EMAIL), reason=SuppressionReason.MANUAL, detail="", now=NOW + DAY)


def _signs_up_again(house: House) -> None:
    asked(house, now=NOW + DAY)


@pytest.mark.parametrize(
    "does",
    [
        _confirms,
        _is_unsubscribed,
        _disowns,
        _disowns_and_takes_it_back,
        _is_put_on_the_suppression_list,
        _signs_up_again,
    ],
)
def test_who_answered_or_got_two_mails_is_never_reminded(open_house: House, does: Callable[[House], None]) -> None:
    asked(open_house)
    does(open_house)
    for day in range(3, 9):
        hour(open_house, NOW + day * DAY)
    assert REMIND not in open_house.subjects(EMAIL)
    assert [row.kind for row in open_house.ledger(EMAIL) if row.kind is DeliveryKind.REMINDER] == []


def test_with_zero_days_nobody_is_reminded(open_house: House) -> None:
    asked(open_house)
    never = replace(TERMS, patience=Patience(link=7 * DAY, reminder=timedelta(0)))
    for day in range(7):
        open_house.tidy(NOW + day * DAY, never)
        open_house.tick(NOW + day * DAY)
    assert open_house.subjects(EMAIL) == [CONFIRM]


@pytest.mark.parametrize("answer", [Rejected(reply="552 5.2.2 full", blame=Blame.MAILBOX), Uncertain(reply="broke")])
def test_where_the_first_mail_did_not_arrive_for_sure_no_other_follows(
    open_house: House, answer: Rejected | Uncertain
) -> None:
    open_house.courier.answers = [answer, answer, answer]
    asked(open_house)
    for step in range(20):
        open_house.tick(NOW + step * HOUR)
    before = len(open_house.courier.tried)
    for day in range(3, 8):
        hour(open_house, NOW + day * DAY)
    assert len(open_house.courier.tried) == before


def test_nobody_is_reminded_on_the_last_day_of_the_link_nor_after_it(open_house: House) -> None:
    asked(open_house)
    asked(open_house, "late@example.org", NOW + MINUTE)
    # Nothing ran for days.
    hour(open_house, NOW + 6 * DAY + MINUTE)
    assert REMIND not in open_house.subjects(EMAIL)
    assert REMIND in open_house.subjects("late@example.org")
    hour(open_house, NOW + 9 * DAY)
    assert REMIND not in open_house.subjects(EMAIL)


def test_a_reminder_that_could_not_be_sent_before_the_link_s_end_is_not_sent(open_house: House) -> None:
    asked(open_house)
    open_house.courier.down = "The relay is away."
    hour(open_house, THIRD)
    open_house.courier.down = ""
    open_house.tick(NOW + 7 * DAY)
    assert open_house.subjects(EMAIL) == [CONFIRM]
    assert open_house.states(EMAIL) == [DeliveryState.SENT, DeliveryState.SKIPPED]
    assert dispatch.next_due(open_house.db) is None


def test_a_mail_that_came_late_is_followed_by_a_reminder_three_days_after_it(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.courier.down = "The relay is away."
    open_house.tick(NOW)
    hour(open_house, THIRD)
    open_house.courier.down = ""
    hour(open_house, THIRD + HOUR)
    assert open_house.subjects(EMAIL) == [CONFIRM]
    hour(open_house, THIRD + HOUR + 2 * DAY)
    assert open_house.subjects(EMAIL) == [CONFIRM]
    hour(open_house, THIRD + HOUR + 3 * DAY - 2 * HOUR)
    assert open_house.subjects(EMAIL) == [CONFIRM]
    # Three days after the mail the link has less than a day to go.
    hour(open_house, THIRD + HOUR + 3 * DAY)
    assert open_house.subjects(EMAIL) == [CONFIRM]


def test_whoever_answers_while_the_reminder_waits_does_not_get_it(open_house: House) -> None:
    asked(open_house)
    open_house.tidy(THIRD)
    open_house.confirm(EMAIL, THIRD)
    open_house.tick(THIRD)
    assert open_house.states(EMAIL) == [DeliveryState.SENT, DeliveryState.SKIPPED]
    assert REMIND not in open_house.subjects(EMAIL)


@pytest.mark.parametrize("does", ["confirm", "refuse"])
def test_whoever_answers_between_the_claim_and_the_content_of_a_reminder_does_not_get_it(
    open_house: House, does: str
) -> None:
    # A reader, asked about another course: nothing else stands in the reminder's way.
    open_house.join(EMAIL)
    open_house.publish(small_course(slug="other", title="Another Course"))
    asked_for_another(open_house, NOW + DAY)
    now = EIGHT - HOUR + 4 * DAY
    while open_house.tick(now).accepted:
        now += MINUTE
    before = len(open_house.courier.sent)
    open_house.tidy(now)
    answers = {"confirm": open_house.confirm, "refuse": open_house.refuse}

    def answer() -> None:
        answers[does](EMAIL, now)

    open_house.courier = Meddler(sent=open_house.courier.sent, before_intent=answer)
    open_house.tick(now)
    assert len(open_house.courier.sent) == before
    (row,) = [one for one in open_house.ledger(EMAIL) if one.kind is DeliveryKind.REMINDER]
    assert row.state is DeliveryState.SKIPPED


def test_what_was_answered_or_decided_meanwhile_is_not_decided_again(open_house: House) -> None:
    people = [f"reader-{number}@example.org" for number in range(4)]
    for email in people:
        asked(open_house, email)
    open_house.confirm(people[0])
    open_house.refuse(people[1])
    with open_house.db.begin() as tx:
        given = [consents.of(tx, open_house.person(email).id)[0].id for email in people]
        assert consents.consider(tx, given[2], now=NOW)
        assert [consents.consider(tx, which, now=NOW) for which in given] == [False, False, False, True]
        # Nor looked at again.
        assert consents.unconsidered(tx, until=NOW, after=None, limit=9) == []


def test_a_second_sign_up_behind_a_reminder_makes_no_third_mail(open_house: House) -> None:
    asked(open_house)
    hour(open_house, THIRD)
    assert open_house.sign_up(EMAIL, THIRD + 2 * DAY) is SignupVerdict.QUIET
    open_house.tick(THIRD + 2 * DAY)
    assert len(open_house.subjects(EMAIL)) == 2


def test_a_reminder_comes_behind_what_answers_a_press_and_behind_lessons(open_house: House) -> None:
    asked(open_house)
    open_house.join("learner@example.org", EIGHT - 5 * MINUTE + 2 * DAY)
    open_house.join("other@example.org", EIGHT - 5 * MINUTE + 2 * DAY)
    open_house.courier.answers = [Deferred(reply="451 busy")]
    open_house.tick(EIGHT + 2 * DAY)
    now = EIGHT + 3 * DAY
    open_house.tidy(now)
    open_house.sign_up("new@example.org", now)
    before = len(open_house.courier.sent)
    open_house.tick(now)
    order = [parcel.recipient for parcel in open_house.courier.sent[before:]]
    # A press; a lesson that had been put off; a new lesson; the reminder.
    assert order == ["new@example.org", "learner@example.org", "other@example.org", EMAIL]


def test_many_are_reminded_a_batch_to_a_commit_and_whoever_stops_us_loses_nothing(open_house: House) -> None:
    people = [f"reader-{number}@example.org" for number in range(BATCH + 5)]
    for email in people:
        open_house.sign_up(email)
    open_house.tick(NOW)
    looks = iter([False, True])
    assert reminders.remind(open_house.db, TERMS.patience, now=THIRD, stop=lambda: next(looks)) == BATCH
    assert reminders.remind(open_house.db, TERMS.patience, now=THIRD) == len(people) - BATCH
    open_house.tick(THIRD)
    assert Counter(parcel.recipient for parcel in open_house.courier.sent) == dict.fromkeys(people, 2)


def test_whom_somebody_else_holds_is_reminded_with_the_next_look(shared_house: House) -> None:
    shared_house.publish(small_course())
    asked(shared_house)
    with shared_house.db.begin() as other:
        subscribers.lock(other, shared_house.person(EMAIL).id)
        assert shared_house.tidy(THIRD).reminded == 0
    assert shared_house.tidy(THIRD).reminded == 1


def test_looking_for_reminders_takes_no_longer_for_a_long_list(sqlite_db: Database) -> None:
    with sqlite_db.read() as tx:
        query = (
            "EXPLAIN QUERY PLAN SELECT * FROM consent WHERE confirmed_at IS NULL AND considered_at IS NULL "
            "AND asked_at <= 5 ORDER BY asked_at, id LIMIT 9"
        )
        plan = [row.detail for row in tx.execute(text(query))]
    assert plan == ["SEARCH consent USING INDEX consent_open (asked_at<?)"]


# Whatever happens


class Weeks:
    """Some weeks in the life of three addresses, in hours; what came to whom and when."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.now = NOW
        self.came: dict[str, list[datetime]] = defaultdict(list)
        self.seen = 0

    def wait(self, hours: int) -> None:
        """Time passes: an upkeep and a pass twice a day."""
        for _ in range(0, hours, 12):
            self.now += 12 * HOUR
            hour(self.house, self.now)
            self.note()

    def note(self) -> None:
        """What has come since the last look."""
        for parcel in self.house.courier.sent[self.seen :]:
            self.came[parcel.recipient].append(self.now)
        self.seen = len(self.house.courier.sent)

    def sign_up(self, email: str) -> None:
        """Somebody types the address into the form."""
        self.house.sign_up(email, self.now)
        self.house.tick(self.now)
        self.note()

    def press(self, act: Callable[[str, datetime], object], email: str) -> None:
        """A button in the last mail is pressed, if there is one and it works."""
        with suppress(AssertionError, BadRequest):
            act(email, self.now)


PEOPLE = ("ann@example.org", "ben@example.org")
ACTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([12, 24, 48, 72, 240])),
    st.tuples(st.just("sign up"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("refuse"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("take back"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("relay"), st.booleans()),
    st.tuples(st.just("busy"), st.just(None)),
)


@given(acts=st.lists(ACTS, max_size=20))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_happens_nobody_who_does_not_confirm_gets_more_than_two_mails_nor_two_a_day(
    open_house: House, acts: list[tuple[str, object]]
) -> None:
    open_house.forget_everybody()
    open_house.courier.answers.clear()
    open_house.courier.down = ""
    weeks = Weeks(open_house)
    for act, what in acts:
        match act:
            case "wait":
                weeks.wait(int(str(what)))
            case "sign up":
                weeks.sign_up(str(what))
            case "refuse":
                weeks.press(weeks.house.refuse, str(what))
            case "take back":
                weeks.press(weeks.house.take_back, str(what))
            case "relay":
                weeks.house.courier.down = "away" if what else ""
            case _:
                weeks.house.courier.answers.append((Stage.RCPT, Deferred(reply="451 busy")))
    weeks.wait(72)
    for times in weeks.came.values():
        assert all(later - earlier >= DAY for earlier, later in pairwise(times)), times
        # Who is forgotten is a stranger again, 30 days after a sign-up whose mail may have come 7 days late.
        for start in times:
            assert sum(start <= at < start + 23 * DAY for at in times) <= CONFIRMATIONS_IN_ALL, times
