"""From where in the internet does somebody ask? The part of it that is theirs, and the one around it."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# As nearly all are written already, and as ipaddress would write it.
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5}", re.ASCII)


def plain(said: str) -> str:
    """The address that somebody names, written in one way, "" where it is none. It may have a port behind it.

    The zone of an IPv6 address is left out: it means something on one machine alone, and may be any text of any length.
    """
    said = said.strip()
    if _IPV4.fullmatch(said):
        return said
    bracketed = _WITH_PORT.fullmatch(said)
    named = (bracketed[1] or bracketed[2] or "") if bracketed else said
    try:
        return str(_at(named.partition("%")[0]))
    except ValueError:
        return ""


def own(ip: str) -> str:
    """What belongs to one visitor: an IPv4 address, or of IPv6 a /64, as who has one address there has all of them."""
    if _is_plain(ip):
        return ip
    at = _at(ip)
    return str(at) if isinstance(at, IPv4Address) else at.exploded[:19]


def around(ip: str) -> str:
    """What is around it: a /24, or of IPv6 a /48."""
    if _is_plain(ip):
        return ip.rpartition(".")[0]
    at = _at(ip)
    return str(at).rpartition(".")[0] if isinstance(at, IPv4Address) else at.exploded[:14]


def beginning(ip: str) -> str:
    """How the addresses around this one begin, as people write them: "192.0.2" or "2001:db8:1"; "" for none.

    It tells whoever asks us about abuse where to look, and nobody who it was.
    """
    if not ip:
        return ""
    found = around(ip)
    return found if "." in found else ":".join(group.lstrip("0") or "0" for group in found.split(":"))


def _is_plain(ip: str) -> bool:
    """Whether it is an IPv4 address in its one usual form, as nearly all are: to take it apart would tell no more."""
    return ":" not in ip


def _at(ip: str) -> IPv4Address | IPv6Address:
    """The address; one of IPv4 that is written as one of IPv6 is the same."""
    at = ip_address(ip)
    return (at.ipv4_mapped or at) if isinstance(at, IPv6Address) else at
