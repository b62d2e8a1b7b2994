"""How do a course's files become what people receive, and what is refused on the way?"""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from house import DAY, EIGHT, NOW, House, small_course, small_lesson

from sequencer.content import courses as files
from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.core.model import (
    Course,
    Deferred,
    EnrolmentState,
    Finishers,
    Gap,
    Lesson,
    Mailbox,
    Revision,
    Rhythm,
    WhenUncertain,
)
from sequencer.errors import BadContent, NotFound
from sequencer.flows import arrive
from sequencer.flows import course as course_flow
from sequencer.flows.archive import Archive
from sequencer.store import courses

EMAIL = "reader@example.org"
POSTAL = "1 Example Street"

LESSON = """---
id: {key}
subject: "Subject {key}"
preheader: "Preheader {key}"
theme: "Theme {key}"
---

Words of {key}.
"""
COURSE = 'title = "Small"\nsender = "Ann <ann@example.org>"\n'


def _of(*lessons: Lesson) -> Course:
    """The small course, of these lessons."""
    return replace(small_course(), lessons=lessons)


def _publish(house: House, course: Course) -> Revision | None:
    return course_flow.publish(house.db, course, house.templates, postal_address=POSTAL, now=NOW)


def _current(house: House, slug: str = "small") -> Revision:
    with house.db.read() as tx:
        revision = courses.current(tx, slug)
    assert revision is not None
    return revision


def _write(folder: Path, slug: str = "small", **lessons: str) -> Path:
    """A course folder with the lessons one and two, or those given."""
    made = folder / slug
    made.mkdir(parents=True, exist_ok=True)
    (made / "course.toml").write_text(COURSE)
    for name, words in (lessons or {"one": LESSON.format(key="one"), "two": LESSON.format(key="two")}).items():
        (made / f"{name}.md").write_text(words)
    return made


def test_what_is_published_is_just_what_the_author_wrote(house: House) -> None:
    written = small_course(
        2,
        title="Ünï “quoted” 🦊",
        subtitle="line\nbreak",
        language="de",
        sender=Mailbox(name="Änn, A.", address="ann@example.org"),
        rhythm=Rhythm(
            send_at=small_course().rhythm.send_at.replace(minute=30), days=frozenset({0, 6}), gap=Gap(days=3)
        ),
        uncertain=WhenUncertain.HOLD,
    )
    written = replace(written, lessons=(small_lesson(1, gap=Gap(hours=36), added="list"), small_lesson(2, line=99)))
    published = _publish(house, written)
    assert published is not None
    assert published.course == written
    assert _current(house) == published


def test_unchanged_files_publish_nothing(house: House) -> None:
    assert _publish(house, small_course()) is not None
    assert _publish(house, small_course()) is None
    assert _current(house).number == 1


@pytest.mark.parametrize(
    "changed",
    [
        small_course(title="Another"),
        small_course(brand="Another"),
        small_course(sender=Mailbox(name="Bob", address="bob@example.org")),
        small_course(rhythm=replace(small_course().rhythm, gap=Gap(days=2))),
        small_course(rhythm=replace(small_course().rhythm, days=frozenset({1}))),
        small_course(uncertain=WhenUncertain.HOLD),
        small_course(4),
        small_course(2),
        _of(*reversed(small_course().lessons)),
        _of(small_lesson(1, body="Other words.\n"), small_lesson(2), small_lesson(3)),
        _of(small_lesson(1, gap=Gap(days=2)), small_lesson(2), small_lesson(3)),
    ],
)
def test_any_change_is_a_new_revision_and_the_old_one_stays_as_it_was(house: House, changed: Course) -> None:
    first = _publish(house, small_course())
    second = _publish(house, changed)
    assert first is not None
    assert second is not None
    assert (second.number, second.course) == (2, changed)
    with house.db.read() as tx:
        assert courses.revision(tx, first.id) == first
    assert _current(house) == second


