"""Which options are there, where do they come from, and is each of them right?

Every option is one field of `Settings`: its default, its meaning and its parser stand together, and the file that
`sequencer init` writes, the names of the environment variables and docs/settings.md are all made from these fields.
The TOML file is read first; a variable `SEQUENCER_<OPTION>` overrides it.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from sequencer.errors import BadSettings

FILE_NAME = "sequencer.toml"
PREFIX = "SEQUENCER_"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHORTEST_SECRET = 32
_HIGHEST_PORT = 65535
_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """An SMTP server that takes our mail, and how to talk to it. `tls`: implicit, required, offered or off."""

    host: str
    port: int
    tls: str
    username: str = ""
    password: str = field(default="", repr=False)
    connections: int = 4
    timeout: int = 60

    @property
    def name(self) -> str:
        """How logs and the ledger call this relay; never holds the password."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A sign-up form of the site: which course it leads to, the words the visitor agrees to, where they may go next."""

    key: str
    course: str
    consent: str = "I would like to receive this course by e-mail."
    next: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """The address on which the web door listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it stands in the settings file."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Network = IPv4Network | IPv6Network


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text in quotes")
    return value.strip()


def _needed_text(value: object) -> str:
    text = _text(value)
    if not text:
        raise ValueError("a text that is not empty")
    return text


def _secret(value: object) -> str:
    text = _text(value)
    if len(text) < _SHORTEST_SECRET:
        raise ValueError(f'at least {_SHORTEST_SECRET} random characters; "sequencer init" writes some')
    return text


def _url(value: object) -> str:
    text = _text(value).rstrip("/")
    parts = _split(text)
    # Pages link to /f/… and /static/…: below a path they would not be found.
    extras = parts and (parts.path or parts.query or parts.fragment or parts.username)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or extras:
        raise ValueError("an address like https://mail.example.org, without a path")
    return text


def _split(url: str) -> SplitResult | None:
    """The parts of an address, or None; what the standard library says of a bad one may hold its password."""
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _database(value: object) -> str:
    text = _text(value)
    server = re.match(r"postgresql(\+psycopg)?://.", text)
    if not (re.match("sqlite:///.", text) or (server and _split(text))):
        raise ValueError("sqlite:///file.db or postgresql://user:password@host/name")
    return text


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(_needed_text(value))
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("a time zone's name like Europe/London") from error


def _days(value: object) -> int:
    days = _number(value) if isinstance(value, str) else value
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 365:  # noqa: PLR2004 (a year)
        raise ValueError("a number of days from 1 to 365")
    return days


def _number(text: str) -> int | None:
    """What plain digits say; the standard library would take other scripts' digits too, and stumble over "²"."""
    return int(text) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else None


def _listen(value: object) -> Listen:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):([0-9]{1,5})", _text(value))
    if not found or int(found[2]) > _HIGHEST_PORT:
        raise ValueError("an address and a port like 127.0.0.1:8080 or [::1]:8080")
    return Listen(host=found[1].strip("[]"), port=int(found[2]))


def _folder(value: object) -> Path:
    return Path(_needed_text(value))


def _optional_path(value: object) -> Path | None:
    text = _text(value)
    return Path(text) if text else None


def selector(value: object) -> str:
    """The name of a DKIM key. Raises ValueError with what would be right."""
    text = _text(value).lower()
    # A label of the DNS has at most 63 characters, and "-ed" is added for the second key.
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?", text):
        raise ValueError('letters, digits and "-" such as s1')
    return text


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValueError('a list of texts like ["one", "two"]')
    return tuple(value)


def _networks(value: object) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(name.strip()) for name in _names(value))
    except ValueError as error:
        raise ValueError('a list of addresses or networks like ["127.0.0.1", "10.0.0.0/8"]') from error


_RELAY_SCHEMES = {"smtp": 587, "smtps": 465}
_RELAY_TLS = ("required", "offered", "off")


