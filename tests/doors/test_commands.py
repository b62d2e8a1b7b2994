"""What does each command say and do, and how does it end: 0 done, 1 not done, 2 not understood?"""

import json
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from house import DAY, EIGHT, NOW, House, small_course
from installation import LESSON, SETTINGS, Run, sentence

from sequencer.cli.frame import clock
from sequencer.content.files import shipped
from sequencer.core.model import CatchUp
from sequencer.store import shards
from sequencer.store.database import Database

EMAIL = "reader@example.org"


def test_init_writes_settings_that_only_their_owner_reads_and_the_shipped_course(run: Run, folder: Path) -> None:
    result = run("init", "new/house")
    assert (result.exit_code, result.stderr) == (0, "")
    path = folder / "new" / "house" / "sequencer.toml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "Wrote new/house/sequencer.toml: fill in base_url, postal_address and relay_url." in result.stdout
    course = folder / "new" / "house" / "lessons" / "why-men-pull-away"
    assert sorted(p.name for p in course.iterdir()) == sorted(
        p.name for p in (shipped("lessons") / course.name).iterdir()
    )


def test_init_makes_a_secret_of_its_own_each_time(run: Run, folder: Path) -> None:
    run("init", "one")
    run("init", "two")
    one, two = ((folder / name / "sequencer.toml").read_text(encoding="utf-8") for name in ("one", "two"))
    assert one != two


def test_init_overwrites_nothing(run: Run, folder: Path) -> None:
    said = sentence(run("init"), 1)
    assert said == "sequencer.toml is there already; move it away to begin anew."
    assert (folder / "sequencer.toml").read_text(encoding="utf-8") == SETTINGS
    (folder / "sequencer.toml").unlink()
    result = run("init")
    assert result.exit_code == 0
    assert "Left lessons as it is." in result.stdout
    assert [path.name for path in (folder / "lessons").iterdir()] == ["small"]


def test_init_below_a_file_is_refused_in_a_sentence(run: Run) -> None:
    said = sentence(run("init", "sequencer.toml/below"), 1)
    assert said == "sequencer.toml/below/sequencer.toml cannot be written (Not a directory); choose another folder."


# course


def test_course_list_shows_lessons_revision_and_people(run: Run, folder: Path) -> None:
    result = run("course", "list")
    assert result.exit_code == 0
    assert result.stdout.split()[5:] == ["small", "A", "Small", "Course", "3", "revision", "1", "none"]
    run("subscriber", "add", EMAIL, "--confirmed", "at the fair")
    (folder / "lessons" / "small" / "04.md").write_text(LESSON.format(number=4), encoding="utf-8")
    (one,) = json.loads(run("course", "list", "--json").stdout)
    assert one == {
        "course": "small",
        "title": "A Small Course",
        "lessons": 4,
        "revision": 1,
        "changed": True,
        "people": {"active": 1},
    }


def test_course_list_of_a_broken_course_names_file_and_line(run: Run, folder: Path) -> None:
    (folder / "lessons" / "small" / "02.md").write_text("no front matter", encoding="utf-8")
    assert "02.md:1: the front matter is missing" in sentence(run("course", "list"), 1)


def test_course_lint_finds_nothing_in_a_sound_course(run: Run) -> None:
    result = run("course", "lint")
    assert (result.exit_code, result.stdout) == (0, "All is well.\n")
    assert json.loads(run("course", "lint", "small", "--json").stdout) == []


def test_course_lint_names_every_broken_file(run: Run, folder: Path) -> None:
    course = folder / "lessons" / "small"
    (course / "01.md").write_text(LESSON.format(number=1).replace("id: lesson-1\n", ""), encoding="utf-8")
    (course / "03.md").write_text("", encoding="utf-8")
    result = run("course", "lint")
    assert result.exit_code == 1
    assert [line.split(": ")[0].rpartition("/")[2] for line in result.stdout.splitlines()] == ["01.md:1", "03.md:1"]
    as_json = run("course", "lint", "--json")
    assert as_json.exit_code == 1
    findings = json.loads(as_json.stdout)
    assert [sorted(one) for one in findings] == [["course", "sentence", "where"]] * 2
    assert '"id" is missing' in findings[0]["sentence"]


