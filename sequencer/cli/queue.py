"""How does an admin see how the queue stands? What is due, what waits and why, and what stands still."""

from collections.abc import Sequence
from datetime import timedelta

import click

from sequencer.cli import frame
from sequencer.cli.pause import plain, undoing
from sequencer.core.model import DeliveryState
from sequencer.flows import queue as flow
from sequencer.flows.queue import Lessons, Status
from sequencer.store.queue import Count, Waiting

_WHY = {
    DeliveryState.QUEUED: "first try",
    DeliveryState.DEFERRED: "another try",
    DeliveryState.UNCERTAIN: "once more, as nobody knows",
}


@click.group()
def queue() -> None:
    """Show what is due, what waits and why, and what stands still."""


@queue.command()
@frame.json_option
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show how the queue stands now; asking reads small indexes only, however long the list is."""
    with frame.opened(ctx) as app:
        found = flow.status(app.db, now=app.clock())
    if as_json:
        frame.print_json(_plain(found))
    else:
        _show(found)


def _show(found: Status) -> None:
    lessons, held = found.lessons, found.held
    if found.shards:
        _show_shards(found.shards)
    late = f", the first for {_length(lessons.lag)}" if lessons.lag else ""
    click.echo(f"Lessons: {lessons.due} due{late}; {lessons.hour} within the hour, {lessons.day} within the day.")
    click.echo(
        f"Senders hold {held.claimed + held.sending:,}: {held.claimed:,} claimed, {held.sending:,} on the wire, "
        f"{held.expired:,} for longer than their lease."
    )
    hold = f'; {found.on_hold:,} of them for you ("sequencer delivery list --state uncertain")' if found.on_hold else ""
    click.echo(f"Uncertain: {found.uncertain}{hold}.")
    for one in found.still:
        click.echo(f'{one}; "{undoing(one)}" lets it go on.')
    if not found.waiting:
        click.echo("Nothing waits in the ledger.")
        return
    table = frame.table("waiting", "for", "messages", "due now")
    for row in found.waiting:
        table.add_row(row.kind, _WHY[row.state], f"{row.number:,}", f"{row.due:,}")
    frame.console.print(table)
    if found.more_waiting:
        click.echo("More wait than were counted.")


def _show_shards(shards: Sequence[Lessons]) -> None:
    table = frame.table("shard", "due", "within the hour", "within the day", "the first for")
    for number, one in enumerate(shards):
        table.add_row(str(number), str(one.due), str(one.hour), str(one.day), _length(one.lag) if one.lag else "")
    frame.console.print(table)


def _length(time: timedelta) -> str:
    return str(timedelta(seconds=int(time.total_seconds())))


def _plain(found: Status) -> dict[str, object]:
    return {
        "now": found.now,
        "lessons": _lessons(found.lessons),
        "shards": [{"shard": number, **_lessons(one)} for number, one in enumerate(found.shards)],
        "waiting": [_waiting(row) for row in found.waiting],
        "more_waiting": found.more_waiting,
        "held": {"claimed": found.held.claimed, "sending": found.held.sending, "expired": found.held.expired},
        "uncertain": {**_count(found.uncertain), "on_hold": found.on_hold},
        "still": [plain(one) for one in found.still],
    }


def _lessons(lessons: Lessons) -> dict[str, object]:
    return {
        "due": _count(lessons.due),
        "hour": _count(lessons.hour),
        "day": _count(lessons.day),
        "lag_seconds": int(lessons.lag.total_seconds()),
    }


def _waiting(row: Waiting) -> dict[str, object]:
    return {"kind": row.kind, "state": row.state, "number": row.number, "due": row.due}


def _count(count: Count) -> dict[str, object]:
    return {"number": count.number, "more": count.more}
