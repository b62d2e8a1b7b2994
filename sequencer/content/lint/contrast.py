"""Can everybody read it? The colour of each word of a mail against its ground, in light and in dark (WCAG 1.4.3)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sequencer import brand
from sequencer.brand import Colour
from sequencer.content.lint.page import Element, StyleRule, read

LEAST = brand.LEAST
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b")
_RGB = re.compile(r"rgb\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)\s*\)")
_NAMED = {"white": "#ffffff", "black": "#000000"}
# What browsers give a page that says nothing: words, ground, links.
_LIGHT = ("#000000", "#ffffff", "#0000ee")
_DARK = ("#ffffff", "#121212", "#9e9eff")
_UNSEEN = frozenset({"", "head", "style", "script", "title"})
_BREAK = "!important"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faint:
    """Words that stand out too little."""

    words: str
    colour: str
    ground: str
    ratio: float
    dark: bool


def faint(html: str) -> Iterator[Faint]:
    """Each pair of colours that is too close, with the first words that have it."""
    root, rules = read(html)
    for dark in (False, True):
        seen: set[tuple[str, str]] = set()
        chosen = [rule for rule in rules if dark or not rule.dark]
        for words, colour, ground in _walk(root, chosen, *(_DARK if dark else _LIGHT)):
            ratio = contrast(colour, ground)
            if ratio < LEAST and (colour, ground) not in seen:
                seen.add((colour, ground))
                yield Faint(words=words, colour=colour, ground=ground, ratio=ratio, dark=dark)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio"); 21 where one of them is not understood."""
    first, second = _parsed(one), _parsed(other)
    if first is None or second is None:
        return 21.0
    return brand.contrast(first, second)


def _walk(
    element: Element, rules: Sequence[StyleRule], colour: str, ground: str, link: str
) -> Iterator[tuple[str, str, str]]:
    if element.tag == "a":
        colour = link
    says = _computed(element, rules)
    if element.tag in _UNSEEN - {""} or says.get("display") == "none":
        return
    colour = _kept(says.get("color", "inherit"), colour)
    ground = _kept(says.get("background", "inherit"), ground)
    words = " ".join(element.words.split())
    if any(character.isalnum() for character in words):
        yield words, colour, ground
    for child in element.below:
        yield from _walk(child, rules, colour, ground, link)


def _kept(value: str, before: str) -> str:
    """The colour in a value; the one before where it holds none."""
    found = _HEX.search(value) or _RGB.search(value)
    return found[0] if found else _NAMED.get(value, before)


def _computed(element: Element, rules: Sequence[StyleRule]) -> Mapping[str, str]:
    """What holds for an element: the more specific wins, its own style wins over that, `!important` over all."""
    ranked: dict[str, tuple[tuple[int, ...], str]] = {}

    def offer(says: Mapping[str, str], rank: tuple[int, ...]) -> None:
        for name, value in says.items():
            full = (int(_BREAK in value), *rank)
            if name not in ranked or full >= ranked[name][0]:
                ranked[name] = (full, value.replace(_BREAK, "").strip())

    if "bgcolor" in element.attributes:
        offer({"background": element.attributes["bgcolor"].lower()}, (-1, 0, 0))
    for rule in rules:
        if rule.matches(element):
            offer(rule.says, (0, *rule.weight()))
    offer(element.style(), (1, 0, 0))
    return {name: value for name, (_, value) in ranked.items()}


def _parsed(colour: str) -> Colour | None:
    if found := _HEX.fullmatch(colour):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])  # noqa: PLR2004 (rrggbb)
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if found := _RGB.fullmatch(colour):
        return int(found[1]), int(found[2]), int(found[3])
    return None
