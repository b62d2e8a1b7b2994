"""What do the commands of the newsletter say and do?"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from house import unfolded
from installation import SETTINGS, Run, sentence
from relay import ChaosRelay

from sequencer.cli import main

NEWSLETTER = """\
title = "The Letter"
sender = "Ann Author <ann@example.org>"
"""
ISSUE = """\
---
id: {key}
subject: "Subject of {key}"
preheader: "What is in {key}, and why it matters today"
---
Dear {{{{ subscriber.name or "reader" }}}}, these are the words of {key}.
"""


@pytest.fixture
def relay() -> Iterator[ChaosRelay]:
    """A strict mail server, whose complaints fail the test."""
    with ChaosRelay() as up:
        yield up


@pytest.fixture
def folder(folder: Path, relay: ChaosRelay) -> Path:
    """An installation with a newsletter of two issues, and a form for it."""
    settings = SETTINGS.replace("127.0.0.1:1?timeout=1", f"127.0.0.1:{relay.port}?tls=off&timeout=1")
    (folder / "sequencer.toml").write_text(settings + '[forms.news]\ncourse = "newsletter"\n', encoding="utf-8")
    (folder / "issues").mkdir()
    (folder / "issues" / "newsletter.toml").write_text(NEWSLETTER, encoding="utf-8")
    for key in ("one", "two"):
        (folder / "issues" / f"{key}.md").write_text(ISSUE.format(key=key), encoding="utf-8")
    return folder


def _readers(run: Run, *zones: str) -> None:
    for number, zone in enumerate(zones):
        email, said = f"reader-{number}@example.org", "They said so at the fair."
        result = run("subscriber", "add", email, "--form", "news", "--timezone", zone, "--confirmed", said)
        assert result.exit_code == 0, result.output


def _answer(*words: str, says: str) -> Result:
    return CliRunner().invoke(main, list(words), prog_name="sequencer", input=says)


def test_schedule_says_how_many_get_it_and_asks_before_it_does_it(run: Run, relay: ChaosRelay) -> None:
    _readers(run, "Europe/London", "Asia/Tokyo")
    asked = _answer("issue", "schedule", "one", says="n\n")
    assert asked.exit_code == 1
    assert '"Subject of one" goes to 2 people who are on the newsletter now' in asked.stdout
    assert "2 people at once" in asked.stdout
    assert json.loads(run("issue", "list", "--json").stdout)[0]["state"] == "draft"
    done = _answer("issue", "schedule", "one", says="y\n")
    assert done.exit_code == 0, done.output
    assert "Scheduled." in done.stdout
    assert run("tick").exit_code == 0
    assert sorted(kept.recipient for kept in relay.kept) == ["reader-0@example.org", "reader-1@example.org"]
    assert b"Subject: Subject of one" in relay.kept[0].content


def test_schedule_and_status_and_cancel_speak_to_programs(run: Run) -> None:
    _readers(run, "Europe/London", "Europe/Lisbon", "Asia/Tokyo")
    made = json.loads(run("issue", "schedule", "one", "--at", "2099-12-05T09:00", "--local", "--yes", "--json").stdout)
    assert (made["issue"], made["state"], made["people"]) == ("one", "scheduled", 3)
    assert [(one["people"], one["zones"]) for one in made["lanes"]] == [
        (1, ["Asia/Tokyo"]),
        (2, ["Europe/Lisbon", "Europe/London"]),
    ]
    found = json.loads(run("issue", "status", "one", "--json").stdout)
    assert [one["due_at"] for one in found["lanes"]] == [
        "2099-12-05T00:00:00+00:00",
        "2099-12-05T09:00:00+00:00",
        "2099-12-05T09:00:00+00:00",
    ]
    assert found["outcomes"] == {}
    assert json.loads(run("issue", "cancel", "one", "--yes", "--json").stdout)["state"] == "cancelled"


def test_status_shows_lanes_and_outcomes(run: Run) -> None:
    _readers(run, "Europe/London")
    run("issue", "schedule", "one", "--yes")
    run("tick")
    said = run("issue", "status", "one").stdout
    assert '"Subject of one" is sent.' in said
    assert re.search(r"everybody .* over since", said)
    assert re.search(r"^ +1 sent$", said, re.MULTILINE)


def test_an_hour_by_the_clock_of_a_zone(run: Run) -> None:
    _readers(run, "Europe/London")
    words = ("--at", "2099-12-05T09:00", "--timezone", "America/New_York")
    said = run("issue", "schedule", "one", "--yes", *words).stdout
    assert "1 person on Sat 05 December at 14:00 UTC" in said
    assert "and to whoever joins until then." in said


def test_cancel_asks_and_an_issue_can_be_scheduled_anew(run: Run) -> None:
    _readers(run, "Europe/London")
    run("issue", "schedule", "one", "--yes")
    assert _answer("issue", "cancel", "one", says="n\n").exit_code == 1
    assert run("issue", "cancel", "one", "--yes").exit_code == 0
    assert run("issue", "schedule", "one", "--yes").exit_code == 0


def test_a_second_issue_within_the_gap_is_told(run: Run) -> None:
    _readers(run, "Europe/London")
    run("issue", "schedule", "one", "--yes")
    run("tick")
    said = run("issue", "schedule", "two", "--yes").stdout
    assert "Who got the issue before gets this one after the gap" in said
    table = run("issue", "list").stdout
    assert re.search(r"one .* sent", table)
    assert re.search(r"two .* scheduled", table)


def test_send_test_sends_what_the_file_says_now(run: Run, relay: ChaosRelay) -> None:
    result = run("issue", "send-test", "one", "--to", "me@example.org", "--name", "Ann")
    assert result.stdout.startswith("[Test] Subject of one: 250"), result.output
    assert "Ann, these are the words of one." in unfolded(relay.kept[0].content)
    assert b"List-Id: The Letter <newsletter.list-id.example.org>" in relay.kept[0].content


def test_new_begins_an_issue_of_which_lint_names_every_word_that_is_left(run: Run, folder: Path) -> None:
    result = run("issue", "new", "three", "--subject", 'The "third" one')
    path = folder / "issues" / "three.md"
    assert path.is_file(), result.output
    said = run("issue", "lint", "three")
    assert said.exit_code == 1
    assert [line.rpartition("three.md:")[2] for line in said.stdout.splitlines()] == [
        '7: this line is still what "sequencer issue new" wrote; write your own, or take it out. [skeleton]',
        '4: the preheader is still what "sequencer issue new" wrote; write your own. [skeleton]',
    ][::-1]
    assert "there is such an issue already" in sentence(run("issue", "new", "three"))


def test_an_issue_that_was_only_begun_is_not_scheduled_and_nothing_is_written_down(run: Run, folder: Path) -> None:
    _readers(run, "Europe/London")
    run("issue", "new", "three")
    path = folder / "issues" / "three.md"
    said = 'issues/three.md:1: the subject is still what "sequencer issue new" wrote; write your own.'
    assert sentence(run("issue", "schedule", "three", "--yes")) == said
    words = path.read_text(encoding="utf-8").replace("The subject of the mail", "The third issue")
    path.write_text(words.replace("What a list of mails shows behind the subject.", "On boats"), encoding="utf-8")
    said = 'issues/three.md:7: this line is still what "sequencer issue new" wrote; write your own, or take it out.'
    assert sentence(run("issue", "schedule", "three", "--yes")) == said
    assert sentence(run("issue", "status", "three")) == 'The issue "three" was never scheduled.'
    path.write_text(path.read_text(encoding="utf-8").replace("write here.", "the boats are in."), encoding="utf-8")
    assert run("issue", "lint", "three").exit_code == 0
    assert run("issue", "schedule", "three", "--yes").exit_code == 0


def test_new_begins_a_newsletter_with_the_sender_of_the_course(run: Run, folder: Path) -> None:
    for path in (folder / "issues").iterdir():
        path.unlink()
    assert run("issue", "new", "first").exit_code == 0
    assert 'sender = "Ann Author <ann@example.org>"' in (folder / "issues" / "newsletter.toml").read_text()


def test_lint_finds_what_is_wrong_with_an_issue(run: Run, folder: Path) -> None:
    path = folder / "issues" / "two.md"
    path.write_text(ISSUE.format(key="two") + "{{ subscriber.nmae }}\n", encoding="utf-8")
    result = run("issue", "lint", "--json")
    assert result.exit_code == 1
    (found,) = [one for one in json.loads(result.stdout) if one["level"] == "error"]
    assert found["file"].endswith("two.md")
    assert run("issue", "lint", "one").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("schedule", "three", "--yes"), 'there is no issue "three"; there is one, two.'),
        (("schedule", "one", "--at", "2020-01-01T09:00", "--yes"), "is over; choose a time that is to come."),
        (("status", "one"), 'The issue "one" was never scheduled.'),
        (("cancel", "one", "--yes"), 'The issue "one" was never scheduled.'),
        (("new", "Not an id"), "cannot be the id of an issue"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run: Run, words: tuple[str, ...], said: str) -> None:
    assert said in sentence(run("issue", *words))


def test_local_needs_an_hour(run: Run) -> None:
    assert "--local needs --at" in sentence(run("issue", "schedule", "one", "--local", "--yes"), code=2)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("newsletter.toml", 'title = "x"\n', '"sender" is missing'),
        ("newsletter.toml", NEWSLETTER + 'send_at = "08:00"\n', '"send_at" is not known here'),
        ("one.md", ISSUE.format(key="two"), 'the id "two" is taken by issues/one.md'),
        ("one.md", ISSUE.format(key="Großes"), 'write it in small letters, digits and "-"'),
        ("one.md", ISSUE.format(key="one").replace("---\nDear", "gap: 3\n---\nDear"), '"gap" is not known here'),
    ],
)
def test_a_wrong_file_is_one_sentence(run: Run, folder: Path, name: str, text: str, said: str) -> None:
    (folder / "issues" / name).write_text(text, encoding="utf-8")
    assert said in sentence(run("issue", "schedule", "two", "--yes"))


def test_a_course_cannot_be_called_newsletter(run: Run, folder: Path) -> None:
    (folder / "lessons" / "small").rename(folder / "lessons" / "newsletter")
    assert 'a course cannot be called "newsletter"' in sentence(run("issue", "list"))
