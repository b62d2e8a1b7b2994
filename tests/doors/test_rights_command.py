"""Can an admin take out all that is kept of a person, and erase it?"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from installation import Run, sentence

from sequencer.cli import main

EMAIL = "reader@example.org"


@pytest.fixture
def known(run: Run, folder: Path) -> Run:
    """Somebody is on the course."""
    assert folder.is_dir()
    assert run("subscriber", "add", EMAIL, "--confirmed", "At the fair.").exit_code == 0
    return run


def test_all_that_is_kept_is_printed_as_one_document(known: Run) -> None:
    found = json.loads(known("subscriber", "export", EMAIL).stdout)
    assert (found["format"], found["subscriber"]["normalized"]) == ("sequencer-subscriber-1", EMAIL)
    assert found["consents"][0]["wording"] == "At the fair."


def test_erasing_asks_once_more_and_does_nothing_without_a_yes(known: Run) -> None:
    result = CliRunner().invoke(main, ["subscriber", "erase", EMAIL], input="n\n")
    assert result.exit_code == 1
    assert "Erase reader@example.org with all that is kept of them?" in result.stderr
    assert known("subscriber", "show", EMAIL).exit_code == 0
    result = CliRunner().invoke(main, ["subscriber", "erase", EMAIL], input="y\n")
    assert (result.exit_code, result.stdout) == (0, "reader@example.org is erased.\n")
    assert sentence(known("subscriber", "show", EMAIL)) == "We do not know reader@example.org."


def test_who_is_never_to_be_written_to_again_is_on_the_suppression_list(known: Run) -> None:
    said = known("subscriber", "erase", EMAIL, "--never-again", "--yes").stdout
    assert said == "reader@example.org is erased, and is on the suppression list.\n"
    assert "They asked to be erased" in known("suppression", "list", "--json").stdout
    assert "suppression list" in sentence(known("subscriber", "add", EMAIL, "--confirmed", "Again."))


@pytest.mark.parametrize("act", ["export", "erase"])
def test_of_nobody_there_is_nothing(run: Run, act: str) -> None:
    assert sentence(run("subscriber", act, "nobody@example.org")) == "We do not know nobody@example.org."
