"""What do all commands share? Settings and App, JSON or tables, the clock, and logs for the operator."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sequencer import settings as settings_file
from sequencer.app import App, open_app, prepare_database
from sequencer.settings import Settings

console = Console(highlight=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


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
    app = open_app(load_settings(ctx), clock=clock)
    try:
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


def log_to_stderr(level: int = logging.INFO) -> None:
    """One line an event: time, level, name, then what belongs to it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_EventFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sequencer").setLevel(level)
    # That a tick was skipped because the last one still runs is as it should be.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # What is wrong with an engine is said by us in a sentence, once; they would say it at every try.
    for name in ("procrastinate", "psycopg.pool", "celery", "kombu", "amqp"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _EventFormatter(logging.Formatter):
    """`2026-11-22T08:00:01Z INFO delivery.accepted delivery=12`; values that hold spaces are quoted as in JSON."""

    def format(self, record: logging.LogRecord) -> str:
        instant = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        fields = "".join(f" {key}={_value(value)}" for key, value in extra.items())
        line = f"{instant} {record.levelname} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _value(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else json.dumps(text, ensure_ascii=False)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
