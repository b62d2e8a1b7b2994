"""What is an article made of? Paragraphs in order, some of which are headings and some of which are left out."""

from dataclasses import dataclass

READING_SPEED = 200  # words a minute: what people read of running text on a screen, with some calm


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A stretch of the source. Joined in order, the `raw` of all are the source, white space aside.

    `markdown` is how a lesson says it. `level` is a heading's, 1 to 6, and 0 for text. `dropped` says why it is in no
    lesson, and is empty where it is in one.
    """

    raw: str
    markdown: str
    level: int = 0
    dropped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A source as it was read. What is not known is empty; `remarks` are sentences for the author."""

    title: str
    author: str = ""
    brand: str = ""
    language: str = ""
    site: str = ""
    paragraphs: tuple[Paragraph, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """What becomes one lesson: paragraphs `begin` to `end` of the article, `end` not included.

    `key` is the lesson's id. `text` leaves out the heading itself and what was dropped on the way.
    """

    key: str
    heading: str
    begin: int
    end: int
    text: tuple[Paragraph, ...]
    words: int

    @property
    def minutes(self) -> float:
        """How long it takes to read."""
        return self.words / READING_SPEED
