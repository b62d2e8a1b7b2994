"""How does an admin answer who asks what we keep of them, or wants it gone? Export and erase."""

import json

import click

from sequencer.cli import arguments, frame
from sequencer.core.model import Address
from sequencer.flows import erase as erasing
from sequencer.flows import export as exporting
from sequencer.flows import report


@click.command()
@arguments.email_argument
@click.pass_context
def export(ctx: click.Context, email: Address) -> None:
    """Print all that is kept of a person, as JSON; docs/data.md says what each part is."""
    with frame.opened(ctx) as app:
        person = report.find(app.db, email)
        found = exporting.export(app.db, person.id, now=app.clock())
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@click.command()
@arguments.email_argument
@click.option("--never-again", is_flag=True, help="Keep the address on the suppression list: nobody can sign it up.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def erase(ctx: click.Context, email: Address, *, never_again: bool, yes: bool) -> None:
    """Erase a person with all that is kept of them; it cannot be undone."""
    with frame.opened(ctx) as app:
        person = report.find(app.db, email)
        if not yes:
            click.confirm(f"Erase {email.normalized} with all that is kept of them?", abort=True, err=True)
        erasing.erase(app.db, person.id, for_good=never_again, now=app.clock())
    kept = ", and is on the suppression list" if never_again else ""
    click.echo(f"{email.normalized} is erased{kept}.")
