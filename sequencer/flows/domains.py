"""Which of the messages that were just claimed may go to their domains now, and when do the others come back?

Asked only of relays whose settings throttle a domain. A turn is on record as gone before a message has it: whoever dies
between the two loses turns, and the messages are taken back as everything that a dead sender held.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sequencer import domains
from sequencer.core import line, rates
from sequencer.core.line import Admission, Applicant, Line, Rank
from sequencer.core.model import Claim, Deferred, DeliveryKind, Report, Ticket
from sequencer.core.rates import SECOND, Rate, Turn
from sequencer.domains import Throttle
from sequencer.relays import Relay
from sequencer.store import deliveries
from sequencer.store import rates as buckets
from sequencer.store.database import Database

_SOONEST = timedelta(seconds=1)  # what is put off is not due at once, or the same pass would claim it again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    """One domain at one relay, and who wants to go there. `elsewhere`: another relay does not throttle it."""

    relay: Relay
    domain: str
    throttle: Throttle
    elsewhere: bool
    claims: list[Claim] = field(default_factory=list)
    asking: list[Applicant] = field(default_factory=list)

    @property
    def rate(self) -> Rate:
        return rate(self.relay, self.throttle)

    @property
    def names(self) -> tuple[str, str, str]:
        return names(self.relay, self.domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The turns of those that have one, and word of those that are put off. Whoever is in neither needs no turn."""

    turns: Mapping[Ticket, Turn]
    later: Sequence[Report]


class Domains:
    """The throttled domains during one pass. `clock` is the courier's: seconds, and only goes forward."""

    def __init__(self, db: Database, *, share: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._share = share
        self._clock = clock
        # What is put off is put off from the pass's `now` on, however long the pass has been at it.
        self._begun = clock()

    def renew(self, claim: Claim, relay: Relay) -> Turn | None:
        """Another turn for one whose own is over; None where there is none within some seconds."""
        # As for a press: where there is none it stands in no line, as it goes back to be claimed once more.
        gates = _gates([(claim, relay)], lambda _: Applicant(rank=Rank.PRESSED))
        return self._decided(gates).turns.get(claim.ticket)

    def admit(self, pairs: Sequence[tuple[Claim, Relay]]) -> Answer:
        """Turns for as many of these as there are; the others are put off until it is likely to be theirs."""
        gates = _gates(pairs, _applicant)
        return self._decided(gates) if gates else Answer(turns={}, later=())

    def _decided(self, gates: Sequence[_Gate]) -> Answer:
        turns: dict[Ticket, Turn] = {}
        later: list[Report] = []
        asked = self._clock()
        admissions, now = self._admissions(gates)
        answered = self._clock()
        spent = int((answered - self._begun) * SECOND)
        for gate, found in zip(gates, admissions, strict=True):
            granted = rates.grant(gate.rate, found.lease, most=found.lease.count)
            for place, which in enumerate(found.turns):
                opens = granted.wait + place * granted.interval
                # Whenever it was granted between these two instants: later at its beginning, sooner at its end.
                turn = Turn(start=answered + opens, end=asked + opens + granted.grace)
                turns[gate.claims[which].ticket] = turn
            later += [_put_off(gate, gate.claims[which], at - now + spent) for which, at in found.later.items()]
        return Answer(turns=turns, later=later)

    def _admissions(self, gates: Sequence[_Gate]) -> tuple[Sequence[Admission], int]:
        """One short transaction, in which each domain is locked; and its hour. Another before, where one is new."""
        while (found := self._admit(gates)) is None:
            with self._db.begin() as tx:
                buckets.make(tx, [name for gate in gates for name in gate.names])
        return found

    def _admit(self, gates: Sequence[_Gate]) -> tuple[Sequence[Admission], int] | None:
        all_names = [name for gate in gates for name in gate.names]
        with self._db.begin() as tx:
            known, now = buckets.lock_all(tx, all_names)
            if len(known) < len(all_names):
                return None
            found = [_admission(gate, known, now, self._share) for gate in gates]
            after = {name: at for gate, one in zip(gates, found, strict=True) for name, at in _instants(gate, one)}
            buckets.keep(tx, {name: at for name, at in after.items() if at != known[name]})
        return found, now


def rate(relay: Relay, throttle: Throttle) -> Rate:
    """The turns of a throttled domain at this relay, which may have a rate of its own."""
    return rates.cap(throttle.messages, throttle.seconds, apart=1 / relay.rate if relay.rate else 0.0)


def names(relay: Relay, domain: str) -> tuple[str, str, str]:
    """By which names its turns, its line of lessons and its line of newsletters are kept."""
    name = f"{relay.name}/{domain}"
    return name, f"{name} lessons", f"{name} issues"


def _gates(pairs: Sequence[tuple[Claim, Relay]], applicant: Callable[[Claim], Applicant]) -> Sequence[_Gate]:
    """Those domains of theirs that are throttled."""
    relays = {relay for _, relay in pairs}
    found: dict[tuple[str, str], _Gate | None] = {}
    for claim, relay in pairs:
        if not relay.domains:
            continue
        domain = claim.address.wire.rpartition("@")[2].lower()
        key = (relay.name, domain)
        if key not in found:
            found[key] = _gate(relay, domain, relays)
        if (gate := found[key]) is not None:
            gate.claims.append(claim)
            gate.asking.append(applicant(claim))
    return [gate for gate in found.values() if gate is not None]


def _gate(relay: Relay, domain: str, relays: Collection[Relay]) -> _Gate | None:
    throttle = domains.of(relay.domains, domain)
    if throttle is None:
        return None
    elsewhere = any(domains.of(one.domains, domain) is None for one in relays)
    return _Gate(relay=relay, domain=domain, throttle=throttle, elsewhere=elsewhere)


def _admission(gate: _Gate, known: Mapping[str, int], now: int, share: int) -> Admission:
    tat, lessons, issues = (known[name] for name in gate.names)
    return line.admit(gate.rate, Line(tat=tat, lessons=lessons, issues=issues), now, gate.asking, share=share)


def _put_off(gate: _Gate, claim: Claim, wait: int) -> Report:
    reply = f"The relay {gate.relay.name} is given no more than {gate.throttle} for {gate.domain}."
    # The next claim rather has another relay; where that has no room either, it stands in line.
    after = _SOONEST if gate.elsewhere and claim.attempt == 1 else timedelta(seconds=wait // SECOND)
    outcome = Deferred(reply=reply, after=max(_SOONEST, after), tried=False)
    return Report(ticket=claim.ticket, outcome=outcome, relay=gate.relay.name)


def _instants(gate: _Gate, found: Admission) -> Sequence[tuple[str, int]]:
    after = found.line
    return list(zip(gate.names, (after.tat, after.lessons, after.issues), strict=True))


def _applicant(claim: Claim) -> Applicant:
    rank = Rank.LESSON
    if claim.kind in deliveries.AT_ONCE:
        rank = Rank.PRESSED
    elif claim.kind is DeliveryKind.ISSUE:
        rank = Rank.ISSUE
    return Applicant(rank=rank, waited=claim.attempt > 1)
