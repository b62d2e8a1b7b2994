"""What does the preview say of one mail? Where it stands among the course's mails, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sequencer.content import render
from sequencer.content.lint.findings import Level
from sequencer.content.lint.mail import MOST_HTML
from sequencer.errors import NotFound
from sequencer.flows.manuscript import Manuscript, Trouble
from sequencer.flows.proof import Proof
from sequencer.web import margin
from sequencer.web.margin import Note

CLIPPED = 102_000  # bytes of HTML that Gmail shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One mail that can be looked at: the lesson of this `number`, or (0) one that is no lesson."""

    path: str
    name: str
    file: str
    template: str = ""
    number: int = 0
    about: str = ""
    trouble: Trouble | None = None


def _letter(template: str, path: str, name: str, about: str) -> Sheet:
    return Sheet(path=path, name=name, file=f"templates/mail/{template}.mjml", template=template, about=about)


# What people get besides lessons: before these, in the order in which they get it, and whenever they ask for it.
LETTERS = (
    _letter(
        render.CONFIRM,
        "/confirmation",
        "Confirmation",
        "Asks visitors whether it was them; lessons come when they have said yes",
    ),
    _letter(render.REMIND, "/reminder", "Reminder", "Asks once more, some days later, whoever has not said yes"),
)
ANSWERS = (
    _letter(render.FAREWELL_COURSE, "/farewell-course", "Farewell to a course", "Says how to undo it to whom left it"),
    _letter(render.FAREWELL, "/farewell", "Farewell", "Says how to undo it to whom left everything"),
    _letter(render.MOVE, "/move", "Another address", "Asks at a new address whether it is the reader’s"),
    _letter(render.MOVED, "/moved", "Moved", "Says at the former address that mails go to another one"),
    _letter(render.ACCESS, "/access", "Data", "Leads people to all that is kept of them"),
)


def sheets(found: Manuscript) -> tuple[Sheet, ...]:
    """All mails of a course, in the order in which somebody gets them."""
    lessons = (
        Sheet(
            path=f"/lesson/{draft.number}",
            name=f"Lesson {draft.number}",
            file=draft.file,
            number=draft.number,
            about=found.course.lessons[draft.number - 1].theme if found.course and not draft.trouble else "",
            trouble=draft.trouble,
        )
        for draft in found.drafts
    )
    return (*LETTERS, *lessons, *ANSWERS)


def at(found: Manuscript, path: str) -> Sheet:
    """The mail whose page is at this path. Raises NotFound."""
    for sheet in sheets(found):
        if sheet.path == path:
            return sheet
    raise NotFound("There is no such lesson in this course.")


def around(found: Manuscript, sheet: Sheet) -> Mapping[str, Sheet | None]:
    """The mails before and after this one."""
    everything = sheets(found)
    index = everything.index(sheet)
    return {
        "before": everything[index - 1] if index else None,
        "after": everything[index + 1] if index + 1 < len(everything) else None,
    }


def row(found: Manuscript, sheet: Sheet, made: Proof | Trouble, notes: Sequence[Note] = ()) -> dict[str, object]:
    """What pages say of a mail; `notes` are lint's."""
    said: dict[str, object] = {
        "sheet": sheet,
        "tally": margin.tally(notes),
        "worst": Level.ERROR if any(note.level is Level.ERROR for note in notes) else Level.WARNING,
    }
    if isinstance(made, Trouble):
        return {**said, "trouble": made, "subject": _subject(found, sheet)}
    weight = _weight(len(made.html.encode()))
    return {**said, "trouble": None, "subject": made.subject, "opening": made.opening, "weight": weight}


def files(every: Collection[Sheet]) -> frozenset[str]:
    """The files that have a page of their own."""
    return frozenset(sheet.file for sheet in every)


def _subject(found: Manuscript, sheet: Sheet) -> str:
    """How a mail is called that could not be made."""
    if sheet.number and sheet.trouble is None and found.course:
        return found.course.lessons[sheet.number - 1].subject
    return sheet.file if sheet.number else sheet.name


def _weight(size: int) -> dict[str, object]:
    """How heavy a mail is against what Gmail shows of it: a bar, and its words."""
    kilobytes = max(1, round(size / 1000))
    level, words = "fine", f"{kilobytes} KB of the {CLIPPED // 1000} KB that Gmail shows."
    if size > CLIPPED:
        level, words = (
            "over",
            f"{kilobytes} KB: Gmail cuts it off after {CLIPPED // 1000} KB, and the links at its foot.",
        )
    elif size > MOST_HTML:
        level, words = "near", f"{kilobytes} KB: nearly too long. Gmail cuts a mail off after {CLIPPED // 1000} KB."
    return {"size": size, "most": CLIPPED, "level": level, "words": words}
