"""Which moves are legal? One table a noun; a pair that is missing is an IllegalTransition.

docs/flow.md holds the diagrams of these tables; a test compares them.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from sequencer.core.model import DeliveryState as D
from sequencer.core.model import EnrolmentState as E
from sequencer.core.model import IssueState as I
from sequencer.core.model import SubscriberState as S
from sequencer.errors import IllegalTransition


class SubscriberEvent(StrEnum):
    """What can happen between a person and us."""

    CONFIRM = "confirm"
    LEAVE = "leave"
    BOUNCE = "bounce"
    COMPLAIN = "complain"
    DISOWN = "disown"
    SUPPRESS = "suppress"
    LIFT = "lift"
    UNDO = "undo"


class EnrolmentEvent(StrEnum):
    """What can happen to a person's place in a course."""

    FINISH = "finish"
    STOP = "stop"
    RESUME = "resume"
    RESTART = "restart"


class IssueEvent(StrEnum):
    """What can happen to an issue of the newsletter."""

    FINISH = "finish"
    CANCEL = "cancel"
    SCHEDULE = "schedule"


class DeliveryEvent(StrEnum):
    """What can happen to one message to one person."""

    CLAIM = "claim"
    INTEND = "intend"
    ACCEPT = "accept"
    DEFER = "defer"
    RELEASE = "release"
    REJECT = "reject"
    LOSE = "lose"
    CANCEL = "cancel"
    EXPIRE = "expire"
    REVIVE = "revive"
    RECONCILE = "reconcile"


SE: TypeAlias = SubscriberEvent
EE: TypeAlias = EnrolmentEvent
IE: TypeAlias = IssueEvent
DE: TypeAlias = DeliveryEvent

# A complaint, a dead address or an admin's word outlasts everything: only an admin lifts it, on the suppression list;
# and an owner who had said that a sign-up was not theirs may take that back. They are mailed again when they have
# confirmed.
SUBSCRIBER: Mapping[tuple[S, SE], S] = MappingProxyType(
    {
        (S.PENDING, SE.CONFIRM): S.ACTIVE,
        (S.PENDING, SE.LEAVE): S.LEFT,
        (S.PENDING, SE.BOUNCE): S.SUPPRESSED,
        (S.PENDING, SE.COMPLAIN): S.SUPPRESSED,
        (S.PENDING, SE.DISOWN): S.SUPPRESSED,
        (S.PENDING, SE.SUPPRESS): S.SUPPRESSED,
        (S.ACTIVE, SE.CONFIRM): S.ACTIVE,
        (S.ACTIVE, SE.LEAVE): S.LEFT,
        (S.ACTIVE, SE.BOUNCE): S.SUPPRESSED,
        (S.ACTIVE, SE.COMPLAIN): S.SUPPRESSED,
        (S.ACTIVE, SE.DISOWN): S.SUPPRESSED,
        (S.ACTIVE, SE.SUPPRESS): S.SUPPRESSED,
        (S.LEFT, SE.CONFIRM): S.ACTIVE,
        (S.LEFT, SE.LEAVE): S.LEFT,
        (S.LEFT, SE.UNDO): S.ACTIVE,
        (S.LEFT, SE.BOUNCE): S.SUPPRESSED,
        (S.LEFT, SE.COMPLAIN): S.SUPPRESSED,
        (S.LEFT, SE.DISOWN): S.SUPPRESSED,
        (S.LEFT, SE.SUPPRESS): S.SUPPRESSED,
        (S.SUPPRESSED, SE.LEAVE): S.SUPPRESSED,
        (S.SUPPRESSED, SE.BOUNCE): S.SUPPRESSED,
        (S.SUPPRESSED, SE.COMPLAIN): S.SUPPRESSED,
        (S.SUPPRESSED, SE.DISOWN): S.SUPPRESSED,
        (S.SUPPRESSED, SE.SUPPRESS): S.SUPPRESSED,
        (S.SUPPRESSED, SE.LIFT): S.LEFT,
    }
)

