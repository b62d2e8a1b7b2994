"""Is the database of the shape this program knows, and how does it get there? Alembic, driven from here."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from sequencer.errors import BadSettings
from sequencer.store.database import Database


def upgrade(database: Database, migrations: Path) -> tuple[str, ...]:
    """Bring the database to the newest shape; the names of the migrations that ran, none where it was there."""
    with database.begin() as tx:
        before = pending_in(MigrationContext.configure(tx).get_current_revision(), migrations)
        if before:
            config = _config(migrations)
            config.attributes["connection"] = tx
            command.upgrade(config, "head")
    return before


def is_empty(database: Database) -> bool:
    """Whether the database holds nothing at all yet."""
    with database.read() as tx:
        return not inspect(tx).get_table_names()


def check(database: Database, migrations: Path) -> None:
    """Raises BadSettings where the database is not of the shape this program knows."""
    with database.read() as tx:
        current = MigrationContext.configure(tx).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config(migrations)).walk_revisions()}
    if current is not None and current not in known:
        raise BadSettings(f'The database has the shape "{current}" of a newer program; upgrade this program.')
    if pending_in(current, migrations):
        raise BadSettings('The database is not of the newest shape; run "sequencer db upgrade".')


def pending_in(current: str | None, migrations: Path) -> tuple[str, ...]:
    """The migrations that come after `current`, the oldest first."""
    scripts = ScriptDirectory.from_config(_config(migrations))
    newer = [script.revision for script in scripts.iterate_revisions("head", current or "base")]
    return tuple(reversed(newer))


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
