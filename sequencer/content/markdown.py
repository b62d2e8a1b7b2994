"""What does a lesson's Markdown say? A lesson becomes blocks, each as HTML and as plain text."""

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin

from sequencer.content import plaintext
from sequencer.errors import BadContent

BOXES = ("exercise", "question", "tomorrow", "button")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of a lesson: running text, or one of the boxes. `href` is a button's."""

    kind: str
    title: str
    html: str
    text: str
    href: str = ""


def blocks(source: str, *, path: str, line: int = 1) -> tuple[Block, ...]:
    """The blocks of a Markdown source, in order. Raises BadContent for a box that is not known or has no end."""
    parser = _parser()
    tokens = parser.parse(source)
    _refuse_loose_fences(tokens, path, line)
    made: list[Block] = []
    start = 0
    while start < len(tokens):
        end = _end(tokens, start)
        made.append(_block(parser, tokens[start:end]))
        start = end
    return tuple(made)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
    for box in BOXES:
        parser.use(container_plugin, name=box)
    return parser


def _end(tokens: Sequence[Token], start: int) -> int:
    """Where the block that begins at `start` ends: at the close of its box, or before the next box."""
    if tokens[start].type.startswith("container_"):
        level = tokens[start].level
        return next(at for at in range(start + 1, len(tokens)) if tokens[at].level == level) + 1
    boxes = (at for at in range(start, len(tokens)) if tokens[at].type.startswith("container_"))
    return next(boxes, len(tokens))


def _block(parser: MarkdownIt, tokens: Sequence[Token]) -> Block:
    first = tokens[0]
    kind, title, inner = "text", "", tokens
    if first.type.startswith("container_"):
        kind, _, title = first.info.strip().partition(" ")
        inner = tokens[1:-1]
    html = parser.renderer.render(inner, parser.options, {})
    return Block(kind=kind, title=title.strip(), html=html, text=plaintext.render(inner), href=_first_link(inner))


def _first_link(tokens: Sequence[Token]) -> str:
    links = (child for token in tokens for child in token.children or () if child.type == "link_open")
    return str(next((link.attrGet("href") for link in links), ""))


def _refuse_loose_fences(tokens: Sequence[Token], path: str, line: int) -> None:
    """A `:::` that is left in the text is a box misspelt; one that runs to the end of the file was never closed."""
    for token in tokens:
        if token.type == "inline" and token.content.lstrip().startswith(":::"):
            word = token.content.lstrip(": ").split(maxsplit=1)[:1]
            named = f'the box "{word[0]}" is not known' if word else 'this ":::" closes nothing'
            where = line + (token.map[0] if token.map else 0)
            raise BadContent(f"{path}:{where}: {named}; there are {', '.join(BOXES)}.")
        if token.type.startswith("container_") and token.nesting == 1 and token.map and _nested(token, tokens):
            raise BadContent(f'{path}:{line + token.map[0]}: this box has no end; close it with a line ":::".')


def _nested(token: Token, tokens: Sequence[Token]) -> bool:
    """Whether another box begins inside this one: boxes do not nest, so this one was not closed."""
    begin = tokens.index(token)
    close = next(at for at in range(begin + 1, len(tokens)) if tokens[at].level == token.level)
    return any(one.type.startswith("container_") for one in tokens[begin + 1 : close])


def opening(source: str) -> str:
    """The first paragraph of a lesson that speaks to everybody, as HTML: one without a mark for a person's values."""
    parser = _parser()
    tokens = parser.parse(source)
    for at, token in enumerate(tokens):
        if (
            token.type == "paragraph_open"
            and token.level == 0
            and "{%" not in tokens[at + 1].content
            and "{{" not in tokens[at + 1].content
        ):
            return str(parser.renderer.render(tokens[at : at + 3], parser.options, {}))
    return ""
