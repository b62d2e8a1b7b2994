"""How does an author bring an issue to the whole list? Write, check, try, schedule, call off, and see how it stands."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from sequencer import app as wiring
from sequencer.app import App
from sequencer.cli import arguments, frame, shelf
from sequencer.content import courses as course_files
from sequencer.content import issues as files
from sequencer.content import skeletons
from sequencer.content.lint.findings import Finding, Level
from sequencer.core.model import Accepted, Address, DeliveryState, Issue, Lane
from sequencer.delivery.courier import SmtpCourier
from sequencer.flows import images, issues, rehearsal
from sequencer.flows import lint as checks
from sequencer.flows.issues import Crowd, Outlook, Standing, When
from sequencer.flows.press import Imprint
from sequencer.flows.proof import Reader
from sequencer.flows.rehearsal import Rehearsal
from sequencer.message.dkim import Signers
from sequencer.settings import Settings

_AT = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
_ZONES_SHOWN = 3


@click.group()
def issue() -> None:
    """Write, check, schedule and call off issues of the newsletter.

    ISSUE is the id of an issue, or the name of its file. docs/newsletter.md tells the whole of it.
    """


@issue.command()
@click.argument("key", metavar="ID")
@click.option("--subject", default=skeletons.ISSUE_SUBJECT, help="What a list of mails shows.")
@click.pass_context
def new(ctx: click.Context, key: str, subject: str) -> None:
    """Begin an issue as a Markdown file; the first one begins newsletter.toml too."""
    settings = frame.load_settings(ctx, only_looking=True)
    sender, title = _borrowed(settings)
    path = files.begin(_folder(settings), key, subject, sender=sender, title=title)
    click.echo(f"Wrote {path}: write it, then try it with sequencer issue send-test {key} --to YOUR-ADDRESS.")


@issue.command("list")
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the issues: those in the folder, and those that were scheduled or sent."""
    with _opened(ctx) as app:
        known = {one.key: one for one in issues.scheduled(app.db)}
        drafts = [one for one in files.read_all(_folder(app.settings)) if one.lessons[0].key not in known]
    if as_json:
        rows = [{"issue": one.lessons[0].key, "subject": one.lessons[0].subject, "state": "draft"} for one in drafts]
        frame.print_json([*rows, *map(_facts, known.values())])
        return
    table = frame.table("issue", "subject", "state", "due")
    for draft in drafts:
        table.add_row(draft.lessons[0].key, draft.lessons[0].subject, "draft", "")
    for one in known.values():
        table.add_row(one.key, one.letter.subject, one.state.value, f"{one.opens_at:%Y-%m-%d %H:%M} UTC")
    frame.console.print(table)


@issue.command()
@click.argument("key", metavar="[ISSUE]", required=False)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option("--check-links", is_flag=True, help="Ask each address that the issue names whether it answers.")
@frame.json_option
@click.pass_context
def lint(ctx: click.Context, key: str | None, *, strict: bool, check_links: bool, as_json: bool) -> None:
    """Check the file of one issue, or of all, by the rules of lessons; exit code 1 where something is wrong."""
    settings = frame.load_settings(ctx, only_looking=True)
    folder = _folder(settings)
    letter, templates = files.newsletter(folder), shelf.templates(settings)
    paths = [files.named(folder, key)[0]] if key else files.find(folder)
    found = [
        finding
        for path in paths
        for finding in checks.lint_issue(
            path, letter, templates, postal_address=settings.postal_address, ask_the_web=check_links
        )
    ]
    if as_json:
        frame.print_json([_finding(one) for one in found])
    else:
        for one in found:
            level = "warning: " if one.level is Level.WARNING else ""
            click.echo(f"{one.file}{f':{one.line}' if one.line else ''}: {level}{one.sentence} [{one.rule}]")
        if not found:
            click.echo("All is well.")
    if any(strict or one.level is Level.ERROR for one in found):
        ctx.exit(1)


