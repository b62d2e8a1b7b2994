"""Which files beside a lesson become its images, how large are they, and which are refused with which words?"""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from house import small_course, small_lesson
from hypothesis import given
from hypothesis import strategies as st

from sequencer.content import courses, imagehead, images
from sequencer.content.imagehead import Head
from sequencer.content.images import Found, Unfit
from sequencer.content.render import compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.core.model import Image, ImageKind
from sequencer.errors import BadContent

FILES = Path(__file__).parents[2] / "data" / "images"
LAMP = (FILES / "lamp.png").read_bytes()
SITE = "https://mail.example.org"
HEAD = '---\nid: one\nsubject: "One"\npreheader: "First"\ntheme: "Theme"\n---\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A course's folder with a lamp in it, and something outside that is none of its business."""
    made = tmp_path / "small"
    (made / "images").mkdir(parents=True)
    (made / "course.toml").write_text('title = "Small"\nsender = "Ann <ann@example.org>"\n', encoding="utf-8")
    for name in ("lamp.png", "my lamp.png", "lämp (1).png", "images/lamp.png"):
        shutil.copy(FILES / "lamp.png", made / name)
    shutil.copy(FILES / "lamp.png", tmp_path / "outside.png")
    return made


def wrong(to: str, folder: Path) -> str:
    """Why an image is refused."""
    found = images.look(to, folder)
    assert isinstance(found, Unfit), found
    return found.sentence


def read(folder: Path, body: str) -> tuple[Image, ...]:
    """The images of a course's only lesson with these words."""
    (folder / "one.md").write_text(f"{HEAD}{body}", encoding="utf-8")
    return courses.read(folder).lessons[0].images


# The first bytes


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        ("lamp.png", "png", (320, 200)),
        ("wide.png", "png", (1200, 800)),
        ("lamp.jpg", "jpg", (64, 48)),
        ("progressive.jpg", "jpg", (64, 48)),
        ("turned.jpg", "jpg", (48, 64)),  # a camera held upright
        ("lamp.gif", "gif", (64, 48)),
        ("lossy.webp", "webp", (64, 48)),
        ("lossless.webp", "webp", (64, 48)),
        ("extended.webp", "webp", (64, 48)),
    ],
)
def test_kind_and_size_stand_in_the_first_bytes(name: str, kind: str, size: tuple[int, int]) -> None:
    assert imagehead.read((FILES / name).read_bytes()) == Head(kind=ImageKind(kind), width=size[0], height=size[1])


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.iterdir()))
def test_an_image_that_breaks_off_is_none_or_has_its_size_already(name: str) -> None:
    whole = (FILES / name).read_bytes()
    head = imagehead.read(whole)
    assert {imagehead.read(whole[:length]) for length in range(len(whole))} == {None, head}


BEGINNINGS = [
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"GIF89a",
    b"RIFF....WEBPVP8 ",
    b"RIFF....WEBPVP8X",
    b"RIFF....WEBPABCD",
]
EXIF = b"\xff\xd8\xff\xe1\0\x40Exif\0\0MM\0*\0\0\0\x08\xff\xff"


@given(begin=st.sampled_from([*BEGINNINGS, b"\xff\xd8\xff", b"\xff\xd8\xff\xff\xd0\xff\xc0", EXIF]), rest=st.binary())
def test_no_bytes_whatever_do_any_harm(begin: bytes, rest: bytes) -> None:
    found = imagehead.read(begin + rest)
    assert found is None or (found.width > 0 and found.height > 0)


