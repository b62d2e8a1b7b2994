"""Does a folder of files become the course its author meant, or a sentence that says what to mend and where?"""

import re
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from sequencer.content import courses
from sequencer.content.files import shipped
from sequencer.core.model import CatchUp, Course, Gap, Mailbox, Rhythm, WhenUncertain
from sequencer.errors import BadContent

COURSE = """\
title = "A Course"
sender = "Ann Author <ann@example.org>"
"""
LESSON = """\
---
id: first
subject: "The first"
preheader: "Before it opens."
theme: "Beginnings"
---

Words.
"""


def write(folder: Path, *, course: str | bytes = COURSE, lesson: str | bytes = LESSON) -> Path:
    """A course of one lesson."""
    home = folder / "a-course"
    home.mkdir()
    for name, content in (("course.toml", course), ("01-first.md", lesson)):
        (home / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return home


def test_a_course_needs_a_title_a_sender_and_a_lesson_and_the_rest_is_sensible(tmp_path: Path) -> None:
    course = courses.read(write(tmp_path))
    (lesson,) = course.lessons
    assert course == Course(
        slug="a-course",
        title="A Course",
        subtitle="",
        author="",
        brand="A Course",
        language="en",
        site="",
        sender=Mailbox(name="Ann Author", address="ann@example.org"),
        rhythm=Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(days=1)),
        uncertain=WhenUncertain.RETRY,
        lessons=(lesson,),
    )
    assert (lesson.key, lesson.subject, lesson.preheader) == ("first", "The first", "Before it opens.")
    assert (lesson.theme, lesson.body, lesson.gap, lesson.added) == ("Beginnings", "\nWords.\n", None, "")
    assert (lesson.source, lesson.line) == ("a-course/01-first.md", 7)


def test_every_option_of_a_course_is_read(tmp_path: Path) -> None:
    course = courses.read(
        write(
            tmp_path,
            course="""
title = " Ein Kurs "
subtitle = "Untertitel"
author = "Anna"
brand = "Marke"
language = "de-CH"
site = "https://example.org"
sender = "\\"Author, Ann\\" <ann@example.org>"
send_at = "18:30"
days = ["sun", "wed"]
gap = "2 weeks"
uncertain = "hold"
""",
            lesson=LESSON.replace("theme:", "gap: 12 hours\nadded: list\ntheme:"),
        )
    )
    assert (course.title, course.subtitle, course.author, course.brand) == ("Ein Kurs", "Untertitel", "Anna", "Marke")
    assert (course.language, course.site) == ("de-CH", "https://example.org")
    assert course.sender == Mailbox(name="Author, Ann", address="ann@example.org")
    assert course.rhythm == Rhythm(send_at=time(18, 30), days=frozenset({2, 6}), gap=Gap(days=14))
    assert course.uncertain is WhenUncertain.HOLD
    assert (course.lessons[0].gap, course.lessons[0].added) == (Gap(hours=12), "list")


def test_the_days_and_the_window_of_a_course_are_read(tmp_path: Path) -> None:
    said = """
spread = "15 min"
blackout = ["2026-12-24..2026-12-25", 2027-05-01, "12-31"]
holidays = "gb-sct"
catch_up = "skip"
"""
    course = courses.read(write(tmp_path, course=COURSE + said))
    assert course.rhythm == Rhythm(
        send_at=time(8),
        days=frozenset(range(7)),
        gap=Gap(days=1),
        blackout=frozenset({date(2026, 12, 24), date(2026, 12, 25), date(2027, 5, 1)}),
        yearly=frozenset({(12, 31)}),
        spread=timedelta(minutes=15),
    )
    assert (course.holidays, course.catch_up) == ("GB-SCT", CatchUp.SKIP)


@pytest.mark.parametrize(
    ("course", "lesson"),
    [
        pytest.param(COURSE.replace("\n", "\r\n"), LESSON.replace("\n", "\r\n"), id="line ends of Windows"),
        pytest.param("\ufeff" + COURSE, "\ufeff" + LESSON, id="a byte order mark"),
        pytest.param(COURSE, LESSON.rstrip("\n"), id="no line end at the end"),
        pytest.param(COURSE, LESSON + "\n\n", id="empty lines at the end"),
        pytest.param(COURSE, LESSON.replace("---\n", "---  \n"), id="spaces after the fences"),
    ],
)
def test_how_an_editor_saves_a_file_changes_nothing(tmp_path: Path, course: str, lesson: str) -> None:
    (tmp_path / "plain").mkdir()
    plain = courses.read(write(tmp_path / "plain"))
    assert courses.read(write(tmp_path, course=course, lesson=lesson)) == plain