# Who comes back goes on at their place; who has finished stays finished, unless they start over.
ENROLMENT: Mapping[tuple[E, EE], E] = MappingProxyType(
    {
        (E.ACTIVE, EE.FINISH): E.FINISHED,
        (E.ACTIVE, EE.STOP): E.STOPPED,
        (E.ACTIVE, EE.RESUME): E.ACTIVE,
        (E.ACTIVE, EE.RESTART): E.ACTIVE,
        (E.STOPPED, EE.FINISH): E.FINISHED,
        (E.STOPPED, EE.STOP): E.STOPPED,
        (E.STOPPED, EE.RESUME): E.ACTIVE,
        (E.FINISHED, EE.STOP): E.FINISHED,
        (E.FINISHED, EE.RESUME): E.FINISHED,
        (E.FINISHED, EE.RESTART): E.ACTIVE,
    }
)

# Who has got an issue that was called off gets it no more when it is scheduled anew: the ledger sees to that. What has
# been made ready for everybody can still be called off, for those to whom it has not gone out yet.
ISSUE: Mapping[tuple[I, IE], I] = MappingProxyType(
    {
        (I.SCHEDULED, IE.FINISH): I.SENT,
        (I.SCHEDULED, IE.CANCEL): I.CANCELLED,
        (I.SENT, IE.CANCEL): I.CANCELLED,
        (I.CANCELLED, IE.CANCEL): I.CANCELLED,
        (I.CANCELLED, IE.SCHEDULE): I.SCHEDULED,
    }
)

# Content is written between INTEND and the next event; so only a `sending` row can be doubted.
# A late answer may still settle an uncertain row; what was skipped when somebody left is due when they come back.
DELIVERY: Mapping[tuple[D, DE], D] = MappingProxyType(
    {
        (D.QUEUED, DE.CLAIM): D.CLAIMED,
        (D.QUEUED, DE.CANCEL): D.SKIPPED,
        (D.CLAIMED, DE.INTEND): D.SENDING,
        (D.CLAIMED, DE.DEFER): D.DEFERRED,
        (D.CLAIMED, DE.RELEASE): D.DEFERRED,
        (D.CLAIMED, DE.REJECT): D.FAILED,
        (D.CLAIMED, DE.CANCEL): D.SKIPPED,
        (D.CLAIMED, DE.EXPIRE): D.DEFERRED,
        (D.SENDING, DE.ACCEPT): D.SENT,
        (D.SENDING, DE.DEFER): D.DEFERRED,
        (D.SENDING, DE.RELEASE): D.DEFERRED,
        (D.SENDING, DE.REJECT): D.FAILED,
        (D.SENDING, DE.LOSE): D.UNCERTAIN,
        (D.SENDING, DE.EXPIRE): D.UNCERTAIN,
        (D.DEFERRED, DE.CLAIM): D.CLAIMED,
        (D.DEFERRED, DE.CANCEL): D.SKIPPED,
        (D.UNCERTAIN, DE.CLAIM): D.CLAIMED,
        (D.UNCERTAIN, DE.ACCEPT): D.SENT,
        (D.UNCERTAIN, DE.REJECT): D.FAILED,
        (D.SKIPPED, DE.REVIVE): D.DEFERRED,
        (D.QUEUED, DE.RECONCILE): D.SENT,
        (D.CLAIMED, DE.RECONCILE): D.SENT,
        (D.SENDING, DE.RECONCILE): D.SENT,
        (D.DEFERRED, DE.RECONCILE): D.SENT,
        (D.UNCERTAIN, DE.RECONCILE): D.SENT,
    }
)

_State = TypeVar("_State", bound=StrEnum)
_Event = TypeVar("_Event", bound=StrEnum)


def move(moves: Mapping[tuple[_State, _Event], _State], state: _State, event: _Event) -> _State:
    """The state after `event`. Raises IllegalTransition where the table has no such pair."""
    try:
        return moves[state, event]
    except KeyError as error:
        raise IllegalTransition(f'There is no "{event}" for what is "{state}".') from error


def before(event: DeliveryEvent, *, to: D | None = None) -> tuple[D, ...]:
    """The states in which a delivery may meet `event` (and then become `to`): what a fenced update asks for."""
    return tuple(state for (state, met), after in DELIVERY.items() if met is event and to in (None, after))


def diagram(moves: Mapping[tuple[_State, _Event], _State]) -> str:
    """The table as a Mermaid state diagram, for docs/flow.md."""
    lines = [f"    {state} --> {after}: {event}" for (state, event), after in moves.items() if state != after]
    return "\n".join(["stateDiagram-v2", *lines])
