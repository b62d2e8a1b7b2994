"""How many newsletters may go out now, beside lessons? Their share of what is sent, and of a limited relay's day."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sequencer.core import precedence
from sequencer.core.model import Claim, DeliveryKind
from sequencer.delivery.way import Lane
from sequencer.flows.ration import Ration
from sequencer.store import enrolments
from sequencer.store.database import Transaction

SHARE = 10  # per cent
_DAY = timedelta(days=1)
_GOLDEN = 0.618033988749895  # its multiples lie evenly between whole numbers


class Precedence:
    """What lessons and newsletters had during one pass, and what newsletters may still have.

    `contends`: newsletters may wait while lessons do. `short`: fewer of them were ready than might have been sent.
    """

    def __init__(self, ration: Ration, *, share: int, now: datetime) -> None:
        self.contends = True
        self.short = False
        self._ration = ration
        self._share = share
        self._now = now
        self._phase = int(now.timestamp()) * _GOLDEN % 1
        self._lessons = self._issues = 0
        self._of_day: int | None = None
        self._asked = False

    @property
    def has_its_day(self) -> bool:
        """Whether newsletters have had all that limited relays can give them today."""
        return self._of_day is not None and self._of_day <= 0

    def room(self, tx: Transaction, places: Sequence[Lane], most: int) -> int:
        """How many newsletters may be claimed at most, were there no lessons now."""
        if not self._asked:
            self._asked = True
            relays = {place.relay.name: place.relay for place in places}
            self._of_day = self._ration.for_issues(
                tx, list(relays.values()), share=self._share, lessons=lambda most: self._lessons_due(tx, most)
            )
        return most if self._of_day is None else max(0, min(most, self._of_day))

    def beside_lessons(self, room: int, most: int) -> int:
        """How many of `most` messages may be newsletters, where lessons want all of them."""
        had = precedence.newsletters(
            most, lessons=self._lessons, issues=self._issues, share=self._share, phase=self._phase
        )
        return min(room, had)

    def had(self, claims: Sequence[Claim]) -> None:
        """These were claimed."""
        issues = sum(claim.kind is DeliveryKind.ISSUE for claim in claims)
        lessons = sum(claim.kind is DeliveryKind.LESSON for claim in claims)
        self._lessons, self._issues = precedence.lately(self._lessons + lessons, self._issues + issues)
        if self._of_day is not None:
            self._of_day -= issues

    def _lessons_due(self, tx: Transaction, most: int) -> int:
        return enrolments.count_due(tx, until=self._now + _DAY, most=most)
