"""How does Markdown stand as plain HTML, for programs with styles of their own, far from where it was written?"""

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from urllib.parse import urljoin

from markdown_it import MarkdownIt
from markdown_it.token import Token

from sequencer.content import dress
from sequencer.content.dress import Placed

_NOWHERE = re.compile(r'<a href=""[^<>]*>(.*?)</a>', re.DOTALL)
# Quotes are escaped wherever they are words, so that this is found within tags only.
_ADDRESS = re.compile(r' (href|src)="([^"]*)"')


def html(parser: MarkdownIt, tokens: Sequence[Token], images: Mapping[str, Placed]) -> str:
    """The HTML of some tokens, which are changed by it: without styles, and an image's title is its caption."""
    for at, token in enumerate(tokens):
        # How a table's column is aligned: the only style that Markdown itself writes.
        token.attrs.pop("style", "")
        if token.type == "inline":
            dress.tick(tokens, at, {})
            _figure(tokens, at, images)
    return str(parser.renderer.render(tokens, parser.options, {}))


def absolute(words: str, base: str) -> str:
    """The same HTML, whose links and images are found from anywhere; a link that leads nowhere is words alone."""

    def found(match: re.Match[str]) -> str:
        try:
            return f' {match[1]}="{escape(urljoin(base, unescape(match[2])))}"'
        except ValueError:
            # No address that any program could read; it stays as its author wrote it.
            return match[0]

    return _ADDRESS.sub(found, _NOWHERE.sub(r"\1", words))


def _figure(tokens: Sequence[Token], at: int, images: Mapping[str, Placed]) -> None:
    """Images come from where they are kept; one that is alone in its paragraph and has a title is a figure."""
    children = tokens[at].children or []
    for image in (child for child in children if child.type == "image"):
        placed = images.get(str(image.attrGet("src")))
        if placed is not None:
            image.attrs |= {"src": placed.url, "width": placed.width, "height": placed.height}
    if len(children) == 1 and children[0].type == "image" and not tokens[at - 1].hidden:
        caption = children[0].attrs.pop("title", "")
        if caption:
            tokens[at - 1].tag = tokens[at + 1].tag = "figure"
            shown = f"<figcaption>{escape(str(caption), quote=False)}</figcaption>"
            children.append(Token("html_inline", "", 0, content=shown))
