"""What is a message to a person? A row of the ledger, the right to send it, and what is sent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sequencer.core.model.course import COURSES_OWN, Preference
from sequencer.core.model.ids import CourseId, DeliveryId, EnrolmentId, RevisionId, SubscriberId
from sequencer.core.model.people import Address
from sequencer.core.rates import Turn


class DeliveryState(StrEnum):
    """How far one message to one person has come. `uncertain`: the server's answer to the content was never seen."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    SKIPPED = "skipped"


class DeliveryKind(StrEnum):
    """What a message is for; what answers a person's own press goes before lessons, and issues behind them.

    `farewell` says to whom has left how to undo it, `move` asks at a new address whether it is theirs, and `access`
    holds the way to what is kept of a person.
    """

    CONFIRMATION = "confirmation"
    LESSON = "lesson"
    REMINDER = "reminder"
    FAREWELL = "farewell"
    MOVE = "move"
    ACCESS = "access"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one person: a row of the ledger. `campaign_id` is the id of what it is about.

    That is a lesson, an issue, a consent, a departure or a move; for `access` the second in which it was asked for.
    """

    id: DeliveryId
    kind: DeliveryKind
    campaign_id: int
    subscriber_id: SubscriberId
    run: int
    state: DeliveryState
    attempt: int
    doubts: int
    spared: int
    enrolment_id: EnrolmentId | None
    revision_id: RevisionId | None
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    relay: str
    reply: str

    @property
    def is_passed_over(self) -> bool:
        """Whether it was never to be sent, as the lesson's day had passed in an interruption; `reply` says so."""
        return self.kind is DeliveryKind.LESSON and self.state is DeliveryState.SKIPPED and self.attempt == 0


# Tuples, as they are made for each message, and a frozen dataclass takes twice as long.
class Claim(NamedTuple):
    """The right to send one message, for as long as the lease lasts; `attempt` fences every later word about it.

    Of the attempts `spared` were none: the message went back without a server having looked at it. A lesson's claim
    knows the place it belongs to: `step` is the person's once this lesson is over. `is_wanted`: the person gets our
    mail, and is on what this belongs to, as far as it belongs to anything. `is_begun`: its intent is on record already.
    """

    id: DeliveryId
    attempt: int
    kind: DeliveryKind
    campaign_id: int
    subscriber_id: SubscriberId
    run: int
    doubts: int
    spared: int
    relay: str
    enrolment_id: EnrolmentId | None
    revision_id: RevisionId | None
    course_id: CourseId | None
    step: int
    created_at: datetime
    address: Address
    name: str
    timezone: str
    preference: Preference = COURSES_OWN
    is_wanted: bool = True
    is_begun: bool = False

    @property
    def ticket(self) -> "Ticket":
        """What the ledger needs to know the claim again."""
        return Ticket(self.id, self.attempt)


class Ticket(NamedTuple):
    """Names one attempt at one delivery. A tuple, as it is made and looked up several times for each message."""

    delivery_id: DeliveryId
    attempt: int


class Parcel(NamedTuple):
    """A finished message and where it goes. Its lines end in CRLF and none begins with a dot: it is sent as it is.

    `relay` names the one that it was made for. `at_once`: it answers a person's own press, and goes before others.
    Where there is a `turn`, by the clock of whoever carries it, it starts within that or goes back.
    """

    ticket: Ticket
    relay: str
    sender: str
    recipient: str
    needs_smtputf8: bool
    content: bytes
    at_once: bool = False
    turn: Turn | None = None
