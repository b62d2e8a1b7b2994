"""What does each button of a course page ask for? Its fields, read, become one act of the flows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sequencer.app import App
from sequencer.core import timing
from sequencer.core.model import EnrolmentId, LessonId, Pace
from sequencer.errors import BadRequest
from sequencer.flows import remote, tempo
from sequencer.flows.seats import Said

WEEKS = (1, 2, 4)  # how long a pause may be chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of a button: on whose page, with which fields, and when."""

    app: App
    which: EnrolmentId
    given: Mapping[str, str]
    now: datetime

    def number(self, name: str) -> int:
        """The number that the button sent along. Raises BadRequest."""
        value = self.given.get(name, "")
        if not value.isascii() or not value.isdecimal() or len(value) > len(str(2**63)):
            raise BadRequest("Something is missing. Please open your course page again and press the button there.")
        return int(value)


def _next_now(pressed: Press) -> Said:
    lesson = LessonId(pressed.number("lesson"))
    return remote.next_now(pressed.app.db, pressed.which, lesson, now=pressed.now)


def _skip(pressed: Press) -> Said:
    return remote.skip(pressed.app.db, pressed.which, LessonId(pressed.number("lesson")), now=pressed.now)


def _pause(pressed: Press) -> Said:
    weeks = pressed.number("weeks")
    if weeks not in WEEKS:
        raise BadRequest("Please choose one, two or four weeks.")
    return tempo.pause(pressed.app.db, pressed.which, timedelta(weeks=weeks), now=pressed.now)


def _resume(pressed: Press) -> Said:
    return tempo.resume(pressed.app.db, pressed.which, now=pressed.now)


def _rhythm(pressed: Press) -> Said:
    given = pressed.given
    pace, hour = given.get("pace", ""), given.get("hour", "")
    if pace and pace not in set(Pace):
        raise BadRequest("Please choose a pace from the list.")
    try:
        send_at = timing.parse_hour(hour) if hour else None
    except ValueError as error:
        raise BadRequest("Please write the hour like 08:00.") from error
    days = frozenset(day for day, name in enumerate(timing.WEEKDAYS) if given.get(name))
    return tempo.set_rhythm(
        pressed.app.db,
        pressed.which,
        pace=Pace(pace) if pace else None,
        send_at=send_at,
        days=days or None,
        now=pressed.now,
    )


def _start_over(pressed: Press) -> Said:
    return remote.start_over(pressed.app.db, pressed.which, pressed.number("run"), now=pressed.now)


def _done(pressed: Press) -> Said:
    lesson = LessonId(pressed.number("lesson"))
    return remote.tick(pressed.app.db, pressed.which, lesson, is_done=True, now=pressed.now)


def _undone(pressed: Press) -> Said:
    lesson = LessonId(pressed.number("lesson"))
    return remote.tick(pressed.app.db, pressed.which, lesson, is_done=False, now=pressed.now)


ACTS: Mapping[str, Callable[[Press], Said]] = MappingProxyType(
    {
        "now": _next_now,
        "skip": _skip,
        "pause": _pause,
        "resume": _resume,
        "rhythm": _rhythm,
        "restart": _start_over,
        "done": _done,
        "undone": _undone,
    }
)
