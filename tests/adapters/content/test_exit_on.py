"""What may end a course early, as course.toml says it?"""

from pathlib import Path

import pytest
from installation import COURSE, LESSON

from sequencer.content import courses
from sequencer.errors import BadContent


def course(folder: Path, line: str) -> Path:
    (folder / "course.toml").write_text(COURSE + line, encoding="utf-8")
    (folder / "01.md").write_text(LESSON.format(number=1), encoding="utf-8")
    return folder


def test_a_course_names_what_ends_it_each_once(tmp_path: Path) -> None:
    assert courses.read(course(tmp_path, 'exit_on = ["bought", "re-funded_2", "bought"]')).exit_on == (
        "bought",
        "re-funded_2",
    )
    assert courses.read(course(tmp_path, "")).exit_on == ()


@pytest.mark.parametrize("said", ['"bought"', "[1]", '[""]', '["lesson.sent"]', '["Bought"]', '["a b"]', "true"])
def test_what_no_program_may_say_ends_no_course(tmp_path: Path, said: str) -> None:
    with pytest.raises(BadContent) as refused:
        courses.read(course(tmp_path, f"exit_on = {said}"))
    assert str(refused.value).startswith(f'{tmp_path / "course.toml"}: "exit_on" is ')
    assert str(refused.value).endswith('; write a list of what may happen, like ["bought"].')
