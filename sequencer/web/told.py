"""What does a form tell of its visitor? Address, name, tags, page and campaign, and whatever else it asked."""

import logging
import re
from urllib.parse import parse_qsl

from sequencer.core.model import Pairs
from sequencer.errors import BadRequest
from sequencer.forms import Form
from sequencer.message import address
from sequencer.web import shapes
from sequencer.web.shapes import Preset

log = logging.getLogger(__name__)

LONGEST_URL = 2000
LONGEST_VALUE = 500
_LONGEST_KEY = 64
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
    names = (*preset.email, *shapes.EMAIL)
    if shapes.holds(given, names):
        return shapes.first(given, names)
    likely = {name: value for name, value in given if "@" in value and not is_kept_out(name, form, preset)}
    if len(likely) > _MOST_LIKELY:
        return ""
    found = {name: value for name, value in likely.items() if _is_address(value)} or likely
    if len(found) != 1:
        return ""
    log.info("signup.guessed", extra={"form": form.key, "field": line(min(found), _LONGEST_KEY)})
    return min(found.values())


def name(given: Pairs) -> str:
    """What the visitor calls themselves, in one piece or in two."""
    plain = shapes.plain(given)
    parts = (shapes.first(plain, shapes.FIRST_NAME), shapes.first(plain, shapes.LAST_NAME))
    return shapes.first(plain, shapes.NAME) or " ".join(part for part in parts if part)


def zone(given: Pairs) -> str:
    """The time zone that the form names."""
    return shapes.first(shapes.plain(given), shapes.ZONE)


def is_trapped(given: Pairs, form: Form, preset: Preset) -> bool:
    """Whether a field is filled in that no person sees."""
    return any(_is_trap(name, form, preset) and value.strip() not in ("", "false") for name, value in given)


def tags(given: Pairs, preset: Preset) -> tuple[str, ...]:
    """The lists and tags that were asked for, each once."""
    said = [line(value, _LONGEST_KEY) for name, value in given if is_list(name, preset)]
    return tuple(dict.fromkeys(tag for tag in said if tag))[:_MOST_TAGS]


def is_list(name: str, preset: Preset) -> bool:
    """Whether a field names a list or a tag."""
    return shapes.matches(name, (*shapes.LISTS, *preset.lists))


def onward(given: Pairs, form: Form, preset: Preset) -> str:
    """Where the form asks to be led to, if that stands in the form's list, letter by letter; else ""."""
    names = (*preset.redirects, *shapes.NEXT)
    return next((value for name, value in given if name.lower() in names and value in form.next), "")


def page(given: Pairs, preset: Preset) -> str:
    """The address of the page that holds the form, as the page tells it."""
    for name in (*preset.pages, *shapes.PAGE):
        said = line(shapes.first(given, (name,)), LONGEST_URL)
        if re.match(r"https?://[^/]", said):
            return said
    return ""


def language(given: Pairs, accepted: str) -> str:
    """The language's tag that the form gives, else the one that the browser likes best."""
    for said in (
        shapes.first(shapes.plain(given), shapes.LANGUAGE),
        accepted.partition(",")[0].partition(";")[0].strip(),
    ):
        if _LANGUAGE.fullmatch(said):
            return said.replace("_", "-")
    return ""


def attribution(given: Pairs, source: str) -> Pairs:
    """Which campaign brought the visitor: by the form, else by the address of its page."""
    told = dict(parse_qsl(source.partition("?")[2].partition("#")[0])) if "?" in source else {}
    told |= {name: value for name, value in given if value.strip()}
    kept = {name.lower(): line(value, LONGEST_VALUE) for name, value in told.items() if _is_attribution(name.lower())}
    return tuple(sorted(kept.items()))[:_MOST_ATTRIBUTES]


def attributes(given: Pairs, form: Form, preset: Preset, *, typed: str) -> Pairs:
    """Whatever else the form asked, as far as there is room; a field that was given twice holds both answers.

    What only says the address that was `typed` once more is left out.
    """
    kept: dict[str, str] = {}
    for name, value in given:
        key, said = shapes.bare(name), line(value, LONGEST_VALUE)
        if said in ("", typed) or line(key, _LONGEST_KEY) != key or _is_known(name, form, preset):
            continue
        if key in kept:
            kept[key] = line(f"{kept[key]}, {said}", LONGEST_VALUE)
        elif len(kept) < _MOST_ATTRIBUTES:
            kept[key] = said
    return tuple(kept.items())


def is_kept_out(name: str, form: Form, preset: Preset) -> bool:
    """Whether a field is none of the visitor's words: a trap, a redirect, or technique."""
    low = name.lower()
    return (
        low in (*preset.redirects, *preset.pages, *shapes.NEXT, *shapes.PAGE)
        or _is_trap(name, form, preset)
        or shapes.matches(low, (*shapes.TECHNICAL, *preset.ignored))
    )


def line(text: str, longest: int) -> str:
    """Words that can be kept and shown: without line breaks and control characters, and cut."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(text.split())[:longest]


def _is_address(text: str) -> bool:
    try:
        return bool(address.parse(text))
    except BadRequest:
        return False


def _is_trap(name: str, form: Form, preset: Preset) -> bool:
    return name in form.honeypots or shapes.matches(name, (*shapes.TRAPS, *preset.traps))


def _is_attribution(name: str) -> bool:
    return name in shapes.ATTRIBUTION or re.fullmatch(r"utm_[a-z_]{1,32}", name) is not None


def _is_known(name: str, form: Form, preset: Preset) -> bool:
    """Whether a field has a place of its own."""
    plain = shapes.written(name)
    return (
        name.lower() in (*preset.email, *shapes.EMAIL)
        or plain in (*shapes.NAME, *shapes.FIRST_NAME, *shapes.LAST_NAME, *shapes.ZONE, *shapes.LANGUAGE)
        or _is_attribution(name.lower())
        or is_list(name, preset)
        or is_kept_out(name, form, preset)
    )