def test_characters_that_only_some_programs_take_for_line_ends_move_no_line(tmp_path: Path) -> None:
    lesson = courses.read(write(tmp_path, lesson=LESSON.replace("Words.", "One\u2028two\x0cthree."))).lessons[0]
    assert lesson.body == "\nOne\u2028two\x0cthree.\n"


def test_lessons_come_in_the_order_of_their_file_names(tmp_path: Path) -> None:
    home = write(tmp_path)
    (home / "03-last.md").write_text(LESSON.replace("id: first", "id: last"), encoding="utf-8")
    (home / "02-middle.md").write_text(LESSON.replace("id: first", "id: middle"), encoding="utf-8")
    (home / "notes.txt").write_text("not a lesson", encoding="utf-8")
    assert [lesson.key for lesson in courses.read(home).lessons] == ["first", "middle", "last"]


def test_courses_are_found_by_their_course_file(tmp_path: Path) -> None:
    (tmp_path / "drafts").mkdir()
    home = write(tmp_path)
    assert courses.find(tmp_path) == (home,)


def test_a_folder_that_is_not_there_names_the_option_that_points_to_it(tmp_path: Path) -> None:
    with pytest.raises(BadContent, match='no such folder; the option "courses" names') as caught:
        courses.find(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)


BAD_COURSES = [
    ("", '"title" is missing'),
    (COURSE.replace('"A Course"', "3"), '"title" is 3; write a text in quotes'),
    (COURSE.replace('"A Course"', '"  "'), "\"title\" is '  '; write a text in quotes"),
    (COURSE.replace("sender", "#"), '"sender" is missing'),
    (COURSE.replace("Ann Author <ann@example.org>", "Ann Author"), "\"sender\" is 'Ann Author'; write it like"),
    (COURSE.replace("ann@example.org", "@example.org"), '"sender" is'),
    (COURSE.replace("ann@example.org", "ann@"), '"sender" is'),
    (COURSE.replace("ann@example.org", "änn@example.org"), '"sender" is'),
    (COURSE.replace("ann@example.org", "an n@example.org"), '"sender" is'),
    (COURSE.replace("ann@example.org", "ann@exam\\u0007ple.org"), '"sender" is'),
    (COURSE.replace("ann@example.org>", "ann@example.org>, Bob <bob@example.org>"), '"sender" is'),
    (COURSE + 'language = "English, please"', "\"language\" is 'English, please'; write a language tag"),
    (COURSE + 'language = "en\\nX-Header: 1"', '"language" is'),
    (COURSE + 'send_at = "8 o\'clock"', '"send_at" is "8 o\'clock"; write an hour like "08:00"'),
    (COURSE + 'send_at = "25:00"', "\"send_at\" is '25:00'"),
    (COURSE + 'send_at = "08:00+02:00"', '"send_at" is'),
    (COURSE + "send_at = 8", '"send_at" is 8'),
    (COURSE + "send_at = 08:00:00", '"send_at" is datetime.time(8, 0); write an hour like "08:00"'),
    (COURSE + 'days = ["monday"]', '"days" is [\'monday\']; write weekdays like ["mon", "thu"]'),
    (COURSE + "days = []", '"days" is []'),
    (COURSE + 'days = "mon"', "\"days\" is 'mon'"),
    (COURSE + "days = [1, 2]", '"days" is [1, 2]'),
    (COURSE + 'gap = "3 dayz"', '"gap" is \'3 dayz\'; write a number of days, like 3, or "12 hours"'),
    (COURSE + "gap = 0", '"gap" is 0'),
    (
        COURSE + 'uncertain = "maybe"',
        '"uncertain" is \'maybe\'; write "retry", "retry after 30 min", "hold" or "assume sent"',
    ),
    (
        COURSE + 'spread = "a while"',
        "\"spread\" is 'a while'; write a number of minutes or hours, up to 12 hours, like",
    ),
    (COURSE + "spread = 15", '"spread" is 15; write'),
    (COURSE + 'blackout = "12-25"', "\"blackout\" is '12-25'; write a list like"),
    (COURSE + 'blackout = ["25.12."]', "\"blackout\" is ['25.12.']; '25.12.' is no day; write \"2026-12-24\", "),
    (COURSE + 'holidays = "XX"', '"holidays" is \'XX\'; write a country by its two letters, like "GB", or one of its'),
    (
        COURSE + 'holidays = "GB-XX"',
        '"holidays" is \'GB-XX\'; write "GB" alone, or a region that is known here: its regions are ENG, NIR, SCT, WLS',
    ),
    (
        COURSE + 'holidays = "VA-I"',
        '"holidays" is \'VA-I\'; write "VA" alone, or a region that is known here: it has no',
    ),
    (COURSE + "holidays = true", '"holidays" is True; write a country'),
    (COURSE + 'catch_up = "later"', '"catch_up" is \'later\'; write "shift", "skip" or "digest"'),
    (COURSE + "subtitle = 3", '"subtitle" is 3'),
    (COURSE + 'colour = "blue"', '"colour" is not known here; known are author, blackout, brand, catch_up, days'),
    (COURSE + "title", "this is not valid TOML: "),
    (b'title = "\xff"', "the file cannot be read: "),
]


