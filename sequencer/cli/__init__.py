"""Which commands are there? The tree of the terminal; a command's file is read only when the command is meant."""

import importlib
import os
from pathlib import Path
from typing import Any

import click

from sequencer import __version__
from sequencer.errors import SequencerError

# Name, where it is, and its line in the help: so that --help reads no other file.
COMMANDS = {
    "demo": ("demo:demo", "Watch a course arrive in three inboxes, on embedded defaults."),
    "init": ("init:init", "Write a commented sequencer.toml, and the shipped course beside it."),
    "serve": ("serve:serve", "Run the web door and the delivery in one process."),
    "web": ("serve:web", "Run the web door alone."),
    "worker": ("worker:worker", "Send what is due, without a web door; list the processes that work here."),
    "clock": ("worker:clock", "Give hints to workers, call webhooks, tidy up; send nothing."),
    "tick": ("tick:tick", "Send what is due, once, tidy up, and exit."),
    "course": ("course:course", "List, check, look at and publish courses."),
    "issue": ("issue:issue", "Write, check, schedule and call off issues of the newsletter."),
    "theme": ("theme:theme", "List the themes of mails; copy one out to edit."),
    "subscriber": ("subscriber:subscriber", "Add, list and explain people; pause, unsubscribe, export and erase them."),
    "key": ("key:key", "Make, list and revoke the keys of programs that use the API."),
    "hook": ("hook:hook", "Tell other programs what happens: webhooks, their log and replay."),
    "form": ("form:form", "Add and list sign-up forms; show what a site pastes, and try what would happen."),
    "dkim": ("dkim:dkim", "Make a key that signs mails, and print the DNS record that publishes it."),
    "suppression": ("suppression:suppression", "List the addresses that get no more mail; put one on, take one off."),
    "delivery": ("delivery:delivery", "List the ledger; settle what is uncertain."),
    "queue": ("queue:queue", "Show what is due, what waits and why, and what stands still."),
    "relay": ("relay:relay", "See what relays may be given now: rate, quota, warm-up, and what rests."),
    "pause": ("pause:pause", "Stop all mail; sign-ups are taken, and wait."),
    "resume": ("pause:resume", "Let the mail go on, without a burst."),
    "reconcile": (
        "reconcile:reconcile",
        "Tell the ledger what went out since a backup was restored.",
    ),
    "db": ("db:db", "Bring the database to the newest shape; move it into another one."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is run, and turns our errors into one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, read now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(f"sequencer.cli.{module}"), name)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without reading any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's own signature)
        """Run the command; what is wrong is one sentence on stderr, exit code 1."""
        try:
            return super().invoke(ctx)
        except SequencerError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sequencer")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SEQUENCER_CONFIG",
    help="The settings file; sequencer.toml in this folder unless said otherwise.",
)
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Turn an article into an e-mail course, and deliver it: nothing lost, nothing doubled in silence.

    Exit codes: 0 done, 1 not done (one sentence says why), 2 the command was not understood.
    """
    ctx.obj = config
    os.umask(0o077)  # settings and database hold secrets and people
