"""Which servers take our mail, and how much of it? Relays as the settings name them, and what providers are known for.

What is known of a provider is a row of `PRESETS`; what the settings say goes before it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote

from sequencer import domains, values
from sequencer.domains import Throttles

_SCHEMES = {"smtp": 587, "smtps": 465}
_TLS = ("required", "offered", "off")
_FORM = (
    "an address like smtp://user:password@host:587 or smtps://user:password@host:465, "
    "with user and password percent-encoded"
)
_GOOGLE = "https://oauth2.googleapis.com/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """A warm-up: so many messages on the day `since`, and each day `growth` times as many as on the day before."""

    since: date
    first: int = 50
    growth: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """Where the tokens for XOAUTH2 come from: by a refresh token, or in the client's own name."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """An SMTP server that takes our mail, how to talk to it, and how much it may be given.

    `tls`: implicit, required, offered or off. `timeout` in seconds, `rate` in messages a second; a limit of 0 is none.
    `weight` is the share among several relays; with 0 it is used while no other can be. `eager` sends messages without
    awaiting the answers of those before. `unsigned` are headers that the relay writes anew. `domains` are those of
    recipients that it is given only so much for.
    """

    host: str
    port: int
    tls: str
    key: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    oauth: OAuth | None = None
    connections: int = 4
    timeout: int = 60
    weight: int = 1
    messages_per_connection: int = 1000
    rate: float = 0.0
    daily_quota: int = 0
    warm_up: Ramp | None = None
    eager: bool = False
    unsigned: tuple[str, ...] = ()
    domains: Throttles = ()

    @property
    def name(self) -> str:
        """How logs and the ledger call this relay; never holds the password."""
        return self.key or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is known of a provider: its hosts, what the settings need not say, and where it asks for tokens."""

    hosts: re.Pattern[str]
    options: Mapping[str, object]
    token_url: str = ""
    scope: str = ""


def _preset(hosts: str, *, token_url: str = "", scope: str = "", **options: object) -> Preset:
    return Preset(
        hosts=re.compile(hosts, re.IGNORECASE), options=MappingProxyType(options), token_url=token_url, scope=scope
    )


# Limits are those of ordinary accounts; an account that has others says so in the settings.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        # Writes Date and Message-ID anew (header-fields page); the account's rate and quota are its own.
        "ses": _preset(
            r"(vpce-[a-z0-9-]+\.)?email-smtp(-fips)?\.[a-z0-9-]+(\.vpce)?\.amazonaws\.com(\.cn)?",
            connections=10,
            unsigned=("date", "message-id"),
        ),
        # 2,000 messages in 24 hours for Workspace, 500 for other accounts (support.google.com/a/answer/166852).
        "gmail": _preset(
            r"smtp\.(gmail|googlemail)\.com",
            token_url=_GOOGLE,
            connections=2,
            messages_per_connection=100,
            daily_quota=2000,
        ),
        # 10,000 recipients a user and day.
        "google-relay": _preset(
            r"smtp-relay\.gmail\.com",
            token_url=_GOOGLE,
            connections=4,
            messages_per_connection=100,
            daily_quota=10_000,
        ),
        # 30 messages a minute, 10,000 recipients a day, three conversations at once.
        "microsoft365": _preset(
            r"smtp\.office365\.com|smtp-mail\.outlook\.com",
            scope="https://outlook.office365.com/.default",
            connections=3,
            messages_per_connection=30,
            rate=0.5,
            daily_quota=10_000,
        ),
        # Takes MAIL FROM and Message-ID for its own.
        "postmark": _preset(r"smtp(-broadcasts)?\.postmarkapp\.com", connections=4, unsigned=("message-id",)),
        "mailgun": _preset(r"smtp(\.eu)?\.mailgun\.org", connections=10, messages_per_connection=100),
        "sendgrid": _preset(r"smtp(\.eu)?\.sendgrid\.net", connections=10, messages_per_connection=100),
    }
)


def relay(value: object, *, key: str = "", more: Mapping[str, object] | None = None) -> Relay:
    """The relay of an address whose query may hold options; `more` are options from beside it.

    Raises ValueError that says what is needed, and never repeats what may be a password.
    """
    parts = values.split(values.a_text(value))
    if parts is None or parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(_FORM)
    if parts.fragment:
        raise ValueError(_FORM)
    given = _given(parts, more or {})
    preset = _preset_of(parts.hostname, given.pop("preset", ""))
    oauth = _oauth(given.pop("oauth", None), preset)
    if oauth is None and bool(parts.username) != bool(parts.password):
        raise ValueError("both a user and a password, or neither")
    if oauth is not None and (not parts.username or parts.password):
        raise ValueError("a user and no password before its host, for whom the tokens are")
    tls = _tls(parts, given.pop("tls", None))
    warm_up = _warm_up(given)
    throttles = domains.throttles(given.pop("domains", {}))
    options = {**(preset.options if preset else {}), **{name: _PARSERS[name](it, name) for name, it in given.items()}}
    return Relay(
        host=parts.hostname,
        port=parts.port or _SCHEMES[parts.scheme],
        tls=tls,
        key=key,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        oauth=oauth,
        warm_up=warm_up,
        domains=throttles,
        **options,  # type: ignore[arg-type]  # each has been through its own parser
    )


