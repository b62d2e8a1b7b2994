"""What becomes of hints in PostgreSQL whose worker died, and of Procrastinate's tables?"""

import pytest
from sqlalchemy import text

from sequencer.engine.port import Load
from sequencer.engine.procrastinate import ProcrastinateEngine
from sequencer.errors import BadDatabase, BadSettings
from sequencer.store.database import Database

_MARK = "SELECT obj_description(to_regclass('procrastinate_jobs'))"


@pytest.fixture
def engine(engine_db: Database) -> ProcrastinateEngine:
    """Ready for hints."""
    made = ProcrastinateEngine(engine_db)
    made.prepare()
    return made


def _say(db: Database, *statements: str) -> None:
    with db.begin() as tx:
        for statement in statements:
            tx.execute(text(statement))


def _die_with(db: Database) -> None:
    """A worker took what waits, and gave no sign of life for a minute."""
    _say(
        db,
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')",
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)",
    )


def test_a_hint_whose_worker_died_is_deleted_and_stands_in_nobodys_way(
    engine: ProcrastinateEngine, engine_db: Database
) -> None:
    engine.hint([1, 2])
    _die_with(engine_db)
    assert engine.stats() == Load(waiting=0, running=2)
    # The next tick does not wait for that.
    engine.hint([1])
    assert engine.stats() == Load(waiting=1, running=2)
    assert engine.sweep_stalled() == 2
    assert engine.sweep_stalled() == 0
    assert engine.stats() == Load(waiting=1, running=0)


def test_a_hint_is_put_down_once_by_nodes_that_tick_at_the_same_moment(
    engine: ProcrastinateEngine, engine_db: Database
) -> None:
    other = ProcrastinateEngine(engine_db)
    with engine_db.begin() as tx:
        # The other one has seen that nothing waits, and is slower by this much.
        tx.execute(text("SELECT 1"))
        engine.hint([1, 2])
        other._defer(tx, 2)
        other._defer(tx, 3)
    assert engine.stats() == Load(waiting=3, running=0)


def test_tables_of_another_version_are_made_anew(engine: ProcrastinateEngine, engine_db: Database) -> None:
    engine.hint([1])
    _say(engine_db, "COMMENT ON TABLE procrastinate_jobs IS 'sequencer, Procrastinate 2.0.0'")
    engine.prepare()
    assert engine.stats() == Load(waiting=0, running=0)
    with engine_db.read() as tx:
        assert str(tx.execute(text(_MARK)).scalar_one()).startswith("sequencer, Procrastinate 3.")
    engine.hint([1])
    assert engine.stats().waiting == 1


def test_tables_of_another_program_are_left_alone(engine: ProcrastinateEngine, engine_db: Database) -> None:
    with engine_db.read() as tx:
        mark = tx.execute(text(_MARK)).scalar_one()
    try:
        for comment in ("NULL", "'theirs'"):
            _say(engine_db, f"COMMENT ON TABLE procrastinate_jobs IS {comment}")
            with pytest.raises(BadSettings) as caught:
                engine.prepare()
            assert str(caught.value) == (
                "The tables of Procrastinate in this database belong to another program; "
                "give the sequencer a database of its own."
            )
    finally:
        _say(engine_db, f"COMMENT ON TABLE procrastinate_jobs IS '{mark}'")


def test_without_its_tables_a_sweep_is_one_sentence_for_the_operator(
    engine: ProcrastinateEngine, engine_db: Database
) -> None:
    _say(engine_db, "ALTER TABLE procrastinate_workers RENAME TO away")
    try:
        with pytest.raises(BadDatabase) as caught:
            engine.sweep_stalled()
        assert str(caught.value).startswith("The engine cannot use the database: ")
        assert str(caught.value).endswith("; see that it runs and can be reached.")
    finally:
        _say(engine_db, "ALTER TABLE away RENAME TO procrastinate_workers")
