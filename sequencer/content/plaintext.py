"""How does a lesson read without HTML? The text part, from the same Markdown as the HTML part."""

import textwrap
from collections.abc import Sequence

from markdown_it.token import Token

WIDTH = 72


def render(tokens: Sequence[Token]) -> str:
    """Plain text, wrapped at 72 columns: headings underlined, lists marked, links spelt out after their words."""
    return _Writer().write(tokens)


class _Writer:
    """Walks the tokens once; `_lead` and `_indent` are what the next line and those after it begin with."""

    def __init__(self) -> None:
        self._paragraphs: list[str] = []
        self._counters: list[int | None] = []
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
                self._counters.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._counters.pop()
                self._end_paragraph()
            case "list_item_open":
                self._open_item()
            case "list_item_close":
                self._indent = self._indent[: -len(self._marker())]
                self._count()
            case "blockquote_open":
                self._indent += "> "
                self._lead = self._indent
            case "blockquote_close":
                self._indent = self._indent.removesuffix("> ")
                self._lead = self._indent
            case "heading_open":
                self._heading = "=" if token.tag == "h1" else "-"
            case "inline":
                self._paragraph(_inline(token.children or ()), hidden=self._tight)
            case "paragraph_open":
                self._tight = token.hidden
            case "fence" | "code_block":
                self._paragraphs.append(textwrap.indent(token.content, self._indent + "    ") + "\n")
            case "hr":
                self._paragraphs.append("* * *".center(WIDTH).rstrip() + "\n\n")
            case "td_close" | "th_close" | "tr_close":
                self._end_paragraph()

    def _marker(self) -> str:
        counter = self._counters[-1]
        return "- " if counter is None else f"{counter}. "

    def _open_item(self) -> None:
        self._lead = self._indent + self._marker()
        self._indent += " " * len(self._marker())

    def _count(self) -> None:
        counter = self._counters[-1]
        if counter is not None:
            self._counters[-1] = counter + 1

    def _end_paragraph(self) -> None:
        if self._paragraphs and not self._paragraphs[-1].endswith("\n\n"):
            self._paragraphs.append("\n")

    def _paragraph(self, words: str, *, hidden: bool) -> None:
        lead = self._lead or self._indent
        lines = [line for part in words.split("\n") for line in _wrapped(part, lead, self._indent)]
        self._lead = ""
        if self._heading:
            lines.append(self._heading * min(WIDTH, max(map(len, lines), default=0)))
            self._heading = ""
        self._paragraphs.append("\n".join(lines) + ("\n" if hidden else "\n\n"))


def _wrapped(words: str, lead: str, indent: str) -> list[str]:
    return textwrap.wrap(
        words,
        WIDTH,
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
                out.append(f"[{child.content}]")
            case "link_open":
                links.append((str(child.attrGet("href")), len(out)))
            case "link_close":
                href, begin = links.pop()
                if href.removeprefix("mailto:") != "".join(out[begin:]):
                    out.append(f" ({href})")
    return "".join(out)
