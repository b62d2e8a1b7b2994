"""Can an admin pause one person's lessons and let them go on, and is told what came of it?"""

import json
from datetime import timedelta

import pytest
from installation import Run, sentence

from sequencer.cli.frame import clock

EMAIL = "reader@example.org"


def course_of(run: Run) -> dict[str, str]:
    """What is known of the person's only course."""
    (course,) = json.loads(run("subscriber", "why", EMAIL, "--json").stdout)["courses"]
    return dict(course)


def test_an_admin_pauses_a_person_and_lets_them_go_on(run: Run) -> None:
    run("subscriber", "add", EMAIL, "--confirmed", "at the fair")
    before = course_of(run)["next_due"]
    result = run("subscriber", "pause", EMAIL.upper(), "--weeks", "2")
    assert (result.exit_code, result.stdout) == (0, f"{EMAIL}: small is paused.\n")
    assert course_of(run)["next_due"] > (clock() + timedelta(days=12)).isoformat()
    assert "; the person has paused until " in course_of(run)["rule"]
    result = run("subscriber", "resume", EMAIL, "--course", "small")
    assert (result.exit_code, result.stdout) == (0, f"{EMAIL}: small goes on.\n")
    assert course_of(run)["next_due"] == before
    assert course_of(run)["paused_until"] is None
    assert run("subscriber", "resume", EMAIL).stdout == f"{EMAIL}: small was not paused.\n"


def test_a_pause_can_end_on_a_day(run: Run) -> None:
    run("subscriber", "add", EMAIL, "--confirmed", "at the fair", "--timezone", "Asia/Tokyo")
    day = (clock() + timedelta(days=40)).date()
    assert run("subscriber", "pause", EMAIL, "--until", f"{day}").exit_code == 0
    assert course_of(run)["next_due"].startswith(f"{day}T08:00:00+09:00")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((EMAIL,), 2, "Say either --until DATE or --weeks N."),
        ((EMAIL, "--weeks", "1", "--until", "2030-01-01"), 2, "Say either --until DATE or --weeks N."),
        ((EMAIL, "--until", "2001-01-01"), 1, "Choose a day after today, and within a year."),
        ((EMAIL, "--until", "tomorrow"), 2, "does not match"),
        ((EMAIL, "--weeks", "0"), 2, "is not in the range"),
        ((EMAIL, "--weeks", "1", "--course", "other"), 1, f"{EMAIL} is not on the course other."),
        (("nobody@example.org", "--weeks", "1"), 1, "We do not know nobody@example.org."),
    ],
)
def test_a_pause_that_cannot_be_is_refused_in_a_sentence(
    run: Run, words: tuple[str, ...], code: int, said: str
) -> None:
    run("subscriber", "add", EMAIL, "--confirmed", "at the fair")
    assert said in sentence(run("subscriber", "pause", *words), code)
    assert course_of(run)["paused_until"] is None


def test_who_has_left_cannot_be_paused(run: Run) -> None:
    run("subscriber", "add", EMAIL, "--confirmed", "at the fair")
    run("subscriber", "unsubscribe", EMAIL)
    assert run("subscriber", "pause", EMAIL, "--weeks", "1").stdout == f"{EMAIL}: small was left.\n"
