"""How does an admin stop the mail, and let it go on? Everything, a relay, a shard, or one course."""

from datetime import datetime

import click

from sequencer.app import App
from sequencer.cli import arguments, frame
from sequencer.errors import NotFound
from sequencer.flows import forgo, pauses
from sequencer.flows.forgo import Forgone
from sequencer.store import shards
from sequencer.store.pauses import Scope, Standstill

_reason = click.option(
    "--reason", default="an admin said so", show_default=True, help="Kept, and shown to whoever asks."
)


_relay = click.option("--relay", metavar="NAME", help="Only this relay: others take its mail, or it waits.")
_shard = click.option("--shard", type=click.IntRange(0), metavar="N", help="Only new lessons to people of this shard.")


@click.group(invoke_without_command=True)
@_relay
@_shard
@_reason
@click.pass_context
def pause(ctx: click.Context, relay: str | None, shard: int | None, reason: str) -> None:
    """Stop all mail: nothing more is claimed until "resume"; sign-ups are taken, and wait."""
    if ctx.invoked_subcommand is not None:
        return
    scope, name = _meant(relay, shard)
    with frame.opened(ctx) as app:
        _check(app, scope, name)
        pauses.stop(app.db, scope, name, reason=reason, now=app.clock())
    what, undo = (f"The {scope} {name}", f" --{scope} {name}") if name else ("Everything", "")
    click.echo(f'{what} is paused; "sequencer resume{undo}" lets it go on.')


@pause.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List what stands still, since when, and why."""
    with frame.opened(ctx) as app:
        found = pauses.listed(app.db)
    if as_json:
        frame.print_json([plain(one) for one in found])
        return
    for one in found:
        click.echo(f'{one}; "{undoing(one)}" lets it go on.')
    if not found:
        click.echo("Nothing is paused.")


@click.command()
@_relay
@_shard
@click.option(
    "--skip-due-before",
    "before",
    callback=arguments.an_instant,
    metavar="ISO",
    help="Pass over lessons that were due before then (UTC unless it says a zone), but for a course's last; "
    "their readers go on at their next hour.",
)
@click.pass_context
def resume(ctx: click.Context, relay: str | None, shard: int | None, before: datetime | None) -> None:
    """Let the mail go on: each person gets what is due, one lesson a gap.

    After a long pause, or a restored backup of which no journal tells what went out since, --skip-due-before spares
    readers lessons that are old, or that they may have had. It may be said again where it was stopped half-way: mail
    rests until it has come to its end.
    """
    scope, name = _meant(relay, shard)
    if name and before:
        raise click.UsageError("--skip-due-before is for all mail; leave --relay and --shard out.")
    with frame.opened(ctx) as app:
        if before is not None:
            _tell(forgo.forgo(app.db, app.press.archive, before=before, now=app.clock(), journal=app.journal))
        stood = pauses.go_on(app.db, scope, name)
    if name:
        click.echo(f"The {scope} {name} goes on." if stood else f"The {scope} {name} was not paused.")
    else:
        click.echo("The mail goes on." if stood else "Nothing was paused.")


@click.command("pause")
@click.argument("slug")
@_reason
@click.pass_context
def pause_course(ctx: click.Context, slug: str, reason: str) -> None:
    """Stop one course: nobody gets a lesson of it until "course resume"."""
    with frame.opened(ctx) as app:
        new = pauses.pause_course(app.db, slug, reason=reason, now=app.clock())
    click.echo(f"The course {slug} is paused." if new else f"The course {slug} was paused already.")


@click.command("resume")
@click.argument("slug")
@click.pass_context
def resume_course(ctx: click.Context, slug: str) -> None:
    """Let one course go on: who was held gets the next lesson at their next hour."""
    with frame.opened(ctx) as app:
        people = pauses.resume_course(app.db, slug, now=app.clock())
    if people is None:
        click.echo(f"The course {slug} was not paused.")
    else:
        click.echo(f"The course {slug} goes on; {people} {'person' if people == 1 else 'people'} had been held.")


def _tell(done: Forgone) -> None:
    people = "1 person goes on at their" if done.people == 1 else f"{done.people:,} people go on, each at their"
    lessons = "1 lesson is" if done.lessons == 1 else f"{done.lessons:,} lessons are"
    click.echo(f"{people} next hour; {lessons} passed over.")


def undoing(one: Standstill) -> str:
    """The command that lets it go on."""
    if one.scope is Scope.COURSE:
        return f"sequencer course resume {one.name}"
    return f"sequencer resume --{one.scope} {one.name}" if one.name else "sequencer resume"


def plain(one: Standstill) -> dict[str, object]:
    """As programs read it."""
    return {"scope": one.scope, "name": one.name, "since": one.since, "reason": one.reason}


def _meant(relay: str | None, shard: int | None) -> tuple[Scope, str]:
    if relay is not None and shard is not None:
        raise click.UsageError("Say either --relay NAME or --shard N.")
    if shard is not None:
        return Scope.SHARD, str(shard)
    return (Scope.EVERYTHING, "") if relay is None else (Scope.RELAY, relay)


def _check(app: App, scope: Scope, name: str) -> None:
    """What is paused must be there; what is resumed need not be any more."""
    if scope is Scope.RELAY:
        known = [one.name for one in app.settings.all_relays]
        if name not in known:
            raise NotFound(f'There is no relay "{name}"; there is {", ".join(known)}.')
    if scope is Scope.SHARD and int(name) >= (most := shards.count(app.db)):
        there = "one shard, 0" if most == 1 else f"shards 0 to {most - 1}"
        raise NotFound(f"There is no shard {name}; there is {there}.")
