"""How does an admin look after the addresses that get no more mail? List them, add one, and take one off the list."""

import click

from sequencer.cli import arguments, frame
from sequencer.core.model import REPORTED, Address, SuppressionReason
from sequencer.flows import disown, silence


@click.group()
def suppression() -> None:
    """List the addresses that get no more mail; put one on the list, or take one off it."""


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
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in REPORTED]),
    required=True,
    help="complaint: the owner reported our mail as spam. bounce: there is no such address. manual: anything else.",
)
@click.option("--detail", default="", callback=arguments.a_line, help="What is to be remembered of it, in one line.")
@click.pass_context
def add(ctx: click.Context, email: Address, reason: str, detail: str) -> None:
    """Put an address on the list: nothing more is sent there, and what is queued for it is not sent either."""
    with frame.opened(ctx) as app:
        why = SuppressionReason(reason)
        found, is_new = silence.suppress(app.db, email, why, detail=detail, now=app.clock())
    if is_new:
        click.echo(f"{email.normalized} is on the suppression list ({found.reason}). Nothing more is sent there.")
    else:
        click.echo(f"{email.normalized} is on the list since {found.created_at:%Y-%m-%d} ({found.reason}) already.")


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
