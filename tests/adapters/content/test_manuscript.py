"""Are a lesson's proposals short and whole, its file read back as it was meant, and its number where it belongs?"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequencer.content import built, courses, manuscript, threeway
from sequencer.content.built import Memory, Written
from sequencer.content.manuscript import Cover, Manuscript
from sequencer.errors import BadContent

_ROAD = "the long and winding road to better"


@pytest.mark.parametrize(
    ("heading", "subject"),
    [
        ("Short", "Short"),
        (f"{_ROAD} sleep: what helps", f"{_ROAD} sleep: what helps"),
        (f"Understanding {_ROAD} sleep: what helps", f"Understanding {_ROAD} sleep"),
        (f"Sleep: why {_ROAD} nights begins in the morning", f"Sleep: why {_ROAD} nights…"),
        ("Words and words " * 5, "Words and words Words and words Words and words Words and…"),
        ("W" * 80, "W" * 59 + "…"),
    ],
)  # fmt: skip
def test_a_subject_has_at_most_sixty_characters(heading: str, subject: str) -> None:
    assert manuscript.subject(heading) == subject
    assert len(subject) <= 60


def test_a_preheader_is_the_first_sentence() -> None:
    assert manuscript.preheader("The *first* sentence is [here](https://a.example). Then more.") == (
        "The first sentence is here."
    )
    long = manuscript.preheader("word " * 60)
    assert len(long) <= 110
    assert long.endswith("word…")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=60))
def test_a_lesson_file_is_read_back_as_it_was_meant(tmp_path: Path, said: str) -> None:
    path = tmp_path / "01-x.md"
    clean = "".join(character for character in said if character.isprintable() and ord(character) < 0xD800)
    lesson = Manuscript(key="x", subject=f"S {clean}", preheader=f"P {clean}", theme=f"T {clean}", body=f"B {clean}")
    path.write_text(manuscript.lesson_text(lesson), encoding="utf-8", newline="\n")
    read = courses.read_lesson(path)
    assert read.key == "x"
    assert read.subject.replace("{{ '", "").replace("' }}", "").startswith("S")
    assert "\n" not in read.subject


def test_a_course_file_is_read_back(tmp_path: Path) -> None:
    cover = Cover(title='Say "yes"', author="Ann", language="zz zz", site="https://a.example")
    (tmp_path / "course.toml").write_text(manuscript.course_text(cover), encoding="utf-8")
    lesson = Manuscript(key="x", subject="S", preheader="P", theme="T", body="B", gap="3 days")
    (tmp_path / "01-x.md").write_text(manuscript.lesson_text(lesson), encoding="utf-8")
    course = courses.read(tmp_path)
    assert (course.title, course.author, course.brand, course.language) == ('Say "yes"', "Ann", 'Say "yes"', "en")


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ([None, None, None], ["01", "02", "03"]),
        (["01-a.md", None, "02-b.md", None], ["01", "01a", "02", "03"]),
        (["01-a.md", None, None, "01b-c.md"], ["01", "01a", "01aa", "01b"]),
        ([None, "01-a.md"], ["00", "01"]),
        (["09-a.md", None, None], ["09", "10", "11"]),
    ],
)
def test_a_new_lesson_gets_a_number_between_its_neighbours(names: list[str | None], numbers: list[str]) -> None:
    found = manuscript.numbers(names)
    assert found == numbers
    files = [name or f"{number}-x.md" for name, number in zip(names, found, strict=True)]
    assert files == sorted(files)


def test_edits_of_different_lines_go_together_and_of_one_line_do_not() -> None:
    base = "one\n\ntwo\n\nthree\n"
    assert threeway.merge(base, "ONE\n\ntwo\n\nthree\n", "one\n\ntwo\n\nTHREE\n") == "ONE\n\ntwo\n\nTHREE\n"
    assert threeway.merge(base, "ONE\n\ntwo\n\nthree\n", "Eins\n\ntwo\n\nthree\n") is None
    assert threeway.merge(base, "ONE\n\ntwo\n\nthree\n", "ONE\n\ntwo\n\nthree\n") == "ONE\n\ntwo\n\nthree\n"


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abcd")))
def test_a_merge_with_nothing_is_the_other_side(base: list[str], other: list[str]) -> None:
    before, after = "\n".join(base), "\n".join(other)
    assert threeway.merge(before, before, after) == after
    assert threeway.merge(before, after, before) == after


def test_what_is_remembered_is_recalled(tmp_path: Path) -> None:
    lesson = Written(heading="One", source=("a", "b"), text="text\n")
    memory = Memory(source="a.md", level=2, merge=("x",), split=("y",), lessons={"one": lesson})
    assert built.recall(tmp_path) is None
    built.remember(tmp_path, memory)
    assert built.recall(tmp_path) == memory


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 1, "lessons": []}', "{"])
def test_a_broken_memory_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / built.FILE).write_text(text, encoding="utf-8")
    with pytest.raises(BadContent, match=r"build\.json: this cannot be read"):
        built.recall(tmp_path)


def test_the_memory_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / built.FILE).write_text('{"format": 2}', encoding="utf-8")
    with pytest.raises(BadContent, match="newer version"):
        built.recall(tmp_path)
