"""Which relays do the settings name, what is known of them, and does nobody see their secrets?"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer import domains, relays
from sequencer import settings as options
from sequencer.domains import Throttle
from sequencer.errors import BadSettings
from sequencer.relays import PRESETS, OAuth, Ramp, Relay
from sequencer.settings import Settings

GOOD = {
    "SEQUENCER_BASE_URL": "https://mail.example.org",
    "SEQUENCER_SECRET_KEY": "a secret that is long enough for all of us",
    "SEQUENCER_POSTAL_ADDRESS": "1 Example Street",
}
SECRETS = ("hunter2", "tr0ub4dor", "swordfish")
TOKENS = 'oauth = { client_id = "the-client", client_secret = "tr0ub4dor", refresh_token = "swordfish" }'


def load(tmp_path: Path, toml: str, **variables: str) -> Settings:
    path = tmp_path / "sequencer.toml"
    path.write_text(toml, encoding="utf-8")
    return options.load(path, {**GOOD, **{f"SEQUENCER_{name.upper()}": value for name, value in variables.items()}})


def loaded(tmp_path: Path, toml: str, **variables: str) -> tuple[Relay, ...]:
    return load(tmp_path, toml, **variables).all_relays


def refusal(tmp_path: Path, toml: str) -> str:
    with pytest.raises(BadSettings) as caught:
        load(tmp_path, toml)
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return str(caught.value)


ALL = {
    "connections": 8,
    "timeout": 20,
    "weight": 3,
    "messages_per_connection": 50,
    "rate": 14,
    "daily_quota": 50000,
    "eager": True,
}
EVERYTHING = Relay(
    host="mx.example.org",
    port=2525,
    tls="off",
    username="me",
    password="hunter2",
    connections=8,
    timeout=20,
    weight=3,
    messages_per_connection=50,
    rate=14.0,
    daily_quota=50000,
    warm_up=Ramp(since=date(2026, 12, 1), first=100, growth=2.0),
    eager=True,
)


def test_every_option_may_stand_in_the_table_of_a_relay(tmp_path: Path) -> None:
    given = "\n".join(f"{name} = {str(value).lower()}" for name, value in ALL.items())
    (found,) = loaded(
        tmp_path,
        f'[relays.own]\nurl = "smtp://me:hunter2@mx.example.org:2525"\ntls = "off"\n{given}\n'
        "warm_up_from = 2026-12-01\nwarm_up_first = 100\nwarm_up_growth = 2\n",
    )
    assert found == relays.relay(
        "smtp://me:hunter2@mx.example.org:2525?tls=off",
        key="own",
        more={**ALL, "warm_up_from": date(2026, 12, 1), "warm_up_first": 100, "warm_up_growth": 2},
    )
    assert (found.name, found.weight, found.warm_up) == ("own", 3, EVERYTHING.warm_up)


def test_every_option_may_stand_behind_the_question_mark_also_in_a_variable(tmp_path: Path) -> None:
    query = "&".join(f"{name}={'on' if value is True else value}" for name, value in ALL.items())
    url = f"smtp://me:hunter2@mx.example.org:2525?tls=off&{query}&warm_up_from=2026-12-01&warm_up_first=100&warm_up_growth=2"
    assert loaded(tmp_path, "", relay_url=url) == (EVERYTHING,)
    (found,) = loaded(tmp_path, f'[relays.own]\nurl = "{url}"')
    assert (found.name, found.rate, found.warm_up) == ("own", 14.0, EVERYTHING.warm_up)
    assert EVERYTHING.name == "mx.example.org:2525"


def test_what_stands_in_the_table_goes_before_what_stands_in_its_url(tmp_path: Path) -> None:
    (found,) = loaded(tmp_path, '[relays.own]\nurl = "smtp://mx.example.org?rate=5&connections=7"\nrate = 0.5')
    assert (found.rate, found.connections) == (0.5, 7)


def test_a_domain_s_throttle_is_found_by_its_name_as_it_stands_on_an_envelope(tmp_path: Path) -> None:
    table = '{ "GMail.com." = "20/minute", "bücher.example" = " 5 / hour", "*" = "100/day" }'
    (found,) = loaded(tmp_path, f'[relays.own]\nurl = "smtp://mx.example.org"\ndomains = {table}')
    said = {domain: str(domains.of(found.domains, domain)) for domain in ("gmail.com", "xn--bcher-kva.example")}
    assert said == {"gmail.com": "20/minute", "xn--bcher-kva.example": "5/hour"}
    # A domain below one that is named is another one.
    assert domains.of(found.domains, "mail.gmail.com") == Throttle(messages=100, seconds=86_400)
    (free,) = loaded(
        tmp_path, '[relays.own]\nurl = "smtp://mx.example.org"\n[relays.own.domains]\n"web.de" = "1/second"'
    )
    assert free.domains == (("web.de", Throttle(messages=1, seconds=1)),)
    assert domains.of(free.domains, "gmail.com") is None


def test_several_relays_take_the_place_of_the_one(tmp_path: Path) -> None:
    several = load(
        tmp_path,
        '[relays.ses]\nurl = "smtp://email-smtp.eu-west-1.amazonaws.com"\nweight = 3\n'
        '[relays.own]\nurl = "smtp://127.0.0.1:25"\n[relays.spare]\nurl = "smtp://127.0.0.1:26"\nweight = 0',
    )
    assert [(one.name, one.weight) for one in several.all_relays] == [("ses", 3), ("own", 1), ("spare", 0)]


@pytest.mark.parametrize("toml", ["", "[relays]\n"])
def test_where_there_is_no_table_there_is_one_relay(tmp_path: Path, toml: str) -> None:
    assert loaded(tmp_path, toml) == (Relay(host="127.0.0.1", port=25, tls="offered"),)
    (found,) = loaded(tmp_path, toml, relay_url="smtp://mx.example.org")
    assert found.host == "mx.example.org"


def test_a_variable_beside_tables_is_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match='"relay_url" and "relays" are both set'):
        load(tmp_path, '[relays.own]\nurl = "smtp://127.0.0.1:25"', relay_url="smtp://mx.example.org")


HOSTS = {
    "email-smtp.eu-west-1.amazonaws.com": "ses",
    "email-smtp-fips.us-gov-west-1.amazonaws.com": "ses",
    "email-smtp.cn-north-1.amazonaws.com.cn": "ses",
    "vpce-0abc-1xyz.email-smtp.us-east-1.vpce.amazonaws.com": "ses",
    "smtp.gmail.com": "gmail",
    "SMTP.GoogleMail.com": "gmail",
    "smtp-relay.gmail.com": "google-relay",
    "smtp.office365.com": "microsoft365",
    "smtp-mail.outlook.com": "microsoft365",
    "smtp.postmarkapp.com": "postmark",
    "smtp-broadcasts.postmarkapp.com": "postmark",
    "smtp.mailgun.org": "mailgun",
    "smtp.eu.mailgun.org": "mailgun",
    "smtp.sendgrid.net": "sendgrid",
    "smtp.eu.sendgrid.net": "sendgrid",
}


def options_of(found: Relay, preset: str) -> Mapping[str, object]:
    return {name: getattr(found, name) for name in PRESETS[preset].options}


@pytest.mark.parametrize(("host", "preset"), HOSTS.items())
def test_a_provider_is_known_by_its_host(host: str, preset: str) -> None:
    found = relays.relay(f"smtp://{host}")
    assert options_of(found, preset) == PRESETS[preset].options
    plain = relays.relay(f"smtp://{host}?preset=none")
    assert plain == Relay(host=host.lower(), port=587, tls="required")


def test_every_preset_is_found_by_a_host_and_says_something() -> None:
    assert set(HOSTS.values()) == set(PRESETS)
    assert all(preset.options for preset in PRESETS.values())


@pytest.mark.parametrize(
    "host",
    [
        "mx.example.org",
        "smtp.gmail.com.example.org",
        "notsmtp.gmail.com",
        "smtp-gmail.com",
        "email-smtp.eu-west-1.amazonaws.com.example.org",
        "smtpXpostmarkapp.com",
    ],
)
def test_of_any_other_host_nothing_is_known(host: str) -> None:
    assert relays.relay(f"smtp://{host}") == Relay(host=host.lower(), port=587, tls="required")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_may_be_named_for_any_host(preset: str) -> None:
    assert options_of(relays.relay(f"smtp://mx.example.org?preset={preset}"), preset) == PRESETS[preset].options


def test_what_the_settings_say_goes_before_what_is_known() -> None:
    found = relays.relay("smtp://smtp.office365.com?rate=2&connections=1", more={"daily_quota": 0})
    assert (found.rate, found.connections, found.daily_quota) == (2.0, 1, 0)
    assert found.messages_per_connection == PRESETS["microsoft365"].options["messages_per_connection"]


def test_what_the_providers_write_anew_is_not_signed() -> None:
    unsigned = {name: preset.options["unsigned"] for name, preset in PRESETS.items() if "unsigned" in preset.options}
    assert unsigned == {"ses": ("date", "message-id"), "postmark": ("message-id",)}


def test_google_s_token_url_need_not_be_said(tmp_path: Path) -> None:
    (found,) = loaded(tmp_path, f'[relays.gmail]\nurl = "smtp://me%40example.org@smtp.gmail.com"\n{TOKENS}')
    assert (found.username, found.password) == ("me@example.org", "")
    assert found.oauth == OAuth(
        token_url="https://oauth2.googleapis.com/token",
        client_id="the-client",
        client_secret="tr0ub4dor",
        refresh_token="swordfish",
    )


def test_of_microsoft_the_scope_is_known_and_the_token_url_is_the_tenant_s(tmp_path: Path) -> None:
    url = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
    table = f'oauth = {{ client_id = "x", client_secret = "y", token_url = " {url} " }}'
    (found,) = loaded(tmp_path, f'[relays.o365]\nurl = "smtp://me@smtp.office365.com"\n{table}')
    assert found.oauth is not None
    assert (found.oauth.token_url, found.oauth.scope) == (url, "https://outlook.office365.com/.default")
    assert "at least client_id and token_url" in refusal(
        tmp_path, f'[relays.o365]\nurl = "smtp://me@smtp.office365.com"\n{TOKENS}'
    )


def test_what_the_table_says_of_tokens_goes_before_what_is_known(tmp_path: Path) -> None:
    table = TOKENS.replace(" }", ', token_url = "http://127.0.0.1:8080/token", scope = "mail" }')
    (found,) = loaded(tmp_path, f'[relays.gmail]\nurl = "smtp://me@smtp.gmail.com"\n{table}')
    assert found.oauth is not None
    assert (found.oauth.token_url, found.oauth.scope) == ("http://127.0.0.1:8080/token", "mail")


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1/token",
        "https:///token",
        "https://me:hunter2@id.example.org/token",
        "https://id.example.org:port/token",
        "http://10.0.0.1/token",
        "id.example.org/token",
        "https://id.exa mple.org/token",
    ],
)
def test_a_token_url_to_which_no_secret_may_be_told_stops_the_start(tmp_path: Path, url: str) -> None:
    table = TOKENS.replace(" }", f', token_url = "{url}" }}')
    said = refusal(tmp_path, f'[relays.own]\nurl = "smtp://me@mx.example.org"\n{table}')
    assert (
        said
        == 'The option "relays" is (not shown); it needs an https:// address as token_url in oauth, in [relays.own].'
    )


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ('preset = ["ses"]', "ses, gmail, "),
        ("preset = { ses = true }", "ses, gmail, "),
        ("preset = 7", "ses, gmail, "),
        ('tls = ["off"]', "tls=required, tls=offered or tls=off"),
        ("tls = false", "tls=required, tls=offered or tls=off"),
        ("connections = true", "a number from 1 to 1000 for connections"),
        ("connections = 4.0", "a number from 1 to 1000 for connections"),
        ("weight = -1", "a number from 0 to 1000 for weight"),
        ("rate = nan", "a number like 14 or 0.5 for rate"),
        ("rate = inf", "a number like 14 or 0.5 for rate"),
        ("rate = true", "a number like 14 or 0.5 for rate"),
        ("rate = -1", "a number like 14 or 0.5 for rate"),
        ("eager = [true]", "on or off for eager"),
        ("daily_quota = 10_000_000_000", "a number of at least 0 for daily_quota"),
        ("warm_up_from = 2026-12-01T08:00:00Z", "a day like 2026-12-01 for warm_up_from"),
        ("warm_up_from = 7", "a day like 2026-12-01 for warm_up_from"),
        ("warm_up_from = 2026-12-01\nwarm_up_first = 0", "a number of at least 1 for warm_up_first"),
        ("warm_up_from = 2026-12-01\nwarm_up_growth = nan", "a number like 14 or 0.5 for warm_up_growth"),
        ("warm_up_first = 10", "a day like 2026-12-01 for warm_up_from beside warm_up_first"),
        ("warm_up_growth = 2", "a day like 2026-12-01 for warm_up_from beside warm_up_growth"),
        ("oauth = true", "oauth as a table of texts"),
        ("oauth = { client_id = 7 }", "oauth as a table of texts"),
        ('oauth = { client_id = " " }', "oauth as a table of texts"),
        ('domains = { "gmail.com" = 20 }', 'a text like "20/minute" for "gmail.com" in domains'),
        ('domains = { "gmail.com" = "0/minute" }', 'a text like "20/minute" for "gmail.com" in domains'),
        ('domains = { "gmail.com" = "1000001/day" }', 'a text like "20/minute" for "gmail.com" in domains'),
        ('domains = { "gmail.com" = "20/week" }', 'a text like "20/minute" for "gmail.com" in domains'),
        ('domains = { "gmail" = "20/minute" }', 'domains like "gmail.com"'),
        ('domains = { "a..b" = "20/minute" }', 'domains like "gmail.com"'),
        ('domains = { "*.com" = "20/minute" }', 'domains like "gmail.com"'),
        ('password = "hunter2"', "no option but url, "),
        ('url = "smtp://me:tr0ub4dor@mx.example.org/x"', "an address like smtp://"),
        ("url = 7", "a text in quotes"),
    ],
)
def test_a_wrong_line_of_a_relay_is_refused_in_one_sentence(tmp_path: Path, line: str, right: str) -> None:
    url = "" if line.startswith("url") else 'url = "smtp://mx.example.org"\n'
    said = refusal(tmp_path, f"[relays.own]\n{url}{line}")
    assert said.startswith(f'The option "relays" is (not shown); it needs {right}')
    assert said.endswith(", in [relays.own].")


def test_no_secret_of_a_relay_is_shown_by_anything_that_holds_it(tmp_path: Path) -> None:
    held = load(
        tmp_path,
        f'[relays.one]\nurl = "smtp://me:hunter2@mx.example.org"\n'
        f'[relays.two]\nurl = "smtp://me@smtp.gmail.com"\n{TOKENS}',
    )
    assert held.relays["one"].password == "hunter2"
    shown = [f"{one!r} {one} {one.name} {one.oauth!r} {one.oauth}" for one in (*held.all_relays, held.relay_url)]
    for words in (repr(held), str(held), repr(held.all_relays), *shown):
        assert not any(secret in words for secret in SECRETS)
    assert "the-client" in shown[1]


# Whatever somebody's password is: only what no text file holds is left out.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS)
def test_any_user_and_password_come_back_as_they_were(user: str, password: str) -> None:
    made = relays.relay(f"smtp://{quote(user, safe='')}:{quote(password, safe='')}@mx.example.org:587?rate=14")
    assert (made.username, made.password) == (user, password)
    assert (made.host, made.port, made.rate) == ("mx.example.org", 587, 14.0)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), WORDS)
def test_an_address_that_is_none_is_refused_without_being_repeated(rest: str, password: str) -> None:
    said = ""
    try:
        relays.relay(f"smtp://me:hunter2{password}@{rest}")
    except ValueError as error:
        said = str(error)
    assert "hunter2" not in said


def test_a_day_is_a_day_wherever_it_stands() -> None:
    given_as = [date(2026, 12, 1), "2026-12-01", " 2026-12-01 "]
    made = [relays.relay("smtp://mx.example.org", more={"warm_up_from": one}).warm_up for one in given_as]
    assert made == [Ramp(since=date(2026, 12, 1))] * 3
    with pytest.raises(ValueError, match="a day like"):
        relays.relay("smtp://mx.example.org", more={"warm_up_from": datetime(2026, 12, 1, tzinfo=UTC)})
