"""How does an author change how mails look? List the themes; copy one out with the templates, to edit."""

import shutil
from pathlib import Path

import click

from sequencer.cli import frame, shelf
from sequencer.content import courses as files
from sequencer.content import themes
from sequencer.content.files import shipped
from sequencer.errors import BadContent
from sequencer.settings import Settings


@click.group()
def theme() -> None:
    """List the themes of mails; copy one out to edit."""


@theme.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the themes, one's own and the shipped ones, and the courses that name them."""
    settings = frame.load_settings(ctx, only_looking=True)
    templates = shelf.templates(settings)
    found = [(templates.theme(name), path) for name, path in sorted(templates.themes().items())]
    using = _using(settings)
    if as_json:
        frame.print_json(
            [
                {
                    "theme": one.name,
                    "description": one.description,
                    "file": str(path),
                    "courses": using.get(one.name, []),
                }
                for one, path in found
            ]
        )
        return
    table = frame.table("theme", "whose", "courses", "description")
    for one, path in found:
        whose = "shipped" if path.is_relative_to(shipped("templates")) else "your own"
        table.add_row(one.name, whose, ", ".join(using.get(one.name, [])) or "none", one.description)
    frame.console.print(table)


@theme.command()
@click.argument("name")
@click.pass_context
def eject(ctx: click.Context, name: str) -> None:
    """Copy the theme NAME and the templates of mails into the folder that the option "templates" names.

    From then on the copies are used; delete one, and the shipped file takes its place again.
    """
    settings = frame.load_settings(ctx, only_looking=True)
    if settings.templates is None:
        raise click.ClickException('The option "templates" names no folder yet; write templates = "templates".')
    source, target = shipped("templates"), settings.root / settings.templates
    theme_file = source / themes.FOLDER / f"{name}.toml"
    known = sorted(path.stem for path in theme_file.parent.glob("*.toml"))
    if name not in known:
        raise click.ClickException(f'The theme "{name}" is not shipped; there are {", ".join(known)}.')
    _copy([theme_file, *sorted((source / "mail").iterdir())], source, target)
    click.echo(f'Then "sequencer course preview" shows what an edit does, and theme = "{name}" in course.toml uses it.')


def _copy(paths: list[Path], source: Path, target: Path) -> None:
    """What is there already stays as it is: somebody has edited it."""
    for path in paths:
        to = target / path.relative_to(source)
        if to.exists():
            click.echo(f"Left {to} as it is.")
            continue
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
        except OSError as error:
            raise click.ClickException(f"{to} cannot be written ({error.strerror}).") from error
        click.echo(f"Wrote {to}.")


def _using(settings: Settings) -> dict[str, list[str]]:
    """The courses that name each theme; a course that cannot be read names none."""
    using: dict[str, list[str]] = {}
    folder = shelf.folder(settings)
    for path in files.find(folder) if folder.is_dir() else ():
        try:
            using.setdefault(files.read(path).theme, []).append(path.name)
        except BadContent:
            continue
    return using
