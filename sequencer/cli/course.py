"""How does an author look after courses? List, lint and publish; trying out and revisions stand beside this."""

import click

from sequencer import app as wiring
from sequencer.cli import author, frame, lint, pause, rehearse, revisions, shelf, simulate
from sequencer.content import courses as files
from sequencer.flows import course as flow


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
        found = flow.catalogue(app.db, shelf.folder(app.settings))
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
@click.argument("slug")
@click.pass_context
def apply(ctx: click.Context, slug: str) -> None:
    """Publish the files of a course as a new revision; from then on this is what goes out."""
    with frame.opened(ctx) as app:
        now = app.clock()
        wiring.prepare(app, now=now)
        path = shelf.paths(app.settings, slug)[0]
        postal = app.settings.postal_address
        revision = flow.publish(app.db, files.read(path), app.templates, postal_address=postal, now=now, folder=path)
    if revision is None:
        click.echo("Nothing has changed since the last revision.")
    else:
        click.echo(f"Published revision {revision.number} of {slug}: {len(revision.lesson_ids)} lessons.")


for _command in (
    lint.lint,
    rehearse.preview,
    rehearse.send_test,
    revisions.plan,
    revisions.history,
    revisions.rollback,
    pause.pause_course,
    pause.resume_course,
    author.build,
    author.new,
    author.import_,
    simulate.simulate,
):
    course.add_command(_command)
