"""How do a course's files become what people receive? Check, publish, and say what is published."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sequencer.content import courses as files
from sequencer.content.render import compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.core.model import Course, EnrolmentState, Revision
from sequencer.errors import BadContent, NotFound
from sequencer.store import courses, enrolments
from sequencer.store.database import Database

log = logging.getLogger(__name__)

# Gmail cuts a mail off at about 102 KB, and with it the unsubscribe link at its foot.
MOST_HTML = 90_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One course as an admin sees it. `revision` is 0 where it was never published; `changed`: files say otherwise."""

    slug: str
    title: str
    lessons: int
    revision: int
    changed: bool
    people: dict[EnrolmentState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a course's files that its author should know."""

    where: str
    sentence: str


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


def lint(folder: Path, templates: Templates, *, postal_address: str) -> Sequence[Finding]:
    """What is wrong with the course in `folder`, file by file; empty where all is well."""
    findings: list[Finding] = []
    for path in sorted(folder.glob("*.md")):
        try:
            files.read_lesson(path)
        except BadContent as error:
            findings.append(_finding(error))
    if findings:
        return findings
    try:
        course = files.read(folder)
    except BadContent as error:
        return [_finding(error)]
    for step, lesson in enumerate(course.lessons):
        try:
            size = _try(course, step, templates, postal_address)
        except BadContent as error:
            findings.append(_finding(error))
            continue
        if size > MOST_HTML:
            findings.append(
                Finding(where=lesson.source, sentence=f"the mail has {size:,} bytes of HTML; Gmail cuts it off.")
            )
    return findings


def publish(
    db: Database, course: Course, templates: Templates, *, postal_address: str, now: datetime
) -> Revision | None:
    """Publish what the files say as a new revision; None where just that is published already.

    Every lesson is compiled and filled in first, so that nothing is published that could not be sent.
    Raises BadContent with file and line.
    """
    for step in range(len(course.lessons)):
        _try(course, step, templates, postal_address)
    with db.begin() as tx:
        revision = courses.publish(tx, course, now=now)
    if revision is not None:
        log.info("course.published", extra={"course": course.slug, "revision": revision.number})
    return revision


def publish_new(
    db: Database, folder: Path, templates: Templates, *, postal_address: str, now: datetime
) -> Sequence[str]:
    """Publish each course that never was; the slugs of those whose files differ from what is published."""
    changed = []
    for path in files.find(folder):
        course = files.read(path)
        with db.read() as tx:
            published = courses.current_digest(tx, course.slug)
        if published is None:
            publish(db, course, templates, postal_address=postal_address, now=now)
        elif published != courses.digest(course):
            changed.append(course.slug)
    return changed


def published(db: Database, slug: str) -> Course:
    """What is published of a course. Raises NotFound where nothing is."""
    with db.read() as tx:
        revision = courses.current(tx, slug)
    if revision is None:
        raise NotFound(f'The course "{slug}" is not published.')
    return revision.course


def _try(course: Course, step: int, templates: Templates, postal_address: str) -> int:
    """Compile one lesson and fill it in, with a name and without; the size of its HTML in bytes."""
    compiled = compile_lesson(course, step, templates=templates, postal_address=postal_address)
    compiled.fill(sample_person(""))
    return len(compiled.fill(sample_person()).html.encode())


def _finding(error: BadContent) -> Finding:
    where, _, sentence = str(error).partition(": ")
    return Finding(where=where, sentence=sentence)
