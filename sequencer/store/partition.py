"""How does a PostgreSQL database become a partitioned one? `enrolment` by shard, `delivery` by month, in one commit.

A partitioned table keeps a unique constraint only within each part. So two narrow tables hold what is to be unique over
all of them, and triggers see to it, whoever writes: `enrolment_key`, one place for each person and course, and
`delivery_key`, one message for each kind, campaign, person and run, which outlives the months of the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from sequencer.errors import BadSettings
from sequencer.store import months, postgresql, shards
from sequencer.store.database import Database, Transaction

SHARDS = 16
# A row that moves on in its course finds room on its page; dead ones are cleared away while few.
_STORAGE = "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02"
_PATIENCE = "SET LOCAL lock_timeout = '10s'"
_LOCK = "LOCK TABLE subscriber, enrolment, delivery IN ACCESS EXCLUSIVE MODE"

_INCOMING = text("""
SELECT conrelid::regclass::text AS source, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
 WHERE contype = 'f' AND confrelid = to_regclass(:name) AND conparentid = 0""")
_OUTGOING = text("""
SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
 WHERE contype = 'f' AND conrelid = to_regclass(:name)""")
_INDEXES = text("""
SELECT c.relname, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = to_regclass(:name) AND NOT i.indisunique""")
_SIZE = text("""
SELECT (SELECT count(*) FROM enrolment) AS places, (SELECT count(*) FROM delivery) AS messages,
       pg_size_pretty(pg_total_relation_size('enrolment')) AS copied""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much there is to divide: people's places, which are copied, and messages, which stay where they are."""

    places: int
    messages: int
    copied: str


def sizes(db: Database) -> Sizes:
    """How much there is to divide. Raises BadSettings where it cannot be divided."""
    _check(db)
    with db.read() as tx:
        row = tx.execute(_SIZE).one()
    return Sizes(places=row.places, messages=row.messages, copied=row.copied)


def divide(db: Database, *, parts: int = SHARDS, rehearse: bool = False) -> None:
    """Divide the places into so many shards and the ledger into months: all of it or, after an error, nothing.

    Nobody else reads or writes them meanwhile. A rehearsal does the same and takes it back. Raises BadSettings where
    the database is of SQLite or divided already, BadDatabase where others hold the tables for ten seconds.
    """
    _check(db)
    with db.begin() as tx:
        postgresql.unlimited(tx)
        tx.exec_driver_sql(_PATIENCE)
        tx.exec_driver_sql(_LOCK)
        # The ledger's own reference is made anew with the rest, when both are divided.
        references = _let_go(tx, "enrolment") + _let_go(tx, "delivery")
        _divide_places(tx, parts)
        _divide_ledger(tx)
        for source, name, definition in references:
            tx.exec_driver_sql(f"ALTER TABLE {source} ADD CONSTRAINT {name} {definition}")
        if rehearse:
            tx.rollback()


def _check(db: Database) -> None:
    if db.is_sqlite:
        raise BadSettings('The option "database_url" is of SQLite, which has no partitions; PostgreSQL has.')
    if shards.count(db) > 1:
        raise BadSettings(f"The database is partitioned already, into {shards.count(db)} shards.")


def _let_go(tx: Transaction, name: str) -> list[tuple[str, str, str]]:
    """Take away what refers to a table, to be put back when it is divided."""
    found = [(row.source, row.conname, row.definition) for row in tx.execute(_INCOMING, {"name": name})]
    for source, constraint, _ in found:
        tx.exec_driver_sql(f"ALTER TABLE {source} DROP CONSTRAINT {constraint}")
    return found


def _divide_places(tx: Transaction, parts: int) -> None:
    outgoing, indexes = _described(tx, "enrolment")
    tx.exec_driver_sql("ALTER TABLE enrolment RENAME TO enrolment_whole")
    _like(tx, "enrolment", "enrolment_whole", "HASH (id)")
    for shard in range(parts):
        tx.exec_driver_sql(
            f"CREATE TABLE {shards.partition(shard)} PARTITION OF enrolment "
            f"FOR VALUES WITH (MODULUS {parts}, REMAINDER {shard}) WITH ({_STORAGE})"
        )
    tx.exec_driver_sql("INSERT INTO enrolment SELECT * FROM enrolment_whole")
    _take_sequence(tx, "enrolment", "enrolment_whole")
    tx.exec_driver_sql("DROP TABLE enrolment_whole")
    tx.exec_driver_sql("ALTER TABLE enrolment ADD CONSTRAINT pk_enrolment PRIMARY KEY (id)")
    tx.exec_driver_sql("CREATE INDEX ix_enrolment_subscriber ON enrolment (subscriber_id, course_id)")
    _describe(tx, "enrolment", outgoing, indexes)
    for statement in _ENROLMENT_KEY:
        tx.exec_driver_sql(statement)


