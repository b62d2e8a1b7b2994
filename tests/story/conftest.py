"""Where are stories played? In a fresh folder, on a database of either kind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from story.stage import Moody, Stage, free_port


@pytest.fixture(params=["sqlite"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """An installation, its relay listening; on SQLite, unless the story asks for PostgreSQL too."""
    mail_port = free_port()
    inbox = Moody(mail_port)
    url = "sqlite:///story.db"
    if request.param == "postgresql":
        url = _new_database(request.getfixturevalue("postgres_url"))
    made = Stage(folder=tmp_path, inbox=inbox, mail_port=mail_port, web_port=free_port(), database_url=url)
    made.set_up()
    inbox.start()
    yield made
    made.tear_down()
    made.inbox.stop()


def _new_database(server: str) -> str:
    """A database of its own, which goes away with the server."""
    name = f"story_{os.urandom(4).hex()}"
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)
