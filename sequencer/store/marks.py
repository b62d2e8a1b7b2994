"""May this database be served from? Where a copy was begun into it, or rehearsed, a mark in it says no."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Column, MetaData, Table, Text, delete, insert, inspect, select

from sequencer.errors import BadSettings
from sequencer.store.database import Database, Transaction

# It is in copies alone, and gone from those that are whole: so it is no table of the program's shape.
_mark = Table("copy_mark", MetaData(), Column("state", Text, nullable=False), Column("source", Text, nullable=False))


class State(StrEnum):
    """How far a copy has come: not all of it is there, or all of it, to be looked at only."""

    UNFINISHED = "unfinished"
    REHEARSAL = "rehearsal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a copy is, and of which database."""

    state: State
    source: str


_WHY: Mapping[State, str] = MappingProxyType(
    {
        State.UNFINISHED: "The database is half a copy of {source}: copying did not come to its end",
        State.REHEARSAL: "The database is a rehearsed copy of {source}: whoever served from it would send mails twice",
    }
)


def found(tx: Transaction) -> Mark | None:
    """The mark of this database; None for one that is whole."""
    if not inspect(tx).has_table(_mark.name):
        return None
    row = tx.execute(select(_mark)).one_or_none()
    state = State.UNFINISHED if row is None else State(row.state)
    return Mark(state=state, source="another one" if row is None else row.source)


def put(tx: Transaction, mark: Mark) -> None:
    """From now on the database is not to be served from."""
    _mark.create(tx, checkfirst=True)
    tx.execute(delete(_mark))
    tx.execute(insert(_mark).values(state=mark.state.value, source=mark.source))


def take_away(tx: Transaction) -> None:
    """The database is whole."""
    _mark.drop(tx, checkfirst=True)


def refuse(database: Database) -> None:
    """Raises BadSettings where the database is a copy that is not to be served from."""
    with database.read() as tx:
        mark = found(tx)
    if mark is not None:
        raise BadSettings(
            f'{_WHY[mark.state].format(source=mark.source)}; "sequencer db copy --replace-copy" makes it anew.'
        )
