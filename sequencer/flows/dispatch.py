"""How does a lesson go out? Recover what was left behind, claim what is due, send it, settle what the relay said."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.core import lifecycle
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.model import Accepted, Deferred, DeliveryState, Rejected, Uncertain
from sequencer.delivery.courier import Carried, Courier
from sequencer.flows import doubt, pauses, replay
from sequencer.flows.archive import Archive
from sequencer.flows.doubt import Doubt
from sequencer.flows.ledger import BATCH, PassLedger
from sequencer.flows.lowwater import LowWater
from sequencer.flows.plan import go_on
from sequencer.flows.precedence import SHARE
from sequencer.flows.press import Press
from sequencer.store import broadcasts, deliveries, enrolments, sender, shards
from sequencer.store.database import Database
from sequencer.store.hot import Place
from sequencer.store.journal import Journal
from sequencer.store.sender import Turn
from sequencer.values import Intent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one pass did: rows taken back from dead senders, messages by their outcome, and the relay's trouble.

    `claimed` messages were claimed for it, some of them more than once. `paused` says why nothing was sent, where
    everything stands still.
    """

    recovered: int
    accepted: int
    deferred: int
    rejected: int
    uncertain: int
    trouble: str
    paused: str = ""
    claimed: int = 0


def tick(
    db: Database,
    courier: Courier,
    press: Press,
    *,
    now: datetime,
    stop: Callable[[], bool] = lambda: False,
    end: Callable[[], bool] = lambda: False,
    intent: Intent = Intent.STRICT,
    apart: timedelta = timedelta(0),
    shard: int | None = None,
    low: LowWater | None = None,
    journal: Journal | None = None,
    newsletter_share: int = SHARE,
    most: Callable[[], int] = lambda: BATCH,
) -> Tick:
    """One pass: everything that is due at `now` is sent, unless `stop` says so before.

    After `stop` nothing more is claimed; after `end` not even the answers that are awaited are waited for. `intent`
    says how much may be in doubt after a crash. Between two lessons to one person, of whichever courses, lies `apart`.
    With a `shard` (`store.shards`), new lessons go out to its people alone; without one, to everybody. `low` remembers
    from pass to pass where a sender that lives long has come to (`lowwater.Marks`). What relays say is noted in the
    `journal` before it is committed. While lessons wait, newsletters have `newsletter_share` per cent of what is sent,
    and of a relay's day. `most` is asked how many to claim at once.

    Safe to run twice at once: from a SQLite file, the second does nothing; from PostgreSQL, they share the work.
    """
    low = low or LowWater()
    ledger = PassLedger(
        db,
        press,
        now=now,
        stop=stop,
        end=end,
        intent=intent,
        apart=apart,
        shard=shard,
        low=low,
        journal=journal,
        newsletter_share=newsletter_share,
        most=most,
    )
    recovered, carried, paused = 0, Carried(tried=0), None
    with sender.turn(db) as turn:
        if turn is not Turn.TAKEN:
            recovered = recover(db, press.archive, now=now, dead=turn is Turn.ALONE, journal=journal)
            still = pauses.still(db)
            paused = still.everything
            # No connection is opened where nothing is due.
            if paused is None and _is_due(db, shard, low, now, still.shards):
                carried = courier.carry(ledger)
    for reason in carried.down:
        log.warning("relay.trouble", extra={"reason": reason})
    return Tick(
        recovered=recovered,
        accepted=ledger.count[Accepted],
        deferred=ledger.count[Deferred],
        rejected=ledger.count[Rejected],
        uncertain=ledger.count[Uncertain],
        trouble=carried.trouble,
        paused=paused.reason if paused else "",
        claimed=ledger.claimed,
    )


def recover(
    db: Database, archive: Archive, *, now: datetime, dead: bool = False, journal: Journal | None = None
) -> int:
    """Take back what dead senders held: what was not sent is due again, what may have been sent becomes uncertain.

    What the journals here know to be accepted is sent: the answer came, and its commit did not.

    Who is dead is told by the leases; with `dead`, everybody is, because we alone may send.
    """
    recovered = 0
    while rows := _recover_batch(db, archive, now, dead=dead, journal=journal):
        recovered += rows
    return recovered


def _recover_batch(db: Database, archive: Archive, now: datetime, *, dead: bool, journal: Journal | None = None) -> int:
    with db.begin() as tx:
        rows = deliveries.expired(tx, limit=BATCH, dead=dead)
        held = {claim.id: claim for claim in deliveries.claims(tx, [row.id for row in rows])} if rows else {}
        doubtful = [held[row.id] for row in rows if row.state is DeliveryState.SENDING]
        known = replay.settle_known(tx, archive, doubtful, journal, now=now) if journal else frozenset()
        for row in rows:
            if row.id in known:
                log.warning("delivery.recovered", extra={"delivery": row.id, "state": DeliveryState.SENT})
                continue
            after = lifecycle.move(lifecycle.DELIVERY, row.state, DeliveryEvent.EXPIRE)
            doubted = after is DeliveryState.UNCERTAIN
            what = doubt.settle(tx, archive, held[row.id], now=now) if doubted else Doubt(again=now)
            deliveries.expire(tx, row, to=after, due_at=what.again)
            if what.sent:
                doubt.assume_sent(tx, archive, held[row.id], deliveries.UNSEEN, now=now)
            if what.again is None:
                # A message whose fate stays unknown does not hold up the course.
                go_on(tx, archive, [held[row.id]], now=now)
            log.warning("delivery.recovered", extra={"delivery": row.id, "state": after})
    return len(rows)


def is_left_behind(db: Database) -> bool:
    """Whether there is something that a dead sender held, for the next pass to take back."""
    with db.read() as tx:
        return deliveries.is_left_behind(tx)


def next_due(
    db: Database, shard: int | None = None, since: Place | None = None, *, but: Collection[int] = ()
) -> datetime | None:
    """When there is something to send next, of this shard or of all; None where nobody waits for anything.

    Of people, only of those behind `since`, and not of those in one of the shards `but`.
    """
    people = shards.tables(db, shard, but=but) if but else [shards.table(db, shard)]
    with db.read() as tx:
        lessons = [enrolments.next_due(tx, table, since) for table in people]
        times = [*lessons, deliveries.next_due(tx), broadcasts.next_at(tx)]
    return min((at for at in times if at is not None), default=None)


def _is_due(db: Database, shard: int | None, low: LowWater, now: datetime, but: Collection[int]) -> bool:
    if but or (low.since is not None and not low.may_look_whole):
        due = next_due(db, shard, None if but else low.since, but=but)
        return due is not None and due <= now
    with low.whole():
        due = next_due(db, shard)
    if due is None or due > now:
        return False
    low.found()
    return True
