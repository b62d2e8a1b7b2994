"""What do all flows share? Templates, read once, and a house that publishes without a rehearsal.

What is published is compiled for a trial first: tests/flows/test_course.py sees to that, and here it would be half of
each test's time.
"""

from datetime import datetime

import pytest
from house import NOW, House

from sequencer.content.templates import Templates
from sequencer.core.model import Course
from sequencer.flows import edits
from sequencer.flows.press import Press
from sequencer.store.database import Database


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
