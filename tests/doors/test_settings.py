"""Is every option right, where does it come from, and what does a wrong one say?"""

import re
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from sequencer import settings as options
from sequencer.app import open_app
from sequencer.cli import init
from sequencer.errors import BadSettings
from sequencer.forms import Form
from sequencer.relays import Relay
from sequencer.settings import Settings
from sequencer.values import Listen

BAD = Path(__file__).parent.parent / "data" / "bad_settings"
GOOD = {
    "SEQUENCER_BASE_URL": "https://mail.example.org",
    "SEQUENCER_SECRET_KEY": "a secret that is long enough for all of us",
    "SEQUENCER_POSTAL_ADDRESS": "1 Example Street",
}
SECRET_WORDS = ("hunter2", "tr0ub4dor", "swordfish")


def load(**variables: str) -> Settings:
    return options.load(None, {**GOOD, **{f"SEQUENCER_{name.upper()}": value for name, value in variables.items()}})


def relay(url: str) -> Relay:
    return load(relay_url=url).relay_url


def refusal(path: Path | None, environ: dict[str, str]) -> str:
    with pytest.raises(BadSettings) as caught:
        options.load(path, environ)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(BAD.glob("*.toml")), ids=lambda path: path.stem)
def test_a_wrong_option_is_one_sentence_that_names_it_its_value_and_what_is_right(path: Path) -> None:
    expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    said = refusal(path, {}).replace(str(path), "FILE")
    assert said == expected
    assert not any(word in said for word in SECRET_WORDS)


def test_every_option_has_a_wrong_file() -> None:
    sentences = "\n".join(path.read_text(encoding="utf-8").splitlines()[0] for path in BAD.glob("*.toml"))
    assert [name for name in options.options() if f'The option "{name}" is' not in sentences] == []


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("listen", "localhost", "an address and a port like 127.0.0.1:8080 or [::1]:8080"),
        ("listen", "::1", "an address and a port like 127.0.0.1:8080 or [::1]:8080"),
        ("listen", "127.0.0.1:65536", "an address and a port like 127.0.0.1:8080 or [::1]:8080"),
        ("listen", "127.0.0.1:²", "an address and a port like 127.0.0.1:8080 or [::1]:8080"),
        ("confirm_within", "²", "a number of days from 1 to 365"),
        ("confirm_within", "0", "a number of days from 1 to 365"),
        ("confirm_within", "366", "a number of days from 1 to 365"),
        ("confirm_within", "9" * 5000, "a number of days from 1 to 365"),
        ("base_url", "http://[::1", "an address like https://mail.example.org, without a path"),
        ("base_url", "http://host:99999", "an address like https://mail.example.org, without a path"),
        ("base_url", "http://host\nX: y", "an address like https://mail.example.org, without a path"),
        ("base_url", "https://example.org/mail", "an address like https://mail.example.org, without a path"),
        ("base_url", "ftp://example.org", "an address like https://mail.example.org, without a path"),
        ("default_timezone", "../../etc/passwd", "a time zone's name like Europe/London"),
        ("default_timezone", "", "a time zone's name like Europe/London"),
        ("trusted_proxies", "the proxy", 'a list of addresses or networks like ["127.0.0.1", "10.0.0.0/8"]'),
    ],
)
def test_a_wrong_variable_is_refused_as_a_wrong_line_is(name: str, value: str, right: str) -> None:
    said = refusal(None, {**GOOD, f"SEQUENCER_{name.upper()}": value})
    assert said == f'The option "{name}" is {value!r}; it needs {right}.'


def test_an_unknown_variable_is_refused_with_the_one_that_was_meant() -> None:
    said = refusal(None, {**GOOD, "SEQUENCER_DATABSE_URL": "sqlite:///x.db"})
    expected = 'There is no option "databse_url" (the variable SEQUENCER_DATABSE_URL); did you mean "database_url"?'
    assert said == expected


def test_an_unknown_variable_that_is_near_to_nothing_gets_the_list() -> None:
    said = refusal(None, {**GOOD, "SEQUENCER_ZZZ": "1"})
    assert said.startswith('There is no option "zzz" (the variable SEQUENCER_ZZZ); known are base_url, ')


def test_variables_of_other_programs_are_none_of_our_business() -> None:
    assert options.load(None, {**GOOD, "PATH": "/bin", "SEQUENCERX": "1"}).base_url == GOOD["SEQUENCER_BASE_URL"]


def test_a_missing_file_says_how_one_is_written(tmp_path: Path) -> None:
    path = tmp_path / "sequencer.toml"
    assert refusal(path, GOOD) == f'There is no {path}; "sequencer init" writes one.'


