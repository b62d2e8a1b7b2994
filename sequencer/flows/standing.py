"""How much may each relay be given now, and what is left alone? For whoever asks; nothing is leased."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sequencer import domains
from sequencer.core import limits
from sequencer.core.limits import Rest
from sequencer.core.rates import SECOND
from sequencer.domains import Throttle
from sequencer.flows.domains import names
from sequencer.relays import Relay
from sequencer.store import pauses, relays, rests
from sequencer.store import rates as buckets
from sequencer.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """A domain that is given only so much: in how many seconds a turn is free, and what is due to it now has one."""

    domain: str
    throttle: Throttle
    free_in: float = 0.0
    line: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one relay stands: `free_in` is in how many seconds a turn of its rate is free, `allowed` None for any number.

    `used` counts the last 24 hours, of which `issues` were newsletters. `resting` are domains, the longest rest first;
    `throttled` those that the settings name, and of all others those that have had mail lately.
    """

    relay: Relay
    free_in: float
    used: int
    issues: int
    allowed: int | None
    warm_up_day: int | None
    paused: str
    rest: Rest | None
    resting: Sequence[Rest]
    throttled: Sequence[Throttled] = ()


def standings(db: Database, among: Sequence[Relay], *, now: datetime) -> Sequence[Standing]:
    """Each of these relays, as all workers see it."""
    with db.read() as tx:
        held, still = buckets.held(tx), pauses.still(tx)
        known = [one for one in rests.known(tx, [relay.name for relay in among]) if one.left > 0]
        return [
            Standing(
                relay=relay,
                free_in=max(0.0, held.get(relay.name, 0) / SECOND) if relay.rate else 0.0,
                used=relays.used(tx, relay.name, now=now),
                issues=relays.issues(tx, relay.name, now=now),
                allowed=limits.allowance(quota=relay.daily_quota, ramp=relay.warm_up, now=now),
                warm_up_day=(now.date() - relay.warm_up.since).days + 1 if relay.warm_up else None,
                paused=str(still.relays.get(relay.name, "")),
                rest=next((one for one in known if one.relay == relay.name and not one.domain), None),
                resting=[one for one in known if one.relay == relay.name and one.domain],
                throttled=_throttled(relay, held),
            )
            for relay in among
        ]


def _throttled(relay: Relay, held: Mapping[str, int]) -> Sequence[Throttled]:
    """Those that the settings name, also where nothing was sent to them yet, and those that "*" stands for."""
    if not relay.domains:
        return ()
    before = f"{relay.name}/"
    lately = {name.removeprefix(before).partition(" ")[0] for name in held if name.startswith(before)}
    named = [domain for domain, _ in relay.domains]
    found = []
    for domain in [*named, *sorted(lately - set(named))]:
        throttle = domains.of(relay.domains, domain)
        if throttle is not None:
            turn, *lines = (max(0.0, held.get(name, 0) / SECOND) for name in names(relay, domain))
            found.append(Throttled(domain=domain, throttle=throttle, free_in=turn, line=max(turn, *lines)))
    return found
