"""What may be typed? Addresses, zones, instants, names and words, each read or refused in a sentence."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from sequencer.core.model import Address
from sequencer.errors import BadRequest
from sequencer.message import address
from sequencer.web import intake

LONGEST_LINE = 500


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


def an_instant(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """An instant, in UTC unless it says a zone."""
    try:
        instant = datetime.fromisoformat(value) if value else None
    except ValueError as error:
        raise click.BadParameter('write an instant like "2026-11-23T08:00:00Z".') from error
    return instant if instant is None or instant.tzinfo else instant.replace(tzinfo=UTC)


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


def a_line(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """A few words in one line."""
    line = value.strip()
    if not line.isprintable() or len(line) > LONGEST_LINE:
        raise click.BadParameter(f"write one line of {LONGEST_LINE} characters at most, without control characters.")
    return line


email_argument = click.argument("email", callback=an_address)