@pytest.mark.parametrize("command", ["lint", "preview", "apply"])
def test_a_course_that_is_not_there_is_named_with_those_that_are(run: Run, command: str) -> None:
    said = sentence(run("course", command, "other"), 1)
    assert said.endswith('lessons: there is no course "other"; there is small.')


def test_course_apply_publishes_what_has_changed_and_only_that(run: Run, folder: Path) -> None:
    run("course", "list")
    assert run("course", "apply", "small").stdout == "Nothing has changed since the last revision.\n"
    (folder / "lessons" / "small" / "04.md").write_text(LESSON.format(number=4), encoding="utf-8")
    result = run("course", "apply", "small")
    assert (result.exit_code, result.stdout) == (0, "Published revision 2 of small: 4 lessons.\n")


def test_course_apply_publishes_nothing_that_could_not_be_sent(run: Run, folder: Path) -> None:
    run("course", "list")
    bad = LESSON.format(number=2) + "\nHello {{ subscriber.nmae }}\n"
    (folder / "lessons" / "small" / "02.md").write_text(bad, encoding="utf-8")
    assert "small/02.md" in sentence(run("course", "apply", "small"), 1)
    assert json.loads(run("course", "list", "--json").stdout)[0]["revision"] == 1


def test_course_preview_needs_a_port_that_is_free_and_one_that_exists(run: Run) -> None:
    assert "'65536' is not" in sentence(run("course", "preview", "--port", "http"), 2).replace("'http'", "'65536'")
    assert "is not in the range" in sentence(run("course", "preview", "--port", "65536"), 2)


# subscriber


def test_before_anything_happened_people_are_none_and_not_a_traceback(run: Run) -> None:
    assert run("subscriber", "list").exit_code == 0
    assert run("subscriber", "list", "--json").stdout == ""
    assert sentence(run("subscriber", "why", EMAIL), 1) == f"We do not know {EMAIL}."


def test_subscriber_add_sends_a_confirmation_first(run: Run) -> None:
    result = run("subscriber", "add", EMAIL, "--name", "Rea", "--timezone", "Asia/Tokyo")
    assert (result.exit_code, result.stdout) == (0, f"{EMAIL} will get a confirmation mail.\n")
    (person,) = [json.loads(line) for line in run("subscriber", "list", "--json").stdout.splitlines()]
    assert (person["address"], person["state"], person["timezone"]) == (EMAIL, "pending", "Asia/Tokyo")
    again = sentence(run("subscriber", "add", EMAIL), 1)
    assert again == f'{EMAIL} gets no confirmation mail now; "sequencer subscriber why {EMAIL}" says why.'


def test_subscriber_add_of_who_agreed_elsewhere_puts_them_on_the_course(run: Run) -> None:
    result = run("subscriber", "add", EMAIL, "--confirmed", "on paper, at the fair")
    assert (result.exit_code, result.stdout) == (0, f"{EMAIL} is on the course.\n")
    shown = json.loads(run("subscriber", "show", EMAIL, "--json").stdout)
    assert shown["state"] == "active"
    assert [one["wording"] for one in shown["consents"]] == ["on paper, at the fair"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("not-an-address",), "Invalid value for 'EMAIL': This e-mail address cannot be used."),
        ((EMAIL, "--timezone", "Mars"), '"Mars" is not a time zone; write one like Europe/London.'),
        ((EMAIL, "--form", "other"), 'there is no form "other"; there is newsletter.'),
        ((EMAIL, "--name", "A\r\nBcc: b@example.org"), "Your name holds a line break"),
        ((EMAIL, "--name", "x" * 201), "Your name is longer than 200 characters"),
        ((EMAIL, "--confirmed", " "), "say where and when they agreed."),
        ((), "Missing argument 'EMAIL'."),
        ((EMAIL, "--colour"), "No such option"),
    ],
)
def test_subscriber_add_refuses_what_it_does_not_understand(run: Run, words: tuple[str, ...], said: str) -> None:
    assert said in sentence(run("subscriber", "add", *words), 2)
    assert run("subscriber", "list", "--json").stdout == ""


