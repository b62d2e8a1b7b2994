"""What is there to say of a sign-up form? One table `[forms.KEY]` of the settings becomes a Form.

Every key of such a table is one field of `Form`: its default, its meaning and its parser stand together.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from sequencer import values

_Parsed = TypeVar("_Parsed")
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_MOST_SECRETS = 2
NEWSLETTER = "newsletter"  # its name among the courses, as in core/model.py
# What a visitor agrees to where the table does not say it.
_A_NEWSLETTER = "I would like to receive this newsletter by e-mail."
_BOTH = "I would like to receive this course and the newsletter by e-mail."
# Standard Webhooks: whoever signs by Ed25519 keeps whsk_… and hands out whpk_…, which is 32 bytes.
_ASYMMETRIC = ("whpk_", "whsk_")
_PUBLIC_KEY = re.compile(r"whpk_[A-Za-z0-9+/]{43}=")


class OptIn(StrEnum):
    """Whether the owner of an address is asked before any lesson goes there."""

    DOUBLE = "double"
    SINGLE = "single"


class Challenge(StrEnum):
    """When a visitor's browser has to do some work before a mail goes out."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Signature(StrEnum):
    """How a program proves that what it posts is its own; `core/signatures.py` has a row for each."""

    STANDARD = "standard"
    SVIX = "svix"
    STRIPE = "stripe"
    GITHUB = "github"
    TYPEFORM = "typeform"
    TALLY = "tally"
    WEBFLOW = "webflow"
    FRAMER = "framer"
    NETLIFY = "netlify"
    BUTTONDOWN = "buttondown"
    WPFORMS = "wpforms"
    HEADER = "header"
    URL = "url"


def _key(
    parse: Callable[[object], _Parsed], meaning: str, *, default: object = MISSING, secret: bool = False
) -> _Parsed:
    """One key. `default` is the parsed value; without one the key is needed."""
    metadata = {"parse": parse, "meaning": meaning}
    made: _Parsed = field(default=default, metadata=metadata, repr=not secret)  # type: ignore[assignment]
    return made


def _origins(value: object) -> tuple[str, ...]:
    found = values.names(value)
    if not all(_ORIGIN.fullmatch(one) for one in found):
        raise ValueError('a list of sites like ["https://www.example.org"], without a path')
    return tuple(one.lower() for one in found)


def _addresses(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(page, str) for page in value):
        raise ValueError('a list of addresses like ["https://www.example.org/thanks"]')
    return tuple(value)


def _lists(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(slug, str) for slug in value.values()):
        raise ValueError('a table like { "what the form says" = "a-course" }')
    return tuple(value.items())


def _secrets(value: object) -> tuple[str, ...]:
    found = values.names(value)
    if not all(found) or len(found) > _MOST_SECRETS:
        raise ValueError('one secret or two, like ["the new one", "the old one"]')
    return found


def _opt_in(value: object) -> OptIn:
    try:
        return OptIn(values.a_text(value))
    except ValueError as error:
        raise ValueError('"double" or "single"') from error


def _challenge(value: object) -> Challenge:
    try:
        return Challenge(values.a_text(value))
    except ValueError as error:
        raise ValueError('"auto", "always" or "never"') from error


