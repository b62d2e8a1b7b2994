"""How do images come beside lessons, and from there to readers? Kept by what is in them, before anything names them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sequencer.content import built
from sequencer.content import images as files
from sequencer.content.images import Found, Unfit
from sequencer.core.model import Course, ImageKind, Lesson
from sequencer.errors import BadContent, NotFound
from sequencer.store import images
from sequencer.store.database import Database, Transaction

_NAME = re.compile(rf"([0-9a-f]{{64}})\.({'|'.join(ImageKind)})")


def keep(db: Database, lessons: Iterable[Lesson], folder: Path) -> None:
    """Put the images of these lessons, whose files lie in `folder`, where our site shows them.

    Harmless and idempotent: what nobody names is seen by nobody. Raises BadContent for a file that was changed since
    the lessons were read.
    """
    wanted = {image.digest: (lesson, image) for lesson in lessons for image in lesson.images}
    with db.read() as tx:
        there = images.kept(tx, wanted)
    for digest, (lesson, image) in wanted.items():
        if digest in there:
            continue
        found = files.look(image.to, folder)
        if isinstance(found, Unfit) or found.image != image:
            name = files.file_name(image.to)
            raise BadContent(
                f"{lesson.source}: the image {name} was changed while it was published; run this once more."
            )
        with db.begin() as tx:
            images.keep(tx, image, found.content)


def insist(tx: Transaction, course: Course) -> None:
    """Raises BadContent for a lesson with an image that is not kept: nothing is published that could not be seen."""
    wanted = {image.digest: (lesson, image) for lesson in course.lessons for image in lesson.images}
    missing = set(wanted) - images.kept(tx, wanted)
    for digest, (lesson, image) in wanted.items():
        if digest in missing:
            name = files.file_name(image.to)
            raise BadContent(
                f"{lesson.source}: the image {name} is not in the database; publish the course from its files."
            )


def show(db: Database, name: str) -> tuple[str, bytes]:
    """The media type and the bytes of the image that our site calls so. Raises NotFound."""
    asked = _NAME.fullmatch(name)
    if asked is not None:
        kind = ImageKind(asked[2])
        with db.read() as tx:
            content = images.content(tx, asked[1], kind)
        if content is not None:
            return kind.media_type, content
    raise NotFound("There is no such image here.")


def beside(lessons: Sequence[Lesson], name: str, folder: Path) -> tuple[str, bytes]:
    """The same for an image that is not published yet, from its file. Raises NotFound."""
    for image in (image for lesson in lessons for image in lesson.images if image.path.endswith(f"/{name}")):
        found = files.look(image.to, folder)
        if not isinstance(found, Unfit):
            return found.image.kind.media_type, found.content
    raise NotFound("There is no such image here.")


def bring(texts: Iterable[str], source: Path | None, folder: Path, *, write: bool) -> tuple[str, ...]:
    """Copy the images that these lessons name from beside their article to beside them; what is to be said of them.

    A file that lies there already stays as it is. Without `write` it is only said.
    """
    remarks: list[str] = []
    for to in dict.fromkeys(one.to for text in texts for one in files.local(text)):
        name, mine = files.file_name(to), files.look(to, folder)
        theirs = files.look(to, source) if source is not None else mine
        if isinstance(mine, Found):
            if isinstance(theirs, Found) and theirs.image != mine.image:
                remarks.append(
                    f"the image {name} is another beside the source than beside the lessons, where it stays."
                )
        elif isinstance(theirs, Unfit):
            remarks.append(theirs.sentence)
        elif not _is_free(folder, name):
            remarks.append(mine.sentence)
        elif write:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            built.put_bytes(folder / name, theirs.content)
    return tuple(remark[:1].upper() + remark[1:] for remark in remarks)


def _is_free(folder: Path, name: str) -> bool:
    path = (folder / name).resolve()
    return path.is_relative_to(folder.resolve()) and not path.exists()
