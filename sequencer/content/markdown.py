"""What does a lesson's Markdown say? A lesson becomes blocks, each as HTML and as plain text."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin

from sequencer.content import bare, dress, plaintext
from sequencer.content.dress import Placed
from sequencer.errors import BadContent

BOXES = ("exercise", "question", "tip", "note", "warning", "tomorrow", "button")
_BOX_WIDTH = plaintext.WIDTH - 4  # the text part sets boxes that far in
_UNREAD = re.compile(r"\]\(\s*([^()]*(?:\([^()]*\)[^()]*)*\.(?:png|jpe?g|gif|webp|svg))\b", re.IGNORECASE)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_IMAGES: Mapping[str, Placed] = MappingProxyType({})
# The HTML of some tokens, which may be changed by it.
_Html: TypeAlias = Callable[[MarkdownIt, Sequence[Token]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of a lesson: running text, or one of the boxes. `href` is a button's."""

    kind: str
    title: str
    html: str
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a link leads (`words` are what is pressed) or an image lies (`words` say what it shows)."""

    is_image: bool
    to: str
    words: str
    line: int


def check(source: str, *, path: str, line: int = 1) -> None:
    """Raises BadContent with file and line for a box that is not known, has no end, or holds no link to press."""
    lines = source.split("\n")
    tokens = _parser().parse(source)
    for at, token in enumerate(tokens):
        begin = token.map[0] if token.map else 0
        if token.type == "inline":
            _refuse_loose_fence(token.content, path, line + begin)
        if token.type.startswith("container_") and token.nesting == 1:
            _refuse_broken_box(tokens[at : _end(tokens, at)], lines, path, line + begin)


def blocks(
    source: str, styles: Mapping[str, str] = _NOTHING, images: Mapping[str, Placed] = _NO_IMAGES
) -> tuple[Block, ...]:
    """The blocks of a Markdown source that `check` found to be right, in order; `styles` as themes.styles says.

    `images` says where those are fetched that the source has under addresses of its own.
    """
    return _blocks(source, lambda parser, tokens: dress.html(parser, tokens, styles, images))


def bare_blocks(source: str, images: Mapping[str, Placed] = _NO_IMAGES) -> tuple[Block, ...]:
    """The same blocks, without what a mail program needs to show them."""
    return _blocks(source, lambda parser, tokens: bare.html(parser, tokens, images))


def addresses(source: str, line: int = 1) -> tuple[Address, ...]:
    """Every link and image of a Markdown source that begins on line `line`, in order."""
    found: list[Address] = []
    for token in _parser().parse(source):
        at = line + (token.map[0] if token.map else 0)
        children = token.children or []
        for number, child in enumerate(children):
            if child.type in ("softbreak", "hardbreak"):
                at += 1
            elif child.type == "image":
                found.append(Address(is_image=True, to=str(child.attrGet("src")), words=child.content, line=at))
            elif child.type == "link_open":
                found.append(
                    Address(is_image=False, to=str(child.attrGet("href")), words=_pressed(children, number), line=at)
                )
    return tuple(found)


def unread_images(source: str, line: int = 1) -> Iterator[tuple[int, str]]:
    """Line and name of each image file whose brackets stay in the text, as Markdown ends an address at a space."""
    for token in _parser().parse(source):
        at = line + (token.map[0] if token.map else 0)
        for child in token.children or ():
            at += child.type in ("softbreak", "hardbreak")
            for name in _UNREAD.findall(child.content if child.type == "text" else ""):
                yield at, name


def _pressed(children: Sequence[Token], opening: int) -> str:
    """What stands between a link's opening and its close."""
    end = next(at for at in range(opening, len(children)) if children[at].type == "link_close")
    return "".join(child.content for child in children[opening:end])


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
    for box in BOXES:
        parser.use(container_plugin, name=box)
    dress.use(parser)
    return parser


def _end(tokens: Sequence[Token], start: int) -> int:
    """Where the block that begins at `start` ends: at the close of its box, or before the next box."""
    if tokens[start].type.startswith("container_"):
        level = tokens[start].level
        return next(at for at in range(start + 1, len(tokens)) if tokens[at].level == level) + 1
    boxes = (at for at in range(start, len(tokens)) if tokens[at].type.startswith("container_"))
    return next(boxes, len(tokens))


def _blocks(source: str, html: _Html) -> tuple[Block, ...]:
    parser = _parser()
    tokens = parser.parse(source)
    made: list[Block] = []
    start = 0
    while start < len(tokens):
        end = _end(tokens, start)
        made.append(_block(parser, tokens[start:end], html))
        start = end
    return tuple(made)


def _block(parser: MarkdownIt, tokens: Sequence[Token], html: _Html) -> Block:
    first = tokens[0]
    kind, title, inner, width = "text", "", tokens, plaintext.WIDTH
    if first.type.startswith("container_"):
        kind, _, title = first.info.strip().partition(" ")
        inner, width = tokens[1:-1], _BOX_WIDTH
    text = plaintext.render(inner, width)
    return Block(
        kind=kind,
        title=title.strip(),
        html=html(parser, inner),
        text=text,
        href=next(iter(_links(inner)), ""),
    )


def _links(tokens: Sequence[Token]) -> list[str]:
    children = (child for token in tokens for child in token.children or ())
    return [str(child.attrGet("href")) for child in children if child.type == "link_open"]


def _refuse_loose_fence(words: str, path: str, line: int) -> None:
    """A `:::` that is left in the text is a box misspelt."""
    for number, content in enumerate(words.split("\n"), line):
        if content.lstrip().startswith(":::"):
            word = content.lstrip(": ").split(maxsplit=1)[:1]
            named = f'the box "{word[0]}" is not known' if word else 'this ":::" closes nothing'
            raise BadContent(f"{path}:{number}: {named}; there are {', '.join(BOXES)}.")


def _refuse_broken_box(box: Sequence[Token], lines: Sequence[str], path: str, line: int) -> None:
    """Boxes stand by themselves: one that holds another, or runs to the end of the file, was never closed."""
    if box[0].level:
        raise BadContent(f"{path}:{line}: a box cannot stand in a list or a quotation; begin it at the line's start.")
    last = box[0].map[1] if box[0].map else len(lines)
    closed = last < len(lines) and lines[last].lstrip().startswith(":::")
    if not closed or any(one.type.startswith("container_") for one in box[1:-1]):
        raise BadContent(f'{path}:{line}: this box has no end; close it with a line ":::".')
    if box[0].type == "container_button_open" and not _links(box):
        raise BadContent(f"{path}:{line}: this button leads nowhere; write [words](https://example.org/page) in it.")


def opening(source: str) -> str:
    """The first paragraph that speaks to everybody, as HTML: one without images and without a person's values."""
    parser = _parser()
    tokens = parser.parse(source)
    for at, token in enumerate(tokens):
        if (
            token.type == "paragraph_open"
            and token.level == 0
            and "![" not in tokens[at + 1].content
            and "{%" not in tokens[at + 1].content
            and "{{" not in tokens[at + 1].content
            and "{#" not in tokens[at + 1].content
        ):
            return str(parser.renderer.render(tokens[at : at + 3], parser.options, {}))
    return ""
