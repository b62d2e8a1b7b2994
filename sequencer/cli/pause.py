"""How does an admin stop the mail, and let it go on? Everything, or one course."""

import click

from sequencer.cli import frame
from sequencer.flows import pauses

_reason = click.option(
    "--reason", default="an admin said so", show_default=True, help="Kept, and shown to whoever asks."
)


@click.command()
@_reason
@click.pass_context
def pause(ctx: click.Context, reason: str) -> None:
    """Stop all mail: nothing more is claimed until "resume"; sign-ups are taken, and wait."""
    with frame.opened(ctx) as app:
        pauses.stop(app.db, reason=reason, now=app.clock())
    click.echo('Everything is paused; "sequencer resume" lets it go on.')


@click.command()
@click.pass_context
def resume(ctx: click.Context) -> None:
    """Let the mail go on: each person gets what is due, one lesson a gap."""
    with frame.opened(ctx) as app:
        stood = pauses.go_on(app.db)
    click.echo("The mail goes on." if stood else "Nothing was paused.")


@click.command("pause")
@click.argument("slug")
@_reason
@click.pass_context
def pause_course(ctx: click.Context, slug: str, reason: str) -> None:
    """Stop one course: nobody gets a lesson of it until "course resume"."""
    with frame.opened(ctx) as app:
        new = pauses.pause_course(app.db, slug, reason=reason, now=app.clock())
    click.echo(f"The course {slug} is paused." if new else f"The course {slug} was paused already.")


@click.command("resume")
@click.argument("slug")
@click.pass_context
def resume_course(ctx: click.Context, slug: str) -> None:
    """Let one course go on: who was held gets the next lesson at their next hour."""
    with frame.opened(ctx) as app:
        people = pauses.resume_course(app.db, slug, now=app.clock())
    if people is None:
        click.echo(f"The course {slug} was not paused.")
    else:
        click.echo(f"The course {slug} goes on; {people} {'person' if people == 1 else 'people'} had been held.")
