"""How does an admin look after sign-up forms? Add one, list them, show what to paste, and try what would happen."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from sequencer import forms
from sequencer import settings as options
from sequencer.cli import append, frame, trial
from sequencer.content import courses as files
from sequencer.core.schemes import SECRET_HEADER, SECRET_QUERY
from sequencer.errors import BadRequest, BadSettings
from sequencer.forms import Challenge, Form, OptIn, Signature
from sequencer.settings import Settings
from sequencer.web import presets, programs, snippets
from sequencer.web.shapes import Preset

_CHALLENGE = click.Choice([one.value for one in Challenge])
_PROVIDERS = click.Choice([row.name for row in presets.ALL])


@click.group()
def form() -> None:
    """Add and list sign-up forms; show what a site pastes, and try what would happen."""


@form.command()
@click.argument("name")
@click.option("--course", help="The course that it leads to; asked for where it is left out.")
@click.option("--consent", help="The words next to the button; asked for where they are left out.")
@click.option("--next", "onward", multiple=True, metavar="URL", help="A page to which the form may lead; repeatable.")
@click.option("--thanks", default="", metavar="URL", help="The page after the sign-up, where the form names none.")
@click.option("--list", "lists", multiple=True, metavar="TAG=COURSE", help="A tag that leads elsewhere; repeatable.")
@click.option("--origin", "origins", multiple=True, metavar="SITE", help="A site that holds the form; repeatable.")
@click.option("--embed", multiple=True, metavar="SITE", help="A site that may show our page in a frame; repeatable.")
@click.option("--honeypot", "honeypots", multiple=True, metavar="FIELD", help="A field for robots; repeatable.")
@click.option("--challenge", type=_CHALLENGE, help="When a browser has to do some work first.")
@click.option("--single-because", default="", metavar="WHY", help="Nobody is asked to confirm, for this reason.")
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    *,
    course: str | None,
    consent: str | None,
    onward: Sequence[str],
    thanks: str,
    lists: Sequence[str],
    origins: Sequence[str],
    embed: Sequence[str],
    honeypots: Sequence[str],
    challenge: str | None,
    single_because: str,
) -> None:
    """Append the form NAME to sequencer.toml; everything else in the file stays as it is."""
    path, settings = _file(ctx), frame.load_settings(ctx, only_looking=True)
    known = [folder.name for folder in files.find(settings.root / settings.courses)]
    others = dict(_pair(one) for one in lists)
    course = course or click.prompt("Course", type=click.Choice(known))
    _refuse_unknown([course, *others.values()], known)
    entry = {
        "course": course,
        "consent": consent or click.prompt("Words next to the button", default=str(forms.default("consent"))),
        "next": list(onward),
        "thanks": thanks,
        "lists": others,
        "origins": list(origins),
        "embed": list(embed),
        "honeypots": list(honeypots),
        "challenge": challenge,
        "opt_in": OptIn.SINGLE.value if single_because else "",
        "single_because": single_because,
    }
    _append(path, name, {key: value for key, value in entry.items() if value}, known)
    click.echo(f"Added [forms.{name}] to {path}; it works when the service is started anew.")
    click.echo(f'"sequencer form show {name}" prints what to paste into your page.')


@form.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the forms: where each leads, and where it is sent."""
    settings = frame.load_settings(ctx, only_looking=True)
    if as_json:
        frame.print_json([_facts(one, settings) for one in settings.forms.values()])
        return
    table = frame.table("form", "courses", "opt-in", "sites", "path")
    for one in settings.forms.values():
        sites = ", ".join(one.origins) or "any"
        table.add_row(one.key, ", ".join(one.courses), one.opt_in.value, sites, f"/f/{one.key}")
    frame.console.print(table)


@form.command()
@click.argument("name")
@click.option("--provider", type=_PROVIDERS, metavar="NAME", help="Only what to change in the form of this provider.")
@click.pass_context
def show(ctx: click.Context, name: str, provider: str | None) -> None:
    """Print what to paste for the form NAME, and what to change in the form that your site has already."""
    settings = frame.load_settings(ctx, only_looking=True)
    one, base = _form(settings, name), settings.base_url
    if one.signature:
        _print_programs(one, base)
        return
    row = presets.named(provider or "")
    if row:
        _print_row(row, one, base)
        return
    click.echo(f"A form of your own, as plain HTML:\n\n{snippets.plain(one, base)}")
    click.echo(f"The same, with a tiny script that tells the visitor's time zone:\n\n{snippets.with_zone(one, base)}")
    click.echo(f"Our page in a frame:\n\n{snippets.framed(one, base, one.consent)}")
    if not one.embed:
        click.echo(f'For the frame, name your site in [forms.{one.key}]: embed = ["https://www.example.org"]\n')
    click.echo("The form that your site has already; change this one line:")
    for row in presets.ROWS:
        click.echo("")
        _print_row(row, one, base)


