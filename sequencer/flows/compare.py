"""What has become of each lesson since the last build? The source, what we wrote, and what the author made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from sequencer.content import built, courses, manuscript, threeway
from sequencer.content.article import shape
from sequencer.content.article.parts import Theme
from sequencer.content.built import Memory, Written
from sequencer.content.manuscript import Manuscript

_FENCE = "\n---\n"
_ALIKE = 0.5  # a theme under a new heading is the old one where half of its paragraphs are


class State(StrEnum):
    """Where a lesson stands. Only `new` is written unasked; `changed` and `both` wait for the author's word."""

    NEW = "new"
    SAME = "unchanged"
    EDITED = "edited by you"
    CHANGED = "source changed"
    BOTH = "both changed, in different places"
    CLASH = "both changed, in one place"
    LEFT_OUT = "left out by you"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One theme beside its lesson. `text` is what the source makes of it now, `merged` what both sides make of it.

    `path` is the file it has, None where it has none yet. `yours` and `theirs` are diffs against what we last wrote.
    """

    key: str
    theme: Theme
    manuscript: Manuscript
    source: tuple[str, ...]
    text: str
    state: State
    path: Path | None = None
    merged: str = ""
    yours: str = ""
    theirs: str = ""


def entries(themes: Sequence[Theme], memory: Memory, folder: Path) -> tuple[Entry, ...]:
    """Each theme with its state, in the order of the source. Raises BadContent for a lesson that cannot be read."""
    files = _files(folder)
    return tuple(_entry(theme, memory.lessons.get(theme.key), files.get(theme.key)) for theme in themes)


def gone(themes: Sequence[Theme], memory: Memory, folder: Path) -> tuple[Path, ...]:
    """The files of lessons that were built from the source, and that no theme of it leads to any more."""
    files, there = _files(folder), {theme.key for theme in themes}
    return tuple(files[key] for key in memory.lessons if key not in there and key in files)


def named(themes: Sequence[Theme], memory: Memory) -> list[Theme]:
    """The themes under the ids they had before: known by their heading, or by the paragraphs below a new one."""
    taken = {theme.key for theme in themes if theme.key in memory.lessons}
    made = []
    for theme in themes:
        mine = set(source_of(theme)[1:])
        free = [key for key in memory.lessons if key not in taken]
        best = max(free, key=lambda key: len(mine & set(memory.lessons[key].source[1:])), default=None)
        if theme.key in taken or best is None or len(mine & set(memory.lessons[best].source[1:])) < _ALIKE * len(mine):
            made.append(theme)
            continue
        taken.add(best)
        made.append(replace(theme, key=best))
    return made


def source_of(theme: Theme) -> tuple[str, ...]:
    """The hashes of a theme's heading and of its paragraphs."""
    return built.hashes([theme.heading, *(one.markdown for one in theme.text)])


def _files(folder: Path) -> Mapping[str, Path]:
    return {courses.read_words(path).key: path for path in sorted(folder.glob("*.md"))}


def _entry(theme: Theme, last: Written | None, path: Path | None) -> Entry:
    body = shape.body(theme)
    made = Manuscript(
        key=theme.key,
        subject=manuscript.subject(theme.heading),
        preheader=manuscript.preheader("\n\n".join(one.markdown for one in theme.text if not one.level)),
        theme=theme.heading,
        body=body,
    )
    text = manuscript.lesson_text(made)
    there = path.read_text(encoding="utf-8-sig") if path else ""
    source = source_of(theme)
    state, merged = _state(text, there, last, changed=last is None or last.source != source)
    shown = state in (State.CHANGED, State.BOTH, State.CLASH)
    base = last.text if last else ""
    name = path.name if path else theme.key
    return Entry(
        key=theme.key,
        theme=theme,
        manuscript=made,
        source=source,
        text=text,
        state=state,
        path=path,
        merged=merged,
        yours=_diff(base, there, name, "yours") if shown and there != base else "",
        theirs=_diff(base, text, name, "source") if shown else "",
    )


def _state(text: str, there: str, last: Written | None, *, changed: bool) -> tuple[State, str]:
    """Three texts: what we wrote (`last`), what the author has (`there`), and what the source says now (`text`)."""
    if not there:
        return (State.LEFT_OUT if last else State.NEW), ""
    if there == text:
        return State.SAME, ""
    if last is None:
        return State.CLASH, ""  # the author's own lesson has this very id
    if not changed:
        return (State.SAME if there == last.text else State.EDITED), ""
    if there == last.text:
        return State.CHANGED, text
    merged = _merged(last.text, there, text)
    return (State.BOTH, merged) if merged else (State.CLASH, "")


def _merged(base: str, mine: str, theirs: str) -> str | None:
    """Both edits of a lesson. In its front matter the author's word stands: the source only ever proposed."""
    (front, _, body), (my_front, mark, my_body), (their_front, _, their_body) = (
        text.partition(_FENCE) for text in (base, mine, theirs)
    )
    merged = threeway.merge(body, my_body, their_body)
    was, proposed = _fields(front), _fields(their_front)
    lines = [
        proposed.get(_field(line), line) if was.get(_field(line)) == line else line for line in my_front.split("\n")
    ]
    return None if merged is None else "\n".join(lines) + mark + merged


def _fields(front: str) -> Mapping[str, str]:
    return {_field(line): line for line in front.split("\n")}


def _field(line: str) -> str:
    return line.partition(":")[0]


def _diff(before: str, after: str, name: str, side: str) -> str:
    return threeway.difference(before, after, before_name=f"{name} (as built)", after_name=f"{name} ({side})")
