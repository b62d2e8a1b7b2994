"""Which rows does the roster of processes have? One for each that runs; its hours are the database's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from sequencer.store.database import Transaction, clock
from sequencer.store.tables import worker

WorkerId = NewType("WorkerId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a process is and does. `boot_id` is another one after each start of its machine; `engine` may be empty.

    `kind` is the command that runs: serve, web, worker or clock. `concurrency` is how many shards it drains at once.
    """

    kind: str
    engine: str
    concurrency: int
    host: str
    boot_id: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process on the roster, and since when nothing was heard of it.

    `clock_ahead` is how far its machine's clock is ahead of the database's; None where that was not measured.
    """

    id: WorkerId
    post: Post
    started_at: datetime
    heartbeat_at: datetime
    silent_for: timedelta
    clock_ahead: timedelta | None = None


def add(tx: Transaction, post: Post) -> WorkerId:
    """A new row, with a first sign of life."""
    row = {name: getattr(post, name) for name in Post.__dataclass_fields__}
    made = insert(worker).values(**row, started_at=clock(tx), heartbeat_at=clock(tx)).returning(worker.c.id)
    return WorkerId(tx.execute(made).scalar_one())


def beat(tx: Transaction, which: WorkerId, post: Post, *, clock_ahead: timedelta | None) -> bool:
    """A sign of life; False where there is no such row."""
    ahead = None if clock_ahead is None else round(clock_ahead.total_seconds())
    values = {"heartbeat_at": clock(tx), "clock_ahead": ahead}
    done = update(worker).where(_is(which, post)).values(**values).returning(worker.c.id)
    return tx.execute(done).scalar_one_or_none() is not None


def remove(tx: Transaction, which: WorkerId, post: Post) -> None:
    """Take the row out, if it is there."""
    tx.execute(delete(worker).where(_is(which, post)))


def forget(tx: Transaction, *, silent_for: timedelta) -> None:
    """Take out rows that nothing was heard of for so long."""
    tx.execute(delete(worker).where(worker.c.heartbeat_at <= clock(tx) - int(silent_for.total_seconds())))


def _is(which: WorkerId, post: Post) -> ColumnElement[bool]:
    """The row of this process: SQLite gives the number of a row that is gone to the next one."""
    return and_(worker.c.id == which, worker.c.host == post.host, worker.c.pid == post.pid)


def listed(tx: Transaction) -> Sequence[Worker]:
    """All rows, the oldest first."""
    rows = tx.execute(select(worker, (clock(tx) - worker.c.heartbeat_at).label("silent")).order_by(worker.c.id))
    return [
        Worker(
            id=WorkerId(row.id),
            post=Post(**{name: getattr(row, name) for name in Post.__dataclass_fields__}),
            started_at=row.started_at,
            heartbeat_at=row.heartbeat_at,
            silent_for=timedelta(seconds=max(0, int(row.silent))),
            clock_ahead=None if row.clock_ahead is None else timedelta(seconds=row.clock_ahead),
        )
        for row in rows
    ]
