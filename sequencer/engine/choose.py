"""Which engine carries the hints here? As the settings say, or the command; asked for only where it is needed."""

from sequencer.app import App
from sequencer.engine.in_process import InProcess
from sequencer.engine.port import Engine
from sequencer.errors import BadSettings
from sequencer.values import EngineName


def open_engine(app: App, name: EngineName) -> Engine:
    """The engine of this name. Raises BadSettings where it lacks something: a package, a database, a broker."""
    if name is EngineName.IN_PROCESS:
        return InProcess()
    if app.db.is_sqlite:
        raise BadSettings(
            f'The engine "{name}" needs PostgreSQL, as it is for several machines; set the option "database_url".'
        )
    if name is EngineName.PROCRASTINATE:
        return _procrastinate(app)
    return _celery(app)


def _procrastinate(app: App) -> Engine:
    try:
        from sequencer.engine.procrastinate import ProcrastinateEngine
    except ModuleNotFoundError as error:
        raise _missing(EngineName.PROCRASTINATE, error) from error
    return ProcrastinateEngine(app.db)


def _celery(app: App) -> Engine:
    if not app.settings.broker_url:
        raise BadSettings(
            'The engine "celery" needs a broker; set the option "broker_url" to an address like '
            "amqp://user:password@host/ (RabbitMQ) or redis://host:6379/0."
        )
    try:
        from sequencer.engine.celery import CeleryEngine
    except ModuleNotFoundError as error:
        raise _missing(EngineName.CELERY, error) from error
    return CeleryEngine(app.db, app.settings.broker_url)


def _missing(name: EngineName, error: ModuleNotFoundError) -> BadSettings:
    return BadSettings(
        f'The engine "{name}" needs a package that is not installed ({error.name}); '
        f"run pip install 'sequencer[{name}]'."
    )
