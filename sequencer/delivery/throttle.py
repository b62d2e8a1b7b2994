"""How much may this relay be given now? What was learnt of it lasts from one round to the next."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sequencer.core import limits
from sequencer.core.limits import Breaker, Pace, Rest, Window
from sequencer.core.model import Accepted, Deferred, Outcome, Rejected, Slow
from sequencer.core.rates import PATIENCE, Grant, Purse, Turn
from sequencer.relays import Relay

_AHEAD = 10.0  # seconds for which messages are claimed beforehand
_RETRY = 5.0  # seconds after which turns are asked for anew at the latest, as somebody may have given some back
_MOST_DOMAINS = 10_000  # domains of which refusals are remembered


class Throttle:
    """One relay's limits and its mood. `clock` gives seconds and only goes forward."""

    def __init__(self, relay: Relay, clock: Callable[[], float]) -> None:
        self.relay = relay
        self._reason = ""
        self._rests = ""
        self._clock = clock
        self._breaker = Breaker()
        self._window = Window(most=relay.connections, now=relay.connections)
        self._pace = Pace(rate=relay.rate) if relay.rate else None
        self._domains: dict[str, Breaker] = {}
        # Which of the rate's turns are ours; None where our own pace is all there is.
        self._purse = Purse() if relay.rate else None
        self._not_before = 0.0
        # Of which domains, and whether of the relay itself (""), other workers are to be told, and which they know of.
        self._news: set[str] = set()
        self._known: set[str] = set()

    @property
    def is_closed(self) -> bool:
        """Whether the relay is to be left alone; `reason` says why."""
        return bool(self._rests) or self._breaker.is_open(self._clock())

    @property
    def reason(self) -> str:
        """Why it is, or was."""
        return self._rests or self._reason

    def rest(self, reason: str) -> bool:
        """An admin has paused the relay, and why; or lets it go on, where nothing is said. Whether that is new."""
        before, self._rests = self._rests, reason
        return bool(before) is not bool(reason)

    @property
    def connections(self) -> int:
        """How many connections may be open."""
        return self._window.now

    @property
    def budget(self) -> int:
        """How many messages the rate lets start within the next seconds."""
        if self._pace is None:
            return 1 << 30
        return self._pace.budget(self._clock(), ahead=_AHEAD, share=self._window.share)

    @property
    def turns(self) -> int:
        """How many messages have a turn that is leased for them."""
        return 1 << 30 if self._purse is None else self._purse.count(self._clock())

    @property
    def may_ask(self) -> bool:
        """Whether there is hope for more turns."""
        return self._clock() >= self._not_before

    def granted(self, grant: Grant, *, asked: float) -> None:
        """What the ledger said, at some moment since `asked`; where it never speaks of turns, our own pace is all."""
        now = self._clock()
        if self._purse is None or not grant.interval:
            self._purse = None
            return
        self._purse.put(grant, asked=asked, answered=now)
        if not grant.count:
            self._not_before = now + min(max(grant.wait - PATIENCE, 0.0), _RETRY)

    def spare(self) -> int:
        """How many of the last turns nobody has used; they are ours no longer."""
        return 0 if self._purse is None else self._purse.spare(self._clock())

    def keep(self) -> None:
        """They could not be given back: the next round may use them."""
        if self._purse is not None:
            self._purse.keep()

    @property
    def is_ready(self) -> bool:
        """Whether the rate lets a message start at once."""
        now = self._clock()
        free = self._pace is None or self._pace.spend(now)[1] <= 0
        return free and (self._purse is None or self._purse.is_open(now))

    def spend(self) -> Turn:
        """Start one message: its turn, which may be over before it comes where none is leased for so late."""
        now, wait, pace = self._clock(), 0.0, self._pace
        if pace is not None:
            pace, wait = pace.spend(now, share=self._window.share)
        turn = Turn(start=now + wait) if self._purse is None else self._purse.take(now + wait)
        if turn is None:
            return Turn(start=now + wait, end=now)
        self._pace = pace
        return turn

    def rests(self, domain: str) -> float:
        """For how many seconds nothing goes to this domain; the first one after that finds out whether more may."""
        breaker = self._domains.get(domain)
        if breaker is None:
            return 0.0
        now = self._clock()
        if breaker.is_open(now):
            return breaker.until - now
        self._domains[domain] = breaker.probed(now)
        return 0.0

    @property
    def watches_domains(self) -> bool:
        """Whether any domain has refused us lately."""
        return bool(self._domains)

    def failed(self, reason: str, *, least: float = 0.0, of_account: bool = False) -> None:
        """It cannot be used: the relay is left alone for a while, or for `least` seconds.

        What was said `of_account` holds for all workers. Whether it can be reached may be a matter of ours alone; and a
        login is of our settings, so that whoever corrects the password need not wait for what was said of another one.
        """
        self._breaker = self._breaker.failed(self._clock(), least=least)
        self._reason = reason
        if of_account:
            self._news.add("")

    def news(self) -> list[Rest]:
        """What other workers are to be told: each thing once."""
        news, self._news = self._news, set()
        return [self._rest(domain) for domain in sorted(news)]

    def heard(self, rests: Sequence[Rest]) -> None:
        """All that workers know of this relay; of what they knew before and know no more, one has seen it work."""
        now, told = self._clock(), {rest.domain: rest for rest in rests}
        for domain in self._known - set(told) - self._news:
            self._put(domain, self._breaker_of(domain).worked())
        for domain, rest in told.items():
            if domain not in self._news:
                self._put(domain, self._breaker_of(domain).heard(now, rest))
                self._reason = self._reason if domain else rest.reason
        self._known = set(told)

    def _breaker_of(self, domain: str) -> Breaker:
        return self._domains.get(domain, limits.for_domain()) if domain else self._breaker

    def _put(self, domain: str, breaker: Breaker) -> None:
        if not domain:
            self._breaker = breaker
        elif breaker.failures:
            self._domains[domain] = breaker
        else:
            self._domains.pop(domain, None)

    def _rest(self, domain: str) -> Rest:
        breaker = self._breaker_of(domain)
        left = max(0.0, breaker.until - self._clock())
        reason = "" if domain else self._reason
        return Rest(relay=self.relay.name, domain=domain, left=left, failures=breaker.failures, reason=reason)

    def crowded(self, others: int) -> None:
        """One more connection beside `others` was refused."""
        self._window = self._window.shrunk(others)

    def note(self, outcome: Outcome, domain: str) -> None:
        """Learn from what became of a message."""
        match outcome:
            case Accepted():
                self._window = self._window.grown()
                # That it lets us in proves nothing yet; and what it took before it had enough, nothing any more.
                if self._breaker.failures and not self.is_closed:
                    self._breaker = self._breaker.worked()
                    self._clear("")
                if self._domains:
                    self._domains.pop(domain, None)
                    self._clear(domain)
            case Deferred(slow=Slow.RELAY):
                self._ease(outcome.reply)
            case Deferred(slow=Slow.STOP):
                self.failed(self._said(outcome.reply), least=outcome.after.total_seconds(), of_account=True)
            case Deferred(slow=Slow.DOMAIN) | Rejected(slow=Slow.DOMAIN):
                self._spare(domain)

    def _ease(self, reply: str) -> None:
        """The relay asks us to slow down: half the connections; where there is one only, a rest."""
        before = self._window
        self._window = before.halved(self._clock())
        if before.now == 1 and self._window is not before:
            self.failed(self._said(reply))

    def _spare(self, domain: str) -> None:
        if domain not in self._domains and len(self._domains) >= _MOST_DOMAINS:
            del self._domains[next(iter(self._domains))]
        breaker = self._breaker_of(domain).failed(self._clock())
        self._domains[domain] = breaker
        if breaker.is_open(self._clock()):
            self._news.add(domain)

    def _clear(self, domain: str) -> None:
        """It works: whoever was told the contrary is to know."""
        self._news.discard(domain)
        if domain in self._known:
            self._news.add(domain)

    def _said(self, reply: str) -> str:
        return f"The relay {self.relay.name} wants to be left alone: {reply.rstrip('.')}."


@dataclass(slots=True)
class Stock:
    """How many messages may lie claimed for a relay: few at first, then what it takes in a minute."""

    connections: int
    since: float
    done: int = 0

    def most(self, now: float) -> int:
        """So many; whatever lies there is sent long before its lease runs out."""
        spent = max(now - self.since, 1.0)
        return 2 * self.connections + math.ceil(self.done * min(60.0 / spent, 60.0))
