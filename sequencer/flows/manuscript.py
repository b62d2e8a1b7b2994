"""What do the files of a course say now, also while some of them are broken?"""

import re
from dataclasses import dataclass
from pathlib import Path

from sequencer.content import courses as files
from sequencer.core.model import Course, Lesson
from sequencer.errors import BadContent

_SENTENCE = re.compile(r"(?P<file>.+?)(?::(?P<line>[0-9]+))?: (?P<said>.*)", re.DOTALL)
_AROUND = 2  # lines before and after the one that is meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file; `meant` where it is the one that an error speaks of."""

    number: int
    words: str
    meant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What an author has to mend: in which file, on which line (0: none is known), and the lines around it."""

    file: str
    line: int
    sentence: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One lesson's file; `trouble` where it cannot be read."""

    number: int
    file: str
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """A course as its files are now. Without a `course`, `trouble` says why there is none.

    A lesson that cannot be read keeps its place in the course, with words that stand in for its own.
    """

    course: Course | None
    drafts: tuple[Draft, ...]
    trouble: Trouble | None = None


def read(folder: Path) -> Manuscript:
    """The manuscript in `folder`. Never raises for what an author wrote."""
    # What begins with a dot is an editor's own.
    paths = sorted(path for path in folder.glob("*.md") if not path.name.startswith("."))
    lessons, wrong = [], {}
    for path in paths:
        try:
            lessons.append(files.read_lesson(path))
        except BadContent as error:
            lessons.append(_stand_in(path))
            wrong[path.name] = trouble(folder, error)
    for twin in files.twins(tuple(lessons)):
        found = trouble(folder, twin)
        wrong.setdefault(Path(found.file).name, found)
    drafts = tuple(
        Draft(number=number, file=path.name, trouble=wrong.get(path.name)) for number, path in enumerate(paths, 1)
    )
    try:
        if not paths:
            raise BadContent(f"{folder}: there is no lesson yet; write one as 01-first.md.")
        course = files.make_course(folder, files.course_file(folder), tuple(lessons))
    except BadContent as error:
        return Manuscript(course=None, drafts=drafts, trouble=trouble(folder, error))
    return Manuscript(course=course, drafts=drafts)


def trouble(folder: Path, error: BadContent) -> Trouble:
    """The error of a file below `folder`, taken apart, with the lines that it is about."""
    shown = str(error).removeprefix(f"{folder.parent}/")
    found = _SENTENCE.fullmatch(shown)
    if found is None:
        return Trouble(file="", line=0, sentence=shown)
    line = int(found["line"] or 0)
    sentence = found["said"][:1].upper() + found["said"][1:]
    return Trouble(file=found["file"], line=line, sentence=sentence, lines=_lines(folder.parent / found["file"], line))


def _lines(path: Path, meant: int) -> tuple[Line, ...]:
    """The lines around the one that is meant; none where the file cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines() if meant else []
    except (OSError, UnicodeDecodeError):
        return ()
    first, last = max(1, meant - _AROUND), min(len(lines), meant + _AROUND)
    return tuple(
        Line(number=number, words=lines[number - 1], meant=number == meant) for number in range(first, last + 1)
    )


def _stand_in(path: Path) -> Lesson:
    # No front matter can hold this id: whoever reads it strips it.
    return Lesson(key=f" {path.name}", subject=path.stem, preheader="", theme="", body="…\n", source=path.name)
