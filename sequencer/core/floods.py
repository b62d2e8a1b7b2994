"""Do sign-ups come as people do? Forms that hardly anybody confirms, and crowds of mailboxes that no past explains.

What is asked here counts only those who were let through: a robot that was kept out brings nobody a mail.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeAlias

_DAY, _LATELY, _STILL = 24, 2, 3  # hours
_MOST_WAIT = timedelta(hours=_DAY)


# A tuple, as several are made for each sign-up of a flood, and a frozen dataclass takes three times as long.
class Use(NamedTuple):
    """How often something was asked for in one hour (counted since 1970), and how many of those were confirmed."""

    hour: int
    asked: int
    confirmed: int


# By the digest of what is counted: the hours in which anything happened.
Uses: TypeAlias = Mapping[str, Sequence[Use]]


@lru_cache(64)
def hour(now: datetime) -> int:
    """The hour in which something is counted."""
    return int(now.timestamp()) // 3600


def is_attacked(taken: Sequence[Use], tried: Sequence[Use], now: datetime) -> bool:
    """Whether hardly anybody confirms, and it goes on.

    Less than one in five of fifty or more who were `taken` within a day, the last hour left out; and within the last
    three hours at least half as many `tried` as in any three of that day. So it is over soon after the last robot.
    """
    this = hour(now)
    before = [one for one in taken if this - _DAY <= one.hour < this]
    asked, confirmed = sum(one.asked for one in before), sum(one.confirmed for one in before)
    still = sum(one.asked for one in tried if one.hour > this - _STILL)
    return asked >= 50 and 5 * confirmed < asked and 2 * still * _DAY >= asked * _STILL  # noqa: PLR2004 (as said above)


def excess(taken: Sequence[Use], most: int, now: datetime) -> int:
    """How many more than usual a crowd of mailboxes was taken within two hours; below 0, so many are welcome yet.

    Usual are `most`, and four times as many as were confirmed within the last day: people who come in crowds confirm,
    and nobody confirms for mailboxes that are not theirs.
    """
    this = hour(now)
    lately = sum(one.asked for one in taken if one.hour > this - _LATELY)
    confirmed = sum(one.confirmed for one in taken if one.hour > this - _DAY)
    return lately - most - 4 * confirmed


def unanswered(taken: Sequence[Use]) -> int:
    """How many were let through and not confirmed, of all that is known."""
    return sum(one.asked - one.confirmed for one in taken)


def wait(over: int, most: int) -> timedelta:
    """When the mail to one of a crowd may go out that is `over` so many: no more than `most` of them in two hours."""
    return min(timedelta(hours=_LATELY) * (1 + over // most), _MOST_WAIT)
