"""Whose message is next, where more is due than may be sent? Lessons before newsletters, and each of them its share.

What answers a person's own press is not in question here: it comes before both.
"""

import math

_LATELY = 100  # messages after which what each had counts for half


def newsletters(places: int, *, lessons: int, issues: int, share: int, phase: float) -> int:
    """How many of the next `places` newsletters have, while lessons want them all: `share` per cent, over time.

    `lessons` and `issues` are what each had lately. `phase`, from 0 to 1 and another each time, is what rounds: so that
    of places that come one by one, and are not remembered, newsletters have their share too.
    """
    theirs = share * (lessons + issues + places) / 100 + phase - issues
    return max(0, min(places, math.floor(theirs)))


def lately(lessons: int, issues: int) -> tuple[int, int]:
    """What each had, long ago counting for less: nobody saves turns up while the other has none."""
    return (lessons // 2, issues // 2) if lessons + issues > _LATELY else (lessons, issues)


def of_day(*, most: int, left: int, issues: int, lessons: int, share: int) -> int:
    """How many newsletters may have of the `left` messages of a day's quota of `most`.

    What is not needed by the `lessons` that are due within a day; and `share` per cent of the day in any case, of which
    they have had `issues`.
    """
    return max(0, min(left, max(most * share // 100 - issues, left - lessons)))