def test_lessons_keep_their_ids_by_their_keys(house: House) -> None:
    first = _publish(house, small_course(3))
    one, two, three = small_course(3).lessons
    second = _publish(house, _of(three, small_lesson(9), one))
    assert first is not None
    assert second is not None
    assert second.lesson_ids[0] == first.lesson_ids[2]
    assert second.lesson_ids[2] == first.lesson_ids[0]
    assert second.lesson_ids[1] not in first.lesson_ids
    third = _publish(house, _of(two))
    assert third is not None
    assert third.lesson_ids == (first.lesson_ids[1],)


@pytest.mark.parametrize(
    "broken",
    [
        small_lesson(2, body="Hello {{ subscriber.nam }}.\n"),
        small_lesson(2, body="Hello {{ subscriber.name.\n"),
        small_lesson(2, body="Hello {% if subscriber.name %}you.\n"),
        small_lesson(2, subject="{{ nobody }}"),
    ],
    ids=["an unknown name", "an open mark", "an open condition", "an unknown subject"],
)
def test_a_lesson_that_cannot_be_sent_is_not_published_and_its_file_is_named(house: House, broken: Lesson) -> None:
    first = _publish(house, small_course())
    with pytest.raises(BadContent, match=r"^small/02\.md"):
        _publish(house, _of(small_lesson(1), broken, small_lesson(3)))
    assert _current(house) == first


def test_a_first_course_that_is_broken_leaves_no_trace(house: House) -> None:
    with pytest.raises(BadContent):
        _publish(house, _of(small_lesson(1, body="{{ nobody }}\n")))
    with house.db.read() as tx:
        assert courses.current(tx, "small") is None
        assert courses.current_digest(tx, "small") is None


