"""What can be found fault with? The rules as data, and a finding: a file, a line, a rule, a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sequencer.errors import BadContent


class Level(StrEnum):
    """Whether a course with such a finding must not go out, or may."""

    ERROR = "error"
    WARNING = "warning"


_E, _W = Level.ERROR, Level.WARNING
# Name, level, and what is found fault with, as docs/lessons.md prints it.
_TABLE = (
    ("front-matter", _E, "A key of a lesson's front matter is missing, not known, or not what it should be."),
    ("course-file", _E, "A key of course.toml is missing, not known, or not what it should be."),
    ("twin-id", _E, "Two lessons have one id; people's places in the course go by it."),
    (
        "lesson",
        _E,
        "The lesson cannot become a mail: a box without an end, a broken mark, a partial that is not there.",
    ),
    ("skeleton", _E, "Words that `course new` or `issue new` wrote were left as they are."),
    ("undefined-value", _E, "A mark names a value, a filter or a test that does not exist."),
    ("unguarded-value", _W, "A mark shows a person's value that may be empty, with no `or` and no `if` around it."),
    ("unknown-tag", _E, "A template names an `mj-` tag that MJML 4 does not have; nobody would see what is in it."),
    (
        "unknown-attribute",
        _E,
        "A template gives an `mj-` tag an attribute that MJML 4 does not know; it has no effect.",
    ),
    ("empty-link", _E, "A link leads nowhere, or has no words to press."),
    (
        "relative-address",
        _E,
        "A link has an address without `https://`, or an image one that begins with `//`; in a mail it leads nowhere.",
    ),
    (
        "image-file",
        _E,
        "The file that an image names is not in the course's folder, no PNG, JPEG, GIF or WebP, or larger than 5 MB.",
    ),
    ("plain-http", _W, "A link or an image is fetched without encryption."),
    ("broken-link", _E, "With --check-links: the address answers that there is no such page, or nobody answers."),
    ("unsure-link", _W, "With --check-links: the address answers, but not to programs, or not now."),
    ("image-without-alt", _W, "An image has no words for those who do not see it: `![what it shows](https://…)`."),
    ("heavy-image", _W, "An image weighs more than 1 MB (with --check-links: also one on a server)."),
    ("no-unsubscribe", _E, "The mail, as HTML or as plain text, holds no link to unsubscribe."),
    ("clipped", _E, "The mail has more than 90 KB of HTML; Gmail cuts it off, and the unsubscribe link with it."),
    ("contrast", _W, "Words stand out from their ground by less than 4.5:1, in light or in dark."),
    ("spam-wording", _W, "A subject, a preheader or a text speaks as advertisements do; filters count that."),
    ("long-subject", _W, "A subject has more than 60 characters; telephones cut it off."),
    ("repeated-subject", _W, "Two lessons have one subject; mail programs show them as one conversation."),
    ("repeated-preheader", _W, "The preheader says what the subject says, or what another lesson's preheader says."),
    ("never-due", _E, "The course's rhythm has no next hour in some time zone."),
    ("far-away", _W, "A lesson comes more than a year after the one before it."),
    ("file-order", _E, "Lessons go out in the order of their files' names, and the numbers in those say otherwise."),
    ("file-gap", _W, "A number is missing among the lessons' files."),
    ("previous", _E, 'A lesson\'s "previous" does not name the lesson before it.'),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is found fault with, and how much it matters."""

    name: str
    level: Level
    meaning: str


RULES: Mapping[str, Rule] = MappingProxyType(
    {name: Rule(name=name, level=level, meaning=meaning) for name, level, meaning in _TABLE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a course's files that its author should know. `line` is 0 where the whole file is meant."""

    file: str
    line: int
    rule: str
    sentence: str

    @property
    def level(self) -> Level:
        """How much it matters."""
        return RULES[self.rule].level

    @property
    def where(self) -> str:
        """The file, and the line where there is one."""
        return f"{self.file}:{self.line}" if self.line else self.file


def of(error: BadContent, rule: str) -> Finding:
    """What a refusal says, which begins with its file and mostly its line."""
    where, _, sentence = str(error).partition(": ")
    file, _, line = where.rpartition(":")
    if file and line.isdigit():
        return Finding(file=file, line=int(line), rule=rule, sentence=sentence)
    return Finding(file=where, line=0, rule=rule, sentence=sentence)


def rules_table() -> str:
    """The rules as docs/lessons.md shows them."""
    rows = [f"| `{rule.name}` | {rule.level} | {rule.meaning} |" for rule in RULES.values()]
    return "\n".join(["| Rule | Level | What is found |", "|---|---|---|", *rows])
