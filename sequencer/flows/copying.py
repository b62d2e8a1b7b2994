"""How does everything move into another database? Row for row, counted and compared, between SQLite and PostgreSQL.

Ids stay as they are: links, Message-IDs and tokens are made of them, so nothing that was sent before breaks. The copy
is marked until it is whole, so that nobody serves from half of it; a rehearsed one stays marked.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sequencer.errors import BadDatabase, BadRequest
from sequencer.flows import roster
from sequencer.store import marks, migrate, pauses, quiet, rows, sender, sequences
from sequencer.store.database import Database, Transaction
from sequencer.store.marks import Mark, State
from sequencer.store.pauses import Scope
from sequencer.store.rows import Print
from sequencer.store.sender import Turn
from sequencer.store.workers import Worker

log = logging.getLogger(__name__)

Told = Callable[[str, int, int], None]  # the table, its rows that are copied, and how many it has


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedTable:
    """One table that is the same in both databases."""

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied. After a rehearsal the source goes on as before; else it is paused, and so is its copy."""

    tables: tuple[CopiedTable, ...]
    rehearsal: bool

    @property
    def rows(self) -> int:
        """In all tables together."""
        return sum(one.rows for one in self.tables)


def copy(
    source: Database,
    target: Database,
    migrations: Path,
    *,
    now: datetime,
    rehearse: bool = False,
    replace: bool = False,
    told: Told = lambda _name, _done, _all: None,
) -> Copied:
    """Copy all of `source` into `target`, which must hold nothing; compare both; let the copy count on where it was.

    Nobody may be sending from the source, nor write to it meanwhile, but for a rehearsal, which copies what there was
    at one moment. `replace` takes an earlier copy out of the target that was rehearsed, or did not come to its end.
    Raises BadRequest where that cannot be done now, and BadDatabase where the copy is not the same in the end; the
    source is as it was then.
    """
    quiet.refuse_same(source, target)
    migrate.check(source, migrations)
    with _still(source, rehearse=rehearse, into=_name(target), now=now) as tx:
        _make_room(target, migrations, Mark(state=State.UNFINISHED, source=_name(source)), replace=replace)
        found = [(name, _copied(tx, target, name, told)) for name in rows.tables()]
        after = sequences.last(tx)
        copied = Copied(tables=tuple(_compared(target, found)), rehearsal=rehearse)
        with target.begin() as into:
            sequences.count_on(into, after)
            if rehearse:
                marks.put(into, Mark(state=State.REHEARSAL, source=_name(source)))
    # Last of all, when the source is at rest for good: a crash before that leaves a copy that nobody serves from.
    if not rehearse:
        with target.begin() as into:
            marks.take_away(into)
    log.warning("database.copied", extra={"rows": copied.rows, "rehearsal": rehearse})
    return copied


@contextmanager
def _still(source: Database, *, rehearse: bool, into: str, now: datetime) -> Iterator[Transaction]:
    """The source, at one moment; unless it is a rehearsal nobody else writes, and it is paused in the end."""
    if rehearse:
        with source.read() as tx:
            quiet.hold_still(tx, others_may_write=True)
            yield tx
        return
    with sender.turn(source) as turn, source.begin() as tx:
        if turn is Turn.TAKEN:
            raise BadRequest("The source is being sent from; stop the service, and copy again.")
        quiet.hold_still(tx, others_may_write=False)
        if turn is Turn.SHARED and pauses.standstill(tx) is None:
            raise BadRequest('The source is being sent from; say "sequencer pause" there, and copy again.')
        _refuse_living(roster.living(tx))
        _refuse_leases(quiet.leases(tx))
        if pauses.standstill(tx) is None:
            pauses.stop(tx, Scope.EVERYTHING, reason=f"Moved to {into}; resume there.", now=now)
        yield tx


def _refuse_living(living: Sequence[Worker]) -> None:
    if living:
        named = ", ".join(f"{one.post.kind} on {one.post.host}, process {one.post.pid}" for one in living)
        raise BadRequest(
            f"The source is in use ({named}), and what it takes in behind the copy would be lost: stop it, and copy "
            "again. One that was killed is forgotten within half a minute; --rehearse copies while it runs."
        )


def _refuse_leases(leases: Mapping[str, int]) -> None:
    if leases:
        held = ", ".join(f"{number} in {name}" for name, number in leases.items())
        raise BadRequest(
            f"The source has rows that are in somebody's hands ({held}): their answers would come to the wrong place. "
            'Those of a sender that died are taken back by "sequencer tick"; the others are free within 15 minutes.'
        )


def _make_room(target: Database, migrations: Path, mark: Mark, *, replace: bool) -> None:
    """An empty target of the newest shape, which is marked."""
    with target.read() as tx:
        earlier = marks.found(tx)
    if earlier is not None and not replace:
        raise BadRequest(
            f"The target is a copy of {earlier.source} ({earlier.state}); --replace-copy takes it out and copies anew."
        )
    if earlier is not None:
        quiet.empty(target)
        with target.begin() as tx:
            marks.take_away(tx)
    if filled := quiet.occupied(target):
        raise BadRequest(
            f"The target holds rows already (in {', '.join(filled)}), and nothing of it is overwritten; name an empty "
            "database."
        )
    migrate.upgrade(target, migrations)
    with target.begin() as tx:
        marks.put(tx, mark)


def _copied(tx: Transaction, target: Database, name: str, told: Told) -> Print:
    """All rows of one table are in the target; what was read of them."""
    everything, known = rows.count(tx, name), Print()
    told(name, 0, everything)
    for page in rows.pages(tx, name):
        with target.begin() as into:
            quiet.be_patient(into)
            rows.write(into, name, page.rows)
        known = page.until_now
        told(name, known.rows, everything)
    return known


def _compared(target: Database, found: Sequence[tuple[str, Print]]) -> Iterator[CopiedTable]:
    """Each table as it is in the target now. Raises BadDatabase where that is not what was read."""
    with target.read() as tx:
        quiet.hold_still(tx, others_may_write=True)
        for name, read in found:
            there = rows.fingerprint(tx, name)
            if there != read:
                raise BadDatabase(
                    f'The table "{name}" is not the same in the copy: {there.rows} rows of {read.rows}, checksum '
                    f"{there.checksum} and not {read.checksum}; the copy is marked, and not to be used."
                )
            yield CopiedTable(name=name, rows=there.rows, checksum=there.checksum)


def _name(database: Database) -> str:
    """Where it is, without a password."""
    return database.engine.url.set(password=None, query={}).render_as_string()
