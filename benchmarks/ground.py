"""On what do the benchmarks stand? A database with many people who are due, and a lesson of a known size."""

from datetime import UTC, datetime, time
from pathlib import Path

from sqlalchemy import insert

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
from sequencer.store import migrate
from sequencer.store.database import Database, connect
from sequencer.store.tables import enrolment, subscriber

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECRET = "a secret for benchmarks, known to all"  # noqa: S105
_CHUNK = 20_000


def database(folder: Path, url: str = "sqlite:///bench.db") -> Database:
    """A database of the newest shape."""
    db = connect(url, root=folder)
    migrate.upgrade(db, shipped("migrations"))
    return db


def press() -> Press:
    """What makes parcels, with the shipped templates."""
    imprint = Imprint(
        base_url="https://mail.example.org", secret=SECRET, postal_address="1 Example Street", confirm_within=7
    )
    return Press(Templates(), imprint)


def publish(db: Database, *, words: int = 0, lessons: int = 2) -> Revision:
    """A course whose lessons have so many words more than the template's own."""
    text = " ".join(["steady"] * 12)
    body = "Dear {{ subscriber.name or 'reader' }},\n\n" + f"{text}.\n\n" * (words // 12)
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
        uncertain=WhenUncertain.RETRY,
        lessons=tuple(
            Lesson(key=f"l{n}", subject=f"Lesson {n}", preheader="A line", theme=f"Theme {n}", body=body)
            for n in range(lessons)
        ),
    )
    revision = course_flow.publish(db, made, Templates(), postal_address="1 Example Street", now=NOW)
    if revision is None:
        raise SystemExit("The course was published before.")
    return revision


def fill(db: Database, revision: Revision, *, people: int, due: int) -> None:
    """So many people on the course, of whom so many are due; the others are due a day later."""
    later = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    step = max(1, people // due) if due else people + 1
    for start in range(0, people, _CHUNK):
        ids = range(start + 1, min(start + _CHUNK, people) + 1)
        with db.begin() as tx:
            tx.execute(
                insert(subscriber),
                [
                    {
                        "id": n,
                        "normalized": f"reader{n}@example.org",
                        "wire": f"reader{n}@example.org",
                        "needs_smtputf8": 0,
                        "name": f"Reader {n}",
                        "timezone": "Europe/London",
                        "state": SubscriberState.ACTIVE,
                        "created_at": NOW,
                    }
                    for n in ids
                ],
            )
            tx.execute(
                insert(enrolment),
                [
                    {
                        "id": n,
                        "subscriber_id": n,
                        "course_id": revision.course_id,
                        "run": 0,
                        "step": 0,
                        "state": EnrolmentState.ACTIVE,
                        "next_due_at": NOW if n % step == 0 and n // step <= due else later,
                        "fence": 0,
                        "started_at": NOW,
                    }
                    for n in ids
                ],
            )


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
        enrolment_id=None,
        revision_id=revision.id,
        course_id=revision.course_id,
        step=1,
        created_at=NOW,
        address=Address(normalized="reader1@example.org", wire="reader1@example.org"),
        name="Reader 1",
        timezone="Europe/London",
    )
    return len(press.lesson(claim, revision).content)
