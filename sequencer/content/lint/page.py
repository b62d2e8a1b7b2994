"""What stands on a page of HTML? Its elements as a tree, and the style rules of its stylesheets."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_MEDIA = re.compile(r"@[^{}]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_DARK = re.compile(r"prefers-color-scheme:\s*dark")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_COMPOUND = re.compile(r"([a-z][a-z0-9]*|\*)?((?:\.[\w-]+)*)")


@dataclass(slots=True, kw_only=True, eq=False)
class Element:
    """One element; `words` is the text that stands directly in it."""

    tag: str
    attributes: Mapping[str, str]
    above: "Element | None"
    words: str = ""
    below: list["Element"] = field(default_factory=list)

    def all(self) -> Iterator["Element"]:
        """This element and those below it, in the order of the page."""
        yield self
        for child in self.below:
            yield from child.all()

    def style(self) -> Mapping[str, str]:
        """What its own style attribute says."""
        return declarations(self.attributes.get("style", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleRule:
    """One selector with what it says; `dark` where it holds only in dark mode."""

    steps: tuple[tuple[str, bool], ...]
    says: Mapping[str, str]
    dark: bool

    def weight(self) -> tuple[int, int]:
        """How specific it is: classes, then tags."""
        classes = sum(step.count(".") for step, _ in self.steps)
        return classes, sum(1 for step, _ in self.steps if not step.startswith((".", "*")))

    def matches(self, element: Element) -> bool:
        """Whether it speaks of this element."""
        return _matches(self.steps, element)


def read(html: str) -> tuple[Element, tuple[StyleRule, ...]]:
    """The root of the page, and the rules of its stylesheets that are for screens of any width."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    styles = "".join(element.words for element in reader.root.all() if element.tag == "style")
    return reader.root, tuple(_rules(_COMMENT.sub("", styles)))


def declarations(style: str) -> Mapping[str, str]:
    """The properties of a style; the shorthand `background` counts as a colour."""
    found: dict[str, str] = {}
    for part in style.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip().lower().replace("background-color", "background")] = value.strip().lower()
    return found


def _rules(css: str) -> Iterator[StyleRule]:
    yield from _of(_MEDIA.sub("", css), dark=False)
    for block in _MEDIA.findall(css):
        condition, _, inner = block.partition("{")
        if _DARK.search(condition):
            yield from _of(inner.rpartition("}")[0], dark=True)


def _of(css: str, *, dark: bool) -> Iterator[StyleRule]:
    for selectors, body in _RULE.findall(css):
        for selector in selectors.split(","):
            steps = _steps(selector)
            if steps:
                yield StyleRule(steps=steps, says=declarations(body), dark=dark)


def _steps(selector: str) -> tuple[tuple[str, bool], ...]:
    """A selector's parts from the last to the first, each with whether it must be the parent of what follows it."""
    steps: list[tuple[str, bool]] = []
    child = False
    for word in reversed(selector.split()):
        if word == ">":
            child = True
        elif _COMPOUND.fullmatch(word):
            steps.append((word, child))
            child = False
        else:
            return ()  # a state or an attribute: nothing that a mail's colours hang on
    return tuple(steps)


def _matches(steps: tuple[tuple[str, bool], ...], element: Element) -> bool:
    (step, _), rest = steps[0], steps[1:]
    if not _is(step, element):
        return False
    if not rest:
        return True
    above = element.above
    if rest[0][1]:
        return above is not None and _matches(rest, above)
    while above is not None:
        if _matches(rest, above):
            return True
        above = above.above
    return False


def _is(step: str, element: Element) -> bool:
    tag, *classes = step.split(".")
    return tag in ("", "*", element.tag) and set(classes) <= set(element.attributes.get("class", "").split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element(tag="", attributes={}, above=None)
        self._at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag=tag, attributes={name: value or "" for name, value in attrs}, above=self._at)
        self._at.below.append(made)
        if tag not in _VOID:
            self._at = made

    def handle_endtag(self, tag: str) -> None:
        at: Element | None = self._at
        while at is not None and at.tag != tag:
            at = at.above
        if at is not None and at.above is not None:
            self._at = at.above

    def handle_data(self, data: str) -> None:
        self._at.words += data
