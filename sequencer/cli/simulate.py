"""How does an author see the calendar that a reader lives through? Course simulate."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import click

from sequencer.cli import frame, shelf
from sequencer.content import courses as files
from sequencer.core import schedule, timing
from sequencer.core.model import Course, Pace, Preference
from sequencer.flows import simulate as flow
from sequencer.flows.simulate import Group, Reader, Row, Span

_PACES = {pace.replace(" ", "-"): pace for pace in Pace}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(2000, 2101)
_Parsed = TypeVar("_Parsed")


def _option(parse: Callable[[str], _Parsed]) -> Callable[..., _Parsed | None]:
    """A click callback that turns a refusal into one sentence."""

    def parsed(_ctx: click.Context, _param: click.Parameter, value: str | None) -> _Parsed | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(f'"{value}": {error}.') from error

    return parsed


def _zone(value: str) -> ZoneInfo:
    found = schedule.known_zone(value)
    if found is None:
        raise ValueError("write a time zone like Europe/London")
    return found


def _days(value: str) -> frozenset[int]:
    try:
        return timing.parse_days(value.replace(" ", "").split(","))
    except ValueError as error:
        raise ValueError("write weekdays like mon,thu") from error


def _hour(value: str) -> time:
    try:
        return timing.parse_hour(value)
    except ValueError as error:
        raise ValueError("write an hour like 08:00") from error


def _moment(value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(
            "write a date like 2026-12-24, or a time like 2026-12-24T09:30 or 2026-12-24T09:30Z"
        ) from error
    if found.year not in _YEARS:
        raise ValueError("write a year of this century")
    return found


def _span(value: str) -> Span:
    first, dots, last = value.partition("..")
    if not dots:
        raise ValueError("write two dates with dots between them, like 2026-12-24..2027-01-02")
    since, until = _moment(first), _moment(last)
    if _DATE.fullmatch(last):
        # The last day belongs to it.
        until += timedelta(days=1)
    if (since.tzinfo is None) is not (until.tzinfo is None):
        raise ValueError("give both ends a zone, or none")
    if until <= since:
        raise ValueError("it ends before it begins")
    return since, until


def _spans(_ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[Span, ...]:
    return tuple(span for span in (_option(_span)(_ctx, param, value) for value in values) if span is not None)


@click.command()
@click.argument("slug", required=False)
@click.option("--timezone", callback=_option(_zone), metavar="ZONE", help="Where the reader lives.")
@click.option(
    "--start", callback=_option(_moment), metavar="ISO", help="When they confirm; now, unless said otherwise."
)
@click.option(
    "--pause", "pauses", multiple=True, callback=_spans, metavar="A..B", help="They pause from A to B; repeatable."
)
@click.option(
    "--outage",
    "outages",
    multiple=True,
    callback=_spans,
    metavar="A..B",
    help="Nothing can go out from A to B; repeatable.",
)
@click.option(
    "--rest",
    "rests",
    multiple=True,
    callback=_spans,
    metavar="A..B",
    help='The course is paused from A to B, as by "course pause"; repeatable.',
)
@click.option("--pace", type=click.Choice([*_PACES]), help="The pace they choose for themselves.")
@click.option("--hour", callback=_option(_hour), metavar="HH:MM", help="The hour they choose.")
@click.option(
    "--days",
    callback=_option(_days),
    metavar="mon,thu",
    help="The weekdays they choose.",
)
@click.option("--all-zones", is_flag=True, help="Sum up every time zone there is.")
@frame.json_option
@click.pass_context
def simulate(
    ctx: click.Context,
    *,
    slug: str | None,
    timezone: ZoneInfo | None,
    start: datetime | None,
    pauses: tuple[Span, ...],
    outages: tuple[Span, ...],
    rests: tuple[Span, ...],
    pace: str | None,
    hour: time | None,
    days: frozenset[int] | None,
    all_zones: bool,
    as_json: bool,
) -> None:
    """Show when each lesson would arrive, from the files of a course; nothing is sent."""
    settings = frame.load_settings(ctx, only_looking=True)
    course = files.read(shelf.path(settings, slug))
    reader = Reader(
        start=start or frame.clock(),
        pauses=pauses,
        outages=outages,
        rests=rests,
        preference=Preference(send_at=hour, days=days, pace=_PACES[pace] if pace else None),
    )
    if all_zones:
        groups = flow.everywhere(course, reader)
        if as_json:
            frame.print_json([_group_json(group) for group in groups])
        else:
            _show_groups(course, groups)
        return
    zone = timezone or settings.default_timezone
    rows = flow.calendar(course, zone, reader)
    if as_json:
        frame.print_json([_row_json(row) for row in rows])
    else:
        _show(course, zone, rows)


def _row_json(row: Row) -> dict[str, object]:
    return {
        "lesson": row.lesson,
        "due_utc": row.due_at,
        "due_local": row.due_local,
        "note": "; ".join(row.notes),
    }


def _group_json(group: Group) -> dict[str, object]:
    rows = [
        {"lesson": row.lesson, "due_local": row.due_local.replace(tzinfo=None), "note": "; ".join(row.notes)}
        for row in group.rows
    ]
    return {"zones": group.zones, "clock_changes": flow.clock_changes(group.rows), "rows": rows}


def _show(course: Course, zone: ZoneInfo, rows: Sequence[Row]) -> None:
    click.echo(f"{course.title}, for a reader in {zone.key}{_window(course)}\n")
    table = frame.table("lesson", "their clock", "UTC", "note")
    for row in rows:
        table.add_row(str(row.lesson), _local(row.due_local), f"{row.due_at:%d %b %H:%M}", "; ".join(row.notes))
    frame.console.print(table)


def _show_groups(course: Course, groups: Sequence[Group]) -> None:
    zones = sum(len(group.zones) for group in groups)
    click.echo(f"{course.title}: {len(groups)} calendars in {zones} time zones{_window(course)}\n")
    table = frame.table("zones", "such as", "from", "until", "clock changes", "exceptions")
    for group in groups:
        odd = [f"lesson {row.lesson}: {note}" for row in group.rows for note in row.exceptions]
        table.add_row(
            str(len(group.zones)),
            group.zones[0],
            f"{group.rows[0].due_local:%Y-%m-%d}",
            f"{group.rows[-1].due_local:%Y-%m-%d}",
            str(flow.clock_changes(group.rows) or ""),
            "; ".join(odd),
        )
    frame.console.print(table)


def _local(at: datetime) -> str:
    return f"{at:%a %d %b %Y %H:%M}"


def _window(course: Course) -> str:
    minutes = course.rhythm.spread // timedelta(minutes=1)
    return f"; each person at a minute of their own, up to {minutes} minutes later" if minutes else ""
