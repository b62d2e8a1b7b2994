"""What do tests of the newsletter share? A newsletter, its issues, people who are on it, and what came to them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from house import LONDON, NOW, House, an_address, small_course, small_lesson

from sequencer.core.model import NEWSLETTER, Course, DeliveryKind, DeliveryState, Gap, Issue, Rhythm
from sequencer.flows import issues, subscription
from sequencer.flows.issues import When
from sequencer.forms import Form

RHYTHM = small_course().rhythm
NEWS = Form(key="news", course=NEWSLETTER)


def newsletter(gap: Gap | None = None) -> Course:
    """The newsletter: a sender, and at least half a day between two issues."""
    rhythm = Rhythm(send_at=RHYTHM.send_at, days=RHYTHM.days, gap=gap or Gap(hours=12))
    return small_course(0, slug=NEWSLETTER, title="The Letter", rhythm=rhythm)


def an_issue(key: str = "first", gap: Gap | None = None, **changes: object) -> Course:
    """An issue that says its key."""
    given = {"key": key, "subject": f"Issue {key}", "source": f"issues/{key}.md", **changes}
    return replace(newsletter(gap), lessons=(small_lesson(1, **given),))


def read(house: House, email: str, now: datetime = NOW, *, zone: str = LONDON.key) -> None:
    """Somebody is on the newsletter."""
    subscription.add(house.db, an_address(email), NEWS, name="", zone=ZoneInfo(zone), reason="A test.", now=now)


def readers(house: House, number: int, now: datetime = NOW, *, zone: str = LONDON.key) -> Sequence[str]:
    """Several are."""
    emails = [f"reader-{at:02}@{zone.lower().replace('/', '-').replace('_', '-')}.example.org" for at in range(number)]
    for email in emails:
        read(house, email, now, zone=zone)
    return emails


def schedule(
    house: House,
    issue: Course | None = None,
    now: datetime = NOW,
    *,
    at: datetime | None = None,
    local: bool = False,
    zone: ZoneInfo = LONDON,
) -> Issue:
    """An issue is scheduled."""
    when = When(at=at, zone=zone, is_local=local)
    words = issue or an_issue()
    return issues.schedule_issue(house.db, words, when, house.templates, postal_address="1 Example Street", now=now)


def came(house: House, subject: str = "Issue first") -> Counter[str]:
    """Whom an issue came to, and how often."""
    found = [one for one in house.courier.sent if f"Subject: {subject}".encode() in one.content]
    return Counter(one.recipient for one in found)


def rows(house: House, email: str) -> list[DeliveryState]:
    """The states of somebody's issues."""
    return [row.state for row in house.ledger(email) if row.kind is DeliveryKind.ISSUE]
