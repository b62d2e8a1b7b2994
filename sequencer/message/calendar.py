"""How does a list of events become a calendar feed? The few lines of RFC 5545 that a feed needs, and no address in it.

A library would bring much more than it saves here: all instants are UTC, nothing repeats, nobody is invited. The tests
read the feed by the grammar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_LONGEST_LINE = 75  # octets, the line end not counted (§3.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that takes a quarter of an hour and makes nobody busy. `uid` is the same whenever it is asked."""

    uid: str
    starts_at: datetime
    summary: str
    description: str
    url: str = ""


def feed(name: str, events: Sequence[Event], *, stamp: datetime) -> bytes:
    """A calendar of these events, to be asked for again four times a day; `stamp` is when it was made."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//sequencer//lessons//EN",
        "CALSCALE:GREGORIAN",
        # RFC 7986 §5.1 and §5.7; most programs know the older names beside them only.
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
        *(line for event in events for line in _event(event, stamp)),
        "END:VCALENDAR",
    ]
    return b"".join(_folded(line) for line in lines)


def _event(event: Event, stamp: datetime) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{_text(event.uid)}",
        f"DTSTAMP:{_instant(stamp)}",
        f"DTSTART:{_instant(event.starts_at)}",
        "DURATION:PT15M",
        f"SUMMARY:{_text(event.summary)}",
        f"DESCRIPTION:{_text(event.description)}",
        *([f"URL:{event.url}"] if event.url else []),
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _instant(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(words: str) -> str:
    """Words as a TEXT value (§3.3.11), which holds no control characters."""
    one = "\n".join(words.splitlines())
    plain = "".join(letter for letter in one if letter.isprintable() or letter in "\n\t ")
    for sign, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        plain = plain.replace(sign, written)
    return plain


def _folded(line: str) -> bytes:
    """The line in pieces of at most 75 octets, none of which begins within a letter."""
    pieces, piece = [], b""
    for letter in line:
        octets = letter.encode()
        if len(piece) + len(octets) > _LONGEST_LINE:
            pieces.append(piece)
            piece = b" "
        piece += octets
    return b"\r\n".join([*pieces, piece]) + b"\r\n"
