"""Does the terminal tell an author what publishing will do, before it is done?"""

import json
from pathlib import Path

import pytest
from installation import LESSON, Run, sentence


def write(folder: Path, number: int, **changes: str) -> None:
    words = LESSON.format(number=number)
    for old, new in changes.items():
        words = words.replace(old, new)
    (folder / "lessons" / "small" / f"{number:02}.md").write_text(words, encoding="utf-8")


def reader(run: Run, name: str) -> None:
    result = run("subscriber", "add", f"{name}@example.org", "--confirmed", "At a fair.")
    assert result.exit_code == 0, result.output


def test_a_plan_of_unchanged_files_says_so(run: Run) -> None:
    assert run("course", "plan", "small").stdout == "Nothing has changed since the last revision.\n"


def test_a_plan_names_what_changes_and_what_people_get_and_does_nothing(run: Run, folder: Path) -> None:
    run("course", "list")
    reader(run, "ann")
    reader(run, "ben")
    write(folder, 1, Words="Other words")
    write(folder, 4)
    (folder / "lessons/small/02.md").unlink()
    said = run("course", "plan", "small").stdout
    assert "Revision 2 of small would bring:" in said
    assert 'added: "Subject 4" (as lesson 3)' in said
    assert 'removed: "Subject 2" (was lesson 2)' in said
    assert 'changed in text: "Subject 1" (lesson 1)' in said
    assert '2 people wait for "Subject 1" and get it as before' in said
    assert 'they get the new "Subject 4" later.' in said
    assert "Nobody gets two in a day." in said
    assert said.splitlines()[-1] == 'Nothing has been done yet; "sequencer course apply small" publishes it.'
    assert len(json.loads(run("course", "history", "small", "--json").stdout)) == 1


def test_a_plan_as_json_holds_the_same(run: Run, folder: Path) -> None:
    run("course", "list")
    reader(run, "ann")
    (folder / "lessons/small/01.md").unlink()
    seen = json.loads(run("course", "plan", "small", "--json").stdout)
    assert seen["revision"] == 2
    assert seen["edits"] == [{"change": "removed", "key": "lesson-1", "subject": "Subject 1", "before": 1, "after": 0}]
    assert [(one["people"], one["waited_for"], one["get"]) for one in seen["people"]] == [(1, "Subject 1", "Subject 2")]
    assert seen["two_in_a_day"] == 0
    assert seen["finishers"]["people"] == 0


def test_a_plan_of_files_that_could_not_be_sent_names_the_file(run: Run, folder: Path) -> None:
    write(folder, 2, Words="{{ nobody.name }}")
    assert "02.md" in sentence(run("course", "plan", "small"), 1)
    write(folder, 2)
    assert "there is no course" in sentence(run("course", "plan", "nowhere"), 1)


def test_history_lists_what_was_published_and_what_changed(run: Run, folder: Path) -> None:
    run("course", "list")
    write(folder, 4)
    run("course", "apply", "small")
    (folder / "lessons/small/course.toml").write_text(
        (folder / "lessons/small/course.toml").read_text().replace("A Small Course", "Another Title")
    )
    run("course", "apply", "small")
    found = json.loads(run("course", "history", "small", "--json").stdout)
    assert [(one["revision"], one["lessons"], one["changes"]) for one in found] == [
        (3, 4, "settings only"),
        (2, 4, "1 added"),
        (1, 3, "the first"),
    ]
    assert "1 added" in run("course", "history", "small").stdout


def test_a_rollback_publishes_an_earlier_revision_once_more(run: Run, folder: Path) -> None:
    run("course", "list")
    write(folder, 4)
    run("course", "apply", "small")
    assert run("course", "rollback", "small", "1").stdout == "Published revision 3 of small: what revision 1 said.\n"
    assert run("course", "rollback", "small", "1").stdout == "Revision 1 is what is published.\n"
    assert sentence(run("course", "rollback", "small", "9"), 1).startswith('The course "small" has no revision 9;')


@pytest.mark.parametrize("command", ["history", "pause", "resume"])
def test_a_course_that_was_never_published_is_said_to_be_so(run: Run, command: str) -> None:
    assert sentence(run("course", command, "nowhere"), 1) == 'The course "nowhere" is not published.'


def test_everything_and_a_course_can_be_paused_and_go_on(run: Run) -> None:
    run("course", "list")
    assert "Everything is paused" in run("pause", "--reason", "The relay is blocked.").stdout
    result = run("tick")
    assert result.exit_code == 0
    assert 'Everything is paused (The relay is blocked.); "sequencer resume" lets it go on.' in result.stderr
    assert run("resume").stdout == "The mail goes on.\n"
    assert run("resume").stdout == "Nothing was paused.\n"
    assert run("course", "pause", "small").stdout == "The course small is paused.\n"
    assert run("course", "pause", "small").stdout == "The course small was paused already.\n"
    assert run("course", "resume", "small").stdout == "The course small goes on; 0 people had been held.\n"
    assert run("course", "resume", "small").stdout == "The course small was not paused.\n"


def test_a_log_that_names_nothing_of_ours_settles_nothing(run: Run, folder: Path) -> None:
    (folder / "mail.log").write_text("message-id=<one@example.org>\nmessage-id=<two@example.org>\n\xff\n", "latin-1")
    assert run("reconcile", "mail.log").stdout.startswith("Message-IDs in the log: 2; messages settled as sent: 0")
    assert json.loads(run("reconcile", "mail.log", "--json").stdout) == {"message_ids": 2, "found": 0, "people": 0}
    assert run("reconcile", "nothing.log").exit_code == 2
