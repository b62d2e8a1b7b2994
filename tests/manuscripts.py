"""What do tests of the preview look at? A small course, whose files are written as an editor does, and its pages."""

import re
from pathlib import Path

import httpx
from door import Page

COURSE = 'title = "A Small Course"\nsender = "Ann Author <ann@example.org>"\nlanguage = "en-GB"\n'
LESSON = """\
---
id: lesson-{number}
subject: "Subject {number}"
preheader: "Preheader {number}"
theme: "Theme {number}"
---
Words of lesson {number} for {{{{ subscriber.name or "you" }}}}.
"""


def write(folder: Path, number: int, more: str = "", **front: str) -> None:
    """Write a lesson's file as an editor does."""
    text = LESSON.format(number=number)
    for key, value in front.items():
        text = re.sub(f"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
    (folder / f"{number:02}.md").write_text(text + more, encoding="utf-8")


def seen(ask: httpx.Client, path: str, status: int = 200) -> Page:
    """A page of the preview."""
    answer = ask.get(path)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


def lessons(page: Page) -> list[str]:
    """What a list says of each lesson, in its order; what else is mailed comes before them."""
    return [words for words in page.text("li") if re.match(r"\d+ ", words)]
