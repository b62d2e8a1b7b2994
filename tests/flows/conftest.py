"""What do all flows share? Templates, read once, and a house that publishes without a rehearsal.

What is published is compiled for a trial first: tests/flows/test_course.py sees to that, and here it would be half of
each test's time.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from house import NOW, House
from sqlalchemy import text

from sequencer.content.templates import Templates
from sequencer.core.model import Course
from sequencer.flows import edits
from sequencer.flows.press import Press
from sequencer.store.database import Database, connect


class QuickHouse(House):
    """A house whose courses are known to be sound."""

    def __init__(self, db: Database, templates: Templates) -> None:
        super().__init__(db)
        self.templates = templates
        self.press = Press(templates, self.press._imprint)

    def publish(self, course: Course, now: datetime = NOW) -> None:
        """Publish a course as it is."""
        with self.db.begin() as tx:
            edits.publish(tx, course, now=now)


@pytest.fixture(scope="session")
def templates() -> Templates:
    """The shipped templates."""
    return Templates()


@pytest.fixture
def house(db: Database, templates: Templates) -> House:
    """Flows over an empty database, with a scripted courier."""
    return QuickHouse(db, templates)


@pytest.fixture
def shared_house(postgres_db: Database, templates: Templates) -> House:
    """A house whose database several may send from at once: PostgreSQL."""
    return QuickHouse(postgres_db, templates)


@pytest.fixture
def single_house(sqlite_db: Database, templates: Templates) -> House:
    """A house whose database one at a time may send from: SQLite."""
    return QuickHouse(sqlite_db, templates)


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
