"""How does an admin look after the database? Bring it to the newest shape, and move it into another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sequencer import app as wiring
from sequencer.cli import frame
from sequencer.engine import choose
from sequencer.flows import pauses
from sequencer.flows.copying import Copied, Told
from sequencer.store import partition as partitions
from sequencer.store.partition import SHARDS


@click.group()
def db() -> None:
    """Bring the database to the newest shape; move it into another one."""


@db.command()
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Make or change the tables as this version needs them; safe to run twice."""
    with frame.opened_as_it_is(ctx) as app:
        ran = wiring.upgrade(app)
        choose.open_engine(app, app.settings.engine).prepare()
    click.echo(f"Applied {', '.join(ran)}." if ran else "The database is of the newest shape already.")


@db.command()
@click.option("--from", "source", metavar="URL", help="The database to copy; that of the settings unless said.")
@click.option("--to", "target", metavar="URL", required=True, help="An empty database; its tables are made.")
@click.option("--rehearse", is_flag=True, help="Copy while the service runs; nobody can serve from that copy.")
@click.option("--replace-copy", is_flag=True, help="Take an earlier copy out: rehearsed, or not come to its end.")
@frame.json_option
@click.pass_context
def copy(
    ctx: click.Context, source: str | None, target: str, *, rehearse: bool, replace_copy: bool, as_json: bool
) -> None:
    """Copy everything into another database, SQLite or PostgreSQL, and compare: rows and checksums of each table.

    The service is stopped first (PostgreSQL: and everything paused). Afterwards both are paused: set database_url to
    the new one, start, and "sequencer resume". Passwords of PostgreSQL are best left to PGPASSWORD or ~/.pgpass.
    """
    root = Path.cwd()
    if source is None:
        settings = frame.load_settings(ctx)
        source, root = settings.database_url, settings.root
    with wiring.two_databases(source, target, root=root) as (here, there), _progress() as told:
        done = wiring.copy_database(here, there, now=frame.clock(), rehearse=rehearse, replace=replace_copy, told=told)
    if as_json:
        frame.print_json(_shown(done))
    else:
        _tell(done)


@db.command()
@click.pass_context
def restored(ctx: click.Context) -> None:
    """Say that the database was restored from a backup: everything is paused until what went out since is known."""
    with frame.opened(ctx) as app:
        pauses.stop(app.db, reason="Restored from a backup; what went out since is not known yet", now=app.clock())
        folder = app.journal.folder if app.journal else "DIR"
    click.echo(
        "Everything is paused. Tell the ledger what went out since, from the journals of all machines that send:\n"
        f"  sequencer reconcile --journal {folder}\n"
        "  sequencer resume"
    )


@contextmanager
def _progress() -> Iterator[Told]:
    """A bar for each table, where somebody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        known = {}

        def told(name: str, done: int, everything: int) -> None:
            if name not in known:
                known[name] = bars.add_task(name, total=everything)
            bars.update(known[name], completed=done)

        yield told


def _tell(done: Copied) -> None:
    table = frame.table("table", "rows", "checksum")
    for one in done.tables:
        table.add_row(one.name, f"{one.rows:,}", one.checksum)
    frame.console.print(table)
    click.echo(
        "Both are the same. It was a rehearsal: the service goes on where it is, and nobody can serve from the copy."
        if done.rehearsal
        else 'Both are the same, and both are paused: set database_url to the new one, start, and "sequencer resume".'
    )


def _shown(done: Copied) -> dict[str, object]:
    tables = [{"name": one.name, "rows": one.rows, "checksum": one.checksum} for one in done.tables]
    return {"rehearsal": done.rehearsal, "rows": done.rows, "tables": tables}


@db.command()
@click.option("--shards", type=click.IntRange(2, 64), default=SHARDS, show_default=True, help="How many parts.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--rehearse", is_flag=True, help="Do all of it, and take it back: it locks and lasts as long.")
@click.pass_context
def partition(ctx: click.Context, shards: int, *, dry_run: bool, rehearse: bool) -> None:
    """Divide a PostgreSQL database: people's places into shards, for many workers, and the ledger into months.

    Stop the service first: nobody else reads or writes those tables meanwhile. All of it is done, or nothing.
    """
    with frame.opened(ctx) as app:
        size = partitions.sizes(app.db)
        click.echo(f"{size.places:,} places ({size.copied}) are copied into {shards} shards.")
        click.echo(f"{size.messages:,} messages stay where they are and are read once; new ones go to their month.")
        if dry_run:
            click.echo("Nothing was done.")
            return
        partitions.divide(app.db, parts=shards, rehearse=rehearse)
    click.echo("It works, and was taken back." if rehearse else "The database is partitioned.")
