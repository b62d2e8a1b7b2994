"""How much of a rate is still free? One row a rate, which all workers share; leases go by the database's clock.

A row is locked for two short statements. Whoever dies between them has leased nothing, and whoever dies later takes
with them what they leased, and no more.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, delete, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core import rates
from sequencer.core.rates import SECOND, Lease, Rate
from sequencer.store.database import Transaction
from sequencer.store.tables import rate_bucket

_KEPT = 86_400 * SECOND


def lease(tx: Transaction, name: str, rate: Rate, *, wanted: int) -> Lease:
    """The next turns of this rate, `wanted` at most; nobody else gets them."""
    tat, now = lock(tx, name)
    leased = rates.lease(rate, tat, now, wanted=wanted)
    if leased.tat != tat:
        tx.execute(update(rate_bucket).where(rate_bucket.c.name == name).values(tat=leased.tat))
    return leased


def give_back(tx: Transaction, name: str, rate: Rate, *, end: int, unused: int) -> bool:
    """The last turns of the lease that ended there were not needed; False where somebody leased what follows them."""
    tat, _ = lock(tx, name)
    if tat != end:
        return False
    after = rates.given_back(rate, tat, end=end, unused=unused)
    tx.execute(update(rate_bucket).where(rate_bucket.c.name == name).values(tat=after))
    return True


def lock(tx: Transaction, name: str) -> tuple[int, int]:
    """The first instant that nobody holds, and now: this rate is ours until the transaction ends."""
    query = select(rate_bucket.c.tat, clock(tx)).where(rate_bucket.c.name == name).with_for_update()
    row = tx.execute(query).one_or_none()
    if row is None:
        insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
        tx.execute(insert(rate_bucket).values(name=name, tat=0).on_conflict_do_nothing())
        row = tx.execute(query).one()
    return int(row[0]), int(row[1])


def lock_all(tx: Transaction, names: Sequence[str]) -> tuple[Mapping[str, int], int]:
    """The same of several, which need not be rates, as far as they are there; all lock them in one order."""
    query = select(rate_bucket.c.name, rate_bucket.c.tat, clock(tx)).where(rate_bucket.c.name.in_(names))
    query = query.order_by(rate_bucket.c.name).with_for_update()
    rows = tx.execute(query).all()
    return {name: int(tat) for name, tat, _ in rows}, max((int(now) for _, _, now in rows), default=0)


def make(tx: Transaction, names: Collection[str]) -> None:
    """Begin these, where they are not there yet; for a transaction that locks nothing else, or two wait in a circle."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    made = insert(rate_bucket).on_conflict_do_nothing()
    tx.execute(made, [{"name": name, "tat": 0} for name in sorted(names)])


def keep(tx: Transaction, instants: Mapping[str, int]) -> None:
    """Write down what these are now; they are ours since `lock_all`."""
    if instants:
        changed = update(rate_bucket).where(rate_bucket.c.name == bindparam("which")).values(tat=bindparam("instant"))
        tx.execute(changed, [{"which": name, "instant": instant} for name, instant in sorted(instants.items())])


def held(tx: Transaction) -> Mapping[str, int]:
    """For how many nanoseconds from now each rate is leased already; below 0 where nothing is."""
    rows = tx.execute(select(rate_bucket.c.name, rate_bucket.c.tat, clock(tx)))
    return {name: int(tat) - int(now) for name, tat, now in rows}


def forget(tx: Transaction, *, limit: int) -> int:
    """Drop up to `limit` rates of which nobody has held anything for a day; how many."""
    old = select(rate_bucket.c.name).where(rate_bucket.c.tat < clock(tx) - _KEPT).limit(limit)
    return tx.execute(delete(rate_bucket).where(rate_bucket.c.name.in_(old.scalar_subquery()))).rowcount


def clock(tx: Transaction) -> ColumnElement[int]:
    """Now, in nanoseconds since 1970, by the database's clock (SQLite's knows milliseconds, PostgreSQL's micro-)."""
    if tx.dialect.name == "sqlite":
        return literal_column("CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000000")
    return cast(func.floor(func.extract("epoch", func.clock_timestamp()) * 1_000_000), BigInteger) * 1000