def test_a_photograph_is_read_past_what_its_camera_wrote_before_it() -> None:
    frame = b"\xff\xc2\0\x0b\x08\0\x30\0\x40"
    assert imagehead.read(b"\xff\xd8\xff\xd0\xff\xff\xfe\0\x04hi" + frame) == Head(
        kind=ImageKind.JPEG, width=64, height=48
    )
    # Exif in the other order of bytes, and Exif that says nothing of turning.
    for order, turned in (
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0", True),
        (b"MM\0*\0\0\0\x08\0\0", False),
    ):
        segment = b"Exif\0\0" + order
        head = imagehead.read(b"\xff\xd8\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + frame)
        assert head is not None
        assert (head.width < head.height) is turned


# The files


@pytest.mark.parametrize(
    "written",
    [
        "![A lamp](lamp.png)",
        '![A lamp](lamp.png "caption")',
        "![A lamp](./lamp.png)",
        "![A lamp](images/../lamp.png)",
        "![A lamp](my%20lamp.png)",
        "![A lamp](<my lamp.png>)",
        "![A lamp](images/lamp.png)",
        "![A lamp](images\\lamp.png)",
        "![A lamp](<lämp (1).png>)",
        "![A lamp](l%C3%A4mp%20%281%29.png)",
        "see ![A lamp](lamp.png) here",
        "- ![A lamp](lamp.png)",
        "[![A lamp](lamp.png)](https://example.org)",
        "![A lamp][lamp]\n\n[lamp]: lamp.png",
        "::: tip\n![A lamp](lamp.png)\n:::",
        "{% if subscriber.name %}\n\n![{{ subscriber.name }}](lamp.png)\n\n{% endif %}",
    ],
)
def test_an_image_beside_the_lesson_is_found_however_its_name_is_written(folder: Path, written: str) -> None:
    (found,) = read(folder, f"{written}\n")
    assert (found.digest, found.kind) == (hashlib.sha256(LAMP).hexdigest(), ImageKind.PNG)
    assert (found.width, found.height) == (320, 200)
    course = courses.read(folder)
    html = compile_lesson(course, 0, templates=Templates(), postal_address="1 Street", base_url=SITE)
    assert f'src="{SITE}/i/{found.digest}.png"' in html.fill(sample_person()).html


@pytest.mark.parametrize(
    "written",
    [
        "![A lamp](https://example.org/lamp.png)",
        "![A lamp](//example.org/lamp.png)",
        "![A lamp]({{ course.site }}/lamp.png)",
        "![A lamp]()",
        "`![A lamp](nowhere.png)`",
        "{# ![A lamp](nowhere.png) #}",
        "    ![A lamp](nowhere.png)",
        "[A lamp](nowhere.html)",
        "![A lamp](data:image/png;base64,AAAA)",
    ],
)
def test_what_is_no_file_is_left_as_it_is(folder: Path, written: str) -> None:
    assert read(folder, f"Words.\n\n{written}\n") == ()


def test_the_kind_is_that_of_the_bytes_not_of_the_name(folder: Path) -> None:
    shutil.copy(FILES / "lamp.jpg", folder / "photo.png")
    (found,) = read(folder, "![A lamp](photo.png)\n")
    assert found.path == f"/i/{found.digest}.jpg"


def test_an_image_that_is_shown_twice_is_one_image(folder: Path) -> None:
    assert len(read(folder, "![A](lamp.png) ![B](lamp.png) ![C](images/lamp.png)\n")) == 2


def test_a_partial_names_images_from_the_courses_folder_on(folder: Path) -> None:
    (folder / "partials").mkdir()
    (folder / "partials" / "end.md").write_text("Bye\n\n![A lamp](lamp.png)\n\n![B](gone.png)\n", encoding="utf-8")
    with pytest.raises(BadContent, match=r"partials/end\.md:5: the image gone\.png does not lie beside the lesson"):
        read(folder, 'Words.\n\n[% include "end.md" %]\n')


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("gone.png", "gone.png does not lie beside the lesson; put it there, or write an address that begins with"),
        ("images", "images is a folder; name a file in it."),
        ("../outside.png", "../outside.png lies outside the course's folder; put it inside."),
        ("..%2F..%2Fetc/passwd", "../../etc/passwd lies outside the course's folder"),
        ("..%5Coutside.png", "../outside.png lies outside the course's folder"),
        ("/etc/passwd", "/etc/passwd is a place on your machine; put it into the course's folder."),
        ("C:%5Clamp.png", "C:/lamp.png is a place on your machine"),
        ("link.png", "link.png lies outside the course's folder"),
        ("loop.png", "loop.png cannot be read: "),
        ("n" * 300 + ".png", "n.png cannot be read: File name too long."),
        ("lamp%00.png", "'lamp\\x00.png' cannot be a file's name"),
        (f"{images.MARK}.png", "cannot be a file's name; write it out, without marks."),
        ("course.toml", "course.toml is no PNG, JPEG, GIF or WebP by its bytes; save it as one."),
        ("empty.png", "empty.png is no PNG, JPEG, GIF or WebP by its bytes"),
        ("broken.png", "broken.png is no PNG, JPEG, GIF or WebP by its bytes"),
        ("drawing.svg", "drawing.svg is an SVG, which mails do not show and which may hold scripts; save it as a PNG."),
        ("sly.png", "sly.png is an SVG"),
        ("huge.png", "huge.png weighs more than 5 MB; make it smaller."),
    ],
)
def test_a_file_that_cannot_be_shown_is_refused_with_its_reason(folder: Path, to: str, sentence: str) -> None:
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "empty.png").write_bytes(b"")
    (folder / "broken.png").write_bytes(LAMP[:20])
    (folder / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "sly.png").write_text("<?xml version='1.0'?>\n<SVG><script>alert(1)</script></SVG>")
    (folder / "huge.png").write_bytes(LAMP + b"\0" * images.MOST)
    assert sentence in wrong(to, folder)


