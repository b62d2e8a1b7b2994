"""Which courses do the files describe? A folder with course.toml and one Markdown file a lesson becomes a Course."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from email.utils import getaddresses
from pathlib import Path

import yaml

from sequencer.content import images, partials, timetable
from sequencer.content.images import Unfit
from sequencer.content.partials import Line
from sequencer.core.model import (
    DEFAULT_THEME,
    DOUBT_FOR,
    EVENT_NAME,
    Course,
    Finishers,
    Lesson,
    Mailbox,
    WhenUncertain,
)
from sequencer.errors import BadContent

COURSE_FILE = "course.toml"
_FENCE = "---"
_ADDRESS = re.compile("[!-?A-~]+@[!-?A-~]+")  # printable ASCII around one "@"
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")  # RFC 5646, roughly
_THEME = re.compile(r"[a-z0-9][a-z0-9-]*")
_EVENT = re.compile(EVENT_NAME)
LESSON_KEYS = {"id", "subject", "preheader", "theme", "gap", "added", "previous"}
ISSUE_KEYS = {"id", "subject", "preheader", "theme"}
_COURSE_KEYS = {
    "title", "subtitle", "author", "brand", "language", "site", "sender", "uncertain", "finishers", "theme",
    "next", "priority", "exit_on",
    *timetable.KEYS,
}  # fmt: skip


def find(folder: Path) -> tuple[Path, ...]:
    """The folders below `folder` that hold a course, by name. Raises BadContent where there is no such folder."""
    if not folder.is_dir():
        raise BadContent(f'{folder}: there is no such folder; the option "courses" names the folder of your courses.')
    return tuple(sorted(path.parent for path in folder.glob(f"*/{COURSE_FILE}")))


def read(folder: Path) -> Course:
    """The course in `folder`, its lessons in the order of their file names. Raises BadContent with file and line."""
    given = course_file(folder)
    lessons = tuple(read_lesson(file) for file in sorted(folder.glob("*.md")))
    if not lessons:
        raise BadContent(f"{folder}: there is no lesson yet; write one as 01-first.md.")
    for twin in twins(lessons):
        raise twin
    return make_course(folder, given, lessons)


def course_file(folder: Path) -> Mapping[str, object]:
    """What course.toml says, key by key, as it stands there. Raises BadContent where it is not TOML."""
    return toml(folder / COURSE_FILE)


def make_course(folder: Path, given: Mapping[str, object], lessons: tuple[Lesson, ...]) -> Course:
    """The course that course.toml's keys and the lessons make. Raises BadContent for the first key that is wrong."""
    path = folder / COURSE_FILE
    refuse_unknown(given, _COURSE_KEYS, str(path))
    return made(folder.name, given, lessons, path)


def made(slug: str, given: Mapping[str, object], lessons: tuple[Lesson, ...], path: Path) -> Course:
    """The same, of the file at `path`, whose keys are known to be known."""
    uncertain, doubt_for = _uncertain(given.get("uncertain", "retry"), str(path))
    return Course(
        slug=slug,
        title=_text(given, "title", str(path)),
        subtitle=_text(given, "subtitle", str(path), ""),
        author=_text(given, "author", str(path), ""),
        brand=_text(given, "brand", str(path), _text(given, "title", str(path))),
        language=_language(_text(given, "language", str(path), "en"), str(path)),
        site=_text(given, "site", str(path), ""),
        sender=_sender(_text(given, "sender", str(path)), str(path)),
        rhythm=timetable.rhythm(given, str(path)),
        uncertain=uncertain,
        doubt_for=doubt_for,
        theme=_theme(_text(given, "theme", str(path), DEFAULT_THEME), str(path)),
        next=_text(given, "next", str(path), ""),
        priority=_priority(given.get("priority", 0), str(path)),
        exit_on=_exit_on(given.get("exit_on", []), str(path)),
        finishers=_finishers(given.get("finishers", "90 days"), str(path)),
        holidays=timetable.country(given, str(path)),
        catch_up=timetable.catch_up(given, str(path)),
        lessons=lessons,
    )


def read_lesson(path: Path, keys: Collection[str] = LESSON_KEYS) -> Lesson:
    """The lesson in one Markdown file with YAML front matter. Raises BadContent with file and line."""
    given, lines, line = lesson_file(path)
    lesson = make_lesson(path, given, lines, line, keys)
    shown = tuple(images.shown(lesson, path.parent))
    for one in shown:
        if isinstance(one.what, Unfit):
            at = lines[one.line - line]
            raise BadContent(f"{at.file}:{at.number}: {one.what.sentence}")
    return replace(lesson, images=images.fit(shown))


def read_words(path: Path) -> Lesson:
    """The lesson without its images, which may be missing yet. Raises BadContent with file and line."""
    return make_lesson(path, *lesson_file(path))


def lesson_file(path: Path) -> tuple[Mapping[str, object], tuple[Line, ...], int]:
    """The front matter, key by key; the text's lines, its partials taken in; and the line on which the text begins."""
    front, body, line = _split(path)
    return _yaml(path, front), partials.lines(body, path, line), line


