"""Does the calendar that an author is shown say what a reader would live through, and why?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sequencer.cli import main

COURSE = """\
title = "A Small Course"
sender = "Ann Author <ann@example.org>"
"""
LESSON = """\
---
id: lesson-{number}
subject: "Subject {number}"
preheader: "Preheader {number}"
theme: "Theme {number}"
---
Words of lesson {number}.
"""
Run = Callable[..., Result]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """course.toml of a course of six lessons, in the only folder of an installation; no settings, no database."""
    folder = tmp_path / "lessons" / "small"
    folder.mkdir(parents=True)
    (folder / "course.toml").write_text(COURSE, encoding="utf-8")
    for number in range(1, 7):
        (folder / f"{number:02}.md").write_text(LESSON.format(number=number), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return folder / "course.toml"


@pytest.fixture
def simulate(course: Path) -> Run:
    """Runs `course simulate`; neither a traceback nor an exception ever."""
    assert course.exists()

    def command(*words: str) -> Result:
        result = CliRunner().invoke(main, ["course", "simulate", *words], prog_name="sequencer")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return command


def rows(result: Result) -> list[tuple[int, str, str]]:
    """Lesson, local time without its offset, and note."""
    assert result.exit_code == 0, result.output
    return [(row["lesson"], row["due_local"][:16], row["note"]) for row in json.loads(result.stdout)]


def test_a_calendar_is_in_the_readers_own_time_and_in_utc(simulate: Run) -> None:
    result = simulate("small", "--start", "2026-03-20", "--timezone", "Asia/Kathmandu", "--json")
    found = json.loads(result.stdout)
    assert len(found) == 6
    assert found[0] == {
        "lesson": 1,
        "due_utc": "2026-03-20T02:15:00+00:00",
        "due_local": "2026-03-20T08:00:00+05:45",
        "note": "",
    }


def test_changes_of_the_clock_are_noted(simulate: Run) -> None:
    found = rows(simulate("--start", "2026-03-27", "--timezone", "Europe/London", "--hour", "01:30", "--json"))
    assert found[:4] == [
        (1, "2026-03-27T01:30", ""),
        (2, "2026-03-28T01:30", ""),
        (3, "2026-03-29T02:00", "the clock goes forward an hour on Sun 29 Mar; there is no 01:30 on that day"),
        (4, "2026-03-30T01:30", ""),
    ]
    found = rows(simulate("--start", "2026-04-04", "--timezone", "Australia/Lord_Howe", "--hour", "01:45", "--json"))
    assert [note for _, _, note in found[:3]] == [
        "",
        "01:45 comes twice on that day, and this is the first",
        "the clock goes back 30 minutes on Sun 5 Apr",
    ]


def test_days_that_are_left_out_are_named_with_their_reason(simulate: Run, course: Path) -> None:
    more = (
        'days = ["mon", "tue", "wed", "thu", "fri"]\nholidays = "GB"\nblackout = ["12-24", "2026-12-29..2026-12-31"]\n'
    )
    course.write_text(COURSE + more, encoding="utf-8")
    rests = (
        "nothing on Sat, Sun, Thu 24 Dec, Fri 25 Dec (Christmas Day), Mon 28 Dec (Boxing Day, observed), "
        "Tue 29 Dec to Thu 31 Dec, Fri 1 Jan (New Year's Day)"
    )
    found = rows(simulate("--start", "2026-12-18", "--timezone", "Europe/London", "--json"))
    assert found == [
        (1, "2026-12-18T08:00", ""),
        (2, "2026-12-21T08:00", "nothing on Sat, Sun"),
        (3, "2026-12-22T08:00", ""),
        (4, "2026-12-23T08:00", ""),
        (
            5,
            "2027-01-04T08:00",
            rests,
        ),
        (6, "2027-01-05T08:00", ""),
    ]


def test_a_pause_moves_the_rest_of_the_course(simulate: Run) -> None:
    found = rows(simulate("--start", "2026-05-01", "--pause", "2026-05-03..2026-05-10", "--json"))
    assert found[1:4] == [
        (2, "2026-05-02T08:00", ""),
        (3, "2026-05-11T08:00", "paused; it would have come on Sun 3 May"),
        (4, "2026-05-12T08:00", ""),
    ]
    to_the_minute = rows(simulate("--start", "2026-05-01", "--pause", "2026-05-03..2026-05-10T08:00", "--json"))
    assert to_the_minute[2][1] == "2026-05-10T08:00"


def test_after_an_outage_lessons_come_one_a_gap(simulate: Run) -> None:
    found = rows(simulate("--start", "2026-05-01", "--outage", "2026-05-02..2026-05-04T14:00", "--json"))
    assert found[:4] == [
        (1, "2026-05-01T08:00", ""),
        (2, "2026-05-04T14:00", "it was due on Sat 2 May, when nothing could go out"),
        (3, "2026-05-05T08:00", ""),
        (4, "2026-05-06T08:00", ""),
    ]


def test_lessons_that_a_course_skips_after_an_outage_are_named(simulate: Run, course: Path) -> None:
    course.write_text(COURSE + 'catch_up = "skip"\n', encoding="utf-8")
    found = rows(simulate("--start", "2026-05-01", "--outage", "2026-05-02..2026-05-04T14:00", "--json"))
    assert found[:3] == [
        (1, "2026-05-01T08:00", ""),
        (4, "2026-05-04T14:00", "it was due on Sat 2 May, when nothing could go out; lessons 2 to 3 are skipped"),
        (5, "2026-05-05T08:00", ""),
    ]
    found = rows(simulate("--start", "2026-05-01", "--outage", "2026-05-02..2026-05-03T09:00", "--json"))
    assert found[1][2].endswith("when nothing could go out; lesson 2 is skipped")
    paused = rows(simulate("--start", "2026-05-01", "--pause", "2026-05-02..2026-05-04", "--json"))
    assert [lesson for lesson, _, _ in paused] == [1, 2, 3, 4, 5, 6]


def test_lessons_of_a_digest_are_named_beside_the_one_that_lists_them(simulate: Run, course: Path) -> None:
    course.write_text(COURSE + 'catch_up = "digest"\n', encoding="utf-8")
    found = rows(simulate("--start", "2026-05-01", "--outage", "2026-05-02..2026-05-04T14:00", "--json"))
    assert found[1] == (
        4,
        "2026-05-04T14:00",
        "it was due on Sat 2 May, when nothing could go out; lessons 2 to 3 are in its digest",
    )
    assert [lesson for lesson, _, _ in found] == [1, 4, 5, 6]


@pytest.mark.parametrize(
    ("rule", "lessons", "note"),
    [
        ("shift", [1, 2, 3, 4, 5, 6], ""),
        ("skip", [1, 5, 6], "; lessons 2 to 4 are skipped"),
        ("digest", [1, 5, 6], "; lessons 2 to 4 are in its digest"),
    ],
)
def test_after_a_rest_of_the_course_it_goes_on_at_the_readers_hour(
    simulate: Run, course: Path, rule: str, lessons: list[int], note: str
) -> None:
    course.write_text(COURSE + f'catch_up = "{rule}"\n', encoding="utf-8")
    found = rows(simulate("--start", "2026-05-01", "--rest", "2026-05-02..2026-05-04T14:00", "--json"))
    assert [lesson for lesson, _, _ in found] == lessons
    assert found[1][1:] == ("2026-05-05T08:00", f"it was due on Sat 2 May, when nothing could go out{note}")


def test_who_pauses_in_an_outage_is_shown_nothing_as_missed(simulate: Run, course: Path) -> None:
    course.write_text(COURSE + 'catch_up = "skip"\n', encoding="utf-8")
    spans = ("--outage", "2026-05-02..2026-05-05", "--pause", "2026-05-03..2026-05-10")
    found = rows(simulate("--start", "2026-05-01", *spans, "--json"))
    assert found[1] == (2, "2026-05-11T08:00", "paused; it would have come on Sat 2 May")
    assert [lesson for lesson, _, _ in found] == [1, 2, 3, 4, 5, 6]


def test_what_a_reader_prefers_goes_before_the_course(simulate: Run) -> None:
    words = ("--start", "2026-05-01T12:00", "--days", "mon,thu", "--pace", "every-other-day", "--hour", "19:30")
    found = rows(simulate(*words, "--json"))
    assert [at for _, at, _ in found[:3]] == ["2026-05-04T19:30", "2026-05-07T19:30", "2026-05-11T19:30"]
    assert found[1][2] == "nothing on Wed"
    weekly = rows(simulate("--start", "2026-05-01T12:00", "--pace", "weekly", "--json"))
    assert [at for _, at, _ in weekly[:2]] == ["2026-05-02T08:00", "2026-05-09T08:00"]


def test_a_start_with_a_zone_is_that_instant_wherever_one_lives(simulate: Run) -> None:
    found = rows(simulate("--start", "2026-05-01T00:00Z", "--timezone", "Pacific/Honolulu", "--json"))
    assert found[0][1] == "2026-05-01T08:00"
    assert rows(simulate("--json"))[0][1][11:] == "08:00"
    # Apia left out a day of its calendar.
    apia = rows(simulate("--start", "2011-12-30T09:00", "--timezone", "Pacific/Apia", "--json"))
    assert apia[0][1] == "2011-12-31T08:00"


def test_the_calendars_of_all_zones_are_told_apart(simulate: Run) -> None:
    result = simulate("--all-zones", "--start", "2026-03-27", "--hour", "01:30", "--json")
    groups = {group["zones"][0]: group for group in json.loads(result.stdout)}
    assert sum(len(group["zones"]) for group in groups.values()) > 500
    assert groups["Africa/Abidjan"]["clock_changes"] == 0
    (london,) = [group for group in groups.values() if "Europe/London" in group["zones"]]
    assert "Europe/Jersey" in london["zones"]
    assert london["clock_changes"] == 1
    assert london["rows"][2] == {
        "lesson": 3,
        "due_local": "2026-03-29T02:00:00",
        "note": "the clock goes forward an hour on Sun 29 Mar; there is no 01:30 on that day",
    }


def test_people_read_tables(simulate: Run, course: Path) -> None:
    course.write_text(COURSE + 'spread = "15 min"\n', encoding="utf-8")
    shown = simulate("--start", "2026-03-27", "--timezone", "Europe/London").stdout
    assert shown.startswith(
        "A Small Course, for a reader in Europe/London; each person at a minute of their own, up to 15 minutes later\n"
    )
    assert "3       Sun 29 Mar 2026 08:00  29 Mar 07:00  the clock goes forward" in shown
    everywhere = simulate("--all-zones", "--start", "2026-03-27", "--hour", "01:30").stdout
    assert everywhere.startswith("A Small Course: 7 calendars in ")
    assert "Africa/Abidjan" in everywhere


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--timezone", "Mars"], '"Mars": write a time zone like Europe/London.'),
        (["--start", "soon"], '"soon": write a date like 2026-12-24, or a time like 2026-12-24T09:30 or'),
        (["--start", "0001-01-01"], '"0001-01-01": write a year of this century.'),
        (["--pause", "2026-12-24"], "write two dates with dots between them, like 2026-12-24..2027-01-02."),
        (["--pause", "2026-12-24..2026-12-23"], "it ends before it begins."),
        (["--pause", "2026-12-24T08:00Z..2026-12-25"], "give both ends a zone, or none."),
        (["--hour", "8 o'clock"], "write an hour like 08:00."),
        (["--days", "monday"], '"monday": write weekdays like mon,thu.'),
        (["--pace", "hourly"], "'hourly' is not one of 'daily', 'every-other-day', 'weekly'."),
    ],
)
def test_what_cannot_be_meant_gets_one_sentence(simulate: Run, words: list[str], sentence: str) -> None:
    result = simulate(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr.strip().splitlines()[-1]


def test_a_broken_course_is_named(simulate: Run, course: Path) -> None:
    course.write_text(COURSE + 'blackout = ["Christmas"]\n', encoding="utf-8")
    result = simulate()
    assert result.exit_code == 1
    assert "course.toml: \"blackout\" is ['Christmas']; 'Christmas' is no day; write" in result.stderr
