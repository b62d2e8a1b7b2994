"""How do themes become lessons of a good length? Joined and divided as the author says, never by themselves."""

import math
from collections.abc import Sequence
from dataclasses import replace

from sequencer.content import convert
from sequencer.content.article import themes as theming
from sequencer.content.article.parts import Paragraph, Theme
from sequencer.errors import BadRequest

_TOP = 2  # the level of a lesson's own headings; its first is the subject line


def join(themes: Sequence[Theme], key: str, paragraphs: Sequence[Paragraph]) -> list[Theme]:
    """The theme `key` joined to the one before it; the first, to the one after. Its heading becomes one inside."""
    at = _find(themes, key)
    if len(themes) < 2:  # noqa: PLR2004
        raise BadRequest(f'"{key}" is the only theme; there is nothing to join it to.')
    first, second = (themes[0], themes[1]) if at == 0 else (themes[at - 1], themes[at])
    heading = paragraphs[second.begin : second.begin + 1] if paragraphs[second.begin].level else ()
    text = (*first.text, *heading, *second.text)
    joined = replace(first, end=second.end, text=text, words=theming.count(text))
    return [*themes[: max(at - 1, 0)], joined, *themes[max(at, 1) + 1 :]]


def divide(themes: Sequence[Theme], key: str, most: float, paragraphs: Sequence[Paragraph]) -> list[Theme]:
    """The theme `key` in parts of at most `most` minutes where its paragraphs allow it; always at least two.

    It is cut in front of its own headings where it has some, otherwise between paragraphs.
    """
    at = _find(themes, key)
    theme = themes[at]
    inside = [number for number in range(theme.begin, theme.end) if _is_used(paragraphs, theme, number)]
    level = min((paragraphs[number].level for number in inside if paragraphs[number].level), default=0)
    places = [number for number in inside[1:] if paragraphs[number].level == level] if level else []
    cuts = _cuts(inside, places or inside[1:], paragraphs, max(2, math.ceil(theme.minutes / most)))
    if not cuts:
        raise BadRequest(f'"{key}" is one paragraph; there is no place to split it.')
    parts: list[Theme] = []
    for begin, end in zip([theme.begin, *cuts], [*cuts, theme.end], strict=True):
        text = tuple(paragraphs[number] for number in inside if begin <= number < end)
        parts.append(_part(theme, begin, end, text, [one.key for one in (*themes, *parts)], len(parts)))
    return [*themes[:at], *parts, *themes[at + 1 :]]


def body(theme: Theme) -> str:
    """The Markdown of a lesson: the theme's text, its own headings from the second level down."""
    levels = [one.level for one in theme.text if one.level]
    lift = min(levels, default=_TOP) - _TOP
    return "\n\n".join(_line(one, lift) for one in theme.text)


def _line(one: Paragraph, lift: int) -> str:
    return f"{'#' * (one.level - lift)} {one.markdown}" if one.level else one.markdown


def _part(theme: Theme, begin: int, end: int, text: tuple[Paragraph, ...], taken: Sequence[str], number: int) -> Theme:
    key, heading = theme.key, theme.heading
    if number:
        heading = f"{theme.heading} ({number + 1})"
        key = theming.unique(f"{theme.key}-{number + 1}", taken)
    if number and text and text[0].level:
        heading, text = convert.words(text[0].markdown), text[1:]
        key = theming.unique(theming.slug(heading), taken)
    return Theme(key=key, heading=heading, begin=begin, end=end, text=text, words=theming.count(text))


def _cuts(inside: Sequence[int], places: Sequence[int], paragraphs: Sequence[Paragraph], parts: int) -> list[int]:
    """Where to cut so that the parts are as even as the places allow; a heading stays with its text."""
    before, words = {}, 0
    for number in inside:
        before[number] = words
        words += theming.count([paragraphs[number]])
    fitting = [
        place for place in places if 0 < before[place] < words and not _is_behind_heading(inside, place, paragraphs)
    ]
    chosen: list[int] = []
    for part in range(1, parts):
        free = [place for place in fitting if not chosen or place > chosen[-1]]
        if free:
            wanted = words * part / parts
            chosen.append(min(free, key=lambda place: abs(before[place] - wanted)))
    return chosen


def _is_behind_heading(inside: Sequence[int], place: int, paragraphs: Sequence[Paragraph]) -> bool:
    return paragraphs[inside[inside.index(place) - 1]].level > 0


def _is_used(paragraphs: Sequence[Paragraph], theme: Theme, number: int) -> bool:
    one = paragraphs[number]
    return not one.dropped and any(one is other for other in theme.text)


def _find(themes: Sequence[Theme], key: str) -> int:
    for at, theme in enumerate(themes):
        if theme.key == key:
            return at
    raise BadRequest(f'There is no theme "{key}"; there is {", ".join(one.key for one in themes)}.')
