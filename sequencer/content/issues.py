"""Which issues do the files describe? A folder with newsletter.toml and one Markdown file an issue."""

import re
from dataclasses import replace
from pathlib import Path

from sequencer.content import courses as files
from sequencer.content import skeletons
from sequencer.core.model import NEWSLETTER, Course
from sequencer.errors import BadContent

NEWSLETTER_FILE = "newsletter.toml"
_KEY = re.compile("[a-z0-9][a-z0-9-]{0,99}")
_KEYS = {"title", "subtitle", "author", "brand", "language", "site", "sender", "uncertain", "theme", "gap"}
_GAP = "12 hours"


def is_there(folder: Path) -> bool:
    """Whether there is a newsletter."""
    return (folder / NEWSLETTER_FILE).is_file()


def newsletter(folder: Path) -> Course:
    """The newsletter, without issues. Raises BadContent with the file, also where there is none."""
    path = folder / NEWSLETTER_FILE
    if not path.is_file():
        raise BadContent(f'{path}: there is no newsletter yet; "sequencer issue new" begins one.')
    given = files.toml(path)
    files.refuse_unknown(given, _KEYS, str(path))
    return files.made(NEWSLETTER, {"gap": _GAP, **given}, (), path)


def find(folder: Path) -> tuple[Path, ...]:
    """The files of all issues, by name."""
    return tuple(sorted(folder.glob("*.md")))


def read(path: Path) -> Course:
    """The newsletter with the issue of this file as its only lesson. Raises BadContent with file and line."""
    issue = files.read_lesson(path, files.ISSUE_KEYS)
    if not _KEY.fullmatch(issue.key):
        raise BadContent(
            f'{path}:1: "id" is {issue.key!r}; write it in small letters, digits and "-": it is in a link.'
        )
    return replace(newsletter(path.parent), lessons=(issue,))


def read_all(folder: Path) -> tuple[Course, ...]:
    """All issues. Raises BadContent with file and line, also where two have one id."""
    found = tuple(read(path) for path in find(folder))
    for twin in files.twins([one.lessons[0] for one in found]):
        raise twin
    return found


def named(folder: Path, name: str) -> tuple[Path, Course]:
    """The issue of this id, or of this file's name. Raises BadContent where there is none."""
    paths = find(folder)
    for path, words in zip(paths, read_all(folder), strict=True):
        if name in (words.lessons[0].key, path.name, path.stem):
            return path, words
    there = ", ".join(path.stem for path in paths) or "none"
    raise BadContent(f'{folder}: there is no issue "{name}"; there is {there}.')


def begin(folder: Path, key: str, subject: str, *, sender: str, title: str) -> Path:
    """Write a new issue, and newsletter.toml where there is none. Raises BadContent where it cannot be."""
    if not _KEY.fullmatch(key):
        raise BadContent(f'"{key}" cannot be the id of an issue; write it in small letters, digits and "-".')
    path = folder / f"{key}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not is_there(folder):
            (folder / NEWSLETTER_FILE).write_text(_NEWSLETTER.format(title=_quoted(title), sender=_quoted(sender)))
        with path.open("x", encoding="utf-8") as file:
            file.write(skeletons.issue(key, _quoted(subject)))
    except FileExistsError as error:
        raise BadContent(f"{path}: there is such an issue already; choose another id.") from error
    except OSError as error:
        raise BadContent(f"{path}: the file cannot be written ({error.strerror}).") from error
    return path


def _quoted(words: str) -> str:
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


_NEWSLETTER = """\
# The newsletter: people are on it as they are on a course, and get its issues.
title = {title}
sender = {sender}
# author = "Your Name"
# brand = "What stands above each mail"
# language = "en"
# site = "https://www.example.org"
# theme = "paper"
# gap = "12 hours"        # the least time between two issues to one person
# uncertain = "retry"     # or "hold", "assume sent": an issue of which nobody knows whether it arrived
"""
