"""Which words were published? Revisions and issues never change, so each is read once and kept."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from sequencer.core.model import CourseId, Issue, IssueId, Revision, RevisionId
from sequencer.store import courses, issues
from sequencer.store.database import Transaction


class Archive:
    """Published revisions by their ids. `default_zone` is for people whose own nobody knows any more."""

    def __init__(self, default_zone: ZoneInfo | None = None) -> None:
        self.default_zone = default_zone or ZoneInfo("UTC")
        self._kept: dict[RevisionId, Revision] = {}
        self._issues: dict[tuple[IssueId, int], Issue] = {}

    def revision(self, tx: Transaction, which: RevisionId) -> Revision:
        """One revision; there must be such."""
        if which not in self._kept:
            self._kept[which] = courses.revision(tx, which)
        return self._kept[which]

    def current(self, tx: Transaction, course: CourseId) -> Revision:
        """The newest revision of a course that is known to be published; always asks which that is."""
        return self.revision(tx, courses.current_id(tx, course))

    def issue(self, tx: Transaction, which: IssueId) -> Issue:
        """One issue as it stands now; there must be such. Its words are read once a run."""
        state, run = issues.standing(tx, [which])[which]
        if (which, run) not in self._issues:
            found = issues.get(tx, which)
            assert found is not None  # noqa: S101 (it stands somewhere)
            self._issues[which, run] = found
        return replace(self._issues[which, run], state=state)
