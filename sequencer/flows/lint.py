"""What is wrong with a course's files? Every finding with its file and line, before anything is published."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sequencer.content import skeletons
from sequencer.content.courses import COURSE_FILE, ISSUE_KEYS
from sequencer.content.lint import findings, front, links, mail, order, personal, reach, tags, wording
from sequencer.content.lint.findings import Finding
from sequencer.content.lint.front import Draft
from sequencer.content.render import (
    LETTERS,
    SAMPLE_ASKED,
    Person,
    compile_issue,
    compile_lesson,
    compile_letter,
)
from sequencer.content.templates import Templates
from sequencer.core.model import Course
from sequencer.errors import BadContent

MOST_HTML = mail.MOST_HTML


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A mail's faults, as rules and sentences; `refused` says why somebody without a name cannot have it."""

    faults: tuple[tuple[str, str], ...]
    refused: BadContent | None = None


# Asked of a course's lesson at a step, so many of whose links are empty; of a mail that is none, by its template.
Which = int | str
Judge = Callable[[Course, Which, int], Judged]


def lint(
    folder: Path,
    templates: Templates,
    *,
    postal_address: str,
    now: datetime,
    ask_the_web: bool = False,
    judge: Judge | None = None,
) -> Sequence[Finding]:
    """What is wrong with the course in `folder`, file by file; empty where all is well.

    What cannot be read hides nothing: the other lessons are looked at all the same. `ask_the_web` sends a request to
    each address that the lessons name; without it nothing leaves this machine. `judge` may remember what it was asked
    before; without one each mail is made anew.
    """
    judge = judge or fresh(templates, postal_address)
    found: list[Finding] = []
    drafts: list[Draft] = []
    for path in sorted(folder.glob("*.md")):
        draft, wrong = front.draft(path)
        found += wrong
        drafts += [draft] if draft else []
    course, wrong = front.course(folder, tuple(draft.lesson for draft in drafts))
    found += wrong
    if not drafts and not found:
        sentence = "there is no lesson yet; write one as 01-first.md."
        found.append(Finding(file=str(folder), line=0, rule="course-file", sentence=sentence))
    found += _of_all(drafts)
    for draft in drafts:
        found += _of_one(draft, templates)
    if course is not None:
        found += order.rhythm(course, drafts, path=str(folder / COURSE_FILE), now=now)
        found += _of_mails(course, drafts, templates, judge)
        found += _of_letters(course, templates, judge)
    found += _of_templates(templates)
    if ask_the_web:
        found += reach.answered(drafts)
    return found


def lint_issue(
    path: Path, newsletter: Course, templates: Templates, *, postal_address: str, ask_the_web: bool = False
) -> Sequence[Finding]:
    """What is wrong with an issue's file, by the rules of lessons that hold for it."""
    draft, wrong = front.draft(path, ISSUE_KEYS)
    found = list(wrong)
    if draft is not None:

        def judge(words: Course, _which: Which, empty: int) -> Judged:
            compiled = compile_issue(words, templates=templates, postal_address=postal_address)
            sample, refused = mail.samples(compiled)
            return Judged(faults=(*mail.staying(sample), *mail.judged(sample, empty=empty)), refused=refused)

        found += _of_one(draft, templates)
        found += [*wording.subjects([draft]), *wording.preheaders([draft])]
        found += _of_mails(replace(newsletter, lessons=(draft.lesson,)), [draft], templates, judge)
        found += reach.answered([draft]) if ask_the_web else ()
    return found


def fresh(templates: Templates, postal_address: str) -> Judge:
    """Judges that make each mail anew; they raise BadContent where one cannot be made."""

    def judge(course: Course, which: Which, empty: int) -> Judged:
        if isinstance(which, str):
            made = compile_letter(course, which, templates=templates, postal_address=postal_address, days=7)
            sample = made.fill(Person(name="", address="", links=LETTERS[which], asked=SAMPLE_ASKED))
            return Judged(faults=tuple(mail.judged(sample)))
        compiled = compile_lesson(course, which, templates=templates, postal_address=postal_address)
        made_up, refused = mail.samples(compiled)
        return Judged(faults=(*mail.staying(made_up), *mail.judged(made_up, empty=empty)), refused=refused)

    return judge


def _of_all(drafts: Sequence[Draft]) -> Iterator[Finding]:
    """What only shows where lessons stand side by side."""
    yield from order.twins(drafts)
    yield from order.numbers(drafts)
    yield from order.previous(drafts)
    yield from wording.subjects(drafts)
    yield from wording.preheaders(drafts)


def _of_one(draft: Draft, templates: Templates) -> Iterator[Finding]:
    """What shows in one lesson's file."""
    for one in skeletons.left(draft.lesson):
        yield draft.finding("skeleton", one.sentence, one.line or draft.key(one.key))
    yield from personal.undefined(draft, templates)
    yield from personal.unguarded(draft, templates)
    yield from links.written(draft)
    yield from wording.spam(draft)


def _of_templates(templates: Templates) -> Iterator[Finding]:
    for path in templates.mail_files().values():
        yield from tags.template(path)


def _of_mails(course: Course, drafts: Sequence[Draft], templates: Templates, judge: Judge) -> Iterator[Finding]:
    """What shows when the lessons are compiled; what a template does to each of them is told once."""
    told: set[tuple[str, str]] = set()
    for step, draft in enumerate(drafts):
        try:
            judged = judge(course, step, sum(not one.to for one in links.addresses(draft)))
        except BadContent as error:
            yield from _unless_told(draft, error, templates)
            continue
        if judged.refused is not None:
            yield draft.refused(judged.refused, "lesson")
        for rule, sentence in judged.faults:
            if (rule, sentence) not in told:
                told.add((rule, sentence))
                yield draft.finding(rule, sentence)


def _of_letters(course: Course, templates: Templates, judge: Judge) -> Iterator[Finding]:
    """What shows in the mails that are no lessons; what their common template does to each of them is told once."""
    told: set[tuple[str, str]] = set()
    for template in LETTERS:
        path = str(templates.mail_files()[f"{template}.mjml"])
        try:
            judged = judge(course, template, 0)
        except BadContent as error:
            yield findings.of(error, "lesson")
            continue
        for rule, sentence in judged.faults:
            if (rule, sentence) not in told:
                told.add((rule, sentence))
                yield Finding(file=path, line=0, rule=rule, sentence=sentence)


def _unless_told(draft: Draft, error: BadContent, templates: Templates) -> Iterator[Finding]:
    """What a lesson cannot be compiled for, where it is not a mark that was found already."""
    if not any(personal.undefined(draft, templates)):
        yield draft.refused(error, "lesson")
