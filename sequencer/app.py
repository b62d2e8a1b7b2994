"""What belongs to one running program? Settings become an App: database, templates, press, courier, clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sequencer.content import courses as course_files
from sequencer.content import issues as issue_files
from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.core.model import NEWSLETTER
from sequencer.delivery.courier import Courier, SmtpCourier
from sequencer.delivery.hooks import Caller
from sequencer.errors import BadSettings, SequencerError
from sequencer.flows import copying, replay, shelf, upkeep
from sequencer.flows import course as course_flow
from sequencer.flows import issues as issue_flow
from sequencer.flows.copying import Copied, Told
from sequencer.flows.lowwater import Marks
from sequencer.flows.press import Imprint, Press
from sequencer.flows.pulse import SILENCE, Pulse
from sequencer.flows.reminders import Patience
from sequencer.flows.rush import Rush
from sequencer.flows.spans import Spans
from sequencer.flows.timekeeping import SharedClock
from sequencer.flows.upkeep import Terms
from sequencer.message.dkim import Signers
from sequencer.settings import Settings
from sequencer.store import migrate
from sequencer.store.database import Database, connect
from sequencer.store.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything a door needs. `clock` is read once for each request or tick, by the door.

    `shared` is that clock where it is the database's (`by_shared_clock`).
    """

    settings: Settings
    db: Database
    templates: Templates
    press: Press
    courier: Courier
    clock: Callable[[], datetime]
    caller: Caller = field(default_factory=Caller)
    pulse: Pulse = field(default_factory=Pulse)
    rush: Rush = field(default_factory=Rush)
    journal: Journal | None = None
    spans: Spans = field(default_factory=Spans)
    marks: Marks = field(default_factory=Marks)
    shared: SharedClock | None = None

    def look_at_clock(self) -> datetime:
        """Now, for a pass: where the clock is the database's, that is asked. Raises BadDatabase."""
        if self.shared is not None:
            self.shared.look()
        return self.clock()

    def close(self) -> None:
        """Let go of the database, and of the journal."""
        self.db.close()
        if self.journal is not None:
            self.journal.close()


def open_app(settings: Settings, *, clock: Callable[[], datetime], courier: Courier | None = None) -> App:
    """The app of these settings; nothing is changed anywhere. Raises BadSettings where something cannot be reached."""
    own = settings.root / settings.templates if settings.templates else None
    if own and not own.is_dir():
        raise BadSettings(f'The option "templates" is {own}; there is no such folder.')
    templates = Templates(own)
    db = connect(settings.database_url, root=settings.root)
    spans = Spans()
    return App(
        settings=settings,
        db=db,
        templates=templates,
        press=_press(settings, templates),
        courier=courier or SmtpCourier(*settings.all_relays, span=spans),
        clock=clock,
        journal=_journal(settings, db),
        spans=spans,
    )


def by_shared_clock(app: App) -> App:
    """The same app, which goes by the database's clock where several machines may share it: on PostgreSQL."""
    if app.db.is_sqlite:
        return app
    shared = SharedClock(app.db, app.clock)
    return replace(app, clock=shared, shared=shared)


def another(app: App) -> App:
    """The same app for somebody who sends beside it: their own are courier, press, and where they have come to."""
    courier = SmtpCourier(*app.settings.all_relays, span=app.spans)
    return replace(app, press=_press(app.settings, app.templates), courier=courier, marks=Marks())


def _journal(settings: Settings, db: Database) -> Journal | None:
    """Where this process notes what relays say; beside a SQLite file, so that a copy of it has a journal of its own."""
    if settings.journal == Path("off"):
        return None
    file = db.engine.url.database if db.is_sqlite else None
    return Journal(settings.root / (settings.journal or (f"{file}-outcomes" if file else "outcomes")))


def _press(settings: Settings, templates: Templates) -> Press:
    imprint = Imprint(
        base_url=settings.base_url,
        secret=settings.secret_key,
        postal_address=settings.postal_address,
        confirm_within=settings.confirm_within,
        timezone=settings.default_timezone,
        archive=settings.base_url + shelf.ARCHIVE if settings.archive else "",
    )
    return Press(templates, imprint, Signers(settings))


NO_DATABASE = "The database does not answer."


