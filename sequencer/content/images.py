"""Which images does a lesson show from its course's own files, and which of them can nobody be shown?"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from sequencer.content import imagehead, markdown, marks
from sequencer.content.markdown import Address
from sequencer.core.model import Image, Lesson

MOST = 5_000_000  # bytes
MARK = "mark-of-a-person"  # what stands in an address for what is filled in later
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
_ABSOLUTE = re.compile(r"/|[a-z]:", re.IGNORECASE)
_BESIDE = "put it there, or write an address that begins with https://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image that can be shown, and its bytes."""

    image: Image
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Why an image cannot be shown."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A place in a lesson's text, on `line` of it as a whole, that shows a file."""

    line: int
    to: str
    what: Found | Unfit


def is_local(to: str) -> bool:
    """Whether an image's address means a file beside the lesson."""
    return bool(to) and not to.startswith(("//", MARK)) and not _SCHEME.match(to)


def shown(lesson: Lesson, folder: Path) -> Iterator[Shown]:
    """Every place at which the lesson shows a file of its course's `folder`, in order."""
    if "![" not in lesson.body:
        return
    source = marks.blank(lesson.body, MARK)
    for one in local(source, lesson.line):
        yield Shown(line=one.line, to=one.to, what=look(one.to, folder))
    for line, name in markdown.unread_images(source, lesson.line):
        sentence = f"the image {name} is read as words; put < and > around a name that holds spaces."
        yield Shown(line=line, to=name, what=Unfit(sentence=sentence))


def local(source: str, line: int = 1) -> tuple[Address, ...]:
    """The images of a Markdown source that begins on line `line` whose addresses mean a file beside it."""
    return tuple(one for one in markdown.addresses(source, line) if one.is_image and is_local(one.to))


def fit(places: Iterable[Shown]) -> tuple[Image, ...]:
    """The images among these that can be shown, each once."""
    return tuple({one.to: one.what.image for one in places if isinstance(one.what, Found)}.values())


def look(to: str, folder: Path) -> Found | Unfit:
    """The image that lies at the address `to`, as seen from `folder`, which it must not leave."""
    name = file_name(to)
    if MARK in name or not name.isprintable():
        said = name.replace(MARK, "{{ … }}")
        return Unfit(sentence=f"the image {said!r} cannot be a file's name; write it out, without marks.")
    if _ABSOLUTE.match(name):
        return Unfit(sentence=f"the image {name} is a place on your machine; put it into the course's folder.")
    try:
        path, home = (folder / name).resolve(), folder.resolve()
        if not path.is_relative_to(home):
            return Unfit(sentence=f"the image {name} lies outside the course's folder; put it inside.")
        return _read(to, name, path)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else ""
        return Unfit(sentence=f"the image {name} cannot be read: {reason or error}.")


def file_name(to: str) -> str:
    """The name of the file that an address means: without percent-encoding, and as other systems than Windows write."""
    return unquote(to).replace("\\", "/")


def _read(to: str, name: str, path: Path) -> Found | Unfit:
    if path.is_dir():
        return Unfit(sentence=f"the image {name} is a folder; name a file in it.")
    if not path.is_file():
        return Unfit(sentence=f"the image {name} does not lie beside the lesson; {_BESIDE}.")
    with path.open("rb") as file:
        return _judged(to, name, file.read(MOST + 1))


def _judged(to: str, name: str, content: bytes) -> Found | Unfit:
    if len(content) > MOST:
        return Unfit(sentence=f"the image {name} weighs more than {MOST // 1_000_000} MB; make it smaller.")
    head = imagehead.read(content)
    if head is None and (name.lower().endswith((".svg", ".svgz")) or b"<svg" in content[:1000].lower()):
        sentence = f"the image {name} is an SVG, which mails do not show and which may hold scripts; save it as a PNG."
        return Unfit(sentence=sentence)
    if head is None:
        return Unfit(sentence=f"the image {name} is no PNG, JPEG, GIF or WebP by its bytes; save it as one.")
    digest = hashlib.sha256(content).hexdigest()
    image = Image(to=to, digest=digest, kind=head.kind, width=head.width, height=head.height)
    return Found(image=image, content=content)