def test_a_link_that_stays_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "link.png").symlink_to(folder / "lamp.png")
    assert isinstance(images.look("link.png", folder), Found)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("![A lamp](my lamp.png)", "my lamp.png"),
        ('![A *lamp*](my lamp.png "caption")', "my lamp.png"),
        ("![A lamp](lamp (1) copy.JPG)", "lamp (1) copy.JPG"),
        ("![A lamp](file:///home/ann/lamp.png)", "file:///home/ann/lamp.png"),
    ],
)
def test_an_image_that_markdown_reads_as_words_is_refused(folder: Path, written: str, name: str) -> None:
    with pytest.raises(BadContent) as caught:
        read(folder, f"Words\nand {written}\n")
    said = f"{folder}/one.md:8: the image {name} is read as words; put < and > around a name that holds spaces."
    assert str(caught.value) == said


# In the mail


def shown(body: str, *found: Image) -> str:
    """The HTML of a lesson that has these images."""
    course = replace(small_course(), lessons=(small_lesson(1, body=body, images=found),))
    compiled = compile_lesson(course, 0, templates=Templates(), postal_address="1 Street", base_url=SITE)
    return compiled.fill(sample_person()).html


def image(width: int, height: int) -> Image:
    return Image(to="a.png", digest="0" * 64, kind=ImageKind.PNG, width=width, height=height)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((1088, 500), 'width="544" height="250" style="display:block;width:100%;max-width:100%;height:auto;border:0"'),
        ((544, 1), 'width="544" height="1" style="display:block;width:100%;'),
        ((10_000, 2), 'width="544" height="1" style="display:block;width:100%;'),
        ((300, 900), 'width="300" height="900" style="display:block;max-width:100%;height:auto;border:0"'),
    ],
)
def test_an_image_has_its_proportions_and_is_neither_wider_than_the_words_nor_blown_up(
    size: tuple[int, int], said: str
) -> None:
    html = shown('![A "lamp"](a.png "Cap & tion")\n', image(*size))
    assert f'<img src="{SITE}/i/{"0" * 64}.png" alt="A &quot;lamp&quot;" {said}' in html
    assert ">Cap &amp; tion</span>" in html


def test_an_image_among_words_has_its_size_too() -> None:
    html = shown("see ![it](a.png) here\n", image(40, 20))
    assert 'width="40" height="20" style="max-width:100%;height:auto;border:0"' in html


def test_what_was_published_before_images_were_kept_goes_out_as_it_did() -> None:
    assert 'src="a.png" alt="it" width="544" style=' in shown("![it](a.png)\n")
