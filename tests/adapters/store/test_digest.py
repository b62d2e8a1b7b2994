"""Does a course that was published stay the same revision when a newer version of us reads it?"""

from dataclasses import replace

from house import small_course

from sequencer.store import courses

BEFORE = "1f82fa7ee4e20f748f34f48619c2694506bbd05820e4540db8fc1f583a45bb09"


def test_a_course_of_the_usual_theme_has_the_digest_that_it_had_before_there_were_themes() -> None:
    assert courses.digest(small_course()) == BEFORE
    assert courses.digest(replace(small_course(), theme="paper")) == BEFORE


def test_another_theme_is_another_revision() -> None:
    assert courses.digest(replace(small_course(), theme="plain")) != BEFORE
