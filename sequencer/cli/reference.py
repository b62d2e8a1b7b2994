"""How is docs/commands.md made? From click's own help: `python -m sequencer.cli.reference > docs/commands.md`."""

import sys
from collections.abc import Iterator

import click

from sequencer.cli import main

_WIDTH = 100
_HEAD = """\
# Commands

<!-- Printed by `python -m sequencer.cli.reference`. -->

Every command, as `--help` shows it. Those that read take `--json` for programs.
"""


def commands_page() -> str:
    """docs/commands.md: the help of each command, groups first."""
    parts = [f"## {path}\n\n```text\n{shown}\n```\n" for path, shown in _helps(main, "sequencer", None)]
    return "\n".join([_HEAD, *parts])


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    settings = {**command.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    ctx = click.Context(command, info_name=name, parent=parent, **settings)
    yield ctx.command_path, command.get_help(ctx)
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            found = command.get_command(ctx, below)
            if found is not None:
                yield from _helps(found, below, ctx)


if __name__ == "__main__":
    sys.stdout.write(commands_page())