def test_a_file_that_is_not_utf_8_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "sequencer.toml"
    path.write_bytes('postal_address = "1 Caf\u00e9 Street"'.encode("latin-1"))
    said = refusal(path, GOOD)
    assert said.startswith(f"{path} cannot be read: ")
    assert said.endswith(".")


def test_a_folder_in_place_of_the_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert refusal(tmp_path, GOOD).startswith(f"{tmp_path} cannot be read: ")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "sequencer.toml"
    path.write_bytes(b"\xef\xbb\xbfconfirm_within = 3\n")
    assert options.load(path, GOOD).confirm_within == 3


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sequencer.toml"
    path.write_text('confirm_within = 3\nlisten = "127.0.0.1:9000"\n', encoding="utf-8")
    loaded = options.load(path, {**GOOD, "SEQUENCER_CONFIRM_WITHIN": "5", "SEQUENCER_CONFIG": "ignored"})
    assert (loaded.confirm_within, loaded.listen.port) == (5, 9000)


def test_relative_paths_belong_to_the_folder_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sequencer.toml"
    path.write_text("", encoding="utf-8")
    assert options.load(path, GOOD).root == tmp_path


def test_lists_and_addresses_become_values() -> None:
    loaded = load(trusted_proxies="127.0.0.1, 10.0.0.0/8", listen="[::1]:8080", base_url="https://example.org/")
    assert loaded.trusted_proxies == (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))
    assert loaded.listen == Listen(host="::1", port=8080)
    assert str(loaded.listen) == "[::1]:8080"
    assert loaded.base_url == "https://example.org"


def test_a_form_has_words_of_consent_and_pages_to_go_on_to(tmp_path: Path) -> None:
    path = tmp_path / "sequencer.toml"
    path.write_text('[forms.x]\ncourse = "c"\nnext = ["https://a.example/?a,b"]\n', encoding="utf-8")
    forms = options.load(path, GOOD).forms
    assert forms == {"x": Form(key="x", course="c", next=("https://a.example/?a,b",))}
    assert forms["x"].consent


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mx.example.org", Relay(host="mx.example.org", port=587, tls="required")),
        ("smtp://mx.example.org:2525/", Relay(host="mx.example.org", port=2525, tls="required")),
        ("smtps://mx.example.org", Relay(host="mx.example.org", port=465, tls="implicit")),
        ("smtps://mx.example.org:4650", Relay(host="mx.example.org", port=4650, tls="implicit")),
        ("smtp://localhost:25", Relay(host="localhost", port=25, tls="offered")),
        ("smtp://[::1]:25", Relay(host="::1", port=25, tls="offered")),
        ("smtp://[2001:db8::25]", Relay(host="2001:db8::25", port=587, tls="required")),
        ("smtp://127.0.0.1?tls=required", Relay(host="127.0.0.1", port=587, tls="required")),
        ("smtp://mx.example.org?tls=off", Relay(host="mx.example.org", port=587, tls="off")),
        (
            "smtp://mx.example.org?connections=8&timeout=20",
            Relay(host="mx.example.org", port=587, tls="required", connections=8, timeout=20),
        ),
        (
            "smtp://me%40example.org:p%2Fss%3A%40@mx.example.org",
            Relay(host="mx.example.org", port=587, tls="required", username="me@example.org", password="p/ss:@"),
        ),
    ],
)
def test_a_relay_url_says_host_port_user_and_how_to_talk(url: str, expected: Relay) -> None:
    assert relay(url) == expected


