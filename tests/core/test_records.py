"""Does a line of the journal say what is needed to know a message again, and nothing about anybody?"""

import json

from house import NOW
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import records
from sequencer.core.model import (
    Accepted,
    Address,
    Blame,
    Claim,
    Deferred,
    DeliveryId,
    DeliveryKind,
    EnrolmentId,
    Outcome,
    Rejected,
    SubscriberId,
    Uncertain,
)
from sequencer.core.records import Noted


def claim(kind: DeliveryKind = DeliveryKind.LESSON, enrolment: int | None = 5) -> Claim:
    return Claim(
        id=DeliveryId(4711),
        attempt=2,
        kind=kind,
        campaign_id=3,
        subscriber_id=SubscriberId(17),
        run=1,
        doubts=0,
        spared=0,
        relay="",
        enrolment_id=None if enrolment is None else EnrolmentId(enrolment),
        revision_id=None,
        course_id=None,
        step=1,
        created_at=NOW,
        address=Address(normalized="ann@example.org", wire="ann@example.org"),
        name="Ann",
        timezone="Europe/London",
    )


def test_a_line_is_read_as_it_was_written_and_names_nobody() -> None:
    outcomes: dict[Outcome, tuple[Noted, str]] = {
        Accepted(reply="250 2.0.0 Ok: queued as 4F2 for <ann@example.org>"): (Noted.ACCEPTED, "250 2.0.0"),
        Deferred(reply="451-4.7.1 later"): (Noted.DEFERRED, "451-4.7.1"),
        Rejected(reply="550 no such user ann@example.org", blame=Blame.ADDRESS): (Noted.REJECTED, "550"),
        Uncertain(reply="The connection broke."): (Noted.UNCERTAIN, ""),
    }
    for kind in DeliveryKind:
        for place in (None, 5):
            for outcome, (noted, code) in outcomes.items():
                one = records.record(claim(kind, place), outcome, at=1_772_438_400, message_id="<a1@example.org>")
                line = records.line(one)
                assert json.loads(line)["d"] == 4711
                assert records.parse(line) == one
                assert (one.outcome, one.code) == (noted, code)
                assert "ann" not in line


@given(cut=st.integers(0, 120))
def test_a_torn_line_is_no_record(cut: int) -> None:
    line = records.line(records.record(claim(), Accepted(reply="250 Ok"), at=1, message_id="<a1@example.org>"))
    assert records.parse(line[: min(cut, len(line) - 1)]) is None


def test_what_is_no_record_of_ours_is_none() -> None:
    for text in ("", "{}", "[]", "1", "null", '{"t":1}', "Mar  2 08:00:01 mx postfix/cleanup[7]"):
        assert records.parse(text) is None


def test_a_record_knows_which_message_and_which_attempt() -> None:
    one = records.record(claim(), Accepted(reply="250 Ok"), at=1, message_id="<a1@example.org>")
    assert one.key == (DeliveryKind.LESSON, 3, 17, 1)
    assert (one.ticket.delivery_id, one.ticket.attempt) == (4711, 2)
