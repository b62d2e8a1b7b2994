"""How do foreign words become our Markdown? HTML is converted, plain text escaped, Markdown reduced to its words."""

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urljoin, urlsplit

from bs4 import Tag
from markdown_it import MarkdownIt
from markdownify import MarkdownConverter

from sequencer.content import images
from sequencer.content.images import Found

_SPECIAL = re.compile(r"[\\*`]|<(?=[A-Za-z/!?])|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[])")
_LINE_START = re.compile(r"^([ \t]*)(?:([#>+=|~-])|(\d{1,9})([.)])(?=\s|$))", re.MULTILINE)
_BOX = re.compile(r"^([ \t]*):::", re.MULTILINE)
_JINJA = re.compile(r"\{[{%#]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\U000f0000-\U000ffffd]")
_INLINE_SCHEMES = ("http", "https", "mailto", "tel")


class _Writer(MarkdownConverter):
    """Markdown in our dialect: only addresses that lead somewhere from within a mail survive."""

    def __init__(self, base: str, beside: Path | None) -> None:
        super().__init__(heading_style="ATX", bullets="-", newline_style="BACKSLASH")
        self._base, self._beside = base, beside

    def escape(self, text: str, parent_tags: Collection[str]) -> str:
        """Text of the page that must not become marks of ours."""
        return text if "_noformat" in parent_tags or "pre" in parent_tags else _SPECIAL.sub(_escaped, text)

    def convert_a(self, el: Tag, text: str, parent_tags: Collection[str]) -> str:
        """A link, where its address is whole; else its words."""
        address = _absolute(self._base, el.get("href"))
        if not address or not text.strip():
            return text
        el["href"] = address
        del el["title"]
        return str(super().convert_a(el, text, parent_tags))  # type: ignore[misc]

    def convert_img(self, el: Tag, text: str, parent_tags: Collection[str]) -> str:  # noqa: ARG002 (the library's)
        """A picture, where mail can fetch it; else nothing."""
        address = image_address(str(el.get("src") or ""), base=self._base, beside=self._beside)
        described = " ".join(str(el.get("alt") or "").split()).replace("[", "(").replace("]", ")")
        return f"![{described}]({address})" if address else ""


def image_address(src: str, *, base: str = "", beside: Path | None = None) -> str:
    """How a lesson names an image of a page: the file in the folder `beside`, else its whole address, else nothing."""
    if beside is not None and images.is_local(src):
        to = quote(str(PurePosixPath(images.file_name(src))), safe="/")
        if isinstance(images.look(to, beside), Found):
            return to
    address = _absolute(base, src)
    return address if address.startswith("https://") else ""


def from_html(html: str, *, base: str = "", beside: Path | None = None) -> str:
    """Our Markdown for a piece of HTML; `base` is the address that its links are relative to.

    `beside` is the folder in which the page lies, where images may lie too.
    """
    written = str(_Writer(base, beside).convert(f"<div>{html}</div>")).strip("\n")
    return neutral("\n".join(line.rstrip() for line in written.split("\n")))


def escape(words: str) -> str:
    """Plain words as Markdown that shows just them, in one line."""
    even = " ".join(words.split())
    return neutral(_LINE_START.sub(_escaped_start, _SPECIAL.sub(_escaped, even)))


def neutral(markdown: str) -> str:
    """Markdown in which nothing stands for a box or for a person's values, and nothing is invisible."""
    clean = _BOX.sub(r"\1\\:::", _CONTROL.sub(" ", markdown))
    return _JINJA.sub(lambda match: "{{ '" + match.group() + "' }}", clean)


def words(markdown: str) -> str:
    """What a reader sees of a stretch of Markdown: no marks, no addresses, one line."""
    seen: list[str] = []
    for token in MarkdownIt("commonmark").enable("table").parse(_unspelt(markdown)):
        if token.type in ("fence", "code_block"):
            seen.append(token.content)
        seen += (" " if child.type in ("softbreak", "hardbreak") else child.content for child in token.children or ())
        seen.append(" ")
    return " ".join("".join(seen).split())


def _unspelt(markdown: str) -> str:
    return re.sub(r"\{\{ '(\{[{%#])' \}\}", r"\1", markdown)


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match.group()


def _escaped_start(match: re.Match[str]) -> str:
    indent, mark, number, point = match.groups()
    return f"{indent}\\{mark}" if mark else f"{indent}{number}\\{point}"


def _absolute(base: str, given: object) -> str:
    """The whole address, or nothing where there is none that a mail could lead to."""
    try:
        address = urljoin(base, str(given or "").strip())
        return address if urlsplit(address).scheme in _INLINE_SCHEMES and " " not in address else ""
    except ValueError:
        return ""
