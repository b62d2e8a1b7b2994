"""How does a lesson read without HTML? The text part, from the same Markdown as the HTML part."""

import textwrap
from collections.abc import Sequence

from markdown_it.token import Token

WIDTH = 72


def render(tokens: Sequence[Token], width: int = WIDTH) -> str:
    """Plain text, wrapped at `width` columns: headings underlined, lists marked, links spelt out, rows on a line."""
    return _Writer(width).write(tokens)


class _Writer:
    """Walks the tokens once; `_lead` and `_indent` are what the next line and those after it begin with."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._paragraphs: list[str] = []
        self._counters: list[int | None] = []
        self._row: list[str] | None = None
        self._lead = ""
        self._indent = ""
        self._heading = ""
        self._tight = False

    def write(self, tokens: Sequence[Token]) -> str:
        for token in tokens:
            self._take(token)
        return "".join(self._paragraphs).strip("\n")

    def _take(self, token: Token) -> None:  # noqa: C901, PLR0912 (one case a kind of token)
        match token.type:
            case "bullet_list_open":
                self._counters.append(None)
            case "ordered_list_open":
                self._counters.append(_start(token))
            case "bullet_list_close" | "ordered_list_close":
                self._counters.pop()
                if not self._counters:
                    self._end_paragraph()
            case "list_item_open":
                self._open(self._marker(), " " * len(self._marker()))
            case "list_item_close":
                self._close(self._marker())
                self._count()
            case "blockquote_open":
                self._open("> ", "> ")
            case "blockquote_close":
                self._close("> ")
            case "heading_open":
                self._heading = "=" if token.tag == "h1" else "-"
                self._tight = False
            case "paragraph_open":
                self._tight = token.hidden
            case "inline" if self._row is not None:
                self._row.append(_inline(token.children or ()).replace("\n", " "))
            case "inline":
                self._paragraph(_inline(token.children or ()), hidden=self._tight)
            case "fence" | "code_block":
                self._end_paragraph()
                self._paragraphs.append(textwrap.indent(token.content, self._indent + "    ") + "\n")
            case "hr":
                self._end_paragraph()
                self._paragraphs.append("* * *".center(self._width).rstrip() + "\n\n")
            case "table_open" | "table_close":
                self._end_paragraph()
            case "thead_open":
                self._heading = "-"
            case "tr_open":
                self._row = []
            case "tr_close":
                self._paragraph(" | ".join(self._row or ()), hidden=True, hanging="  ")
                self._row = None

    def _marker(self) -> str:
        counter = self._counters[-1]
        return "- " if counter is None else f"{counter}. "

    def _open(self, lead: str, indent: str) -> None:
        self._lead = (self._lead or self._indent) + lead
        self._indent += indent

    def _close(self, lead: str) -> None:
        self._indent = self._indent[: -len(lead)]
        self._lead = ""

    def _count(self) -> None:
        counter = self._counters[-1]
        if counter is not None:
            self._counters[-1] = counter + 1

    def _end_paragraph(self) -> None:
        if self._paragraphs and not self._paragraphs[-1].endswith("\n\n"):
            self._paragraphs[-1] += "\n"

    def _paragraph(self, words: str, *, hidden: bool, hanging: str = "") -> None:
        lead, indent = self._lead or self._indent, self._indent + hanging
        lines: list[str] = []
        for part in words.split("\n"):
            lines += _wrapped(part, self._width, indent if lines else lead, indent)
        self._lead = ""
        if self._heading and lines:
            lines.append(self._heading * min(self._width, max(map(len, lines))))
        self._heading = ""
        if not hidden:
            self._end_paragraph()
        if lines:
            self._paragraphs.append("\n".join(lines) + ("\n" if hidden else "\n\n"))


def _start(token: Token) -> int:
    """The number with which an ordered list begins."""
    start = token.attrGet("start")
    return 1 if start is None else int(start)


def _wrapped(words: str, width: int, lead: str, indent: str) -> list[str]:
    return textwrap.wrap(
        words,
        width,
        initial_indent=lead,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _inline(children: Sequence[Token]) -> str:  # noqa: C901 (one case a kind of token)
    out: list[str] = []
    links: list[tuple[str, int]] = []
    for child in children:
        match child.type:
            case "text" | "code_inline":
                out.append(child.content)
            case "softbreak":
                out.append(" ")
            case "hardbreak":
                out.append("\n")
            case "em_open" | "em_close":
                out.append("_")
            case "strong_open" | "strong_close":
                out.append("*")
            case "image":
                caption = child.attrGet("title")
                out.append(f"[{child.content}]" + (f"\n{caption}" if caption else ""))
            case "link_open":
                links.append((str(child.attrGet("href")), len(out)))
            case "link_close":
                href, begin = links.pop()
                if href.removeprefix("mailto:") != "".join(out[begin:]):
                    out.append(f" ({href})")
    return "".join(out)
