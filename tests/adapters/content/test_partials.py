"""Does a lesson take in its partials, line by line, each line knowing where it was written?"""

from pathlib import Path

import pytest

from sequencer.content import courses, partials
from sequencer.errors import BadContent

LESSON = '---\nid: first\nsubject: "A"\npreheader: "B"\ntheme: "C"\n---\n\nBefore.\n\n{}\n\nAfter.\n'


def course(folder: Path, include: str, **files: str) -> Path:
    """A lesson that takes in what `include` says, beside these partials."""
    (folder / "partials").mkdir()
    for name, words in files.items():
        (folder / "partials" / f"{name}.md").write_text(words, encoding="utf-8")
    path = folder / "01-first.md"
    path.write_text(LESSON.format(include), encoding="utf-8")
    return path


@pytest.mark.parametrize("include", ['[% include "end.md" %]', "[%- include 'end.md' -%]", '[%include "end.md"%]  '])
def test_a_partial_stands_where_it_was_taken_in(tmp_path: Path, include: str) -> None:
    path = course(tmp_path, include, end="**Bye**,\n{{ course.author }}\n")
    assert courses.read_lesson(path).body == "\nBefore.\n\n**Bye**,\n{{ course.author }}\n\nAfter.\n"


def test_each_line_knows_where_it_was_written(tmp_path: Path) -> None:
    path = course(tmp_path, '[% include "end.md" %]', end="One\nTwo\n")
    _, lines, line = courses.lesson_file(path)
    assert line == 7
    assert [(one.file.name, one.number) for one in lines[2:6]] == [
        ("01-first.md", 9),
        ("end.md", 1),
        ("end.md", 2),
        ("01-first.md", 11),
    ]


@pytest.mark.parametrize("words", ['See [% include "end.md" %].', "`[% include %]`", '{% include "end.md" %}', "[%]"])
def test_only_a_line_of_its_own_takes_in(words: str) -> None:
    assert [one.words for one in partials.lines(words, Path("01.md"), 1)] == [words]


@pytest.mark.parametrize(
    ("include", "where", "sentence"),
    [
        ('[% include "no.md" %]', "01-first.md:10", "cannot be read as UTF-8 text"),
        ('[% include "../02.md" %]', "01-first.md:10", "write the name of a file in partials/"),
        ('[% include "/etc/passwd" %]', "01-first.md:10", "write the name of a file in partials/"),
        ("[% include end %]", "01-first.md:10", "write the name of a file in partials/"),
        ('[% include "nest.md" %]', "partials/nest.md:2", "a partial cannot take in another"),
        ('[% include "latin.md" %]', "01-first.md:10", "cannot be read as UTF-8 text"),
    ],
)
def test_what_cannot_be_taken_in_is_named_with_its_line(
    tmp_path: Path, include: str, where: str, sentence: str
) -> None:
    path = course(tmp_path, include, nest='A\n[% include "end.md" %]\n', end="B\n")
    (tmp_path / "partials" / "latin.md").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(BadContent) as caught:
        courses.read_lesson(path)
    assert str(caught.value).startswith(f"{tmp_path}/{where}: ")
    assert sentence in str(caught.value)
