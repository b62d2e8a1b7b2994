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


def same(name: str, found: str) -> None:
    """Compares with the snapshot, or makes it anew."""
    path = SNAPSHOTS / name
    if os.environ.get("SNAPSHOTS") == "renew":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", THEMES)
def test_a_lesson_with_everything_looks_as_it_did(theme: str) -> None:
    html = mail(0, theme).html
    same(f"everything.{theme}.html", body(html))
    same(f"everything.{theme}.css", "\n".join(re.findall(r"<style[^>]*>(.*?)</style>", head(html), re.DOTALL)))


def test_a_lesson_with_everything_reads_as_it_did_without_html_in_every_theme() -> None:
    (text,) = {mail(0, theme).text for theme in THEMES}
    same("everything.txt", text)


@pytest.mark.parametrize(("name", "file"), [("Alex", "second.named.txt"), ("", "second.nameless.txt")])
def test_a_box_for_those_with_a_name_reads_as_it_did(name: str, file: str) -> None:
    same(file, mail(1, "paper", name).text)
