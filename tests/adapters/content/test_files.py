"""Are the files that travel with the package where we look for them?"""

import pytest

from sequencer.content.files import shipped


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("templates", "mail/lesson.mjml"),
        ("templates", "web/base.html"),
        ("lessons", "why-men-pull-away/course.toml"),
        ("migrations", "versions/0001_the_first_tables.py"),
    ],
)
def test_a_shipped_folder_holds_what_we_need_of_it(name: str, file: str) -> None:
    assert (shipped(name) / file).is_file()
