"""What stands still by an admin's word? Everything, relays, shards, courses; and with which hours people wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.model import CourseId, EnrolmentId
from sequencer.store.database import Transaction
from sequencer.store.tables import course, enrolment, pause


class Scope(StrEnum):
    """What an admin may pause."""

    EVERYTHING = "everything"
    RELAY = "relay"
    SHARD = "shard"
    COURSE = "course"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """What stands still, since when, and why. `name` is a relay's, a shard's number or a course's; "" for all."""

    scope: Scope
    name: str
    since: datetime
    reason: str

    def __str__(self) -> str:
        """As a sentence tells it, without its end."""
        return f"{f'The {self.scope} {self.name}' if self.name else 'Everything'} is {self.words}"

    @property
    def words(self) -> str:
        """Since when, and why."""
        return f"paused since {self.since:%Y-%m-%d %H:%M} UTC{f' ({self.reason})' if self.reason else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """What stands still, but for courses: everything first, then by name."""

    rows: tuple[Standstill, ...] = ()

    @property
    def everything(self) -> Standstill | None:
        """Whether nothing goes out at all."""
        return next((one for one in self.rows if one.scope is Scope.EVERYTHING), None)

    @property
    def relays(self) -> Mapping[str, Standstill]:
        """The relays that are not to be used, by name."""
        return {one.name: one for one in self.rows if one.scope is Scope.RELAY}

    @property
    def shards(self) -> Mapping[int, Standstill]:
        """The shards whose people get no new lesson, by number."""
        return {int(one.name): one for one in self.rows if one.scope is Scope.SHARD}


def stop(tx: Transaction, scope: Scope, name: str = "", *, reason: str, now: datetime) -> bool:
    """From now on this stands still; whether that is new. Said twice, the second reason counts, and the first hour.

    A course is none of these: it stands still by `pause_course`.
    """
    key = _key(scope, name)
    new = tx.execute(select(pause.c.name).where(pause.c.name == key)).one_or_none() is None
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    made = insert(pause).values(name=key, since=now, reason=reason)
    tx.execute(made.on_conflict_do_update(index_elements=[pause.c.name], set_={"reason": reason}))
    return new


def go_on(tx: Transaction, scope: Scope, name: str = "") -> bool:
    """It goes on; whether it stood still."""
    return tx.execute(delete(pause).where(pause.c.name == _key(scope, name))).rowcount > 0


def still(tx: Transaction) -> Still:
    """What stands still, but for courses."""
    rows = tx.execute(select(pause).order_by(pause.c.name))
    found = [(row.name.partition(":"), row) for row in rows]
    return Still(
        rows=tuple(
            Standstill(scope=Scope(scope), name=name, since=row.since, reason=row.reason)
            for (scope, _, name), row in found
        )
    )


def standstill(tx: Transaction) -> Standstill | None:
    """Whether everything stands still; None where it does not."""
    return still(tx).everything


def paused_courses(tx: Transaction) -> frozenset[CourseId]:
    """The courses that stand still."""
    return frozenset(
        CourseId(which) for which in tx.execute(select(course.c.id).where(course.c.paused_at.is_not(None))).scalars()
    )


def still_courses(tx: Transaction) -> Sequence[Standstill]:
    """The courses that stand still, since when, and why."""
    columns = course.c.slug, course.c.paused_at, course.c.paused_because
    rows = tx.execute(select(*columns).where(course.c.paused_at.is_not(None)).order_by(course.c.slug))
    return [Standstill(scope=Scope.COURSE, name=slug, since=at, reason=why) for slug, at, why in rows]


def pause_course(tx: Transaction, which: CourseId, *, reason: str, now: datetime) -> bool:
    """The course stands still from `now` on; whether that is new. Said twice, the second reason counts."""
    found = tx.execute(
        update(course)
        .where(course.c.id == which, course.c.paused_at.is_(None))
        .values(paused_at=now, paused_because=reason)
    )
    if not found.rowcount:
        tx.execute(update(course).where(course.c.id == which).values(paused_because=reason))
    return found.rowcount > 0


def resume_course(tx: Transaction, which: CourseId) -> bool:
    """The course goes on; whether it stood still."""
    found = tx.execute(
        update(course)
        .where(course.c.id == which, course.c.paused_at.is_not(None))
        .values(paused_at=None, paused_because="")
    )
    return found.rowcount > 0


def hold(tx: Transaction, rows: Sequence[tuple[EnrolmentId, int, datetime]]) -> None:
    """These people's lesson was due, and their course stands still: they wait at this step, with that hour in mind."""
    statement = (
        update(enrolment)
        .where(enrolment.c.id == bindparam("which"))
        .values(step=bindparam("at"), next_due_at=None, held_due_at=bindparam("due"))
    )
    if rows:
        tx.execute(statement, [{"which": which, "at": step, "due": due} for which, step, due in rows])


def release(tx: Transaction, rows: Sequence[tuple[EnrolmentId, int, datetime]]) -> None:
    """These people go on at this step and that hour, as their course does."""
    statement = (
        update(enrolment)
        .where(enrolment.c.id == bindparam("which"), enrolment.c.held_due_at.is_not(None))
        .values(step=bindparam("at"), next_due_at=bindparam("due"), held_due_at=None, fence=enrolment.c.fence + 1)
    )
    if rows:
        tx.execute(statement, [{"which": which, "at": step, "due": due} for which, step, due in rows])


def _key(scope: Scope, name: str) -> str:
    return f"{scope}:{name}" if name else scope
