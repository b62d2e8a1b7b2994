"""Is everything on record that proves what somebody agreed to, and what they answered?"""

from datetime import timedelta

import pytest
from house import DAY, FORM, LONDON, NOW, House, an_address, small_course

from sequencer.core.model import Assent, DeliveryKind, DeliveryState, SignupRequest, SuppressionReason
from sequencer.errors import NotFound
from sequencer.flows import evidence, signup

EMAIL = "reader@example.org"
TOLD = SignupRequest(
    form=FORM.key,
    address=an_address(EMAIL),
    name="Ann",
    timezone="Asia/Tokyo",
    note="A note.",
    source_url="https://example.org/an-article",
    ip="192.0.2.7",
    user_agent="Mozilla/5.0",
    language="ja",
    shape="mailchimp",
    utm=(("utm_source", "mastodon"),),
    attributes=(("city", "Kyoto"),),
    tags=("tea",),
)


def test_all_that_proves_an_agreement_is_on_record(house: House) -> None:
    house.publish(small_course())
    signup.sign_up(house.db, TOLD, FORM, zone=LONDON, now=NOW)
    house.tick(NOW)
    house.tidy(NOW + 3 * DAY)
    house.tick(NOW + 3 * DAY)
    house.confirm(EMAIL, NOW + 4 * DAY)
    record = evidence.of(house.db, an_address(EMAIL), link=7 * DAY)
    (agreed,) = record.agreed
    consent = agreed.consent
    for name in ("form", "name", "timezone", "note", "source_url", "ip", "user_agent", "language", "shape", "utm"):
        assert getattr(consent, name) == getattr(TOLD, name), name
    assert (consent.attributes, consent.tags) == (TOLD.attributes, TOLD.tags)
    assert (consent.wording, consent.wording_version) == (FORM.consent, FORM.wording_version)
    assert (consent.asked_at, consent.confirmed_at, consent.confirmed_ip) == (NOW, NOW + 4 * DAY, "192.0.2.1")
    assert (consent.assent, consent.disowned_at) == (Assent.MAIL, None)
    assert agreed.link_until == NOW + 7 * DAY
    assert [(mail.kind, mail.state) for mail in agreed.mails] == [
        (DeliveryKind.CONFIRMATION, DeliveryState.SENT),
        (DeliveryKind.REMINDER, DeliveryState.SENT),
    ]
    assert record.suppression is None


def test_each_consent_has_the_mails_that_asked_for_it(house: House) -> None:
    house.publish(small_course())
    house.join(EMAIL)
    house.leave_now(EMAIL)
    house.sign_up(EMAIL, NOW + timedelta(minutes=1))
    house.tick(NOW + timedelta(minutes=1))
    record = evidence.of(house.db, an_address(EMAIL), link=7 * DAY)
    assert [[mail.campaign_id for mail in one.mails] for one in record.agreed] == [
        [one.consent.id] for one in record.agreed
    ]
    assert len(record.agreed) == 2


def test_what_is_kept_of_who_disowned_is_on_record_until_they_are_forgotten(house: House) -> None:
    house.publish(small_course())
    house.sign_up(EMAIL)
    house.tick(NOW)
    house.refuse(EMAIL, NOW + DAY)
    record = evidence.of(house.db, an_address(EMAIL), link=7 * DAY)
    assert record.agreed[0].consent.disowned_at == NOW + DAY
    assert record.suppression is not None
    assert record.suppression.reason is SuppressionReason.DISOWNED
    house.tidy(NOW + 30 * DAY)
    with pytest.raises(NotFound, match=r"but that it is suppressed \(disowned\)\.$"):
        evidence.of(house.db, an_address(EMAIL), link=7 * DAY)
    with pytest.raises(NotFound, match=r"^Nothing is kept of other@example\.org\.$"):
        evidence.of(house.db, an_address("other@example.org"), link=7 * DAY)
