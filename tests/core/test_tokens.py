"""Is this link one of ours, and only then?"""

from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import tokens
from sequencer.core.tokens import Purpose, Token
from sequencer.errors import BadRequest, Expired

SECRET = "a secret of tests that is long enough"
NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
URL_SAFE = set(ascii_letters + digits + "-_")

IDS = st.integers(0, 2**40)
PURPOSES = st.sampled_from(Purpose)
LATER = st.datetimes(datetime(2026, 3, 3), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds)


@settings(max_examples=100, deadline=None)
@given(PURPOSES, IDS, IDS, st.none() | LATER)
def test_a_token_says_what_was_put_into_it(purpose: Purpose, who: int, about: int, expires_at: datetime | None) -> None:
    token = tokens.seal(SECRET, purpose, who, about=about, expires_at=expires_at)
    assert tokens.unseal(SECRET, purpose, token, now=NOW) == Token(subject=who, about=about)
    assert set(token) <= URL_SAFE


@settings(max_examples=50, deadline=None)
@given(PURPOSES, IDS, IDS, st.none() | LATER)
def test_a_token_fits_into_a_short_link(purpose: Purpose, who: int, about: int, expires_at: datetime | None) -> None:
    assert len(tokens.seal(SECRET, purpose, who, about=about)) <= 45
    assert len(tokens.seal(SECRET, purpose, who, about=about, expires_at=expires_at)) <= 60


def test_the_longest_token_is_still_read() -> None:
    expires_at = datetime(9999, 12, 31, tzinfo=UTC)
    token = tokens.seal(SECRET, Purpose.CONFIRM, 2**63 - 1, about=2**40, expires_at=expires_at)
    assert tokens.unseal(SECRET, Purpose.CONFIRM, token, now=NOW).subject == 2**63 - 1


def test_who_somebody_is_shows_in_no_token_twice() -> None:
    made = [
        tokens.seal(SECRET, purpose, who, about=about)
        for purpose in Purpose
        for who in (0, 1, 127, 128, 300)
        for about in (0, 1, 127, 128, 300)
    ]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("who", [1, 2, 3, 127, 128, 70_000])
def test_no_single_character_of_a_token_can_be_changed_dropped_or_added(who: int) -> None:
    token = tokens.seal(SECRET, Purpose.LEAVE, who)
    others = sorted(URL_SAFE | set("+/=!. \n"))
    changed = {token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in others}
    dropped = {token[:at] + token[at + 1 :] for at in range(len(token))}
    added = {token[:at] + other + token[at:] for at in range(len(token) + 1) for other in others}
    for tampered in (changed | dropped | added) - {token}:
        with pytest.raises(BadRequest, match="not complete or not one of ours"):
            tokens.unseal(SECRET, Purpose.LEAVE, tampered, now=NOW)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("other", Purpose)
def test_a_token_is_good_for_its_own_purpose_alone(purpose: Purpose, other: Purpose) -> None:
    token = tokens.seal(SECRET, purpose, 7)
    if purpose is other:
        assert tokens.unseal(SECRET, other, token, now=NOW).subject == 7
    else:
        with pytest.raises(BadRequest, match="not one of ours"):
            tokens.unseal(SECRET, other, token, now=NOW)


def test_a_token_of_another_secret_is_not_ours() -> None:
    token = tokens.seal("another secret that is long enough", Purpose.LEAVE, 7)
    with pytest.raises(BadRequest, match="not one of ours"):
        tokens.unseal(SECRET, Purpose.LEAVE, token, now=NOW)


def test_a_token_expires_to_the_second() -> None:
    token = tokens.seal(SECRET, Purpose.CONFIRM, 7, expires_at=NOW)
    assert tokens.unseal(SECRET, Purpose.CONFIRM, token, now=NOW - timedelta(seconds=1)).subject == 7
    with pytest.raises(Expired, match="has expired"):
        tokens.unseal(SECRET, Purpose.CONFIRM, token, now=NOW)


