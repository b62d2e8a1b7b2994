"""Which engines keep the contract? All three: in this process, by PostgreSQL, and by a broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu.transport import memory
from sqlalchemy import create_engine, make_url, text

from sequencer.content.files import shipped
from sequencer.engine.celery import CeleryEngine
from sequencer.engine.in_process import InProcess
from sequencer.engine.port import Engine
from sequencer.engine.procrastinate import ProcrastinateEngine
from sequencer.store import migrate
from sequencer.store.database import Database, connect
from sequencer.store.tables import metadata

NAME = "engines"


@pytest.fixture(scope="session")
def engine_database(postgres_url: str) -> Iterator[Database]:
    """A database of the engines alone, as they bring tables of their own."""
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as admin:
        admin.execute(text(f"CREATE DATABASE {NAME}"))
    server.dispose()
    db = connect(url.set(database=NAME).render_as_string(hide_password=False), root=Path())
    migrate.upgrade(db, shipped("migrations"))
    yield db
    db.close()


@pytest.fixture
def engine_db(engine_database: Database) -> Database:
    """The same, empty."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with engine_database.begin() as tx:
        tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        if tx.execute(text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")).scalar_one():
            tx.execute(text("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE"))
    return engine_database


@pytest.fixture(params=["in-process", "procrastinate", "celery"])
def engine(request: pytest.FixtureRequest, engine_db: Database) -> Iterator[Engine]:
    """Each engine in turn, ready for hints. Celery's broker is this process; real ones are in tests/services."""
    made: Engine
    if request.param == "in-process":
        made = InProcess()
    elif request.param == "procrastinate":
        made = ProcrastinateEngine(engine_db)
    else:
        memory.Channel.queues.clear()
        made = CeleryEngine(engine_db, "memory://", transport={"polling_interval": 0.02})
    made.prepare()
    yield made
    made.close()
