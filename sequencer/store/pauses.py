"""What stands still by an admin's word? Everything, or a course; and with which hours its people wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from sequencer.core.model import CourseId, EnrolmentId
from sequencer.store.database import Transaction
from sequencer.store.tables import course, enrolment, pause

_EVERYTHING = "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """Since when nothing goes out, and why."""

    since: datetime
    reason: str


def standstill(tx: Transaction) -> Standstill | None:
    """Whether everything stands still; None where it does not."""
    row = tx.execute(select(pause.c.since, pause.c.reason).where(pause.c.name == _EVERYTHING)).one_or_none()
    return None if row is None else Standstill(since=row.since, reason=row.reason)


def stop_everything(tx: Transaction, *, reason: str, now: datetime) -> None:
    """From now on nothing goes out. Said twice, the second reason counts, and the first hour."""
    known = standstill(tx)
    resume_everything(tx)
    tx.execute(insert(pause).values(name=_EVERYTHING, since=known.since if known else now, reason=reason))


def resume_everything(tx: Transaction) -> bool:
    """Everything goes on; whether it stood still."""
    return tx.execute(delete(pause).where(pause.c.name == _EVERYTHING)).rowcount > 0


def paused_courses(tx: Transaction) -> frozenset[CourseId]:
    """The courses that stand still."""
    return frozenset(
        CourseId(which) for which in tx.execute(select(course.c.id).where(course.c.paused_at.is_not(None))).scalars()
    )


def pause_course(tx: Transaction, which: CourseId, *, now: datetime | None) -> bool:
    """The course stands still from `now` on, or goes on where that is None; whether that is new."""
    still = course.c.paused_at.is_(None) if now else course.c.paused_at.is_not(None)
    return tx.execute(update(course).where(course.c.id == which, still).values(paused_at=now)).rowcount > 0


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