def test_subscriber_list_shows_people_of_a_state(run: Run) -> None:
    run("subscriber", "add", "a@example.org", "--confirmed", "x", "--name", "Ann")
    run("subscriber", "add", "b@example.org")
    result = run("subscriber", "list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["address", "a@example.org", "b@example.org"]
    assert "Ann" in result.stdout
    active = run("subscriber", "list", "--state", "active", "--json").stdout
    assert [json.loads(line)["address"] for line in active.splitlines()] == ["a@example.org"]
    assert "'gone' is not one of" in sentence(run("subscriber", "list", "--state", "gone"), 2)


def test_subscriber_show_tells_consent_and_courses(run: Run) -> None:
    run("subscriber", "add", EMAIL, "--confirmed", "at the fair", "--name", "Rea")
    result = run("subscriber", "show", EMAIL.upper())
    assert result.exit_code == 0
    assert f"{EMAIL} (Rea): active, Europe/London, since " in result.stdout
    assert 'by form "newsletter", confirmed ' in result.stdout
    assert "course: A Small Course, active, 0 of 3 lessons" in result.stdout


@pytest.mark.parametrize("command", ["show", "why", "unsubscribe"])
def test_a_stranger_is_not_known_and_nonsense_is_not_understood(run: Run, command: str) -> None:
    assert sentence(run("subscriber", command, EMAIL), 1) == f"We do not know {EMAIL}."
    assert "This e-mail address cannot be used." in sentence(run("subscriber", command, "x@"), 2)


def test_subscriber_unsubscribe_ends_it_and_twice_is_once(run: Run) -> None:
    run("subscriber", "add", EMAIL, "--confirmed", "at the fair")
    for _ in range(2):
        result = run("subscriber", "unsubscribe", EMAIL)
        assert (result.exit_code, result.stdout) == (0, f"{EMAIL} is unsubscribed.\n")
    assert json.loads(run("subscriber", "show", EMAIL, "--json").stdout)["state"] == "left"
    said = sentence(run("subscriber", "add", EMAIL, "--confirmed", "again"), 1)
    assert said == f"{EMAIL} has unsubscribed; only they can come back, by a sign-up form."


def test_subscriber_why_tells_what_was_sent_what_is_next_and_when(
    db: Database, run: Run, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(db)
    house.publish(small_course())
    house.join(EMAIL, name="Rea", zone="Europe/Paris")
    house.tick(EIGHT)
    url = "sqlite:///test.db" if db.is_sqlite else postgres_url
    monkeypatch.setenv("SEQUENCER_DATABASE_URL", url)
    result = run("subscriber", "why", EMAIL)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{EMAIL} (Rea): active, Europe/Paris, since 2026-03-02 07:00 UTC",
        "",
        "What was sent:",
        '  2026-03-02 07:00 UTC  confirmation mail: sent. The relay said "250 2.0.0 Ok".',
        '  2026-03-02 08:00 UTC  lesson 1: Subject 1: sent. The relay said "250 2.0.0 Ok".',
        "",
        "What comes next:",
        '  "Subject 2" on Tuesday 03 March 2026 at 08:00 (Europe/Paris)',
        "  because lessons go out every day at 08:00 on the person's clock, at least 1 day after the lesson before.",
        "  It is due: the next pass sends it.",
    ]
    story = json.loads(run("subscriber", "why", EMAIL, "--json").stdout)
    assert [one["what"] for one in story["sent"]] == ["confirmation mail", "lesson 1: Subject 1"]
    assert story["courses"][0]["next_due"] == "2026-03-03T08:00:00+01:00"
    assert story["suppressed"] is None
    assert story["blockers"] == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("skip", "Passed over: its day passed while lessons rested."),
        ("digest", "In the digest of lesson 3: its day passed while lessons rested."),
    ],
)
def test_subscriber_why_tells_what_was_passed_over(sqlite_db: Database, run: Run, rule: str, words: str) -> None:
    house = House(sqlite_db)
    house.publish(small_course(catch_up=CatchUp(rule)))
    house.join(EMAIL)
    house.tick(EIGHT)
    house.tick(EIGHT + 9 * DAY)
    assert f"  2026-03-11 08:00 UTC  lesson 2: Subject 2: skipped. {words}\n" in run("subscriber", "why", EMAIL).stdout
    (row,) = [json.loads(line) for line in run("delivery", "list", "--state", "skipped", "--json").stdout.splitlines()]
    assert (row["what"], row["attempts"], row["reply"]) == ("lesson 2: Subject 2", 0, words)


