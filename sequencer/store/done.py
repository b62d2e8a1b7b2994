"""Which lessons has somebody ticked as done? Rows of `done`, for each pass through a course its own."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.model import Enrolment, EnrolmentId, LessonId
from sequencer.store.database import Transaction
from sequencer.store.tables import done


def tick(tx: Transaction, place: Enrolment, lesson: LessonId, *, now: datetime) -> bool:
    """This lesson is done in the person's present pass; whether that is new."""
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(done)
    row = {"enrolment_id": place.id, "lesson_id": lesson, "run": place.run, "done_at": now}
    return tx.execute(make.values(row).on_conflict_do_nothing()).rowcount > 0


def untick(tx: Transaction, place: Enrolment, lesson: LessonId) -> bool:
    """It is not done after all; whether that is new."""
    same = (done.c.enrolment_id == place.id, done.c.lesson_id == lesson, done.c.run == place.run)
    return tx.execute(delete(done).where(*same)).rowcount > 0


def ticked(tx: Transaction, which: EnrolmentId, run: int) -> frozenset[LessonId]:
    """The lessons that were ticked in this pass."""
    query = select(done.c.lesson_id).where(done.c.enrolment_id == which, done.c.run == run)
    return frozenset(LessonId(one) for one in tx.execute(query).scalars())
