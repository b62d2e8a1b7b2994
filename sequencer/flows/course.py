"""How do a course's files become what people receive? Publish, and say what is published."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sequencer.content import courses as files
from sequencer.content import skeletons
from sequencer.content.digest import SAMPLE_DIGEST
from sequencer.content.render import compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.core.model import Course, EnrolmentState, Revision
from sequencer.errors import NotFound
from sequencer.flows import edits, images
from sequencer.flows.archive import Archive
from sequencer.store import courses, enrolments
from sequencer.store.database import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One course as an admin sees it. `revision` is 0 where it was never published; `changed`: files say otherwise."""

    slug: str
    title: str
    lessons: int
    revision: int
    changed: bool
    people: dict[EnrolmentState, int]


def catalogue(db: Database, folder: Path) -> Sequence[Listing]:
    """All courses of the folder, with what is published of each."""
    found = []
    for path in files.find(folder):
        course = files.read(path)
        with db.read() as tx:
            revision = courses.current(tx, course.slug)
            people = enrolments.count(tx, revision.course_id) if revision else {}
            changed = courses.current_digest(tx, course.slug) != courses.digest(course)
        found.append(
            Listing(
                slug=course.slug,
                title=course.title,
                lessons=len(course.lessons),
                revision=revision.number if revision else 0,
                changed=changed,
                people=people,
            )
        )
    return found


def publish(
    db: Database,
    course: Course,
    templates: Templates,
    *,
    postal_address: str,
    now: datetime,
    folder: Path | None = None,
) -> Revision | None:
    """Publish what the files in `folder` say as a new revision; None where just that is published already.

    Every lesson is compiled and filled in first, so that nothing is published that could not be sent. Everybody's place
    moves with it, in the same transaction. Where there is no folder, the course's images have to be kept already.
    Raises BadContent with file and line.
    """
    check(course, templates, postal_address=postal_address)
    if folder is not None:
        images.keep(db, course.lessons, folder)
    with db.begin() as tx:
        images.insist(tx, course)
        revision = edits.publish(tx, course, now=now)
    if revision is not None:
        log.info("course.published", extra={"course": course.slug, "revision": revision.number})
    return revision


def rollback(
    db: Database, slug: str, number: int, templates: Templates, *, postal_address: str, now: datetime
) -> Revision | None:
    """Publish once more what revision `number` said, as a new revision; None where just that is published.

    Raises NotFound.
    """
    with db.read() as tx:
        found = [one for one in courses.history(tx, slug) if one.number == number]
    if not found:
        raise NotFound(f'The course "{slug}" has no revision {number}; "sequencer course history {slug}" lists them.')
    return publish(db, found[0].course, templates, postal_address=postal_address, now=now)


def history(db: Database, slug: str) -> Sequence[Revision]:
    """What was published of a course, the newest first. Raises NotFound where nothing was."""
    with db.read() as tx:
        found = courses.history(tx, slug)
    if not found:
        raise NotFound(f'The course "{slug}" is not published.')
    return found


def publish_new(
    db: Database,
    folder: Path,
    templates: Templates,
    *,
    postal_address: str,
    now: datetime,
    needed: Collection[str] = (),
) -> Sequence[str]:
    """Publish each course that never was; the slugs of those whose files differ from what is published.

    One that has only been begun waits until it is written, unless it is `needed`: BadContent is raised then, as for
    any other course that could not be sent.
    """
    changed = []
    for path in files.find(folder):
        course = files.read(path)
        with db.read() as tx:
            published = courses.current_digest(tx, course.slug)
        if published is None and course.slug not in needed and skeletons.is_begun(course):
            log.info("course.only_begun", extra={"course": course.slug})
        elif published is None:
            publish(db, course, templates, postal_address=postal_address, now=now, folder=path)
        elif published != courses.digest(course):
            changed.append(course.slug)
    return changed


def published(db: Database, slug: str, archive: Archive | None = None) -> Course:
    """What is published of a course; an `archive` need not read it again. Raises NotFound where nothing is."""
    with db.read() as tx:
        which = courses.published_ids(tx, [slug]).get(slug)
        if which is None:
            raise NotFound(f'The course "{slug}" is not published.')
        return (archive or Archive()).current(tx, which).course


def check(course: Course, templates: Templates, *, postal_address: str) -> None:
    """Compile each lesson and fill it in, with a name and without.

    Raises BadContent with file and line, also for what has only been begun: words of "course new" are nobody's.
    """
    for step, lesson in enumerate(course.lessons):
        skeletons.refuse(lesson)
        compiled = compile_lesson(course, step, templates=templates, postal_address=postal_address)
        compiled.fill(sample_person(""))
        compiled.fill(replace(sample_person(), digest=SAMPLE_DIGEST))
