"""Do the images beside lessons come to their readers, stay as they were published, and can nothing be half there?"""

import hashlib
import shutil
from pathlib import Path

import pytest
from house import EIGHT, NOW, House, unfolded

from sequencer.content import courses as files
from sequencer.core.edits import Change
from sequencer.core.model import Course, Revision
from sequencer.errors import BadContent, NotFound
from sequencer.flows import course as course_flow
from sequencer.flows import edits, images
from sequencer.store import images as store

IMAGES = Path(__file__).parents[1] / "data" / "images"
ANN = "ann@example.org"
LESSON = """---
id: {key}
subject: "Subject {key}"
preheader: "Preheader {key}"
theme: "Theme {key}"
---

Words of {key}.

![A lamp](lamp.png "By night")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A course of two lessons that show one image."""
    made = tmp_path / "courses" / "small"
    made.mkdir(parents=True)
    (made / "course.toml").write_text('title = "Small"\nsender = "Ann <ann@example.org>"\n')
    for number, key in enumerate(("one", "two"), 1):
        (made / f"{number:02}.md").write_text(LESSON.format(key=key))
    put(made, "lamp.png")
    return made


def put(folder: Path, image: str) -> str:
    """Lay an image beside the lessons; its digest."""
    shutil.copy(IMAGES / image, folder / "lamp.png")
    return hashlib.sha256((IMAGES / image).read_bytes()).hexdigest()


def publish(house: House, course: Course, folder: Path | None = None) -> Revision | None:
    return course_flow.publish(
        house.db, course, house.templates, postal_address="1 Example Street", now=NOW, folder=folder
    )


def kept(house: House, *digests: str) -> int:
    """How many of these are in the database."""
    with house.db.read() as tx:
        return len(store.kept(tx, digests))


def test_a_lesson_names_its_image_by_our_address_and_we_show_it(house: House, folder: Path) -> None:
    digest = put(folder, "lamp.png")
    publish(house, files.read(folder), folder)
    house.join(ANN)
    house.tick(EIGHT)
    mail = unfolded(house.courier.sent[-1].content)
    assert f'<img src="https://mail.example.org/i/{digest}.png" alt="A lamp" width="320" height="200"' in mail
    assert "[A lamp]\r\nBy night" in mail
    assert images.show(house.db, f"{digest}.png") == ("image/png", (folder / "lamp.png").read_bytes())


@pytest.mark.parametrize("name", ["{}.jpg", "{}", "{}.PNG", "x{}.png", "{}.png\n", "../{}.png", ""])
def test_an_image_is_shown_by_its_whole_name_alone(house: House, folder: Path, name: str) -> None:
    publish(house, files.read(folder), folder)
    with pytest.raises(NotFound, match=r"There is no such image here\."):
        images.show(house.db, name.format(put(folder, "lamp.png")))


def test_another_image_under_the_same_name_is_another_revision_and_the_first_stays(house: House, folder: Path) -> None:
    old = put(folder, "lamp.png")
    publish(house, files.read(folder), folder)
    assert publish(house, files.read(folder), folder) is None
    new = put(folder, "lamp.jpg")
    seen = edits.foresee(house.db, files.read(folder), now=NOW)
    assert [(one.change, one.key) for one in seen.edits] == [(Change.IMAGES, "one"), (Change.IMAGES, "two")]
    assert kept(house, new) == 0
    second = publish(house, files.read(folder), folder)
    assert second is not None
    assert second.number == 2
    assert kept(house, old, new) == 2
    assert images.show(house.db, f"{old}.png")[1] == (IMAGES / "lamp.png").read_bytes()


def test_a_rollback_shows_the_earlier_image_without_its_file(house: House, folder: Path) -> None:
    old = put(folder, "lamp.png")
    publish(house, files.read(folder), folder)
    put(folder, "lamp.jpg")
    publish(house, files.read(folder), folder)
    shutil.rmtree(folder)
    third = course_flow.rollback(house.db, "small", 1, house.templates, postal_address="1 Example Street", now=NOW)
    assert third is not None
    assert {one.digest for lesson in third.course.lessons for one in lesson.images} == {old}
    house.join(ANN)
    house.tick(EIGHT)
    assert f"/i/{old}.png" in unfolded(house.courier.sent[-1].content)


def test_an_image_that_changes_while_it_is_published_publishes_nothing(house: House, folder: Path) -> None:
    course = files.read(folder)
    put(folder, "lamp.jpg")
    with pytest.raises(
        BadContent, match=r"small/02\.md: the image lamp\.png was changed while it was published; run this once"
    ):
        publish(house, course, folder)
    (folder / "lamp.png").unlink()
    with pytest.raises(BadContent, match=r"lamp\.png was changed while it was published"):
        publish(house, course, folder)
    with pytest.raises(NotFound):
        course_flow.published(house.db, "small")


def test_nothing_is_published_whose_images_nobody_could_see(house: House, folder: Path) -> None:
    course = files.read(folder)
    with pytest.raises(BadContent, match=r"lamp\.png is not in the database; publish the course from its files\."):
        publish(house, course)
    with pytest.raises(NotFound):
        course_flow.published(house.db, "small")
    # Whoever kept them and was stopped then publishes as if nothing had been.
    images.keep(house.db, course.lessons, folder)
    assert publish(house, course) is not None


def test_images_that_are_there_already_are_not_read_again(house: House, folder: Path) -> None:
    course = files.read(folder)
    images.keep(house.db, course.lessons, folder)
    (folder / "lamp.png").unlink()
    images.keep(house.db, course.lessons, folder)


def test_a_missing_image_stops_a_course_from_being_published_at_the_start(house: House, folder: Path) -> None:
    (folder / "lamp.png").unlink()
    with pytest.raises(BadContent, match=r"01\.md:10: the image lamp\.png does not lie beside the lesson"):
        course_flow.publish_new(house.db, folder.parent, house.templates, postal_address="1 Example Street", now=NOW)


def test_a_course_that_never_was_is_published_at_the_start_with_its_images(house: House, folder: Path) -> None:
    course_flow.publish_new(house.db, folder.parent, house.templates, postal_address="1 Example Street", now=NOW)
    assert kept(house, put(folder, "lamp.png")) == 1


def test_the_catalogue_sees_another_image_as_a_change(house: House, folder: Path) -> None:
    publish(house, files.read(folder), folder)
    assert not course_flow.catalogue(house.db, folder.parent)[0].changed
    put(folder, "lamp.jpg")
    assert course_flow.catalogue(house.db, folder.parent)[0].changed
