"""Does this line look like a heading? What a heading may consist of, and the words that tell text from headings."""

import re
from enum import StrEnum

from sequencer.content.article.words import SMALL

MOST_WORDS = 14
# Words that a heading does not end with: something would follow.
_HANGING = SMALL - {"in", "off", "on", "over", "under", "up", "without", "within", "before", "after", "is", "be"}
_ALPHA = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")
_NUMBERED = re.compile(
    r"(chapter|part|step|section|lesson|rule|tip|no\.?) ?(\d+|[ivx]+|one|two|three)\b|\d{1,2}[.):] ", re.IGNORECASE
)


class Style(StrEnum):
    """How a heading is written. One article keeps to one style, which is how a chance likeness is told from it."""

    TITLE = "title"  # The Role of Sleep
    CAPITALS = "capitals"  # THE ROLE OF SLEEP
    SENTENCE = "sentence"  # The role of sleep
    SINGLE = "single"  # Sleep: may be either


def style(line: str) -> Style | None:
    """How a heading of these words would be written; None where they look like no heading."""
    words = line.split()
    bare = [word.strip("“”\"'‘’()[],.:;?!–—-") for word in words]
    named = [word for word in bare if word]
    if not 1 <= len(words) <= MOST_WORDS or not named or line.rstrip()[-1:] in ".,;:…–—-(" or not _begins(named[0]):
        return None
    letters = [letter for letter in line if letter.isalpha()]
    if len(letters) < 3 or line.count("(") != line.count(")"):  # noqa: PLR2004 (no heading is shorter)
        return None
    if all(letter.isupper() for letter in letters):
        return Style.CAPITALS
    if len(named) == 1:
        return Style.SINGLE
    if _in_title_case(named):
        return Style.TITLE
    return None if named[-1].lower() in _HANGING or line.rstrip().endswith(")") else Style.SENTENCE


def is_numbered(line: str) -> bool:
    """Does it begin as chapters and steps do?"""
    return _NUMBERED.match(line) is not None


def title_case_tail(line: str) -> int:
    """Where the words in title case begin with which `line` ends; its length where there are none."""
    at, begin = len(line), len(line)
    for word in reversed(list(re.finditer(r"\S+", line))):
        bare = word.group().strip("“”\"'‘’(),:?!–—-")
        if not (bare.lower() in SMALL or (bare and _begins(bare))) or word.group()[-1:] in ".,;":
            break
        at = word.start()
        if _begins(bare):
            begin = at
    return min(begin, len(line)) if at < len(line) else len(line)


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, in small letters; those that are run together are left out."""
    return frozenset(
        word.lower() for word in _ALPHA.findall(text) if word[1:].islower() or len(word) == 1 or word.isupper()
    )


def _begins(word: str) -> bool:
    return word[0].isupper() or word[0].isdigit()


def _in_title_case(words: list[str]) -> bool:
    if words[-1][0].islower():
        return False
    return all(_begins(word) or word.lower() in SMALL for word in words)