@pytest.mark.parametrize(("text", "sentence"), BAD_COURSES, ids=lambda value: repr(value)[-40:])
def test_a_wrong_course_file_is_named_with_what_would_be_right(
    tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    home = write(tmp_path, course=text)
    with pytest.raises(BadContent) as caught:
        courses.read(home)
    assert str(caught.value).startswith(f"{home / 'course.toml'}: {sentence}")
    assert str(caught.value).endswith(".")


BAD_LESSONS = [
    ("Words.\n", 1, 'the front matter is missing; begin with a line "---"'),
    ("", 1, "the front matter is missing"),
    ("---\nid: first\n", 1, "the front matter has no end"),
    ("---\n---\nWords.\n", 1, 'the front matter needs lines like "id: my-lesson"'),
    ("---\n- id\n---\nWords.\n", 1, "the front matter needs lines like"),
    (LESSON.replace("id: first\n", ""), 1, '"id" is missing'),
    (LESSON.replace("id: first", "id: 3"), 1, '"id" is 3; write a text in quotes'),
    (LESSON.replace("id: first", 'id: ""'), 1, "\"id\" is ''"),
    (LESSON.replace("subject:", "#"), 1, '"subject" is missing'),
    (LESSON.replace("preheader:", "#"), 1, '"preheader" is missing'),
    (LESSON.replace("theme:", "#"), 1, '"theme" is missing'),
    (LESSON.replace("The first", "The\\nfirst"), 1, '"subject" has a line break or a control character'),
    (LESSON.replace("The first", "The\\x07first"), 1, '"subject" has a line break or a control character'),
    (LESSON.replace("Before it", "Before\\u2028it"), 1, '"preheader" has a line break or a control character'),
    (LESSON.replace("theme:", "gap: soon\ntheme:"), 1, "\"gap\" is 'soon'; write a number of days"),
    (LESSON.replace("theme:", "added: [list]\ntheme:"), 1, "\"added\" is ['list']"),
    (LESSON.replace("theme:", "colour: blue\ntheme:"), 1, '"colour" is not known here; known are added, gap, id'),
    (LESSON.replace('"The first"', "a: b"), 3, "the front matter is not valid YAML: "),
    (LESSON.replace('"Beginnings"', '"Beginnings'), 5, "the front matter is not valid YAML: "),
    (LESSON.replace("id: first", "id: [first"), 3, "the front matter is not valid YAML: "),
    (LESSON.replace("id: first", "id: fi\x07rst"), 1, "the front matter is not valid YAML: "),
    (LESSON.replace("id: first", "id: 2026-13-45"), 1, "the front matter is not valid YAML: "),
    (LESSON.replace("Words.\n", " \n\n"), 7, "the lesson has no text"),
    (LESSON.encode() + b"\xff", None, "the file cannot be read as UTF-8 text: "),
]


@pytest.mark.parametrize(("text", "line", "sentence"), BAD_LESSONS, ids=lambda value: repr(value)[-50:])
def test_a_wrong_lesson_is_named_with_its_line(
    tmp_path: Path, text: str | bytes, line: int | None, sentence: str
) -> None:
    home = write(tmp_path, lesson=text)
    with pytest.raises(BadContent) as caught:
        courses.read(home)
    place = f"{home / '01-first.md'}" + (f":{line}" if line else "")
    assert str(caught.value).startswith(f"{place}: {sentence}")


def test_two_lessons_of_one_id_are_both_named(tmp_path: Path) -> None:
    home = write(tmp_path)
    (home / "02-second.md").write_text(LESSON, encoding="utf-8")
    with pytest.raises(BadContent, match=r'a-course/02-second.md:1: the id "first" is taken by a-course/01-first.md'):
        courses.read(home)


def test_a_course_without_a_lesson_says_how_to_begin(tmp_path: Path) -> None:
    home = write(tmp_path)
    (home / "01-first.md").unlink()
    with pytest.raises(BadContent, match=r"a-course: there is no lesson yet; write one as 01-first.md"):
        courses.read(home)


def test_a_course_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadContent, match=r"course.toml: the file cannot be read"):
        courses.read(tmp_path)


