"""When is an issue due to whom? Zones whose clocks show an hour at the same moment share a lane."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core import schedule

_DAYS = 3  # of which one at least has the hour in any zone, and is not over there


def by_hour(
    zones: Iterable[str], at: datetime, *, instead: ZoneInfo, now: datetime
) -> tuple[tuple[datetime, tuple[str, ...]], ...]:
    """The moments, the first one first, and the zones whose clocks show `at` (a time without a zone) then.

    Where that hour is over, it is the same hour of the next day; by a clock that jumps over it, the first moment after.
    A zone that nobody knows any more goes by the clock of another one, `instead`.
    """
    found: dict[datetime, list[str]] = defaultdict(list)
    for name in sorted(zones):
        found[_moment(at, schedule.known_zone(name) or instead, now)].append(name)
    return tuple((moment, tuple(names)) for moment, names in sorted(found.items()))


def is_over(at: datetime, *, now: datetime) -> bool:
    """Whether there is no place on earth left whose clocks have yet to show this hour of this day."""
    return at.replace(tzinfo=now.tzinfo) + timedelta(hours=12) < now


def _moment(at: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    days = (at.date() + timedelta(days=ahead) for ahead in range(_DAYS))
    moments = (schedule.local_instant(day, at.time(), zone) for day in days)
    return next((moment for moment in moments if moment is not None and moment >= now), now)
