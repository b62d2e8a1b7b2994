"""Which kind of source is this? Bytes from a file or from a pipe become an Article, or a sentence says why not."""

import re
from pathlib import Path

from sequencer.content.article import marked, page, prose
from sequencer.content.article.parts import Article
from sequencer.errors import BadContent

MOST_BYTES = 20_000_000
_MARKS = {b"%PDF": "a PDF", b"PK\x03\x04": "a Word, OpenDocument or EPUB file", b"\xd0\xcf\x11\xe0": "a Word file",
          b"{\\rtf": "an RTF file", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"\x1f\x8b": "compressed",
          b"GIF8": "a picture", b"RIFF": "a recording or a picture"}  # fmt: skip
_BOMS = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xef\xbb\xbf": "utf-8-sig",
         b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # fmt: skip
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_HTML = re.compile(r"\s*(<!doctype html|<html\b|<\?xml)|<(p|h[1-6]|article|body|div)\b[^>]*>", re.IGNORECASE)
_MARKDOWN_NAMES = frozenset({".md", ".markdown", ".mdown", ".mkd"})
_HTML_NAMES = frozenset({".html", ".htm", ".xhtml"})
_SAVE_AS = "save the article as HTML, Markdown or plain text"


def load(path: Path) -> bytes:
    """The bytes of a file. Raises BadContent where it cannot be read."""
    if path.is_dir():
        raise BadContent(f"{path}: this is a folder; name one file with the article.")
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadContent(f"{path}: the file cannot be read ({error.strerror}).") from error


def read(content: bytes, name: str, beside: Path | None = None) -> Article:
    """The article in these bytes. `name` is the file's, or "-"; it decides where the words do not.

    `beside` is the folder in which it lies, where its images may lie too.
    Raises BadContent with the name for what is empty, not text, or in an unknown encoding.
    """
    text = decode(content, name)
    try:
        return _read(text, Path(name).suffix.lower(), beside)
    except RecursionError as error:
        raise BadContent(f"{name}: its parts are nested too deeply to be an article; {_SAVE_AS}.") from error


def _read(text: str, suffix: str, beside: Path | None) -> Article:
    if suffix in _HTML_NAMES or (suffix not in _MARKDOWN_NAMES and _HTML.match(text)) or _is_html(text, suffix):
        return page.read(text, beside)
    if suffix in _MARKDOWN_NAMES or marked.looks_so(text):
        return marked.read(text, beside)
    return prose.read(text)


def decode(content: bytes, name: str) -> str:
    """The text in these bytes: UTF-8, or what a byte-order mark or the page itself names."""
    if len(content) > MOST_BYTES:
        raise BadContent(f"{name}: the file has more than {MOST_BYTES // 1_000_000} MB; that is no article.")
    kind = next((kind for mark, kind in _MARKS.items() if content.startswith(mark)), "")
    if kind:
        raise BadContent(f"{name}: this is {kind}; {_SAVE_AS}.")
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise BadContent(f"{name}: this is not {encoding.upper()} text; {_SAVE_AS}, in UTF-8.") from error
    if "\x00" in text or sum(not c.isprintable() and not c.isspace() for c in text) * 20 > len(text):
        raise BadContent(f"{name}: this is not text; {_SAVE_AS}.")
    if not text.strip():
        raise BadContent(f"{name}: the file is empty.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(content: bytes) -> str:
    marked_as = next((encoding for mark, encoding in _BOMS.items() if content.startswith(mark)), "")
    if marked_as:
        return marked_as
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        named = _CHARSET.search(content[:4096])
        return named.group(1).decode("ascii") if named else "utf-8"
    return "utf-8"


def _is_html(text: str, suffix: str) -> bool:
    """A pipe or a .txt with the tags of a page in it."""
    return suffix not in _MARKDOWN_NAMES and len(re.findall(r"</(?:p|h[1-6]|div|li)>", text, re.IGNORECASE)) > 2  # noqa: PLR2004
