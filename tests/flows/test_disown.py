"""What becomes of an address whose owner says that a sign-up was not theirs, and how do they come back?"""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from house import DAY, EIGHT, FORM, LONDON, NOW, SECRET, House, an_address, small_course
from sqlalchemy import select

from sequencer.core import tokens
from sequencer.core.model import (
    Blame,
    Consent,
    DeliveryState,
    EnrolmentState,
    Rejected,
    SignupRequest,
    Stage,
    SubscriberState,
    SuppressionReason,
    Uncertain,
)
from sequencer.core.tokens import Purpose
from sequencer.core.verdicts import SignupVerdict
from sequencer.errors import BadRequest, Expired, NotFound
from sequencer.flows import disown, optin, signup
from sequencer.flows.disown import Doubted
from sequencer.store import consents, subscribers
from sequencer.store.subscribers import Suppression
from sequencer.store.tables import metadata

EMAIL = "reader@example.org"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def open_house(house: House) -> House:
    """A house whose small course is published."""
    house.publish(small_course())
    return house


def asked(house: House, now: datetime = NOW) -> None:
    """Somebody signs up with the address, and its owner gets the mail."""
    house.sign_up(EMAIL, now)
    house.tick(now)


def consent_of(house: House) -> Consent:
    """The newest consent that is kept of the address."""
    with house.db.read() as tx:
        return consents.of(tx, house.person(EMAIL).id)[-1]


def suppression(house: House) -> Suppression | None:
    """Why the address gets no more mail."""
    with house.db.read() as tx:
        return subscribers.suppression_of(tx, an_address(EMAIL))


def everything(house: House) -> list[object]:
    """All rows of all tables."""
    with house.db.read() as tx:
        return [tx.execute(select(table)).all() for table in metadata.sorted_tables]


# That was not me


def test_who_says_that_it_was_not_them_gets_nothing_more_whoever_types_their_address(open_house: House) -> None:
    asked(open_house)
    said = open_house.refuse(EMAIL, NOW + MINUTE)
    assert said.is_about_all
    assert open_house.person(EMAIL).state is SubscriberState.SUPPRESSED
    found = suppression(open_house)
    assert found is not None
    assert (found.reason, found.created_at) == (SuppressionReason.DISOWNED, NOW + MINUTE)
    assert consent_of(open_house).disowned_at == NOW + MINUTE
    for day in range(1, 9):
        assert open_house.sign_up(EMAIL, NOW + day * DAY) is SignupVerdict.QUIET
        open_house.tidy(NOW + day * DAY)
        open_house.tick(NOW + day * DAY)
    assert len(open_house.courier.sent) == 1


def test_looking_at_what_is_disowned_changes_nothing(open_house: House) -> None:
    asked(open_house)
    before = everything(open_house)
    token = open_house.token(EMAIL, "notme")
    seen = disown.to_disown(open_house.db, SECRET, token, now=NOW)
    assert (seen.course.slug, seen.consent.ip, seen.is_about_all, seen.may_undo) == ("small", "192.0.2.1", True, False)
    assert everything(open_house) == before


def test_saying_it_twice_is_saying_it_once(open_house: House) -> None:
    asked(open_house)
    open_house.refuse(EMAIL)
    before = everything(open_house)
    open_house.refuse(EMAIL, NOW + DAY)
    assert everything(open_house) == before


def test_saying_it_twice_at_once_is_saying_it_once(open_house: House) -> None:
    asked(open_house)
    start, failed = threading.Barrier(3), []

    def press() -> None:
        start.wait()
        try:
            open_house.refuse(EMAIL)
        except Exception as error:  # noqa: BLE001 (told below)
            failed.append(error)

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert suppression(open_house) is not None


def test_the_link_of_the_same_mail_does_not_confirm_any_more(open_house: House) -> None:
    asked(open_house)
    open_house.refuse(EMAIL)
    with pytest.raises(BadRequest, match="do not write to this address"):
        open_house.confirm(EMAIL)


def test_what_waits_to_be_sent_is_not_sent_and_what_is_in_doubt_is_not_sent_again(open_house: House) -> None:
    open_house.sign_up(EMAIL)
    open_house.courier.answers = [Uncertain(reply="the connection broke")]
    open_house.tick(NOW)
    open_house.refuse(EMAIL, NOW + MINUTE)
    open_house.tick(NOW + HOUR)
    assert len(open_house.courier.sent) == 1


