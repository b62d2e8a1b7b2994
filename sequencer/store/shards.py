"""Into how many parts are people divided, and where does each lie? Partitions of `enrolment`, as far as there are any.

A shard is a number below `count`. A database that is not partitioned has one, which is everybody.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import text

from sequencer.core.model import EnrolmentId
from sequencer.store.database import Database, Transaction

EVERYBODY = "enrolment"
_PARTITIONS = text("""
SELECT count(*) FROM pg_inherits i JOIN pg_partitioned_table p ON p.partrelid = i.inhparent
 WHERE i.inhparent = to_regclass('enrolment')""")

_WHERE = text("SELECT CAST(tableoid::regclass AS text) FROM enrolment WHERE id = :which")


def count(db: Database) -> int:
    """How many shards there are: one where the hot table is not partitioned."""
    if db.is_sqlite:
        return 1
    with db.read() as tx:
        return int(tx.execute(_PARTITIONS).scalar_one()) or 1


def table(db: Database, shard: int | None) -> str:
    """The table in which the people of a shard lie; None is everybody.

    A number beyond the last begins again at the first: who divides otherwise than we still leaves nobody out.
    """
    shards = 1 if shard is None else count(db)
    return EVERYBODY if shard is None or shards == 1 else partition(shard % shards)


def tables(db: Database, shard: int | None, *, but: Collection[int]) -> Sequence[str]:
    """The tables in which the people of a shard lie, or those of all shards; `but` those of some shards."""
    shards = count(db)
    if shards == 1:
        return [] if 0 in but else [EVERYBODY]
    wanted = range(shards) if shard is None else [shard % shards]
    return [partition(one) for one in wanted if one not in but]


def of(tx: Transaction, which: EnrolmentId) -> int:
    """The shard in which a place lies."""
    if tx.dialect.name == "sqlite":
        return 0
    name = tx.execute(_WHERE, {"which": which}).scalar_one_or_none() or ""
    return int(name.rpartition("_p")[2] or 0) if name != EVERYBODY else 0


def partition(shard: int) -> str:
    """The table of one shard where there are several."""
    return f"{EVERYBODY}_p{shard:02}"