def _divide_ledger(tx: Transaction) -> None:
    """What is there stays where it is, as the first partition; the months begin with this one."""
    outgoing, indexes = _described(tx, "delivery")
    first, month = months.FIRST, months.now(tx)
    for statement in _DELIVERY_KEY:
        tx.exec_driver_sql(statement)
    tx.exec_driver_sql(f"ALTER TABLE delivery RENAME TO {first}")
    tx.exec_driver_sql(f"ALTER TABLE {first} RENAME CONSTRAINT pk_delivery TO pk_{first}")
    tx.exec_driver_sql(f"ALTER TABLE {first} DROP CONSTRAINT uq_delivery_kind_campaign_id_subscriber_id_run")
    for name, _ in indexes:
        tx.exec_driver_sql(f"ALTER INDEX {name} RENAME TO {name}_first")
    _like(tx, "delivery", first, "RANGE (id)")
    tx.exec_driver_sql("ALTER TABLE delivery ADD CONSTRAINT pk_delivery PRIMARY KEY (id)")
    _describe(tx, "delivery", outgoing, indexes)
    _take_sequence(tx, "delivery", first)
    tx.exec_driver_sql(f"ALTER TABLE delivery ALTER id SET DEFAULT {_NEW_ID}")
    tx.exec_driver_sql(
        f"ALTER TABLE delivery ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({month << months.BITS})"
    )
    for step in range(months.AHEAD + 1):
        months.make(tx, month + step)
    tx.exec_driver_sql(f"CREATE TABLE {months.BEYOND} PARTITION OF delivery DEFAULT WITH ({months.STORAGE})")
    for statement in _DELIVERY_TRIGGERS:
        tx.exec_driver_sql(statement)


def _described(tx: Transaction, name: str) -> tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str]]]:
    """The references that a table makes, and its indexes that are not unique, in PostgreSQL's words."""
    outgoing = [(row.conname, row.definition) for row in tx.execute(_OUTGOING, {"name": name})]
    return outgoing, [(row.relname, row.definition) for row in tx.execute(_INDEXES, {"name": name})]


def _describe(
    tx: Transaction, name: str, outgoing: Sequence[tuple[str, str]], indexes: Sequence[tuple[str, str]]
) -> None:
    for constraint, definition in outgoing:
        tx.exec_driver_sql(f"ALTER TABLE {name} ADD CONSTRAINT {constraint} {definition}")
    for _, definition in indexes:
        tx.exec_driver_sql(definition)


def _like(tx: Transaction, name: str, old: str, by: str) -> None:
    tx.exec_driver_sql(f"CREATE TABLE {name} (LIKE {old} INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY {by}")


def _take_sequence(tx: Transaction, name: str, old: str) -> None:
    sequence = tx.execute(text("SELECT pg_get_serial_sequence(:old, 'id')"), {"old": old}).scalar_one()
    tx.exec_driver_sql(f"ALTER SEQUENCE {sequence} OWNED BY {name}.id")


# Of the number only what counts on: a copied database may count on from ids with a month in them.
_NEW_ID = f"""
((((extract(year FROM now() AT TIME ZONE 'UTC')::bigint - 1970) * 12
   + extract(month FROM now() AT TIME ZONE 'UTC')::bigint - 1) << {months.BITS})
 + (nextval('delivery_id_seq') & {(1 << months.BITS) - 1}))"""

_ENROLMENT_KEY = (
    """
CREATE TABLE enrolment_key (
    subscriber_id bigint NOT NULL, course_id bigint NOT NULL,
    CONSTRAINT pk_enrolment_key PRIMARY KEY (subscriber_id, course_id))""",
    "INSERT INTO enrolment_key SELECT subscriber_id, course_id FROM enrolment",
    """
CREATE FUNCTION keep_enrolment_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE enrolment_key;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM enrolment_key WHERE subscriber_id = OLD.subscriber_id AND course_id = OLD.course_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO enrolment_key VALUES (NEW.subscriber_id, NEW.course_id);
    END IF;
    RETURN NULL;
END $$""",
    """
CREATE TRIGGER enrolment_key AFTER INSERT OR DELETE OR UPDATE OF subscriber_id, course_id ON enrolment
   FOR EACH ROW EXECUTE FUNCTION keep_enrolment_key()""",
    """
CREATE TRIGGER enrolment_keys AFTER TRUNCATE ON enrolment
   FOR EACH STATEMENT EXECUTE FUNCTION keep_enrolment_key()""",
)

# The person first: theirs is the locality. A message that has its row is not given another: the insert leaves it out,
# as ON CONFLICT DO NOTHING would, and of two who insert at once the second waits for the first.
_DELIVERY_KEY = (
    """
CREATE TABLE delivery_key (
    subscriber_id bigint NOT NULL, campaign_id bigint NOT NULL, kind smallint NOT NULL, run smallint NOT NULL,
    CONSTRAINT pk_delivery_key PRIMARY KEY (subscriber_id, campaign_id, kind, run))""",
    "INSERT INTO delivery_key SELECT subscriber_id, campaign_id, kind, run FROM delivery",
    """
CREATE FUNCTION keep_delivery_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO delivery_key VALUES (NEW.subscriber_id, NEW.campaign_id, NEW.kind, NEW.run) ON CONFLICT DO NOTHING;
        RETURN CASE WHEN FOUND THEN NEW END;
    END IF;
    TRUNCATE delivery_key;
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION forget_delivery_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM delivery_key k USING gone WHERE k.subscriber_id = gone.subscriber_id
       AND k.campaign_id = gone.campaign_id AND k.kind = gone.kind AND k.run = gone.run;
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION forget_keys_of_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM delivery_key k USING gone WHERE k.subscriber_id = gone.id;
    RETURN NULL;
END $$""",
)
_DELIVERY_TRIGGERS = (
    "CREATE TRIGGER delivery_key BEFORE INSERT ON delivery FOR EACH ROW EXECUTE FUNCTION keep_delivery_key()",
    "CREATE TRIGGER delivery_keys AFTER TRUNCATE ON delivery FOR EACH STATEMENT EXECUTE FUNCTION keep_delivery_key()",
    """
CREATE TRIGGER delivery_gone AFTER DELETE ON delivery REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION forget_delivery_keys()""",
    """
CREATE TRIGGER subscriber_gone AFTER DELETE ON subscriber REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION forget_keys_of_people()""",
)
