"""Which ledger do several relays share in tests? A queue: what goes back as it was comes to its end again."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from relay import a_parcel, recipient

from sequencer.core.limits import Rest
from sequencer.core.model import Accepted, Deferred, DeliveryId, Outcome, Parcel, Report, Ticket, Uncertain
from sequencer.core.rates import Grant, Turn
from sequencer.delivery.way import Lane
from sequencer.relays import Relay


@dataclass(slots=True)
class Waiting:
    """Somebody in the queue: their number, the attempts so far, and the relay that did not take them."""

    number: int
    attempt: int = 0
    relay: str = ""


@dataclass
class Office:
    """The ledger; refuses what no courier may ask, and complains where an attempt has no end or two."""

    messages: int
    batch: int = 200
    in_process: bool = True
    intends: bool = False
    signs: bool = False
    must_end: Callable[[], bool] = lambda: False
    paused: Callable[[], Mapping[str, str]] = dict
    address: Callable[[int], str] = recipient
    smtputf8: frozenset[int] = frozenset()
    used: Counter[str] = field(default_factory=Counter)  # what relays were given or are about to be
    free: Counter[str] = field(default_factory=Counter)  # of that what is reserved, and in nobody's hand
    outcomes: dict[int, Outcome] = field(default_factory=dict)  # how the last attempt at each ended
    relays: dict[int, str] = field(default_factory=dict)
    released: list[Report] = field(default_factory=list)
    most_in_hand: int = 0
    _queue: deque[Waiting] = field(default_factory=deque)
    _in_hand: dict[Ticket, Waiting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._queue.extend(Waiting(number) for number in range(1, self.messages + 1))

    def lease(self, relay: Relay, room: int, _held: int) -> Grant:
        if not relay.daily_quota:
            return Grant(most=room)
        name = relay.name
        self.free[name] += max(0, min(room - self.free[name], relay.daily_quota - self.used[name] - self.free[name]))
        return Grant(most=min(room, self.free[name]))

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        assert set(unused.values()) == {0}
        self.free.clear()
        return ()

    def rests(self, relays: Sequence[str]) -> Mapping[str, str]:
        return {name: reason for name, reason in self.paused().items() if name in relays}

    def share(self, _news: Sequence[Rest], _relays: Sequence[str]) -> Sequence[Rest]:
        return []

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        assert places
        return [self._claim(place) for place in places[: self.batch] if self._queue]

    def _claim(self, place: Lane) -> Parcel:
        # Rather not the relay that has just put it off.
        found = next((one for one in self._queue if one.relay != place.relay.name), self._queue[0])
        self._queue.remove(found)
        found.attempt += 1
        self.used[place.relay.name] += 1
        self.free[place.relay.name] -= 1
        ticket = Ticket(delivery_id=DeliveryId(found.number), attempt=found.attempt)
        self._in_hand[ticket] = found
        self.most_in_hand = max(self.most_in_hand, len(self._in_hand))
        return a_parcel(
            found.number,
            ticket=ticket,
            relay=place.relay.name,
            recipient=self.address(found.number),
            needs_smtputf8=found.number in self.smtputf8,
        )

    def pressed(self, _places: Sequence[Lane]) -> Sequence[Parcel]:
        return []

    def renew(self, _ticket: Ticket, _relay: Relay) -> Turn | None:
        return None

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        for report in reports:
            found = self._in_hand.pop(report.ticket)
            found.relay = report.relay
            if not isinstance(report.outcome, Accepted | Uncertain):
                self.used[report.relay] -= 1
                self.free[report.relay] += 1
            if isinstance(report.outcome, Deferred) and not report.outcome.tried:
                self.released.append(report)
                if not report.outcome.after:
                    self._queue.append(found)
                    continue
            assert found.number not in self.outcomes
            self.outcomes[found.number] = report.outcome
            self.relays[found.number] = report.relay
        assert all(ticket in self._in_hand for ticket in intents)
        return frozenset(one.delivery_id for one in intents)

    @property
    def left(self) -> int:
        """How many still wait; at the end of a round nothing is in anybody's hand."""
        assert not self._in_hand
        return len(self._queue)

    @property
    def taken(self) -> Counter[str]:
        """How many messages each relay accepted."""
        return Counter(self.relays[which] for which, said in self.outcomes.items() if isinstance(said, Accepted))

    def said(self, kind: type[Outcome]) -> list[int]:
        """Who got this kind of answer."""
        return [which for which, outcome in self.outcomes.items() if isinstance(outcome, kind)]


def people(*recipients: Iterable[str]) -> Counter[str]:
    """Who got mail, from several relays, and how often."""
    return Counter(one for some in recipients for one in some)
