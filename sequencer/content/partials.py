"""What does a lesson take in from the course's partials? Its lines with theirs among them, each knowing its file.

`[% include "signature.md" %]` on a line of its own stands for the text of partials/signature.md beside the lessons:
square marks are filled once a lesson (docs/decisions/0003-two-fillings.md). It is taken in when files are read, so that
what is published is whole.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from sequencer.errors import BadContent

FOLDER = "partials"
_INCLUDE = re.compile(r"\[%[-+]?\s*include\b(.*?)[-+]?%\]\s*")
_NAME = re.compile(r"""\s*["']([A-Za-z0-9][A-Za-z0-9._-]*\.md)["']\s*""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a lesson's text, and where it was written."""

    words: str
    file: Path
    number: int


def lines(body: str, path: Path, first: int) -> tuple[Line, ...]:
    """The lines of a lesson's text that begins on line `first`. Raises BadContent with file and line."""
    found: list[Line] = []
    for number, words in enumerate(body.split("\n"), first):
        include = _INCLUDE.fullmatch(words)
        if include is None:
            found.append(Line(words=words, file=path, number=number))
        else:
            found += _taken_in(include[1], path, number)
    return tuple(found)


def _taken_in(written: str, path: Path, number: int) -> list[Line]:
    name = _NAME.fullmatch(written)
    if name is None:
        raise BadContent(f'{path}:{number}: write the name of a file in {FOLDER}/, like [% include "signature.md" %].')
    partial = path.parent / FOLDER / name[1]
    try:
        text = partial.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadContent(f"{path}:{number}: {partial} cannot be read as UTF-8 text: {error}.") from error
    words = text.rstrip("\n").split("\n")
    for at, line in enumerate(words, 1):
        if _INCLUDE.fullmatch(line):
            raise BadContent(f"{partial}:{at}: a partial cannot take in another; take both in where they are needed.")
    return [Line(words=line, file=partial, number=at) for at, line in enumerate(words, 1)]
