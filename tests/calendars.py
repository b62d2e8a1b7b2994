"""Which moments, zones and rhythms are calendars tested with? Every zone there is, often near its changes of clock."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from sequencer.core.model import Gap, Rhythm
from sequencer.core.rhythm import SHARES

LONDON = "Europe/London"
EVERY_DAY = frozenset(range(7))
SECOND = timedelta(seconds=1)


def utc(text: str) -> datetime:
    """An instant as ISO 8601 without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rhythm(at: str = "08:00", days: Iterable[int] = EVERY_DAY, gap: Gap | None = None) -> Rhythm:
    """Daily at eight unless said otherwise."""
    return Rhythm(send_at=time.fromisoformat(at), days=frozenset(days), gap=gap or Gap(days=1))


# Every zone there is, every allowed rhythm; half of the time near one of the zone's changes of clock.
ZONES = sorted(available_timezones())
FROM, UNTIL = utc("2024-01-01"), utc("2036-12-31")


@cache
def changes(key: str) -> tuple[datetime, ...]:
    """The weeks in which the zone's clock is changed."""
    zone, week = ZoneInfo(key), timedelta(days=7)
    weeks = [FROM + number * week for number in range((UNTIL - FROM) // week)]
    return tuple(at for at in weeks if at.astimezone(zone).utcoffset() != (at + week).astimezone(zone).utcoffset())


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """An instant and a zone."""
    key = draw(st.sampled_from(ZONES))
    near = changes(key)
    if near and draw(st.booleans()):
        at = draw(st.sampled_from(near)) + timedelta(minutes=draw(st.integers(0, 8 * 24 * 60)))
    else:
        at = draw(st.datetimes(FROM.replace(tzinfo=None), UNTIL.replace(tzinfo=None))).replace(tzinfo=UTC)
    return at, ZoneInfo(key)


# Clocks are changed at night: so nights come up as often as days.
HOURS = st.one_of(st.integers(0, 3 * 60 + 59), st.integers(22 * 60, 24 * 60 - 1), st.integers(0, 24 * 60 - 1))
GAPS = st.one_of(st.builds(Gap, days=st.integers(1, 30)), st.builds(Gap, hours=st.integers(1, 200)))
RHYTHMS = st.builds(
    Rhythm,
    send_at=HOURS.map(lambda minutes: time(minutes // 60, minutes % 60)),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    gap=GAPS,
)

# The same with days without lessons and a window, and a person's place in it.
_DATES = st.dates(date(2024, 1, 1), date(2037, 12, 31))
SPREADS = st.sampled_from([0, 1, 15, 60, 12 * 60]).map(lambda minutes: timedelta(minutes=minutes))
FULL_RHYTHMS = st.builds(
    Rhythm,
    send_at=RHYTHMS.map(lambda one: one.send_at),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    gap=GAPS,
    blackout=st.frozensets(_DATES, max_size=20),
    yearly=st.frozensets(_DATES.map(lambda day: (day.month, day.day)), max_size=60),
    spread=SPREADS,
)
SHARE = st.integers(0, SHARES - 1)


@st.composite
def rests(draw: st.DrawFn, near: datetime) -> frozenset[date]:
    """Days without lessons in the weeks after an instant."""
    ahead = draw(st.frozensets(st.integers(-1, 40), max_size=25))
    return frozenset(near.date() + timedelta(days=days) for days in ahead)
