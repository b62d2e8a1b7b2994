"""What does a web page say? Its real headings and paragraphs; all else is named as dropped, with the reason."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from sequencer.content import convert, images
from sequencer.content.article import furniture
from sequencer.content.article.parts import Article, Paragraph

_SILENT = "script,style,noscript,template,head,link,meta"
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_WHOLE = frozenset({"p", "ul", "ol", "dl", "blockquote", "pre", "table", "figure", "figcaption", "address", "details"})
_BOXES = frozenset({"div", "section", "article", "main", "header", "hgroup", "center", "td", "body", "tr", "tbody"})
_BLOCKS = _WHOLE | _BOXES | {*_HEADINGS, "hr"}
_PROSE = frozenset({"p", "li", "blockquote", "pre"})
_MAIN = ("[itemprop=articleBody]", "article", "main", "[role=main]")
_BREAK = re.compile(r"(?:(?<!\\)\\)?\s*\Z|\A(?:\\?\n)+")  # a line break with nothing before or behind it
_HALF, _MOST = 0.5, 0.8
_NOT_FURNITURE = 0.5  # a box that holds half of what is said on the page is no furniture, whatever it is called


def read(html: str, beside: Path | None = None) -> Article:
    """The article on a page; in the folder `beside` its images may lie."""
    tree = LexborHTMLParser(html)
    title, author, brand = _title(tree), _author(tree), _meta(tree, "og:site_name", "application-name")
    base, language = _base(tree), _language(tree)
    for node in tree.css(_SILENT):
        if node.tag != "head":
            node.decompose()
    body = tree.body
    if body is None:
        return Article(title=title, paragraphs=())
    walk = _Walk(body, base, beside)
    paragraphs = tuple(_heading_once(walk.read(), title))
    site = f"{urlsplit(base).scheme}://{urlsplit(base).netloc}" if base else ""
    return Article(
        title=title,
        author=author,
        brand=brand,
        language=language,
        site=site,
        paragraphs=paragraphs,
        remarks=tuple(walk.remarks()),
    )


def fragment(html: str, beside: Path | None = None) -> tuple[Paragraph, ...]:
    """The paragraphs of a piece of HTML that is an article from end to end."""
    tree = LexborHTMLParser(html)
    for node in tree.css(_SILENT):
        if node.tag != "head":
            node.decompose()
    return tuple(_Walk(tree.body, "", beside).all_of_it()) if tree.body else ()


class _Walk:
    """Goes through a page once. What lies in `main` is the article; what lies around it is dropped."""

    def __init__(self, body: LexborNode, base: str, beside: Path | None) -> None:
        self._body, self._base, self._beside = body, base, beside
        self._article = body
        self._said = max(len(_text(body)), 1)

    def read(self) -> Iterator[Paragraph]:
        self._article = _main(self._body, self._reason)
        yield from self._around(self._body, self._article.mem_id)

    def remarks(self) -> Iterator[str]:
        """What the report cannot say of paragraphs, as images have no words."""
        sources = [node.attributes.get("src") or "" for node in self._article.css("img")]
        lost = [one for one in dict.fromkeys(sources) if images.is_local(one) and not self._address(one)]
        if lost:
            yield f"Left out, as no image that a mail can show lies there beside the source: {', '.join(lost)}."

    def _address(self, src: str) -> str:
        return convert.image_address(src, base=self._base, beside=self._beside)

    def all_of_it(self) -> Iterator[Paragraph]:
        yield from self._inside(self._body)

    def _around(self, node: LexborNode, main: int) -> Iterator[Paragraph]:
        """Outside the article: each part of the page in one piece, down to where the article lies."""
        if node.mem_id == main:
            yield from self._inside(node)
            return
        holds = any(one.mem_id == main for one in node.traverse())
        if holds:
            for child in _children(node):
                yield from self._around(child, main)
        elif _text(node).strip():
            reason = "the title" if node.tag == "h1" else self._reason(node) or "outside the article"
            yield _left_out(node, reason)

    def _inside(self, node: LexborNode) -> Iterator[Paragraph]:
        loose: list[LexborNode] = []
        for child in _children(node):
            if not self._is_block(child):
                loose.append(child)
                continue
            yield from self._run(loose)
            loose = []
            yield from self._block(child)
        yield from self._run(loose)

    def _is_block(self, node: LexborNode) -> bool:
        return node.tag in _BLOCKS or (node.is_element_node and (bool(self._reason(node)) or _holds_blocks(node)))

    def _block(self, node: LexborNode) -> Iterator[Paragraph]:
        raw = _text(node)
        reason = self._reason(node)
        if not raw.strip() and (reason or node.tag in _HEADINGS):
            return
        if reason:
            yield _left_out(node, reason)
        elif node.tag in _HEADINGS:
            yield Paragraph(raw=raw, markdown=convert.escape(raw), level=int(str(node.tag)[1]))
        elif node.tag in _WHOLE and not any(one.tag in _HEADINGS for one in node.traverse()):
            yield from self._paragraph(raw, str(node.html))
        else:
            yield from self._inside(node)

    def _run(self, loose: list[LexborNode]) -> Iterator[Paragraph]:
        """Words between blocks, as pages without <p> have them; two <br> part paragraphs."""
        group: list[LexborNode] = []
        for at, node in enumerate(loose):
            group.append(node)
            broken = node.tag == "br" and at + 1 < len(loose) and _next_tag(loose, at) == "br"
            if broken or at + 1 == len(loose):
                yield from self._paragraph("".join(map(_text, group)), "".join(str(one.html or "") for one in group))
                group = []

    def _paragraph(self, raw: str, html: str) -> Iterator[Paragraph]:
        markdown = convert.from_html(html, base=self._base, beside=self._beside)
        if not raw.strip() and not markdown.strip("\\ \n"):
            return
        line = furniture.of_line(raw) if len(raw.split()) <= 14 and "![" not in markdown else ""  # noqa: PLR2004
        yield Paragraph(raw=raw, markdown=_BREAK.sub("", markdown), dropped=line)

    def _reason(self, node: LexborNode) -> str:
        if not node.is_element_node or node.tag in ("html", "body"):
            return ""
        given = node.attributes
        hidden = "hidden" in given or given.get("aria-hidden") == "true" or "display:none" in _style(given.get("style"))
        names = f"{given.get('class') or ''} {given.get('id') or ''}"
        reason = furniture.of_element(str(node.tag), given.get("role") or "", names, hidden=hidden)
        return reason if reason and len(_text(node)) < self._said * _NOT_FURNITURE else ""


def _left_out(node: LexborNode, reason: str) -> Paragraph:
    raw = node.text(deep=True, separator=" ", strip=False)
    return Paragraph(raw=raw, markdown=convert.escape(raw), dropped=reason)


def _main(body: LexborNode, reason: Callable[[LexborNode], str]) -> LexborNode:
    """The element that is the article: marked as such and holding most of the prose, or the smallest that does."""
    weights = _weights(body, reason)
    whole = weights.get(body.mem_id, 0)
    if not whole:
        return body
    for selector in _MAIN:
        found = max(body.css(selector), key=lambda node: weights.get(node.mem_id, 0), default=None)
        if found is not None and weights.get(found.mem_id, 0) >= whole * _HALF:
            return found
    node = body
    while True:
        child = max(_children(node), key=lambda one: weights.get(one.mem_id, 0), default=None)
        if child is None or child.tag not in _BOXES or weights.get(child.mem_id, 0) < whole * _MOST:
            return node
        node = child


def _weights(body: LexborNode, reason: Callable[[LexborNode], str]) -> dict[int, int]:
    """How many letters of prose and headings each element holds; furniture holds none."""
    weights: dict[int, int] = {}

    def weigh(node: LexborNode) -> int:
        if reason(node):
            return 0
        own = len(_text(node)) if node.tag in _PROSE or node.tag in _HEADINGS else 0
        weight = own or sum(weigh(child) for child in _children(node))
        weights[node.mem_id] = weight
        return weight

    weigh(body)
    return weights


def _children(node: LexborNode) -> list[LexborNode]:
    return [child for child in node.iter(include_text=True) if not child.is_comment_node]


def _holds_blocks(node: LexborNode) -> bool:
    return any(one.tag in _BLOCKS for one in node.traverse() if one.mem_id != node.mem_id)


def _next_tag(nodes: list[LexborNode], at: int) -> str:
    """The tag of the next node that is not white space."""
    return next((str(one.tag) for one in nodes[at + 1 :] if one.is_element_node or _text(one).strip()), "")


def _text(node: LexborNode) -> str:
    return node.text(deep=True, separator="", strip=False)


def _style(given: str | None) -> str:
    return "".join((given or "").lower().split())


def _heading_once(paragraphs: Iterator[Paragraph], title: str) -> Iterator[Paragraph]:
    for one in paragraphs:
        same = one.dropped == "the title" and " ".join(one.raw.split()) != title
        yield Paragraph(raw=one.raw, markdown=one.markdown, dropped="outside the article") if same else one


def _title(tree: LexborHTMLParser) -> str:
    heads = [" ".join(_text(node).split()) for node in tree.css("h1")]
    given = _meta(tree, "og:title", "twitter:title") or " ".join(_text(node) for node in tree.css("head title")[:1])
    given = " ".join(given.split())
    named = next((head for head in heads if head and head in given), "")
    return named or (heads[0] if len(heads) == 1 else given) or next(iter(heads), "")


def _author(tree: LexborHTMLParser) -> str:
    if found := _meta(tree, "author", "article:author"):
        return "" if "://" in found else found
    for node in tree.css('script[type="application/ld+json"]'):
        try:
            told = json.loads(_text(node))
        except ValueError:
            continue
        author = told.get("author") if isinstance(told, dict) else None
        first = author[0] if isinstance(author, list) and author else author
        if isinstance(first, dict) and isinstance(first.get("name"), str):
            return str(first["name"])
    return ""


def _meta(tree: LexborHTMLParser, *names: str) -> str:
    for name in names:
        for node in tree.css(f'meta[property="{name}"], meta[name="{name}"]'):
            if content := " ".join((node.attributes.get("content") or "").split()):
                return content
    return ""


def _base(tree: LexborHTMLParser) -> str:
    """The page's own address, where it says so."""
    found = [node.attributes.get("href") or "" for node in tree.css("base[href], link[rel=canonical]")]
    addresses = [*found, _meta(tree, "og:url")]
    return next((urljoin(one, ".") and one for one in addresses if one.startswith(("https://", "http://"))), "")


def _language(tree: LexborHTMLParser) -> str:
    node = tree.css_first("html")
    return (node.attributes.get("lang") or "").strip() if node is not None else ""
