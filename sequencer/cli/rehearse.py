"""How does an author try a course out before it is published? In a browser, and as mails to themselves."""

import re
import secrets
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click

from sequencer.cli import frame, shelf
from sequencer.content import courses as files
from sequencer.content.files import shipped
from sequencer.core.model import Accepted, Address
from sequencer.delivery.courier import SmtpCourier
from sequencer.errors import BadRequest, BadSettings
from sequencer.flows import images, rehearsal
from sequencer.flows.press import Imprint
from sequencer.flows.proof import Reader
from sequencer.flows.rehearsal import Rehearsal
from sequencer.message import address
from sequencer.message.dkim import Signers
from sequencer.settings import Settings
from sequencer.web import asgi
from sequencer.web import preview as pages

_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60}


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> Address:
    try:
        return address.parse(value)
    except BadRequest as error:
        raise click.BadParameter(str(error)) from error


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    found = re.fullmatch(r"([0-9]{1,4}) ?(s|sec|m|min|)", value) if value is not None else None
    if value is not None and found is None:
        raise click.BadParameter(f'{value!r} is not a time to wait; write one like "5s" or "1m".')
    return int(found[1]) * _UNITS[found[2]] if found else None


@click.command()
@click.argument("slug", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8025,
    show_default=True,
    help="Of the pages, on this machine only; 0 chooses a free one.",
)
@click.option("--open", "opens", is_flag=True, help="Open the first page in the browser.")
@click.pass_context
def preview(ctx: click.Context, slug: str | None, port: int, *, opens: bool) -> None:
    """Look at the lessons in a browser as the files are now; pages load anew when a file is saved."""
    settings = frame.load_settings(ctx, only_looking=True)
    path = shelf.path(settings, slug)
    site = pages.build(
        pages.Desk(
            folder=path,
            watched=_template_folders(settings),
            templates=shelf.templates(settings),
            imprint=_imprint(settings),
            signers=_signers(settings),
            relay=settings.all_relays[0],
            clock=frame.clock,
        )
    )
    with asgi.listen("127.0.0.1", port, instead="choose another with --port") as on:
        url = f"http://127.0.0.1:{on.getsockname()[1]}/"
        click.echo(f"{path.name}: {url} (Ctrl-C ends)")
        if opens and not webbrowser.open(url):
            click.echo("No browser could be opened; open the address yourself.", err=True)
        asgi.run(site, on)


@click.command("send-test")
@click.argument("slug", required=False)
@click.option("--to", "to", required=True, metavar="EMAIL", callback=_address, help="Your own address.")
@click.option("--name", default="", help="What you are called in it.")
@click.option("--lesson", "number", type=click.IntRange(1), metavar="N", help="Which lesson; the first unless said.")
@click.option("--all", "everything", is_flag=True, help="All lessons, one after the other.")
@click.option("--every", metavar="TIME", callback=_seconds, help="How long to wait between two, like 5s; with --all.")
@click.pass_context
def send_test(
    ctx: click.Context,
    slug: str | None,
    to: Address,
    name: str,
    number: int | None,
    every: int | None,
    *,
    everything: bool,
) -> None:
    """Send lessons to yourself as the files are now, by the real relay; nothing is written down but images.

    The subject begins with "[Test 3/14]", and no link in it does anything to anybody. Images that lie beside the
    lessons are put into the database, for your mailbox to fetch. Exit code 1 where the relay refuses.
    """
    if everything and number is not None:
        raise click.UsageError("--lesson and --all exclude each other.")
    if every is not None and not everything:
        raise click.UsageError("--every goes with --all.")
    settings = frame.load_settings(ctx)
    path = shelf.path(settings, slug)
    trial = Rehearsal(
        files.read(path),
        shelf.templates(settings),
        _imprint(settings),
        signers=Signers(settings),
        courier=SmtpCourier(*settings.all_relays),
    )
    steps, reader = trial.steps(None if everything else number or 1), Reader(name=name, address=to)
    # Nothing is sent where one of them could not be made.
    trial.check(steps, reader, settings.all_relays[0], now=frame.clock())
    lessons = [trial.course.lessons[step] for step in steps]
    if any(lesson.images for lesson in lessons):
        with frame.opened(ctx) as app:
            images.keep(app.db, lessons, path)
    _send(trial, steps, reader, every or 0)


def _send(trial: Rehearsal, steps: Sequence[int], reader: Reader, every: int) -> None:
    """One lesson after the other, and a line for each, until one is not taken."""
    sent = 0
    try:
        for step in steps:
            if sent:
                time.sleep(every)
            outcome = trial.send(step, reader, now=frame.clock())
            if not isinstance(outcome, Accepted):
                raise click.ClickException(rehearsal.sentence(outcome))
            # Counted before it is told: whoever stops it when they read the line has been told the truth.
            sent += 1
            click.echo(f"{trial.mark(step)} {trial.course.lessons[step].subject}: {outcome.reply}")
    except KeyboardInterrupt:
        raise click.ClickException(f"Stopped: {sent} of {len(steps)} sent.") from None


def _template_folders(settings: Settings) -> tuple[Path, ...]:
    own = (settings.root / settings.templates,) if settings.templates else ()
    return (*own, shipped("templates"))


def _imprint(settings: Settings) -> Imprint:
    """As in real mail, but for the secret: with one that is thrown away no link opens anything."""
    return Imprint(
        base_url=settings.base_url,
        secret=secrets.token_hex(),
        postal_address=settings.postal_address,
        confirm_within=settings.confirm_within,
    )


def _signers(settings: Settings) -> Signers | None:
    """Who signs what is only looked at: nobody, where the keys are not on this machine."""
    try:
        return Signers(settings)
    except BadSettings as error:
        click.echo(f"The source is shown unsigned. {error}", err=True)
        return None
