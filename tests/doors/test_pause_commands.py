"""Can an admin pause everything, a relay or a shard, see what stands still, and let it go on?"""

import json

import pytest
from installation import Run, sentence


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "Everything"),
        (("--relay", "127.0.0.1:1"), "The relay 127.0.0.1:1"),
        (("--shard", "0"), "The shard 0"),
    ],
)
def test_what_is_paused_is_listed_with_the_command_that_lets_it_go_on(
    run: Run, words: tuple[str, ...], what: str
) -> None:
    undo = " ".join(("sequencer resume", *words))
    assert run("pause", "list").stdout == "Nothing is paused.\n"
    assert run("pause", *words, "--reason", "Rest").stdout == f'{what} is paused; "{undo}" lets it go on.\n'
    listed = run("pause", "list").stdout
    assert listed.startswith(f"{what} is paused since 20")
    assert listed.endswith(f' UTC (Rest); "{undo}" lets it go on.\n')
    assert listed in run("queue", "status").stdout
    (row,) = json.loads(run("pause", "list", "--json").stdout)
    scope, name = (words[0].removeprefix("--"), words[1]) if words else ("everything", "")
    assert (row["scope"], row["name"], row["reason"]) == (scope, name, "Rest")
    assert run("resume", *words).stdout == ("The mail goes on.\n" if not words else f"{what} goes on.\n")
    assert run("resume", *words).stdout == ("Nothing was paused.\n" if not words else f"{what} was not paused.\n")
    assert run("pause", "list").stdout == "Nothing is paused.\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--relay", "own"), 1, 'There is no relay "own"; there is 127.0.0.1:1.'),
        (("--shard", "7"), 1, "There is no shard 7; there is one shard, 0."),
        (("--shard", "-1"), 2, "is not in the range"),
        (("--relay", "own", "--shard", "0"), 2, "Say either --relay NAME or --shard N."),
    ],
)
def test_what_is_not_there_cannot_be_paused(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in sentence(run("pause", *words), code)
    assert run("pause", "list").stdout == "Nothing is paused.\n"


def test_a_relay_that_is_in_the_settings_no_more_can_still_be_let_go_on(run: Run) -> None:
    assert run("resume", "--relay", "gone").stdout == "The relay gone was not paused.\n"


def test_a_tick_says_that_its_relay_is_paused_and_by_which_command_it_goes_on(run: Run) -> None:
    run("subscriber", "add", "reader@example.org")
    run("pause", "--relay", "127.0.0.1:1", "--reason", "Rest")
    said = sentence(run("tick"), 1)
    assert said.startswith("The relay 127.0.0.1:1 is paused since ")
    assert said.endswith(" UTC (Rest).")


def test_what_was_due_before_an_instant_is_passed_over_when_the_mail_goes_on(run: Run) -> None:
    run("course", "apply", "small")
    run("subscriber", "add", "reader@example.org", "--confirmed", "A list.")
    at = ("resume", "--skip-due-before", "2026-01-01")
    assert sentence(run(*at)) == 'Mail goes out at this moment; stop it first with "sequencer pause".'
    run("pause")
    said = run(*at).stdout
    assert said == "0 people go on, each at their next hour; 0 lessons are passed over.\nThe mail goes on.\n"
    assert "still to come" in sentence(run("resume", "--skip-due-before", "2100-01-01T08:00:00Z"))
    assert "write an instant like" in sentence(run("resume", "--skip-due-before", "then"), 2)
    assert "leave --relay and --shard out" in sentence(run(*at, "--shard", "0"), 2)
