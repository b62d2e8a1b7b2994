"""How does an admin get a key that signs mails, and what goes into the DNS?"""

import json
import os
from pathlib import Path

import click

from sequencer import settings as options
from sequencer import values
from sequencer.cli import frame
from sequencer.errors import BadRequest, BadSettings
from sequencer.message import address
from sequencer.message import dkim as keys
from sequencer.message.dkim import Signer


def _domain(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
    """The domain as the DNS knows it."""
    try:
        return address.parse(f"postmaster@{value.removesuffix('.')}").wire.rpartition("@")[2]
    except BadRequest as error:
        raise click.BadParameter(f"{value!r} is not a domain that mail can come from, like example.org.") from error


def _selector(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return values.selector(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a selector; it needs {error}.") from error


_selector_option = click.option(
    "--selector",
    metavar="NAME",
    default=str(options.default("dkim_selector")),
    show_default=True,
    callback=_selector,
    help="As in the settings; an Ed25519 key is published under NAME-ed.",
)


@click.group()
def dkim() -> None:
    """Make a key that signs mails, and print the DNS record that publishes it."""


@dkim.command()
@click.argument("domain", callback=_domain)
@_selector_option
@click.option("--ed25519", is_flag=True, help="An Ed25519 key, to sign beside the RSA key.")
@click.option(
    "--into",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="dkim-NAME.pem unless said otherwise.",
)
@click.pass_context
def new(ctx: click.Context, domain: str, *, selector: str, ed25519: bool, path: Path | None) -> None:
    """Make a key for mails from DOMAIN (RSA of 2048 bits), and print its DNS record and its settings.

    A file that is there already is left as it is. One key may serve several domains: "show" prints their records.
    """
    path = path or Path(f"dkim-{selector}-ed.pem" if ed25519 else f"dkim-{selector}.pem")
    _write(path, keys.new_key(ed25519=ed25519))
    click.echo(f"Wrote {path}: keep it secret, for whoever has it can sign mails of {domain}.\n")
    _print_record(keys.load(path, domain, selector))
    option = "dkim_ed25519_key" if ed25519 else "dkim_key"
    click.echo(f"\nOnce it can be seen there, put into {options.FILE_NAME}:\n")
    click.echo(f"{option} = {json.dumps(_seen_from_settings(ctx, path), ensure_ascii=False)}")
    click.echo(f"dkim_selector = {json.dumps(selector)}")


@dkim.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--domain", required=True, callback=_domain, help="The domain from which mails come.")
@_selector_option
@frame.json_option
def show(file: Path, *, domain: str, selector: str, as_json: bool) -> None:
    """Print the DNS record of the key in FILE once more."""
    signer = keys.load(file, domain, selector)
    if as_json:
        frame.print_json({"name": signer.record_name, "value": keys.record(signer), "zone": keys.zone_record(signer)})
    else:
        _print_record(signer)


def _write(path: Path, pem: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except FileExistsError as error:
        raise BadSettings(f"{path} is there already; choose another file with --into.") from error
    except OSError as error:
        raise BadSettings(f"{path} cannot be written ({error.strerror}); choose another file with --into.") from error


def _print_record(signer: Signer) -> None:
    click.echo("Publish this TXT record:\n")
    click.echo(f"name   {signer.record_name}")
    click.echo(f"value  {keys.record(signer)}")
    click.echo(f"\nThe same as a line of a zone file:\n\n{keys.zone_record(signer)}")


def _seen_from_settings(ctx: click.Context, path: Path) -> str:
    """The path as the settings file has to name it: relative where the key lies beside it, else absolute."""
    config: Path | None = ctx.find_root().obj
    beside = config.parent.resolve() if config else Path.cwd()
    whole = path.resolve()
    return str(whole.relative_to(beside) if whole.is_relative_to(beside) else whole)
