"""Whose turn is it at a domain that may be given only so much? Turns for some at once, and an hour for all the others.

Turns are slots on a timeline (`core.rates`), which no two have. Whoever gets none is not asked again before it is
likely to be their turn: they stand in line, one interval behind the other, lessons in one line and newsletters in
another. A line says when to come back and promises nothing: who comes back takes a turn, or stands in line once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from sequencer.core import rates
from sequencer.core.rates import AHEAD, SECOND, Lease, Rate

# For how long somebody is put off at most: a throttle that was loosened is felt by then.
HORIZON = 3600
_SOON = int(AHEAD * SECOND)


class Rank(IntEnum):
    """Who goes before whom."""

    PRESSED = 0
    LESSON = 1
    ISSUE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """A message that is due to the domain; `waited`: it is not the first time that it is."""

    rank: Rank
    waited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One domain, in nanoseconds: the first turn that nobody holds, and where each of the two lines ends."""

    tat: int = 0
    lessons: int = 0
    issues: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Who goes: of `turns`, positions among those who asked, the first has the first slot of the lease, and so on.

    All others come back at the instants in `later`. `line` is to be kept.
    """

    line: Line
    lease: Lease
    turns: Sequence[int]
    later: Mapping[int, int]


def admit(rate: Rate, line: Line, now: int, asking: Sequence[Applicant], *, share: int) -> Admission:
    """Turns for those of the lowest rank first, and among them for those who have waited.

    Whoever comes anew where there is a line joins its end, but for what answers a press, which stands in none. While
    both wait, newsletters stand so far apart that they have `share` per cent of the turns, and lessons the others.
    """
    lessons_wait, issues_wait = line.lessons - now > _SOON, line.issues - now > _SOON
    behind = {Rank.PRESSED: False, Rank.LESSON: lessons_wait, Rank.ISSUE: lessons_wait or issues_wait}
    first = [which for which, one in enumerate(asking) if one.waited or not behind[one.rank]]
    first.sort(key=lambda which: (asking[which].rank, not asking[which].waited))
    leased = rates.lease(rate, line.tat, now, wanted=len(first), patience=AHEAD)
    turns = first[: leased.count]
    whole = 100 * rate.interval
    strides = {
        Rank.PRESSED: rate.interval,
        Rank.LESSON: whole // (100 - share) if issues_wait else rate.interval,
        Rank.ISSUE: whole // share if lessons_wait else rate.interval,
    }
    ends = {Rank.PRESSED: leased.tat, Rank.LESSON: line.lessons, Rank.ISSUE: line.issues}
    later: dict[int, int] = {}
    going = set(turns)
    for which, one in enumerate(asking):
        if which not in going:
            at = max(ends[one.rank], leased.tat, now)
            later[which] = _within(at, now)
            ends[one.rank] = at + strides[one.rank]
    # Beyond the horizon nobody stands: who comes back before it finds their place behind those who do.
    most = now + HORIZON * SECOND
    after = Line(tat=leased.tat, lessons=min(ends[Rank.LESSON], most), issues=min(ends[Rank.ISSUE], most))
    return Admission(line=after, lease=leased, turns=turns, later=later)


def _within(at: int, now: int) -> int:
    """That instant; what lies beyond the horizon is spread as evenly over the half before it."""
    beyond, half = at - now - HORIZON * SECOND, HORIZON * SECOND // 2
    return at if beyond <= 0 else now + half + beyond % half
