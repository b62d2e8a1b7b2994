"""Which courses are published, in which words? Rows of `course`, `revision` and `lesson`."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.model import (
    DEFAULT_THEME,
    DOUBT_FOR,
    CatchUp,
    Course,
    CourseId,
    Finishers,
    Gap,
    Image,
    ImageKind,
    Lesson,
    LessonId,
    Mailbox,
    Revision,
    RevisionId,
    Rhythm,
    WhenUncertain,
)
from sequencer.store.database import Transaction
from sequencer.store.tables import course as course_table
from sequencer.store.tables import lesson as lesson_table
from sequencer.store.tables import revision as revision_table

# Asked for each batch of sign-ups: to build them took longer than to ask.
_PUBLISHED = select(course_table.c.slug, course_table.c.id).where(
    course_table.c.slug.in_(bindparam("slugs", expanding=True)),
    exists().where(revision_table.c.course_id == course_table.c.id),
)
_NEWEST = select(func.max(revision_table.c.id)).where(revision_table.c.course_id == bindparam("course"))


def digest(course: Course) -> str:
    """Names the course's words and timing: equal digests mean there is nothing to publish."""
    return hashlib.sha256(to_json(course).encode()).hexdigest()


def publish(tx: Transaction, course: Course, *, now: datetime) -> Revision | None:
    """Add a revision, or None where just that is published already; lessons keep their ids by their keys."""
    course_id = _ensure_course(tx, course)
    if current_digest(tx, course.slug) == digest(course):
        return None
    last = tx.execute(
        select(func.coalesce(func.max(revision_table.c.number), 0)).where(revision_table.c.course_id == course_id)
    ).scalar_one()
    lesson_ids = _ensure_lessons(tx, course_id, course)
    made = tx.execute(
        insert(revision_table)
        .values(course_id=course_id, number=last + 1, digest=digest(course), content=to_json(course), published_at=now)
        .returning(revision_table.c.id)
    )
    return Revision(
        id=RevisionId(made.scalar_one()),
        course_id=course_id,
        number=last + 1,
        course=course,
        lesson_ids=lesson_ids,
        published_at=now,
    )


def current(tx: Transaction, slug: str) -> Revision | None:
    """The newest revision of a course, or None where it was never published."""
    row = tx.execute(_revisions().where(course_table.c.slug == slug).limit(1)).one_or_none()
    return None if row is None else _revision(tx, row)


def published_ids(tx: Transaction, slugs: Collection[str]) -> Mapping[str, CourseId]:
    """Those of these courses that were published, by their slugs."""
    return {slug: CourseId(which) for slug, which in tx.execute(_PUBLISHED, {"slugs": list(slugs)})}


def current_id(tx: Transaction, course: CourseId) -> RevisionId:
    """Names the newest revision of a course that is known to be published."""
    return RevisionId(tx.execute(_NEWEST, {"course": course}).scalar_one())


def revision(tx: Transaction, which: RevisionId) -> Revision:
    """One revision; there must be such."""
    return _revision(tx, tx.execute(_revisions().where(revision_table.c.id == which)).one())


def current_digest(tx: Transaction, slug: str) -> str | None:
    """The digest of the newest revision, without reading its words."""
    query = (
        select(revision_table.c.digest)
        .join(course_table)
        .where(course_table.c.slug == slug)
        .order_by(revision_table.c.number.desc())
        .limit(1)
    )
    return tx.execute(query).scalar_one_or_none()


def keys(tx: Transaction, course: CourseId) -> dict[LessonId, str]:
    """The key of each lesson the course ever had."""
    rows = tx.execute(select(lesson_table.c.id, lesson_table.c.key).where(lesson_table.c.course_id == course))
    return {LessonId(row.id): row.key for row in rows}


def all_current(tx: Transaction) -> Sequence[Revision]:
    """The newest revision of every course that was published."""
    slugs = tx.execute(select(course_table.c.slug).order_by(course_table.c.slug)).scalars().all()
    found = [current(tx, slug) for slug in slugs]
    return [one for one in found if one is not None]


def history(tx: Transaction, slug: str) -> Sequence[Revision]:
    """All revisions of a course, the newest first; empty where it was never published."""
    return [_revision(tx, row) for row in tx.execute(_revisions().where(course_table.c.slug == slug))]


def _revisions() -> Any:  # noqa: ANN401 (SQLAlchemy's select of a join has no name)
    columns = (*revision_table.c, course_table.c.slug)
    return select(*columns).join(course_table).order_by(revision_table.c.number.desc())


def _revision(tx: Transaction, row: Row[Any]) -> Revision:
    course = from_json(row.slug, row.content)
    ids = {key: which for which, key in keys(tx, CourseId(row.course_id)).items()}
    return Revision(
        id=RevisionId(row.id),
        course_id=CourseId(row.course_id),
        number=row.number,
        course=course,
        lesson_ids=tuple(ids[lesson.key] for lesson in course.lessons),
        published_at=row.published_at,
    )


