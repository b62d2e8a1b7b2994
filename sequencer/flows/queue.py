"""How does the queue stand? What is due and what soon, what waits and why, what senders hold; nothing is scanned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.store import pauses, queue, shards
from sequencer.store.database import Database, Transaction
from sequencer.store.pauses import Standstill
from sequencer.store.queue import Count, Held, Waiting

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """People whose next lesson is due now, within the hour and within the day after; how long the first is overdue."""

    due: Count
    hour: Count
    day: Count
    lag: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The whole queue at one moment.

    `shards` are the same lessons shard by shard, where there are several. `waiting` are messages in the ledger,
    `more_waiting` says that there are more than were counted. Of what is `uncertain`, `on_hold` messages wait for an
    admin. `still` is what an admin has paused.
    """

    now: datetime
    lessons: Lessons
    shards: Sequence[Lessons]
    waiting: Sequence[Waiting]
    more_waiting: bool
    held: Held
    uncertain: Count
    on_hold: int
    still: Sequence[Standstill]


def status(db: Database, *, now: datetime) -> Status:
    """How the queue stands, in one consistent look; numbers beyond 100,000 are said to be more than that."""
    parts = shards.count(db)
    with db.read() as tx:
        waiting, more = queue.waiting(tx, now=now)
        uncertain, on_hold = queue.uncertain(tx)
        return Status(
            now=now,
            lessons=_lessons(tx, shards.EVERYBODY, now),
            shards=[_lessons(tx, shards.partition(one), now) for one in range(parts if parts > 1 else 0)],
            waiting=waiting,
            more_waiting=more,
            held=queue.held(tx),
            uncertain=uncertain,
            on_hold=on_hold,
            still=[*pauses.still(tx).rows, *pauses.still_courses(tx)],
        )


def _lessons(tx: Transaction, people: str, now: datetime) -> Lessons:
    oldest = queue.oldest(tx, people=people)
    return Lessons(
        due=queue.due(tx, until=now, people=people),
        hour=queue.due(tx, until=now + HOUR, after=now, people=people),
        day=queue.due(tx, until=now + DAY, after=now, people=people),
        lag=max(now - oldest, timedelta(0)) if oldest else timedelta(0),
    )
