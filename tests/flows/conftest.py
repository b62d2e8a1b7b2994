"""What do some flows share? Templates, houses on one kind of database, and further databases to move to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house import House
from sqlalchemy import text

from sequencer.store.database import Database, connect


@pytest.fixture
def shared_house(postgres_db: Database) -> House:
    """A house whose database several may send from at once: PostgreSQL."""
    return House(postgres_db)


@pytest.fixture
def single_house(sqlite_db: Database) -> House:
    """A house whose database one at a time may send from: SQLite."""
    return House(sqlite_db)


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """Makes further databases without any table, of the kind that is asked for."""
    made: list[Database] = []

    def open_one(kind: str) -> Database:
        name = f"other{len(made)}"
        if kind == "sqlite":
            made.append(connect(f"sqlite:///{name}.db", root=tmp_path))
            return made[-1]
        server: Database = request.getfixturevalue("postgres_db")
        with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            admin.execute(text(f"CREATE DATABASE {name}"))
        url = server.engine.url.set(database=name).render_as_string(hide_password=False)
        made.append(connect(url, root=tmp_path))
        return made[-1]

    yield open_one
    for one in made:
        one.close()
