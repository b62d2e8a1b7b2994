"""What do `course lint` and `theme` say to people, to programs and to GitHub, and how do they end?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sequencer.cli import main
from sequencer.content.files import shipped

SETTINGS = 'postal_address = "1 Example Street"\n'
COURSE = 'title = "A Small Course"\nsender = "Ann Author <ann@example.org>"\n'
LESSON = '---\nid: {0}\nsubject: "Subject {0}"\npreheader: "Preheader {0}"\ntheme: "T"\n---\nWords.\n'
WARNING = LESSON.format("one") + "\nHello {{ subscriber.name }}\n"
ERROR = LESSON.format("two") + "\n[100%, all](/about)\n"
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a course whose first lesson is right. It is the current one."""
    (tmp_path / "sequencer.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "lessons" / "small").mkdir(parents=True)
    (tmp_path / "lessons" / "small" / "course.toml").write_text(COURSE, encoding="utf-8")
    write(tmp_path, LESSON.format("one"), LESSON.format("two"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *lessons: str) -> None:
    for number, words in enumerate(lessons, 1):
        (folder / "lessons" / "small" / f"0{number}.md").write_text(words, encoding="utf-8")


@pytest.fixture
def run(folder: Path) -> Run:
    assert folder == Path.cwd()
    return lambda *words: CliRunner().invoke(main, list(words), prog_name="sequencer")


def test_warnings_are_printed_and_let_the_course_pass(run: Run, folder: Path) -> None:
    write(folder, WARNING)
    result = run("course", "lint")
    assert result.exit_code == 0
    assert result.stdout == (
        'lessons/small/01.md:9: warning: "subscriber.name" is empty for whoever gave no name; '
        'write {{ subscriber.name or "…" }}, or an if around it. [unguarded-value]\n'
    )


def test_warnings_fail_where_one_is_strict(run: Run, folder: Path) -> None:
    assert run("course", "lint", "--strict").exit_code == 0
    write(folder, WARNING)
    assert run("course", "lint", "--strict").exit_code == 1


def test_errors_are_told_with_file_line_and_rule(run: Run, folder: Path) -> None:
    write(folder, LESSON.format("one"), ERROR)
    result = run("course", "lint", "small")
    said = "/about leads nowhere in a mail; write it whole. [relative-address]"
    assert (result.exit_code, result.stdout) == (1, f"lessons/small/02.md:9: {said}\n")


def test_programs_get_each_part_by_its_name(run: Run, folder: Path) -> None:
    write(folder, WARNING, ERROR)
    result = run("course", "lint", "--format", "json")
    assert result.exit_code == 1
    one, two = json.loads(result.stdout)
    assert (one["file"], one["line"], one["rule"], one["level"]) == (
        "lessons/small/01.md",
        9,
        "unguarded-value",
        "warning",
    )
    assert (two["course"], two["level"]) == ("small", "error")
    bare = json.loads(run("course", "lint", "--json").stdout)
    assert [sorted(one) for one in bare] == [["course", "sentence", "where"]] * 2


def test_github_shows_findings_beside_the_lines(run: Run, folder: Path) -> None:
    write(folder, LESSON.format("one"), ERROR.replace("/about", "a%2Cb"))
    result = run("course", "lint", "--format", "github")
    assert result.stdout == (
        "::error file=lessons/small/02.md,line=9,title=relative-address::"
        "a%252Cb leads nowhere in a mail; write it whole.\n"
    )


def test_what_is_wrong_with_a_template_is_told_once_for_all_courses(run: Run, folder: Path) -> None:
    (folder / "sequencer.toml").write_text(f'{SETTINGS}templates = "mine"\n', encoding="utf-8")
    run("theme", "eject", "paper")
    template = folder / "mine" / "mail" / "_ask.mjml"
    template.write_text(template.read_text(encoding="utf-8").replace("<mj-divider padding", "<mj-divider pading"))
    shutil.copytree(folder / "lessons" / "small", folder / "lessons" / "other")
    result = run("course", "lint")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert '<mj-divider> has no attribute "pading"; is padding meant. [unknown-attribute]' in line


def test_addresses_are_asked_only_where_the_author_says_so(run: Run, folder: Path) -> None:
    write(folder, LESSON.format("one") + "\n[x](https://127.0.0.1:1/)\n")
    assert run("course", "lint").stdout == "All is well.\n"
    assert "[broken-link]" in run("course", "lint", "--check-links").stdout


def test_nothing_is_nothing_to_github_and_to_programs(run: Run) -> None:
    assert run("course", "lint", "--format", "github").stdout == ""
    assert run("course", "lint", "--format", "json").stdout == "[]\n"


# theme


def test_themes_are_listed_with_the_courses_that_name_them(run: Run, folder: Path) -> None:
    (folder / "lessons" / "small" / "course.toml").write_text(COURSE + 'theme = "plain"\n', encoding="utf-8")
    listed = json.loads(run("theme", "list", "--json").stdout)
    assert [(one["theme"], one["courses"]) for one in listed] == [("paper", []), ("plain", ["small"])]
    result = run("theme", "list")
    assert result.exit_code == 0
    assert [line.split()[:3] for line in result.stdout.splitlines() if "shipped" in line] == [
        ["paper", "shipped", "none"],
        ["plain", "shipped", "small"],
    ]


def test_a_theme_is_copied_out_with_the_templates_and_is_used_from_there(run: Run, folder: Path) -> None:
    (folder / "sequencer.toml").write_text(f'{SETTINGS}templates = "mine"\n', encoding="utf-8")
    result = run("theme", "eject", "plain")
    assert result.exit_code == 0, result.output
    made = sorted(str(path.relative_to(folder / "mine")) for path in (folder / "mine").rglob("*.*"))
    shipped_mails = sorted(f"mail/{path.name}" for path in shipped("templates").glob("mail/*"))
    assert made == [*shipped_mails, "themes/plain.toml"]
    assert run("course", "lint").stdout == "All is well.\n"
    template = folder / "mine" / "mail" / "lesson.mjml"
    template.write_text(template.read_text(encoding="utf-8").replace("<mj-button href", "<mj-buton href"))
    assert "mine/mail/lesson.mjml:" in run("course", "lint").stdout
    again = run("theme", "eject", "plain")
    assert again.stdout.count("as it is.") == len(made)
    assert "<mj-buton" in template.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        (SETTINGS, "plain", 'Error: The option "templates" names no folder yet; write templates = "templates".'),
        (f'{SETTINGS}templates = "mine"\n', "x", 'Error: The theme "x" is not shipped; there are paper, plain.'),
        (f'{SETTINGS}templates = "sequencer.toml"\n', "plain", "cannot be written (Not a directory)."),
    ],
)
def test_a_theme_that_cannot_be_copied_is_told_in_a_sentence(
    run: Run, folder: Path, settings: str, name: str, said: str
) -> None:
    (folder / "sequencer.toml").write_text(settings, encoding="utf-8")
    result = run("theme", "eject", name)
    assert result.exit_code == 1
    assert said in result.stderr
