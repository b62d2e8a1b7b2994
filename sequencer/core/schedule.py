"""When is a lesson due? The only file that thinks in a person's own zone; everything in and out is UTC."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sequencer.core.model import Gap, Rhythm
from sequencer.errors import BadContent

_LOOK_AHEAD = 14  # days: more than a week, so that each weekday comes up even where a date was skipped
_SECOND = timedelta(seconds=1)
_GAP = re.compile(r"([0-9]{1,4})(?: (day|week|hour)s?)?")
_LONGEST_GAP = 1000  # of any unit: a slip of the finger beyond it, not a rhythm


def first_due(confirmed_at: datetime, zone: ZoneInfo, rhythm: Rhythm) -> datetime:
    """When the first lesson is due: the person's next allowed hour at or after `confirmed_at`, whatever the gap."""
    return _next_slot(confirmed_at, confirmed_at.astimezone(zone).date(), zone, rhythm)


def next_due(accepted_at: datetime, zone: ZoneInfo, rhythm: Rhythm) -> datetime:
    """When the next lesson is due: the next allowed hour at least the rhythm's gap after the last was accepted.

    A gap in days counts days of the person's calendar, so that a lesson accepted at 8:00:07 on Monday is followed at
    8:00 on Tuesday; a gap in hours is elapsed time. Always later than `accepted_at`.
    """
    earliest = accepted_at.astimezone(UTC) + max(timedelta(hours=rhythm.gap.hours), _SECOND)
    day = accepted_at.astimezone(zone).date() + timedelta(days=rhythm.gap.days)
    return _next_slot(earliest, max(day, earliest.astimezone(zone).date()), zone, rhythm)


def in_zone(instant: datetime, zone: ZoneInfo) -> datetime:
    """`instant` as the person's clock shows it."""
    return instant.astimezone(zone)


def parse_gap(value: object) -> Gap:
    """A gap as authors write it: 1, "3 days", "2 weeks", "12 hours". Raises ValueError saying what is right."""
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


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime | None:
    """The instant (UTC) at which the clock in `zone` shows `at` on `day`.

    Where the clock shows it twice, the first of the two; where it jumps over it, the first valid instant after; None
    where that is no longer the same day (Apia had no 30 December 2011; Nuuk's clock jumps from 23:00 to midnight).
    """
    wall = datetime.combine(day, at, tzinfo=zone)
    first = wall.astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return first
    landing = _jump(wall.replace(fold=1).astimezone(UTC), first, zone)
    return landing if landing.astimezone(zone).date() == day else None


def _jump(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first second after `low`, up to `high`, at which the zone has the offset it has at `high`."""
    offset = high.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high


def _next_slot(earliest: datetime, day: date, zone: ZoneInfo, rhythm: Rhythm) -> datetime:
    for ahead in range(_LOOK_AHEAD):
        candidate = day + timedelta(days=ahead)
        if candidate.weekday() in rhythm.days:
            instant = local_instant(candidate, rhythm.send_at, zone)
            if instant is not None and instant >= earliest:
                return instant
    raise BadContent('"days" allows no weekday; name at least one, like ["mon"].')