def _signature(value: object) -> Signature:
    try:
        return Signature(values.a_text(value))
    except ValueError as error:
        *rest, last = (f'"{one}"' for one in Signature)
        raise ValueError(f"{', '.join(rest)} or {last}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A sign-up form of the site: which course it leads to, which words the visitor agrees to, whom it may trust."""

    key: str
    course: str = _key(values.needed_text, "The course that it leads to: the name of its folder.")
    newsletter: bool = _key(
        values.switch,
        "Whether it is for the newsletter: beside the course, or alone where it names no course.",
        default=False,
    )
    consent: str = _key(
        values.needed_text,
        "The words that the visitor agrees to, as they stand on the site.",
        default="I would like to receive this course by e-mail.",
    )
    consent_version: str = _key(
        values.a_text, "A name for these words, kept with each consent; left out, one is made from them.", default=""
    )
    next: tuple[str, ...] = _key(
        _addresses, "Addresses to which the form may lead a visitor afterwards, when it names one of them.", default=()
    )
    thanks: str = _key(
        values.a_text, "Where a visitor is led who is led nowhere else; left out, to a page of ours.", default=""
    )
    lists: tuple[tuple[str, str], ...] = _key(
        _lists,
        "Which other course a tag or list leads to, where the form offers a choice; unknown ones are ignored.",
        default=(),
    )
    opt_in: OptIn = _key(
        _opt_in,
        '"double": the owner of the address is asked by mail; "single": they are not, which needs a reason.',
        default=OptIn.DOUBLE,
    )
    single_because: str = _key(
        values.a_text, "Why nobody needs to be asked, for instance that they had signed in; kept as proof.", default=""
    )
    origins: tuple[str, ...] = _key(
        _origins, "The sites whose pages hold the form; left out, a form on any page is taken.", default=()
    )
    embed: tuple[str, ...] = _key(_origins, "The sites that may show our own sign-up page in a frame.", default=())
    honeypots: tuple[str, ...] = _key(
        values.names, "Fields that only robots fill in, beside those that are known.", default=()
    )
    challenge: Challenge = _key(
        _challenge,
        'Whether a browser must do some work before a mail goes out: "auto" in an attack, "always", "never".',
        default=Challenge.AUTO,
    )
    signature: Signature | None = _key(
        _signature,
        "How a program signs what it posts, by its name in docs/forms.md; with it nothing unsigned is taken.",
        default=None,
    )
    secrets: tuple[str, ...] = _key(
        _secrets,
        "The secret of the signature, or the sender's public key; two while one takes the other's place.",
        default=(),
        secret=True,
    )

    @property
    def wording_version(self) -> str:
        """The name of the words agreed to: the site's own, or one that changes with them."""
        return self.consent_version or hashlib.sha256(self.consent.encode()).hexdigest()[:12]

    @property
    def courses(self) -> tuple[str, ...]:
        """Every course that it may lead to, its own first."""
        newsletter = (NEWSLETTER,) if self.newsletter else ()
        return tuple(dict.fromkeys((self.course, *dict(self.lists).values(), *newsletter)))


USUAL_CAPS: Mapping[str, int] = MappingProxyType(
    {
        "ip": 10,
        "network": 100,
        "address": 5,
        "domain": 200,
        "form": 2000,
        "all": 5000,
        "provider": 100,
        "institution": 10,
    }
)


def caps(value: object) -> Mapping[str, int]:
    """How many sign-ups are usual, by what is counted; what is left out is as usual. Raises ValueError."""
    wrong = ValueError(f"a table with numbers for {', '.join(USUAL_CAPS)}, like {{ ip = 10 }}")
    if not isinstance(value, dict) or not set(value) <= set(USUAL_CAPS):
        raise wrong
    if not all(isinstance(most, int) and not isinstance(most, bool) and most > 0 for most in value.values()):
        raise wrong
    return MappingProxyType({**USUAL_CAPS, **value})


def disposable(value: object) -> str:
    """What becomes of addresses that are soon thrown away. Raises ValueError with what would be right."""
    if value not in ("refuse", "allow"):
        raise ValueError('"refuse" or "allow"')
    return str(value)


def names() -> tuple[str, ...]:
    """The keys of a form's table, in the order in which a reader meets them."""
    return tuple(item.name for item in fields(Form) if item.metadata)


def meaning(name: str) -> str:
    """What the key is for, in a sentence."""
    return str(Form.__dataclass_fields__[name].metadata["meaning"])


def default(name: str) -> object:
    """What is taken where the table does not say; `MISSING` for a key that is needed."""
    return Form.__dataclass_fields__[name].default


def parse(value: object) -> Mapping[str, Form]:
    """All tables `[forms.KEY]`. Raises ValueError with what would be right."""
    if not isinstance(value, dict):
        raise ValueError('a table like [forms.newsletter] with course = "a-course"')
    return MappingProxyType({key: _form(key, entry) for key, entry in value.items()})


def _form(key: str, entry: object) -> Form:
    if not _KEY.fullmatch(key):
        raise ValueError(f'a form key of small letters, digits, "-" and "_"; not "{key}"')
    if isinstance(entry, dict) and entry.get("newsletter") is True:
        words = _BOTH if entry.get("course", NEWSLETTER) != NEWSLETTER else _A_NEWSLETTER
        entry = {"course": NEWSLETTER, "consent": words, **entry}
    if not isinstance(entry, dict) or not isinstance(entry.get("course"), str):
        raise ValueError(f'course = "a-course" or newsletter = true in [forms.{key}]')
    unknown = set(entry) - set(names())
    if unknown:
        raise ValueError(f'{", ".join(names()[:-1])} and {names()[-1]} in [forms.{key}]; not "{min(unknown)}"')
    form = Form(key=key, **{name: _value(key, name, given) for name, given in entry.items()})  # type: ignore[arg-type]
    if form.opt_in is OptIn.SINGLE and not form.single_because:
        raise ValueError(f'a reason in [forms.{key}], like single_because = "They had signed in on the site."')
    if bool(form.signature) != bool(form.secrets):
        raise ValueError(f"both signature and secrets in [forms.{key}], or neither")
    _refuse_wrong_keys(form)
    return form


def _refuse_wrong_keys(form: Form) -> None:
    """Raises ValueError for half of a pair of keys that cannot be used: taken for a secret, a public key is none."""
    keys = [one for one in form.secrets if one.startswith(_ASYMMETRIC)]
    if keys and form.signature not in (Signature.STANDARD, Signature.SVIX):
        raise ValueError(f'"standard" or "svix" as signature in [forms.{form.key}] for keys like whpk_…')
    if not all(_PUBLIC_KEY.fullmatch(one) for one in keys):
        raise ValueError(f"the public key, whpk_… with 44 characters behind it, in secrets of [forms.{form.key}]")


def _value(key: str, name: str, given: object) -> object:
    try:
        return Form.__dataclass_fields__[name].metadata["parse"](given)
    except ValueError as error:
        raise ValueError(f"{error} as {name} in [forms.{key}]") from error
