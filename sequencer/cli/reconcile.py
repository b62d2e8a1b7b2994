"""How does the ledger of a restored backup learn what has gone out since? From a relay's log."""

from typing import TextIO

import click

from sequencer.cli import frame
from sequencer.flows import reconcile as flow


@click.command()
@click.argument("log", type=click.File("r", encoding="utf-8", errors="replace"))
@frame.json_option
@click.pass_context
def reconcile(ctx: click.Context, log: TextIO, *, as_json: bool) -> None:
    """Settle as sent every message whose Message-ID stands in LOG, a relay's log or a list; "-" reads stdin.

    After restoring a backup: "sequencer pause", then this, then "sequencer resume".
    """
    ids = flow.message_ids(log)
    with frame.opened(ctx) as app:
        done = flow.reconcile(app.db, app.press, ids, now=app.clock())
    if as_json:
        frame.print_json({"message_ids": done.ids, "found": done.found, "people": done.people})
        return
    click.echo(
        f"Message-IDs in the log: {done.ids:,}; lessons settled as sent: {done.found:,}; people: {done.people:,}."
    )