def unready(app: App, *, at: float) -> str:
    """Why nothing new should be brought to this process now; "" where it is ready. `at` is a moment of the pulse.

    Each reason is a sentence that anybody may read: what is behind it stands in the log.
    """
    if app.pulse.is_stopping:
        return "This process is stopping."
    try:
        shape = migrate.shape(app.db)
    except SequencerError:
        return NO_DATABASE
    if shape != migrate.newest(shipped("migrations")):
        return "The database is not of the shape that this program knows."
    if app.pulse.silence(at) > SILENCE:
        return "The sender of this process has not done well for two minutes."
    return ""


def terms(settings: Settings) -> Terms:
    """How long things are waited for and kept, as the settings have it."""
    patience = Patience(link=timedelta(days=settings.confirm_within), reminder=timedelta(days=settings.remind_after))
    return Terms(
        patience=patience,
        forget_after=timedelta(days=settings.forget_after),
        ledger_months=settings.ledger_months,
    )


def upgrade(app: App) -> tuple[str, ...]:
    """Bring the database to the newest shape; the migrations that ran."""
    return migrate.upgrade(app.db, shipped("migrations"))


@contextmanager
def two_databases(source: str, target: str, *, root: Path) -> Iterator[tuple[Database, Database]]:
    """Two databases by their addresses, of whatever shape; closed at the end. Raises BadSettings."""
    here = connect(source, root=root, name="The address to copy from")
    try:
        there = connect(target, root=root, name="The address to copy to")
        try:
            yield here, there
        finally:
            there.close()
    finally:
        here.close()


def copy_database(
    source: Database, target: Database, *, now: datetime, rehearse: bool, replace: bool, told: Told
) -> Copied:
    """Everything of one database into another one, which is of the newest shape then; `flows.copying` says the rest."""
    migrations = shipped("migrations")
    return copying.copy(source, target, migrations, now=now, rehearse=rehearse, replace=replace, told=told)


def prepare_database(app: App) -> None:
    """Make the tables of an empty database, and check that they are of the shape we know. Raises BadSettings."""
    if migrate.is_empty(app.db):
        upgrade(app)
    migrate.check(app.db, shipped("migrations"))


def look_into_journal(app: App, *, now: datetime) -> None:
    """Before anything is sent: stop everything where the journal here knows of messages that the database does not."""
    if app.journal is not None:
        replay.pause_if_restored(app.db, app.journal, now=now)


def tidy(app: App, *, now: datetime, stop: Callable[[], bool] = lambda: False) -> None:
    """The upkeep of every hour, and of the journal."""
    upkeep.tidy(app.db, terms(app.settings), now=now, stop=stop)
    if app.journal is not None:
        app.journal.prune(now=now)


def prepare(app: App, *, now: datetime) -> tuple[str, ...]:
    """Check that the service can run, make the tables of an empty database, publish new courses, and the newsletter.

    Gives the slugs of courses whose files differ from what is published. Raises BadSettings or BadContent.
    """
    prepare_database(app)
    look_into_journal(app, now=now)
    folder = app.settings.root / app.settings.courses
    changed = course_flow.publish_new(
        app.db,
        folder,
        app.templates,
        postal_address=app.settings.postal_address,
        now=now,
        needed={slug for form in app.settings.forms.values() for slug in form.courses},
    )
    known = {path.name for path in course_files.find(folder)}
    if NEWSLETTER in known:
        raise BadSettings(f'{folder}: a course cannot be called "{NEWSLETTER}"; give its folder another name.')
    if issue_files.is_there(app.settings.root / app.settings.issues):
        issue_flow.publish(app.db, issue_files.newsletter(app.settings.root / app.settings.issues), now=now)
        known.add(NEWSLETTER)
    for form in app.settings.forms.values():
        if form.newsletter and NEWSLETTER not in known:
            where = app.settings.root / app.settings.issues / issue_files.NEWSLETTER_FILE
            raise BadSettings(f'The form "{form.key}" is for the newsletter; there is no {where}.')
        if form.course not in known:
            there = ", ".join(sorted(known)) or "none"
            raise BadSettings(
                f'The form "{form.key}" leads to the course "{form.course}"; in {folder} there is {there}.'
            )
    return tuple(changed)