def test_who_confirmed_and_says_later_that_it_was_not_them_leaves_the_course_with_it(open_house: House) -> None:
    open_house.join(EMAIL)
    said = open_house.refuse(EMAIL, NOW + MINUTE)
    assert said.is_about_all
    assert open_house.place(EMAIL).state is EnrolmentState.STOPPED
    open_house.tick(EIGHT + DAY)
    assert len(open_house.courier.sent) == 1


def test_a_reader_strikes_out_somebody_else_s_sign_up_and_reads_on(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.publish(small_course(slug="other", title="Another Course"))
    _sign_up_for_another(open_house, NOW + MINUTE)
    said = open_house.refuse(EMAIL, NOW + 2 * MINUTE)
    assert not said.is_about_all
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE
    assert suppression(open_house) is None
    with pytest.raises(BadRequest, match="was not yours"):
        open_house.confirm(EMAIL, NOW + HOUR / 2)
    open_house.tick(EIGHT)
    assert open_house.subjects(EMAIL)[-1] == "Subject 1"


def _sign_up_for_another(house: House, now: datetime) -> None:
    form = replace(FORM, key="other", course="other")
    request = SignupRequest(
        form="other", address=an_address(EMAIL), name="", timezone="", note="", source_url="", ip="192.0.2.1"
    )
    signup.sign_up(house.db, request, form, zone=LONDON, now=now)
    house.tick(now)


def test_an_address_that_is_suppressed_already_keeps_its_first_reason(open_house: House) -> None:
    asked(open_house)
    _suppress(open_house, SuppressionReason.COMPLAINT)
    open_house.refuse(EMAIL)
    found = suppression(open_house)
    assert found is not None
    assert found.reason is SuppressionReason.COMPLAINT


def _suppress(house: House, reason: SuppressionReason) -> None:
    with house.db.begin() as tx:
        subscribers.suppress(tx, an_address(EMAIL), reason=reason, detail="by post", now=NOW)


# It was me after all


def test_who_takes_it_back_may_confirm_by_the_same_mail_and_hears_nothing_before(open_house: House) -> None:
    asked(open_house)
    assert open_house.refuse(EMAIL, NOW).may_undo
    open_house.take_back(EMAIL, NOW + MINUTE)
    assert suppression(open_house) is None
    assert open_house.person(EMAIL).state is SubscriberState.LEFT
    open_house.tick(EIGHT)
    assert len(open_house.courier.sent) == 1
    open_house.confirm(EMAIL, EIGHT)
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE
    consent = consent_of(open_house)
    assert consent.disowned_at is None
    assert consent.note == "Disowned on 2026-03-02 07:00 UTC, taken back on 2026-03-02 07:01 UTC."


def test_taking_it_back_twice_is_once(open_house: House) -> None:
    asked(open_house)
    open_house.refuse(EMAIL)
    open_house.take_back(EMAIL)
    before = everything(open_house)
    open_house.take_back(EMAIL)
    assert everything(open_house) == before


def test_after_seven_days_it_cannot_be_taken_back(open_house: House) -> None:
    asked(open_house)
    open_house.refuse(EMAIL)
    before = everything(open_house)
    token = open_house.token(EMAIL, "notme")
    assert disown.to_disown(open_house.db, SECRET, token, now=NOW + 7 * DAY - MINUTE).may_undo
    assert not disown.to_disown(open_house.db, SECRET, token, now=NOW + 7 * DAY).may_undo
    with pytest.raises(Expired, match="7 days only"):
        open_house.take_back(EMAIL, NOW + 7 * DAY)
    assert everything(open_house) == before


def test_taking_it_back_lifts_no_other_suppression(open_house: House) -> None:
    asked(open_house)
    _suppress(open_house, SuppressionReason.BOUNCE)
    open_house.refuse(EMAIL)
    open_house.take_back(EMAIL)
    assert suppression(open_house) is not None
    assert open_house.person(EMAIL).state is SubscriberState.SUPPRESSED
    with pytest.raises(BadRequest, match="do not write"):
        open_house.confirm(EMAIL)


def test_taking_back_what_was_struck_out_leaves_the_reader_as_they_were(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.publish(small_course(slug="other", title="Another Course"))
    _sign_up_for_another(open_house, NOW + MINUTE)
    open_house.refuse(EMAIL, NOW + 2 * MINUTE)
    open_house.take_back(EMAIL, NOW + 3 * MINUTE)
    assert open_house.confirm(EMAIL, NOW + 4 * MINUTE).course.slug == "other"


def test_taking_it_back_does_not_allow_a_third_mail(open_house: House) -> None:
    asked(open_house)
    asked(open_house, NOW + DAY)
    open_house.refuse(EMAIL, NOW + DAY)
    open_house.take_back(EMAIL, NOW + DAY)
    for day in range(2, 7):
        asked(open_house, NOW + day * DAY)
    assert len(open_house.courier.sent) == 2


# An admin lifts it


def test_who_is_taken_off_the_list_may_sign_up_again_and_is_asked_by_mail(open_house: House) -> None:
    asked(open_house)
    asked(open_house, NOW + DAY)
    open_house.refuse(EMAIL, NOW + DAY)
    found = disown.lift(open_house.db, an_address(EMAIL), now=NOW + 2 * DAY)
    assert found.reason is SuppressionReason.DISOWNED
    assert open_house.person(EMAIL).state is SubscriberState.LEFT
    # The links of before stay what they were: disowned.
    with pytest.raises(BadRequest):
        open_house.confirm(EMAIL, NOW + 2 * DAY)
    open_house.tick(NOW + 2 * DAY)
    assert len(open_house.courier.sent) == 2
    assert open_house.sign_up(EMAIL, NOW + 3 * DAY) is SignupVerdict.CONFIRM
    open_house.tick(NOW + 3 * DAY)
    open_house.confirm(EMAIL, NOW + 3 * DAY)
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE


def test_who_bounced_and_is_taken_off_the_list_gets_nothing_before_they_confirm(open_house: House) -> None:
    open_house.join(EMAIL)
    open_house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))]
    open_house.tick(EIGHT)
    disown.lift(open_house.db, an_address(EMAIL), now=EIGHT + HOUR)
    open_house.tick(EIGHT + DAY)
    assert len(open_house.courier.sent) == 1
    asked(open_house, EIGHT + DAY)
    open_house.confirm(EMAIL, EIGHT + DAY)
    open_house.tick(EIGHT + 2 * DAY)
    assert open_house.states(EMAIL)[-1] is DeliveryState.SENT
    assert open_house.place(EMAIL).state is EnrolmentState.ACTIVE


