"""Which themes does an article have? Its headings of one level, each with what stands below it."""

import re
import unicodedata
from collections.abc import Sequence

from sequencer.content import convert
from sequencer.content.article.parts import Article, Paragraph, Theme
from sequencer.errors import BadRequest

_LONGEST_KEY = 44
_HANGING = re.compile(r"(-(?:a|an|and|as|at|by|for|from|in|of|on|or|the|to|vs|with))+$")
_TITLE_REASON = "the title; see course.toml"
_EMPTY_REASON = "a heading with nothing below it"


def slug(heading: str) -> str:
    """A heading as an id: small letters, digits and hyphens; letters that have no Latin form stay."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", heading.casefold()) if not unicodedata.combining(c))
    plain = unicodedata.normalize("NFC", re.sub(r"(?<=\w)['’](?=\w)", "", plain))
    made = "-".join(re.findall(r"[^\W_]+", plain))
    if len(made) > _LONGEST_KEY:
        made = _HANGING.sub("", made[: _LONGEST_KEY + 1].rpartition("-")[0]) or made[:_LONGEST_KEY]
    return made or "lesson"


def level_of_themes(paragraphs: Sequence[Paragraph]) -> int:
    """The level whose headings begin lessons: the highest that has more than one; 0 where there is no heading."""
    levels = [one.level for one in paragraphs if one.level and not one.dropped]
    several = [level for level in sorted(set(levels)) if levels.count(level) > 1]
    return next(iter(several), max(levels, default=0))


def settle(article: Article, level: int | None = None) -> tuple[tuple[Paragraph, ...], tuple[Theme, ...]]:
    """The paragraphs, of which more may be dropped now, and the themes, in order.

    Between them every paragraph has one place: in one theme, or dropped. Raises BadRequest where there is no heading.
    """
    chosen = level or level_of_themes(article.paragraphs)
    begins = [at for at, one in enumerate(article.paragraphs) if not one.dropped and 0 < one.level <= chosen]
    if not begins:
        asked = f" of level {level} or above" if level else ""
        raise BadRequest(f"The source has no headings{asked}; give each theme a heading on a line of its own.")
    paragraphs = list(article.paragraphs)
    opening = next((at for at, one in enumerate(paragraphs) if not one.dropped), 0)
    spans = list(zip(begins, [*begins[1:], len(paragraphs)], strict=True))
    made: list[Theme] = []
    if opening < begins[0]:
        made.append(_theme(article.title or "Introduction", opening, begins[0], paragraphs, made))
    for begin, end in spans:
        theme = _theme(convert.words(paragraphs[begin].markdown), begin, end, paragraphs, made)
        if theme.words:
            made.append(theme)
        else:
            _drop(paragraphs, begin, end, _TITLE_REASON if begin == opening else _EMPTY_REASON)
    if not made:
        raise BadRequest("The source has headings, and no text below them.")
    return tuple(paragraphs), tuple(made)


def _drop(paragraphs: list[Paragraph], begin: int, end: int, reason: str) -> None:
    for at in range(begin, end):
        one = paragraphs[at]
        if not one.dropped:
            paragraphs[at] = Paragraph(raw=one.raw, markdown=one.markdown, level=one.level, dropped=reason)


def _theme(heading: str, begin: int, end: int, paragraphs: Sequence[Paragraph], before: Sequence[Theme]) -> Theme:
    first = begin + 1 if paragraphs[begin].level else begin
    text = tuple(one for one in paragraphs[first:end] if not one.dropped)
    return Theme(
        key=unique(slug(heading), [one.key for one in before]),
        heading=heading,
        begin=begin,
        end=end,
        text=text,
        words=count(text),
    )


def unique(key: str, taken: Sequence[str]) -> str:
    """The key, or the first of key-2, key-3, … that nobody has."""
    number, made = 1, key
    while made in taken:
        number += 1
        made = f"{key}-{number}"
    return made


def count(text: Sequence[Paragraph]) -> int:
    """The words that a reader reads, sub-headings left out."""
    return sum(len(convert.words(one.markdown).split()) for one in text if not one.level)
