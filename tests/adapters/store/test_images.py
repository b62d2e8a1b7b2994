"""Are images kept as they came, once each, on both databases?"""

import hashlib
from dataclasses import replace

from house import NOW, small_course, small_lesson

from sequencer.core.model import Image, ImageKind
from sequencer.store import courses, images
from sequencer.store.database import Database

EVERY_BYTE = bytes(range(256)) * 100


def image(content: bytes, to: str = "lamp.png") -> Image:
    return Image(to=to, digest=hashlib.sha256(content).hexdigest(), kind=ImageKind.WEBP, width=300, height=200)


def test_an_image_comes_back_byte_for_byte_and_twice_is_once(db: Database) -> None:
    one, other = image(EVERY_BYTE), image(b"other")
    with db.begin() as tx:
        assert images.kept(tx, [one.digest]) == frozenset()
        images.keep(tx, one, EVERY_BYTE)
        images.keep(tx, one, EVERY_BYTE)
        images.keep(tx, other, b"other")
    with db.read() as tx:
        assert images.kept(tx, [one.digest, other.digest, "0" * 64]) == {one.digest, other.digest}
        assert images.kept(tx, []) == frozenset()
        assert images.content(tx, one.digest, ImageKind.WEBP) == EVERY_BYTE
        assert images.content(tx, one.digest, ImageKind.PNG) is None
        assert images.content(tx, "0" * 64, ImageKind.WEBP) is None


def test_a_revision_remembers_the_images_of_its_lessons(db: Database) -> None:
    shown = small_lesson(2, images=(image(b"a"), image(b"b", "b.png")))
    course = replace(small_course(), lessons=(small_lesson(1), shown))
    with db.begin() as tx:
        courses.publish(tx, course, now=NOW)
    with db.read() as tx:
        (found,) = courses.history(tx, course.slug)
    assert found.course == course


def test_another_image_is_another_revision() -> None:
    before, after = (
        replace(small_course(), lessons=(small_lesson(1, images=(image(content),)),)) for content in (b"a", b"b")
    )
    assert courses.digest(before) != courses.digest(after)
