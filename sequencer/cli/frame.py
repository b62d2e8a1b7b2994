"""What do all commands share? Settings and App, JSON or tables, and the clock."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sequencer import settings as settings_file
from sequencer.app import App, by_shared_clock, open_app, prepare_database
from sequencer.cli import logs
from sequencer.settings import Settings

console = Console(highlight=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def clock() -> datetime:
    """Now, aware and in UTC: read here, by a door, and nowhere below."""
    return datetime.now(UTC)


def load_settings(ctx: click.Context, *, only_looking: bool = False) -> Settings:
    """The settings of --config, or of sequencer.toml in this folder, or of the environment alone.

    Whoever is `only_looking` at courses need not have filled in yet what sending needs.
    """
    path: Path | None = ctx.find_root().obj
    if path is None and Path(settings_file.FILE_NAME).is_file():
        path = Path(settings_file.FILE_NAME)
    return settings_file.load(path, os.environ, samples=settings_file.SAMPLES if only_looking else None)


@contextmanager
def opened(ctx: click.Context) -> Iterator[App]:
    """The app, its tables made or checked; closed at the end."""
    with opened_as_it_is(ctx) as app:
        prepare_database(app)
        yield app


@contextmanager
def opened_as_it_is(ctx: click.Context) -> Iterator[App]:
    """The app, whatever shape its database has; closed at the end."""
    settings = load_settings(ctx)
    logs.write_as(settings.log_format)
    app = open_app(settings, clock=clock)
    try:
        app = by_shared_clock(app)
        yield app
    finally:
        app.close()


def print_json(value: object) -> None:
    """One JSON document on stdout; datetimes as ISO 8601."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def table(*columns: str) -> Table:
    """An empty table in the house's style."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column)
    return made


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
