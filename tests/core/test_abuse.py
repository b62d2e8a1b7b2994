"""The verdict on a sign-up, layer by layer."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import abuse, floods
from sequencer.core.abuse import LET_THROUGH, Accept, Ask, Challenge, Kind, Pretend, Refuse, Signals, Verdict
from sequencer.core.floods import Use, Uses

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
HOUR = floods.hour(NOW)
CAPS = abuse.caps({"ip": 10, "network": 100, "address": 5, "domain": 200, "form": 2000, "all": 5000})
CROWDS = abuse.caps({"provider": 100, "institution": 10})
PLAIN = Signals(form="article", address="rea@example.org", name="Rea", ip="192.0.2.7")


def judge(signals: Signals, uses: Uses | None = None) -> Verdict:
    return abuse.judge(signals, abuse.subjects(signals, "key"), uses or {}, caps=(*CAPS, *CROWDS), now=NOW)


def used(signals: Signals, kind: Kind, asked: int, *, hour: int = HOUR, confirmed: int = 0) -> Uses:
    return {abuse.subjects(signals, "key")[kind]: (Use(hour=hour, asked=asked, confirmed=confirmed),)}


def test_an_ordinary_sign_up_is_believed() -> None:
    assert judge(PLAIN) == Accept()


def test_who_fills_in_what_only_robots_see_is_told_nothing() -> None:
    assert judge(PLAIN._replace(is_robot=True, name="https://spam.example")) == Pretend()


@pytest.mark.parametrize(
    "name", ["https://x.example", "see www.x.example", "<b>Rea</b>", "BUY casino.com now", "[url=x]", "{{ 7*7 }}"]
)
def test_a_name_that_is_an_advertisement_is_refused_with_a_sentence(name: str) -> None:
    verdict = judge(PLAIN._replace(name=name))
    assert isinstance(verdict, Refuse)
    assert "name alone" in verdict.sentence


@pytest.mark.parametrize(
    "name", ["Rea", "J. R. R. Tolkien", "Anne-Marie O’Neil", "محمد", "St. John", "李小龍", "Dr. Me"]
)
def test_a_name_of_any_people_is_a_name(name: str) -> None:
    assert judge(PLAIN._replace(name=name)) == Accept()


def test_an_address_that_is_soon_thrown_away_is_refused_with_a_sentence() -> None:
    assert isinstance(judge(PLAIN._replace(is_disposable=True)), Refuse)


def test_a_slip_is_asked_about_until_the_visitor_is_sure() -> None:
    slip = PLAIN._replace(address="rea@gmial.com")
    assert judge(slip) == Ask(suggestion="rea@gmail.com")
    assert judge(slip._replace(sure=True)) == Accept()
    assert judge(slip._replace(is_disposable=True)) == Ask(suggestion="rea@gmail.com")
    assert isinstance(judge(slip._replace(is_disposable=True, sure=True)), Refuse)


def test_an_office_is_always_asked_by_mail() -> None:
    assert judge(PLAIN._replace(address="abuse@example.org")) == Accept(doubly=True)


@pytest.mark.parametrize("cap", CAPS, ids=lambda cap: cap.kind)
def test_beyond_a_cap_a_browser_has_to_work_and_far_beyond_nothing_helps(cap: abuse.Cap) -> None:
    assert judge(PLAIN, used(PLAIN, cap.kind, cap.most - 1)) == Accept()
    assert isinstance(judge(PLAIN, used(PLAIN, cap.kind, cap.most)), Challenge)
    worked = PLAIN._replace(solved=True)
    assert judge(worked, used(PLAIN, cap.kind, cap.most)) == Accept()
    verdict = judge(worked, used(PLAIN, cap.kind, abuse.HARD * cap.most))
    assert isinstance(verdict, Refuse)
    assert verdict.later


@pytest.mark.parametrize("cap", CAPS, ids=lambda cap: cap.kind)
def test_what_was_asked_for_long_ago_does_not_count(cap: abuse.Cap) -> None:
    assert judge(PLAIN, used(PLAIN, cap.kind, 10**6, hour=HOUR - cap.hours)) == Accept()


def test_a_large_provider_may_have_many_times_as_many() -> None:
    at_large = PLAIN._replace(address="rea@gmail.com")
    assert judge(at_large, used(at_large, Kind.DOMAIN, 300)) == Accept()
    assert isinstance(judge(at_large, used(at_large, Kind.DOMAIN, 200 * abuse.LARGE)), Challenge)


def test_an_ipv6_visitor_is_their_network() -> None:
    one = abuse.subjects(PLAIN._replace(ip="2001:db8:1:2::7"), "key")
    other = abuse.subjects(PLAIN._replace(ip="2001:db8:1:2:ffff::9"), "key")
    further = abuse.subjects(PLAIN._replace(ip="2001:db8:1:3::7"), "key")
    assert one[Kind.IP] == other[Kind.IP] != further[Kind.IP]
    assert one[Kind.NETWORK] == further[Kind.NETWORK]


def test_an_ipv4_visitor_is_the_same_however_the_address_is_written() -> None:
    one = abuse.subjects(PLAIN, "key")
    assert abuse.subjects(PLAIN._replace(ip="::ffff:192.0.2.7"), "key") == one
    other = abuse.subjects(PLAIN._replace(ip="::ffff:198.51.100.7"), "key")
    assert other[Kind.NETWORK] != one[Kind.NETWORK]


@given(at=st.ip_addresses(v=4))
def test_an_ipv4_visitor_is_counted_with_all_of_their_24_bits(at: IPv4Address) -> None:
    network = str(ip_network(f"{at}/24", strict=False)).rpartition(".")[0]
    found = abuse.subjects(PLAIN._replace(ip=str(at)), "key")
    assert found[Kind.IP] == abuse.subject(Kind.IP, str(at), "key")
    assert found[Kind.NETWORK] == abuse.subject(Kind.NETWORK, network, "key")


@given(name=st.text(max_size=30))
def test_a_name_that_holds_an_address_is_refused_whatever_its_letters(name: str) -> None:
    refused = isinstance(judge(PLAIN._replace(name=name)), Refuse)
    assert refused is (abuse._URL.search(name) is not None)


def test_a_program_that_names_no_visitor_is_not_counted_by_address_of_the_internet() -> None:
    unnamed = PLAIN._replace(ip="")
    assert set(abuse.subjects(unnamed, "key")) == {Kind.ADDRESS, Kind.DOMAIN, Kind.FORM, Kind.ALL, Kind.TAKEN}
    assert judge(unnamed) == Accept()


@pytest.mark.parametrize("visit", [timedelta(seconds=1), timedelta(days=2), timedelta(seconds=-5)])
def test_who_is_too_fast_or_too_slow_has_to_work(visit: timedelta) -> None:
    assert isinstance(judge(PLAIN._replace(visit=visit)), Challenge)
    assert judge(PLAIN._replace(visit=timedelta(seconds=9))) == Accept()


def test_a_page_that_is_none_of_the_forms_makes_the_browser_work() -> None:
    assert isinstance(judge(PLAIN._replace(is_foreign=True)), Challenge)


def test_a_form_may_ask_for_work_always_or_never() -> None:
    assert isinstance(judge(PLAIN._replace(challenge="always")), Challenge)
    assert judge(PLAIN._replace(challenge="never", is_foreign=True)) == Accept()


def test_a_program_has_no_browser_to_work() -> None:
    assert judge(PLAIN._replace(is_program=True, is_foreign=True, challenge="always")) == Accept()


def test_where_hardly_anybody_confirms_every_browser_has_to_work() -> None:
    going_on = used(PLAIN, Kind.FORM, 20)
    attacked = {**used(PLAIN, Kind.TAKEN, 50, hour=HOUR - 2, confirmed=9), **going_on}
    assert isinstance(judge(PLAIN, attacked), Challenge)
    assert judge(PLAIN._replace(solved=True), attacked) == Accept()
    assert judge(PLAIN, {**used(PLAIN, Kind.TAKEN, 50, hour=HOUR - 2, confirmed=10), **going_on}) == Accept()
    assert judge(PLAIN, used(PLAIN, Kind.TAKEN, 50, hour=HOUR - 2, confirmed=9)) == Accept()


def test_spellings_of_one_mailbox_are_let_through_a_few_times_until_one_is_confirmed() -> None:
    one = PLAIN._replace(address="r.ea+1@gmail.com", solved=True)
    other = PLAIN._replace(address="rea+2@googlemail.com", is_program=True)
    for spelled in (one, other):
        assert judge(spelled, used(one, Kind.MAILBOX, abuse.SPELLINGS - 1)) == Accept()
        assert judge(spelled, used(one, Kind.MAILBOX, abuse.SPELLINGS)) == Pretend()
        assert judge(spelled, used(one, Kind.MAILBOX, abuse.SPELLINGS, hour=HOUR - 99)) == Pretend()
        assert judge(spelled, used(one, Kind.MAILBOX, abuse.SPELLINGS, confirmed=1)) == Accept()
    assert Kind.MAILBOX not in abuse.subjects(PLAIN._replace(address="rea@gmail.com"), "key")
    assert Kind.MAILBOX not in abuse.subjects(PLAIN, "key")


# Crowds of mailboxes

AT_GMAIL = PLAIN._replace(address="r.ea+news@gmail.com")
AT_AGENCY = PLAIN._replace(address="rea@mail.agency.gov")


@pytest.mark.parametrize(("one", "kind", "most"), [(AT_GMAIL, Kind.PROVIDER, 100), (AT_AGENCY, Kind.INSTITUTION, 10)])
def test_a_crowd_that_no_past_explains_makes_the_browser_work(one: Signals, kind: Kind, most: int) -> None:
    assert judge(one, used(one, kind, most - 1)) == Accept()
    assert judge(one, used(one, kind, most)) == Challenge(because="there were many for such mailboxes")
    assert judge(one._replace(solved=True), used(one, kind, 10**6)) == Accept()
    assert judge(PLAIN, used(one, kind, 10**6)) == Accept()


@pytest.mark.parametrize("change", [{"is_program": True}, {"challenge": "never"}])
def test_where_no_browser_can_work_the_mail_of_a_crowd_is_put_off(change: dict[str, object]) -> None:
    one = AT_GMAIL._replace(**change)  # type: ignore[arg-type]
    assert judge(one, used(one, Kind.PROVIDER, 99)) == Accept()
    assert judge(one, used(one, Kind.PROVIDER, 100)) == Accept(wait=timedelta(hours=2))
    assert judge(one, used(one, Kind.PROVIDER, 350)) == Accept(wait=timedelta(hours=6))
    assert judge(one, used(one, Kind.PROVIDER, 10**6)) == Accept(wait=timedelta(days=1))


def test_all_offices_of_a_state_are_one_crowd_and_each_provider_is_its_own() -> None:
    def crowd(address: str) -> str:
        counted = abuse.answered("article", address, "key")
        return counted.get(Kind.INSTITUTION) or counted.get(Kind.PROVIDER) or ""

    assert crowd("a@one.gov") == crowd("b@x.two.gov") != crowd("a@one.edu")
    assert crowd("a@gmail.com") == crowd("b@googlemail.com") != crowd("a@outlook.com")
    assert crowd("a@example.org") == ""


def test_what_is_counted_when_it_is_confirmed_was_counted_when_it_was_let_through() -> None:
    for one in (PLAIN, AT_GMAIL, AT_AGENCY):
        counted = abuse.subjects(one, "key")
        assert abuse.answered(one.form, one.address, "key").items() <= counted.items()
        assert {kind for kind in counted if kind in LET_THROUGH} == set(abuse.answered(one.form, one.address, "key"))


def test_the_counters_hold_no_address() -> None:
    named = " ".join(abuse.subjects(PLAIN, "key").values())
    assert "rea" not in named
    assert "192" not in named
    assert abuse.subjects(PLAIN, "key") != abuse.subjects(PLAIN, "another key")


@given(st.integers(0, 10**6), st.sampled_from(sorted(set(Kind) - {Kind.INSTITUTION, Kind.MAILBOX})), st.booleans())
def test_more_sign_ups_never_make_the_verdict_milder(asked: int, kind: Kind, solved: bool) -> None:  # noqa: FBT001 (drawn)
    signals = AT_GMAIL._replace(solved=solved)
    order = (Accept, Challenge, Refuse)
    before, after = (order.index(type(judge(signals, used(signals, kind, many)))) for many in (asked, asked + 1))  # type: ignore[arg-type]
    assert before <= after
