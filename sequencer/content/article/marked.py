"""What does a Markdown file say? Its headings and blocks, each exactly as it stands in the file."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sequencer.content import convert
from sequencer.content.article import page
from sequencer.content.article.parts import Article, Paragraph

_FRONT = re.compile(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_REFERENCE = re.compile(r"\[([^\]]+)\](?!\()")
_DEFINITIONS = "addresses, put where they are used"


def read(text: str, beside: Path | None = None) -> Article:
    """The article in a Markdown file, whose YAML front matter may name the title, the author and the language.

    In the folder `beside` the images of its HTML may lie; those of its Markdown are named as they are.
    """
    found = _FRONT.match(text)
    front = _front(found.group(1)) if found else {}
    raw_front, body = (text[: found.end()], text[found.end() :]) if found and front else ("", text)
    paragraphs = list(_paragraphs(body, beside))
    if raw_front:
        paragraphs.insert(0, Paragraph(raw=raw_front, markdown="", dropped="front matter; see course.toml"))
    first = next((one for one in paragraphs if one.level and not one.dropped), None)
    named = convert.words(first.markdown) if first is not None and first.level == 1 else ""
    return Article(
        title=front.get("title", "") or named,
        author=front.get("author", ""),
        language=front.get("lang", front.get("language", "")),
        paragraphs=tuple(paragraphs),
    )


def looks_so(text: str) -> bool:
    """Is this text Markdown, by its headings?"""
    headings = re.findall(r"^#{1,6} +\S|^\S[^\n]{1,80}\n(?:={3,}|-{3,})$", text, re.MULTILINE)
    return len(headings) > 1


def _front(source: str) -> Mapping[str, str]:
    try:
        given = yaml.safe_load(source)
    except (yaml.YAMLError, ValueError):
        return {}
    pairs = given.items() if isinstance(given, dict) else ()
    return {str(key).lower(): value.strip() for key, value in pairs if isinstance(value, str)}


def _paragraphs(body: str, beside: Path | None) -> list[Paragraph]:
    environment: dict[str, object] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse(body, environment)
    lines = body.split("\n")
    made: list[Paragraph] = []
    done = 0
    for at, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        begin, end = token.map
        made += _between(lines[done:begin])
        made.append(_block(tokens, at, "\n".join(lines[begin:end]), _references(environment), beside))
        done = end
    return made + _between(lines[done:])


def _between(lines: Sequence[str]) -> list[Paragraph]:
    """What the parser took note of and shows nowhere."""
    raw = "\n".join(lines)
    return [Paragraph(raw=raw, markdown="", dropped=_DEFINITIONS)] if raw.strip() else []


def _block(tokens: Sequence[Token], at: int, raw: str, references: Mapping[str, str], beside: Path | None) -> Paragraph:
    token = tokens[at]
    if token.type == "heading_open":
        heading = tokens[at + 1].content
        if not heading.strip():
            return Paragraph(raw=raw, markdown="", dropped="a heading without words")
        return Paragraph(raw=raw, markdown=convert.neutral(" ".join(heading.split())), level=int(token.tag[1]))
    if token.type == "hr":
        return Paragraph(raw=raw, markdown="---", dropped="a line across the page")
    if token.type == "html_block":
        converted = "\n\n".join(one.markdown for one in page.fragment(raw, beside) if not one.dropped)
        return Paragraph(raw=raw, markdown=converted, dropped="" if converted.strip() else "HTML that shows nothing")
    used = {label: references[_label(label)] for label in _REFERENCE.findall(raw) if _label(label) in references}
    addresses = "".join(f"\n[{label}]: {address}" for label, address in used.items())
    return Paragraph(raw=raw, markdown=convert.neutral(raw.rstrip()) + (f"\n{addresses}" if addresses else ""))


def _references(environment: Mapping[str, object]) -> Mapping[str, str]:
    found = environment.get("references")
    given = found if isinstance(found, dict) else {}
    return {str(label): f"<{value['href']}>" for label, value in given.items() if " " not in value["href"]}


def _label(label: str) -> str:
    return " ".join(label.split()).upper()