def test_subscriber_why_tells_what_stands_in_the_way(run: Run) -> None:
    run("subscriber", "add", EMAIL)
    said = run("subscriber", "why", EMAIL).stdout
    assert "Nothing was sent yet." not in said
    assert "nothing is planned." in said
    assert "What stands in the way:\n  The person has not confirmed their address yet." in said
    run("pause", "--reason", "The relay is blocked.")
    assert '(The relay is blocked.); "sequencer resume" lets it go on.' in run("subscriber", "why", EMAIL).stdout
    run("subscriber", "unsubscribe", EMAIL)
    assert "The person unsubscribed on " in run("subscriber", "why", EMAIL).stdout


# tick, db


def test_tick_reports_a_relay_that_is_down_and_loses_nothing(run: Run) -> None:
    run("subscriber", "add", EMAIL)
    result = run("tick", "--json")
    assert result.exit_code == 1
    done = json.loads(result.stdout)
    assert done["accepted"] == 0
    assert "127.0.0.1:1" in done["trouble"]
    assert sentence(result, 1) == done["trouble"]


def test_tick_of_an_hour_when_nothing_is_due_is_quiet(run: Run) -> None:
    result = run("tick", "--now", "2026-11-23T08:00:00Z")
    assert result.exit_code == 0
    assert result.stdout == "accepted 0, deferred 0, rejected 0, uncertain 0, recovered 0\n"


def test_tick_takes_an_hour_without_a_zone_as_utc(run: Run) -> None:
    assert json.loads(run("tick", "--json", "--now", "2026-11-23T08:00").stdout)["now"] == "2026-11-23T08:00:00+00:00"


@pytest.mark.parametrize("now", ["tomorrow", "2026-13-01", "2026-11-23T25:00"])
def test_tick_refuses_an_hour_that_is_none(run: Run, now: str) -> None:
    assert 'write an instant like "2026-11-23T08:00:00Z".' in sentence(run("tick", "--now", now), 2)


def test_tick_warns_of_files_that_were_changed_and_not_applied(run: Run, folder: Path) -> None:
    run("tick")
    (folder / "lessons" / "small" / "04.md").write_text(LESSON.format(number=4), encoding="utf-8")
    assert '"sequencer course apply small" publishes them.' in run("tick").stderr


def test_a_sqlite_file_is_not_partitioned(run: Run) -> None:
    refused = run("db", "partition")
    assert refused.exit_code == 1
    assert refused.stderr == (
        'Error: The option "database_url" is of SQLite, which has no partitions; PostgreSQL has.\n'
    )


