"""How does an admin give programs keys, see which there are, and take one back?"""

import click

from sequencer.cli import frame
from sequencer.core.keys import MEANINGS, Key, Scope
from sequencer.flows import keys

_SCOPES = "\n".join(f"  {scope}: {meaning}" for scope, meaning in MEANINGS.items())


def _a_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """What a key is called."""
    name = value.strip()
    if not name.isprintable() or not 1 <= len(name) <= 100:  # noqa: PLR2004 (as the database has it)
        raise click.BadParameter("a name has 1 to 100 characters in one line.")
    return name


def _some_scopes(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """What it is good for: something."""
    if not value:
        raise click.BadParameter(f"say at least one of {', '.join(Scope)}.")
    return value


_name_argument = click.argument("name", callback=_a_name)


@click.group()
def key() -> None:
    """Make, list and revoke the keys of programs that use the API."""


@key.command(epilog=f"\b\nThe scopes:\n{_SCOPES}")
@_name_argument
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    callback=_some_scopes,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it is good for; say it once for each scope.",
    metavar="SCOPE",
)
@click.pass_context
def new(ctx: click.Context, name: str, scopes: tuple[str, ...]) -> None:
    """Make a key and show it, this once: only its digest is kept."""
    with frame.opened(ctx) as app:
        text = keys.new(app.db, name, [Scope(scope) for scope in scopes], now=app.clock())
    click.echo(text)
    click.echo(f'This is the key "{name}". It is not shown again; keep it where the program finds it.', err=True)


@key.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List all keys: what each is good for, and when it was used last."""
    with frame.opened(ctx) as app:
        found = keys.listed(app.db)
    if as_json:
        for one in found:
            frame.print_json(_as_json(one))
        return
    table = frame.table("name", "scopes", "since", "used", "revoked")
    for one in found:
        days = (f"{at:%Y-%m-%d}" if at else "" for at in (one.created_at, one.used_at, one.revoked_at))
        table.add_row(one.name, " ".join(sorted(one.scopes)), *days)
    frame.console.print(table)


@key.command()
@_name_argument
@click.pass_context
def revoke(ctx: click.Context, name: str) -> None:
    """Let a key open nothing any more, from the next request on."""
    with frame.opened(ctx) as app:
        keys.revoke(app.db, name, now=app.clock())
    click.echo(f'The key "{name}" is revoked.')


def _as_json(one: Key) -> dict[str, object]:
    return {
        "name": one.name,
        "scopes": sorted(one.scopes),
        "created_at": one.created_at,
        "used_at": one.used_at,
        "revoked_at": one.revoked_at,
    }
