"""Which field of a form means what? What a row of `presets` says, and the names that all forms share."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from sequencer.core.model import Pairs

_LONGEST_NAME = 100
_WRAPPED = re.compile(r"(?:fields|member|subscriber|custom_fields|metadata|data)\[([^\]]+)\](?:\[(?:value)?\])?")

# All names are compared whole: Kit's "email_address" holds the address, Brevo's "email_address_check" is a trap.
EMAIL = (
    "email",
    "email_address",
    "fields[email]",
    "member[email]",
    "subscriber[email]",
    "merge0",
    "your-email",
    "fields[email][value]",
    "ne",
    "e-mail",
    "mail",
)
# Names as `plain` writes them: fields[first_name], metadata__first-name and "First Name" are all first_name.
NAME = ("name", "full_name", "fullname", "your_name")
FIRST_NAME = ("first_name", "fname", "firstname", "merge1", "given_name", "prenom", "vorname", "nn")
LAST_NAME = ("last_name", "lname", "lastname", "merge2", "surname", "family_name", "nom", "nachname", "ns")
ZONE = ("timezone", "time_zone", "tz")
LANGUAGE = ("language", "locale", "lang", "nlang", "_wpcf7_locale")
NEXT = ("next", "_next", "redirect", "redirect_to", "redirect_url", "thankyou_url", "success_url")
# Where a page says of itself where it is; browsers tell other sites no more than its origin.
PAGE = ("current_url", "page_url", "source_url", "referring_site", "first_url", "source")
# What beside utm_… tells how somebody came.
ATTRIBUTION = ("source", "ref", "referral_code", "first_referrer", "gclid", "fbclid")
LISTS = (r"tags?(\[\d*\])?", r"lists?(\[\d*\])?", r"list_uuids", r"l", r"groups?(\[[^\]]*\])*")
# Empty, unless a robot filled it in.
TRAPS = (
    r"b_[0-9a-f]+_[0-9a-f]+",
    r"hp([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?",
    r"email_address_check",
    r"bot-field",
    r"_gotcha",
    r"_honey",
    r"wpforms\[hp\]",
)
# Buttons, tokens of other sites, and the answers of challenges that are not ours.
TECHNICAL = (
    r"_.*",
    r"(submit|button|commit|subscribe|utf8|callback|c|form|form_id|sure|altcha|token|nonce|ajax|guid|isajax|nojs)",
    r"(api_?key|passw(or)?d|authenticity_token|csrf.*|.*csrf.*token)",
    r"((g-re|h-|frc-)captcha-(response|solution)|cf-turnstile-response|mcaptcha__token)",
    r"(ip_?address|ip)",
)


class Speech(StrEnum):
    """In what a form's own script, or the visitor's browser, wants its answer."""

    PAGE = "page"
    JSON = "json"
    JSONP = "jsonp"
    TEXT = "text"


# In a row's answers they stand for what is wrong, for the visitor's address, a name for it, and the time.
SENTENCE, ADDRESS, NUMBER, NOW = "{sentence}", "{address}", "{number}", "{now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Answers of one word or line, as some scripts read them: done, no address, another thing wrong."""

    done: str
    missing: str = SENTENCE
    wrong: str = SENTENCE


# Each row is one of its kind, and is told from others as such: what is kept of it need not look into it.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preset:
    """One row: how a provider's form is known, read and answered, and what the owner of a site changes.

    Known: `signs` are patterns of fields that no other form has, `paths` those that its script insists upon, below a
    form's own address and alone. `link` is a path that is followed with GET. A `private` one needs a key.
    Read: names in `email`, `redirects` and `pages` go before the shared ones; patterns in `lists`, `traps` and
    `ignored` join them. `refuses` is a field with a value for which there is nothing to do, and a sentence on it.
    Answered: `speaks` is what it wants where its request does not say. `success` and `failure` are what its script
    reads beside what every program gets (with SENTENCE, ADDRESS, NUMBER and NOW filled in), `onward` the key of the
    address to go to, `status` that of success, `words` what it gets where a field has the value of `words_for`.
    Shown: `sample` is what such a form sends, to try it.
    Changed: `find` becomes `change`, in which URL is the form's address; `limits` says what does not work.
    """

    name: str
    title: str
    signs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    link: str = ""
    private: bool = False
    email: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()
    redirects: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    refuses: tuple[str, str, str] | None = None
    speaks: Speech = Speech.PAGE
    success: Mapping[str, object] = field(default_factory=dict)
    failure: Mapping[str, object] = field(default_factory=dict)
    onward: str = ""
    status: int = 200
    words: Words | None = None
    words_for: tuple[str, str] | None = None
    sample: str = ""
    find: str = ""
    change: str = 'action="URL"'
    limits: str = ""


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns is the whole name. No form has names so long that they would be slow to compare."""
    return len(name) <= _LONGEST_NAME and _any(patterns).fullmatch(name) is not None


@cache
def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def bare(name: str) -> str:
    """The name of a field without what a provider wraps around it: custom_fields[Town], metadata__Town and Town[]."""
    wrapped = _WRAPPED.fullmatch(name) if name.endswith("]") else None
    return wrapped[1] if wrapped else name.removeprefix("metadata__").removesuffix("[]")


def written(name: str) -> str:
    """The bare name of a field as the tables above write it."""
    return bare(name).lower().replace(" ", "_").replace("-", "_")


def line(text: str, longest: int) -> str:
    """Words that can be kept and shown: without line breaks and control characters, and cut."""
    if not text:
        return text
    if not text.isprintable():
        text = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(text.split())[:longest]


def plain(given: Pairs) -> Pairs:
    """The fields by names that are written in one way."""
    return tuple((written(name), value) for name, value in given)


def first(given: Pairs, names: Iterable[str]) -> str:
    """The first value that is not blank, by the order of the names; a field may have been given more than once."""
    there = [(name.lower(), value.strip()) for name, value in given]
    return next((value for name in names for one, value in there if one == name and value), "")


def holds(given: Pairs, names: Iterable[str]) -> bool:
    """Whether one of the fields is there, be it empty."""
    there = {name.lower() for name, _ in given}
    return any(name in there for name in names)
