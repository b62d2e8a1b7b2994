"""How does an admin make, see and revoke keys?"""

import json
import re

import pytest
from installation import Run, sentence


def test_a_key_is_shown_once_and_alone_on_its_line(run: Run) -> None:
    made = run("key", "new", "website", "--scope", "forms:read", "--scope", "events:write")
    assert made.exit_code == 0
    assert re.fullmatch(r"sq_[\w-]{43}\n", made.stdout)
    assert "not shown again" in made.stderr
    listed = run("key", "list")
    assert made.stdout.strip() not in listed.output
    assert "website" in listed.output
    assert "events:write forms:read" in listed.output


def test_keys_are_listed_for_programs_with_all_that_is_kept_but_the_digest(run: Run) -> None:
    run("key", "new", "website", "--scope", "forms:read")
    run("key", "new", "shop", "--scope", "events:write")
    run("key", "revoke", "website")
    website, shop = (json.loads(line) for line in run("key", "list", "--json").stdout.splitlines())
    assert (website["name"], website["scopes"], website["used_at"]) == ("website", ["forms:read"], None)
    assert website["revoked_at"]
    assert shop["revoked_at"] is None
    assert set(shop) == {"name", "scopes", "created_at", "used_at", "revoked_at"}


def test_a_key_is_revoked_once(run: Run) -> None:
    run("key", "new", "website", "--scope", "forms:read")
    assert run("key", "revoke", "website").stdout == 'The key "website" is revoked.\n'
    again = sentence(run("key", "revoke", "website"), 1)
    assert again == 'There is no key "website" that holds; "sequencer key list" shows all.'


def test_a_name_is_for_one_key_for_ever(run: Run) -> None:
    run("key", "new", "website", "--scope", "forms:read")
    said = sentence(run("key", "new", "website", "--scope", "forms:read"), 1)
    assert said == 'There is or was a key "website" already; choose another name.'


@pytest.mark.parametrize(
    "words",
    [
        ("website",),
        ("website", "--scope", "forms:write"),
        ("", "--scope", "forms:read"),
        ("a\nb", "--scope", "forms:read"),
        ("x" * 101, "--scope", "forms:read"),
    ],
)
def test_a_key_without_scope_or_name_is_not_made(run: Run, words: tuple[str, ...]) -> None:
    sentence(run("key", "new", *words), 2)
    assert run("key", "list", "--json").stdout == ""
