"""Which options are there, where do they come from, and is each of them right?

Every option is one field of `Settings`: its default, its meaning and its parser stand together, and the file that
`sequencer init` writes, the names of the environment variables and docs/settings.md are all made from these fields.
The TOML file is read first; a variable `SEQUENCER_<OPTION>` overrides it.
"""

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

from sequencer import brand, forms, relays, values
from sequencer.brand import Brand
from sequencer.errors import BadSettings
from sequencer.forms import Form
from sequencer.relays import Relay
from sequencer.values import EngineName, Intent, Listen, LogFormat, Network

FILE_NAME = "sequencer.toml"
PREFIX = "SEQUENCER_"
_Parsed = TypeVar("_Parsed")


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
    base_url: str = _option(
        values.url, "The address at which the world reaches this service; links in mails begin with it."
    )
    secret_key: str = _option(
        values.secret,
        "Signs the links in mails and makes the Message-IDs. Keep it secret, and never change it.",
        secret=True,
    )
    postal_address: str = _option(
        values.needed_text,
        "Your postal address; it stands at the foot of each mail, as the law of many countries asks.",
    )
    relay_url: Relay = _option(
        relays.relay,
        "The SMTP server that takes our mail: smtp:// with STARTTLS, or smtps://; options such as connections=4 and "
        "rate=14 stand behind a question mark.",
        default="smtp://127.0.0.1:25",
        secret=True,
    )
    intent: Intent = _option(
        values.intent,
        'When it is put on record that a message will be written: "strict", just before each one, or "batch", when '
        "some fifty are claimed: fewer commits, but after a crash the whole batch is in doubt.",
        default="strict",
    )
    hours_between: int = _option(
        values.hours,
        "For how many hours after a lesson a person on several courses gets no lesson of another one; 0 for no limit.",
        default=0,
    )
    newsletter_share: int = _option(
        values.percent,
        "The percentage of what is sent, and of a limited relay's day, that newsletters have at least while lessons "
        "wait; lessons have the rest, and what answers a person's press goes before both.",
        default=10,
    )
    database_url: str = _option(
        values.database,
        "Where everything is remembered: a SQLite file, or PostgreSQL.",
        default="sqlite:///sequencer.db",
        secret=True,
    )
    engine: EngineName = _option(
        values.engine,
        'Who tells several processes where to look: "in-process", each itself; "procrastinate", by the PostgreSQL that '
        'is there; or "celery", by RabbitMQ or Redis. For the commands worker and clock; serve needs none.',
        default="in-process",
    )
    broker_url: str = _option(
        values.broker,
        "RabbitMQ (amqp://) or Redis (redis://), where the engine is celery.",
        default="",
        secret=True,
    )
    journal: Path | None = _option(
        values.optional_path,
        "The folder in which each sending process notes what relays said, for 14 days and without addresses, so that "
        'nothing is sent twice after a backup was restored. "" is beside a SQLite file (sequencer.db-outcomes), or the '
        'folder outcomes; "off" for none.',
        default="",
    )
    listen: Listen = _option(
        values.listen, "The address and port on which the web door listens.", default="127.0.0.1:8080"
    )
    log_format: LogFormat = _option(
        values.log_format,
        'How events are written to stderr, a line each: "text" for people, "json" for programs that collect logs.',
        default="text",
    )
    metrics: Listen | None = _option(
        values.optional_listen,
        "The address and port on which /metrics, for Prometheus, /healthz and /readyz are answered, apart from the web "
        "door; each process needs one of its own. Not at all where it is empty. Keep it to yourself.",
        default="",
    )
    otel: bool = _option(
        values.on_or_off,
        'Whether OpenTelemetry is told of passes, claims, commits and requests, as spans: "on" or "off". Where they go '
        "is said by its own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT; needs pip install 'sequencer[otel]'.",
        default="off",
    )
    default_timezone: ZoneInfo = _option(
        values.zone, "The time zone of people whose own zone we do not know.", default="Europe/London"
    )
    courses: Path = _option(values.folder, "The folder that holds one folder a course.", default="lessons")
    issues: Path = _option(
        values.folder, "The folder that holds newsletter.toml and the issues of the newsletter.", default="issues"
    )
    archive: bool = _option(
        values.switch,
        'Whether the issues that went out can be read by everybody at /archive, with a feed: "on" or "off".',
        default="on",
    )
    templates: Path | None = _option(
        values.optional_path,
        "A folder with templates of your own; what it lacks is taken from those shipped.",
        default="",
    )
    confirm_within: int = _option(values.days, "For how many days the link in a confirmation mail works.", default=7)
    remind_after: int = _option(
        values.days_or_never,
        "After how many days who has not confirmed is reminded, once and by one mail; 0 for never. Nobody is reminded "
        "whose link works for less than a day more, or who got two mails already.",
        default=3,
    )
    forget_after: int = _option(
        values.days,
        "How many days after their last sign-up people are erased who never confirmed, with all that is kept of them.",
        default=30,
    )
    ledger_months: int = _option(
        values.months_or_ever,
        "For how many months a partitioned PostgreSQL keeps what was sent; 0 for ever. Older months are dropped whole; "
        "lesson pages and certificates of that time end with them.",
        default=0,
    )
    dkim_key: Path | None = _option(
        values.optional_path,
        'The file with the RSA key that signs mails by DKIM; "sequencer dkim new" makes one. '
        "Without it mails are not signed.",
        default="",
    )
    dkim_selector: str = _option(
        values.selector, "The name of the key in the DNS: its record is SELECTOR._domainkey.DOMAIN.", default="s1"
    )
    dkim_ed25519_key: Path | None = _option(
        values.optional_path,
        "The file with an Ed25519 key that signs beside the RSA key; its record is SELECTOR-ed._domainkey.DOMAIN.",
        default="",
    )
    trusted_proxies: tuple[Network, ...] = _option(
        values.networks, "Addresses or networks of reverse proxies whose X-Forwarded-For is believed.", default=[]
    )
    api_per_minute: int = _option(
        values.per_minute, "How many requests a minute a key of the API may make.", default=600
    )
    signup_caps: Mapping[str, int] = _option(
        forms.caps,
        "How many sign-ups are taken in an hour without a challenge: from one address of the internet (ip), from its "
        "network, for one recipient domain, by one form, in all; and for one mailbox in a day (address). Beyond ten "
        "times as many nothing more is taken. At one large mailbox provider (provider), or for states, armies and "
        "universities of one kind (institution), so many in two hours, and four times as many as were confirmed there "
        "within a day.",
        default=dict(forms.USUAL_CAPS),
    )
    disposable_addresses: str = _option(
        forms.disposable,
        'What becomes of addresses that are soon thrown away: "refuse" says so to the visitor, "allow" takes them.',
        default="refuse",
    )
    pages: Brand = _option(
        brand.parse,
        "How the pages look: accent, the colour of links and buttons, which must stand out from white by 4.5:1; font, "
        '"serif" or "sans"; and logo, a name that stands above each page in place of the course\'s brand.',
        default={"font": "serif"},
    )
    relays: Mapping[str, Relay] = _option(
        relays.relays,
        "Several SMTP servers that share the mail, in place of relay_url: a table for each.",
        default={},
        secret=True,
    )
    forms: Mapping[str, Form] = _option(
        forms.parse,
        "The sign-up forms of your site: each takes POST /f/KEY.",
        default={"newsletter": {"course": "why-men-pull-away"}},
        secret=True,
    )

    @property
    def apart(self) -> timedelta:
        """The least time between two lessons to one person, of whichever courses."""
        return timedelta(hours=self.hours_between)

    @property
    def all_relays(self) -> tuple[Relay, ...]:
        """The relays that share the mail: one at least."""
        return tuple(self.relays.values()) or (self.relay_url,)


