"""How is a course written down? The text of course.toml and of a lesson, and names of files that keep their order."""

import json
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from sequencer.content import convert

LONGEST_SUBJECT = 60
_LONGEST_PREHEADER = 110
_FEWEST_OF_A_PART = 15  # characters that still make a subject, once a heading is cut at its colon
_SENTENCE = re.compile(r".{20,}?[.!?…][”\"’')]*(?=\s|$)")
_NUMBER = re.compile(r"(\d+[a-z]*)-")
SAMPLE_SENDER = "Your Name <you@example.org>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """One lesson as an author may still change it."""

    key: str
    subject: str
    preheader: str
    theme: str
    body: str
    gap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What course.toml says of a new course; the rest of the options stand there with their defaults."""

    title: str
    author: str = ""
    brand: str = ""
    language: str = ""
    site: str = ""


def lesson_text(lesson: Manuscript) -> str:
    """The file of a lesson."""
    lines = [f"{name}: {quoted(value)}" for name, value in _front(lesson) if value]
    return "\n".join(["---", *lines, "---", "", lesson.body.strip("\n"), ""])


def course_text(cover: Cover) -> str:
    """The file course.toml: what is known, and what the author is to fill in."""
    said = [
        ("The name of the course, as readers see it on pages and in mail.", "title", cover.title),
        ("One line under the title that says what the course is about.", "subtitle", ""),
        ("The person who speaks in the lessons.", "author", cover.author),
        ("The publication the course belongs to.", "brand", cover.brand or cover.title),
        ("The language of the lessons, as a language tag such as en-GB.", "language", _language(cover.language)),
        ("The From line of every lesson: fill in your own name and address.", "sender", SAMPLE_SENDER),
        ("The website that mail and pages link back to.", "site", cover.site),
        ("The time of day a lesson is sent, on each reader's own clock (24 hours).", "send_at", "08:00"),
        ('The least time between two lessons, such as "1 day" or "36 hours".', "gap", "1 day"),
    ]
    return "\n".join(f"# {comment}\n{name} = {quoted(value)}\n" for comment, name, value in said)


def subject(heading: str) -> str:
    """A proposal for the subject: the heading, cut where it has a seam or between two words."""
    clean = " ".join(heading.split())
    if len(clean) <= LONGEST_SUBJECT:
        return clean
    for seam in (": ", " – ", " — ", " | ", " (", "? ", ", "):
        head, _, tail = clean.partition(seam)
        for part in (head + seam.rstrip() * (seam == "? "), tail[:1].upper() + tail[1:]):
            if _FEWEST_OF_A_PART <= len(part) <= LONGEST_SUBJECT and part.count("(") == part.count(")"):
                return part
    return _cut(clean, LONGEST_SUBJECT)


def preheader(body: str) -> str:
    """A proposal for the preheader: the first sentence of a lesson's Markdown."""
    running = convert.words(body)
    found = _SENTENCE.match(running)
    return _cut(found.group() if found else running, _LONGEST_PREHEADER)


def quoted(value: str) -> str:
    """A text in quotes, as YAML and TOML both read it."""
    return json.dumps(" ".join(value.split()), ensure_ascii=False)


def file_name(number: str, key: str) -> str:
    """The name of a lesson's file."""
    return f"{number}-{key}.md"


def numbers(names: Sequence[str | None]) -> list[str]:
    """A number for each file that has none yet (None), so that all sort as they stand here; the others keep theirs.

    An empty number says that there is no room for one: the author's names leave none.
    """
    if not any(names):
        width = max(2, len(str(len(names))))
        return [f"{at:0{width}}" for at in range(1, len(names) + 1)]
    made: list[str] = []
    before = ""
    for at, name in enumerate(names):
        number = _number(name) if name else _between(before, next((one for one in names[at:] if one), None))
        made.append(number)
        before = name or (file_name(number, "") if number else before)
    return made


def _number(name: str) -> str:
    found = _NUMBER.match(name)
    return found.group(1) if found else ""


def _between(before: str, after: str | None) -> str:
    """The shortest number whose file stands behind `before` and in front of `after`."""
    last = re.match(r"\d+", before)
    digits = last.group() if last else ""
    follows = f"{int(digits) + 1:0{len(digits)}}" if digits else "00"
    stem = _number(before)
    letters = [stem[:-1] + letter for letter in string.ascii_lowercase if stem[-1:].isalpha() and letter > stem[-1]]
    tries = [follows] if after is None else []
    tries += letters + [stem + letter for letter in string.ascii_lowercase if stem] + ([] if stem else ["00", "0"])
    return next((one for one in tries if before < f"{one}-" and (after is None or f"{one}-~" < after)), "")


def _front(lesson: Manuscript) -> list[tuple[str, str]]:
    said = [("subject", lesson.subject), ("preheader", lesson.preheader), ("theme", lesson.theme)]
    # A heading's own marks (bold, a link) would stand in a subject as they are typed.
    return [("id", lesson.key), *((name, convert.neutral(value)) for name, value in said), ("gap", lesson.gap)]


def _cut(words: str, longest: int) -> str:
    if len(words) <= longest:
        return words
    return (
        words[:longest].rpartition(" ")[0].rstrip(" ,;:–—-(") + "…"
        if " " in words[:longest]
        else words[: longest - 1] + "…"
    )


def _language(given: str) -> str:
    return given if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", given) else "en"
