"""How is a PostgreSQL database that many tests share emptied for the next one?"""

from sqlalchemy import text

from sequencer.store.database import Database
from sequencer.store.tables import metadata

# Only what was written to is looked at: to truncate all tables would take longer than most tests.
_EMPTY = """
DO $$
DECLARE one record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN
        SELECT oid::regclass AS name FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
           AND relname <> 'alembic_version' AND relname !~ '^procrastinate'
    LOOP
        EXECUTE 'DELETE FROM ' || one.name;
    END LOOP;
    PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL;
END $$"""


def emptied(db: Database) -> Database:
    """The database without a row, and its counters at their beginnings."""
    with db.begin() as tx:
        tx.exec_driver_sql(_EMPTY)
    return db


def as_new(db: Database) -> None:
    """Empty it as if nothing had ever been written to it: PostgreSQL plans by what it once knew of tables."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with db.begin() as tx:
        tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
