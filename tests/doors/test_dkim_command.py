"""Does an admin get a key, its DNS record and the settings for it, and is nothing of theirs overwritten?"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import dkim as oracle
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from house import NOW

from sequencer import settings as options
from sequencer.cli import main
from sequencer.message import dkim
from sequencer.message.dkim import Signers

SETTINGS = """\
base_url = "https://mail.example.org"
secret_key = "a secret of tests that is long enough"
postal_address = "1 Example Street"
"""
MESSAGE = b"From: ann@example.org\r\nSubject: words\r\n\r\nwords\r\n"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder; neither a traceback nor an exception ever."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> Result:
        result = CliRunner().invoke(main, list(words), prog_name="sequencer")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "PRIVATE" not in result.output
        return result

    return command


def printed(run: Run, *words: str) -> str:
    """What a command that was done has printed."""
    result = run(*words)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refusal(result: Result, code: int) -> str:
    """The sentence of a command that was not done or not understood."""
    assert (result.exit_code, result.stdout) == (code, "")
    return result.stderr.strip().splitlines()[-1].removeprefix("Error: ")


def found(label: str, text: str) -> str:
    match = re.search(rf"(?m)^{label} +(.*)$", text)
    assert match is not None
    return match[1]


def settings_in(text: str) -> str:
    """The lines for the settings file, at the end of what was printed."""
    return text.rpartition(":\n\n")[2]


def test_with_what_new_prints_a_message_is_signed_and_found_right(run: Run, tmp_path: Path) -> None:
    first, second = printed(run, "dkim", "new", "Example.org"), printed(run, "dkim", "new", "example.org", "--ed25519")
    path = tmp_path / "sequencer.toml"
    path.write_text(SETTINGS + settings_in(first) + settings_in(second).partition("\n")[0], encoding="utf-8")
    signers = Signers(options.load(path, {})).for_domain("example.org")
    records = {f"{found('name', text)}.": found("value", text).encode() for text in (first, second)}
    assert list(records) == ["s1._domainkey.example.org.", "s1-ed._domainkey.example.org."]
    message = oracle.DKIM(dkim.sign(MESSAGE, signers, timestamp=NOW), minkey=2048)
    for index in (0, 1):
        assert message.verify(idx=index, dnsfunc=lambda name, timeout: records[name.decode()])  # noqa: ARG005


def test_the_lines_for_the_settings_name_the_key_and_its_selector(run: Run) -> None:
    said = settings_in(printed(run, "dkim", "new", "example.org", "--selector", "May-26"))
    assert tomllib.loads(said) == {"dkim_key": "dkim-may-26.pem", "dkim_selector": "may-26"}
    said = settings_in(printed(run, "dkim", "new", "example.org", "--selector", "may-26", "--ed25519"))
    assert tomllib.loads(said) == {"dkim_ed25519_key": "dkim-may-26-ed.pem", "dkim_selector": "may-26"}


def test_the_key_is_named_as_the_settings_file_sees_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "site" / "keys").mkdir(parents=True)
    config = ("-c", "site/sequencer.toml")
    said = settings_in(printed(run, *config, "dkim", "new", "example.org", "--into", "site/keys/a.pem"))
    assert tomllib.loads(said)["dkim_key"] == "keys/a.pem"
    said = settings_in(printed(run, *config, "dkim", "new", "example.org", "--into", "b.pem"))
    assert tomllib.loads(said)["dkim_key"] == str(tmp_path / "b.pem")


def test_the_key_has_2048_bits_and_is_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    os.umask(0o000)
    printed(run, "dkim", "new", "example.org", "--into", "key.pem")
    path = tmp_path / "key.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = dkim.load(path, "example.org", "s1").key
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048


def test_each_call_makes_another_key(run: Run) -> None:
    one, other = (printed(run, "dkim", "new", "example.org", "--into", name) for name in ("1.pem", "2.pem"))
    assert found("value", one) != found("value", other)


def test_a_file_that_is_there_already_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("something dear", encoding="utf-8")
    (tmp_path / "link.pem").symlink_to(tmp_path / "elsewhere.pem")
    for name in ("key.pem", "link.pem"):
        said = refusal(run("dkim", "new", "example.org", "--into", name), 1)
        assert said == f"{name} is there already; choose another file with --into."
    assert path.read_text(encoding="utf-8") == "something dear"
    assert not (tmp_path / "elsewhere.pem").exists()


def test_a_folder_that_is_not_there_is_one_sentence(run: Run) -> None:
    said = refusal(run("dkim", "new", "example.org", "--into", "no/key.pem"), 1)
    assert said == "no/key.pem cannot be written (No such file or directory); choose another file with --into."


@pytest.mark.parametrize("domain", ["", "localhost", "a b.org", "https://example.org", "ann@example.org", "example"])
def test_what_is_no_domain_is_not_understood_and_makes_no_key(domain: str, run: Run, tmp_path: Path) -> None:
    said = refusal(run("dkim", "new", domain), 2)
    assert said == f"Invalid value for 'DOMAIN': {domain!r} is not a domain that mail can come from, like example.org."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "s1._domainkey", "-s1", "s 1", "a" * 61])
def test_what_is_no_selector_is_not_understood(name: str, run: Run) -> None:
    said = refusal(run("dkim", "new", "example.org", "--selector", name), 2)
    assert said.startswith("Invalid value for '--selector': ")
    assert said.endswith(' is not a selector; it needs letters, digits and "-" such as s1.')


def test_a_domain_beyond_ascii_is_published_as_the_dns_knows_it(run: Run) -> None:
    said = printed(run, "dkim", "new", "münchen.de.", "--ed25519")
    assert found("name", said) == "s1-ed._domainkey.xn--mnchen-3ya.de"


@pytest.mark.parametrize("kind", [(), ("--ed25519",)])
def test_show_prints_the_same_record_again_and_that_of_another_domain(kind: tuple[str, ...], run: Run) -> None:
    made = printed(run, "dkim", "new", "example.org", "--into", "key.pem", *kind)
    again = printed(run, "dkim", "show", "key.pem", "--domain", "example.org", "--selector", "s1")
    assert again in made
    other = printed(run, "dkim", "show", "key.pem", "--domain", "example.net")
    assert other == again.replace("example.org", "example.net")


def test_show_prints_json_for_programs(run: Run) -> None:
    made = printed(run, "dkim", "new", "example.org", "--into", "key.pem")
    said = json.loads(printed(run, "dkim", "show", "key.pem", "--domain", "example.org", "--json"))
    assert said["name"] == found("name", made)
    assert said["value"] == found("value", made)
    assert said["zone"] in made
    assert "".join(re.findall('"([^"]*)"', said["zone"])) == said["value"]


def test_show_of_no_key_is_one_sentence(run: Run, tmp_path: Path) -> None:
    said = refusal(run("dkim", "show", "key.pem", "--domain", "example.org"), 1)
    assert said == 'There is no key.pem; "sequencer dkim new" makes a key.'
    (tmp_path / "key.pem").write_text("words", encoding="utf-8")
    said = refusal(run("dkim", "show", "key.pem", "--domain", "example.org"), 1)
    assert said == "key.pem holds no private key that can be read; it needs one in PEM form."
