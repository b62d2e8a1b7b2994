"""What does course.toml say about time: the hour, the days, the gap, and when nothing goes out?"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from sequencer.content import holidays
from sequencer.core import timing
from sequencer.core.model import CatchUp, Gap, Rhythm
from sequencer.errors import BadContent

KEYS = frozenset({"send_at", "days", "gap", "spread", "blackout", "holidays", "catch_up"})

_Parsed = TypeVar("_Parsed")


def rhythm(given: Mapping[str, object], where: str) -> Rhythm:
    """The rhythm of a course. Raises BadContent for the first key that is wrong."""
    off = _parsed(timing.parse_blackout, given, "blackout", [], where)
    return Rhythm(
        send_at=_parsed(timing.parse_hour, given, "send_at", "08:00", where),
        days=_parsed(timing.parse_days, given, "days", list(timing.WEEKDAYS), where),
        gap=_parsed(timing.parse_gap, given, "gap", 1, where),
        blackout=off.dates,
        yearly=off.yearly,
        # Nobody's hour moves unasked: where the file says nothing, "08:00" is eight sharp, as it always was.
        spread=_parsed(timing.parse_spread, given, "spread", "0 min", where),
    )


def own_gap(given: Mapping[str, object], where: str) -> Gap | None:
    """The gap before a lesson that its own front matter asks for; None where it leaves it to the course."""
    return None if given.get("gap") is None else _parsed(timing.parse_gap, given, "gap", None, where)


def country(given: Mapping[str, object], where: str) -> str:
    """The country whose public holidays are without lessons; empty for none."""
    return _parsed(holidays.parse, given, "holidays", None, where) if "holidays" in given else ""


def catch_up(given: Mapping[str, object], where: str) -> CatchUp:
    """What becomes of lessons whose day passed during an interruption."""
    return _parsed(_catch_up, given, "catch_up", CatchUp.SHIFT, where)


def _catch_up(value: object) -> CatchUp:
    try:
        return CatchUp(str(value))
    except ValueError as error:
        raise ValueError('write "shift", "skip" or "digest"') from error


def _parsed(
    parse: Callable[[object], _Parsed], given: Mapping[str, object], key: str, missing: object, where: str
) -> _Parsed:
    value = given.get(key, missing)
    try:
        return parse(value)
    except ValueError as error:
        raise BadContent(f'{where}: "{key}" is {value!r}; {error}.') from error
