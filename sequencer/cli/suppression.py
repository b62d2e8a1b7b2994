"""How does an admin look after the addresses that get no more mail? List them, and take one off the list."""

import click

from sequencer.cli import arguments, frame
from sequencer.core.model import Address
from sequencer.flows import disown


@click.group()
def suppression() -> None:
    """List the addresses that get no more mail; take one off the list."""


@suppression.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the addresses that get no more mail, and why; with --json one object a line."""
    with frame.opened(ctx) as app:
        found = disown.suppressed(app.db)
        if as_json:
            for one in found:
                frame.print_json(
                    {
                        "address": one.normalized,
                        "reason": one.reason.value,
                        "detail": one.detail,
                        "since": one.created_at,
                    }
                )
            return
        table = frame.table("address", "reason", "since", "detail")
        for one in found:
            table.add_row(one.normalized, one.reason.value, f"{one.created_at:%Y-%m-%d}", one.detail)
    frame.console.print(table)


@suppression.command()
@arguments.email_argument
@click.pass_context
def remove(ctx: click.Context, email: Address) -> None:
    """Take an address off the list: its owner may sign up again, and nothing is sent before they confirm."""
    with frame.opened(ctx) as app:
        found = disown.lift(app.db, email, now=app.clock())
    click.echo(
        f"{email.normalized} was suppressed on {found.created_at:%Y-%m-%d} ({found.reason}): {found.detail}\n"
        "It is off the list. Nothing is sent there before its owner signs up again and confirms."
    )
