"""How does an admin look into the ledger? List it, and settle what is uncertain."""

import click

from sequencer.cli import frame
from sequencer.core.model import DeliveryId, DeliveryState
from sequencer.flows import doubt, report
from sequencer.flows.doubt import Finding
from sequencer.flows.outlook import Sent


@click.group()
def delivery() -> None:
    """List the ledger; settle what is uncertain."""


@delivery.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in DeliveryState]), help="Only messages in this state."
)
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, state: str | None, *, as_json: bool) -> None:
    """List messages in the order in which they were made; with --json one object a line."""
    with frame.opened(ctx) as app:
        found = report.ledger(app.db, state=DeliveryState(state) if state else None)
        if as_json:
            for sent in found:
                frame.print_json(_message(sent))
            return
        table = frame.table("id", "state", "what", "tries", "person", "again", "the relay said")
        for sent in found:
            row = sent.delivery
            again = f"{row.due_at:%Y-%m-%d %H:%M} UTC" if row.due_at else ""
            table.add_row(str(row.id), row.state, sent.what, str(row.attempt), str(row.subscriber_id), again, row.reply)
    frame.console.print(table)


@delivery.command()
@click.argument("number", type=int)
@click.option("--as", "finding", type=click.Choice([one.value for one in Finding]), required=True, help="What it was.")
@click.pass_context
def resolve(ctx: click.Context, number: int, finding: str) -> None:
    """Settle the uncertain message NUMBER as sent or failed, or send it again with the next pass."""
    with frame.opened(ctx) as app:
        which = DeliveryId(number)
        doubt.resolve(app.db, app.press.archive, which, Finding(finding), now=app.clock())
    click.echo(f"Message {number} is sent again soon." if finding == "again" else f"Message {number} is {finding}.")


def _message(sent: Sent) -> dict[str, object]:
    row = sent.delivery
    return {
        "id": row.id,
        "state": row.state.value,
        "what": sent.what,
        "subscriber": row.subscriber_id,
        "attempts": row.attempt,
        "doubts": row.doubts,
        "due_at": row.due_at,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "relay": row.relay,
        "reply": row.reply,
    }
