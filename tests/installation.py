"""What does an installation look like to the tests of commands? Settings, a course of three lessons, and its words."""

from collections.abc import Callable

from click.testing import Result

Run = Callable[..., Result]

SETTINGS = """\
base_url = "https://mail.example.org"
secret_key = "a secret of tests that is long enough"
postal_address = "1 Example Street"
relay_url = "smtp://127.0.0.1:1?timeout=1"
database_url = "sqlite:///test.db"
[forms.newsletter]
course = "small"
"""
COURSE = """\
title = "A Small Course"
brand = "The Brand"
sender = "Ann Author <ann@example.org>"
"""
LESSON = """\
---
id: lesson-{number}
subject: "Subject {number}"
preheader: "Preheader {number}"
theme: "Theme {number}"
---
Words of lesson {number}.
"""


def sentence(result: Result, code: int = 1) -> str:
    """The one sentence of a command that was not done or not understood."""
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1].removeprefix("Error: ")


# init
