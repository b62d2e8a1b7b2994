"""Which keys of course.toml and of front matter are wrong? All of them, where reading stops at the first."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sequencer.content import courses as files
from sequencer.content import images
from sequencer.content.images import Shown
from sequencer.content.lint import findings
from sequencer.content.lint.findings import Finding
from sequencer.content.partials import Line
from sequencer.core.model import Course, Lesson
from sequencer.errors import BadContent

# Files in which nothing is wrong: each key that was given is tried in their place, alone.
_SOUND_LESSON: Mapping[str, object] = {"id": "x", "subject": "x", "preheader": "x", "theme": "x"}
_SOUND_COURSE: Mapping[str, object] = {"title": "x", "sender": "x <x@example.org>"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A lesson as its author is writing it: the value, its file, and where each line of its text was written.

    `images` are the places that show a file, also where it cannot be shown.
    """

    lesson: Lesson
    images: tuple[Shown, ...]
    path: Path
    lines: tuple[Line, ...]
    previous: str

    def at(self, line: int) -> tuple[str, int]:
        """The file and the line there of what stands on `line` of the text as a whole."""
        index = line - self.lesson.line
        if not 0 <= index < len(self.lines):
            return str(self.path), line
        return str(self.lines[index].file), self.lines[index].number

    def finding(self, rule: str, sentence: str, line: int = 0) -> Finding:
        """A finding on `line` of the text as a whole, or on the file."""
        file, there = self.at(line) if line else (str(self.path), 0)
        return Finding(file=file, line=there, rule=rule, sentence=sentence)

    def refused(self, error: BadContent, rule: str) -> Finding:
        """What a refusal that names the lesson says, in the words of `finding`."""
        found = findings.of(error, rule)
        if found.file != self.lesson.source:
            return found
        return self.finding(rule, found.sentence, found.line)

    def key(self, name: str) -> int:
        """The line on which a key of the front matter stands."""
        return key_line(self.path, name)


def draft(path: Path, keys: Collection[str] = files.LESSON_KEYS) -> tuple[Draft | None, tuple[Finding, ...]]:
    """The lesson, or issue, in a file, or all that is wrong with its front matter."""
    try:
        given, lines, line = files.lesson_file(path)
    except BadContent as error:
        found = findings.of(error, "lesson")
        return None, (replace(found, rule="front-matter") if "front matter" in found.sentence else found,)

    def make(front: Mapping[str, object]) -> Lesson:
        return files.make_lesson(path, front, lines, line, keys)

    try:
        lesson = make(given)
    except BadContent as error:
        return None, tuple(_all(given, _SOUND_LESSON, make, path, error, "front-matter"))
    shown = tuple(images.shown(lesson, path.parent))
    lesson = replace(lesson, images=images.fit(shown))
    return Draft(lesson=lesson, images=shown, path=path, lines=lines, previous=str(given.get("previous", ""))), ()


def course(folder: Path, lessons: tuple[Lesson, ...]) -> tuple[Course | None, tuple[Finding, ...]]:
    """The course that course.toml makes of the lessons, or all that is wrong with the file."""
    path = folder / files.COURSE_FILE
    try:
        given = files.course_file(folder)
    except BadContent as error:
        return None, (findings.of(error, "course-file"),)

    def make(keys: Mapping[str, object]) -> Course:
        return files.make_course(folder, keys, lessons)

    try:
        return make(given), ()
    except BadContent as error:
        return None, tuple(_all(given, _SOUND_COURSE, make, path, error, "course-file"))


def key_line(path: Path, name: str) -> int:
    """The line on which a key stands in front matter or in course.toml; 1 where it does not."""
    begins = re.compile(rf"{re.escape(name)}\s*[:=]")
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if begins.match(line):
            return number
    return 1


def _all(
    given: Mapping[str, object],
    sound: Mapping[str, object],
    make: Callable[[Mapping[str, object]], object],
    path: Path,
    first: BadContent,
    rule: str,
) -> Iterator[Finding]:
    """What is wrong with each key alone; where each is right alone, what is wrong with them together."""
    seen: set[str] = set()
    for key in dict.fromkeys([*sound, *given]):
        keys = {name: value for name, value in sound.items() if name != key}
        try:
            make({**keys, key: given[key]} if key in given else keys)
        except BadContent as error:
            found = findings.of(error, rule)
            if found.sentence not in seen:
                seen.add(found.sentence)
                yield replace(found, line=key_line(path, key)) if found.line < 2 else found  # noqa: PLR2004 (unknown, or 1)
    if not seen:
        yield findings.of(first, rule)
