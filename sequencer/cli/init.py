"""How does an admin begin? A commented settings file, made from the options themselves, and the course to edit."""

import json
import secrets
import shutil
from dataclasses import MISSING
from pathlib import Path
from textwrap import wrap

import click

from sequencer import forms
from sequencer import settings as options
from sequencer.content.files import shipped
from sequencer.relays import PRESETS, Preset

# They stand in the file only; there is no variable for a table.
_TABLES = ("signup_caps", "pages", "forms", "relays")
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
    if name == "relays":
        return ['# relays = { own = { url = "smtp://127.0.0.1:25", weight = 1 } }']
    if name == "forms":
        return ["[forms.newsletter]", *(_form_line(key) for key in ("course", "consent", "next"))]
    if value is MISSING:
        sample = {**_SAMPLES, "secret_key": secret}[name]
        return [f"{name} = {json.dumps(sample)}"]
    return [f"# {name} = {_toml(value)}"]


def _toml(value: object) -> str:
    """The value as it stands in the file."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(one)}' for key, one in value.items())} }}"
    return json.dumps(value)


def _form_line(key: str) -> str:
    match key:
        case "course":
            return 'course = "why-men-pull-away"'
        case "consent":
            return f"# consent = {json.dumps(forms.default(key))}  # the words next to your form's button"
        case _:
            return '# next = ["https://www.example.org/thank-you"]  # pages your form may lead to'


def settings_page() -> str:
    """docs/settings.md: every option, printed from the options themselves."""
    rows = [
        f"| `{name}` | {_variable(name)} | {_default(name)} | {_cell(options.meaning(name))} |"
        for name in options.options()
    ]
    presets = [_preset_row(name, preset) for name, preset in PRESETS.items()]
    keys = [f"| `{name}` | {_cell(forms.meaning(name))} |" for name in forms.names()]
    page = _PAGE.replace("ROWS", "\n".join(rows)).replace("PRESETS", "\n".join(presets))
    return page.replace("KEYS", "\n".join(keys))


def _preset_row(name: str, preset: Preset) -> str:
    options = ", ".join(
        f"{option} {', '.join(value) if isinstance(value, tuple) else value}"
        for option, value in preset.options.items()
    )
    return f"| `{name}` | {options} |"


def _variable(name: str) -> str:
    return "none" if name in _TABLES else f"`{options.PREFIX}{name.upper()}`"


def _default(name: str) -> str:
    value = options.default(name)
    if value is MISSING:
        return "*needed*"
    return "see below" if name in ("forms", "relays") else f"`{_toml(value)}`"


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

| key | meaning |
|---|---|
KEYS

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
| `connections=4` | how many connections are open at once at most, from 1 to 1000; half as many when the relay asks us \
to slow down, and one more again after each proof |
| `timeout=60` | for how many seconds an answer is waited for, from 1 to 1000 |
| `messages_per_connection=1000` | after how many messages a new connection takes the place of an old one; 0 for never |
| `rate=14` | how many messages a second at most, `0.5` for one in two seconds; 0 for as many as it takes |
| `daily_quota=50000` | how many messages within 24 hours at most; 0, the default, for any number |
| `warm_up_from=2026-12-01` | the first day of a warm-up; before it nothing is sent by this relay |
| `warm_up_first=50` | how many messages on that day |
| `warm_up_growth=1.5` | how many times as many on each day that follows |
| `eager=on` | several messages in one round trip, without waiting for answers; needs CHUNKING, and a relay that \
stands it (Postfix does). After a crash up to 16 messages for each connection are in doubt, not one |
| `preset=ses` | what is known of a provider, see below; found by its host where it is left out, `none` for nothing |

```toml
relay_url = "smtp://127.0.0.1:25"                              # a mail server on this machine
relay_url = "smtp://me%40example.org:secret@smtp.example.org"  # a provider, port 587 with STARTTLS
relay_url = "smtps://me:secret@smtp.example.org?connections=8" # a provider, port 465
relay_url = "smtp://[2001:db8::25]:2525?tls=off&timeout=20"    # an IPv6 address in a network of your own
```

The password is shown nowhere: not in a log, not in a refusal. To keep it out of the file, set
`SEQUENCER_RELAY_URL`.

## Several relays

Each table `[relays.NAME]` is one relay, by whose name the ledger and the logs call it; its options stand in the table
or behind the question mark of its `url`. They share the mail by `weight` while each has room; who is full, down,
throttled or at the end of its day leaves its turn to the others, so that mail never waits for a weight (to hold a relay
back, give it a `rate` or a `daily_quota`), and a message that one of them put off goes to another. A relay of weight 0
stands in only where no other can be used.

```toml
[relays.ses]
url = "smtp://user:password@email-smtp.eu-west-1.amazonaws.com"
weight = 3
rate = 14
daily_quota = 50000

[relays.own]
url = "smtp://127.0.0.1:25"
weight = 1
warm_up_from = 2026-12-01
```

A relay that logs in by XOAUTH2 has a user, no password, and a table `oauth` with `client_id`, `client_secret`,
`refresh_token` (Google; without one the client asks in its own name, as Microsoft 365 has it), `token_url` and `scope`;
the presets know the last two, but for Microsoft's `token_url`, which holds your tenant.

```toml
[relays.gmail]
url = "smtp://me%40example.org@smtp.gmail.com"
oauth = { client_id = "…", client_secret = "…", refresh_token = "…" }
```

How much a relay may be given for one recipient domain stands in its table `domains`: so many messages in a second, a
minute, an hour or a day. No minute, hour or day has more of them, whenever it is said to begin and however many
processes send (of a throttle by the second, no minute); they are spread evenly over it. A domain is meant as it
stands behind the @, and not what is below it; `"*"` stands for every domain that is not named, each for itself. The
throttle is this relay's: others have their own, or none.

```toml
[relays.own.domains]
"gmail.com" = "20/minute"
"web.de" = "5/minute"
"*" = "1000/day"
```

What is too much for a domain now is put off and comes back when it is likely to be its turn, within an hour: so a
throttle that was loosened is felt within an hour, too. Where another relay does not throttle the domain, what is put
off goes through that. Mail to other domains waits for none of it. Within a domain what answers a person's press goes
first, then lessons, then newsletters, which have their `newsletter_share` of the turns while both wait.

## Presets

What is known of a provider stands in for what the settings do not say. `unsigned` are headers that it writes anew, and
that our DKIM signature therefore leaves out.

| preset | what it stands for |
|---|---|
PRESETS
"""
