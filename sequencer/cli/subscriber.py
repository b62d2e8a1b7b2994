"""How does an admin look after people? Add, list, show, explain, unsubscribe."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from sequencer import app as wiring
from sequencer.cli import arguments, frame, rest, rights
from sequencer.cli.consent import consent as consent_command
from sequencer.core.model import Address, SignupRequest, Subscriber, SubscriberState
from sequencer.core.verdicts import SignupVerdict
from sequencer.flows import leaving, outlook, report, signup, subscription
from sequencer.flows.outlook import Place
from sequencer.flows.report import Why
from sequencer.forms import Form, OptIn
from sequencer.settings import Settings


@click.group()
def subscriber() -> None:
    """Add, list and explain people; pause, unsubscribe, export and erase them."""


subscriber.add_command(consent_command)
subscriber.add_command(rest.pause)
subscriber.add_command(rest.resume)
subscriber.add_command(rights.export)
subscriber.add_command(rights.erase)


@subscriber.command()
@arguments.email_argument
@click.option("--form", "form_key", default="newsletter", show_default=True, help="The form whose course they get.")
@click.option("--name", default="", callback=arguments.a_name, help="What they are called.")
@click.option("--timezone", callback=arguments.a_zone, metavar="ZONE", help="Their time zone, like Europe/London.")
@click.option(
    "--confirmed",
    callback=arguments.some_words,
    metavar="WHERE",
    help="They have agreed already; say where and when. No mail asks again.",
)
@click.pass_context
def add(
    ctx: click.Context, email: Address, form_key: str, name: str, timezone: ZoneInfo | None, confirmed: str | None
) -> None:
    """Add a person: a confirmation mail asks them, unless --confirmed says where they agreed."""
    with frame.opened(ctx) as app:
        now = app.clock()
        wiring.prepare(app, now=now)
        form = _form(app.settings, form_key)
        zone = timezone or app.settings.default_timezone
        if confirmed:
            subscription.add(app.db, email, form, name=name, zone=zone, reason=confirmed, now=now, chosen=timezone)
            click.echo(f"{email.normalized} is on the course.")
            return
        request = SignupRequest(
            form=form.key,
            address=email,
            name=name,
            timezone=timezone.key if timezone else "",
            note="Added by an admin.",
            source_url="",
            ip="",
        )
        # What a form of single opt-in knows of its visitors says nothing of whom an admin types.
        verdict = signup.sign_up(app.db, request, replace(form, opt_in=OptIn.DOUBLE), zone=zone, now=now)
    if verdict is SignupVerdict.CONFIRM:
        click.echo(f"{email.normalized} will get a confirmation mail.")
    else:
        raise click.ClickException(
            f'{email.normalized} gets no confirmation mail now; "sequencer subscriber why {email.normalized}" says why.'
        )


@subscriber.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in SubscriberState]), help="Only people in this state."
)
@frame.json_option
@click.pass_context
def list_(ctx: click.Context, state: str | None, *, as_json: bool) -> None:
    """List people in the order in which they came; with --json one object a line."""
    with frame.opened(ctx) as app:
        people = report.people(app.db, state=SubscriberState(state) if state else None)
        if as_json:
            for person in people:
                frame.print_json(_person(person))
            return
        table = frame.table("address", "name", "zone", "state", "since")
        for person in people:
            row = (person.address.normalized, person.name, person.timezone, person.state.value)
            table.add_row(*row, f"{person.created_at:%Y-%m-%d}")
    frame.console.print(table)


@subscriber.command()
@arguments.email_argument
@frame.json_option
@click.pass_context
def show(ctx: click.Context, email: Address, *, as_json: bool) -> None:
    """Show what we know of a person: state, zone, consent, courses."""
    with frame.opened(ctx) as app:
        known = report.why(app.db, email, now=app.clock())
    if as_json:
        frame.print_json(_story(known))
        return
    _print_person(known)
    for consent in known.consents:
        when = f"confirmed {_utc(consent.confirmed_at)}" if consent.confirmed_at else "not confirmed"
        where = f" from {consent.ip}" if consent.ip else ""
        click.echo(f'consent: {_utc(consent.asked_at)} by form "{consent.form}"{where}, {when}: "{consent.wording}"')
        if consent.note:
            click.echo(f"  note: {consent.note}")
    for place in known.places:
        done, total = place.enrolment.step, len(place.course.lessons)
        click.echo(f"course: {place.course.title}, {place.enrolment.state}, {done} of {total} lessons")


@subscriber.command()
@arguments.email_argument
@frame.json_option
@click.pass_context
def why(ctx: click.Context, email: Address, *, as_json: bool) -> None:
    """Explain in plain words what a person got, what comes next and when, and what stands in the way."""
    with frame.opened(ctx) as app:
        known = report.why(app.db, email, now=app.clock())
    if as_json:
        frame.print_json(_story(known))
        return
    _print_person(known)
    click.echo("\nWhat was sent:" if known.sent else "\nNothing was sent yet.")
    for sent in known.sent:
        row = sent.delivery
        when = _utc(row.finished_at or row.created_at)
        tries = f" after {row.attempt} tries" if row.attempt > 1 else ""
        click.echo(f"  {when}  {sent.what}: {row.state}{tries}.{outlook.said_of(row)}")
    click.echo("\nWhat comes next:")
    for line in _next(known.places):
        click.echo(f"  {line}")
    if known.blockers:
        click.echo("\nWhat stands in the way:")
        for blocker in known.blockers:
            click.echo(f"  {blocker}")


@subscriber.command()
@arguments.email_argument
@click.pass_context
def unsubscribe(ctx: click.Context, email: Address) -> None:
    """Unsubscribe a person: nothing more is sent, and what is queued is cancelled."""
    with frame.opened(ctx) as app:
        person = report.find(app.db, email)
        leaving.leave_person(app.db, person.id, now=app.clock())
    click.echo(f"{email.normalized} is unsubscribed.")


def _form(settings: Settings, key: str) -> Form:
    form = settings.forms.get(key)
    if form is None:
        raise click.BadParameter(f'there is no form "{key}"; there is {", ".join(settings.forms) or "none"}.')
    return form


def _print_person(known: Why) -> None:
    person = known.person
    named = f" ({person.name})" if person.name else ""
    click.echo(
        f"{person.address.normalized}{named}: {person.state}, {person.timezone}, since {_utc(person.created_at)}"
    )


def _next(places: Sequence[Place]) -> Iterator[str]:
    """What each course of a person brings next, in lines; the course is named where there are several."""
    for place in places:
        course = f' of "{place.course.title}"' if len(places) > 1 else ""
        if place.next_due and place.next_lesson:
            due = f"{place.next_due:%A %d %B %Y at %H:%M} ({place.next_due.tzinfo})"
            yield f'"{place.next_lesson}"{course} on {due}'
            yield f"because lessons go out {place.rule}."
        if place.note:
            yield place.note
    if not places:
        yield "nothing is planned."


def _utc(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else ""


def _person(person: Subscriber) -> dict[str, object]:
    return {
        "address": person.address.normalized,
        "name": person.name,
        "timezone": person.timezone,
        "state": person.state.value,
        "created_at": person.created_at,
        "confirmed_at": person.confirmed_at,
        "left_at": person.left_at,
    }


def _story(known: Why) -> dict[str, object]:
    suppression = known.suppression
    return {
        **_person(known.person),
        "sent": [
            {
                "delivery": sent.delivery.id,
                "what": sent.what,
                "state": sent.delivery.state.value,
                "attempts": sent.delivery.attempt,
                "reply": sent.delivery.reply,
                "created_at": sent.delivery.created_at,
                "finished_at": sent.delivery.finished_at,
            }
            for sent in known.sent
        ],
        "consents": [
            {
                "form": consent.form,
                "wording": consent.wording,
                "ip": consent.ip,
                "source_url": consent.source_url,
                "note": consent.note,
                "asked_at": consent.asked_at,
                "confirmed_at": consent.confirmed_at,
                "confirmed_ip": consent.confirmed_ip,
            }
            for consent in known.consents
        ],
        "courses": [
            {
                "course": place.course.slug,
                "state": place.enrolment.state.value,
                "lessons_done": place.enrolment.step,
                "lessons": len(place.course.lessons),
                "next_lesson": place.next_lesson,
                "next_due": place.next_due,
                "rule": place.rule,
                "note": place.note,
                "pace": place.enrolment.pace,
                "paused_until": place.enrolment.paused_until,
            }
            for place in known.places
        ],
        "suppressed": {"reason": suppression.reason.value, "detail": suppression.detail} if suppression else None,
        "blockers": list(known.blockers),
    }