def _ensure_course(tx: Transaction, course: Course) -> CourseId:
    """The course's id; its row is locked, so that of two who publish at once one sees what the other did."""
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(course_table)
    tx.execute(make.values(slug=course.slug, title=course.title).on_conflict_do_nothing(index_elements=["slug"]))
    known = tx.execute(select(course_table.c.id).where(course_table.c.slug == course.slug).with_for_update())
    return CourseId(known.scalar_one())


def _ensure_lessons(tx: Transaction, course_id: CourseId, course: Course) -> tuple[LessonId, ...]:
    known = {key: which for which, key in keys(tx, course_id).items()}
    for lesson in course.lessons:
        if lesson.key not in known:
            made = insert(lesson_table).values(course_id=course_id, key=lesson.key).returning(lesson_table.c.id)
            known[lesson.key] = LessonId(tx.execute(made).scalar_one())
    return tuple(known[lesson.key] for lesson in course.lessons)


def to_json(course: Course) -> str:
    """The course in one canonical text; what is left out here is not published."""
    rhythm = course.rhythm
    content: dict[str, object] = {
        "title": course.title,
        "subtitle": course.subtitle,
        "author": course.author,
        "brand": course.brand,
        "language": course.language,
        "site": course.site,
        "sender": [course.sender.name, course.sender.address],
        "send_at": rhythm.send_at.isoformat(),
        "days": sorted(rhythm.days),
        "gap": [rhythm.gap.days, rhythm.gap.hours],
        "uncertain": course.uncertain,
        "lessons": [_lesson_to_json(lesson) for lesson in course.lessons],
    }
    if course.doubt_for != DOUBT_FOR:
        # Left out where it is the usual one: what was published before there was a choice has not changed.
        content["doubt_for"] = int(course.doubt_for.total_seconds())
    if course.finishers is not Finishers.RECENT:
        content["finishers"] = course.finishers
    if course.next:
        content["next"] = course.next
    if course.priority:
        content["priority"] = course.priority
    if course.exit_on:
        content["exit_on"] = course.exit_on
    if course.theme != DEFAULT_THEME:
        content["theme"] = course.theme
    content |= _timing_to_json(course)
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _lesson_to_json(lesson: Lesson) -> dict[str, object]:
    content: dict[str, object] = {
        "key": lesson.key,
        "subject": lesson.subject,
        "preheader": lesson.preheader,
        "theme": lesson.theme,
        "body": lesson.body,
        "gap": [lesson.gap.days, lesson.gap.hours] if lesson.gap else None,
        "added": lesson.added,
        "source": lesson.source,
        "line": lesson.line,
    }
    if lesson.images:
        content["images"] = [[one.to, one.digest, one.kind, one.width, one.height] for one in lesson.images]
    return content


def _timing_to_json(course: Course) -> dict[str, object]:
    """What a course says about time beyond hour, days and gap, as far as it says anything."""
    rhythm = course.rhythm
    said = {
        "blackout": sorted(day.isoformat() for day in rhythm.blackout),
        "yearly": sorted(list(day) for day in rhythm.yearly),
        "spread": int(rhythm.spread.total_seconds()),
        "holidays": course.holidays,
        "catch_up": course.catch_up if course.catch_up is not CatchUp.SHIFT else "",
    }
    return {key: value for key, value in said.items() if value}


def from_json(slug: str, text: str) -> Course:
    """The course of this name that `to_json` wrote."""
    content: Mapping[str, Any] = json.loads(text)
    return Course(
        slug=slug,
        title=content["title"],
        subtitle=content["subtitle"],
        author=content["author"],
        brand=content["brand"],
        language=content["language"],
        site=content["site"],
        sender=Mailbox(name=content["sender"][0], address=content["sender"][1]),
        rhythm=Rhythm(
            send_at=time.fromisoformat(content["send_at"]),
            days=frozenset(content["days"]),
            gap=_gap(content["gap"]),
            blackout=frozenset(map(date.fromisoformat, content.get("blackout", ()))),
            yearly=frozenset((month, day) for month, day in content.get("yearly", ())),
            spread=timedelta(seconds=content.get("spread", 0)),
        ),
        holidays=content.get("holidays", ""),
        catch_up=CatchUp(content.get("catch_up", CatchUp.SHIFT)),
        uncertain=WhenUncertain(content["uncertain"]),
        next=content.get("next", ""),
        priority=content.get("priority", 0),
        exit_on=tuple(content.get("exit_on", ())),
        finishers=Finishers(content.get("finishers", Finishers.RECENT)),
        doubt_for=timedelta(seconds=content["doubt_for"]) if "doubt_for" in content else DOUBT_FOR,
        theme=content.get("theme", DEFAULT_THEME),
        lessons=tuple(_lesson(lesson) for lesson in content["lessons"]),
    )


def _lesson(content: Mapping[str, Any]) -> Lesson:
    gap = _gap(content["gap"]) if content["gap"] else None
    return Lesson(**{**content, "gap": gap, "images": tuple(_image(*one) for one in content.get("images", ()))})


def _image(to: str, digest: str, kind: str, width: int, height: int) -> Image:
    return Image(to=to, digest=digest, kind=ImageKind(kind), width=width, height=height)


def _gap(days_hours: list[int]) -> Gap:
    return Gap(days=days_hours[0], hours=days_hours[1])