@issue.command("send-test")
@click.argument("key", metavar="ISSUE")
@click.option("--to", "to", required=True, metavar="EMAIL", callback=arguments.an_address, help="Your own address.")
@click.option("--name", default="", help="What you are called in it.")
@click.pass_context
def send_test(ctx: click.Context, key: str, to: Address, name: str) -> None:
    """Send an issue to yourself as its file is now, by the real relay; nothing is written down but images."""
    settings = frame.load_settings(ctx)
    path, words = files.named(_folder(settings), key)
    courier, signers = SmtpCourier(*settings.all_relays), Signers(settings)
    trial = Rehearsal(words, shelf.templates(settings), _imprint(settings), signers=signers, courier=courier)
    reader = Reader(name=name, address=to)
    trial.check([0], reader, settings.all_relays[0], now=frame.clock())
    if words.lessons[0].images:
        with frame.opened(ctx) as app:
            images.keep(app.db, words.lessons, path.parent)
    outcome = trial.send(0, reader, now=frame.clock())
    if not isinstance(outcome, Accepted):
        raise click.ClickException(rehearsal.sentence(outcome))
    click.echo(f"{trial.mark(0)} {words.lessons[0].subject}: {outcome.reply}")


@issue.command()
@click.argument("key", metavar="ISSUE")
@click.option("--at", type=click.DateTime(_AT), metavar="TIME", help="When, like 2026-12-05T09:00; now unless said.")
@click.option(
    "--timezone",
    "zone",
    callback=arguments.a_zone,
    help="By whose clock, like Europe/London; the setting default_timezone unless said.",
)
@click.option("--local", "is_local", is_flag=True, help="By each reader's own clock, with --at.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@frame.json_option
@click.pass_context
def schedule(
    ctx: click.Context,
    key: str,
    at: datetime | None,
    zone: ZoneInfo | None,
    *,
    is_local: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Say to how many an issue goes and when, ask, and schedule it: from then on its words are fixed."""
    if is_local and at is None:
        raise click.UsageError("--local needs --at: the hour that each reader's clock shows.")
    with _opened(ctx) as app:
        now = app.clock()
        path, words = files.named(_folder(app.settings), key)
        postal = app.settings.postal_address
        issues.check(words, app.templates, postal_address=postal)
        when = When(at=at, zone=zone or app.settings.default_timezone, is_local=is_local)
        seen = issues.foresee(app.db, words, when, now=now)
        if not as_json:
            for line in sentences(seen, now):
                click.echo(line)
        if not yes:
            click.confirm("Schedule it?", abort=True, err=as_json)
        made = issues.schedule_issue(
            app.db, words, when, app.templates, postal_address=postal, folder=path.parent, now=now
        )
    if as_json:
        frame.print_json({**_facts(made), "people": seen.people, "lanes": [_crowd(one) for one in seen.crowds]})
    else:
        click.echo(f"Scheduled. sequencer issue cancel {made.key} calls it off.")


@issue.command()
@click.argument("key", metavar="ISSUE")
@click.option("--yes", is_flag=True, help="Do not ask.")
@frame.json_option
@click.pass_context
def cancel(ctx: click.Context, key: str, *, yes: bool, as_json: bool) -> None:
    """Call an issue off: what has not gone out yet does not. It can be scheduled anew."""
    with frame.opened(ctx) as app:
        found = issues.status(app.db, key)
        if not yes:
            click.confirm(f'Call "{found.issue.letter.subject}" off?', abort=True, err=as_json)
        stopped = issues.cancel(app.db, key, now=app.clock())
    _show(stopped, as_json=as_json)


@issue.command()
@click.argument("key", metavar="ISSUE")
@frame.json_option
@click.pass_context
def status(ctx: click.Context, key: str, *, as_json: bool) -> None:
    """Say how an issue stands: its lanes, and how many of its messages are in which state."""
    with frame.opened(ctx) as app:
        found = issues.status(app.db, key)
    _show(found, as_json=as_json)


def sentences(seen: Outlook, now: datetime) -> Iterator[str]:
    """What scheduling an issue will do, in plain words, a line each."""
    yield f'"{seen.subject}" goes to {_people(seen.people)} who are on the newsletter now'
    for one in seen.crowds:
        when = "at once" if one.due_at <= now else f"on {one.due_at:%a %d %B at %H:%M} UTC"
        yield f"  {_people(one.people)} {when}{_of(one.zones)}"
    if len(seen.crowds) == 1 and seen.crowds[0].due_at > now:
        yield "and to whoever joins until then."
    if seen.had:
        yield f"{_people(seen.had)} got it before it was called off, and do not get it again."
    if seen.after is not None:
        yield f"Who got the issue before gets this one after the gap, by {seen.after:%a %d %B at %H:%M} UTC."


def _show(found: Standing, *, as_json: bool) -> None:
    if as_json:
        outcomes = {state.value: number for state, number in found.outcomes.items()}
        frame.print_json({**_facts(found.issue), "lanes": [_lane(one) for one in found.lanes], "outcomes": outcomes})
        return
    click.echo(f'"{found.issue.letter.subject}" is {found.issue.state}.')
    table = frame.table("lane", "due", "now")
    for one in found.lanes:
        table.add_row(_of(one.zones).strip(" ()") or "everybody", f"{one.due_at:%Y-%m-%d %H:%M} UTC", _progress(one))
    frame.console.print(table)
    for state in DeliveryState:
        if state in found.outcomes:
            click.echo(f"{found.outcomes[state]:>10,} {state}")


def _progress(lane: Lane) -> str:
    if lane.ended_at is not None:
        return f"over since {lane.ended_at:%Y-%m-%d %H:%M} UTC"
    if lane.cursor or lane.zone:
        return "going out"
    return "waits"


def _of(zones: tuple[str, ...]) -> str:
    more = f" and {len(zones) - _ZONES_SHOWN} more zones" if len(zones) > _ZONES_SHOWN else ""
    return f" ({', '.join(zones[:_ZONES_SHOWN])}{more})" if zones else ""


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def _facts(one: Issue) -> Mapping[str, object]:
    return {"issue": one.key, "id": one.id, "subject": one.letter.subject, "state": one.state, "due_at": one.opens_at}


def _crowd(one: Crowd) -> Mapping[str, object]:
    return {"due_at": one.due_at, "zones": one.zones, "people": one.people}


def _lane(one: Lane) -> Mapping[str, object]:
    return {"due_at": one.due_at, "zones": one.zones, "ended_at": one.ended_at}


def _finding(one: Finding) -> Mapping[str, object]:
    return {"file": one.file, "line": one.line or None, "rule": one.rule, "level": one.level, "sentence": one.sentence}


def _folder(settings: Settings) -> Path:
    return settings.root / settings.issues


@contextmanager
def _opened(ctx: click.Context) -> Iterator[App]:
    """The app, its courses and its newsletter published."""
    with frame.opened(ctx) as app:
        wiring.prepare(app, now=app.clock())
        yield app


def _borrowed(settings: Settings) -> tuple[str, str]:
    """The sender and the name that a first newsletter takes from a course, as far as there is one."""
    folder = shelf.folder(settings)
    paths = course_files.find(folder) if folder.is_dir() else ()
    if not paths:
        return "Your Name <you@example.org>", "The Newsletter"
    course = course_files.read(paths[0])
    return f"{course.sender.name} <{course.sender.address}>", course.brand


def _imprint(settings: Settings) -> Imprint:
    """As in real mail, but for the secret: with one that is thrown away no link opens anything."""
    return Imprint(
        base_url=settings.base_url,
        secret=secrets.token_hex(),
        postal_address=settings.postal_address,
        confirm_within=settings.confirm_within,
    )
