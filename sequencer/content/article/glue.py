"""Where do headings hide that a scraper has glued to the next sentence, as in "The Role of SleepWhen we sleep, …"?

A seam is a place inside a word where a small letter (a digit, a question mark, a bracket) meets a capital. A heading is
what stands between the end of a sentence and a seam, if it is made like a heading and a sentence follows. Names such as
YouTube have seams too; they are known by a list, by being used twice, and by standing where no heading could.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sequencer.content.article import headings
from sequencer.content.article.headings import Style
from sequencer.content.article.words import ABBREVIATIONS, NAMES, OPENERS, PREFIXES, SECTIONS

_WORD = re.compile(r"[^\W\d_]+")
_ENDING = re.compile(r"""([.!?…]+["”’')\]]*|:|•|\|)(\s+|(?=[A-Z“"0-9•]))""")
_NUMBER_FIRST = re.compile(r"(?:^|[.!?…:]\s*)(\d{1,2}[.)])\s+$")
_NUMBER_NEXT = re.compile(r"\d{1,2}[.)] [A-Z]")
_CAPITALS_BEFORE = re.compile(r"[^\W\d_a-z]{2,}\W+$")
_DIGITS_THEN_WORD = re.compile(r"\d[\d,.]*(?:%|st|nd|rd|th)? (?:[a-z]{2,}|percent|of\b)")
_FEWEST_WORDS_OF_TEXT = 3
_IN_COMPANY = frozenset({Style.TITLE, Style.SENTENCE})
_SURE = 3  # words in title case that chance does not put together


@dataclass(frozen=True, slots=True, kw_only=True)
class Glued:
    """A heading found in a line, from `begin` to `end`; `level` 2, or 3 right behind another heading."""

    line: int
    begin: int
    end: int
    style: Style
    level: int = 2
    sure: bool = True


def find(lines: Sequence[str]) -> tuple[Glued, ...]:
    """The glued headings of a text, in order, all of one style. Nothing is found twice, and nothing overlaps."""
    known = headings.vocabulary("\n".join(lines))
    names = _names(lines)
    found = [one for number, line in enumerate(lines) for one in _in_line(number, line, names, known)]
    return tuple(_of_one_style(found))


def _of_one_style(found: Sequence[Glued]) -> list[Glued]:
    """Headings of one article are made alike: the style that most have rules out what only looks like one."""
    count = Counter(one.style for one in found)
    titles, sentences, capitals = count[Style.TITLE], count[Style.SENTENCE], count[Style.CAPITALS]
    kept = {Style.SINGLE, Style.TITLE}
    if capitals > titles + sentences:
        kept = {Style.SINGLE, Style.CAPITALS}
    elif sentences > max(titles, 1):
        kept |= {Style.SENTENCE}
    # A piece cut out of a longer sentence, or one that little speaks for, is believed only in company.
    believed = sum(one.sure for one in found if one.style in kept) >= _SURE
    return [one for one in found if one.style in kept and (one.sure or believed)]


def _in_line(number: int, line: str, names: Collection[str], known: Collection[str]) -> list[Glued]:
    seams = _seams(line, names)
    if not seams:
        return []
    starts = _starts(line)
    cuts = sorted({*starts, *seams, len(line)})
    found: list[Glued] = []
    for seam in seams:
        at = cuts.index(seam)
        begin, end = cuts[at - 1], cuts[at + 1]
        if not _is_text(line[seam:end]) and end not in seams:
            continue
        begin = _with_number(line, begin)
        one = _heading(number, line, begin, seam)
        if one is None:
            continue
        if not _is_likely(one, line, known):
            if one.style not in _IN_COMPANY:
                continue
            one = replace(one, sure=False)
        follows = bool(found) and found[-1].end == begin
        found.append(replace(one, level=3) if follows and found[-1].level == 2 else one)  # noqa: PLR2004
    return _without_chains(found, line)


def _heading(number: int, line: str, begin: int, end: int) -> Glued | None:
    """The heading between two cuts, or the words in title case at its end."""
    style = headings.style(line[begin:end])
    last = _WORD.findall(line[begin:end])[-1:]
    if style is Style.SENTENCE and last and len(last[0]) == 1:
        return None  # "an iPhone", "the mRNA"
    if style is not None:
        return Glued(line=number, begin=begin, end=end, style=style)
    tail = begin + headings.title_case_tail(line[begin:end])
    capitals = sum(word[0].isupper() for word in line[tail:end].split())
    if tail > begin and capitals >= _SURE and headings.style(line[tail:end]) is Style.TITLE:
        return Glued(line=number, begin=tail, end=end, style=Style.TITLE, sure=False)
    return None


def _is_likely(one: Glued, line: str, known: Collection[str]) -> bool:
    """The fewer words a heading has, the more must speak for it."""
    words = line[one.begin : one.end].split()
    last, first = _WORD.findall(words[-1])[-1:], _WORD.match(line, one.end)
    opens = first is None or first.group().lower() in OPENERS
    follows = opens or (first is not None and first.group().lower() in known)
    if one.style is Style.SINGLE:
        word = words[0].strip("?!:").lower()
        return word in SECTIONS or (len(word) > 4 and word in known and opens)  # noqa: PLR2004
    enough = {Style.CAPITALS: 2, Style.SENTENCE: _SURE + 1}.get(one.style, _SURE)
    return len(words) >= enough or follows or (bool(last) and last[0].lower() in known)


def _without_chains(found: Sequence[Glued], line: str) -> list[Glued]:
    """Items of a list, glued together behind a colon, end in the one heading before the text."""
    runs: list[list[Glued]] = []
    for one in found:
        if runs and runs[-1][-1].end == one.begin:
            runs[-1].append(one)
        else:
            runs.append([one])
    kept: list[Glued] = []
    for run in runs:
        kept += [replace(run[-1], level=2)] if line[: run[0].begin].rstrip().endswith(":") else run
    return kept


def _is_text(words: str) -> bool:
    return len(words.split()) >= _FEWEST_WORDS_OF_TEXT or words.rstrip()[-1:] in {".", "!", "?", ":"}


def _starts(line: str) -> list[int]:
    """Where sentences begin."""
    starts = [0]
    for end in _ENDING.finditer(line):
        before = line[max(0, end.start() - 40) : end.start()].split()[-1:] or [""]
        word = before[0].lower().strip("(“\"'‘[")
        is_point = end.group(1) == "."
        if is_point and (word in ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i")):
            continue
        if end.group(1) == ":" and end.group(2):
            continue  # "Recognising the Pattern: Twelve Signs" is one heading
        follows = line[end.end() : end.end() + 1].isupper() or _NUMBER_NEXT.match(line, end.end())
        if is_point and not end.group(2) and not follows:
            continue  # 3.5, example.com
        starts.append(end.end())
    return starts


def _with_number(line: str, begin: int) -> int:
    """`1. Begin Early`: the number belongs to the heading."""
    numbered = _NUMBER_FIRST.search(line[:begin])
    return numbered.start(1) if numbered else begin


def _seams(line: str, names: Collection[str]) -> list[int]:
    return [at for at in range(1, len(line)) if _is_seam(line, at) and not _in_name(line, at, names)]


def _is_seam(line: str, at: int) -> bool:  # noqa: PLR0911 (one case a kind of seam)
    before, after, beyond = line[at - 1], line[at], line[at + 1 : at + 2]
    if after in "“«" or (after == '"' and line[:at].count('"') % 2 == 0 and line.count('"', at) > 1):
        return before.islower() and beyond.isalnum()
    if after.isdigit():
        left = _letters_before(line, at)
        return before.islower() and len(left) > 3 and bool(_DIGITS_THEN_WORD.match(line, at))  # noqa: PLR2004
    if not after.isupper():
        return False
    if before.isupper():
        left = _letters_before(line, at)
        return len(left) > 1 and left.isupper() and beyond.islower() and _reads_on(line, at, left)
    if before.isdigit():
        return beyond.islower() and line[at - 2 : at - 1] in {" ", *"0123456789"}
    if not (before.islower() or before in ")]?!%”"):
        return False
    if beyond.isupper() and not _is_acronym(line, at):
        return False
    # "A" and "I" are words by themselves; "PhD" and "vitaminB" are no seams.
    return beyond.isalpha() or beyond in "’'-" or (after in "AI" and beyond == " ")


def _is_acronym(line: str, at: int) -> bool:
    word = _WORD.match(line, at)
    return word is not None and word.group().isupper()


def _reads_on(line: str, at: int, left: str) -> bool:
    """Behind an acronym a sentence must begin; behind words in capitals anything may."""
    word = _WORD.match(line, at)
    opens = word is not None and word.group().lower() in OPENERS
    return opens or _CAPITALS_BEFORE.search(line[: at - len(left)]) is not None


def _letters_before(line: str, at: int) -> str:
    """The letters before a place, back to the last small-to-capital step."""
    begin = at
    while begin and line[begin - 1].isalpha():
        begin -= 1
        if line[begin].isupper() and line[begin - 1 : begin].islower():
            break
    return line[begin:at]


def _in_name(line: str, at: int, names: Collection[str]) -> bool:
    """Is this place inside a name such as YouTube, or behind the Mc of one?"""
    begin, end = at, at
    while begin and line[begin - 1].isalpha():
        begin -= 1
    while end < len(line) and line[end].isalpha():
        end += 1
    token = line[begin:end]
    if _letters_before(line, at) in PREFIXES:
        return True
    return any(
        start < at - begin < start + len(name) and not token[start + len(name) : start + len(name) + 1].islower()
        for name in names
        for start in _all(token, name)
    )


def _all(token: str, name: str) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(name), token)]


def _names(lines: Sequence[str]) -> frozenset[str]:
    """The known names, and the words with a capital inside that this text uses more than once."""
    camel = Counter(
        word
        for line in lines
        for word in _WORD.findall(line)
        if any(b.isupper() and a.islower() for a, b in pairwise(word))
    )
    # "TipsThe" may well be there twice, and is no name.
    return NAMES | {word for word, times in camel.items() if times > 1 and _last_part(word) not in OPENERS}


def _last_part(word: str) -> str:
    return word[max(at for at, letter in enumerate(word) if letter.isupper()) :].lower()