def test_db_partition_says_what_it_will_do_rehearses_it_and_does_it_once(
    run: Run, whole: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQUENCER_DATABASE_URL", whole.engine.url.render_as_string(hide_password=False))
    plan = run("db", "partition", "--shards", "4", "--dry-run").stdout
    assert "0 places (" in plan
    assert "are copied into 4 shards.\n0 messages stay where they are" in plan
    assert plan.endswith("Nothing was done.\n")
    assert run("db", "partition", "--rehearse").stdout.endswith("It works, and was taken back.\n")
    assert shards.count(whole) == 1
    assert run("db", "partition", "--shards", "4").stdout.endswith("The database is partitioned.\n")
    assert shards.count(whole) == 4
    assert "partitioned already, into 4 shards" in run("db", "partition").stderr


def test_db_upgrade_makes_the_tables_and_then_has_nothing_to_do(run: Run, folder: Path) -> None:
    first = run("db", "upgrade")
    assert first.exit_code == 0
    assert first.stdout.startswith("Applied ")
    assert run("db", "upgrade").stdout == "The database is of the newest shape already.\n"
    assert (folder / "test.db").stat().st_mode & 0o777 == 0o600


# delivery


def test_delivery_list_shows_the_ledger_and_only_a_state_of_it(run: Run) -> None:
    assert run("delivery", "list", "--json").stdout == ""
    run("subscriber", "add", EMAIL)
    result = run("delivery", "list")
    assert result.exit_code == 0
    assert "confirmation mail" in result.stdout
    (message,) = [json.loads(line) for line in run("delivery", "list", "--json").stdout.splitlines()]
    assert (message["what"], message["state"], message["attempts"]) == ("confirmation mail", "queued", 0)
    assert run("delivery", "list", "--state", "sent", "--json").stdout == ""
    assert "'lost' is not one of" in sentence(run("delivery", "list", "--state", "lost"), 2)


def test_delivery_resolve_settles_only_what_is_uncertain(run: Run) -> None:
    run("subscriber", "add", EMAIL)
    for number in ("1", "4711"):
        assert sentence(run("delivery", "resolve", number, "--as", "sent"), 1).endswith(".")
    assert run("delivery", "resolve", "1").exit_code == 2
    assert "is not a valid integer" in sentence(run("delivery", "resolve", "one", "--as", "sent"), 2)


# Settings on the way in


def test_a_wrong_setting_stops_every_command_with_its_sentence(run: Run, folder: Path) -> None:
    (folder / "sequencer.toml").write_text("confirm_within = 1\n" + SETTINGS.replace("/test.db", ""), encoding="utf-8")
    for words in (("serve",), ("tick",), ("course", "list"), ("subscriber", "list"), ("db", "upgrade")):
        assert sentence(run(*words), 1).startswith('The option "database_url" is (not shown); it needs sqlite:///')


def test_a_form_that_leads_nowhere_stops_the_start(run: Run, folder: Path) -> None:
    (folder / "sequencer.toml").write_text(SETTINGS.replace('"small"', '"smell"'), encoding="utf-8")
    for words in (("serve",), ("tick",)):
        said = sentence(run(*words), 1)
        assert said == f'The form "newsletter" leads to the course "smell"; in {folder / "lessons"} there is small.'


def test_another_file_can_be_named_by_option_or_variable(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(folder / "sequencer.toml", folder / "other.toml")
    assert run("-c", "other.toml", "course", "list").exit_code == 0
    monkeypatch.setenv("SEQUENCER_CONFIG", str(folder / "other.toml"))
    assert run("course", "list").exit_code == 0
    assert sentence(run("-c", "missing.toml", "tick"), 1) == 'There is no missing.toml; "sequencer init" writes one.'


def test_without_a_file_the_first_missing_option_says_how_to_begin(run: Run, folder: Path) -> None:
    (folder / "sequencer.toml").unlink()
    assert '"sequencer init" writes one' in sentence(run("tick"), 1)


def test_without_a_file_variables_alone_are_enough(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sequencer.toml").unlink()
    for name, value in (
        ("BASE_URL", "https://mail.example.org"),
        ("SECRET_KEY", "s" * 40),
        ("POSTAL_ADDRESS", "1 Example Street"),
        ("DATABASE_URL", "sqlite:///test.db"),
        ("COURSES", str(shipped("lessons"))),
    ):
        monkeypatch.setenv(f"SEQUENCER_{name}", value)
    assert run("course", "list").exit_code == 0


@pytest.mark.parametrize("words", [("nonsense",), ("course", "nonsense"), ("--nonsense",), ("demo", "--nonsense")])
def test_what_is_no_command_is_not_understood(run: Run, words: tuple[str, ...]) -> None:
    assert "No such" in sentence(run(*words), 2)


def test_a_database_of_a_newer_program_is_not_touched(run: Run, folder: Path) -> None:
    run("db", "upgrade")
    with sqlite3.connect(folder / "test.db") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    for words in (("subscriber", "list"), ("tick",), ("serve",)):
        assert "newer program" in sentence(run(*words), 1)


def test_the_clock_of_the_commands_is_aware_and_in_utc() -> None:
    assert clock().utcoffset() == timedelta(0)
    assert clock() > NOW
