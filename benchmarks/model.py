"""Does an eight o'clock peak fit? The paper design for many million people, second by second, in a few seconds.

Messages fall due by zone and within the spread of a course, wait in the order in which they fell due, and go out as
fast as the slowest of three lets them: the databases that claim, the workers that send, the relays that take. What
these can do are arguments: measured or assumed is for the caller to say. Nothing else is read; a seed makes the dice.
"""

import argparse
import json
import math
import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

_DAY = 86_400
# Assumed: where readers of a site in English live, by hours from UTC. A fifth shares one offset.
SHARES: Mapping[float, float] = {
    -8: 0.08,
    -7: 0.04,
    -6: 0.10,
    -5: 0.20,
    -3: 0.06,
    0: 0.10,
    1: 0.20,
    2: 0.08,
    3: 0.06,
    5.5: 0.05,
    8: 0.02,
    9: 0.01,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What there is to send with: each of `clusters` claims so many a second, each worker sends, each relay takes."""

    clusters: int
    claims: float
    workers: int
    sends: float
    relays: int
    takes: float

    @property
    def rate(self) -> float:
        """How many messages a second go out at most."""
        return min(self.clusters * self.claims, self.workers * self.sends, self.relays * self.takes)

    @property
    def narrowest(self) -> str:
        """What holds back all the others."""
        rates = {
            "clusters": self.clusters * self.claims,
            "workers": self.workers * self.sends,
            "relays": self.relays * self.takes,
        }
        return min(rates, key=lambda name: rates[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """What a day looked like: messages, the busiest second by what fell due and by what was sent, lags in seconds."""

    messages: int
    sent: int
    due_at_once: int
    sent_at_once: int
    lag_p50: int
    lag_p99: int
    lag_most: int
    waiting_most: int
    busy_seconds: int


def arrivals(messages: int, shares: Mapping[float, float], *, spread: int, hour: float = 8, seed: int = 0) -> list[int]:
    """How many messages fall due in each second of a day (UTC): exactly `messages` together."""
    dice, due = random.Random(seed), [0] * _DAY
    for offset, number in _divided(messages, shares).items():
        begin = round((hour - offset) * 3600)
        for at, count in enumerate(_spread(number, spread, dice)):
            due[(begin + at) % _DAY] += count
    return due


def run(due: Sequence[int], rate: float) -> Peak:
    """Everything that falls due goes out in that order, at most `rate` a second; the rest waits, past midnight too."""
    waiting: deque[tuple[int, int]] = deque()
    lags: Counter[int] = Counter()
    second = backlog = most = at_once = busy = 0
    credit = 0.0
    while second < len(due) or waiting:
        if second < len(due) and due[second]:
            waiting.append((second, due[second]))
            backlog += due[second]
        credit += rate
        sent = _send(waiting, lags, second, int(credit))
        # What was not used is gone; of a rate like 0.5 the half is kept.
        credit -= int(credit)
        backlog -= sent
        most, at_once, busy = max(most, backlog), max(at_once, sent), busy + bool(sent)
        second += 1
    return Peak(
        messages=sum(due),
        sent=lags.total(),
        due_at_once=max(due, default=0),
        sent_at_once=at_once,
        lag_p50=percentile(lags, 0.50),
        lag_p99=percentile(lags, 0.99),
        lag_most=max(lags, default=0),
        waiting_most=most,
        busy_seconds=busy,
    )


def needed(due: Sequence[int], *, lag: int) -> int:
    """The least rate at which 99 of 100 messages go out within `lag` seconds."""
    low, high = 1, max(1, *due)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if run(due, middle).lag_p99 <= lag else (middle + 1, high)
    return low


def percentile(lags: Counter[int], share: float) -> int:
    """The lag that this share of the messages does not exceed."""
    left = math.ceil(share * lags.total())
    for lag in sorted(lags):
        left -= lags[lag]
        if left <= 0:
            return lag
    return 0


def _send(waiting: deque[tuple[int, int]], lags: Counter[int], now: int, most: int) -> int:
    left = most
    while waiting and left:
        since, count = waiting.popleft()
        taken = min(count, left)
        lags[now - since] += taken
        left -= taken
        if taken < count:
            waiting.appendleft((since, count - taken))
    return most - left


def _divided(messages: int, shares: Mapping[float, float]) -> Mapping[float, int]:
    """Whole messages for each zone, none lost by rounding."""
    total, found, before, until = sum(shares.values()), {}, 0, 0.0
    for offset, share in shares.items():
        until += share
        upto = round(messages * until / total)
        found[offset], before = upto - before, upto
    return found


def _spread(number: int, seconds: int, dice: random.Random) -> list[int]:
    """So many people, each at a second of their own: about even, as dice fall, and exactly `number` together."""
    mean = number / seconds
    weights = [max(0.0, dice.gauss(mean, math.sqrt(mean))) for _ in range(seconds)]
    total, found, before, until = sum(weights) or 1.0, [], 0, 0.0
    for weight in weights:
        until += weight
        upto = round(number * until / total)
        found.append(upto - before)
        before = upto
    found[-1] += number - before
    return found


def main() -> None:
    """Simulate a day and print how late messages were, and what would be needed to be in time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000_000, help="lessons that are due on a day")
    parser.add_argument("--spread", type=int, default=60, help="minutes over which a course spreads its readers")
    parser.add_argument("--clusters", type=int, default=8)
    parser.add_argument("--claims", type=float, default=2_500, help="messages a second through one cluster")
    parser.add_argument("--workers", type=int, default=24)
    parser.add_argument("--sends", type=float, default=700, help="messages a second by one worker")
    parser.add_argument("--relays", type=int, default=10)
    parser.add_argument("--takes", type=float, default=1_500, help="messages a second into one relay")
    parser.add_argument("--lag", type=int, default=300, help="seconds that 99 of 100 may be late")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    site = Site(
        clusters=given.clusters,
        claims=given.claims,
        workers=given.workers,
        sends=given.sends,
        relays=given.relays,
        takes=given.takes,
    )
    due = arrivals(given.messages, SHARES, spread=60 * given.spread, seed=given.seed)
    peak, least = run(due, site.rate), needed(due, lag=given.lag)
    found = {
        **asdict(peak),
        "rate": round(site.rate),
        "narrowest": site.narrowest,
        "needed_rate": least,
        "needed_clusters": math.ceil(least / site.claims),
        "needed_workers": math.ceil(least / site.sends),
        "needed_relays": math.ceil(least / site.takes),
    }
    if given.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name.replace('_', ' '):<16} {value:>14,}" if isinstance(value, int) else f"{name:<16} {value:>14}")


if __name__ == "__main__":
    main()
