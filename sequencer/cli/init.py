"""How does an admin begin? A commented settings file, made from the options themselves, and the course to edit."""

import json
import secrets
import shutil
from dataclasses import MISSING
from pathlib import Path
from textwrap import wrap

import click

from sequencer import settings as options
from sequencer.content.files import shipped

_SAMPLES = {"base_url": "https://mail.example.org", "postal_address": ""}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> None:
    """Write sequencer.toml into FOLDER (this one), and the shipped course into lessons/ beside it."""
    path = folder / options.FILE_NAME
    if path.exists():
        raise click.ClickException(f"{path} is there already; move it away to begin anew.")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(settings_text(secret=secrets.token_urlsafe(32)), encoding="utf-8")
    click.echo(f"Wrote {path}: fill in base_url, postal_address and relay_url.")
    lessons = folder / "lessons"
    if lessons.exists():
        click.echo(f"Left {lessons} as it is.")
    else:
        shutil.copytree(shipped("lessons"), lessons)
        click.echo(f"Wrote {lessons}/why-men-pull-away: the shipped course, to edit or to replace.")
    click.echo('Then "sequencer serve" runs the service.')


def settings_text(*, secret: str) -> str:
    """The settings file: each option with its meaning; those with a default stand commented out."""
    lines = ["# Settings of the sequencer. A variable SEQUENCER_<OPTION> overrides a line here.", ""]
    for name in options.options():
        lines += [f"# {line}" for line in wrap(options.meaning(name), 98)]
        lines += _lines(name, secret)
        lines.append("")
    return "\n".join(lines)


def _lines(name: str, secret: str) -> list[str]:
    value = options.default(name)
    if name == "forms":
        return ["[forms.newsletter]", *(_form_line(key) for key in ("course", "consent", "next"))]
    if value is MISSING:
        sample = {**_SAMPLES, "secret_key": secret}[name]
        return [f"{name} = {json.dumps(sample)}"]
    return [f"# {name} = {json.dumps(value)}"]


def _form_line(key: str) -> str:
    match key:
        case "course":
            return 'course = "why-men-pull-away"'
        case "consent":
            consent = options.Form.__dataclass_fields__["consent"].default
            return f"# consent = {json.dumps(consent)}  # the words next to your form's button"
        case _:
            return '# next = ["https://www.example.org/thank-you"]  # pages your form may lead to'
