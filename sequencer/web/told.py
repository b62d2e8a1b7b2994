"""What does a form tell of its visitor? Address, name, tags, page and campaign, and whatever else it asked."""

import logging
import re
from urllib.parse import parse_qsl

from sequencer.core.model import Pairs
from sequencer.errors import BadRequest
from sequencer.forms import Form
from sequencer.message import address
from sequencer.web import layout, shapes
from sequencer.web.layout import LONGEST_KEY, Layout, said
from sequencer.web.shapes import Preset, line

log = logging.getLogger(__name__)

LONGEST_URL = 2000
LONGEST_VALUE = 500
_MOST_ATTRIBUTES = 30
_MOST_TAGS = 20
_MOST_LIKELY = 10
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][a-z0-9]{2,8}){0,3}", re.IGNORECASE)


def has_email(given: Pairs, preset: Preset) -> bool:
    """Whether the fields are a sign-up at all, and not only the address of a page."""
    return shapes.holds(given, (*preset.email, *shapes.EMAIL))


def email(given: Pairs, form: Form, preset: Preset) -> str:
    """The address as it was typed, "" where there is none.

    Some forms only number their fields: where none is called an address, the one value that can be one is it.
    """
    here = layout.of(given, form, preset)
    if here.has_email:
        return said(given, here.email)
    likely = {
        name: value for name, value in given if "@" in value and not layout.is_kept_out(name, preset, form.honeypots)
    }
    if len(likely) > _MOST_LIKELY:
        return ""
    found = {name: value for name, value in likely.items() if _is_address(value)} or likely
    if len(found) != 1:
        return ""
    log.info("signup.guessed", extra={"form": form.key, "field": line(min(found), LONGEST_KEY)})
    return min(found.values())


def name(given: Pairs, here: Layout) -> str:
    """What the visitor calls themselves, in one piece or in two."""
    whole = said(given, here.name)
    return whole or " ".join(part for part in (said(given, here.first_name), said(given, here.last_name)) if part)


def is_trapped(given: Pairs, here: Layout) -> bool:
    """Whether a field is filled in that no person sees."""
    return any(given[at][1].strip() not in ("", "false") for at in here.traps)


def tags(given: Pairs, here: Layout) -> tuple[str, ...]:
    """The lists and tags that were asked for, each once."""
    if not here.lists:
        return ()
    asked = [line(given[at][1], LONGEST_KEY) for at in here.lists]
    return tuple(dict.fromkeys(tag for tag in asked if tag))[:_MOST_TAGS]


def onward(given: Pairs, form: Form, preset: Preset) -> str:
    """Where the form asks to be led to, if that stands in the form's list, letter by letter; else ""."""
    if not form.next:
        return ""
    names = (*preset.redirects, *shapes.NEXT)
    return next((value for name, value in given if name.lower() in names and value in form.next), "")


def page(given: Pairs, here: Layout) -> str:
    """The address of the page that holds the form, as the page tells it."""
    for places in here.page:
        told = line(said(given, places), LONGEST_URL)
        if re.match(r"https?://[^/]", told):
            return told
    return ""


def language(given: Pairs, here: Layout, accepted: str) -> str:
    """The language's tag that the form gives, else the one that the browser likes best."""
    for told in (said(given, here.language), accepted.partition(",")[0].partition(";")[0].strip()):
        if told and _LANGUAGE.fullmatch(told):
            return told.replace("_", "-")
    return ""


def attribution(given: Pairs, here: Layout, source: str) -> Pairs:
    """Which campaign brought the visitor: by the form, else by the address of its page."""
    told = dict(parse_qsl(source.partition("?")[2].partition("#")[0])) if "?" in source else {}
    told |= {given[at][0]: given[at][1] for at in here.attribution if given[at][1].strip()}
    if not told:
        return ()
    kept = {
        name.lower(): line(value, LONGEST_VALUE) for name, value in told.items() if layout.is_attribution(name.lower())
    }
    return tuple(sorted(kept.items()))[:_MOST_ATTRIBUTES]


def attributes(given: Pairs, here: Layout, *, typed: str) -> Pairs:
    """Whatever else the form asked, as far as there is room; a field that was given twice holds both answers.

    What only says the address that was `typed` once more is left out.
    """
    kept: dict[str, str] = {}
    for at, key in here.attributes:
        told = line(given[at][1], LONGEST_VALUE)
        if told in ("", typed):
            continue
        if key in kept:
            kept[key] = line(f"{kept[key]}, {told}", LONGEST_VALUE)
        elif len(kept) < _MOST_ATTRIBUTES:
            kept[key] = told
    return tuple(kept.items())


def _is_address(text: str) -> bool:
    try:
        return bool(address.parse(text))
    except BadRequest:
        return False
