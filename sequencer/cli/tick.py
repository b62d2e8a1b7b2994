"""How does an admin send what is due, once? For cron, for tests, and for rehearsals at another hour."""

from datetime import datetime

import click

from sequencer import app as wiring
from sequencer.cli import arguments, frame, logs
from sequencer.flows import calling, dispatch


@click.command()
@click.option(
    "--now", callback=arguments.an_instant, metavar="ISO", help="Pretend that it is then (UTC unless it says a zone)."
)
@frame.json_option
@click.pass_context
def tick(ctx: click.Context, now: datetime | None, *, as_json: bool) -> None:
    """Send what is due, once, tidy up, and exit. Exit code 1 where the relay could not be used."""
    logs.to_stderr()
    with frame.opened(ctx) as app:
        instant = now or app.clock()
        _warn_of_changes(wiring.prepare(app, now=instant))
        wiring.tidy(app, now=instant)
        done = dispatch.tick(
            app.db,
            app.courier,
            app.press,
            now=instant,
            intent=app.settings.intent,
            apart=app.settings.apart,
            journal=app.journal,
            newsletter_share=app.settings.newsletter_share,
        )
        calling.call_all(app.db, app.caller, clock=lambda: instant)
    if as_json:
        frame.print_json(
            {
                "now": instant,
                "recovered": done.recovered,
                "accepted": done.accepted,
                "deferred": done.deferred,
                "rejected": done.rejected,
                "uncertain": done.uncertain,
                "trouble": done.trouble,
            }
        )
    else:
        click.echo(
            f"accepted {done.accepted}, deferred {done.deferred}, rejected {done.rejected}, "
            f"uncertain {done.uncertain}, recovered {done.recovered}"
        )
    if done.paused:
        click.echo(f'Everything is paused ({done.paused}); "sequencer resume" lets it go on.', err=True)
    if done.trouble:
        raise click.ClickException(done.trouble)


def _warn_of_changes(changed: tuple[str, ...]) -> None:
    for slug in changed:
        click.echo(
            f'The files of the course "{slug}" differ from what is published; "sequencer course apply {slug}" '
            "publishes them.",
            err=True,
        )
