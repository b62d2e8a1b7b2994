"""What do the words mean in which authors and people write times? Gaps, windows, hours, weekdays, days without mail.

Each function reads what was written, whatever it is, or raises ValueError saying what would be right.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sequencer.core.model import Gap

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_GAP = re.compile(r"([0-9]{1,4})(?: (day|week|hour)s?)?")
_LONGEST_GAP = 1000  # of any unit: a slip of the finger beyond it, not a rhythm
_SPREAD = re.compile(r"([0-9]{1,3}) (min|minutes?|h|hours?)")
_LONGEST_SPREAD = timedelta(hours=12)
_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})", re.ASCII)
_LEAP_YEAR = 2024  # in which each day of a year can be named
_YEARS = range(2000, 2200)
_LONGEST_RANGE = timedelta(days=366)
MOST_YEARLY = 60  # days of every year: with fewer than that, any weekday comes up soon enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """Days on which nothing is sent: dates, and days (month, day) of every year."""

    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()


def parse_gap(value: object) -> Gap:
    """A gap as authors write it: 1, "3 days", "2 weeks", "12 hours"."""
    words = " ".join(str(value).split()) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    found = _GAP.fullmatch(words)
    count = int(found[1]) if found else 0
    if found is None or not 0 < count <= _LONGEST_GAP:
        raise ValueError('write a number of days, like 3, or "12 hours"')
    match found[2]:
        case "hour":
            return Gap(hours=count)
        case "week":
            return Gap(days=7 * count)
        case _:
            return Gap(days=count)


def parse_spread(value: object) -> timedelta:
    """A window as authors write it: "15 min", "2 hours"; "0 min" is none."""
    found = _SPREAD.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    unit = timedelta(hours=1) if found and found[2].startswith("h") else timedelta(minutes=1)
    spread = int(found[1]) * unit if found else None
    if spread is None or spread > _LONGEST_SPREAD:
        raise ValueError('write a number of minutes or hours, up to 12 hours, like "15 min"')
    return spread


def parse_hour(value: object) -> time:
    """An hour of the day as clocks show it: "08:00"."""
    try:
        return datetime.strptime(str(value), "%H:%M").time()  # noqa: DTZ007 (an hour of each person's own zone)
    except ValueError as error:
        raise ValueError('write an hour like "08:00"') from error


def parse_days(value: object) -> frozenset[int]:
    """Weekdays, one at least: ["mon", "thu"]; Monday is 0."""
    names = value if isinstance(value, list) else []
    if not names or not all(name in WEEKDAYS for name in names):
        raise ValueError('write weekdays like ["mon", "thu"]')
    return frozenset(WEEKDAYS.index(name) for name in names)


def parse_blackout(value: object) -> Blackout:
    """Days without lessons: a list of dates, ranges (both ends belong to them), and days of every year."""
    entries = value if isinstance(value, list) else None
    if entries is None:
        raise ValueError('write a list like ["2026-12-24", "2026-12-24..2027-01-02", "12-25"]')
    dates: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    for entry in entries:
        days, every_year = _days(entry)
        if every_year:
            yearly.update((day.month, day.day) for day in days)
        else:
            dates.update(days)
    if len(yearly) > MOST_YEARLY:
        raise ValueError(f"{len(yearly)} days of every year are too many; leave it at {MOST_YEARLY}")
    return Blackout(dates=frozenset(dates), yearly=frozenset(yearly))


def _days(entry: object) -> tuple[tuple[date, ...], bool]:
    """The days of one entry, and whether they are those of every year."""
    # A date without quotes is one in TOML.
    words = str(entry).replace(" ", "") if isinstance(entry, str) or type(entry) is date else ""
    head, dots, tail = words.partition("..")
    first, every_year = _day(head, entry)
    last, same = _day(tail, entry) if dots else (first, every_year)
    if same is not every_year:
        raise ValueError(f"{entry!r} has a year at one end only; give both ends a year, or none")
    if every_year and last < first:
        turn = _between(first, date(_LEAP_YEAR, 12, 31)) + _between(date(_LEAP_YEAR, 1, 1), last)
        return turn, every_year
    if last < first:
        raise ValueError(f"{entry!r} ends before it begins")
    if last - first > _LONGEST_RANGE:
        raise ValueError(f"{entry!r} is longer than a year; write a year at most")
    return _between(first, last), every_year


def _day(words: str, entry: object) -> tuple[date, bool]:
    found = _DAY.fullmatch(words)
    try:
        if found is None:
            raise ValueError(words)
        day = date(int(found[1] or _LEAP_YEAR), int(found[2]), int(found[3]))
    except ValueError as error:
        raise ValueError(
            f'{entry!r} is no day; write "2026-12-24", "2026-12-24..2027-01-02", or "12-25" for every year'
        ) from error
    if day.year not in _YEARS:
        raise ValueError(f"{entry!r} is in the wrong century")
    return day, found[1] is None


def _between(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
