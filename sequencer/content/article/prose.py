"""What does plain text say? Blank lines, lines that look like headings, and headings glued to the next sentence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from sequencer.content import convert
from sequencer.content.article import furniture, glue, headings
from sequencer.content.article.glue import Glued
from sequencer.content.article.headings import Style
from sequencer.content.article.parts import Article, Paragraph

_BULLET = re.compile(r"\s*(?:([-*•‣◦–])|(\d{1,2})[.)])\s+(?=\S)")
_PROSE_WORDS = 12  # a line this long that ends as sentences do is running text
_FURNITURE_WORDS = 14
_WRAPPED = range(40, 101)  # how long the lines of text are that was broken by hand
_TAIL_FROM = 0.6  # what stands below an article stands in its last part
_BY = re.compile(r"(?:by|written by|words by|author:) ((?:[^\W\d_][\w.'’-]* ?){2,4})$", re.IGNORECASE)
_SITE_SUFFIX = re.compile(r"\s+[|–—·]\s+[^|–—·]{1,40}$|\s*\|\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """One or more lines that belong together. `apart`: a blank line stands before it."""

    raw: str
    apart: bool = False

    @property
    def line(self) -> str:
        return " ".join(self.raw.split())

    @property
    def words(self) -> int:
        return len(self.raw.split())

    @property
    def is_bullet(self) -> bool:
        return _BULLET.match(self.raw) is not None

    @property
    def is_prose(self) -> bool:
        return self.words >= _PROSE_WORDS and self.line.rstrip("”\"'’)] |")[-1:] in {".", "!", "?", ":", "…"}

    @property
    def furniture(self) -> str:
        return furniture.of_line(self.line) if self.words <= _FURNITURE_WORDS else ""

    @property
    def style(self) -> Style | None:
        plain = _BULLET.sub("", self.line) if headings.is_numbered(self.line) else self.line
        return None if self.furniture or "\n" in self.raw else headings.style(plain.rstrip(" |"))


def read(text: str) -> Article:
    """The article in a plain text."""
    stretches = list(_stretches(text))
    glued = glue.find([stretch.raw for stretch in stretches])
    begin = next((at for at, one in enumerate(stretches) if one.is_prose), len(stretches))
    title = _title(stretches[: begin + 1], begin)
    end = _end(stretches)
    levels = _levels(stretches, begin, end, glued)
    paragraphs: list[Paragraph] = []
    for at, stretch in enumerate(stretches):
        reason = _dropped(stretches, at, begin, end, title, levels)
        if reason:
            paragraphs.append(_paragraph(stretch.raw, dropped=reason))
        elif at in levels:
            paragraphs.append(_paragraph(stretch.raw, level=levels[at]))
        else:
            paragraphs += _cut(stretch.raw, [one for one in glued if one.line == at])
    return Article(title=_without_site(title), author=_author(stretches[:begin]), paragraphs=tuple(paragraphs))


def _stretches(text: str) -> Iterator[_Stretch]:
    blocks = [block.split("\n") for block in re.split(r"\n[^\S\n]*\n", text)]
    inner = [len(line.rstrip()) for block in blocks for line in block[:-1] if line.strip()]
    longest = max((len(line) for block in blocks for line in block), default=0)
    fitting = sum(length in _WRAPPED for length in inner)
    is_wrapped = bool(inner) and longest <= max(_WRAPPED) + 10 and fitting * 10 >= len(inner) * 6
    for block in blocks:
        lines = [line for line in block if line.strip()]
        for at, stretch in enumerate(_joined(lines) if is_wrapped else _lists(lines)):
            yield replace(stretch, apart=at == 0)


def _joined(lines: Sequence[str]) -> Iterator[_Stretch]:
    """A block of text that was broken by hand: one paragraph, behind a heading where its first line is one."""
    if (
        len(lines) > 1
        and len(lines[0]) < min(_WRAPPED)
        and headings.style(lines[0].strip())
        and not lines[1][0].islower()
    ):
        yield _Stretch(raw=lines[0])
        lines = lines[1:]
    if lines:
        yield _Stretch(raw="\n".join(lines))


def _lists(lines: Sequence[str]) -> Iterator[_Stretch]:
    """Each line is a paragraph; items of a list belong together."""
    group: list[str] = []
    for line in lines:
        is_item = _BULLET.match(line) is not None
        if group and not is_item:
            yield _Stretch(raw="\n".join(group))
            group = []
        if is_item:
            group.append(line)
        else:
            yield _Stretch(raw=line)
    if group:
        yield _Stretch(raw="\n".join(group))


def _title(top: Sequence[_Stretch], begin: int) -> str:
    """The first line that could be a title; what is said twice is one."""
    lines = [one.line for one in top[:begin] if one.style not in (None, Style.SINGLE)]
    return next((line for line in lines if lines.count(line) > 1), lines[0] if lines else "")


def _author(top: Sequence[_Stretch]) -> str:
    """Who wrote it: "By Ann Author", or the name above the date."""
    for stretch, after in zip_longest(top, top[1:]):
        if named := _BY.match(stretch.line):
            return named.group(1)
        if _is_name(stretch, after):
            return stretch.line
    return ""


def _is_name(stretch: _Stretch, after: _Stretch | None) -> bool:
    is_short = stretch.style is Style.TITLE and 1 < stretch.words <= 4  # noqa: PLR2004 (first, middle, last)
    return is_short and after is not None and after.furniture == "a date"


def _without_site(title: str) -> str:
    return _SITE_SUFFIX.sub("", title).strip()


def _end(stretches: Sequence[_Stretch]) -> int:
    """Where the article ends, and related posts or comments begin."""
    total, before = sum(one.words for one in stretches), 0
    for at, stretch in enumerate(stretches):
        if before > total * _TAIL_FROM and stretch.words <= _FURNITURE_WORDS and furniture.ends_article(stretch.line):
            return at
        before += stretch.words
    return len(stretches)


def _levels(stretches: Sequence[_Stretch], begin: int, end: int, glued: Sequence[Glued]) -> dict[int, int]:
    """The level of each stretch that is a heading by itself."""
    found = {
        at: stretch.style
        for at, stretch in enumerate(stretches[:end])
        if stretch.style is not None and _leads(stretches, at, end) and at >= begin - 1
    }
    if len(glued) > 1:
        # Where headings are glued, a line is one only if it is made exactly like them.
        found = {at: style for at, style in found.items() if at < begin or _is_like_glued(stretches, at, style, glued)}
    else:
        found = _of_one_style(found)
    above = [at for at, style in found.items() if style is Style.CAPITALS or headings.is_numbered(stretches[at].line)]
    return {at: 3 if len(above) > 1 and at not in above and at > above[0] else 2 for at in found}


def _of_one_style(found: dict[int, Style]) -> dict[int, Style]:
    titles = sum(style in (Style.TITLE, Style.CAPITALS) for style in found.values())
    sentences = sum(style is Style.SENTENCE for style in found.values())
    return {at: style for at, style in found.items() if style is not Style.SENTENCE or sentences * 2 > titles}


def _is_like_glued(stretches: Sequence[_Stretch], at: int, style: Style, glued: Sequence[Glued]) -> bool:
    return style in {one.style for one in glued} and stretches[at].words > 1 and stretches[at - 1].is_prose


def _leads(stretches: Sequence[_Stretch], at: int, end: int) -> bool:
    """Does text follow, and does the line not belong to what was announced before it?"""
    after = stretches[at + 1] if at + 1 < end else None
    if after is None or _is_item(stretches, at):
        return False
    if after.style is not None and not after.is_prose:
        # A heading right above another one, as chapters stand above their sections.
        chapter = stretches[at].style is Style.CAPITALS or headings.is_numbered(stretches[at].line)
        return chapter and at + 2 < end and stretches[at + 2].is_prose and after.style is not Style.CAPITALS
    return after.is_prose or after.is_bullet or after.words >= _PROSE_WORDS


def _is_item(stretches: Sequence[_Stretch], at: int) -> bool:
    """Short lines behind a colon are its list, up to one that is set apart or made differently."""
    begin = at
    while begin and stretches[begin - 1].style is not None and not stretches[begin].line.endswith(":"):
        begin -= 1
    if not begin or not stretches[begin - 1].line.endswith((":", ",")):
        return False
    before, one = stretches[at - 1], stretches[at]
    is_first = begin == at
    return is_first or not ((one.apart and not before.apart) or one.style is not before.style)


def _dropped(stretches: Sequence[_Stretch], at: int, begin: int, end: int, title: str, levels: dict[int, int]) -> str:
    stretch = stretches[at]
    if at >= end:
        return "below the article"
    if stretch.furniture:
        return stretch.furniture
    if at < begin and at not in levels and stretch.style is not None:
        named = _without_site(title)
        if _without_site(stretch.line) == named:
            said_before = any(_without_site(one.line) == named for one in stretches[:at])
            return "the title, once more" if said_before else "the title; see course.toml"
        if _is_name(stretch, next(iter(stretches[at + 1 :]), None)):
            return "the author's line"
        return "above the article"
    return ""


def _cut(raw: str, glued: Sequence[Glued]) -> Iterator[Paragraph]:
    at = 0
    for one in glued:
        if raw[at : one.begin].strip():
            yield _paragraph(raw[at : one.begin])
        yield _paragraph(raw[one.begin : one.end], level=one.level)
        at = one.end
    if raw[at:].strip():
        yield _paragraph(raw[at:])


def _paragraph(raw: str, *, level: int = 0, dropped: str = "") -> Paragraph:
    clean = raw.strip()
    clean = clean[:-1].rstrip() if clean.endswith(" |") else clean
    if level or not _BULLET.match(clean):
        return Paragraph(raw=raw, markdown=convert.escape(clean), level=level, dropped=dropped)
    items = re.split(r"\n(?=\s*(?:[-*•‣◦–]|\d{1,2}[.)])\s)", clean)
    return Paragraph(raw=raw, markdown="\n".join(_item(item) for item in items), dropped=dropped)


def _item(item: str) -> str:
    found = _BULLET.match(item)
    rest = convert.escape(item[found.end() :] if found else item)
    return f"{found[2]}. {rest}" if found and found[2] else f"- {rest}"
