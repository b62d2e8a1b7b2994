"""Do the images that lie beside an article come beside its lessons, and is it said where they do not?"""

import shutil
from pathlib import Path

import pytest

from sequencer.content import courses
from sequencer.content.article import source as sources
from sequencer.core.model import Image
from sequencer.flows import author
from sequencer.flows.author import Choices, Report
from sequencer.flows.compare import State

IMAGES = Path(__file__).parents[1] / "data" / "images"
PAGE = """<!doctype html><html lang="en"><head><title>On light</title>{head}</head><body><article><h1>On light</h1>
<h2>One thing</h2><p>The first thing is said here in a whole sentence.</p>{images}
<h2>Another thing</h2><p>The other thing is said there in a whole sentence too.</p></article></body></html>"""
MARKDOWN = "# On light\n\n## One thing\n\nWords are here.\n\n{images}\n\n## Another thing\n\nWords are there.\n"
WHOLE = '<link rel="canonical" href="https://example.org/light/">'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the article lies, with images around it."""
    made = tmp_path / "article"
    (made / "On light_files").mkdir(parents=True)
    for name in ("lamp.png", "On light_files/my lamp (1).png"):
        shutil.copy(IMAGES / "lamp.png", made / name)
    shutil.copy(IMAGES / "lamp.png", tmp_path / "outside.png")
    (made / "drawing.svg").write_text("<svg/>")
    return made


def build(home: Path, name: str, text: str, *, write: bool = True, update: bool = False) -> Report:
    """Build a course of an article of this name, in the folder beside the article's."""
    (home / name).write_text(text, encoding="utf-8")
    article = sources.read((home / name).read_bytes(), name, home)
    choices = Choices(write=write, update=update)
    return author.build(article, home.parent / "course", choices, source=name, beside=home)


def words(home: Path) -> str:
    """What all lessons say."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((home.parent / "course").glob("*.md")))


def images(home: Path) -> list[Image]:
    """The images of the lessons, as they would be published."""
    paths = sorted((home.parent / "course").glob("*.md"))
    return [image for path in paths for image in courses.read_lesson(path).images]


@pytest.mark.parametrize("head", ["", WHOLE])
@pytest.mark.parametrize(
    ("src", "to"),
    [
        ("lamp.png", "lamp.png"),
        ("./On%20light_files/my lamp (1).png", "On%20light_files/my%20lamp%20%281%29.png"),
        ("On light_files\\my lamp (1).png", "On%20light_files/my%20lamp%20%281%29.png"),
    ],
)
def test_an_image_that_was_saved_with_its_page_comes_beside_the_lesson(
    home: Path, head: str, src: str, to: str
) -> None:
    report = build(home, "article.html", PAGE.format(head=head, images=f'<p><img src="{src}" alt="A lamp"></p>'))
    assert f"![A lamp]({to})" in words(home)
    assert report.remarks == ()
    assert [(one.width, one.height) for one in images(home)] == [(320, 200)]
    assert all(place.lesson or place.dropped for place in report.places)


def test_an_image_that_was_not_saved_is_fetched_from_the_pages_own_address(home: Path) -> None:
    report = build(home, "article.html", PAGE.format(head=WHOLE, images='<p><img src="gone.png" alt="A lamp"></p>'))
    assert "![A lamp](https://example.org/light/gone.png)" in words(home)
    assert report.remarks == ()


def test_an_image_that_is_nowhere_is_left_out_and_the_report_says_so(home: Path) -> None:
    shown = "".join(f'<img src="{src}">' for src in ("gone.png", "../outside.png", "drawing.svg", "gone.png", "data:x"))
    report = build(home, "article.html", PAGE.format(head="", images=f"<p>{shown}</p>"))
    (remark,) = report.remarks
    assert remark.startswith("Left out, as no image that a mail can show lies there beside the source: ")
    assert remark.endswith(": gone.png, ../outside.png, drawing.svg.")
    assert "![" not in words(home)


def test_images_of_markdown_stay_in_its_words_and_those_that_are_missing_are_named(home: Path) -> None:
    shown = "![A lamp](lamp.png) ![B](gone.png) ![C](../outside.png)\n\n<p><img src='lamp.png' alt='D'></p>"
    report = build(home, "article.md", MARKDOWN.format(images=shown))
    assert "![A lamp](lamp.png) ![B](gone.png) ![C](../outside.png)" in words(home)
    assert "![D](lamp.png)" in words(home)
    assert (home.parent / "course" / "lamp.png").is_file()
    assert [remark.partition(";")[0] for remark in report.remarks] == [
        "The image gone.png does not lie beside the lesson",
        "The image ../outside.png lies outside the course's folder",
    ]
    # A missing image is no reason not to build again.
    assert {one.state for one in build(home, "article.md", MARKDOWN.format(images=shown)).lessons} == {State.SAME}


def test_looking_copies_nothing(home: Path) -> None:
    report = build(home, "article.md", MARKDOWN.format(images="![A lamp](lamp.png) ![B](gone.png)"), write=False)
    assert len(report.remarks) == 1
    assert not (home.parent / "course").exists()


def test_an_image_that_lies_beside_the_lessons_already_is_never_written_over(home: Path) -> None:
    text, there = MARKDOWN.format(images="![A lamp](lamp.png)"), home.parent / "course" / "lamp.png"
    build(home, "article.md", text)
    shutil.copy(IMAGES / "lamp.jpg", home / "lamp.png")
    report = build(home, "article.md", text, update=True)
    assert report.remarks == (
        "The image lamp.png is another beside the source than beside the lessons, where it stays.",
    )
    assert there.read_bytes() == (IMAGES / "lamp.png").read_bytes()
    # Whoever wants the new one deletes the old one.
    there.unlink()
    assert build(home, "article.md", text).remarks == ()
    assert there.read_bytes() == (IMAGES / "lamp.jpg").read_bytes()
    there.write_bytes(b"no image any more")
    (remark,) = build(home, "article.md", text).remarks
    assert remark.startswith("The image lamp.png is no PNG, JPEG, GIF or WebP by its bytes")
    assert there.read_bytes() == b"no image any more"


def test_what_the_author_wrote_into_a_lesson_counts_too(home: Path) -> None:
    build(home, "article.md", MARKDOWN.format(images="More words."))
    path = next((home.parent / "course").glob("*one-thing.md"))
    path.write_text(path.read_text(encoding="utf-8") + "\n![A lamp](lamp.png)\n", encoding="utf-8")
    assert build(home, "article.md", MARKDOWN.format(images="More words.")).remarks == ()
    assert (home.parent / "course" / "lamp.png").is_file()


def test_an_article_from_a_pipe_has_nothing_beside_it(tmp_path: Path) -> None:
    page = PAGE.format(head="", images='<p><img src="lamp.png"></p>')
    said = [sources.read(text.encode(), "-") for text in (page, MARKDOWN.format(images="![A lamp](lamp.png)"))]
    reports = [
        author.build(article, tmp_path / str(number), Choices(), source="-") for number, article in enumerate(said)
    ]
    assert [report.remarks[0].partition(";")[0] for report in reports] == [
        "Left out, as no image that a mail can show lies there beside the source: lamp.png.",
        "The image lamp.png does not lie beside the lesson",
    ]
