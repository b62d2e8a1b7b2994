"""What is done now and then, whoever is awake? Reminders, forgetting what nobody needs any more, other rules of zones.

Each step is a commit of its own and picks what is due by an index, or looks at so many rows and no more: it can end
anywhere, and be run by several at once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.flows import keys, reminders, zones
from sequencer.flows.reminders import Patience
from sequencer.store import calls, door, erasure, months, rates, rests, used
from sequencer.store import keys as key_rows
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

BATCH = 200
SWEEP = 10_000  # small rows that refer to nobody
TOLD_KEPT = timedelta(days=30)  # what other programs were told of, for replays


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long things are waited for and kept. Who never confirmed is kept while their link works, at least.

    The ledger is kept for so many months, where it is partitioned; 0 for ever.
    """

    patience: Patience
    forget_after: timedelta
    ledger_months: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """What was done: people reminded and forgotten, and small rows dropped."""

    reminded: int
    forgotten: int
    dropped: int


def tidy(db: Database, terms: Terms, *, now: datetime, stop: Callable[[], bool] = lambda: False) -> Tidied:
    """Everything that is due at `now`, unless `stop` says so before. Raises BadDatabase where it cannot go on."""
    reminded = reminders.remind(db, terms.patience, now=now, stop=stop)
    forgotten = forget(db, terms, now=now, stop=stop)
    zones.follow(db, now=now, stop=stop)
    sweeps: tuple[Callable[[Transaction], int], ...] = (
        lambda tx: used.forget(tx, now=now, limit=SWEEP),
        lambda tx: key_rows.forget(tx, before=now - keys.ANSWERS_KEPT, limit=BATCH),
        lambda tx: rests.forget(tx, limit=SWEEP),
        lambda tx: rates.forget(tx, limit=SWEEP),
        lambda tx: calls.forget(tx, before=now - TOLD_KEPT, limit=SWEEP),
    )
    dropped = sum(_all(db, sweep, stop) for sweep in sweeps) + _forget_counters(db, now, stop)
    turn_months(db, terms)
    return Tidied(reminded=reminded, forgotten=forgotten, dropped=dropped)


def turn_months(db: Database, terms: Terms) -> None:
    """Make the partitions of the months to come, and drop those that are over and too old. By the database's clock."""
    for name in months.make_ahead(db):
        log.info("month.made", extra={"table": name})
    if terms.ledger_months:
        for name in months.drop_old(db, keep=terms.ledger_months):
            log.info("month.dropped", extra={"table": name})


def forget(db: Database, terms: Terms, *, now: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """Erase who signed up and never confirmed, so long after their last sign-up; how many.

    With them go their consents and their mails in the ledger. A suppressed address stays on the suppression list.
    """
    until = now - max(terms.forget_after, terms.patience.link)

    def some(tx: Transaction) -> int:
        people = erasure.forgettable(tx, until=until, limit=BATCH)
        erasure.erase(tx, people)
        return len(people)

    gone = _all(db, some, stop)
    if gone:
        log.info("people.forgotten", extra={"people": gone})
    return gone


def _forget_counters(db: Database, now: datetime, stop: Callable[[], bool]) -> int:
    """Look through all counters of the door, a part to a commit; how many were dropped."""
    done, behind = 0, ""
    while not stop():
        with db.begin() as tx:
            dropped, behind = door.forget(tx, now=now, behind=behind, limit=SWEEP)
        done += dropped
        if not behind:
            break
    return done


def _all(db: Database, some: Callable[[Transaction], int], stop: Callable[[], bool]) -> int:
    """Do it, a batch to a commit, until there is no more of it; how many in all."""
    done = 0
    while not stop():
        with db.begin() as tx:
            batch = some(tx)
        done += batch
        if not batch:
            break
    return done
