"""What proves that somebody agreed? What they were asked in which words, where and when, and what they answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sequencer.core.model import Address, Consent, Course, Delivery, Subscriber
from sequencer.errors import NotFound
from sequencer.store import asking, consents, courses, subscribers
from sequencer.store.database import Database
from sequencer.store.subscribers import Suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """One consent, the course that it is about, the mails that asked for it, and until when their link worked."""

    consent: Consent
    course: Course
    mails: Sequence[Delivery]
    link_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is kept about what one person agreed to, the oldest first."""

    person: Subscriber
    agreed: Sequence[Agreed]
    suppression: Suppression | None


def of(db: Database, address: Address, *, link: timedelta) -> Record:
    """The record of an address; `link` is how long links work. Raises NotFound, and says what is kept nevertheless."""
    with db.read() as tx:
        person = subscribers.find(tx, address)
        suppression = subscribers.suppression_of(tx, address)
        if person is None:
            kept = f", but that it is suppressed ({suppression.reason})" if suppression else ""
            raise NotFound(f"Nothing is kept of {address.normalized}{kept}.")
        mails = asking.of(tx, [person.id]).get(person.id, ())
        return Record(
            person=person,
            agreed=[
                Agreed(
                    consent=one,
                    course=courses.revision(tx, courses.current_id(tx, one.course_id)).course,
                    mails=[mail for mail in mails if mail.campaign_id == one.id],
                    link_until=one.asked_at + link,
                )
                for one in consents.of(tx, person.id)
            ],
            suppression=suppression,
        )
