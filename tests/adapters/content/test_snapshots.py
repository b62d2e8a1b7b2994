"""Does a lesson that holds everything still become the mail that was looked at? Renewed by SNAPSHOTS=renew."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sequencer.content import courses
from sequencer.content.render import Mail, compile_lesson, sample_person
from sequencer.content.templates import Templates

DATA = Path(__file__).parent.parent.parent / "data"
SNAPSHOTS = DATA / "snapshots"
COURSE = courses.read(DATA / "showcase" / "showcase")
THEMES = sorted(Templates().themes())


def mail(step: int, theme: str, name: str = "Alex") -> Mail:
    course = replace(COURSE, theme=theme)
    compiled = compile_lesson(course, step, templates=Templates(), postal_address="12 Example Street\nLondon")
    return compiled.fill(sample_person(name))


def body(html: str) -> str:
    """A line a tag, so that a difference is read easily; what Outlook alone reads is left out."""
    shown = re.sub(r"<!--.*?-->", "", html.partition("<body")[2], flags=re.DOTALL)
    return "<body" + re.sub(r">\s*<", ">\n<", shown)


def head(html: str) -> str:
    """The part that holds the stylesheet."""
    return html.partition("<body")[0]


def kept(name: str, found: str) -> str:
    """The snapshot of that name, made anew of what was found where that is asked for."""
    path = SNAPSHOTS / name
    if os.environ.get("SNAPSHOTS") == "renew":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", THEMES)
def test_a_lesson_with_everything_looks_as_it_did(theme: str) -> None:
    html = mail(0, theme).html
    shown, styles = body(html), "\n".join(re.findall(r"<style[^>]*>(.*?)</style>", head(html), re.DOTALL))
    assert shown == kept(f"everything.{theme}.html", shown)
    assert styles == kept(f"everything.{theme}.css", styles)


def test_a_lesson_with_everything_reads_as_it_did_without_html_in_every_theme() -> None:
    (text,) = {mail(0, theme).text for theme in THEMES}
    assert text == kept("everything.txt", text)


@pytest.mark.parametrize(("name", "file"), [("Alex", "second.named.txt"), ("", "second.nameless.txt")])
def test_a_box_for_those_with_a_name_reads_as_it_did(name: str, file: str) -> None:
    text = mail(1, "paper", name).text
    assert text == kept(file, text)
