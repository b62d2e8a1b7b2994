"""How does an admin run the service? Everything in one process, or the web door alone."""

import logging
import sys
from collections.abc import Callable

import click

from sequencer import app as wiring
from sequencer import settings as options
from sequencer import worker
from sequencer.app import App
from sequencer.cli import frame, logs
from sequencer.settings import Settings
from sequencer.watch import door as watch
from sequencer.web import asgi
from sequencer.worker import Beat, Metronome

log = logging.getLogger(__name__)


# For how long a thread that computes keeps others waiting, in seconds. A sign-up changes threads several times, and may
# meet the sender's each time: with Python's 5 ms, half a second came together while many mails went out.
_SLICE = 0.0002


@click.command()
@click.pass_context
def serve(ctx: click.Context) -> None:
    """Run the web door and the delivery until SIGTERM or Ctrl-C; what is on the wire is finished first."""
    _run(ctx, "serve", worker.all_in_one)


@click.command()
@click.pass_context
def web(ctx: click.Context) -> None:
    """Run the web door alone until SIGTERM or Ctrl-C; "worker" sends, "clock" tidies up and calls webhooks."""
    _run(ctx, "web", Metronome)


def _run(ctx: click.Context, kind: str, make: Callable[[App, Beat], Metronome]) -> None:
    logs.to_stderr()
    sys.setswitchinterval(_SLICE)
    with frame.opened(ctx) as app:
        for slug in wiring.prepare(app, now=app.clock()):
            log.warning("course.changed", extra={"course": slug, "hint": f"sequencer course apply {slug}"})
        at = app.settings.listen
        with (
            asgi.listen(at.host, at.port, instead='choose another with the option "listen"') as on,
            watch.watched(app),
        ):
            log.info("%s.started", kind, extra=shown(app.settings))
            lifespan = worker.beside(app, worker.this_process(kind), lambda beat: make(app, beat))
            site = asgi.build(app, lifespan=lifespan)
            # To look through all of it again and again would hold up everybody for a tenth of a second each time, just
            # when many come; and ten thousand open connections are much to look through, too.
            worker.keep_what_is_loaded()
            asgi.run(site, on)
        log.info("%s.stopped", kind)


def shown(settings: Settings) -> dict[str, object]:
    """The settings for the log, without those that hold secrets."""
    hidden = {name for name in options.options() if not Settings.__dataclass_fields__[name].repr}
    shown = {name: getattr(settings, name) for name in options.options() if name not in hidden | {"forms"}}
    relays = ",".join(relay.name for relay in settings.all_relays)
    return {**shown, "relays": relays, "forms": ",".join(settings.forms)}
