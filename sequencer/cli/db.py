"""How does an admin look after the database?"""

import click

from sequencer import app as wiring
from sequencer.cli import frame


@click.group()
def db() -> None:
    """Bring the database to the newest shape."""


@db.command()
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Make or change the tables as this version needs them; safe to run twice."""
    with frame.opened_as_it_is(ctx) as app:
        ran = wiring.upgrade(app)
    click.echo(f"Applied {', '.join(ran)}." if ran else "The database is of the newest shape already.")
