"""Which tags and attributes does MJML 4 have? The compiler says nothing about others: what they hold is not shown.

The table follows the documentation of MJML 4.15 (https://documentation.mjml.io), tag by tag.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

from sequencer.content.lint.findings import Finding


def _sides(name: str) -> str:
    return f"{name} {name}-top {name}-right {name}-bottom {name}-left"


_PADDING, _INNER, _BORDER = _sides("padding"), _sides("inner-padding"), f"{_sides('border')} border-radius"
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height text-decoration text-transform"
_IN_COLUMN = f"align container-background-color {_PADDING}"
_GROUND = (
    "background-color background-url background-repeat background-size background-position background-position-x "
    "background-position-y"
)
_SECTION = f"{_GROUND} {_BORDER} direction full-width {_PADDING} text-align text-padding"
_ICON = (
    "icon-align icon-height icon-position icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt "
    "icon-wrapped-url"
)
_SOCIAL = "border-radius icon-height icon-padding icon-size text-padding vertical-align"
_BURGER = (
    f"{_sides('ico-padding')} ico-align ico-close ico-color ico-font-family ico-font-size ico-line-height ico-open "
    "ico-text-decoration ico-text-transform"
)
# What each tag may say. Every tag in the body may also say css-class and mj-class; mj-all and mj-class say anything.
ATTRIBUTES: Mapping[str, str] = {
    "mjml": "lang dir owa",
    "mj-head": "",
    "mj-attributes": "",
    "mj-breakpoint": "width",
    "mj-font": "name href",
    "mj-html-attributes": "",
    "mj-html-attribute": "name",
    "mj-selector": "path",
    "mj-include": "path type css-inline",
    "mj-preview": "",
    "mj-style": "inline",
    "mj-title": "",
    "mj-body": "background-color width id",
    "mj-raw": "position",
    "mj-section": _SECTION,
    "mj-wrapper": f"{_SECTION} gap",
    "mj-group": "background-color direction vertical-align width",
    "mj-column": f"background-color {_BORDER} direction inner-background-color inner-border inner-border-top "
    f"inner-border-right inner-border-bottom inner-border-left inner-border-radius {_PADDING} vertical-align width",
    "mj-text": f"{_IN_COLUMN} {_FONT} height vertical-align",
    "mj-button": f"{_IN_COLUMN} {_FONT} {_BORDER} {_INNER} background-color height href name rel target text-align "
    "title vertical-align width",
    "mj-image": f"{_IN_COLUMN} {_BORDER} alt fluid-on-mobile font-size full-width height href max-height name rel "
    "sizes src srcset target title usemap vertical-align width",
    "mj-divider": f"{_IN_COLUMN} border-color border-style border-width width",
    "mj-spacer": f"{_IN_COLUMN} {_BORDER} height vertical-align width",
    "mj-table": f"{_IN_COLUMN} border cellpadding cellspacing color font-family font-size font-weight line-height role "
    "table-layout vertical-align width",
    "mj-hero": f"{_INNER} {_PADDING} align background-color background-height background-position background-url "
    "background-width border-radius "
    "container-background-color height inner-background-color mode vertical-align width",
    "mj-navbar": f"{_BURGER} {_PADDING} align base-url hamburger",
    "mj-navbar-link": f"{_FONT} {_PADDING} href name rel target",
    "mj-social": f"{_IN_COLUMN} {_FONT} {_INNER} {_SOCIAL} mode table-layout",
    "mj-social-element": f"{_FONT} {_PADDING} {_SOCIAL} align alt background-color href icon-position name rel sizes "
    "src srcset target title",
    "mj-carousel": f"{_PADDING} align border-radius container-background-color icon-width left-icon right-icon "
    "tb-border tb-border-radius tb-hover-border-color tb-selected-border-color tb-width thumbnails",
    "mj-carousel-image": "alt border-radius href rel src target tb-border tb-border-radius thumbnails-src title",
    "mj-accordion": f"{_ICON} {_PADDING} border container-background-color font-family",
    "mj-accordion-element": f"{_ICON} background-color border font-family",
    "mj-accordion-title": f"{_PADDING} background-color color font-family font-size font-weight",
    "mj-accordion-text": f"{_PADDING} background-color color font-family font-size font-weight letter-spacing "
    "line-height",
}
_ANYTHING = ("mj-all", "mj-class")
_SHARED = frozenset({"css-class", "mj-class"})
_STAND_IN = "¤"  # for a mark; where it stands in a name, only the mark knows which
_MARK = re.compile(r"\[#.*?#\]|\[%.*?%\]|\[\[.*?\]\]|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def template(path: Path) -> Iterator[Finding]:
    """Unknown tags and attributes in a template, whose own marks are looked over."""
    source = _MARK.sub(lambda mark: _STAND_IN + "\n" * mark.group().count("\n"), path.read_text(encoding="utf-8"))
    for line, tag, attributes in _tags(source):
        yield from _judged(str(path), line, tag, attributes)


def left_over(html: str) -> frozenset[str]:
    """The tags that the compiler did not know: they stand in its HTML as they were."""
    return frozenset(tag for _, tag, _ in _tags(html))


def _judged(file: str, line: int, tag: str, attributes: tuple[str, ...]) -> Iterator[Finding]:
    if tag in _ANYTHING:
        return
    if tag not in ATTRIBUTES:
        like = _like(tag, list(ATTRIBUTES))
        yield Finding(file=file, line=line, rule="unknown-tag", sentence=f"MJML has no <{tag}>{like}.")
        return
    known = _SHARED | set(ATTRIBUTES[tag].split())
    for name in attributes:
        if name not in known and _STAND_IN not in name:
            sentence = f'<{tag}> has no attribute "{name}"{_like(name, sorted(known))}.'
            yield Finding(file=file, line=line, rule="unknown-attribute", sentence=sentence)


def _like(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; is {near[0]} meant" if near else ""


def _tags(source: str) -> list[tuple[int, str, tuple[str, ...]]]:
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    """Every opening tag of MJML: its line, its name, and the names of its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mjml" or tag.startswith("mj-"):
            self.found.append((self.getpos()[0], tag, tuple(name for name, _ in attrs)))
