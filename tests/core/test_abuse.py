"""The verdict on a sign-up, layer by layer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import abuse
from sequencer.core.abuse import Accept, Ask, Challenge, Kind, Pretend, Refuse, Signals, Use, Uses, Verdict

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
HOUR = abuse.hour(NOW)
CAPS = abuse.caps({"ip": 10, "network": 100, "address": 5, "domain": 200, "form": 2000, "all": 5000})
PLAIN = Signals(form="article", address="rea@example.org", name="Rea", ip="192.0.2.7")


def judge(signals: Signals, uses: Uses | None = None) -> Verdict:
    return abuse.judge(signals, abuse.subjects(signals, "key"), uses or {}, caps=CAPS, now=NOW)


def used(signals: Signals, kind: Kind, asked: int, *, hour: int = HOUR, confirmed: int = 0) -> Uses:
    return {abuse.subjects(signals, "key")[kind]: (Use(hour=hour, asked=asked, confirmed=confirmed),)}


def test_an_ordinary_sign_up_is_believed() -> None:
    assert judge(PLAIN) == Accept()


def test_who_fills_in_what_only_robots_see_is_told_nothing() -> None:
    assert judge(replace(PLAIN, is_robot=True, name="https://spam.example")) == Pretend()


@pytest.mark.parametrize(
    "name", ["https://x.example", "see www.x.example", "<b>Rea</b>", "BUY casino.com now", "[url=x]", "{{ 7*7 }}"]
)
def test_a_name_that_is_an_advertisement_is_refused_with_a_sentence(name: str) -> None:
    verdict = judge(replace(PLAIN, name=name))
    assert isinstance(verdict, Refuse)
    assert "name alone" in verdict.sentence


@pytest.mark.parametrize(
    "name", ["Rea", "J. R. R. Tolkien", "Anne-Marie O’Neil", "محمد", "St. John", "李小龍", "Dr. Me"]
)
def test_a_name_of_any_people_is_a_name(name: str) -> None:
    assert judge(replace(PLAIN, name=name)) == Accept()


def test_an_address_that_is_soon_thrown_away_is_refused_with_a_sentence() -> None:
    assert isinstance(judge(replace(PLAIN, is_disposable=True)), Refuse)


def test_a_slip_is_asked_about_until_the_visitor_is_sure() -> None:
    slip = replace(PLAIN, address="rea@gmial.com")
    assert judge(slip) == Ask(suggestion="rea@gmail.com")
    assert judge(replace(slip, sure=True)) == Accept()
    assert judge(replace(slip, is_disposable=True)) == Ask(suggestion="rea@gmail.com")
    assert isinstance(judge(replace(slip, is_disposable=True, sure=True)), Refuse)


def test_an_office_is_always_asked_by_mail() -> None:
    assert judge(replace(PLAIN, address="abuse@example.org")) == Accept(doubly=True)


@pytest.mark.parametrize("cap", CAPS, ids=lambda cap: cap.kind)
def test_beyond_a_cap_a_browser_has_to_work_and_far_beyond_nothing_helps(cap: abuse.Cap) -> None:
    assert judge(PLAIN, used(PLAIN, cap.kind, cap.most - 1)) == Accept()
    assert isinstance(judge(PLAIN, used(PLAIN, cap.kind, cap.most)), Challenge)
    worked = replace(PLAIN, solved=True)
    assert judge(worked, used(PLAIN, cap.kind, cap.most)) == Accept()
    verdict = judge(worked, used(PLAIN, cap.kind, abuse.HARD * cap.most))
    assert isinstance(verdict, Refuse)
    assert verdict.later


@pytest.mark.parametrize("cap", CAPS, ids=lambda cap: cap.kind)
def test_what_was_asked_for_long_ago_does_not_count(cap: abuse.Cap) -> None:
    assert judge(PLAIN, used(PLAIN, cap.kind, 10**6, hour=HOUR - cap.hours)) in (
        Accept(),
        Challenge(because="hardly anybody confirms"),
    )


def test_a_large_provider_may_have_many_times_as_many() -> None:
    at_large = replace(PLAIN, address="rea@gmail.com")
    assert judge(at_large, used(at_large, Kind.DOMAIN, 300)) == Accept()
    assert isinstance(judge(at_large, used(at_large, Kind.DOMAIN, 200 * abuse.LARGE)), Challenge)


def test_an_ipv6_visitor_is_their_network() -> None:
    one = abuse.subjects(replace(PLAIN, ip="2001:db8:1:2::7"), "key")
    other = abuse.subjects(replace(PLAIN, ip="2001:db8:1:2:ffff::9"), "key")
    further = abuse.subjects(replace(PLAIN, ip="2001:db8:1:3::7"), "key")
    assert one[Kind.IP] == other[Kind.IP] != further[Kind.IP]
    assert one[Kind.NETWORK] == further[Kind.NETWORK]


def test_a_program_that_names_no_visitor_is_not_counted_by_address_of_the_internet() -> None:
    unnamed = replace(PLAIN, ip="")
    assert set(abuse.subjects(unnamed, "key")) == {Kind.ADDRESS, Kind.DOMAIN, Kind.FORM, Kind.ALL}
    assert judge(unnamed) == Accept()


@pytest.mark.parametrize("visit", [timedelta(seconds=1), timedelta(days=2), timedelta(seconds=-5)])
def test_who_is_too_fast_or_too_slow_has_to_work(visit: timedelta) -> None:
    assert isinstance(judge(replace(PLAIN, visit=visit)), Challenge)
    assert judge(replace(PLAIN, visit=timedelta(seconds=9))) == Accept()


def test_a_page_that_is_none_of_the_forms_makes_the_browser_work() -> None:
    assert isinstance(judge(replace(PLAIN, is_foreign=True)), Challenge)


def test_a_form_may_ask_for_work_always_or_never() -> None:
    assert isinstance(judge(replace(PLAIN, challenge="always")), Challenge)
    assert judge(replace(PLAIN, challenge="never", is_foreign=True)) == Accept()


def test_a_program_has_no_browser_to_work() -> None:
    assert judge(replace(PLAIN, is_program=True, is_foreign=True, challenge="always")) == Accept()


def test_where_hardly_anybody_confirms_every_browser_has_to_work() -> None:
    attacked = used(PLAIN, Kind.FORM, 50, hour=HOUR - 2, confirmed=9)
    assert isinstance(judge(PLAIN, attacked), Challenge)
    assert judge(replace(PLAIN, solved=True), attacked) == Accept()
    assert judge(PLAIN, used(PLAIN, Kind.FORM, 50, hour=HOUR - 2, confirmed=10)) == Accept()
    assert judge(PLAIN, used(PLAIN, Kind.FORM, 49, hour=HOUR - 2)) == Accept()
    # People need a while until they read their mail.
    assert judge(PLAIN, used(PLAIN, Kind.FORM, 500, hour=HOUR)) == Accept()


def test_the_counters_hold_no_address() -> None:
    named = " ".join(abuse.subjects(PLAIN, "key").values())
    assert "rea" not in named
    assert "192" not in named
    assert abuse.subjects(PLAIN, "key") != abuse.subjects(PLAIN, "another key")


@given(st.integers(0, 10**6), st.sampled_from(list(Kind)), st.booleans())
def test_more_sign_ups_never_make_the_verdict_milder(asked: int, kind: Kind, solved: bool) -> None:  # noqa: FBT001 (drawn)
    signals = replace(PLAIN, solved=solved)
    order = (Accept, Challenge, Refuse)
    before, after = (order.index(type(judge(signals, used(signals, kind, many)))) for many in (asked, asked + 1))  # type: ignore[arg-type]
    assert before <= after