@form.command()
@click.argument("name")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--as", "provider", type=_PROVIDERS, metavar="NAME", help="Send what this provider's form would send.")
@click.option("--data", metavar="FIELDS", help="Send these fields, such as 'email=a@example.org&name=A', or JSON.")
@frame.json_option
@click.pass_context
def test(
    ctx: click.Context, name: str, file: Path | None, provider: str | None, data: str | None, *, as_json: bool
) -> None:
    """Tell what would happen if the form NAME sent a sample, or the body in FILE; nothing is changed."""
    row = presets.named(provider or "")
    if file and data:
        raise click.UsageError("give a file or --data, not both.")
    raw = file.read_bytes() if file else (data or (row or presets.PLAIN).sample).encode()
    with frame.opened(ctx) as app:
        try:
            found = trial.of(app, _form(app.settings, name), raw, row)
        except BadRequest as error:
            raise click.ClickException(f"The visitor would be told: {error}") from error
    if as_json:
        frame.print_json(found.facts)
    else:
        trial.tell(found)


def _file(ctx: click.Context) -> Path:
    path = ctx.find_root().obj or Path(options.FILE_NAME)
    if not path.is_file():
        raise BadSettings(f'There is no {path}; "sequencer init" writes one.')
    return Path(path)


def _append(path: Path, name: str, entry: Mapping[str, object], known: Sequence[str]) -> None:
    try:
        before, added = path.read_bytes(), b""
        # Without any form in the file there is one all the same, which must not vanish when another is added.
        usual = dict(options.default("forms"))  # type: ignore[call-overload]
        if "forms" not in tomllib.loads(before.decode("utf-8-sig")):
            for key, one in usual.items():
                if key != name and one["course"] in known:
                    added += append.form_table(before + added, key, one)
        added += append.form_table(before + added, name, entry)
        with path.open("ab") as file:
            file.write(added)
    except (ValueError, OSError) as error:
        raise BadSettings(f"{path} cannot take the form: {error}.") from error


def _pair(text: str) -> tuple[str, str]:
    tag, found, course = text.rpartition("=")
    if not (tag and found and course):
        raise click.BadParameter(f'"{text}" is not a tag and a course; write them like essays=a-course.')
    return tag, course


def _refuse_unknown(wanted: Sequence[str], known: Sequence[str]) -> None:
    for course in wanted:
        if course not in known:
            raise click.BadParameter(f'there is no course "{course}"; there is {", ".join(known) or "none"}.')


def _form(settings: Settings, name: str) -> Form:
    if name not in settings.forms:
        raise click.BadParameter(f'there is no form "{name}"; there is {", ".join(settings.forms) or "none"}.')
    return settings.forms[name]


def _facts(one: Form, settings: Settings) -> dict[str, object]:
    return {
        "form": one.key,
        "course": one.course,
        "lists": dict(one.lists),
        "opt_in": one.opt_in.value,
        "single_because": one.single_because,
        "consent": one.consent,
        "consent_version": one.wording_version,
        "next": list(one.next),
        "thanks": one.thanks,
        "origins": list(one.origins),
        "embed": list(one.embed),
        "signature": one.signature.value if one.signature else None,
        "url": snippets.action(one, settings.base_url),
    }


def _print_programs(one: Form, base: str) -> None:
    suffix = f"?{SECRET_QUERY}=SECRET" if one.signature is Signature.URL else ""
    titles = dict.fromkeys(row.title for row in programs.ROWS if row.signature is one.signature)
    click.echo(f"Programs alone can send this form, to:\n\n{snippets.action(one, base)}{suffix}\n")
    if one.signature is Signature.HEADER:
        click.echo(f"with the secret of the form in a header:\n\n{SECRET_HEADER}: SECRET\n")
    click.echo(f'They sign what they send as "{one.signature}" ({", ".join(titles) or "see the guide"}).')
    click.echo('Where each of them wants the address and the secret stands in docs/forms.md, "From other programs".')


def _print_row(row: Preset, one: Form, base: str) -> None:
    click.echo(f"{row.title} (--provider {row.name})")
    click.echo(f"  find    {row.find}")
    click.echo(f"  change  {snippets.change(row, one, base)}")
    if row.limits:
        click.echo(f"  note    {row.limits}")