_FORM = "an address like smtp://user:password@host:587 or smtps://user:password@host:465, "


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("mx.example.org", _FORM),
        ("http://mx.example.org", _FORM),
        ("smtp://", _FORM),
        ("smtp://mx example", _FORM),
        ("smtp://mx.example.org/path", _FORM),
        ("smtp://mx.example.org#here", _FORM),
        ("smtp://mx.example.org:0", _FORM),
        ("smtp://mx.example.org:65536", _FORM),
        ("smtp://mx.example.org:²", _FORM),
        ("smtp://[::1", _FORM),
        ("smtp://me:hunter2/x@mx.example.org", _FORM),
        ("smtp://me:hunter2#x@mx.example.org", _FORM),
        # The standard library's own words on this one would repeat the password.
        ("smtp://me:hunter2\N{ACCOUNT OF}@mx.example.org", _FORM),
        ("smtp://me@mx.example.org", "both a user and a password, or neither"),
        ("smtp://me:@mx.example.org", "both a user and a password, or neither"),
        ("smtp://:hunter2@mx.example.org", "both a user and a password, or neither"),
        ("smtp://me:25?hunter2=x@mx.example.org", "no options after its question mark but preset, tls, connections"),
        ("smtp://mx.example.org?hunter2=x", "no options after its question mark but preset, tls, connections"),
        ("smtp://mx.example.org?hunter2", "no options after its question mark but preset, tls, connections"),
        ("smtp://mx.example.org?tls", "tls=required, tls=offered or tls=off"),
        ("smtp://mx.example.org?tls=maybe", "tls=required, tls=offered or tls=off"),
        ("smtps://mx.example.org?tls=off", "no tls= beside smtps://"),
        ("smtp://mx.example.org?connections=0", "a number from 1 to 1000 for connections"),
        ("smtp://mx.example.org?connections=1001", "a number from 1 to 1000 for connections"),
        ("smtp://mx.example.org?timeout=²", "a number from 1 to 1000 for timeout"),
        ("smtp://mx.example.org?timeout=-1", "a number from 1 to 1000 for timeout"),
    ],
)
def test_a_wrong_relay_url_is_refused_and_not_repeated(url: str, right: str) -> None:
    said = refusal(None, {**GOOD, "SEQUENCER_RELAY_URL": url})
    assert said.startswith(f'The option "relay_url" is (not shown); it needs {right}')
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "url",
    ["mysql://me:tr0ub4dor@db/x", "tr0ub4dor", "postgresql://me:tr0ub4dor@db:port/x", "sqlite://", "sqlite:///"],
)
def test_a_wrong_database_url_is_refused_and_not_repeated(url: str) -> None:
    said = refusal(None, {**GOOD, "SEQUENCER_DATABASE_URL": url})
    assert said.startswith('The option "database_url" is (not shown); it needs sqlite:///file.db or postgresql://')
    assert "tr0ub4dor" not in said


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    loaded = load(database_url="postgresql://me:tr0ub4dor@127.0.0.1:1/x")
    with pytest.raises(BadSettings) as caught:
        open_app(loaded, clock=lambda: pytest.fail("nobody asks the time"))
    assert str(caught.value).startswith('The database of the option "database_url" does not answer: ')
    assert "tr0ub4dor" not in str(caught.value)
    with pytest.raises(BadSettings, match="does not answer"):
        open_app(
            replace(loaded, root=tmp_path, database_url="sqlite:///no/folder.db"),
            clock=lambda: pytest.fail("nobody asks the time"),
        )


def test_a_templates_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    loaded = replace(load(templates="mine"), root=tmp_path)
    with pytest.raises(BadSettings) as caught:
        open_app(loaded, clock=lambda: pytest.fail("nobody asks the time"))
    assert str(caught.value) == f'The option "templates" is {tmp_path / "mine"}; there is no such folder.'


def test_no_secret_is_shown_by_the_settings_themselves() -> None:
    loaded = load(
        relay_url="smtp://me:hunter2@mx.example.org",
        database_url="postgresql://me:tr0ub4dor@db/x",
        secret_key="swordfish" * 4,
    )
    shown = repr(loaded) + str(loaded) + repr(loaded.relay_url) + loaded.relay_url.name
    assert not any(word in shown for word in SECRET_WORDS)


def test_the_file_that_init_writes_loads_once_the_three_needed_values_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "sequencer.toml"
    written = init.settings_text(secret="s" * 43)
    filled = written.replace('postal_address = ""', 'postal_address = "1 Example Street"').replace(
        '# relay_url = "smtp://127.0.0.1:25"', 'relay_url = "smtp://mx.example.org"'
    )
    assert filled.count("1 Example Street") == filled.count("mx.example.org") == 1
    path.write_text(filled, encoding="utf-8")
    loaded = options.load(path, {})
    assert loaded.relay_url.host == "mx.example.org"
    assert loaded.forms == load().forms


def test_the_file_that_init_writes_holds_every_option_and_each_works_when_uncommented(tmp_path: Path) -> None:
    written = init.settings_text(secret="s" * 43).replace('postal_address = ""', 'postal_address = "x"')
    # Of relay_url and relays there is one.
    chosen = [line for line in written.splitlines() if not line.startswith("# relay_url = ")]
    lines = [re.sub(r"^# (\w+ = )", r"\1", line) for line in chosen]
    path = tmp_path / "sequencer.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    uncommented = options.load(path, {})
    for name in options.options():
        assert any(
            line.startswith((f"{name} = ", f"[{name}.", f"# {name} = ")) for line in [*lines, *written.splitlines()]
        ), name
    assert uncommented.forms["newsletter"].next
    assert uncommented.relays["own"].port == 25
    assert replace(uncommented, forms={}, relays={}) == replace(
        load(base_url=uncommented.base_url, secret_key="s" * 43, postal_address="x"), root=tmp_path, forms={}
    )
