"""How is an option read? Text becomes a value, or a ValueError that says what is needed instead."""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHORTEST_SECRET = 32
_HIGHEST_PORT = 65535


class Intent(StrEnum):
    """When it is put on record that a message will be written: before each one, or when a batch is claimed."""

    STRICT = "strict"
    BATCH = "batch"


class EngineName(StrEnum):
    """Who carries hints between processes."""

    IN_PROCESS = "in-process"
    PROCRASTINATE = "procrastinate"
    CELERY = "celery"


class LogFormat(StrEnum):
    """How events are written to stderr."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """An address on which something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it stands in the settings file."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Network = IPv4Network | IPv6Network


def a_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text in quotes")
    return value.strip()


def needed_text(value: object) -> str:
    text = a_text(value)
    if not text:
        raise ValueError("a text that is not empty")
    return text


def secret(value: object) -> str:
    text = a_text(value)
    if len(text) < _SHORTEST_SECRET:
        raise ValueError(f'at least {_SHORTEST_SECRET} random characters; "sequencer init" writes some')
    return text


def switch(value: object) -> bool:
    """On or off. Raises ValueError with what would be right."""
    known = {True: True, False: False, "on": True, "off": False, "true": True, "false": False}
    if isinstance(value, bool | str) and value in known:
        return known[value]
    raise ValueError('"on" or "off"')


def url(value: object) -> str:
    text = a_text(value).rstrip("/")
    parts = split(text)
    # Pages link to /f/… and /static/…: below a path they would not be found.
    extras = parts and (parts.path or parts.query or parts.fragment or parts.username)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or extras:
        raise ValueError("an address like https://mail.example.org, without a path")
    return text


def split(url: str) -> SplitResult | None:
    """The parts of an address, or None; what the standard library says of a bad one may hold its password."""
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def database(value: object) -> str:
    text = a_text(value)
    server = re.match(r"postgresql(\+psycopg)?://.", text)
    if not (re.match("sqlite:///.", text) or (server and split(text))):
        raise ValueError("sqlite:///file.db or postgresql://user:password@host/name")
    return text


def engine(value: object) -> EngineName:
    text = a_text(value)
    if text not in set(EngineName):
        raise ValueError('"in-process", "procrastinate" or "celery"')
    return EngineName(text)


def broker(value: object) -> str:
    text = a_text(value)
    parts = split(text) if text else None
    if text and (parts is None or parts.scheme not in ("amqp", "amqps", "redis", "rediss") or not parts.hostname):
        raise ValueError("an address like amqp://user:password@host/ (RabbitMQ) or redis://host:6379/0")
    return text


def zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(needed_text(value))
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("a time zone's name like Europe/London") from error


def days(value: object) -> int:
    days = digits(value) if isinstance(value, str) else value
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 365:  # noqa: PLR2004 (a year)
        raise ValueError("a number of days from 1 to 365")
    return days


def days_or_never(value: object) -> int:
    days = digits(value) if isinstance(value, str) else value
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= 365:  # noqa: PLR2004 (a year)
        raise ValueError("a number of days from 0 to 365")
    return days


def months_or_ever(value: object) -> int:
    months = digits(value) if isinstance(value, str) else value
    if isinstance(months, bool) or not isinstance(months, int) or not (months == 0 or 3 <= months <= 600):  # noqa: PLR2004
        raise ValueError("a number of months from 3 to 600, or 0 for ever")
    return months


def hours(value: object) -> int:
    number = digits(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 168:  # noqa: PLR2004 (a week)
        raise ValueError("a number of hours from 0 to 168")
    return number


def percent(value: object) -> int:
    number = digits(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 30:  # noqa: PLR2004 (a small part)
        raise ValueError("a percentage from 1 to 30")
    return number


def per_minute(value: object) -> int:
    number = digits(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 100_000:  # noqa: PLR2004
        raise ValueError("a number from 1 to 100000")
    return number


def digits(text: str) -> int | None:
    """What plain digits say; the standard library would take other scripts' digits too, and stumble over "²"."""
    return int(text) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else None


def listen(value: object) -> Listen:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):([0-9]{1,5})", a_text(value))
    if not found or int(found[2]) > _HIGHEST_PORT:
        raise ValueError("an address and a port like 127.0.0.1:8080 or [::1]:8080")
    return Listen(host=found[1].strip("[]"), port=int(found[2]))


def optional_listen(value: object) -> Listen | None:
    return listen(value) if a_text(value) else None


def intent(value: object) -> Intent:
    try:
        return Intent(a_text(value))
    except ValueError as error:
        raise ValueError('"strict" or "batch"') from error


def on_or_off(value: object) -> bool:
    text = a_text(value)
    if text not in ("on", "off"):
        raise ValueError('"on" or "off"')
    return text == "on"


def log_format(value: object) -> LogFormat:
    try:
        return LogFormat(a_text(value))
    except ValueError as error:
        raise ValueError('"text" or "json"') from error


def folder(value: object) -> Path:
    return Path(needed_text(value))


def optional_path(value: object) -> Path | None:
    text = a_text(value)
    return Path(text) if text else None


def selector(value: object) -> str:
    """The name of a DKIM key. Raises ValueError with what would be right."""
    text = a_text(value).lower()
    # A label of the DNS has at most 63 characters, and "-ed" is added for the second key.
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?", text):
        raise ValueError('letters, digits and "-" such as s1')
    return text


def names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValueError('a list of texts like ["one", "two"]')
    return tuple(value)


def networks(value: object) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(name.strip()) for name in names(value))
    except ValueError as error:
        raise ValueError('a list of addresses or networks like ["127.0.0.1", "10.0.0.0/8"]') from error