_RELAY_OPTIONS = ("tls", "connections", "timeout")
_RELAY_FORM = (
    "an address like smtp://user:password@host:587 or smtps://user:password@host:465, "
    "with user and password percent-encoded"
)


def _relay(value: object) -> Relay:
    parts = _split(_text(value))
    if parts is None or parts.scheme not in _RELAY_SCHEMES or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(_RELAY_FORM)
    if parts.fragment:
        raise ValueError(_RELAY_FORM)
    if bool(parts.username) != bool(parts.password):
        raise ValueError("both a user and a password, or neither")
    options = _relay_options(parts.query)
    return Relay(
        host=parts.hostname,
        port=parts.port or _RELAY_SCHEMES[parts.scheme],
        tls=_relay_tls(parts, options.get("tls")),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        connections=_relay_number(options, "connections", 4),
        timeout=_relay_number(options, "timeout", 60),
    )


def _relay_options(query: str) -> Mapping[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    if set(given) - set(_RELAY_OPTIONS):
        # What is unknown is not repeated: it may be the rest of a password that was not percent-encoded.
        raise ValueError("no options but tls, connections and timeout after its question mark")
    return given


def _relay_tls(parts: SplitResult, given: str | None) -> str:
    if parts.scheme == "smtps":
        if given is not None:
            raise ValueError("no tls= beside smtps://, which is always encrypted")
        return "implicit"
    tls = ("offered" if parts.hostname in _LOOPBACK else "required") if given is None else given
    if tls not in _RELAY_TLS:
        raise ValueError("tls=required, tls=offered or tls=off")
    return tls


def _relay_number(options: Mapping[str, str], name: str, default: int) -> int:
    number = _number(options.get(name, str(default)))
    if number is None or not 1 <= number <= 1000:  # noqa: PLR2004 (beyond any relay)
        raise ValueError(f"a number from 1 to 1000 for {name}")
    return number


_FORM_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def _forms(value: object) -> Mapping[str, Form]:
    if not isinstance(value, dict):
        raise ValueError('a table like [forms.newsletter] with course = "a-course"')
    return MappingProxyType({key: _form(key, entry) for key, entry in value.items()})


def _form(key: str, entry: object) -> Form:
    if not _FORM_KEY.fullmatch(key):
        raise ValueError(f'a form key of small letters, digits, "-" and "_"; not "{key}"')
    if not isinstance(entry, dict) or not isinstance(entry.get("course"), str):
        raise ValueError(f'course = "a-course" in [forms.{key}]')
    unknown = set(entry) - {"course", "consent", "next"}
    if unknown:
        raise ValueError(f'course, consent and next in [forms.{key}]; not "{min(unknown)}"')
    consent, onward = entry.get("consent", Form.__dataclass_fields__["consent"].default), entry.get("next", [])
    if not isinstance(consent, str) or not consent.strip():
        raise ValueError(f"consent as a text in [forms.{key}]")
    if not isinstance(onward, list) or not all(isinstance(page, str) for page in onward):
        raise ValueError(f'next as a list of addresses like ["https://www.example.org/thanks"] in [forms.{key}]')
    return Form(key=key, course=entry["course"], consent=consent.strip(), next=tuple(onward))


def _option(
    parse: Callable[[object], _Parsed], meaning: str, *, default: object = MISSING, secret: bool = False
) -> _Parsed:
    """One option. `default` is what the file would say, not the parsed value; without one the option is needed."""
    metadata = {"parse": parse, "meaning": meaning, "default": default}
    made: _Parsed = field(metadata=metadata, repr=not secret)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All options of one installation, parsed. Made by `load`; relative paths are relative to `root`."""

    root: Path
    base_url: str = _option(_url, "The address at which the world reaches this service; links in mails begin with it.")
    secret_key: str = _option(
        _secret, "Signs the links in mails and makes the Message-IDs. Keep it secret, and never change it.", secret=True
    )
    postal_address: str = _option(
        _needed_text, "Your postal address; it stands at the foot of each mail, as the law of many countries asks."
    )
    relay_url: Relay = _option(
        _relay,
        "The SMTP server that takes our mail: smtp:// with STARTTLS, or smtps://; "
        "?tls=required|offered|off&connections=4&timeout=60.",
        default="smtp://127.0.0.1:25",
        secret=True,
    )
    database_url: str = _option(
        _database,
        "Where everything is remembered: a SQLite file, or PostgreSQL.",
        default="sqlite:///sequencer.db",
        secret=True,
    )
    listen: Listen = _option(_listen, "The address and port on which the web door listens.", default="127.0.0.1:8080")
    default_timezone: ZoneInfo = _option(
        _zone, "The time zone of people whose own zone we do not know.", default="Europe/London"
    )
    courses: Path = _option(_folder, "The folder that holds one folder a course.", default="lessons")
    templates: Path | None = _option(
        _optional_path, "A folder with templates of your own; what it lacks is taken from those shipped.", default=""
    )
    confirm_within: int = _option(_days, "For how many days the link in a confirmation mail works.", default=7)
    dkim_key: Path | None = _option(
        _optional_path,
        'The file with the RSA key that signs mails by DKIM; "sequencer dkim new" makes one. Without it none is.',
        default="",
    )
    dkim_selector: str = _option(
        selector, "The name of the key in the DNS: its record is SELECTOR._domainkey.DOMAIN.", default="s1"
    )
    dkim_ed25519_key: Path | None = _option(
        _optional_path,
        "The file with an Ed25519 key that signs beside the RSA key; its record is SELECTOR-ed._domainkey.DOMAIN.",
        default="",
    )
    trusted_proxies: tuple[Network, ...] = _option(
        _networks, "Addresses or networks of reverse proxies whose X-Forwarded-For is believed.", default=[]
    )
    forms: Mapping[str, Form] = _option(
        _forms,
        "The sign-up forms of your site: each takes POST /f/KEY.",
        default={"newsletter": {"course": "why-men-pull-away"}},
    )


def options() -> tuple[str, ...]:
    """The names of all options, in the order in which a reader meets them."""
    return tuple(item.name for item in fields(Settings) if item.metadata)


def meaning(name: str) -> str:
    """What the option is for, in a sentence."""
    return str(Settings.__dataclass_fields__[name].metadata["meaning"])


def default(name: str) -> object:
    """What the file would say if it said nothing; `MISSING` for an option that is needed."""
    return Settings.__dataclass_fields__[name].metadata["default"]


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from the TOML file at `path` (none: variables alone), overridden by `environ`.

    Raises BadSettings with one sentence that names the option, the value and what would be right.
    """
    given = _read(path) if path else {}
    known = options()
    for name in given:
        _refuse_unknown(name, known, f"(in {path})")
    for variable, value in environ.items():
        if variable.startswith(PREFIX) and variable != PREFIX + "CONFIG":
            name = variable.removeprefix(PREFIX).lower()
            _refuse_unknown(name, known, f"(the variable {variable})")
            given[name] = value
    root = path.parent.resolve() if path else Path.cwd()
    return Settings(root=root, **{name: _parsed(name, given) for name in known})  # type: ignore[arg-type]


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise BadSettings(f'There is no {path}; "sequencer init" writes one.') from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path} is not valid TOML: {error}.") from error


def _refuse_unknown(name: str, known: tuple[str, ...], where: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}."
        raise BadSettings(f'There is no option "{name}" {where}; {hint}')


def _parsed(name: str, given: Mapping[str, object]) -> object:
    metadata = Settings.__dataclass_fields__[name].metadata
    value = given.get(name, metadata["default"])
    if value is MISSING:
        raise BadSettings(
            f'The option "{name}" is missing; set it in {FILE_NAME} ("sequencer init" writes one) '
            f"or as {PREFIX}{name.upper()}."
        )
    try:
        return metadata["parse"](value)
    except ValueError as error:
        shown = "(not shown)" if not Settings.__dataclass_fields__[name].repr else repr(value)
        raise BadSettings(f'The option "{name}" is {shown}; it needs {error}.') from error
