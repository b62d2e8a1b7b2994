"""On what do the benchmarks stand? A database with many people who are due, and a lesson of a known size."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path

from sqlalchemy import make_url, text

from sequencer import settings
from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.core.model import (
    Address,
    Claim,
    Course,
    DeliveryId,
    DeliveryKind,
    EnrolmentState,
    Gap,
    Lesson,
    Mailbox,
    Revision,
    Rhythm,
    SubscriberId,
    SubscriberState,
    WhenUncertain,
)
from sequencer.flows import course as course_flow
from sequencer.flows.press import Imprint, Press
from sequencer.message import dkim
from sequencer.message.dkim import Signers
from sequencer.relays import Relay
from sequencer.store import migrate
from sequencer.store.database import Database, connect
from sequencer.store.tables import ENROLMENT_STATE, SUBSCRIBER_STATE

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_AT_ONCE = 200_000  # people filled in by one statement
SECRET = "a secret for benchmarks, known to all"  # noqa: S105


def database(folder: Path, url: str = "sqlite:///bench.db") -> Database:
    """A database of the newest shape."""
    db = connect(url, root=folder)
    migrate.upgrade(db, shipped("migrations"))
    return db


def press(keys: Path | None = None) -> Press:
    """What makes parcels, with the shipped templates; signed by a fresh RSA key where there is a folder for it."""
    imprint = Imprint(
        base_url="https://mail.example.org", secret=SECRET, postal_address="1 Example Street", confirm_within=7
    )
    if keys is None:
        return Press(Templates(), imprint)
    (keys / "dkim.pem").write_bytes(dkim.new_key(ed25519=False))
    given = {"SEQUENCER_DKIM_KEY": str(keys / "dkim.pem")}
    return Press(Templates(), imprint, Signers(settings.load(None, given, samples=settings.SAMPLES)))


def publish(
    db: Database, *, words: int = 0, lessons: int = 2, uncertain: WhenUncertain = WhenUncertain.RETRY
) -> Revision:
    """A course whose lessons have so many words more than the template's own."""
    line = " ".join(["steady"] * 12)
    body = "Dear {{ subscriber.name or 'reader' }},\n\n" + f"{line}.\n\n" * (words // 12)
    made = Course(
        slug="bench",
        title="A Course to Measure",
        subtitle="",
        author="Ann Author",
        brand="The Brand",
        language="en",
        site="https://example.org",
        sender=Mailbox(name="Ann Author", address="ann@example.org"),
        rhythm=Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(days=1)),
        uncertain=uncertain,
        lessons=tuple(
            Lesson(key=f"l{n}", subject=f"Lesson {n}", preheader="A line", theme=f"Theme {n}", body=body)
            for n in range(lessons)
        ),
    )
    revision = course_flow.publish(db, made, Templates(), postal_address="1 Example Street", now=NOW)
    if revision is None:
        raise SystemExit("The course was published before.")
    return revision


def fill(db: Database, revision: Revision, *, people: int, due: int, later: int = 86_400) -> None:
    """So many people on the course, of whom so many are due, spread evenly; the others so many seconds later."""
    now = int(NOW.timestamp())
    step = max(1, people // due) if due else people + 1
    numbers = (
        "SELECT value AS n FROM generate_series(CAST(:first AS bigint), :last) AS g(value)"
        if not db.is_sqlite
        else "WITH RECURSIVE g(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM g WHERE n < :last) SELECT n FROM g"
    )
    values = {"now": now, "later": now + later, "step": step, "due": due}
    # By and by: no statement of ours may take more than some minutes.
    for first in range(1, people + 1, _AT_ONCE):
        _fill(db, revision, numbers, {**values, "first": first, "last": min(first + _AT_ONCE - 1, people)})


def _fill(db: Database, revision: Revision, numbers: str, values: Mapping[str, int]) -> None:
    active = (
        SUBSCRIBER_STATE.members.index(SubscriberState.ACTIVE),
        ENROLMENT_STATE.members.index(EnrolmentState.ACTIVE),
    )
    with db.begin() as tx:
        tx.execute(
            text(f"""
INSERT INTO subscriber (id, normalized, wire, needs_smtputf8, name, timezone, state, created_at)
SELECT n, 'reader' || n || '@example.org', 'reader' || n || '@example.org', 0, 'Reader ' || n, 'Europe/London',
       {active[0]}, :now FROM ({numbers}) AS numbers"""),
            values,
        )
        tx.execute(
            text(f"""
INSERT INTO enrolment (id, subscriber_id, course_id, run, step, state, next_due_at, fence, started_at)
SELECT n, n, {revision.course_id}, 0, 0, {active[1]},
       CASE WHEN n % :step = 0 AND n / :step <= :due THEN :now ELSE :later + n % 3600 END, 0, :now
  FROM ({numbers}) AS numbers"""),
            values,
        )


def tidy(db: Database) -> None:
    """What PostgreSQL does by and by of itself after so many rows; SQLite has nothing to do."""
    if not db.is_sqlite:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
            tx.execute(text("VACUUM ANALYZE"))
            tx.execute(text("CHECKPOINT"))


def empty(url: str) -> None:
    """Let go of what a benchmark wrote on PostgreSQL, for its next size; a SQLite file went with its folder."""
    if make_url(url).get_backend_name() == "postgresql":
        db = connect(url, root=Path())
        with db.begin() as tx:
            tx.execute(text("DROP SCHEMA public CASCADE"))
            tx.execute(text("CREATE SCHEMA public"))
        db.close()


def message_size(press: Press, revision: Revision) -> int:
    """The bytes of the first lesson, to a reader with a name."""
    claim = Claim(
        id=DeliveryId(1),
        attempt=1,
        kind=DeliveryKind.LESSON,
        campaign_id=revision.lesson_ids[0],
        subscriber_id=SubscriberId(1),
        run=0,
        doubts=0,
        spared=0,
        relay="",
        enrolment_id=None,
        revision_id=revision.id,
        course_id=revision.course_id,
        step=1,
        created_at=NOW,
        address=Address(normalized="reader1@example.org", wire="reader1@example.org"),
        name="Reader 1",
        timezone="Europe/London",
    )
    return len(press.lesson(claim, revision, Relay(host="127.0.0.1", port=25, tls="off")).content)
