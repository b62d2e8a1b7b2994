"""How does a course begin otherwise? Empty, with one lesson that explains itself, or as another program's sequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sequencer.content import built, convert, courses, manuscript, skeletons
from sequencer.content.article import themes
from sequencer.content.exports import Mail
from sequencer.content.manuscript import Cover, Manuscript
from sequencer.errors import BadRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A lesson that came from another program. `marks` are that program's, and stand in the text as words."""

    key: str
    file: str
    subject: str
    gap: str
    words: int
    marks: tuple[str, ...]


def begin(folder: Path, title: str) -> Path:
    """A course of one lesson in `folder`; the lesson's path. Raises BadRequest where something is there already."""
    _refuse_existing(folder)
    folder.mkdir(parents=True, exist_ok=True)
    built.put(folder / courses.COURSE_FILE, manuscript.course_text(Cover(title=title)))
    path = folder / manuscript.file_name("01", "first")
    built.put(path, skeletons.LESSON)
    return path


def bring(mails: Sequence[Mail], folder: Path, title: str) -> tuple[Brought, ...]:
    """Another program's sequence as a course in `folder`. Raises BadRequest where something is there already."""
    _refuse_existing(folder)
    keys: list[str] = []
    for mail in mails:
        keys.append(themes.unique(themes.slug(mail.subject), keys))
    names = [manuscript.file_name(number, key) for number, key in zip(_numbers(len(mails)), keys, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for mail, key, name in zip(mails, keys, names, strict=True):
        built.put(folder / name, manuscript.lesson_text(_lesson(mail, key)))
        words = len(convert.words(mail.body).split())
        made.append(Brought(key=key, file=name, subject=mail.subject, gap=mail.gap, words=words, marks=mail.marks))
    built.put(folder / courses.COURSE_FILE, manuscript.course_text(Cover(title=title)))
    return tuple(made)


def _lesson(mail: Mail, key: str) -> Manuscript:
    return Manuscript(
        key=key,
        subject=mail.subject or key,
        preheader=mail.preheader or manuscript.preheader(mail.body) or mail.subject or key,
        theme=mail.subject or key,
        body=mail.body if mail.body.strip() else mail.subject,
        gap=mail.gap,
    )


def _numbers(count: int) -> list[str]:
    return manuscript.numbers([None] * count)


def _refuse_existing(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadRequest(f"{folder} is there already; name another folder with --into, or move it away.")
