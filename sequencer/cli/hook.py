"""How does an admin have other programs told of what happens, see what came of it, and repeat it?"""

from datetime import UTC, datetime

import click

from sequencer.cli import frame
from sequencer.core.hooks import MEANINGS, Answered, Happening, Hook, Unreached, name
from sequencer.flows import hooks
from sequencer.flows.hooks import Wish
from sequencer.store.calls import Logged

_EVENTS = "\n".join(f"  {what}: {meaning}" for what, meaning in MEANINGS.items())
_LONGEST = 100


def _a_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """What a hook is called."""
    given = value.strip()
    if not given.isprintable() or not 1 <= len(given) <= _LONGEST:
        raise click.BadParameter("a name has 1 to 100 characters in one line.")
    return given


def _instant(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value) if value else None
    except ValueError as error:
        raise click.BadParameter('write an instant like "2026-11-23T08:00:00Z".') from error
    return instant if instant is None or instant.tzinfo else instant.replace(tzinfo=UTC)


_name_argument = click.argument("name", callback=_a_name)


@click.group()
def hook() -> None:
    """Tell other programs what happens: webhooks, their log and replay."""


@hook.command(epilog=f"\b\nThe events:\n{_EVENTS}")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    required=True,
    type=click.Choice([what.value for what in Happening]),
    help="What it is told of; say it once for each event.",
    metavar="EVENT",
)
@click.option("--name", default="main", show_default=True, callback=_a_name, help="What you call it.")
@click.option("--insecure", is_flag=True, help="It is on this machine (loopback), where http:// is allowed.")
@click.option("--without-address", is_flag=True, help="Leave e-mail addresses out; people are told by their ids.")
@click.pass_context
def add(
    ctx: click.Context, url: str, events: tuple[str, ...], name: str, *, insecure: bool, without_address: bool
) -> None:
    """Have a program told, by POST to this address, and show the secret that signs it, this once."""
    wish = Wish(
        name=name,
        url=url,
        events=[Happening(one) for one in events],
        insecure=insecure,
        with_address=not without_address,
    )
    with frame.opened(ctx) as app:
        secret = hooks.add(app.db, wish, now=app.clock())
    click.echo(secret)
    click.echo(
        f'This is the secret of the hook "{name}". It is not shown again; keep it where the program is.', err=True
    )


@hook.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List all hooks: what each is told of, and how it fares."""
    with frame.opened(ctx) as app:
        found, now = hooks.listed(app.db), app.clock()
    if as_json:
        for one in found:
            frame.print_json(_as_json(one))
        return
    table = frame.table("name", "address", "events", "since", "how it fares")
    for one in found:
        table.add_row(one.name, one.url, "\n".join(sorted(one.events)), f"{one.created_at:%Y-%m-%d}", _fares(one, now))
    frame.console.print(table)


@hook.command()
@_name_argument
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many calls, at most.")
@frame.json_option
@click.pass_context
def log(ctx: click.Context, name: str, limit: int, *, as_json: bool) -> None:
    """List the last calls to a hook, the newest first: what was told, and what came of it."""
    with frame.opened(ctx) as app:
        found = hooks.told(app.db, name, limit=limit)
    if as_json:
        for one in found:
            frame.print_json(_call_as_json(one))
        return
    table = frame.table("event", "happened", "tries", "status", "what came of it")
    for one in found:
        status = "" if one.status is None else str(one.status)
        table.add_row(one.event.name, _utc(one.event.happened_at), str(one.attempt), status, _became(one))
    frame.console.print(table)


@hook.command()
@_name_argument
@click.option(
    "--since", callback=_instant, metavar="ISO", help="All that happened since then, also what got through (UTC)."
)
@click.pass_context
def replay(ctx: click.Context, name: str, since: datetime | None) -> None:
    """Send again what did not get through, with the same ids; a disabled hook is called again."""
    with frame.opened(ctx) as app:
        done = hooks.replay(app.db, name, since=since, now=app.clock())
    again = " It is enabled again." if done.enabled else ""
    click.echo(f'The hook "{name}" is told again of what happened: {done.calls} calls.{again}')


@hook.command()
@_name_argument
@click.pass_context
def test(ctx: click.Context, name: str) -> None:
    """Send a made-up event, hook.test, at once, and show the answer. Exit code 1 where it was not taken."""
    with frame.opened(ctx) as app:
        reply = hooks.test(app.db, app.caller, name, now=app.clock())
    match reply:
        case Answered(status=status, reply=words):
            click.echo(f"It answered {status}. {words}".strip())
            if not 200 <= status < 300:  # noqa: PLR2004 (what counts as taken)
                raise click.ClickException("Only an answer of 200 to 299 counts as taken.")
        case Unreached(reason=reason):
            raise click.ClickException(f"It could not be told: {reason}")


@hook.command()
@_name_argument
@click.pass_context
def rotate(ctx: click.Context, name: str) -> None:
    """Make another secret and show it, this once; for a day the one before signs beside it."""
    with frame.opened(ctx) as app:
        secret = hooks.rotate(app.db, name, now=app.clock())
    click.echo(secret)
    click.echo(f'This is the new secret of the hook "{name}". The one before signs too for 24 hours.', err=True)


@hook.command()
@_name_argument
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Tell a program nothing any more, and drop its log."""
    with frame.opened(ctx) as app:
        hooks.remove(app.db, name)
    click.echo(f'The hook "{name}" is removed.')


def _fares(one: Hook, now: datetime) -> str:
    if one.disabled_at is not None:
        return f"disabled since {_utc(one.disabled_at)}: {one.why}"
    if one.failing_since is None:
        return "well"
    rests = f"; left alone until {_utc(one.rests_until)}" if one.rests_until and one.rests_until > now else ""
    return f"fails since {_utc(one.failing_since)}{rests}"


def _became(one: Logged) -> str:
    if one.due_at is not None:
        return " ".join(filter(None, [one.reply, f"(next try {_utc(one.due_at)})"]))
    if one.under_way:
        return "under way"
    if not one.attempt and one.finished_at is None:
        return "it was disabled"
    return one.reply


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _as_json(one: Hook) -> dict[str, object]:
    """All but the secrets."""
    return {
        "name": one.name,
        "url": one.url,
        "events": sorted(one.events),
        "with_address": one.with_address,
        "insecure": one.insecure,
        "created_at": one.created_at,
        "disabled_at": one.disabled_at,
        "why": one.why,
        "failing_since": one.failing_since,
        "rests_until": one.rests_until,
    }


def _call_as_json(one: Logged) -> dict[str, object]:
    return {
        "id": name(one.event),
        "event": one.event.name,
        "happened_at": one.event.happened_at,
        "attempt": one.attempt,
        "status": one.status,
        "reply": one.reply,
        "due_at": one.due_at,
        "finished_at": one.finished_at,
        "under_way": one.under_way,
    }
