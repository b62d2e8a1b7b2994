"""What do we remember of a course that was built from an article? One file beside the lessons, `.build.json`.

{"format": 1, "source": "article.html", "level": null, "merge": [], "split": [],
 "lessons": {"the-id": {"heading": "…", "source": ["hash of a paragraph", …], "written": "the file as we wrote it"}}}

`merge` and `split` are the author's choices and hold for every later build; they may be edited by hand. `written` is
what an author's own edits are told from. Without this file the course works just the same, and cannot be built again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from sequencer.errors import BadContent

FILE = ".build.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One lesson as it was last written: from which heading and paragraphs, and the file's text."""

    heading: str
    source: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the last build left behind."""

    source: str = ""
    level: int | None = None
    merge: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    lessons: Mapping[str, Written] = field(default_factory=lambda: MappingProxyType({}))


def hashes(paragraphs: Iterable[str]) -> tuple[str, ...]:
    """A short name for what each paragraph says, white space aside."""
    return tuple(hashlib.sha256(" ".join(one.split()).encode()).hexdigest()[:16] for one in paragraphs)


def recall(folder: Path) -> Memory | None:
    """What is remembered of the course in `folder`; None where it was not built. Raises BadContent with the path."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        if given["format"] != _FORMAT:
            raise BadContent(f"{path}: this was written by a newer version; build the course with that one.")
        return Memory(
            source=str(given["source"]),
            level=given["level"],
            merge=tuple(map(str, given["merge"])),
            split=tuple(map(str, given["split"])),
            lessons=MappingProxyType({key: _written(one) for key, one in given["lessons"].items()}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadContent(f"{path}: this cannot be read; bring it back from a backup, or build elsewhere.") from error


def remember(folder: Path, memory: Memory) -> None:
    """Write what a later build needs; the file changes at once or not at all."""
    given = {
        "format": _FORMAT,
        "source": memory.source,
        "level": memory.level,
        "merge": list(memory.merge),
        "split": list(memory.split),
        "lessons": {
            key: {"heading": one.heading, "source": list(one.source), "written": one.text}
            for key, one in memory.lessons.items()
        },
    }
    text = json.dumps(given, ensure_ascii=False, indent=1) + "\n"
    if not (folder / FILE).exists() or (folder / FILE).read_text(encoding="utf-8") != text:
        put(folder / FILE, text)


def put(path: Path, text: str) -> None:
    """A file's new text, put in place in one move. Raises BadContent where the folder cannot be written."""
    put_bytes(path, text.encode())


def put_bytes(path: Path, content: bytes) -> None:
    """The same for a file that is no text."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)  # noqa: PTH105 (atomic, and as well known)
    except OSError as error:
        raise BadContent(f"{path}: the file cannot be written ({error.strerror}).") from error


def _written(given: Mapping[str, object]) -> Written:
    source = given["source"]
    if not isinstance(source, list):
        raise TypeError
    return Written(heading=str(given["heading"]), source=tuple(map(str, source)), text=str(given["written"]))
