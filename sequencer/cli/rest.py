"""How does an admin pause one person's lessons, as the person can from any lesson, and let them go on?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from sequencer.app import App
from sequencer.cli import arguments, frame
from sequencer.core.model import Address, Course, Enrolment
from sequencer.flows import preferences, report, tempo
from sequencer.flows.seats import Said

_course_option = click.option("--course", "slug", metavar="SLUG", help="Only this course; all of theirs unless said.")


@click.command()
@arguments.email_argument
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Nothing before this day.")
@click.option("--weeks", type=click.IntRange(1, 52), help="Nothing for so many weeks.")
@_course_option
@click.pass_context
def pause(ctx: click.Context, email: Address, until: datetime | None, weeks: int | None, slug: str | None) -> None:
    """Pause a person's lessons until a day of their calendar; afterwards they go on where they are, without a burst."""
    if (until is None) == (weeks is None):
        raise click.UsageError("Say either --until DATE or --weeks N.")
    length = until.date() if until else timedelta(weeks=weeks or 0)
    with frame.opened(ctx) as app:
        now = app.clock()
        said = [(course, tempo.pause(app.db, place.id, length, now=now)) for place, course in _places(app, email, slug)]
    _tell(email, said, {Said.PAUSED: "is paused"})


@click.command()
@arguments.email_argument
@_course_option
@click.pass_context
def resume(ctx: click.Context, email: Address, slug: str | None) -> None:
    """Let a paused person's lessons go on: the next one comes at their next hour."""
    with frame.opened(ctx) as app:
        now = app.clock()
        said = [(course, tempo.resume(app.db, place.id, now=now)) for place, course in _places(app, email, slug)]
    _tell(email, said, {Said.RESUMED: "goes on", Said.ALREADY: "was not paused"})


def _places(app: App, email: Address, slug: str | None) -> Sequence[tuple[Enrolment, Course]]:
    person = report.find(app.db, email)
    found = [(place, course) for place, course in preferences.places(app.db, person.id) if slug in (None, course.slug)]
    if not found:
        raise click.ClickException(f"{email.normalized} is not on {f'the course {slug}' if slug else 'any course'}.")
    return found


def _tell(email: Address, said: Sequence[tuple[Course, Said]], words: dict[Said, str]) -> None:
    """One line a course; a course that is over, or was left, is none that can be paused."""
    known = {**words, Said.FINISHED: "is finished", Said.GONE: "was left"}
    for course, one in said:
        click.echo(f"{email.normalized}: {course.slug} {known[one]}.")
