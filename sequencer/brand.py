"""How do our pages look? One table `[pages]` of the settings: a colour, letters, and a name above them."""

import re
from dataclasses import dataclass
from enum import StrEnum

from sequencer import values

STYLESHEET = "brand.css"
LEAST = 4.5  # WCAG 2.2, 1.4.3
# The grounds of site.css on which the colour stands, the one that is nearer to it first: light, and dark.
_LIGHT, _DARK, _INK = "#f1f5fb", "#1a2537", "#121926"
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_STEPS = 20

Colour = tuple[int, int, int]


class Font(StrEnum):
    """Whose letters words have: those of a book, or those of a screen. Nothing is loaded for either."""

    SERIF = "serif"
    SANS = "sans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """The look of all pages; what is empty is as shipped. `logo` stands above them in place of a course's brand."""

    accent: str = ""
    font: Font = Font.SERIF
    logo: str = ""

    @property
    def is_own(self) -> bool:
        """Whether there is anything to say in a stylesheet."""
        return bool(self.accent) or self.font is not Font.SERIF

    def stylesheet(self) -> str:
        """What goes after site.css: the colour, one that can be read in the dark, and those below a pointer."""
        rules = []
        if self.accent:
            dark = _for_the_dark(self.accent)
            light, darker = _mixed(self.accent, "#000000", 0.25), _mixed(dark, "#ffffff", 0.4)
            rules = [
                f":root {{ --blue: {self.accent}; --deep: {light}; }}",
                f"@media (prefers-color-scheme: dark) {{ :root {{ --blue: {dark}; --deep: {darker}; }} }}",
            ]
        if self.font is Font.SANS:
            rules.append(":root { --serif: var(--sans); }")
        return "\n".join([*rules, ""])


def parse(value: object) -> Brand:
    """The table `[pages]`. Raises ValueError with what would be right."""
    if not isinstance(value, dict) or not set(value) <= {"accent", "font", "logo"}:
        raise ValueError('a table with accent, font and logo, like { accent = "#24478f", font = "serif" }')
    return Brand(
        accent=_accent(values.a_text(value.get("accent", "")).lower()),
        font=_font(values.a_text(value.get("font", Font.SERIF))),
        logo=values.a_text(value.get("logo", "")),
    )


def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(colour: str) -> Colour:
    """The parts of a colour like #24478f."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _accent(colour: str) -> str:
    if not colour:
        return ""
    if not _COLOUR.fullmatch(colour):
        raise ValueError('a colour like "#24478f" as accent')
    if _stands_out(colour, _LIGHT):
        return colour
    darker = (_mixed(colour, "#000000", step / _STEPS) for step in range(1, _STEPS + 1))
    near = next(one for one in darker if _stands_out(one, _LIGHT))
    ratio = contrast(rgb(colour), rgb(_LIGHT))
    raise ValueError(
        f'an accent that can be read on the light pages, {LEAST}:1 or more, like "{near}"; "{colour}" has {ratio:.1f}:1'
    )


def _font(name: str) -> Font:
    try:
        return Font(name)
    except ValueError as error:
        raise ValueError('"serif" or "sans" as font') from error


def _for_the_dark(colour: str) -> str:
    """The colour made so light that it can be read on dark grounds, and dark words on it."""
    lighter = (_mixed(colour, "#ffffff", step / _STEPS) for step in range(_STEPS + 1))
    return next(one for one in lighter if _stands_out(one, _DARK) and _stands_out(one, _INK))


def _stands_out(colour: str, ground: str) -> bool:
    return contrast(rgb(colour), rgb(ground)) >= LEAST


def _mixed(colour: str, other: str, share: float) -> str:
    """The colour with so much of another in it."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(rgb(colour), rgb(other), strict=True))


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 (IEC 61966-2-1)
