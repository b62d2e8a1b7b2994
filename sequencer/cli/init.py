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
from sequencer.values import Form

_SAMPLES = {"base_url": "https://mail.example.org", "postal_address": ""}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> None:
    """Write sequencer.toml into FOLDER (this one), and the shipped course into lessons/ beside it."""
    path = folder / options.FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(settings_text(secret=secrets.token_urlsafe(32)))
    except FileExistsError as error:
        raise click.ClickException(f"{path} is there already; move it away to begin anew.") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written ({error.strerror}); choose another folder.") from error
    click.echo(f"Wrote {path}: fill in base_url, postal_address and relay_url.")
    _copy_lessons(folder / "lessons")
    click.echo('Then "sequencer serve" runs the service.')


def _copy_lessons(lessons: Path) -> None:
    if lessons.exists():
        click.echo(f"Left {lessons} as it is.")
    else:
        shutil.copytree(shipped("lessons"), lessons)
        click.echo(f"Wrote {lessons}/why-men-pull-away: the shipped course, to edit or to replace.")


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
            consent = Form.__dataclass_fields__["consent"].default
            return f"# consent = {json.dumps(consent)}  # the words next to your form's button"
        case _:
            return '# next = ["https://www.example.org/thank-you"]  # pages your form may lead to'


def settings_page() -> str:
    """docs/settings.md: every option, printed from the options themselves."""
    rows = [
        f"| `{name}` | {_variable(name)} | {_default(name)} | {_cell(options.meaning(name))} |"
        for name in options.options()
    ]
    return _PAGE.replace("ROWS", "\n".join(rows))


def _variable(name: str) -> str:
    return "none" if name == "forms" else f"`{options.PREFIX}{name.upper()}`"


def _default(name: str) -> str:
    value = options.default(name)
    if value is MISSING:
        return "*needed*"
    return "see below" if name == "forms" else f"`{json.dumps(value)}`"


def _cell(sentence: str) -> str:
    return sentence.replace("|", "\\|")


_PAGE = """\
# Settings

<!-- Printed by settings_page() in sequencer/cli/init.py; a test compares the two. -->

`sequencer init` writes a `sequencer.toml` that holds every option below. The program reads `sequencer.toml` in the
folder where it is started, or the file that `--config` or `SEQUENCER_CONFIG` names; then each variable
`SEQUENCER_<OPTION>` overrides one line of it. Without a file the variables alone are enough. Relative paths are
relative to the folder of the file. A wrong setting stops the start with one sentence.

| option | variable | default | meaning |
|---|---|---|---|
ROWS

A list may be written with commas in its variable: `SEQUENCER_TRUSTED_PROXIES=127.0.0.1,10.0.0.0/8`.

## Forms

Each table `[forms.KEY]` is one sign-up form of your site, which posts to `BASE_URL/f/KEY`. KEY is made of small
letters, digits, `-` and `_`. Forms stand in the file only; there is no variable for them.

```toml
[forms.newsletter]
course = "why-men-pull-away"                      # the course it leads to: a folder in "courses"
consent = "I would like to receive this course by e-mail."  # the words next to your form's button, kept as consent
next = ["https://www.example.org/thank-you"]      # pages your form may lead to with a field called "next"
```

Where the file has no form, there is one with the key `newsletter`, for the shipped course. A `next` is followed only
if it stands in the list, letter by letter.

## relay_url

The SMTP server that takes our mail, as `scheme://user:password@host:port?tls=…&connections=…&timeout=…`.

| part | meaning |
|---|---|
| `smtp://` | port 587 unless said otherwise; encrypted by STARTTLS |
| `smtps://` | port 465 unless said otherwise; encrypted from the first byte |
| `user:password` | both or neither; percent-encode what is not a letter or a digit: `@` is `%40`, `/` is `%2F` |
| `tls=required` | no mail without STARTTLS; the default, but for this machine itself |
| `tls=offered` | STARTTLS where the server offers it; the default for this machine itself |
| `tls=off` | never encrypted |
| `connections=4` | how many connections are open at once, from 1 to 1000 |
| `timeout=60` | for how many seconds an answer is waited for, from 1 to 1000 |

```toml
relay_url = "smtp://127.0.0.1:25"                              # a mail server on this machine
relay_url = "smtp://me%40example.org:secret@smtp.example.org"  # a provider, port 587 with STARTTLS
relay_url = "smtps://me:secret@smtp.example.org?connections=8" # a provider, port 465
relay_url = "smtp://[2001:db8::25]:2525?tls=off&timeout=20"    # an IPv6 address in a network of your own
```

The password is shown nowhere: not in a log, not in a refusal. To keep it out of the file, set
`SEQUENCER_RELAY_URL`.
"""