def test_what_an_expired_token_said_can_still_be_read_and_of_no_other() -> None:
    token = tokens.seal(SECRET, Purpose.CONFIRM, 7, about=3, expires_at=NOW - timedelta(days=400))
    assert tokens.read(SECRET, Purpose.CONFIRM, token) == Token(subject=7, about=3)
    for secret, purpose, other in (
        (SECRET, Purpose.LEAVE, token),
        ("another secret that is just as long as it", Purpose.CONFIRM, token),
        (SECRET, Purpose.CONFIRM, token[:-1] + ("A" if token[-1] != "A" else "B")),
        (SECRET, Purpose.CONFIRM, ""),
    ):
        with pytest.raises(BadRequest, match="not one of ours"):
            tokens.read(secret, purpose, other)


def test_a_token_without_an_expiry_is_good_for_ever() -> None:
    token = tokens.seal(SECRET, Purpose.LEAVE, 7)
    assert tokens.unseal(SECRET, Purpose.LEAVE, token, now=datetime(9999, 1, 1, tzinfo=UTC)).subject == 7


GARBAGE = (
    *("", "u", "====", "AAAA", "A" * 22, "A" * 64, "A" * 65, "A" * 100_000),
    *("ü" * 30, "\ud800", "\x00" * 30, "a b", "../../etc/passwd", "https://example.org"),
)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_refused_in_words_for_the_visitor(garbage: str) -> None:
    with pytest.raises(BadRequest, match="Please copy it whole"):
        tokens.unseal(SECRET, Purpose.LEAVE, garbage, now=NOW)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(BadRequest):
        tokens.unseal(SECRET, Purpose.LEAVE, text, now=NOW)


NAMED = {"kind": "lesson", "campaign": 12, "subscriber": 345, "run": 1}


def message_id(secret: str = SECRET, domain: str = "example.org", **changes: object) -> str:
    given_names = {**NAMED, **changes}
    return tokens.message_id(secret, *given_names.values(), domain=domain)  # type: ignore[arg-type]


def test_the_message_id_of_a_delivery_is_always_the_same() -> None:
    # Not only here and now: a release that changed it would hide second attempts from those who look for duplicates.
    assert message_id() == "<540c4737ff1c0f2cc0b5fa6ee8120954@example.org>"


def test_the_message_id_differs_by_all_that_makes_a_delivery_another() -> None:
    made = [
        message_id(),
        message_id(secret="another secret"),
        message_id(domain="example.net"),
        message_id(kind="confirmation"),
        message_id(campaign=13),
        message_id(subscriber=346),
        message_id(run=2),
        message_id(campaign=1, subscriber=2345),
        message_id(subscriber=34, run=51),
    ]
    assert len(set(made)) == len(made)


def test_the_message_id_header_fits_on_a_line() -> None:
    made = message_id(campaign=2**40, subscriber=2**40, run=99, domain="news.a-long-name.example.co.uk")
    assert len(f"Message-ID: {made}") <= 78
    assert set(made[1 : made.index("@")]) <= set(ascii_letters + digits)


@pytest.mark.parametrize("milliseconds", [0, 1, 1500, 86_400_000])
def test_a_forms_mark_says_how_long_ago_it_was_made(milliseconds: int) -> None:
    mark = tokens.stamp(SECRET, now=NOW)
    ago = timedelta(milliseconds=milliseconds)
    assert tokens.age(SECRET, mark, now=NOW + ago) == ago


@pytest.mark.parametrize("mark", ["", "nonsense", "é", tokens.seal(SECRET, Purpose.LEAVE, 1), "x" * 100])
def test_what_is_no_mark_of_a_form_has_no_age(mark: str) -> None:
    assert tokens.age(SECRET, mark, now=NOW) is None
    assert tokens.age("another secret of tests, long enough", tokens.stamp(SECRET, now=NOW), now=NOW) is None
