"""What stands in a lesson or an issue that has only been begun, and which words of it were left as they are?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sequencer.core.model import Course, Lesson
from sequencer.errors import BadContent

ISSUE_SUBJECT = "The subject of the mail"
_ISSUE_PREHEADER = "What a list of mails shows behind the subject."
_ISSUE_WORDS = '{{ subscriber.name or "Hello" }}, write here.'
_LESSON_SUBJECT = "The first lesson"
_LESSON_PREHEADER = "What the first lesson is about, in one sentence."
_LESSON_WORDS = "Write what you have to say, in **Markdown**: one thought, one lesson."
_LESSON_HEADING = "## A heading, where a lesson needs one"
_LESSON_QUESTION = "What would you like the reader to think about today?"
_LESSON_END = (
    "A line on what comes next. It has a file of its own, such as 02-second.md; files go out in the order of their "
    "names."
)

LESSON = f"""\
---
# The id is what a reader's place in the course hangs on: choose it once, and never change it.
id: first
# Up to 60 characters survive on a telephone.
subject: "{_LESSON_SUBJECT}"
# The grey line that mailboxes show beside the subject.
preheader: "{_LESSON_PREHEADER}"
# What this lesson is about; pages and the next mail name it.
theme: "Beginning"
# The time since the lesson before, where it is not the course's own: "3 days", "12 hours".
# gap: 1 day
---

{{# Words between these signs are for you alone; nobody is sent them. #}}

{{% if subscriber.name %}}Hello {{{{ subscriber.name }}}},{{% else %}}Hello,{{% endif %}}

{_LESSON_WORDS}

{_LESSON_HEADING}

- a point
- and another

::: question
{_LESSON_QUESTION}
:::

::: tomorrow
{_LESSON_END}
:::
"""

_ISSUE, _COURSE = "sequencer issue new", "sequencer course new"
# Nobody writes these to their readers; what anybody might, such as a theme or a greeting, is not among them.
_FRONT: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("subject", ISSUE_SUBJECT): _ISSUE,
        ("preheader", _ISSUE_PREHEADER): _ISSUE,
        ("subject", _LESSON_SUBJECT): _COURSE,
        ("preheader", _LESSON_PREHEADER): _COURSE,
    }
)
_LINES: Mapping[str, str] = MappingProxyType(
    {
        _ISSUE_WORDS: _ISSUE,
        **dict.fromkeys((_LESSON_WORDS, _LESSON_HEADING, _LESSON_QUESTION, _LESSON_END), _COURSE),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Words that were left: of a key of the front matter, or on a line of the text as a whole (0: of a key)."""

    sentence: str
    key: str = ""
    line: int = 0


def issue(key: str, subject: str) -> str:
    """An issue that has only been begun; `subject` as YAML spells it."""
    return f'---\nid: {key}\nsubject: {subject}\npreheader: "{_ISSUE_PREHEADER}"\n---\n\n{_ISSUE_WORDS}\n'


def left(lesson: Lesson) -> Iterator[Left]:
    """The words of the program that the lesson, or issue, still says."""
    for key in ("subject", "preheader"):
        command = _FRONT.get((key, getattr(lesson, key)))
        if command:
            yield Left(key=key, sentence=f'the {key} is still what "{command}" wrote; write your own.')
    for number, words in enumerate(lesson.body.split("\n"), lesson.line):
        command = _LINES.get(words.strip())
        if command:
            sentence = f'this line is still what "{command}" wrote; write your own, or take it out.'
            yield Left(line=number, sentence=sentence)


def refuse(lesson: Lesson) -> None:
    """Raises BadContent with file and line for a lesson, or issue, that still says words of the program."""
    for one in left(lesson):
        raise BadContent(f"{lesson.source}:{one.line or 1}: {one.sentence}")


def is_begun(course: Course) -> bool:
    """Whether the course has only been begun: a lesson of it still says words of the program."""
    return any(True for lesson in course.lessons for _ in left(lesson))
