"""What can everybody read of the newsletter? The issues that went out, the newest first, with nothing of a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sequencer.content.render import Mail
from sequencer.core.model import NEWSLETTER, Course, Issue, IssueId, IssueState
from sequencer.errors import NotFound
from sequencer.flows.press import Press
from sequencer.store import courses, issues
from sequencer.store.database import Database, Transaction

ARCHIVE = "/archive"  # where it is, below our address
ON_A_PAGE = 20
IN_THE_FEED = 20
_NONE = "There is no such issue here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A page of the archive, numbered from 1; `pages` is how many there are, one at least."""

    newsletter: Course
    issues: Sequence[Issue]
    number: int
    pages: int


def leaf(db: Database, number: int, *, now: datetime) -> Leaf:
    """A page of the archive. Raises NotFound where there is none, or no newsletter."""
    with db.read() as tx:
        newsletter = _newsletter(tx)
        pages = max(1, -(-issues.count_published(tx, now=now) // ON_A_PAGE))
        if not 1 <= number <= pages:
            raise NotFound(_NONE)
        found = issues.published(tx, now=now, skip=(number - 1) * ON_A_PAGE, limit=ON_A_PAGE)
    return Leaf(newsletter=newsletter, issues=found, number=number, pages=pages)


def newest(db: Database, *, now: datetime) -> Leaf:
    """The newest issues, as many as a feed tells of. Raises NotFound where there is no newsletter."""
    with db.read() as tx:
        found = issues.published(tx, now=now, limit=IN_THE_FEED)
        return Leaf(newsletter=_newsletter(tx), issues=found, number=1, pages=1)


def issue(db: Database, which: IssueId, *, now: datetime) -> Issue:
    """One issue of the archive. Raises NotFound, also where it is not due yet, or was called off."""
    with db.read() as tx:
        found = issues.get(tx, which)
    if found is None or found.opens_at > now or found.state is IssueState.CANCELLED:
        raise NotFound(_NONE)
    return found


def page(press: Press, one: Issue) -> Mail:
    """An issue as everybody reads it."""
    return press.issue_page(one)


def entry(press: Press, one: Issue, address: str) -> Mail:
    """An issue as a feed tells it; its page is at this address."""
    return press.issue_entry(one, address)


def _newsletter(tx: Transaction) -> Course:
    found = courses.current(tx, NEWSLETTER)
    if found is None:
        raise NotFound("There is no archive here.")
    return found.course
