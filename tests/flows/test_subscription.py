"""How do people come, stay and leave, and what can a stranger do to them?"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, SECRET, House, Meddler, an_address, small_course

from sequencer.core import tokens
from sequencer.core.model import (
    Accepted,
    Blame,
    Consent,
    Deferred,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    Rejected,
    SignupRequest,
    Stage,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
    Uncertain,
)
from sequencer.core.tokens import Purpose
from sequencer.core.verdicts import SignupVerdict
from sequencer.errors import BadRequest, BadSettings, NotFound
from sequencer.flows import access, leaving, moving, optin, preferences, reminders, returning, signup, subscription
from sequencer.flows.reminders import Patience
from sequencer.forms import Form
from sequencer.store import consents, enrolments, subscribers

EMAIL = "reader@example.org"
MINUTE = timedelta(minutes=1)
DEAD = (Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))


def _consents(house: House, email: str = EMAIL) -> list[Consent]:
    with house.db.read() as tx:
        return list(consents.of(tx, house.person(email).id))


def _prefer(house: House, zone: str, now: datetime, *, name: str = "") -> None:
    house.prefer(EMAIL, now, name=name, zone=ZoneInfo(zone))


def _lessons(house: House) -> list[str]:
    return [subject for subject in house.subjects(EMAIL) if subject.startswith("Subject")]


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


# Signing up

DAY_OF_NOW = f"{NOW:%A} {NOW.day} {NOW:%B %Y}"


def bodies(content: bytes) -> list[str]:
    """Both parts of a mail, as they are read."""
    mail = message_from_bytes(content, policy=policy.default)
    return [part.get_content() for kind in ("plain", "html") if (part := mail.get_body((kind,))) is not None]


def test_a_sign_up_makes_a_pending_person_who_gets_one_mail(open_house: House) -> None:
    assert open_house.sign_up(EMAIL) is SignupVerdict.CONFIRM
    assert open_house.person(EMAIL).state is SubscriberState.PENDING
    open_house.tick(NOW)
    assert len(open_house.courier.sent) == 1
    with open_house.db.read() as tx:
        assert enrolments.of(tx, open_house.person(EMAIL).id) == []


def test_a_second_sign_up_on_the_same_day_sends_nothing(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    assert open_house.sign_up(EMAIL, NOW + DAY - MINUTE) is SignupVerdict.QUIET
    open_house.tick(NOW + DAY - MINUTE)
    assert len(open_house.courier.sent) == 1
    assert len(_consents(open_house)) == 1


def test_whoever_does_not_answer_gets_two_confirmations_in_all(open_house: House) -> None:
    verdicts = []
    for day in range(5):
        verdicts.append(open_house.sign_up(EMAIL, NOW + day * DAY))
        open_house.tick(NOW + day * DAY)
    assert verdicts == [SignupVerdict.CONFIRM] * 2 + [SignupVerdict.QUIET] * 3
    assert len(open_house.courier.sent) == 2


def test_addresses_that_differ_by_case_are_one_person(open_house: House) -> None:
    open_house.sign_up("Reader@Example.org")
    assert open_house.sign_up("reader@example.ORG") is SignupVerdict.QUIET
    open_house.tick(NOW)
    assert len(open_house.courier.sent) == 1


def test_a_sign_up_half_way_through_the_course_changes_nothing(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    before = (open_house.person(EMAIL), open_house.place(EMAIL), open_house.ledger(EMAIL))
    assert open_house.sign_up(EMAIL, NOW + 2 * DAY, name="Mallory", zone="Asia/Tokyo") is SignupVerdict.QUIET
    assert (open_house.person(EMAIL), open_house.place(EMAIL), open_house.ledger(EMAIL)) == before


def test_a_sign_up_after_the_end_does_not_begin_anew(open_house: House) -> None:
    open_house.join(EMAIL)
    for day in range(3):
        open_house.tick(EIGHT + day * DAY)
    assert open_house.place(EMAIL).state is EnrolmentState.FINISHED
    assert open_house.sign_up(EMAIL, NOW + 30 * DAY) is SignupVerdict.QUIET


def test_who_left_is_asked_once_more_when_they_sign_up_again(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    open_house.leave(EMAIL, EIGHT + MINUTE)
    assert open_house.sign_up(EMAIL, EIGHT + 2 * MINUTE) is SignupVerdict.CONFIRM
    assert open_house.person(EMAIL).state is SubscriberState.LEFT
    open_house.tick(EIGHT + DAY)
    assert _lessons(open_house) == ["Subject 1"]


def test_a_suppressed_address_gets_no_mail_and_no_hint(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [DEAD]
    open_house.tick(EIGHT)
    assert open_house.sign_up(EMAIL, NOW + 40 * DAY) is SignupVerdict.QUIET
    open_house.tick(NOW + 40 * DAY)
    assert len(open_house.courier.sent) == 1


def test_an_address_on_the_suppression_list_gets_no_mail_though_we_do_not_know_the_person(open_house: House) -> None:
    with open_house.db.begin() as tx:
        subscribers.suppress(tx, an_address(EMAIL), reason=SuppressionReason.MANUAL, detail="asked by post", now=NOW)
    assert open_house.sign_up(EMAIL) is SignupVerdict.QUIET
    open_house.tick(NOW)
    assert open_house.courier.sent == []


def test_a_course_that_is_not_published_is_the_operator_s_affair_and_leaves_nothing_behind(house: House) -> None:
    with pytest.raises(BadSettings, match='"sequencer course apply small"'):
        house.sign_up(EMAIL)
    with house.db.read() as tx:
        assert subscribers.count(tx) == {}


def test_an_unknown_zone_becomes_the_default_and_the_note_is_kept(open_house: House) -> None:
    note = 'The form sent the time zone "Mars/Olympus", which is not known.'
    request = SignupRequest(
        form=FORM.key, address=an_address(EMAIL), name="Ann", timezone="", note=note, source_url="", ip="192.0.2.1"
    )
    signup.sign_up(open_house.db, request, FORM, zone=LONDON, now=NOW)
    open_house.tick(NOW)
    open_house.confirm(EMAIL)
    assert open_house.person(EMAIL).timezone == "Europe/London"
    assert [consent.note for consent in _consents(open_house)] == [note]


def test_consent_keeps_who_when_where_and_which_words(open_house: House) -> None:
    open_house.join(EMAIL, name="Ann", zone="Asia/Kolkata")
    (consent,) = _consents(open_house)
    assert (consent.form, consent.wording) == (FORM.key, FORM.consent)
    assert (consent.ip, consent.confirmed_ip) == ("192.0.2.1", "192.0.2.1")
    assert consent.source_url == "https://example.org/article"
    assert (consent.asked_at, consent.confirmed_at) == (NOW, NOW)


def test_two_sign_ups_of_a_new_address_at_once_make_one_person_and_one_confirmation(open_house: House) -> None:
    for number in range(8):
        email = f"new-{number}@example.org"
        verdicts = _at_once(lambda who=email: open_house.sign_up(who), lambda who=email: open_house.sign_up(who))
        assert sorted(verdicts) == [SignupVerdict.CONFIRM, SignupVerdict.QUIET]
    open_house.tick(NOW)
    assert len(open_house.courier.sent) == 8
    with open_house.db.read() as tx:
        assert subscribers.count(tx) == {SubscriberState.PENDING: 8}


def _at_once(*acts: Callable[[], object]) -> list[object]:
    """What the acts answer when each runs in a thread of its own at the same moment."""
    answers: list[object] = []
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            answers.append(act())
        except Exception as error:  # noqa: BLE001 (told by whoever asked)
            answers.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# Confirming


def test_whoever_confirms_is_told_their_first_hour_on_their_own_clock(open_house: House) -> None:
    confirmed = open_house.join(EMAIL, zone="Asia/Kolkata")
    assert confirmed.first_due is not None
    assert confirmed.first_due.isoformat() == "2026-03-03T08:00:00+05:30"
    assert confirmed.course.slug == "small"


def test_confirming_twice_is_confirming_once(open_house: House) -> None:
    first = open_house.join(EMAIL)
    before = (open_house.person(EMAIL), open_house.place(EMAIL), _consents(open_house))
    again = open_house.confirm(EMAIL, NOW + timedelta(minutes=30))
    assert again == first
    assert (open_house.person(EMAIL), open_house.place(EMAIL), _consents(open_house)) == before


def test_two_clicks_on_the_button_at_once_enrol_once(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.tick(NOW)
    answers = _at_once(*[lambda: open_house.confirm(EMAIL)] * 3)
    assert [type(answer) for answer in answers] == [optin.Confirmed] * 3
    assert open_house.place(EMAIL).next_due_at == EIGHT


def test_an_old_confirmation_link_does_not_undo_what_the_person_changed_since(open_house: House) -> None:
    open_house.join(EMAIL, name="Ann", zone="Europe/London")
    _prefer(open_house, "Asia/Tokyo", NOW, name="Anna")
    open_house.confirm(EMAIL, NOW + MINUTE)
    person = open_house.person(EMAIL)
    assert (person.name, person.timezone) == ("Anna", "Asia/Tokyo")


def test_name_and_zone_take_effect_when_they_are_confirmed(open_house: House) -> None:
    open_house.sign_up(EMAIL, name="Ann", zone="Asia/Tokyo")
    person = open_house.person(EMAIL)
    assert (person.name, person.timezone) == ("", "Europe/London")
    open_house.tick(NOW)
    open_house.confirm(EMAIL)
    person = open_house.person(EMAIL)
    assert (person.name, person.timezone) == ("Ann", "Asia/Tokyo")


def test_a_stranger_s_sign_up_never_names_a_person_who_signs_up_after_them(open_house: House) -> None:
    open_house.sign_up(EMAIL, name="You owe me money", zone="Asia/Tokyo")
    open_house.tick(NOW)
    open_house.sign_up(EMAIL, NOW + DAY)
    open_house.tick(NOW + DAY)
    open_house.confirm(EMAIL, NOW + DAY)
    person = open_house.person(EMAIL)
    assert (person.name, person.timezone) == ("", "Europe/London")


def test_a_confirmation_mail_holds_nothing_that_the_visitor_wrote(open_house: House) -> None:
    open_house.sign_up(EMAIL, name="You owe me money")
    open_house.tick(NOW)
    (mail,) = open_house.courier.sent
    assert b"owe" not in mail.content


@pytest.mark.parametrize(("ip", "begins"), [("192.0.2.77", "192.0.2."), ("2001:db8:1:2::77", "2001:db8:1."), ("", "")])
def test_a_mail_that_asks_says_when_and_from_where_it_was_asked_for(open_house: House, ip: str, begins: str) -> None:
    """The network alone: whoever reads it need not be whoever asked."""
    request = SignupRequest(
        form=FORM.key, address=an_address(EMAIL), name="Ann", timezone="", note="", source_url="", ip=ip
    )
    signup.sign_up(open_house.db, request, FORM, zone=LONDON, now=NOW)
    open_house.tick(NOW)
    reminders.remind(open_house.db, Patience(link=7 * DAY, reminder=3 * DAY), now=NOW + 3 * DAY)
    open_house.tick(NOW + 3 * DAY)
    for parcel in open_house.courier.sent:
        for part in bodies(parcel.content):
            words = " ".join(part.split())
            assert f"Somebody asked for it on {DAY_OF_NOW} at 07:00 (UTC)." in words
            assert ("Their internet address begins with" in words) is bool(begins)
            assert begins in words
            assert not ip or ip not in words
            assert "/notme/" in words
    assert len(open_house.courier.sent) == 2


def test_a_link_that_was_used_before_the_person_left_does_not_bring_them_back(open_house: House) -> None:
    open_house.join(EMAIL)
    used = open_house.token(EMAIL, "confirm")
    open_house.tick(EIGHT)
    open_house.leave(EMAIL, EIGHT + MINUTE)
    with pytest.raises(BadRequest, match="used up"):
        optin.confirm(open_house.db, SECRET, used, ip="", now=EIGHT + 2 * MINUTE)
    assert open_house.person(EMAIL).state is SubscriberState.LEFT


def test_a_link_of_before_somebody_was_unsubscribed_does_not_confirm_any_more(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.tick(NOW)
    leaving.leave_person(open_house.db, open_house.person(EMAIL).id, now=NOW + MINUTE)
    with pytest.raises(BadRequest, match="used up"):
        open_house.confirm(EMAIL, NOW + 2 * MINUTE)


def test_a_suppressed_person_cannot_confirm(open_house: House) -> None:
    open_house.join(EMAIL)
    used = open_house.token(EMAIL, "confirm")
    open_house.courier.answers = [DEAD]
    open_house.tick(EIGHT)
    with pytest.raises(BadRequest, match="do not write to this address"):
        optin.confirm(open_house.db, SECRET, used, ip="", now=EIGHT)


def test_a_confirmation_link_works_for_seven_days(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.tick(NOW)
    with pytest.raises(BadRequest, match="expired"):
        open_house.confirm(EMAIL, NOW + 7 * DAY)
    with pytest.raises(BadRequest, match="expired"):
        optin.to_confirm(open_house.db, SECRET, open_house.token(EMAIL, "confirm"), now=NOW + 7 * DAY)
    assert open_house.person(EMAIL).state is SubscriberState.PENDING
    open_house.confirm(EMAIL, NOW + 7 * DAY - MINUTE)


Act = Callable[[House, str], object]
DOORS: dict[Purpose, tuple[Act, ...]] = {
    Purpose.CONFIRM: (
        lambda house, token: optin.confirm(house.db, SECRET, token, ip="", now=NOW),
        lambda house, token: optin.to_confirm(house.db, SECRET, token, now=NOW),
    ),
    Purpose.LEAVE: (
        lambda house, token: leaving.leave(house.db, SECRET, token, now=NOW),
        lambda house, token: leaving.to_leave(house.db, SECRET, token, now=NOW),
    ),
    Purpose.BACK: (
        lambda house, token: returning.to_undo(house.db, SECRET, token, now=NOW),
        lambda house, token: returning.undo(house.db, SECRET, token, now=NOW),
    ),
    Purpose.MOVE: (
        lambda house, token: moving.look(house.db, SECRET, token, now=NOW),
        lambda house, token: moving.press(house.db, SECRET, token, now=NOW),
    ),
    Purpose.DATA: (
        lambda house, token: access.whose(house.db, SECRET, token, now=NOW),
        lambda house, token: access.export(house.db, SECRET, token, now=NOW),
        lambda house, token: access.erase(house.db, SECRET, token, for_good=True, now=NOW),
    ),
    Purpose.PREFERENCES: (lambda _, token: preferences.whose(SECRET, token, now=NOW),),
}


@pytest.mark.parametrize(("purpose", "act"), [(purpose, act) for purpose, acts in DOORS.items() for act in acts])
def test_a_link_that_is_not_ours_opens_nothing(open_house: House, purpose: Purpose, act: Act) -> None:
    open_house.join(EMAIL, name="Ann")
    before = (open_house.person(EMAIL), open_house.place(EMAIL))
    good = tokens.seal(SECRET, purpose, 1)
    forged = good[:-1] + ("A" if good[-1] != "A" else "Q")
    foreign = tokens.seal("the secret of another installation, as long", purpose, 1)
    others = [tokens.seal(SECRET, other, 1) for other in Purpose if other is not purpose]
    expired = tokens.seal(SECRET, purpose, 1, expires_at=NOW)
    for token in (forged, foreign, *others, expired, "", "nonsense", "ü" * 20, good * 3):
        with pytest.raises(BadRequest):
            act(open_house, token)
    assert (open_house.person(EMAIL), open_house.place(EMAIL)) == before


def test_a_link_about_somebody_who_is_gone_says_so(open_house: House) -> None:
    with pytest.raises(BadRequest, match="sign up again"):
        optin.confirm(open_house.db, SECRET, tokens.seal(SECRET, Purpose.CONFIRM, 404), ip="", now=NOW)
    with pytest.raises(BadRequest, match="sign up again"):
        optin.to_confirm(open_house.db, SECRET, tokens.seal(SECRET, Purpose.CONFIRM, 404), now=NOW)
    with pytest.raises(NotFound):
        preferences.person(open_house.db, SubscriberId(404))
    assert leaving.leave(open_house.db, SECRET, tokens.seal(SECRET, Purpose.LEAVE, 404), now=NOW).course is None


def test_looking_at_a_confirmation_changes_nothing(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.tick(NOW)
    token = open_house.token(EMAIL, "confirm")
    assert optin.to_confirm(open_house.db, SECRET, token, now=NOW).title == "A Small Course"
    assert open_house.person(EMAIL).state is SubscriberState.PENDING


# Leaving


def test_leaving_twice_is_leaving_once(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    open_house.leave(EMAIL, EIGHT + MINUTE)
    before = (open_house.person(EMAIL), open_house.place(EMAIL), open_house.ledger(EMAIL))
    open_house.leave(EMAIL, EIGHT + 2 * MINUTE)
    assert (open_house.person(EMAIL), open_house.place(EMAIL), open_house.ledger(EMAIL)) == before
    assert before[0].left_at == EIGHT + MINUTE
    assert before[1].state is EnrolmentState.STOPPED


def test_leaving_names_the_course_of_the_link(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    token = open_house.token(EMAIL, "u")
    looked = leaving.to_leave(open_house.db, SECRET, token, now=EIGHT)
    assert looked.course is not None
    assert looked.course.title == "A Small Course"
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE


def test_leaving_cancels_a_confirmation_that_is_queued(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    leaving.leave_person(open_house.db, open_house.person(EMAIL).id, now=NOW)
    open_house.tick(NOW)
    assert open_house.states(EMAIL) == [DeliveryState.SKIPPED]
    assert open_house.courier.sent == []


def test_leaving_cancels_a_lesson_that_was_put_off(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [(Stage.MAIL, Deferred(reply="451 busy"))]
    open_house.tick(EIGHT)
    leaving.leave_person(open_house.db, open_house.person(EMAIL).id, now=EIGHT)
    open_house.tick(EIGHT + DAY)
    assert open_house.states(EMAIL)[-1] is DeliveryState.SKIPPED
    assert _lessons(open_house) == []


def test_what_is_uncertain_when_somebody_leaves_is_not_sent_once_more(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [Uncertain(reply="lost")]
    open_house.tick(EIGHT)
    open_house.leave(EMAIL, EIGHT + MINUTE)
    open_house.tick(EIGHT + DAY)
    (lesson,) = [row for row in open_house.ledger(EMAIL) if row.kind is DeliveryKind.LESSON]
    assert lesson.state is DeliveryState.UNCERTAIN
    assert _lessons(open_house) == ["Subject 1"]


def test_who_leaves_after_the_claim_and_before_the_content_gets_nothing(open_house: House) -> None:
    open_house.join(EMAIL)
    who = open_house.person(EMAIL).id
    courier = Meddler(before_intent=lambda: leaving.leave_person(open_house.db, who, now=EIGHT))
    house = House(open_house.db, courier)
    assert house.tick(EIGHT).accepted == 0
    assert len(courier.tried) == 1
    assert courier.sent == []
    assert house.states(EMAIL)[-1] is DeliveryState.SKIPPED
    assert house.place(EMAIL).state is EnrolmentState.STOPPED


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Accepted(reply="250 Ok"), DeliveryState.SENT),
        (Deferred(reply="451 busy"), DeliveryState.DEFERRED),
        (Uncertain(reply="lost"), DeliveryState.UNCERTAIN),
    ],
)
def test_whoever_leaves_while_the_content_is_on_the_wire_gets_nothing_after_it(
    open_house: House, answer: Accepted | Deferred | Uncertain, state: DeliveryState
) -> None:
    open_house.join(EMAIL)
    who = open_house.person(EMAIL).id
    courier = Meddler(answers=[answer], before_report=lambda: leaving.leave_person(open_house.db, who, now=EIGHT))
    house = House(open_house.db, courier)
    house.tick(EIGHT)
    assert house.states(EMAIL)[-1] is state
    assert house.place(EMAIL).next_due_at is None
    for day in range(5):
        assert house.tick(EIGHT + day * DAY).accepted == 0
    assert len(courier.sent) == 1


def test_no_connection_is_opened_for_whom_nothing_can_be_sent_to(open_house: House) -> None:
    open_house.join(EMAIL)
    who = open_house.person(EMAIL).id
    courier = Meddler(
        answers=[Deferred(reply="451 busy")],
        before_report=lambda: leaving.leave_person(open_house.db, who, now=EIGHT),
    )
    House(open_house.db, courier).tick(EIGHT)
    open_house.courier.down = "a connection was opened"
    assert open_house.tick(EIGHT + DAY).trouble == ""


@pytest.mark.parametrize("answer", [Deferred(reply="451 busy"), Uncertain(reply="lost")])
def test_whoever_left_while_it_was_on_the_wire_and_comes_back_gets_that_lesson_at_their_hour(
    open_house: House, answer: Deferred | Uncertain
) -> None:
    open_house.join(EMAIL)
    who = open_house.person(EMAIL).id
    courier = Meddler(answers=[answer], before_report=lambda: leaving.leave_person(open_house.db, who, now=EIGHT))
    House(open_house.db, courier).tick(EIGHT)
    back = NOW + 3 * DAY + timedelta(hours=5)
    open_house.join(EMAIL, back)
    open_house.tick(back + MINUTE)
    assert _lessons(open_house) == []
    open_house.tick(EIGHT + 4 * DAY)
    open_house.tick(EIGHT + 4 * DAY + timedelta(hours=3))
    assert _lessons(open_house) == ["Subject 1"]
    open_house.tick(EIGHT + 5 * DAY)
    assert _lessons(open_house) == ["Subject 1", "Subject 2"]


# Preferences


def test_a_new_zone_moves_the_next_lesson_to_eight_o_clock_there(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    _prefer(open_house, "America/New_York", EIGHT + MINUTE, name="Ann")
    assert open_house.place(EMAIL).next_due_at == EIGHT + DAY + timedelta(hours=5)
    assert open_house.person(EMAIL).name == "Ann"


def test_a_lesson_that_is_due_already_stays_due_when_the_zone_changes(open_house: House) -> None:
    open_house.join(EMAIL)
    later = EIGHT + 5 * DAY + timedelta(hours=3)
    _prefer(open_house, "Asia/Tokyo", later)
    assert open_house.place(EMAIL).next_due_at == EIGHT
    open_house.tick(later)
    due = open_house.place(EMAIL).next_due_at
    assert due is not None
    assert due > later
    assert due.astimezone(ZoneInfo("Asia/Tokyo")).hour == 8


ZONES = (
    "Pacific/Kiritimati", "Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata", "Europe/London", "America/Sao_Paulo",
    "America/New_York", "Pacific/Honolulu", "Pacific/Pago_Pago",
)  # fmt: skip


def test_no_change_of_zone_brings_a_second_lesson_on_the_same_local_day_or_loses_one(open_house: House) -> None:
    # One person after the other travels to a zone at an hour of the day on which they got their first lesson.
    people = [(f"{zone}-{hour}@example.org", zone, hour) for zone in ZONES for hour in (0, 2, 9, 23)]
    for email, _, _ in people:
        open_house.join(email.lower())
    open_house.tick(EIGHT)
    for email, zone, hour in people:
        moved = EIGHT + timedelta(hours=hour)
        open_house.prefer(email.lower(), moved, zone=ZoneInfo(zone))
        due = open_house.place(email.lower()).next_due_at
        assert due is not None
        local = due.astimezone(ZoneInfo(zone))
        assert due >= moved
        assert local.hour == 8
        assert local.date() > EIGHT.astimezone(ZoneInfo(zone)).date()
        assert due <= EIGHT + 3 * DAY


def test_a_change_of_zone_plans_nothing_for_whom_nothing_is_due(open_house: House) -> None:
    open_house.join(EMAIL)
    for day in range(3):
        open_house.tick(EIGHT + day * DAY)
    _prefer(open_house, "Asia/Tokyo", EIGHT + 4 * DAY)
    assert open_house.place(EMAIL).next_due_at is None


def test_a_change_of_zone_while_a_lesson_waits_does_not_bring_the_next_one_before_it(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [Deferred(reply="451 busy")]
    open_house.tick(EIGHT)
    _prefer(open_house, "Asia/Tokyo", EIGHT)
    assert open_house.place(EMAIL).next_due_at is None
    open_house.tick(EIGHT + 5 * MINUTE)
    assert _lessons(open_house) == ["Subject 1", "Subject 1"]
    assert open_house.place(EMAIL).next_due_at is not None


# What an admin does


def _add(house: House, email: str = EMAIL, *, name: str = "Ann", zone: str = "Asia/Kolkata") -> None:
    subscription.add(
        house.db, an_address(email), FORM, name=name, zone=ZoneInfo(zone), reason="On paper, at the fair.", now=NOW
    )


def test_whoever_agreed_elsewhere_is_on_the_course_at_once_and_it_is_kept_where(open_house: House) -> None:
    _add(open_house)
    person = open_house.person(EMAIL)
    assert (person.state, person.name, person.timezone) == (SubscriberState.ACTIVE, "Ann", "Asia/Kolkata")
    (consent,) = _consents(open_house)
    assert consent.wording == "On paper, at the fair."
    assert consent.confirmed_at == NOW
    assert open_house.place(EMAIL).next_due_at is not None
    open_house.tick(NOW)
    assert open_house.courier.sent == []


def test_adding_somebody_twice_does_not_begin_anew(open_house: House) -> None:
    _add(open_house)
    open_house.tick(EIGHT + DAY)
    before = open_house.place(EMAIL)
    _add(open_house)
    assert open_house.place(EMAIL) == before


def test_an_admin_cannot_bring_back_who_left(open_house: House) -> None:
    open_house.join(EMAIL)
    leaving.leave_person(open_house.db, open_house.person(EMAIL).id, now=NOW)
    before = (open_house.person(EMAIL), _consents(open_house))
    with pytest.raises(BadRequest, match="only they can come back"):
        _add(open_house)
    assert (open_house.person(EMAIL), _consents(open_house)) == before


def test_an_admin_cannot_add_a_suppressed_address(open_house: House) -> None:
    with open_house.db.begin() as tx:
        subscribers.suppress(tx, an_address(EMAIL), reason=SuppressionReason.COMPLAINT, detail="", now=NOW)
    with pytest.raises(BadRequest, match="suppression list"):
        _add(open_house)
    with open_house.db.read() as tx:
        assert subscribers.count(tx) == {}


def test_an_admin_is_told_which_course_is_not_published(open_house: House) -> None:
    form = Form(key="other", course="unpublished")
    with pytest.raises(BadSettings, match="unpublished"):
        subscription.add(open_house.db, an_address(EMAIL), form, name="", zone=LONDON, reason="so", now=NOW)


def test_unsubscribing_nobody_is_no_error_and_changes_nobody(open_house: House) -> None:
    open_house.join(EMAIL)
    before = (open_house.person(EMAIL), open_house.place(EMAIL), open_house.ledger(EMAIL))
    leaving.leave_person(open_house.db, SubscriberId(404), now=NOW)
    assert (open_house.person(EMAIL), open_house.place(EMAIL), open_house.ledger(EMAIL)) == before


def test_the_courses_of_a_person_are_told_with_their_place_in_each(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.tick(EIGHT)
    ((place, course),) = preferences.places(open_house.db, open_house.person(EMAIL).id)
    assert (place.step, course.slug) == (1, "small")


def test_an_admin_who_names_no_zone_leaves_the_known_one(house: House) -> None:
    house.publish(small_course())
    house.join("reader@example.org", zone="Asia/Tokyo")
    subscription.add(
        house.db, an_address("reader@example.org"), FORM, name="", zone=LONDON, reason="at the fair", now=NOW
    )
    assert house.person("reader@example.org").timezone == "Asia/Tokyo"


def test_a_suppressed_address_cannot_be_confirmed_by_an_older_link(house: House) -> None:
    house.publish(small_course())
    house.sign_up("reader@example.org")
    house.tick(NOW)
    with house.db.begin() as tx:
        reason = SuppressionReason.MANUAL
        subscribers.suppress(tx, an_address("reader@example.org"), reason=reason, detail="asked by post", now=NOW)
    with pytest.raises(BadRequest, match="do not write to this address"):
        house.confirm("reader@example.org")
