"""What does a feed reader get of the archive? An Atom feed (RFC 4287): the newest issues, each in whole."""

from xml.etree import ElementTree as ET

from sequencer.content.render import Mail
from sequencer.core.model import Course, Issue

MEDIA_TYPE = "application/atom+xml"
_ATOM = "http://www.w3.org/2005/Atom"
_XML = "http://www.w3.org/XML/1998/namespace"


def atom(newsletter: Course, entries: list[tuple[Issue, str, Mail]], *, archive: str, feed: str) -> bytes:
    """The feed, of issues with their addresses and their words as plain HTML.

    Ids are addresses, and stay for ever (§4.2.6).
    """
    ET.register_namespace("", _ATOM)
    root = ET.Element(f"{{{_ATOM}}}feed", {f"{{{_XML}}}lang": newsletter.language})
    _text(root, "id", archive)
    _text(root, "title", newsletter.title)
    if newsletter.subtitle:
        _text(root, "subtitle", newsletter.subtitle)
    _link(root, "self", feed, MEDIA_TYPE)
    _link(root, "alternate", archive, "text/html")
    _text(ET.SubElement(root, f"{{{_ATOM}}}author"), "name", newsletter.author or newsletter.brand)
    # An empty feed needs a time too (§4.1.1): one that does not change.
    _text(root, "updated", _time(max((one for one, _, _ in entries), key=_updated)) if entries else _LONG_AGO)
    for one, url, mail in entries:
        entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
        _text(entry, "id", url)
        _text(entry, "title", mail.subject)
        _link(entry, "alternate", url, "text/html")
        _text(entry, "published", f"{one.opens_at:%Y-%m-%dT%H:%M:%SZ}")
        _text(entry, "updated", _time(one))
        _text(entry, "summary", mail.text.strip())
        _text(entry, "content", mail.html.strip()).set("type", "html")
    words: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return words


_LONG_AGO = "1970-01-01T00:00:00Z"


def _updated(one: Issue) -> float:
    return max(one.opens_at, one.scheduled_at).timestamp()


def _time(one: Issue) -> str:
    return f"{max(one.opens_at, one.scheduled_at):%Y-%m-%dT%H:%M:%SZ}"


def _text(parent: ET.Element, name: str, words: str) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_ATOM}}}{name}")
    child.text = "".join(one for one in words if one.isprintable() or one in "\n\t")
    return child


def _link(parent: ET.Element, rel: str, href: str, kind: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}link", {"rel": rel, "href": href, "type": kind})