def options() -> tuple[str, ...]:
    """The names of all options, in the order in which a reader meets them."""
    return tuple(item.name for item in fields(Settings) if item.metadata)


def meaning(name: str) -> str:
    """What the option is for, in a sentence."""
    return str(Settings.__dataclass_fields__[name].metadata["meaning"])


def default(name: str) -> object:
    """What the file would say if it said nothing; `MISSING` for an option that is needed."""
    return Settings.__dataclass_fields__[name].metadata["default"]


# What stands in for the options that are needed where a course is only looked at, and nothing is sent.
SAMPLES: Mapping[str, object] = MappingProxyType(
    {
        "base_url": "https://mail.example.org",
        "secret_key": "nothing is signed where courses are looked at",
        "postal_address": "Your postal address",
    }
)


def load(path: Path | None, environ: Mapping[str, str], *, samples: Mapping[str, object] | None = None) -> Settings:
    """Settings from the TOML file at `path` (none: variables alone), overridden by `environ`.

    `samples` stand in for options that are missing or empty.
    Raises BadSettings with one sentence that names the option, the value and what would be right.
    """
    given = _read(path) if path else {}
    known = options()
    for name in given:
        _refuse_unknown(name, known, f"(in {path})")
    _refuse_misplaced(given, known)
    for variable, value in environ.items():
        if variable.startswith(PREFIX) and variable != PREFIX + "CONFIG":
            name = variable.removeprefix(PREFIX).lower()
            _refuse_unknown(name, known, f"(the variable {variable})")
            given[name] = value
    if "relay_url" in given and given.get("relays"):
        raise BadSettings('The options "relay_url" and "relays" are both set; keep one of them.')
    given |= {name: sample for name, sample in (samples or {}).items() if not given.get(name)}
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


def _refuse_misplaced(given: Mapping[str, object], known: tuple[str, ...]) -> None:
    """An option below a table's head belongs to that table: whoever adds one at the end of the file is told."""
    forms_of = given.get("forms")
    for key, table in forms_of.items() if isinstance(forms_of, dict) else ():
        for name in table if isinstance(table, dict) else ():
            if name in known and name not in forms.names():
                raise BadSettings(
                    f'The option "{name}" stands in the table [forms.{key}]; write it above the first line in brackets.'
                )


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
