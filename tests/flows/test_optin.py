"""How does somebody come to be on a course, and who is put there without being asked?"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, SECRET, House, an_address, small_course

from sequencer.core import abuse, tokens
from sequencer.core.abuse import Kind, Signals
from sequencer.core.model import (
    Address,
    Assent,
    Consent,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    SignupRequest,
    SubscriberState,
    SuppressionReason,
    Uncertain,
)
from sequencer.core.tokens import Purpose
from sequencer.core.verdicts import SignupVerdict
from sequencer.errors import BadRequest, Expired
from sequencer.flows import optin, signup, subscription
from sequencer.flows.signup import Door, Knock
from sequencer.forms import Form, OptIn
from sequencer.store import consents, door, subscribers

EMAIL = "reader@example.org"
MINUTE = timedelta(minutes=1)
BECAUSE = "They had signed in on the site."
SINGLE = Form(key="members", course="small", opt_in=OptIn.SINGLE, single_because=BECAUSE, consent="I agree.")


def a_request(email: str = EMAIL, form: Form = FORM, **told: object) -> SignupRequest:
    """A sign-up by a form."""
    given: dict[str, object] = {
        "form": form.key, "address": an_address(email), "name": "", "timezone": "", "note": "", "source_url": "",
        "ip": "192.0.2.1",
    }  # fmt: skip
    return SignupRequest(**{**given, **told})  # type: ignore[arg-type]


def sign_up(house: House, request: SignupRequest, form: Form = FORM, now: datetime = NOW) -> SignupVerdict:
    """Somebody signs up."""
    return signup.sign_up(house.db, request, form, zone=LONDON, now=now)


def consents_of(house: House, email: str = EMAIL) -> list[Consent]:
    """What is kept of a person's consent."""
    with house.db.read() as tx:
        return list(consents.of(tx, house.person(email).id))


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


# What a consent says of somebody


def test_what_a_form_told_of_somebody_counts_when_they_confirm_and_not_before(open_house: House) -> None:
    told = a_request(
        name="Ann", timezone="Asia/Tokyo", language="ja", attributes=(("city", "Kyoto"),), tags=("tea", "go")
    )
    sign_up(open_house, told)
    before = open_house.person(EMAIL)
    assert (before.name, before.language, before.attributes, before.tags) == ("", "", (), ())
    open_house.tick(NOW)
    open_house.confirm(EMAIL)
    after = open_house.person(EMAIL)
    assert (after.name, after.timezone, after.language) == ("Ann", "Asia/Tokyo", "ja")
    assert (after.attributes, after.tags) == ((("city", "Kyoto"),), ("tea", "go"))


def test_of_two_confirmed_consents_the_later_word_counts_and_tags_add_up(open_house: House) -> None:
    sign_up(
        open_house, a_request(name="Ann", language="de", attributes=(("city", "Bonn"), ("plan", "free")), tags=("a",))
    )
    open_house.tick(NOW)
    open_house.confirm(EMAIL)
    open_house.leave_now(EMAIL)
    again = a_request(name="", language="fr", attributes=(("city", "Lyon"),), tags=("b", "a"))
    sign_up(open_house, again, now=NOW + MINUTE)
    open_house.tick(NOW + MINUTE)
    open_house.confirm(EMAIL, NOW + MINUTE)
    person = open_house.person(EMAIL)
    assert (person.name, person.language) == ("Ann", "fr")
    assert dict(person.attributes) == {"city": "Lyon", "plan": "free"}
    assert person.tags == ("a", "b")


