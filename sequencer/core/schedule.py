"""When is a lesson due? The only file that thinks in a person's own zone; everything in and out is UTC.

`share` is the person's place within the rhythm's window (core.rhythm.share); without one it is the window's beginning.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sequencer.core.model import Pause, Rhythm
from sequencer.core.rhythm import SHARES, is_open
from sequencer.errors import BadContent

# Days: with the days of every year that core.timing allows, each weekday comes up within five years; each date that is
# left out besides puts it off by two weeks at most.
_LOOK_AHEAD = 5 * 366
_PER_DATE = 14
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def first_due(confirmed_at: datetime, zone: ZoneInfo, rhythm: Rhythm, *, share: int = 0) -> datetime:
    """When the first lesson is due: the person's next allowed hour at or after `confirmed_at`, whatever the gap."""
    return _next_slot(confirmed_at, confirmed_at.astimezone(zone).date(), zone, rhythm, share)


def next_due(accepted_at: datetime, zone: ZoneInfo, rhythm: Rhythm, *, share: int = 0) -> datetime:
    """When the next lesson is due: the next allowed hour at least the rhythm's gap after the last was accepted.

    A gap in days counts days of the person's calendar, so that a lesson accepted at 8:00:07 on Monday is followed at
    8:00 on Tuesday; a gap in hours is elapsed time. Always later than `accepted_at`.
    """
    earliest = accepted_at.astimezone(UTC) + max(timedelta(hours=rhythm.gap.hours), _SECOND)
    day = accepted_at.astimezone(zone).date() + timedelta(days=rhythm.gap.days)
    return _next_slot(earliest, max(day, earliest.astimezone(zone).date()), zone, rhythm, share)


def replan(
    zone: ZoneInfo,
    rhythm: Rhythm,
    *,
    last: datetime | None,
    now: datetime,
    due_at: datetime | None = None,
    share: int = 0,
) -> datetime:
    """When a lesson may come, now that the person's zone, hour, days or pace are others, or that they have come back.

    Never before now, nor before the gap after the `last` lesson was accepted, however long nothing came; but one that
    is due already, at `due_at`, stays due.
    """
    if due_at is not None and due_at <= now:
        return due_at
    first = first_due(now, zone, rhythm, share=share)
    return max(first, next_due(last, zone, rhythm, share=share)) if last else first


def after_pauses(
    due_at: datetime, pauses: Sequence[Pause], zone: ZoneInfo, rhythm: Rhythm, *, share: int = 0
) -> datetime:
    """When a lesson that is due at `due_at` is due with these pauses, the person's, the course's and everybody's.

    Outside of all of them nothing changes; what falls into one is due at the person's next allowed hour after it.
    """
    while holding := [pause.until for pause in pauses if pause.since <= due_at < pause.until]:
        due_at = first_due(max(holding), zone, rhythm, share=share)
    return due_at


def window(opens_at: datetime, zone: ZoneInfo, rhythm: Rhythm) -> timedelta:
    """How long the window is that opens at this hour, one that `local_instant` gave.

    It ends with the day, and where the clock is changed: nobody's lesson moves to another date, or is shown at an hour
    before the one that was chosen.
    """
    if not rhythm.spread:
        return timedelta(0)
    local = opens_at.astimezone(zone).replace(tzinfo=None)
    length = min(rhythm.spread, datetime.combine(local.date() + _DAY, time()) - local)
    last = opens_at + length - _SECOND
    if last.astimezone(zone).utcoffset() != opens_at.astimezone(zone).utcoffset():
        return _jump(opens_at, last, zone) - opens_at
    return length


def within(length: timedelta, share: int) -> timedelta:
    """The person's own second of a window: how long after it opens."""
    return length // _SECOND * share // SHARES * _SECOND


def in_zone(instant: datetime, zone: ZoneInfo) -> datetime:
    """`instant` as the person's clock shows it."""
    return instant.astimezone(zone)


def known_zone(name: str) -> ZoneInfo | None:
    """The zone of that name, or None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def forget_zones() -> None:
    """From now on rules are read anew from the machine's zone files, as `known_zone` gives them."""
    ZoneInfo.clear_cache()


def rules(zone: ZoneInfo, since: datetime, until: datetime) -> Sequence[tuple[datetime, timedelta]]:
    """The zone's offset from UTC at `since`, and each one that follows it before `until`, with its first second.

    A change that is taken back within a day is not seen.
    """
    found, at = [(since, _offset(since, zone))], since
    while at < until:
        later = min(at + _DAY, until)
        if (offset := _offset(later, zone)) != found[-1][1]:
            found.append((_jump(at, later, zone), offset))
        at = later
    return found


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


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


def _next_slot(earliest: datetime, day: date, zone: ZoneInfo, rhythm: Rhythm, share: int) -> datetime:
    for ahead in range(_LOOK_AHEAD + _PER_DATE * len(rhythm.blackout)):
        candidate = day + timedelta(days=ahead)
        if is_open(candidate, rhythm):
            slot = local_instant(candidate, rhythm.send_at, zone)
            due = slot and slot + within(window(slot, zone, rhythm), share)
            if due is not None and due >= earliest:
                return due
    raise BadContent('"days" allows no weekday; name at least one, like ["mon"].')
