"""How does the ledger of a restored backup learn what has gone out since? From senders' journals, or a relay's log."""

from collections.abc import Collection
from pathlib import Path
from typing import TextIO

import click

from sequencer.cli import frame
from sequencer.flows import reconcile as flow
from sequencer.flows import replay
from sequencer.flows.replay import Replayed
from sequencer.store import journal

_MOST_SHOWN = 50


@click.command()
@click.argument("log", type=click.File("r", encoding="utf-8", errors="replace"), required=False)
@click.option(
    "--journal",
    "folders",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    help="A folder of senders' journals; one for each machine that sends.",
)
@frame.json_option
@click.pass_context
def reconcile(ctx: click.Context, log: TextIO | None, folders: tuple[Path, ...], *, as_json: bool) -> None:
    """Tell the ledger what went out since the backup that was restored: from journals, or from a relay's log.

    Every message whose Message-ID stands in LOG, a relay's log or a list, is settled as sent; "-" reads stdin. Journals
    know more: also who began a course since, and how many have signed up. First "sequencer db restored", then this,
    then "sequencer resume".
    """
    if (log is None) == (not folders):
        raise click.UsageError("Say either LOG or --journal DIR.")
    if log is None:
        with frame.opened(ctx) as app:
            told = replay.replay(app.db, app.press.archive, journal.read(folders), now=app.clock())
        if as_json:
            frame.print_json(_plain(told))
        else:
            _tell(told)
        return
    ids = flow.message_ids(log)
    with frame.opened(ctx) as app:
        done = flow.reconcile(app.db, app.press, ids, now=app.clock())
    if as_json:
        frame.print_json({"message_ids": done.ids, "found": done.found, "people": done.people})
        return
    click.echo(
        f"Message-IDs in the log: {done.ids:,}; messages settled as sent: {done.found:,}; people: {done.people:,}."
    )


def _tell(told: Replayed) -> None:
    click.echo(
        f"Answers in the journals: {told.records:,}; messages settled: {told.settled:,}, written down anew: "
        f"{told.made:,}; people: {len(told.people):,}."
    )
    if told.unknown:
        click.echo(
            f"{len(told.unknown):,} people signed up after the backup, and the database does not know who they are: "
            f"{_named(told.unknown)}. Nobody else gets these numbers. The records of your forms, or the relay's log, "
            "may tell: ask them to sign up again."
        )
    if told.unconfirmed:
        click.echo(
            f"{len(told.unconfirmed):,} people confirmed after the backup: {_named(told.unconfirmed)}. Once they press "
            "the button of their mail again, or sign up again, they go on where they were."
        )
    if told.unpublished:
        click.echo(
            f"{len(told.unpublished):,} lessons were published after the backup: {_named(told.unpublished)}. Look at "
            '"sequencer course plan" before you resume.'
        )
    if told.unscheduled:
        click.echo(
            f"{len(told.unscheduled):,} issues of the newsletter were scheduled after the backup, which does not know "
            f"them: {_named(told.unscheduled)}. Nothing of them goes out by itself; scheduled again, an issue would "
            "come to everybody, also to those who have it."
        )


def _named(which: Collection[int]) -> str:
    shown = ", ".join(str(one) for one in sorted(which)[:_MOST_SHOWN])
    return f"{shown} …" if len(which) > _MOST_SHOWN else shown


def _plain(told: Replayed) -> dict[str, object]:
    return {
        "records": told.records,
        "settled": told.settled,
        "made": told.made,
        "people": len(told.people),
        "unknown_people": sorted(told.unknown),
        "unconfirmed_people": sorted(told.unconfirmed),
        "unpublished_lessons": sorted(told.unpublished),
        "unscheduled_issues": sorted(told.unscheduled),
    }