def test_an_address_of_nobody_can_be_taken_off_the_list(open_house: House) -> None:
    _suppress(open_house, SuppressionReason.MANUAL)
    assert disown.lift(open_house.db, an_address(EMAIL), now=NOW).detail == "by post"
    assert suppression(open_house) is None


def test_an_address_that_is_not_on_the_list_is_said_to_be_not(open_house: House) -> None:
    open_house.join(EMAIL)
    with pytest.raises(NotFound, match="not on the suppression list"):
        disown.lift(open_house.db, an_address(EMAIL), now=NOW)
    assert open_house.person(EMAIL).state is SubscriberState.ACTIVE


# Links


@pytest.mark.parametrize("act", [disown.to_disown, disown.disown, disown.undo])
def test_a_link_that_is_not_ours_disowns_nothing(open_house: House, act: Callable[..., Doubted]) -> None:
    asked(open_house)
    before = everything(open_house)
    good = tokens.seal(SECRET, Purpose.DISOWN, 1)
    others = [tokens.seal(SECRET, purpose, 1) for purpose in Purpose if purpose is not Purpose.DISOWN]
    foreign = tokens.seal("the secret of another installation, as long", Purpose.DISOWN, 1)
    for token in (good[:-1] + ("A" if good[-1] != "A" else "Q"), foreign, *others, "", "nonsense", good * 3):
        with pytest.raises(BadRequest, match="not one of ours"):
            act(open_house.db, SECRET, token, now=NOW)
    with pytest.raises(NotFound, match="forgotten"):
        act(open_house.db, SECRET, tokens.seal(SECRET, Purpose.DISOWN, 404), now=NOW)
    assert everything(open_house) == before


def test_a_link_is_never_about_somebody_who_came_after_its_owner_was_forgotten(open_house: House) -> None:
    asked(open_house)
    old = {kind: open_house.token(EMAIL, kind) for kind in ("notme", "confirm")}
    assert open_house.tidy(NOW + 30 * DAY).forgotten == 1
    now = NOW + 30 * DAY
    open_house.sign_up("somebody@example.org", now)
    open_house.tick(now)
    with pytest.raises(NotFound):
        disown.disown(open_house.db, SECRET, old["notme"], now=now)
    assert optin.lapsed(open_house.db, SECRET, old["confirm"]) == optin.Lapsed()
    ids = {parcel.content.split(b"Message-ID: ")[1].split(b"\r\n")[0] for parcel in open_house.courier.sent}
    assert len(ids) == 2
