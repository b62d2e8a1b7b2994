"""How does an author look after courses? List, lint, preview, apply."""

from pathlib import Path

import click

from sequencer import app as wiring
from sequencer.cli import frame
from sequencer.content import courses as files
from sequencer.content.templates import Templates
from sequencer.errors import BadContent
from sequencer.flows import course as flow
from sequencer.settings import Settings
from sequencer.web import asgi, preview


@click.group()
def course() -> None:
    """List, check, look at and publish courses."""


@course.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the courses: lessons, what is published, and how many people are where."""
    with frame.opened(ctx) as app:
        wiring.prepare(app, now=app.clock())
        found = flow.catalogue(app.db, _folder(app.settings))
    if as_json:
        frame.print_json(
            [
                {
                    "course": one.slug,
                    "title": one.title,
                    "lessons": one.lessons,
                    "revision": one.revision,
                    "changed": one.changed,
                    "people": {state.value: number for state, number in one.people.items()},
                }
                for one in found
            ]
        )
        return
    table = frame.table("course", "title", "lessons", "published", "people")
    for one in found:
        published = f"revision {one.revision}" + (", files have changed" if one.changed else "")
        people = ", ".join(f"{number} {state}" for state, number in one.people.items()) or "none"
        table.add_row(one.slug, one.title, str(one.lessons), published, people)
    frame.console.print(table)


@course.command()
@click.argument("slug", required=False)
@frame.json_option
@click.pass_context
def lint(ctx: click.Context, slug: str | None, *, as_json: bool) -> None:
    """Check the files of one course, or of all; exit code 1 where something is wrong."""
    settings = frame.load_settings(ctx, only_looking=True)
    templates = _templates(settings)
    findings = [
        (path.name, one)
        for path in _paths(settings, slug)
        for one in flow.lint(path, templates, postal_address=settings.postal_address)
    ]
    if as_json:
        frame.print_json([{"course": name, "where": one.where, "sentence": one.sentence} for name, one in findings])
    for _, one in () if as_json else findings:
        click.echo(f"{one.where}: {one.sentence}")
    if findings:
        ctx.exit(1)
    if not as_json:
        click.echo("All is well.")


@course.command("preview")
@click.argument("slug", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8025,
    show_default=True,
    help="Of the pages, on this machine only; 0 chooses a free one.",
)
@click.pass_context
def preview_(ctx: click.Context, slug: str | None, port: int) -> None:
    """Look at the lessons in a browser as they are in the files now; reload the page after an edit."""
    settings = frame.load_settings(ctx, only_looking=True)
    path = _paths(settings, slug)[0]
    files.read(path)
    site = preview.build(path, _templates(settings), postal_address=settings.postal_address)
    with asgi.listen("127.0.0.1", port, instead="choose another with --port") as on:
        click.echo(f"{path.name}: http://127.0.0.1:{on.getsockname()[1]}/ (Ctrl-C ends)")
        asgi.run(site, on)


@course.command()
@click.argument("slug")
@click.pass_context
def apply(ctx: click.Context, slug: str) -> None:
    """Publish the files of a course as a new revision; from then on this is what goes out."""
    with frame.opened(ctx) as app:
        now = app.clock()
        wiring.prepare(app, now=now)
        read = files.read(_paths(app.settings, slug)[0])
        revision = flow.publish(app.db, read, app.templates, postal_address=app.settings.postal_address, now=now)
    if revision is None:
        click.echo("Nothing has changed since the last revision.")
    else:
        click.echo(f"Published revision {revision.number} of {slug}: {len(revision.lesson_ids)} lessons.")


def _folder(settings: Settings) -> Path:
    return settings.root / settings.courses


def _templates(settings: Settings) -> Templates:
    return Templates(settings.root / settings.templates if settings.templates else None)


def _paths(settings: Settings, slug: str | None) -> tuple[Path, ...]:
    """The folder of one course, or all of them. Raises BadContent where there is none."""
    found = files.find(_folder(settings))
    chosen = tuple(path for path in found if slug in (None, path.name))
    if not chosen:
        there = ", ".join(path.name for path in found) or "none"
        raise BadContent(f'{_folder(settings)}: there is no course "{slug or ""}"; there is {there}.')
    return chosen
