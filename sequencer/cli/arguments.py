"""What may be typed for a person? Addresses, zones, names and words, each read or refused in a sentence."""

from zoneinfo import ZoneInfo

import click

from sequencer.core.model import Address
from sequencer.errors import BadRequest
from sequencer.message import address
from sequencer.web import intake


def an_address(_ctx: click.Context, _param: click.Parameter, value: str) -> Address:
    """An e-mail address."""
    try:
        return address.parse(value)
    except BadRequest as error:
        raise click.BadParameter(str(error)) from error


def a_zone(_ctx: click.Context, _param: click.Parameter, value: str | None) -> ZoneInfo | None:
    """A time zone, if one is named."""
    try:
        return ZoneInfo(value) if value else None
    except (KeyError, ValueError, OSError) as error:
        raise click.BadParameter(f'"{value}" is not a time zone; write one like Europe/London.') from error


def a_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """What somebody is called."""
    try:
        return intake.clean_name(value)
    except BadRequest as error:
        raise click.BadParameter(str(error)) from error


def some_words(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Words, if any are given; not blanks alone."""
    if value is not None and not value.strip():
        raise click.BadParameter("say where and when they agreed.")
    return value


email_argument = click.argument("email", callback=an_address)