@pytest.fixture(scope="module")
def course() -> Course:
    """The course that travels with the package."""
    (home,) = courses.find(shipped("lessons"))
    return courses.read(home)


def test_the_shipped_course_has_fourteen_lessons_in_the_order_of_the_article(course: Course) -> None:
    assert course.slug == "why-men-pull-away"
    assert [lesson.theme for lesson in course.lessons] == [
        "Why men pull away when relationships deepen",
        "The neuroscience of male withdrawal",
        "Masculine identity threats",
        "Attachment styles and intimacy patterns",
        "The paradox of asking directly",
        "Recognising withdrawal patterns: 12 behavioural signs",
        "The independence paradox",
        "What not to do when he withdraws",
        "Timeline expectations: normal vs concerning",
        "Communication strategies that work",
        "When professional help makes sense",
        "Building sustainable connection",
        "Frequently asked questions",
        "Moving forward with understanding",
    ]


def test_each_shipped_lesson_has_its_number_in_its_name(course: Course) -> None:
    numbers = [int(Path(lesson.source).name[:2]) for lesson in course.lessons]
    assert numbers == list(range(1, 15))
    assert all(Path(lesson.source).stem[3:] == lesson.key for lesson in course.lessons)


def test_a_shipped_lesson_is_read_in_two_minutes(course: Course) -> None:
    lengths = {lesson.key: len(re.findall(r"\w+(?:[-\u2019]\w+)*", lesson.body)) for lesson in course.lessons}
    assert {key: count for key, count in lengths.items() if not 300 <= count <= 500} == {}


def test_a_shipped_lesson_ends_with_one_exercise_one_question_and_what_comes_next(course: Course) -> None:
    boxes = {lesson.key: re.findall(r"^::: (\w+)", lesson.body, re.MULTILINE) for lesson in course.lessons}
    assert all(kinds == ["exercise", "question", "tomorrow"] for kinds in boxes.values())


def test_a_shipped_lesson_shows_whole_in_a_list_of_mails(course: Course) -> None:
    subjects = [lesson.subject for lesson in course.lessons]
    preheaders = [lesson.preheader for lesson in course.lessons]
    assert len(set(subjects)) == len(set(preheaders)) == 14
    assert {subject for subject in subjects if len(subject) > 60} == set()
    assert {preheader for preheader in preheaders if not 20 <= len(preheader) <= 100} == set()


def test_lessons_that_add_to_the_article_say_so(course: Course) -> None:
    added = {number: lesson.added for number, lesson in enumerate(course.lessons, 1) if lesson.added}
    assert added == dict.fromkeys((1, 6, 8, 9, 11), "list")


def test_the_shipped_course_keeps_its_place_in_the_day(course: Course) -> None:
    assert course.rhythm == Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(days=1))
    assert course.uncertain is WhenUncertain.RETRY
    assert course.language == "en-GB"
