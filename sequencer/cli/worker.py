"""How does an admin run what a service needs besides the web door? Workers that send, clocks that tick."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sequencer import app as wiring
from sequencer import worker as metronomes
from sequencer.app import App
from sequencer.cli import frame, logs
from sequencer.cli.serve import shown
from sequencer.engine import choose
from sequencer.engine.drain import Crew
from sequencer.engine.ending import Ending
from sequencer.engine.port import Engine
from sequencer.flows import roster
from sequencer.flows.roster import Present
from sequencer.flows.timekeeping import TOLERANCE
from sequencer.values import EngineName
from sequencer.watch import door as watch

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 10  # drains: each may hold three connections to the database at a time
_engine_option = click.option(
    "--engine",
    type=click.Choice([str(name) for name in EngineName]),
    help='Who tells us where to look; the option "engine" unless said otherwise.',
)


@click.group(invoke_without_command=True)
@_engine_option
@click.option(
    "--concurrency",
    type=click.IntRange(1, _MOST_AT_ONCE),
    default=1,
    show_default=True,
    help="How many shards to drain at once; each has connections of its own to the relays.",
)
@click.pass_context
def worker(ctx: click.Context, engine: str | None, concurrency: int) -> None:
    """Send what is due, without a web door, until SIGTERM or Ctrl-C; what is on the wire is finished first.

    Start as many as you like, on as many machines as you like; a process keeps one core busy.
    """
    if ctx.invoked_subcommand is not None:
        return
    with _opened(ctx, engine) as (app, name, carrier):
        ending = Ending()
        crew = Crew(app, *(wiring.another(app) for _ in range(1, concurrency)), ending=ending)
        log.info("worker.started", extra={**shown(app.settings), "engine": name, "concurrency": concurrency})
        asyncio.run(
            metronomes.run(
                app,
                metronomes.this_process("worker", engine=name, concurrency=concurrency),
                lambda beat: metronomes.of_worker(app, carrier, beat, ending=ending),
                lambda: carrier.run_worker(crew.drain, concurrency=concurrency, ending=ending),
                ending=ending,
            )
        )
        log.info("worker.stopped")


@click.command()
@_engine_option
@click.pass_context
def clock(ctx: click.Context, engine: str | None) -> None:
    """Give hints to workers, call webhooks and tidy up, until SIGTERM or Ctrl-C; sends nothing.

    Run one or several: none of them leads, and two do no harm.
    """
    with _opened(ctx, engine) as (app, name, carrier):
        ending = Ending()
        # In one process nobody else would hear a hint: workers look by themselves there.
        told = None if name is EngineName.IN_PROCESS else carrier
        log.info("clock.started", extra={**shown(app.settings), "engine": name})
        asyncio.run(
            metronomes.run(
                app,
                metronomes.this_process("clock", engine=name),
                lambda beat: metronomes.of_clock(app, told, beat, ending=ending),
                ending.wait,
                ending=ending,
            )
        )
        log.info("clock.stopped")


@worker.command("list")
@frame.json_option
@click.pass_context
def list_workers(ctx: click.Context, *, as_json: bool) -> None:
    """List the processes that serve, send or tick, and since when those that fell silent are."""
    with frame.opened(ctx) as app:
        present = roster.listed(app.db)
    if as_json:
        frame.print_json([_as_json(one) for one in present])
        return
    shown = frame.table("id", "what", "engine", "host", "pid", "since", "state", "version")
    for one in present:
        row, post = one.worker, one.worker.post
        what = f"{post.kind}, {post.concurrency} at once" if post.kind == "worker" else post.kind
        state = "alive" if one.alive else f"silent for {int(row.silent_for.total_seconds())} s"
        if one.alive and row.clock_ahead is not None and abs(row.clock_ahead) > TOLERANCE:
            seconds = int(row.clock_ahead.total_seconds())
            state += f", clock {abs(seconds)} s {'ahead' if seconds > 0 else 'behind'}"
        since = f"{row.started_at:%Y-%m-%d %H:%M}"
        shown.add_row(str(row.id), what, post.engine, post.host, str(post.pid), since, state, post.version)
    frame.console.print(shown if present else "No process is on the roster.")


@contextmanager
def _opened(ctx: click.Context, engine: str | None) -> Iterator[tuple[App, EngineName, Engine]]:
    """The app with the engine that is asked for, ready for hints; closed at the end."""
    logs.to_stderr()
    with frame.opened(ctx) as app:
        wiring.look_into_journal(app, now=app.clock())
        name = EngineName(engine) if engine else app.settings.engine
        carrier = choose.open_engine(app, name)
        try:
            carrier.prepare()
            with watch.watched(app):
                yield app, name, carrier
        finally:
            carrier.close()


def _as_json(one: Present) -> dict[str, object]:
    row, post = one.worker, one.worker.post
    return {
        "id": row.id,
        "kind": post.kind,
        "engine": post.engine,
        "concurrency": post.concurrency,
        "host": post.host,
        "boot_id": post.boot_id,
        "pid": post.pid,
        "version": post.version,
        "started_at": row.started_at,
        "heartbeat_at": row.heartbeat_at,
        "alive": one.alive,
        "silent_seconds": int(row.silent_for.total_seconds()),
        "clock_ahead_seconds": None if row.clock_ahead is None else int(row.clock_ahead.total_seconds()),
    }
