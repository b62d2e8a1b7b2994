"""What is an issue of the newsletter? What was scheduled, and the lanes in which it goes out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sequencer.core.model.course import Course, Lesson
from sequencer.core.model.ids import IssueId, LaneId


class IssueState(StrEnum):
    """Where an issue stands: it is to go out or is going out, everybody's has been made ready, or it was called off."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One newsletter to the list, as it was scheduled and not changed since: `words` holds it as the only lesson.

    `key` is the front matter's id. Whoever schedules it anew, after it was called off, makes another `run` of it. It is
    in the archive from `opens_at` on, when it is due to the first of its readers.
    """

    id: IssueId
    key: str
    run: int
    state: IssueState
    words: Course
    scheduled_at: datetime
    opens_at: datetime

    @property
    def letter(self) -> Lesson:
        """Its subject and text."""
        return self.words.lessons[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Readers of an issue who are due it at one moment: those in `zones`, or all where none is named.

    `zone` counts the zones that are done with, and `cursor` is the last subscriber of the present one whose message was
    made ready. `next_at` is when to go on with it, None when it is over (`ended_at`).
    """

    id: LaneId
    issue_id: IssueId
    zones: tuple[str, ...]
    due_at: datetime
    zone: int = 0
    cursor: int = 0
    next_at: datetime | None = None
    ended_at: datetime | None = None
