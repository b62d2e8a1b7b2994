"""How often is the owner of an address asked whether it was them, and what does "that was not me" mean?"""

from datetime import UTC, datetime, timedelta

import pytest

from sequencer.core import verdicts
from sequencer.core.model import (
    Consent,
    ConsentId,
    CourseId,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.verdicts import Reminder

NOW = datetime(2026, 3, 5, 7, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
S = DeliveryState


def a_consent(**changes: object) -> Consent:
    """Somebody signed up three days ago."""
    given: dict[str, object] = {
        "id": ConsentId(7),
        "subscriber_id": SubscriberId(1),
        "course_id": CourseId(1),
        "form": "newsletter",
        "wording": "",
        "name": "",
        "timezone": "",
        "note": "",
        "source_url": "",
        "ip": "",
        "asked_at": NOW - 3 * DAY,
    }
    return Consent(**{**given, **changes})  # type: ignore[arg-type]


def a_mail(state: DeliveryState = S.SENT, **changes: object) -> Delivery:
    """The mail that asked them, taken at once."""
    at = NOW - 3 * DAY
    given: dict[str, object] = {
        "id": DeliveryId(1),
        "kind": DeliveryKind.CONFIRMATION,
        "campaign_id": 7,
        "subscriber_id": SubscriberId(1),
        "run": 0,
        "state": state,
        "attempt": 1,
        "doubts": 0,
        "spared": 0,
        "enrolment_id": None,
        "revision_id": None,
        "due_at": None,
        "created_at": at,
        "finished_at": at if state in (S.SENT, S.FAILED, S.SKIPPED) else None,
        "relay": "",
        "reply": "",
    }
    return Delivery(**{**given, **changes})  # type: ignore[arg-type]


OTHER = a_mail(id=DeliveryId(2), campaign_id=9, created_at=NOW - 2 * DAY, finished_at=NOW - 2 * DAY)
OPEN = [S.QUEUED, S.CLAIMED, S.SENDING, S.DEFERRED]


def test_a_mail_asked_when_it_went_out_and_asks_now_while_it_is_under_way() -> None:
    late = a_mail(finished_at=NOW - DAY)
    assert verdicts.asked([late, a_mail(S.FAILED), a_mail(S.SKIPPED)], now=NOW) == (NOW - DAY, NOW - 3 * DAY)
    for state in OPEN:
        assert verdicts.asked([a_mail(state)], now=NOW) == (NOW,)
    assert verdicts.asked([a_mail(S.UNCERTAIN), a_mail(S.UNCERTAIN, due_at=NOW)], now=NOW) == (NOW - 3 * DAY, NOW)


@pytest.mark.parametrize(
    ("consent", "mails", "changes", "said"),
    [
        pytest.param({}, [a_mail()], {}, Reminder.NOW, id="three days without an answer"),
        pytest.param({}, [a_mail(finished_at=NOW - 3 * DAY + MINUTE)], {}, Reminder.LATER, id="a minute less"),
        pytest.param({}, [a_mail()], {"expires_at": NOW + DAY}, Reminder.NOW, id="a day left"),
        pytest.param({}, [a_mail()], {"expires_at": NOW + DAY - MINUTE}, Reminder.NEVER, id="less than a day left"),
        pytest.param({}, [a_mail()], {"after": timedelta(0)}, Reminder.NEVER, id="nobody is to be reminded"),
        pytest.param({}, [a_mail()], {"answered_at": NOW - 3 * DAY}, Reminder.NEVER, id="answered that second"),
        pytest.param({}, [a_mail()], {"answered_at": NOW - 3 * DAY - MINUTE}, Reminder.NOW, id="answered before"),
        pytest.param({"confirmed_at": NOW}, [a_mail()], {}, Reminder.NEVER, id="confirmed"),
        pytest.param({}, [a_mail(), OTHER], {}, Reminder.NEVER, id="two mails"),
        pytest.param({}, [OTHER, a_mail()], {}, Reminder.NEVER, id="two mails, the other way round"),
        pytest.param(
            {},
            [a_mail(id=DeliveryId(2), campaign_id=9, finished_at=NOW - 9 * DAY), a_mail()],
            {"since": NOW - 8 * DAY},
            Reminder.NOW,
            id="a mail of before they acted",
        ),
        pytest.param({}, [], {}, Reminder.NEVER, id="no mail"),
        pytest.param({}, [OTHER], {}, Reminder.NEVER, id="no mail of this consent"),
        *(pytest.param({}, [a_mail(state)], {}, Reminder.LATER, id=f"mail {state}") for state in OPEN),
        pytest.param({}, [a_mail(S.FAILED)], {}, Reminder.NEVER, id="mail failed"),
        pytest.param({}, [a_mail(S.SKIPPED)], {}, Reminder.NEVER, id="mail skipped"),
        pytest.param({}, [a_mail(S.UNCERTAIN)], {}, Reminder.NEVER, id="mail in doubt"),
        pytest.param({}, [a_mail(S.UNCERTAIN, due_at=NOW)], {}, Reminder.LATER, id="mail in doubt, sent once more"),
        pytest.param({}, [a_mail(finished_at=None)], {}, Reminder.NOW, id="mail sent, nobody knows when"),
    ],
)
def test_who_is_reminded(
    consent: dict[str, object], mails: list[Delivery], changes: dict[str, object], said: Reminder
) -> None:
    usual: dict[str, object] = {
        "answered_at": LONG_AGO,
        "since": LONG_AGO,
        "after": 3 * DAY,
        "expires_at": NOW + 4 * DAY,
        "now": NOW,
    }
    assert verdicts.reminder(a_consent(**consent), mails, **{**usual, **changes}) is said  # type: ignore[arg-type]


@pytest.mark.parametrize("state", SubscriberState)
@pytest.mark.parametrize("confirmed", [True, False])
def test_only_a_reader_disowns_one_sign_up_alone(state: SubscriberState, *, confirmed: bool) -> None:
    alone = state is SubscriberState.ACTIVE and not confirmed
    assert verdicts.is_about_all(state, confirmed=confirmed) is not alone
