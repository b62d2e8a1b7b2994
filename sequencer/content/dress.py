"""What does a lesson's HTML carry so that mail programs show it as meant? Styles on the tags, captions, ticks.

Many programs drop a mail's stylesheet or part of it, none of them shows a `<figure>` or an `<input>`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

# The width of the column of words: 600 pixels less the section's padding. Outlook knows only the attribute.
_COLUMN = 544
_TICKS = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}  # ballot boxes of Unicode


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """From where an image is fetched, and its size in pixels."""

    url: str
    width: int
    height: int


def html(parser: MarkdownIt, tokens: Sequence[Token], styles: Mapping[str, str], images: Mapping[str, Placed]) -> str:
    """The HTML of some tokens, which are changed by it; `styles` is what themes.styles gives, or nothing."""
    for at, token in enumerate(tokens):
        _style(token, styles)
        if token.type == "inline":
            for child in token.children or ():
                _style(child, styles)
            tick(tokens, at, styles)
            _figure(token, styles, images)
    return str(parser.renderer.render(tokens, parser.options, {"styles": styles}))


def use(parser: MarkdownIt) -> None:
    """Teach the parser's renderer how code is shown in a mail."""
    parser.add_render_rule("fence", _code)
    parser.add_render_rule("code_block", _code)


def _code(_renderer: object, tokens: Sequence[Token], at: int, _options: object, env: Mapping[str, Any]) -> str:
    style = env.get("styles", {}).get("pre", "")
    return f"<pre{_attribute(style)}><code>{escape(tokens[at].content)}</code></pre>\n"


def _style(token: Token, styles: Mapping[str, str]) -> None:
    """The tag's own style, before one that says how a column of a table is aligned."""
    if token.nesting >= 0 and token.tag in styles and token.type not in ("fence", "code_block", "image"):
        own = token.attrGet("style")
        token.attrSet("style", f"{styles[token.tag]};{own}" if own else styles[token.tag])


def tick(tokens: Sequence[Token], at: int, styles: Mapping[str, str]) -> None:
    """A list item that begins with `[ ]` or `[x]` has a box in place of its bullet."""
    children = tokens[at].children or ()
    if at < 2 or tokens[at - 2].type != "list_item_open" or not children:  # noqa: PLR2004 (item, paragraph, words)
        return
    box = children[0].content[:4]
    if children[0].type == "text" and box in _TICKS:
        children[0].content = _TICKS[box] + children[0].content[4:]
        if "check" in styles:
            tokens[at - 2].attrSet("style", styles["check"])


def _figure(inline: Token, styles: Mapping[str, str], images: Mapping[str, Placed]) -> None:
    """An image that is alone in its paragraph is as wide as the words; its title becomes the caption below it.

    One whose size is known is never made larger than it is.
    """
    children = inline.children or []
    for image in (child for child in children if child.type == "image"):
        placed = images.get(str(image.attrGet("src")))
        if placed is not None:
            _place(image, placed)
        if len(children) > 1:
            image.attrSet("style", "max-width:100%;height:auto;border:0")
            continue
        if placed is None:
            image.attrSet("width", str(_COLUMN))
        is_narrow = placed is not None and placed.width < _COLUMN
        image.attrSet("style", styles.get("narrow" if is_narrow else "img", ""))
        caption = image.attrs.pop("title", "")
        if caption:
            children.append(_caption(str(caption), styles.get("caption", "")))


def _place(image: Token, placed: Placed) -> None:
    # Both sides are told, so that the words below do not jump when the image has come.
    width = min(placed.width, _COLUMN)
    image.attrSet("src", placed.url)
    image.attrSet("width", str(width))
    image.attrSet("height", str(max(1, round(placed.height * width / placed.width))))


def _caption(words: str, style: str) -> Token:
    shown = f'<span class="caption"{_attribute(style)}>{escape(words, quote=False)}</span>'
    return Token("html_inline", "", 0, content=shown)


def _attribute(style: str) -> str:
    return f' style="{style}"' if style else ""
