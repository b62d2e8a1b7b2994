"""How does an author see what publishing will do, and what was published? Plan, history, rollback."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from sequencer import app as wiring
from sequencer.cli import frame
from sequencer.content import courses as files
from sequencer.core.edits import Change, Edit
from sequencer.core.model import EnrolmentState
from sequencer.errors import BadContent
from sequencer.flows import course as flow
from sequencer.flows import edits
from sequencer.flows.edits import Effect, Foresight, Reopened


@click.command()
@click.argument("slug")
@frame.json_option
@click.pass_context
def plan(ctx: click.Context, slug: str, *, as_json: bool) -> None:
    """Say what publishing the files of a course would do, to whom and when; nothing is done."""
    with frame.opened(ctx) as app:
        now = app.clock()
        wiring.prepare(app, now=now)
        read = files.read(_path(app.settings.root / app.settings.courses, slug))
        flow.check(read, app.templates, postal_address=app.settings.postal_address)
        seen = edits.foresee(app.db, read, now=now)
    if as_json:
        frame.print_json(_json(seen))
        return
    for line in sentences(seen):
        click.echo(line)


@click.command()
@click.argument("slug")
@frame.json_option
@click.pass_context
def history(ctx: click.Context, slug: str, *, as_json: bool) -> None:
    """List what was published of a course, the newest first."""
    with frame.opened(ctx) as app:
        found = flow.history(app.db, slug)
    older = [*found[1:], None]
    changes = [
        _summary(edits.between(before, one)) if before else "the first"
        for one, before in zip(found, older, strict=True)
    ]
    if as_json:
        frame.print_json(
            [
                {
                    "revision": one.number,
                    "published_at": one.published_at,
                    "lessons": len(one.lesson_ids),
                    "changes": change,
                }
                for one, change in zip(found, changes, strict=True)
            ]
        )
        return
    table = frame.table("revision", "published", "lessons", "what changed")
    for one, change in zip(found, changes, strict=True):
        table.add_row(str(one.number), f"{one.published_at:%Y-%m-%d %H:%M} UTC", str(len(one.lesson_ids)), change)
    frame.console.print(table)


@click.command()
@click.argument("slug")
@click.argument("number", type=int)
@click.pass_context
def rollback(ctx: click.Context, slug: str, number: int) -> None:
    """Publish once more what revision NUMBER said, as a new revision; the files stay as they are."""
    with frame.opened(ctx) as app:
        revision = flow.rollback(
            app.db, slug, number, app.templates, postal_address=app.settings.postal_address, now=app.clock()
        )
    if revision is None:
        click.echo(f"Revision {number} is what is published.")
    else:
        click.echo(f"Published revision {revision.number} of {slug}: what revision {number} said.")


def sentences(seen: Foresight) -> Iterator[str]:
    """What publishing would do, in plain words, a line each."""
    if not seen.number:
        yield "Nothing has changed since the last revision."
        return
    yield f"Revision {seen.number} of {seen.slug} would bring:"
    yield from (f"  {_edit(one)}" for one in seen.edits)
    if not seen.edits:
        yield "  no change of a lesson"
    people = [line for one in seen.effects for line in _effect(one)] + list(_reopened(seen.reopened))
    yield "For people:" if people else "Nobody is on this course yet."
    yield from (f"  {line}" for line in people)
    if seen.retimed:
        yield f"  {_count(seen.retimed)} at another hour than planned so far."
    if people:
        yield f"  {_twice(seen.twice)}"
    yield f'Nothing has been done yet; "sequencer course apply {seen.slug}" publishes it.'


def _edit(one: Edit) -> str:
    where = {
        Change.ADDED: f"as lesson {one.after}",
        Change.REMOVED: f"was lesson {one.before}",
        Change.MOVED: f"from {one.before} to {one.after}",
    }.get(one.change, f"lesson {one.after}")
    return f'{one.change}: "{one.subject}" ({where})'


def _effect(one: Effect) -> Iterator[str]:
    """What one crowd gets."""
    who, when = _count(one.people), _between(one.first_due, one.last_due)
    stopped = " when they come back" if one.state is EnrolmentState.STOPPED else ""
    if not one.after and not one.before:
        yield f"{who} and had all lessons there were; nothing more is due to them."
    elif not one.after:
        yield f'{who} for "{one.before}", and would have finished instead.'
    elif one.is_same:
        yield f'{who} for "{one.after}" and get it as before{when}{stopped}.'
    elif one.before:
        yield f'{who} for "{one.before}" and get "{one.after}" instead{when}{stopped}.'
    else:
        yield f'{who} and go on with "{one.after}"{when}{stopped}.'
    for missed in one.missed:
        yield f'  they are past "{missed}" and do not get it.'
    for added in one.added:
        yield f'  they get the new "{added}" later.'


def _reopened(one: Reopened) -> Iterator[str]:
    if one.people:
        who = "1 person who had finished gets" if one.people == 1 else f"{one.people:,} people who had finished get"
        yield f"{who} what was added{_between(one.first_due, one.last_due)}."


def _count(people: int) -> str:
    return "1 person waits" if people == 1 else f"{people:,} people wait"


def _between(first: datetime | None, last: datetime | None) -> str:
    """When, in the clock that everybody shares; people's own hours lie on both sides of midnight."""
    if first is None or last is None:
        return ""
    if first == last:
        return f", on {first:%a %d %B at %H:%M} UTC"
    return f", from {first:%a %d %B %H:%M} to {last:%a %d %B %H:%M} UTC"


def _twice(people: int) -> str:
    return f"{people:,} get two lessons on one day, as the gap is in hours." if people else "Nobody gets two in a day."


def _summary(changes: tuple[Edit, ...]) -> str:
    counts = {change: sum(one.change is change for one in changes) for change in Change}
    return ", ".join(f"{number} {change}" for change, number in counts.items() if number) or "settings only"


def _json(seen: Foresight) -> dict[str, object]:
    return {
        "course": seen.slug,
        "revision": seen.number,
        "edits": [
            {"change": one.change, "key": one.key, "subject": one.subject, "before": one.before, "after": one.after}
            for one in seen.edits
        ],
        "people": [
            {
                "people": one.people,
                "state": one.state,
                "place": one.place,
                "waited_for": one.before,
                "get": one.after,
                "first_due": one.first_due,
                "last_due": one.last_due,
                "get_later": list(one.added),
                "do_not_get": list(one.missed),
            }
            for one in seen.effects
        ],
        "finishers": {
            "people": seen.reopened.people,
            "first_due": seen.reopened.first_due,
            "last_due": seen.reopened.last_due,
        },
        "retimed": seen.retimed,
        "two_in_a_day": seen.twice,
    }


def _path(folder: Path, slug: str) -> Path:
    """The folder of a course. Raises BadContent where there is none."""
    found = {path.name: path for path in files.find(folder)}
    if slug not in found:
        raise BadContent(f'{folder}: there is no course "{slug}"; there is {", ".join(sorted(found)) or "none"}.')
    return found[slug]
