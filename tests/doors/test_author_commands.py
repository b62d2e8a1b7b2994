"""What do the commands of an author say and do: an article, a sequence or nothing becomes a course?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from articles import BEES, BREAD
from click.testing import CliRunner, Result

from sequencer.cli import main

ARTICLE = "# A Title\n\n## One thing\n\nFirst words.\n\n## Another thing\n\nOther words:\n"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder with an article; neither a traceback nor an exception ever."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "article.md").write_text(ARTICLE, encoding="utf-8")

    def command(*words: str, stdin: bytes = b"") -> Result:
        result = CliRunner().invoke(main, list(words), prog_name="sequencer", input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return command


def sentence(result: Result, code: int = 1) -> str:
    """The one sentence of a command that was not done or not understood."""
    assert result.exit_code == code, result.output
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def test_build_makes_a_course_that_lint_likes_and_says_where_every_paragraph_went(run: Run, tmp_path: Path) -> None:
    result = run("course", "build", str(BEES))
    assert result.exit_code == 0, result.output
    assert "Bees on the Roof" in result.stdout
    assert "an invitation" not in result.stdout
    assert "each used once and in order" in result.stdout
    assert "about the author" in result.stdout
    assert result.stdout.endswith("Wrote lessons/bees-on-the-roof: 8 lessons. Fill in the sender in course.toml.\n")
    assert len(list((tmp_path / "lessons" / "bees-on-the-roof").glob("*.md"))) == 8
    assert run("course", "lint").exit_code == 0


def test_build_reads_a_pipe_and_prints_json_for_programs(run: Run, tmp_path: Path) -> None:
    result = run("course", "build", "-", "--into", "bread", "--json", stdin=BREAD.read_bytes())
    report = json.loads(result.stdout)
    assert (report["title"], report["folder"]) == ("Slow Bread: A Beginner's Way to Better Loaves", "bread")
    assert report["paragraphs"] == {"all": 44, "used": 31, "dropped": 13}
    assert [one["id"] for one in report["lessons"]][:2] == ["slow-bread-for-busy-people", "what-flour-really-does"]
    assert {"number": 3, "begins": "Home", "lesson": "", "dropped": "navigation"} in report["places"]
    assert (tmp_path / "bread" / "course.toml").is_file()


def test_build_shows_what_has_changed_and_how_to_have_it(run: Run, tmp_path: Path) -> None:
    run("course", "build", "article.md")
    (tmp_path / "article.md").write_text(ARTICLE.replace("First words", "New words"), encoding="utf-8")
    shown = run("course", "build", "article.md").stdout
    assert "one-thing: source changed; --update writes it" in shown
    assert "  -First words.\n  +New words.\n" in shown
    assert "Wrote 0 of 2 lessons in lessons/a-title; the others stay as they are." in shown
    assert "Wrote 1 of 2 lessons" in run("course", "build", "article.md", "--update").stdout
    lesson = tmp_path / "lessons" / "a-title" / "01-one-thing.md"
    lesson.write_text(lesson.read_text(encoding="utf-8").replace("New words", "My words"), encoding="utf-8")
    (tmp_path / "article.md").write_text(ARTICLE.replace("First words", "Last words"), encoding="utf-8")
    shown = run("course", "build", "article.md", "--update").stdout
    assert "both changed, in one place; --take one-thing or --keep one-thing" in shown
    assert "+My words." in shown
    assert "My words" in lesson.read_text(encoding="utf-8")
    assert run("course", "build", "article.md", "--take", "one-thing").exit_code == 0
    assert "Last words" in lesson.read_text(encoding="utf-8")


def test_build_names_what_is_gone_and_what_may_be_lost(run: Run, tmp_path: Path) -> None:
    shown = run("course", "build", "article.md").stdout
    assert "a list may be lost behind “… Other words:”" in shown
    assert "take less than 1 min" in shown
    (tmp_path / "article.md").write_text("# A Title\n\n## Another thing\n\nOther words:\n", encoding="utf-8")
    shown = " ".join(run("course", "build", "article.md").stdout.split())
    assert "No longer in the source 01-one-thing.md: the source has this theme no more" in shown


def test_build_to_look_writes_nothing(run: Run, tmp_path: Path) -> None:
    result = run("course", "build", "article.md", "--dry-run")
    assert "Nothing was written; this was to look at lessons/a-title." in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["article.md"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "source: the file is empty."),
        (b"%PDF-1.7", "source: this is a PDF; save the article as HTML, Markdown or plain text."),
        (b"\x00\x01\x02", "source: this is not text; save the article as HTML, Markdown or plain text."),
        (b"caf\xe9", "source: this is not UTF-8 text; save the article as HTML, Markdown or plain text, in UTF-8."),
        (b"only words", "The source has no headings; give each theme a heading on a line of its own."),
    ],
)
def test_a_source_that_is_no_article_is_refused_in_a_sentence(
    run: Run, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "source").write_bytes(content)
    assert sentence(run("course", "build", "source")) == said
    assert not (tmp_path / "lessons").exists()


def test_a_folder_a_missing_file_and_a_pipe_without_a_name_are_refused_in_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert sentence(run("course", "build", "folder")) == "folder: this is a folder; name one file with the article."
    assert "cannot be read (No such file" in sentence(run("course", "build", "none.md"))
    assert "name a folder for the course with --into" in sentence(
        run("course", "build", "-", stdin=b"## A\n\nb\n\n## C\n\nd\n")
    )


@pytest.mark.parametrize("span", ["7..2", "x", "1", "-1..5", "1..9999", "nan..nan"])
def test_a_span_of_minutes_that_is_none_is_refused(run: Run, span: str) -> None:
    assert f"{span!r} is no span of minutes" in sentence(run("course", "build", "article.md", "--minutes", span), 2)


def test_new_begins_a_course_of_which_lint_faults_nothing_but_the_words_that_are_left(run: Run, tmp_path: Path) -> None:
    assert run("course", "new", "my-course").stdout == (
        "Wrote lessons/my-course: fill in course.toml, and write 01-first.md.\n"
    )
    said = run("course", "lint", "my-course")
    assert said.exit_code == 1
    assert {line.rpartition(" ")[2] for line in said.stdout.splitlines()} == {"[skeleton]"}
    assert 'title = "My course"' in (tmp_path / "lessons" / "my-course" / "course.toml").read_text(encoding="utf-8")
    assert "is there already" in sentence(run("course", "new", "my-course"))
    assert sentence(run("course", "new", "../My Course")).endswith('write it like "my-course".')


def test_import_makes_a_course_of_a_sequence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "welcome_series.csv").write_text(
        "Subject,Content,Send After\nHello,<p>Dear {{ subscriber.first_name }}</p>,0\nMore,<p>See *|ARCHIVE|*</p>,3\n",
        encoding="utf-8",
    )
    result = run("course", "import", "welcome_series.csv")
    assert result.exit_code == 0, result.output
    assert ["02-more.md", "More", "3", "days", "2"] in [line.split() for line in result.stdout.splitlines()]
    assert "02-more.md: replace what the other program would have filled in: *|ARCHIVE|*" in result.stdout
    folder = tmp_path / "lessons" / "welcome-series"
    assert 'gap: "3 days"' in (folder / "02-more.md").read_text(encoding="utf-8")
    assert "Dear {{ subscriber.name or 'friend' }}" in (folder / "01-hello.md").read_text(encoding="utf-8")
    assert run("course", "lint").exit_code == 0
    assert "is there already" in sentence(run("course", "import", "welcome_series.csv"))


def test_import_reads_a_pipe_and_prints_json_for_programs(run: Run) -> None:
    mails = json.dumps([{"subject": "Hello", "body": "One"}]).encode()
    report = json.loads(run("course", "import", "-", "--into", "here", "--title", "T", "--json", stdin=mails).stdout)
    assert report == {
        "folder": "here",
        "lessons": [{"id": "hello", "file": "01-hello.md", "subject": "Hello", "gap": "", "words": 1, "marks": []}],
    }
    assert "there is no mail in it" in sentence(run("course", "import", "-", "--into", "there", stdin=b"[]"))