def make_lesson(
    path: Path,
    given: Mapping[str, object],
    lines: tuple[Line, ...],
    line: int,
    keys: Collection[str] = LESSON_KEYS,
) -> Lesson:
    """The lesson, or issue, of this front matter and text. Raises BadContent for the first key that is wrong."""
    refuse_unknown(given, keys, f"{path}:1")
    body = "\n".join(one.words for one in lines)
    if not body.strip():
        what = "issue" if keys is ISSUE_KEYS else "lesson"
        raise BadContent(f"{path}:{line}: the {what} has no text; write it below the front matter.")
    _text(given, "previous", f"{path}:1", "")
    return Lesson(
        key=_text(given, "id", f"{path}:1"),
        subject=_one_line(given, "subject", path),
        preheader=_one_line(given, "preheader", path),
        # Each lesson has one; an issue may have.
        theme=_text(given, "theme", f"{path}:1", "" if keys is ISSUE_KEYS else None),
        gap=timetable.own_gap(given, f"{path}:1"),
        added=_text(given, "added", f"{path}:1", ""),
        body=body,
        source=f"{path.parent.name}/{path.name}",
        line=line,
    )


def twins(lessons: Sequence[Lesson]) -> Iterator[BadContent]:
    """What is to be said of each lesson whose id an earlier one has."""
    seen: dict[str, Lesson] = {}
    for lesson in lessons:
        twin = seen.setdefault(lesson.key, lesson)
        if twin is not lesson:
            yield BadContent(
                f'{lesson.source}:1: the id "{lesson.key}" is taken by {twin.source}; give each lesson its own.'
            )


def _split(path: Path) -> tuple[str, str, int]:
    """Front matter, body, and the line on which the body begins."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadContent(f"{path}: the file cannot be read as UTF-8 text: {error}.") from error
    if not lines or lines[0].rstrip() != _FENCE:
        raise BadContent(f'{path}:1: the front matter is missing; begin with a line "---", then id, subject, …')
    try:
        end = next(number for number, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE)
    except StopIteration as error:
        raise BadContent(f'{path}:1: the front matter has no end; close it with a line "---".') from error
    return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]).rstrip("\n") + "\n", end + 2


def toml(path: Path) -> dict[str, object]:
    """What a file says, key by key. Raises BadContent where it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise BadContent(f"{path}: this is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadContent(f"{path}: the file cannot be read: {error}.") from error


def _yaml(path: Path, front: str) -> dict[str, object]:
    try:
        given = yaml.safe_load(front)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise BadContent(f"{path}:{line}: the front matter is not valid YAML: {error.problem}.") from error
    except (yaml.YAMLError, ValueError) as error:
        # A control character, or what looks like a date and is none.
        raise BadContent(f"{path}:1: the front matter is not valid YAML: {error}.") from error
    if not isinstance(given, dict):
        raise BadContent(f'{path}:1: the front matter needs lines like "id: my-lesson".')
    return {str(key): value for key, value in given.items()}


def refuse_unknown(given: Mapping[str, object], known: Collection[str], where: str) -> None:
    """Raises BadContent for a key that is not known here."""
    unknown = set(given) - set(known)
    if unknown:
        raise BadContent(f'{where}: "{min(unknown)}" is not known here; known are {", ".join(sorted(known))}.')


def _text(given: Mapping[str, object], key: str, where: str, missing: str | None = None) -> str:
    value = given.get(key, missing)
    if value is None:
        raise BadContent(f'{where}: "{key}" is missing; write {key} = "…" (in a lesson: {key}: "…").')
    if not isinstance(value, str) or (missing is None and not value.strip()):
        raise BadContent(f'{where}: "{key}" is {value!r}; write a text in quotes.')
    return value.strip()


def _one_line(given: Mapping[str, object], key: str, path: Path) -> str:
    text = _text(given, key, f"{path}:1")
    if any(not character.isprintable() for character in text):
        raise BadContent(f'{path}:1: "{key}" has a line break or a control character; write it in one line.')
    return text


def _language(value: str, where: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise BadContent(f'{where}: "language" is {value!r}; write a language tag like "en" or "en-GB".')
    return value


def _theme(value: str, where: str) -> str:
    if not _THEME.fullmatch(value):
        raise BadContent(f'{where}: "theme" is {value!r}; write the name of a theme, like "{DEFAULT_THEME}".')
    return value


def _sender(value: str, where: str) -> Mailbox:
    found = getaddresses([value])
    if len(found) != 1 or not _ADDRESS.fullmatch(found[0][1]):
        raise BadContent(f'{where}: "sender" is {value!r}; write it like "Name <name@example.org>".')
    name, address = found[0]
    return Mailbox(name=name, address=address)


def _priority(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -1000 <= value <= 1000:  # noqa: PLR2004
        raise BadContent(f'{where}: "priority" is {value!r}; write a whole number like 10.')
    return value


def _exit_on(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and _EVENT.fullmatch(one) for one in value):
        raise BadContent(f'{where}: "exit_on" is {value!r}; write a list of what may happen, like ["bought"].')
    return tuple(dict.fromkeys(value))


def _finishers(value: object, where: str) -> Finishers:
    try:
        return Finishers(str(value))
    except ValueError as error:
        raise BadContent(f'{where}: "finishers" is {value!r}; write "90 days", "all" or "none".') from error


_RETRY_AFTER = re.compile(r"retry after ([1-9][0-9]{0,3}) (min|minutes?|h|hours?)")


def _uncertain(value: object, where: str) -> tuple[WhenUncertain, timedelta]:
    """What is to be done about a message in doubt, and for how long it rests before it is sent again."""
    if found := _RETRY_AFTER.fullmatch(str(value)):
        unit = timedelta(minutes=1) if found[2].startswith("m") else timedelta(hours=1)
        return WhenUncertain.RETRY, int(found[1]) * unit
    try:
        return WhenUncertain(str(value)), DOUBT_FOR
    except ValueError as error:
        raise BadContent(
            f'{where}: "uncertain" is {value!r}; write "retry", "retry after 30 min", "hold" or "assume sent".'
        ) from error
