"""Where do a lesson's links and images lead, and what do the images weigh? Without asking anybody on the network."""

import re
from collections.abc import Iterator

from sequencer.content import images, markdown, marks
from sequencer.content.images import Unfit
from sequencer.content.lint.findings import Finding
from sequencer.content.lint.front import Draft
from sequencer.content.markdown import Address

MOST_IMAGE = 1_000_000  # bytes
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def addresses(draft: Draft) -> tuple[Address, ...]:
    """The links and images of a lesson; those that are a person's own are left out."""
    source = marks.blank(draft.lesson.body, images.MARK)
    return tuple(one for one in markdown.addresses(source, draft.lesson.line) if not one.to.startswith(images.MARK))


def written(draft: Draft) -> Iterator[Finding]:
    """What can be seen in the lesson's file alone."""
    for one in addresses(draft):
        yield from _image(draft, one) if one.is_image else _link(draft, one)
        if one.to.lower().startswith("http:"):
            yield draft.finding("plain-http", f"{one.to} is fetched without encryption; write https.", one.line)
    for place in draft.images:
        if isinstance(place.what, Unfit):
            yield draft.finding("image-file", place.what.sentence, place.line)
        elif len(place.what.content) > MOST_IMAGE:
            yield heavy(draft, place.to, place.line, len(place.what.content))


def _link(draft: Draft, link: Address) -> Iterator[Finding]:
    if link.to in ("", "#"):
        yield draft.finding("empty-link", f'the link "{link.words}" leads nowhere.', link.line)
    elif not link.words.strip():
        yield draft.finding("empty-link", f"the link to {link.to} has no words to press.", link.line)
    elif not _SCHEME.match(link.to):
        yield draft.finding("relative-address", f"{link.to} leads nowhere in a mail; write it whole.", link.line)


def _image(draft: Draft, image: Address) -> Iterator[Finding]:
    if not image.words.strip():
        yield draft.finding("image-without-alt", f"say what {image.to} shows, between the brackets.", image.line)
    if not image.to:
        yield draft.finding("empty-link", "the image has no address.", image.line)
    elif image.to.startswith("//"):
        yield draft.finding("relative-address", f"{image.to} lacks its beginning; write https: before it.", image.line)


def heavy(draft: Draft, to: str, line: int, size: int) -> Finding:
    """The finding for an image of so many bytes."""
    return draft.finding("heavy-image", f"{to} weighs {size / 1e6:.1f} MB; many read on the way.", line)
