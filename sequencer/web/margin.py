"""What stands beside the lessons in the preview? What lint found, each finding by the file that it is of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sequencer.content.lint.findings import Finding, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A finding as an author reads it. `line` is 0 where the whole file is meant."""

    file: str
    line: int
    level: Level
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """All notes on a course: errors before warnings, of each file in the order of its lines."""

    notes: tuple[Note, ...]

    def beside(self, file: str, *, but: str = "") -> tuple[Note, ...]:
        """Those on one file, without the sentence that its reader has seen."""
        return tuple(note for note in self.notes if note.file == file and note.sentence != but)

    def elsewhere(self, files: Collection[str], *, but: str = "") -> tuple[Note, ...]:
        """Those on none of these files: on course.toml, on what lessons share, on a template."""
        return tuple(note for note in self.notes if note.file not in files and note.sentence != but)


def margin(findings: Sequence[Finding], *, course: Path, others: Sequence[Path]) -> Margin:
    """The notes that these findings are. Files of the course are called as below its folder, `others` by theirs too."""
    notes = [
        Note(
            file=_called(one.file, course, others),
            line=one.line,
            level=one.level,
            rule=one.rule,
            sentence=_begun(one.sentence),
        )
        for one in findings
    ]
    order = sorted(notes, key=lambda note: (note.level is Level.WARNING, note.file, note.line))
    return Margin(notes=tuple(order))


def tally(notes: Sequence[Note]) -> str:
    """How many there are of each level, in words; "" for none."""
    counts = [(level, sum(note.level is level for note in notes)) for level in Level]
    return " and ".join(f"{count} {level}{'s' if count > 1 else ''}" for level, count in counts if count)


def _begun(sentence: str) -> str:
    """With a capital letter, unless an address comes first."""
    return sentence if "://" in sentence.partition(" ")[0] else sentence[:1].upper() + sentence[1:]


def _called(file: str, course: Path, others: Sequence[Path]) -> str:
    path = Path(file)
    if path == course:
        return course.name
    if path.is_relative_to(course):
        return str(path.relative_to(course))
    # A refusal names files of the course as from above its folder.
    if path.is_relative_to(course.name):
        return str(path.relative_to(course.name))
    return next((str(path.relative_to(one.parent)) for one in others if path.is_relative_to(one)), file)
