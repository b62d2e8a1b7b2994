"""How much of a relay's mail may go to one recipient domain? As the settings say it: "gmail.com" = "20/minute"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

OTHERS = "*"  # every domain that is not named, each for itself
_SECONDS: Mapping[str, int] = MappingProxyType({"second": 1, "minute": 60, "hour": 3600, "day": 86_400})
_MOST = 1_000_000
_LONGEST = 253
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+{_LABEL}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """At most `messages` in any `seconds`."""

    messages: int
    seconds: int

    def __str__(self) -> str:
        """As it stands in the settings."""
        return f"{self.messages}/{next(name for name, seconds in _SECONDS.items() if seconds == self.seconds)}"


Throttles = tuple[tuple[str, Throttle], ...]


def throttles(value: object) -> Throttles:
    """That of each domain, whose name is in small letters and in ASCII. Raises ValueError with what would be right."""
    if not isinstance(value, dict):
        raise ValueError('domains as a table like { "gmail.com" = "20/minute", "web.de" = "5/minute" }')
    found: dict[str, Throttle] = {}
    for name, said in value.items():
        domain = _domain(name)
        if domain in found:
            raise ValueError(f'each domain once in domains; "{name}" is there twice')
        found[domain] = _throttle(said, name)
    return tuple(sorted(found.items()))


def of(known: Throttles, domain: str) -> Throttle | None:
    """That of this domain; a domain below a named one is another one."""
    named = dict(known)
    return named.get(domain) or named.get(OTHERS)


def _domain(name: str) -> str:
    if name == OTHERS:
        return name
    small = name.strip().rstrip(".").lower()
    try:
        domain = small.encode("idna").decode("ascii")
        # The standard library has the rules of 2003, by which "straße" is another word for "strasse".
        is_same = small.isascii() or domain.encode("ascii").decode("idna") == small
    except UnicodeError:
        domain, is_same = "", True
    if not is_same:
        raise ValueError(f'the ASCII form of "{name}" in domains, which begins with xn--')
    if not _DOMAIN.fullmatch(domain) or len(domain) > _LONGEST:
        raise ValueError(f'domains like "gmail.com", or "*" for every other one, in domains; not "{name}"')
    return domain


def _throttle(said: object, name: str) -> Throttle:
    found = re.fullmatch(r"\s*([0-9]{1,7})\s*/\s*(second|minute|hour|day)\s*", said) if isinstance(said, str) else None
    if not found or not 1 <= int(found[1]) <= _MOST:
        raise ValueError(
            f'a text like "20/minute" for "{name}" in domains: 1 to {_MOST} messages in a second, minute, hour or day'
        )
    return Throttle(messages=int(found[1]), seconds=_SECONDS[found[2]])
