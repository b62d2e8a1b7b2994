"""Do subjects and preheaders do their work, and does anything read like an advertisement? Phrases are data."""

import re
from collections.abc import Iterator, Sequence

from sequencer.content import marks
from sequencer.content.lint.findings import Finding
from sequencer.content.lint.front import Draft

_LONGEST_SUBJECT = 60
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"\w+")
_SHORTEST_SHOUT = 6  # letters: "NASA" and "SMTP" do not shout
# What filters have counted for decades (SpamAssassin's rule names in brackets where it has one), and what to do.
_SUBJECT = (
    (r"!{2,}|\?{3,}|[!?]*\?![!?]*", "has more than one mark at its end; one is enough"),  # PLING_PLING
    (r"\${2,}|€{2,}|£{2,}", "repeats a sign for money"),
    (r"^(re|fwd?|aw)\s*:", "begins like an answer, which it is not"),  # SUBJ_..., fake replies
    (r"\b(f r e e|f\.r\.e\.e|fr33|v[i1]agra|ca\$h)\b", "hides a word from filters"),
)
_ANYWHERE = (
    (r"\b(100|hundred) ?(%|percent) (free|guaranteed|satisfied)", "promises too much"),
    (r"\b(act|buy|order|call) now\b", "hurries the reader"),
    (r"\blimited[- ]time( offer)?\b|\boffer expires\b|\bwhile supplies last\b", "hurries the reader"),
    (r"\bclick (here|below)\b", "tells the reader to click; say where the link leads"),
    (r"\b(risk[- ]free|no obligation|no strings attached|money[- ]back guarantee)\b", "speaks like an advertisement"),
    (r"\b(make|earn) (\$|€|£)?[\d,.]*k? ?(extra )?(money|cash)?( fast| from home)\b", "speaks like an advertisement"),
    (r"\b(you('ve| have)? (won|been selected)|congratulations,? you)\b", "speaks like a lottery"),
    (r"^\W*dear (friend|reader|sir or madam|valued customer)\b", "greets nobody"),
    (r"\bthis is not spam\b", "says what spam says"),
    (
        r"\b(lowest price|best price|cheap(est)? (pills|meds)|weight loss|miracle cure)\b",
        "speaks like an advertisement",
    ),
)
_RULES = {
    "subject": tuple((re.compile(phrase, re.IGNORECASE), what) for phrase, what in (*_SUBJECT, *_ANYWHERE)),
    "text": tuple((re.compile(phrase, re.IGNORECASE), what) for phrase, what in _ANYWHERE),
}


def subjects(drafts: Sequence[Draft]) -> Iterator[Finding]:
    """Subjects that are too long, or that stand over two lessons."""
    seen: dict[str, Draft] = {}
    for draft in drafts:
        words = marks.blank(draft.lesson.subject)
        if len(words) > _LONGEST_SUBJECT:
            sentence = f"the subject has {len(words)} characters; telephones show about {_LONGEST_SUBJECT}."
            yield draft.finding("long-subject", sentence, draft.key("subject"))
        first = seen.setdefault(_plain(draft.lesson.subject), draft)
        if first is not draft:
            sentence = f"{first.path.name} has the same subject; say what is new here."
            yield draft.finding("repeated-subject", sentence, draft.key("subject"))


def preheaders(drafts: Sequence[Draft]) -> Iterator[Finding]:
    """Preheaders that waste the line beside the subject."""
    seen: dict[str, Draft] = {}
    for draft in drafts:
        subject, preheader = _plain(draft.lesson.subject), _plain(draft.lesson.preheader)
        first = seen.setdefault(preheader, draft)
        if first is not draft:
            sentence = f"{first.path.name} has the same preheader; say what is new here."
        elif preheader == subject or (subject and preheader.startswith(f"{subject} ")):
            sentence = "the preheader repeats the subject; inboxes show both side by side."
        else:
            continue
        yield draft.finding("repeated-preheader", sentence, draft.key("preheader"))


def spam(draft: Draft) -> Iterator[Finding]:
    """Wording that filters count, in the subject, the preheader and the text."""
    for name in ("subject", "preheader"):
        words = str(getattr(draft.lesson, name))
        for phrase, what in _RULES["subject"]:
            if found := phrase.search(words):
                yield draft.finding("spam-wording", f'"{found[0]}" in the {name} {what}.', draft.key(name))
        letters = "".join(_LETTERS.findall(marks.blank(words)))
        if len(letters) > _SHORTEST_SHOUT and letters.isupper():
            yield draft.finding("spam-wording", f"the {name} is all in capitals.", draft.key(name))
    for number, line in enumerate(draft.lesson.body.split("\n"), draft.lesson.line):
        for phrase, what in _RULES["text"]:
            if found := phrase.search(line):
                yield draft.finding("spam-wording", f'"{found[0]}" {what}.', number)


def _plain(words: str) -> str:
    """The words without what makes no difference to a reader who skims."""
    return " ".join(_WORDS.findall(marks.blank(words).lower()))
