"""Where in a form does each thing stand? What the names of its fields tell, which is the same for all who send it.

Names say what is asked, values what is answered: so a form is looked through once, and the next thousand visitors who
send the same fields are read by their places.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from sequencer.core.model import Pairs
from sequencer.forms import Form
from sequencer.web import shapes
from sequencer.web.shapes import Preset

LONGEST_KEY = 64
# More, or longer ones, have only those forms that somebody makes up: nothing is kept of them.
_MOST_NAMES = 40
_LONGEST_NAMES = 2000
_UTM = re.compile(r"utm_[a-z_]{1,32}")

Places: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which fields hold what, by their places in the form; the first that is not blank counts.

    `page` has the places of each name apart, `attributes` what each of the other fields is called.
    """

    has_email: bool
    email: Places
    name: Places
    first_name: Places
    last_name: Places
    zone: Places
    language: Places
    page: tuple[Places, ...]
    lists: Places
    traps: Places
    attribution: Places
    attributes: tuple[tuple[int, str], ...]
    stamp: Places
    altcha: Places
    sure: Places
    remembers: frozenset[str]


def of(given: Pairs, form: Form, preset: Preset) -> Layout:
    """The layout of a form that sends these fields."""
    names = tuple([name for name, _ in given])
    return (_kept if is_usual(names) else _made)(names, preset, form.honeypots)


def is_usual(names: tuple[str, ...]) -> bool:
    """Whether what is found out about fields of these names is worth keeping."""
    return len(names) <= _MOST_NAMES and sum(map(len, names)) <= _LONGEST_NAMES


def said(given: Pairs, places: Places) -> str:
    """The first of these values that is not blank; else ""."""
    for at in places:
        value = given[at][1].strip()
        if value:
            return value
    return ""


def is_list(name: str, preset: Preset) -> bool:
    """Whether a field names a list or a tag."""
    return shapes.matches(name, (*shapes.LISTS, *preset.lists))


def is_kept_out(name: str, preset: Preset, honeypots: tuple[str, ...]) -> bool:
    """Whether a field is none of the visitor's words: a trap, a redirect, or technique."""
    low = name.lower()
    return (
        low in (*preset.redirects, *preset.pages, *shapes.NEXT, *shapes.PAGE)
        or _is_trap(name, preset, honeypots)
        or shapes.matches(low, (*shapes.TECHNICAL, *preset.ignored))
    )


def is_attribution(name: str) -> bool:
    """Whether a field of this name, in lower case, tells which campaign brought the visitor."""
    return name in shapes.ATTRIBUTION or _UTM.fullmatch(name) is not None


def _made(names: tuple[str, ...], preset: Preset, honeypots: tuple[str, ...]) -> Layout:
    low, plain = [name.lower() for name in names], [shapes.written(name) for name in names]
    email = (*preset.email, *shapes.EMAIL)
    return Layout(
        has_email=any(name in low for name in email),
        email=_places(low, email),
        name=_places(plain, shapes.NAME),
        first_name=_places(plain, shapes.FIRST_NAME),
        last_name=_places(plain, shapes.LAST_NAME),
        zone=_places(plain, shapes.ZONE),
        language=_places(plain, shapes.LANGUAGE),
        page=tuple(found for name in (*preset.pages, *shapes.PAGE) if (found := _places(low, (name,)))),
        lists=tuple(at for at, name in enumerate(names) if is_list(name, preset)),
        traps=tuple(at for at, name in enumerate(names) if _is_trap(name, preset, honeypots)),
        attribution=tuple(at for at, name in enumerate(low) if is_attribution(name)),
        attributes=tuple(
            (at, key)
            for at, name in enumerate(names)
            if _is_key(key := shapes.bare(name)) and not _is_known(name, preset, honeypots)
        ),
        stamp=_places(low, ("_t",)),
        altcha=_places(low, ("altcha",)),
        sure=_places(low, ("sure",)),
        remembers=frozenset(low) & {"_shape", "current_url"},
    )


_kept = lru_cache(512)(_made)


def _places(there: list[str], names: Iterable[str]) -> Places:
    """Where fields of these names are, by the order of the names; a field may be there more than once."""
    return tuple(at for name in names for at, one in enumerate(there) if one == name)


def _is_key(name: str) -> bool:
    """Whether something can be kept under this name as it is: a line, and not too long."""
    return shapes.line(name, LONGEST_KEY) == name


def _is_trap(name: str, preset: Preset, honeypots: tuple[str, ...]) -> bool:
    return name in honeypots or shapes.matches(name, (*shapes.TRAPS, *preset.traps))


def _is_known(name: str, preset: Preset, honeypots: tuple[str, ...]) -> bool:
    """Whether a field has a place of its own."""
    plain = shapes.written(name)
    return (
        name.lower() in (*preset.email, *shapes.EMAIL)
        or plain in (*shapes.NAME, *shapes.FIRST_NAME, *shapes.LAST_NAME, *shapes.ZONE, *shapes.LANGUAGE)
        or is_attribution(name.lower())
        or is_list(name, preset)
        or is_kept_out(name, preset, honeypots)
    )
