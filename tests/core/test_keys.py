"""Is a key ours, and does nothing that is kept give it away?"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sequencer.core import keys
from sequencer.core.keys import MEANINGS, Key, KeyId, Scope

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TEXT = keys.spell(bytes(range(32)))
KEY = Key(id=KeyId(1), name="site", digest=keys.digest(TEXT), scopes=frozenset({Scope.READ_FORMS}), created_at=NOW)


def test_a_key_has_the_prefix_by_which_scanners_of_secrets_know_it() -> None:
    assert TEXT == "sq_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


def test_a_key_opens_what_keeps_its_digest() -> None:
    assert keys.opens(TEXT, KEY)
    assert TEXT not in repr(KEY)


def test_a_revoked_key_opens_nothing() -> None:
    assert not keys.opens(TEXT, replace(KEY, revoked_at=NOW))


@pytest.mark.parametrize(
    "forged",
    [
        keys.spell(bytes(32)),
        TEXT[:-1],
        TEXT + "A",
        TEXT.upper(),
        TEXT.removeprefix("sq_"),
        "",
        "sq_",
        KEY.digest,
        f"{TEXT}\n",
        TEXT.replace("A", "А"),  # noqa: RUF001 (a Cyrillic letter)
    ],
)
def test_nothing_else_opens_it(forged: str) -> None:
    assert not keys.opens(forged, KEY)


def test_what_does_not_look_like_a_key_has_no_digest_to_look_for() -> None:
    assert keys.digest("sq_short") == ""
    assert not keys.opens("sq_short", replace(KEY, digest="0" * 64))


def test_every_scope_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Scope)
    assert all(meaning.endswith(".") for meaning in MEANINGS.values())