def test_whoever_confirms_is_not_asked_again_by_a_mail_that_was_in_doubt(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.courier.answers = [Uncertain(reply="the connection broke")]
    open_house.tick(NOW)
    open_house.confirm(EMAIL, NOW + MINUTE)
    open_house.tick(NOW + timedelta(hours=1, minutes=-1))
    assert len(open_house.courier.sent) == 1


def test_a_confirmation_counts_for_the_form_it_came_from_and_once(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.confirm(EMAIL, NOW + MINUTE)
    subject = abuse.subject(Kind.TAKEN, FORM.key, SECRET)
    with open_house.db.read() as tx:
        ((use,),) = door.uses(tx, [subject], now=NOW).values()
    assert (use.asked, use.confirmed) == (0, 1)


# The link's end


def test_a_link_that_has_expired_still_says_what_it_was_for(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.tick(NOW)
    token = open_house.token(EMAIL, "confirm")
    with pytest.raises(Expired):
        optin.to_confirm(open_house.db, SECRET, token, now=NOW + 7 * DAY)
    found = optin.lapsed(open_house.db, SECRET, token)
    assert found.course is not None
    assert (found.course.slug, found.form) == ("small", FORM.key)


def test_of_a_link_that_is_forgotten_nothing_is_said_and_of_a_forged_one_that_it_is_none(open_house: House) -> None:
    gone = tokens.seal(SECRET, Purpose.CONFIRM, 404, expires_at=NOW)
    assert optin.lapsed(open_house.db, SECRET, gone) == optin.Lapsed()
    for forged in (gone[:-2] + "AA", tokens.seal(SECRET, Purpose.DISOWN, 404), ""):
        with pytest.raises(BadRequest, match="not one of ours"):
            optin.lapsed(open_house.db, SECRET, forged)


def test_a_mail_whose_link_has_expired_meanwhile_is_not_sent_any_more(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.courier.down = "The relay is away."
    open_house.tick(NOW)
    open_house.courier.down = ""
    open_house.tick(NOW + 7 * DAY)
    (row,) = open_house.ledger(EMAIL)
    assert (row.state, row.reply) == (DeliveryState.SKIPPED, "The link in it had expired before it could be sent.")
    assert open_house.courier.tried == []
    # It was no mail to them: they may be asked anew.
    assert open_house.sign_up(EMAIL, NOW + 7 * DAY) is SignupVerdict.CONFIRM


def test_while_a_mail_is_on_its_way_another_sign_up_makes_no_second_one(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    assert open_house.sign_up(EMAIL, NOW + 2 * DAY) is SignupVerdict.QUIET
    open_house.tick(NOW + 3 * DAY)
    assert open_house.sign_up(EMAIL, NOW + 3 * DAY) is SignupVerdict.QUIET
    assert len(open_house.courier.sent) == 1


def test_a_day_between_two_mails_counts_from_when_the_first_went_out(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.tick(NOW + 2 * DAY)
    assert open_house.sign_up(EMAIL, NOW + 3 * DAY - MINUTE) is SignupVerdict.QUIET
    assert open_house.sign_up(EMAIL, NOW + 3 * DAY) is SignupVerdict.CONFIRM


# Single opt-in


def test_a_form_of_single_opt_in_puts_people_on_the_course_at_once_and_keeps_why(open_house: House) -> None:
    request = a_request(form=SINGLE, name="Ann", timezone="Asia/Tokyo", tags=("member",), note="A note.")
    assert sign_up(open_house, request, SINGLE) is SignupVerdict.ADMIT
    person = open_house.person(EMAIL)
    assert (person.state, person.name, person.timezone) == (SubscriberState.ACTIVE, "Ann", "Asia/Tokyo")
    assert person.tags == ("member",)
    assert open_house.place(EMAIL).next_due_at is not None
    (consent,) = consents_of(open_house)
    assert consent.assent is Assent.FORM
    assert consent.note == f"A note. Nobody was asked by mail: {BECAUSE}"
    assert (consent.wording, consent.wording_version) == ("I agree.", SINGLE.wording_version)
    assert (consent.asked_at, consent.confirmed_at, consent.confirmed_ip) == (NOW, NOW, "")
    open_house.tick(NOW)
    assert open_house.courier.sent == []


def test_signing_up_twice_by_single_opt_in_is_once(open_house: House) -> None:
    for _ in range(2):
        assert sign_up(open_house, a_request(form=SINGLE), SINGLE) is SignupVerdict.ADMIT
    assert len(consents_of(open_house)) == 1


def test_two_of_the_same_in_one_batch_are_one(open_house: House) -> None:
    at = Door(caps=abuse.caps({"form": 1000}), secret=SECRET, zone=LONDON)
    signals = Signals(form=SINGLE.key, address=EMAIL, name="", ip="192.0.2.1")
    knock = Knock(request=a_request(form=SINGLE), form=SINGLE, signals=signals)
    signup.take(open_house.db, [knock, knock], at, now=NOW)
    assert len(consents_of(open_house)) == 1
    with open_house.db.read() as tx:
        (use,) = door.uses(tx, [abuse.subject(Kind.TAKEN, SINGLE.key, SECRET)], now=NOW).popitem()[1]
    # Nobody is asked to confirm: so the form is not taken for one under attack.
    assert (use.asked, use.confirmed) == (2, 2)


def test_a_role_s_address_is_asked_by_mail_whatever_the_form_says(open_house: House) -> None:
    at = Door(caps=abuse.caps({"form": 1000}), secret=SECRET, zone=LONDON)
    email = "postmaster@example.org"
    signals = Signals(form=SINGLE.key, address=email, name="", ip="192.0.2.1")
    signup.take(open_house.db, [Knock(request=a_request(email, SINGLE), form=SINGLE, signals=signals)], at, now=NOW)
    assert open_house.person(email).state is SubscriberState.PENDING


def test_whoever_waits_for_a_mail_and_comes_by_single_opt_in_is_not_asked_any_more(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.tick(NOW)
    open_house.tidy(NOW + 3 * DAY)
    sign_up(open_house, a_request(form=SINGLE), SINGLE, NOW + 3 * DAY)
    open_house.tick(NOW + 3 * DAY)
    assert [(row.kind, row.state) for row in open_house.ledger(EMAIL)] == [
        (DeliveryKind.CONFIRMATION, DeliveryState.SENT),
        (DeliveryKind.REMINDER, DeliveryState.SKIPPED),
    ]


def _leaves(house: House) -> None:
    house.join(EMAIL)
    house.leave_now(EMAIL)


def _bounces(house: House) -> None:
    _suppress(house, SuppressionReason.BOUNCE)


def _disowns(house: House) -> None:
    house.sign_up(EMAIL)
    house.tick(NOW)
    house.refuse(EMAIL)


def _takes_it_back(house: House) -> None:
    _disowns(house)
    house.take_back(EMAIL)


def _leaves_this_course_alone(house: House) -> None:
    house.join(EMAIL)
    with house.db.begin() as tx:
        optin.enrolments.save(tx, replace(house.place(EMAIL), state=EnrolmentState.STOPPED, next_due_at=None))


def _suppress(house: House, reason: SuppressionReason) -> None:
    with house.db.begin() as tx:
        subscribers.suppress(tx, Address(normalized=EMAIL, wire=EMAIL), reason=reason, detail="", now=NOW)


@pytest.mark.parametrize("before", [_leaves, _bounces, _disowns, _takes_it_back, _leaves_this_course_alone])
def test_single_opt_in_never_brings_back_who_left_or_is_suppressed(open_house: House, before: object) -> None:
    before(open_house)  # type: ignore[operator]
    kept = len(open_house.subjects(EMAIL))
    assert sign_up(open_house, a_request(form=SINGLE), SINGLE) is not SignupVerdict.ADMIT
    assert all(consent.assent is Assent.MAIL for consent in consents_of(open_house))
    open_house.tick(EIGHT + DAY)
    assert not [one for one in open_house.subjects(EMAIL)[kept:] if one.startswith("Subject")]


def test_whoever_left_and_comes_by_single_opt_in_is_asked_by_mail(open_house: House) -> None:
    _leaves(open_house)
    assert sign_up(open_house, a_request(form=SINGLE), SINGLE, NOW + MINUTE) is SignupVerdict.CONFIRM
    open_house.tick(NOW + MINUTE)
    open_house.confirm(EMAIL, NOW + MINUTE)
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE


def test_who_was_added_is_known_to_have_agreed_elsewhere(open_house: House) -> None:
    subscription.add(open_house.db, an_address(EMAIL), FORM, name="Ann", zone=LONDON, reason="At the fair.", now=NOW)
    (consent,) = consents_of(open_house)
    assert (consent.assent, consent.note, consent.confirmed_at) == (Assent.ELSEWHERE, "At the fair.", NOW)
