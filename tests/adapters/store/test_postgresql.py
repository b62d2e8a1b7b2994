"""Is PostgreSQL connected to with our name and our limits?"""

from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from sequencer.errors import BadSettings
from sequencer.store import postgresql
from sequencer.store.database import Database, connect


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("application_name", "sequencer"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("statement_timeout", "5min"),
        ("lock_timeout", "30s"),
        ("jit", "off"),
    ],
)
def test_nothing_takes_for_ever_on_any_connection(postgres_db: Database, name: str, value: str) -> None:
    with postgres_db.read() as first, postgres_db.begin() as second:
        for tx in (first, second):
            assert tx.execute(text(f"SHOW {name}")).scalar_one() == value


def test_who_changes_the_tables_may_take_longer(postgres_db: Database) -> None:
    with postgres_db.begin() as tx:
        postgresql.unlimited(tx)
        assert tx.execute(text("SHOW statement_timeout")).scalar_one() == "0"
    with postgres_db.begin() as tx:
        assert tx.execute(text("SHOW statement_timeout")).scalar_one() == "5min"


def test_no_statement_is_prepared_as_the_next_transaction_may_meet_another_server(postgres_db: Database) -> None:
    with postgres_db.begin() as tx:
        for number in range(20):
            tx.execute(text("SELECT :number"), {"number": number})
        assert tx.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one() == 0


def test_the_address_says_how_many_connections_are_kept(postgres_url: str) -> None:
    url = make_url(postgres_url).update_query_dict({"pool": "3"}).render_as_string(hide_password=False)
    db = connect(url, root=Path())
    assert db.engine.pool.size() == 3  # type: ignore[attr-defined]
    db.close()


@pytest.mark.parametrize("pool", ["0", "many", "5000", "-1"])
def test_a_pool_is_a_number(postgres_url: str, pool: str) -> None:
    url = make_url(postgres_url).update_query_dict({"pool": pool}).render_as_string(hide_password=False)
    with pytest.raises(BadSettings, match="pool takes a number of connections from 1 to 1000"):
        connect(url, root=Path())
