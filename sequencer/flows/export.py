"""What do we keep of a person, for them to take along? One document; docs/data.md says what each part is."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from types import MappingProxyType

from sequencer.core import timing
from sequencer.core.model import CourseId, LessonId, SubscriberId
from sequencer.errors import NotFound
from sequencer.flows import report
from sequencer.store import courses, deliveries, erasure, subscribers
from sequencer.store.database import Database, Transaction

FORMAT = "sequencer-subscriber-1"
# What a table of the database is called here; one that is not named goes by its own name.
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "consent": "consents",
        "enrolment": "enrolments",
        "delivery": "deliveries",
        "done": "ticks",
        "event": "events",
        "hook_call": "told",
        "departure": "departures",
        "address_change": "address_changes",
    }
)

Row = dict[str, object]


def export(db: Database, who: SubscriberId, *, now: datetime) -> Mapping[str, object]:
    """All that is kept of a person, ready to be written as JSON. Raises NotFound.

    It is read from the tables themselves, so that none is forgotten.
    """
    with db.read() as tx:
        person = subscribers.get(tx, who)
        if person is None:
            raise NotFound("There is no such person; nothing is kept of them.")
        rows = {table: [dict(row) for row in found] for table, found in erasure.kept(tx, who).items()}
        (subscriber,) = rows.pop("subscriber")
        _name(tx, rows)
        entry = subscribers.suppression_of(tx, person.address)
        found = {
            "format": FORMAT,
            "exported_at": now,
            "subscriber": subscriber,
            "suppression": entry and {"reason": entry.reason, "detail": entry.detail, "created_at": entry.created_at},
            **{PARTS.get(table, table): of_table for table, of_table in rows.items()},
        }
    plain = _plain(found)
    assert isinstance(plain, dict)  # noqa: S101 (it was one)
    return plain


def _name(tx: Transaction, rows: Mapping[str, Sequence[Row]]) -> None:
    """Say in words which course, lesson or message a row is about, beside the number of it."""
    keys: dict[LessonId, str] = {}
    for row in (row for of_table in rows.values() for row in of_table):
        course = row.get("course_id")
        if isinstance(course, int):
            row["course"] = courses.revision(tx, courses.current_id(tx, CourseId(course))).course.slug
            keys |= courses.keys(tx, CourseId(course))
    for tick in rows.get("done", ()):
        tick["lesson"] = keys.get(LessonId(int(str(tick["lesson_id"]))), "")
    for row in rows.get("delivery", ()):
        found = deliveries.get(tx, row["id"])  # type: ignore[arg-type]
        row["what"] = report.what(tx, found) if found else ""
    for event in rows.get("event", ()):
        event["payload"] = json.loads(str(event["payload"]))


def _plain(value: object) -> object:
    """As JSON has it: instants in UTC as ISO 8601, hours as 08:00, days of the week by their names."""
    match value:
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case time():
            return f"{value:%H:%M}"
        case dict():
            return {key: _days(one) if key == "days" else _plain(one) for key, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case _:
            return value


def _days(value: object) -> object:
    return [timing.WEEKDAYS[day] for day in value] if isinstance(value, list) else value
