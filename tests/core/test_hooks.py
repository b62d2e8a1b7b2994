"""What are other programs told, and what follows from each of their answers?"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import hooks
from sequencer.core.hooks import (
    DISABLE_AFTER,
    RETRY_AFTER,
    Answered,
    Call,
    CallId,
    Event,
    Happening,
    Hook,
    HookId,
    Unreached,
    Verdict,
)

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOOK = Hook(
    id=HookId(1),
    name="crm",
    url="https://crm.example/hook",
    secret="whsec_new",
    events=frozenset(Happening),
    created_at=NOW,
)
EVENT = Event(
    id=7,
    name=Happening.SENT,
    payload='{"subscriber": {"id": 3, "email": "zoë@example.org"}, "course": "small"}',
    happened_at=NOW,
)


def a_call(attempt: int = 1, **hook: object) -> Call:
    return Call(id=CallId(5), attempt=attempt, hook=replace(HOOK, **hook), event=EVENT)  # type: ignore[arg-type]


def test_each_event_has_a_meaning_and_a_dot_in_its_name() -> None:
    assert set(hooks.MEANINGS) == set(Happening)
    assert all("." in name for name in Happening)


def test_the_body_says_what_happened_when_and_to_whom() -> None:
    assert json.loads(hooks.body(EVENT, with_address=True)) == {
        "type": "lesson.sent",
        "timestamp": "2026-03-02T07:00:00Z",
        "data": {"subscriber": {"id": 3, "email": "zoë@example.org"}, "course": "small"},
    }


def test_without_the_address_the_id_is_left() -> None:
    told = json.loads(hooks.body(EVENT, with_address=False))
    assert told["data"] == {"subscriber": {"id": 3}, "course": "small"}
    assert b"example.org" not in hooks.body(EVENT, with_address=False)


def test_an_event_about_nobody_has_no_address_to_leave_out() -> None:
    assert json.loads(hooks.body(replace(EVENT, payload='{"hook": "crm"}'), with_address=False))["data"] == {
        "hook": "crm"
    }


def test_an_event_keeps_its_name_and_shares_it_with_no_other_event() -> None:
    assert hooks.name(EVENT) == hooks.name(replace(EVENT))
    others = [
        replace(EVENT, id=8),
        replace(EVENT, name=Happening.FINISHED),
        replace(EVENT, payload="{}"),
        replace(EVENT, happened_at=NOW + MINUTE),
    ]
    assert len({hooks.name(one) for one in [EVENT, *others]}) == 5


def test_the_old_secret_signs_until_its_time_is_over() -> None:
    rotated = replace(HOOK, old_secret="whsec_old", old_until=NOW + MINUTE)
    assert HOOK.secrets(NOW) == ("whsec_new",)
    assert rotated.secrets(NOW) == ("whsec_new", "whsec_old")
    assert rotated.secrets(NOW + MINUTE) == ("whsec_new",)


def test_a_hook_never_shows_its_secrets() -> None:
    assert "whsec" not in repr(replace(HOOK, old_secret="whsec_old"))


# What follows from an answer


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_answer_of_success_is_taken(status: int) -> None:
    assert hooks.judge(Answered(status=status, reply="", rest=MINUTE), a_call(), now=NOW) == Verdict(taken=True)


@pytest.mark.parametrize("status", [199, 301, 302, 307, 400, 401, 404, 500, 503])
def test_every_other_answer_is_tried_again_after_five_seconds(status: int) -> None:
    verdict = hooks.judge(Answered(status=status, reply=""), a_call(), now=NOW)
    assert not verdict.taken
    assert verdict.again is not None
    assert timedelta(seconds=5) <= verdict.again - NOW <= timedelta(seconds=5.5)
    assert (verdict.rests_until, verdict.disabled) == (None, "")


def test_each_try_waits_as_the_table_says_and_the_last_is_given_up() -> None:
    for attempt, wait in enumerate(RETRY_AFTER, start=1):
        verdict = hooks.judge(Unreached(reason="down"), a_call(attempt), now=NOW)
        assert verdict.again is not None
        assert wait <= verdict.again - NOW <= wait * 1.1
    assert hooks.judge(Unreached(reason="down"), a_call(len(RETRY_AFTER) + 1), now=NOW).again is None


def test_the_table_lasts_longer_than_it_takes_to_disable_a_hook() -> None:
    assert sum(RETRY_AFTER, timedelta()) > DISABLE_AFTER


def test_who_is_gone_is_disabled_and_not_tried_again() -> None:
    verdict = hooks.judge(Answered(status=410, reply=""), a_call(), now=NOW)
    assert verdict.again is None
    assert verdict.disabled == "It answered 410: it does not want to be told any more."


@pytest.mark.parametrize("status", [429, 502, 504])
def test_who_is_overrun_is_left_alone_for_a_minute(status: int) -> None:
    verdict = hooks.judge(Answered(status=status, reply=""), a_call(), now=NOW)
    assert (verdict.again, verdict.rests_until) == (NOW + MINUTE, NOW + MINUTE)


def test_who_gives_no_answer_is_left_alone_for_a_minute() -> None:
    assert hooks.judge(Unreached(reason="", slow=True), a_call(), now=NOW).rests_until == NOW + MINUTE


def test_who_says_when_to_come_again_is_left_alone_until_then() -> None:
    verdict = hooks.judge(Answered(status=503, reply="", rest=7 * MINUTE), a_call(), now=NOW)
    assert (verdict.again, verdict.rests_until) == (NOW + 7 * MINUTE, NOW + 7 * MINUTE)
    later = hooks.judge(Answered(status=429, reply="", rest=MINUTE), a_call(attempt=4), now=NOW)
    assert later.again is not None
    assert later.again >= NOW + timedelta(hours=2)


def test_after_days_of_failure_a_hook_is_disabled() -> None:
    for since, disabled in ((NOW - DISABLE_AFTER, True), (NOW - DISABLE_AFTER + MINUTE, False)):
        verdict = hooks.judge(Answered(status=500, reply=""), a_call(failing_since=since), now=NOW)
        assert bool(verdict.disabled) is disabled


# Retry-After


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("120", 2 * MINUTE),
        (" 0 ", timedelta(0)),
        ("99999999999999999999999999", timedelta(days=1)),
        ("Mon, 02 Mar 2026 07:05:00 GMT", 5 * MINUTE),
        ("Mon, 02 Mar 2026 07:05:00 -0000", 5 * MINUTE),
        ("Mon, 02 Mar 2026 06:00:00 GMT", timedelta(0)),
        ("Mon, 02 Mar 2099 06:00:00 GMT", timedelta(days=1)),
        ("", timedelta(0)),
        ("-5", timedelta(0)),
        ("1.5", timedelta(0)),
        ("soon", timedelta(0)),
        ("Mon, 99 Mar 2026 07:05:00 GMT", timedelta(0)),
        ("\u0661\u0662", timedelta(0)),
    ],
)
def test_a_retry_after_is_read_as_seconds_or_as_a_date(text: str, rest: timedelta) -> None:
    assert hooks.asked_rest(text, now=NOW) == rest


@given(st.text(max_size=60))
def test_no_retry_after_is_longer_than_a_day_or_breaks_anything(text: str) -> None:
    assert timedelta(0) <= hooks.asked_rest(text, now=NOW) <= timedelta(days=1)