def relays(value: object) -> Mapping[str, Relay]:
    """Several relays, each a table with a `url` and options. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError('tables like [relays.own] with url = "smtp://127.0.0.1:25"')
    made = {}
    for key, entry in value.items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", key):
            raise ValueError(f'a relay name of small letters, digits, "-" and "_"; not "{key}"')
        if not isinstance(entry, dict) or "url" not in entry:
            raise ValueError(f'url = "smtp://user:password@host:587" in [relays.{key}]')
        try:
            made[key] = relay(entry["url"], key=key, more={name: it for name, it in entry.items() if name != "url"})
        except ValueError as error:
            raise ValueError(f"{error}, in [relays.{key}]") from error
    if made and not any(one.weight for one in made.values()):
        raise ValueError("a weight above 0 for at least one relay: those with 0 only stand in for others")
    return MappingProxyType(made)


def _given(parts: SplitResult, more: Mapping[str, object]) -> dict[str, Any]:
    """The options of both places; an unknown one is refused."""
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = ", ".join((*_SCALARS, *_TABLES))
    if set(query) - set(_SCALARS):
        # What is unknown is not repeated: it may be the rest of a password that was not percent-encoded.
        raise ValueError(f"no options after its question mark but {', '.join(_SCALARS)}")
    if unknown := set(more) - {*_SCALARS, *_TABLES}:
        raise ValueError(f'no option but url, {known}; not "{min(unknown)}"')
    return {**query, **more}


def _preset_of(host: str, given: object) -> Preset | None:
    if given == "none":
        return None
    if given:
        if not isinstance(given, str) or given not in PRESETS:
            raise ValueError(f"{', '.join(PRESETS)} or none for preset")
        return PRESETS[given]
    return next((one for one in PRESETS.values() if one.hosts.fullmatch(host)), None)


def _tls(parts: SplitResult, given: object) -> str:
    if parts.scheme == "smtps":
        if given is not None:
            raise ValueError("no tls= beside smtps://, which is always encrypted")
        return "implicit"
    tls = ("offered" if parts.hostname in values.LOOPBACK else "required") if given is None else given
    if tls not in _TLS:
        raise ValueError("tls=required, tls=offered or tls=off")
    return str(tls)


def _warm_up(given: dict[str, Any]) -> Ramp | None:
    since, more = given.pop("warm_up_from", None), {"warm_up_first", "warm_up_growth"} & set(given)
    first, growth = given.pop("warm_up_first", 50), given.pop("warm_up_growth", 1.5)
    if since is None:
        if more:
            raise ValueError(f"a day like 2026-12-01 for warm_up_from beside {min(more)}")
        return None
    if isinstance(since, str):
        try:
            since = date.fromisoformat(since.strip())
        except ValueError as error:
            raise ValueError("a day like 2026-12-01 for warm_up_from") from error
    if not isinstance(since, date) or isinstance(since, datetime):
        raise ValueError("a day like 2026-12-01 for warm_up_from")
    times = _decimal(growth, "warm_up_growth")
    if not 1 < times <= 10:  # noqa: PLR2004 (ten times a day is no warm-up any more)
        raise ValueError("a number above 1, and at most 10, for warm_up_growth")
    return Ramp(since=since, first=_count(first, "warm_up_first", least=1), growth=times)


_OAUTH = ("token_url", "client_id", "client_secret", "refresh_token", "scope")


def _oauth(given: object, preset: Preset | None) -> OAuth | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not all(isinstance(one, str) and one.strip() for one in given.values()):
        raise ValueError('oauth as a table of texts, like { client_id = "…", client_secret = "…" }')
    if unknown := set(given) - set(_OAUTH):
        raise ValueError(f'no option in oauth but {", ".join(_OAUTH)}; not "{min(unknown)}"')
    usual = {"token_url": preset.token_url, "scope": preset.scope} if preset else {}
    options = {**{name: it for name, it in usual.items() if it}, **{name: it.strip() for name, it in given.items()}}
    if not options.get("client_id") or not options.get("token_url"):
        raise ValueError("at least client_id and token_url in oauth")
    parts = values.split(options["token_url"])
    here = parts and parts.scheme == "http" and parts.hostname in values.LOOPBACK
    if parts is None or not parts.hostname or parts.username or not (parts.scheme == "https" or here):
        raise ValueError("an https:// address as token_url in oauth")
    if "refresh_token" not in options and "client_secret" not in options:
        raise ValueError("a refresh_token or a client_secret in oauth")
    return OAuth(**options)


def _count(value: object, name: str, *, least: int = 0, most: int = 1_000_000_000) -> int:
    number = values.digits(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        limit = f"from {least} to {most}" if most < 1_000_000_000 else f"of at least {least}"  # noqa: PLR2004 (no limit)
        raise ValueError(f"a number {limit} for {name}")
    return number


def _small(value: object, name: str) -> int:
    return _count(value, name, least=1, most=1000)


def _weight(value: object, name: str) -> int:
    return _count(value, name, most=1000)


def _decimal(value: object, name: str) -> float:
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}(\.[0-9]{1,6})?\s*", value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1_000_000:  # noqa: PLR2004
        raise ValueError(f"a number like 14 or 0.5 for {name}")
    return float(value)


def _switch(value: object, name: str) -> bool:
    if value not in (True, False, "on", "off", "true", "false"):
        raise ValueError(f"on or off for {name}")
    return value in (True, "on", "true")


_PARSERS: Mapping[str, Callable[[object, str], object]] = MappingProxyType(
    {
        "connections": _small,
        "timeout": _small,
        "weight": _weight,
        "messages_per_connection": _count,
        "rate": _decimal,
        "daily_quota": _count,
        "eager": _switch,
    }
)
_SCALARS = ("preset", "tls", *_PARSERS, "warm_up_from", "warm_up_first", "warm_up_growth")
_TABLES = ("oauth", "domains")  # options that an address has no room for