def test_two_who_publish_the_same_at_once_publish_it_once(house: House) -> None:
    for title in ("First", "Second", "Third"):
        start = threading.Barrier(3)
        published: list[object] = []

        def publish(title: str = title, start: threading.Barrier = start, published: list[object] = published) -> None:
            start.wait()
            try:
                published.append(_publish(house, small_course(title=title)))
            except Exception as error:  # noqa: BLE001 (told below)
                published.append(error)

        threads = [threading.Thread(target=publish) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [type(one) for one in published].count(type(None)) == 2, published
        assert [type(one) for one in published].count(Revision) == 1, published
    assert _current(house).number == 3


def test_only_courses_that_never_were_are_published_unasked(house: House, tmp_path: Path) -> None:
    _write(tmp_path, "one")
    _write(tmp_path, "two")

    def publish_new() -> list[str]:
        return list(course_flow.publish_new(house.db, tmp_path, house.templates, postal_address=POSTAL, now=NOW))

    assert publish_new() == []
    assert _current(house, "one").number == _current(house, "two").number == 1
    assert publish_new() == []
    (tmp_path / "two" / "two.md").write_text(LESSON.format(key="two") + "More.\n")
    assert publish_new() == ["two"]
    assert _current(house, "two").number == 1


def test_a_course_that_was_only_begun_is_not_published_and_holds_up_the_start_where_it_is_needed(
    house: House, tmp_path: Path
) -> None:
    _write(tmp_path, "one")
    arrive.begin(tmp_path / "two", "Two")

    def publish_new(*needed: str) -> None:
        course_flow.publish_new(house.db, tmp_path, house.templates, postal_address=POSTAL, now=NOW, needed=needed)

    publish_new("one")
    assert _current(house, "one").number == 1
    with house.db.read() as tx:
        assert courses.published_ids(tx, ["two"]) == {}
    with pytest.raises(BadContent, match=r"two/01-first\.md:1: the subject is still what"):
        publish_new("one", "two")
    with pytest.raises(BadContent, match="the subject is still what"):
        _publish(house, files.read(tmp_path / "two"))
    shutil.copy(tmp_path / "one" / "one.md", tmp_path / "two" / "01-first.md")
    publish_new()
    assert _current(house, "two").number == 1


def test_the_catalogue_says_what_is_published_what_changed_and_who_is_on_it(house: House, tmp_path: Path) -> None:
    folder = _write(tmp_path)
    _write(tmp_path, "new")
    course_flow.publish(house.db, files.read(folder), house.templates, postal_address=POSTAL, now=NOW)
    house.join(EMAIL)
    new, small = course_flow.catalogue(house.db, tmp_path)
    assert (new.slug, new.revision, new.changed, new.people) == ("new", 0, True, {})
    assert (small.slug, small.title, small.lessons) == ("small", "Small", 2)
    assert (small.revision, small.changed, small.people) == (1, False, {EnrolmentState.ACTIVE: 1})
    (folder / "three.md").write_text(LESSON.format(key="three"))
    _, small = course_flow.catalogue(house.db, tmp_path)
    assert (small.lessons, small.revision, small.changed) == (3, 1, True)


def test_what_is_published_can_be_asked_for_by_name(house: House) -> None:
    with pytest.raises(NotFound, match='"small" is not published'):
        course_flow.published(house.db, "small")
    _publish(house, small_course())
    assert course_flow.published(house.db, "small") == small_course()


def test_a_lesson_that_is_added_reaches_whoever_has_not_finished(house: House) -> None:
    house.publish(small_course(2))
    house.join(EMAIL)
    house.tick(EIGHT)
    house.publish(small_course(3))
    for day in range(1, 5):
        house.tick(EIGHT + day * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 2", "Subject 3"]
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


def test_whoever_has_finished_stays_finished_when_a_lesson_is_added_and_the_course_says_so(house: House) -> None:
    house.publish(small_course(1))
    house.join(EMAIL)
    house.tick(EIGHT)
    house.publish(small_course(2, finishers=Finishers.NONE))
    house.tick(EIGHT + 5 * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1"]


def test_a_lesson_that_moves_behind_a_person_is_not_sent_to_them_twice(house: House) -> None:
    one, two, three = small_course(3).lessons
    house.publish(small_course(3))
    house.join(EMAIL)
    house.tick(EIGHT)
    # Lesson 1 becomes the second: they have had it, and what was ahead of them still is.
    house.publish(_of(two, one, three))
    for day in range(1, 5):
        house.tick(EIGHT + day * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 2", "Subject 3"]
    assert house.place(EMAIL).state is EnrolmentState.FINISHED


def test_a_course_that_became_shorter_than_somebody_had_come_is_finished_for_them(house: House) -> None:
    house.publish(small_course(4))
    house.join(EMAIL)
    for day in range(2):
        house.tick(EIGHT + day * DAY)
    house.publish(small_course(1))
    house.tick(EIGHT + 2 * DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 2"]
    assert house.place(EMAIL).state is EnrolmentState.FINISHED
    assert house.place(EMAIL).finished_at == EIGHT + 2 * DAY


def test_a_lesson_that_waits_keeps_the_words_with_which_it_was_claimed(house: House) -> None:
    house.publish(small_course(2))
    house.join(EMAIL)
    house.courier.answers = [Deferred(reply="451 busy")]
    house.tick(EIGHT)
    house.publish(_of(small_lesson(1, subject="Anew"), small_lesson(2)))
    house.tick(EIGHT + DAY)
    assert house.subjects(EMAIL)[1:] == ["Subject 1", "Subject 1"]


def test_a_revision_is_read_once_and_the_newest_is_asked_for_each_time(house: House) -> None:
    first = _publish(house, small_course())
    assert first is not None
    archive = Archive()
    with house.db.read() as tx:
        assert archive.current(tx, first.course_id) == first
        assert archive.revision(tx, first.id) is archive.revision(tx, first.id)
    second = _publish(house, small_course(2))
    assert second is not None
    with house.db.read() as tx:
        assert archive.current(tx, first.course_id) == second
        assert archive.revision(tx, first.id) == first


def test_broken_templates_are_told_with_their_name(house: House, tmp_path: Path) -> None:
    shutil.copytree(shipped("templates"), tmp_path / "templates")
    (tmp_path / "templates" / "mail" / "lesson.mjml").write_text("<mjml><mj-body></mjml>")
    with pytest.raises(BadContent, match=r"lesson\.mjml"):
        course_flow.publish(house.db, small_course(), Templates(tmp_path / "templates"), postal_address=POSTAL, now=NOW)
