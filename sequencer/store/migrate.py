"""Is the database of the shape this program knows, and how does it get there? Alembic, driven from here."""

import functools
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, inspect, select

from sequencer.errors import BadSettings
from sequencer.store import marks, postgresql
from sequencer.store.database import Database

_UPGRADE_LOCK = 7_362_877  # a number of ours among PostgreSQL's advisory locks


def upgrade(database: Database, migrations: Path) -> tuple[str, ...]:
    """Bring the database to the newest shape; the names of the migrations that ran, none where it was there.

    Raises BadSettings for a copy that is not to be served from, and for a shape that we do not know.
    """
    marks.refuse(database)
    with database.begin() as tx:
        if not database.is_sqlite:
            postgresql.unlimited(tx)
            # Two programs that start at once on an empty database: the second finds the tables made.
            tx.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
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
    """Raises BadSettings where the database is not of the shape this program knows, or is not to be served from."""
    marks.refuse(database)
    if pending_in(shape(database), migrations):
        raise BadSettings('The database is not of the newest shape; run "sequencer db upgrade".')


def shape(database: Database) -> str | None:
    """The newest migration that ran; None where none did."""
    with database.read() as tx:
        return MigrationContext.configure(tx).get_current_revision()


@functools.lru_cache(maxsize=4)
def newest(migrations: Path) -> str | None:
    """The migration that this program needs, as its files were when it was first asked."""
    return ScriptDirectory.from_config(_config(migrations)).get_current_head()


def pending_in(current: str | None, migrations: Path) -> tuple[str, ...]:
    """The migrations that come after `current`, the oldest first. Raises BadSettings for a shape we do not know."""
    scripts = ScriptDirectory.from_config(_config(migrations))
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise BadSettings(f'The database has the shape "{current}" of a newer program; upgrade this program.')
    newer = [script.revision for script in scripts.iterate_revisions("head", current or "base")]
    return tuple(reversed(newer))


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
