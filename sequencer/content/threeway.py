"""Can two edits of one text both stand? They can where they touch different lines."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    begin: int
    end: int
    lines: tuple[str, ...]

    def meets(self, other: "_Edit") -> bool:
        """Do they touch the same lines, or put something into the same place?"""
        return self.begin <= other.end and other.begin <= self.end


def merge(base: str, mine: str, theirs: str) -> str | None:
    """`base` with what either side changed; None where both changed the same place differently."""
    lines = base.splitlines(keepends=True)
    edits = _edits(lines, mine)
    for edit in _edits(lines, theirs):
        if edit in edits:
            continue
        if any(edit.meets(other) for other in edits):
            return None
        edits.append(edit)
    for edit in sorted(edits, key=lambda one: (one.begin, one.end), reverse=True):
        lines[edit.begin : edit.end] = edit.lines
    return "".join(lines)


def difference(before: str, after: str, *, before_name: str, after_name: str) -> str:
    """A unified diff, as authors know it from git; empty where both are alike."""
    made = difflib.unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="", n=1)
    return "\n".join(made)


def _edits(base: Sequence[str], text: str) -> list[_Edit]:
    given = text.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, base, given, autojunk=False)
    return [
        _Edit(begin=a, end=b, lines=tuple(given[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"
    ]
