"""How is the demo watched? A progress bar, a table of arrivals, and the addresses to look around at."""

import json
import logging
import signal
import threading
from contextlib import suppress

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sequencer.cli import frame, logs
from sequencer.demo.story import Demo, Result, running

_PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--once", is_flag=True, help="Leave when the course is finished, instead of staying up.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the only line on stdout.")
@click.option("--service-port", type=_PORT, metavar="PORT", default=0, help="Of the service; 0 chooses a free one.")
@click.option("--site-port", type=_PORT, metavar="PORT", default=0, help="Of the site and inbox; 0 chooses a free one.")
def demo(*, once: bool, as_json: bool, service_port: int, site_port: int) -> None:
    """Watch a course arrive in three inboxes: real service, real SMTP, real rows; only the clock is driven."""
    logs.to_stderr(logging.ERROR)
    # SIGTERM ends the demo as Ctrl-C does, so that its folder is cleared away whenever it comes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running(service_port=service_port, site_port=site_port) as started:
        console = Console(stderr=as_json, highlight=False)
        _play(started, console)
        result = started.result()
        if as_json:
            click.echo(json.dumps(_as_json(result)))
        else:
            _print(result, console)
        if not once:
            _stay(started, console)
    if result.lost or result.doubled:
        raise click.ClickException(f"{result.lost} lessons were lost and {result.doubled} doubled.")


def _play(started: Demo, console: Console) -> None:
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Starting", total=None)
        for step in started.play():
            progress.update(bar, description=step.words, completed=step.delivered, total=step.expected)


def _print(result: Result, console: Console) -> None:
    table = frame.table("", "", *(f"{one.name}\n[dim]{one.zone}[/dim]" for one in result.visitors))
    table.title = f"{result.course.title}: when each lesson arrived, by each person's own clock"
    table.title_justify = "left"
    for number, lesson in enumerate(result.course.lessons, 1):
        arrivals = (result.arrivals.get((one.address, lesson.subject)) for one in result.visitors)
        cells = (f"{at:%a %d %b} [b]{at:%H:%M}[/b]" if at else "[red]missing[/red]" for at in arrivals)
        table.add_row(f"{number:>2}.", lesson.subject, *cells)
    console.print()
    console.print(table)
    good = "green" if not result.lost and not result.doubled else "red"
    console.print(
        f"\n{result.delivered} lessons delivered, [bold {good}]lost {result.lost}, doubled {result.doubled}[/] "
        f"(the inbox counted against the ledger), {result.seconds} s"
    )


def _stay(started: Demo, console: Console) -> None:
    with suppress(KeyboardInterrupt):
        console.print(f"\n  the site, with its form   {started.site_url}/")
        console.print(f"  everybody's inbox         {started.inbox_url}")
        console.print(f"  the service               {started.service_url}/")
        console.print("\nSign up yourself, and press the inbox's button to move the clock. Ctrl-C ends.")
        threading.Event().wait()


def _as_json(result: Result) -> dict[str, object]:
    return {
        "course": result.course.slug,
        "lessons": len(result.course.lessons),
        "subscribers": len(result.visitors),
        "delivered": result.delivered,
        "lost": result.lost,
        "doubled": result.doubled,
        "seconds": result.seconds,
    }
