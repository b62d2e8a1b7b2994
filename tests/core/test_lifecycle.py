"""Which moves are legal, and is every other one refused?"""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from sequencer.core import lifecycle
from sequencer.core.lifecycle import (
    DELIVERY,
    ENROLMENT,
    ISSUE,
    SUBSCRIBER,
    DeliveryEvent,
    EnrolmentEvent,
    IssueEvent,
    SubscriberEvent,
)
from sequencer.core.model import DeliveryState, EnrolmentState, IssueState, SubscriberState
from sequencer.errors import IllegalTransition

Moves = Mapping[tuple[Any, Any], Any]

# The same tables a second time, in the words of the database: a row a state, an event and where it leads.
SUBSCRIBER_MOVES = """
pending     confirm active     leave left        bounce suppressed  complain suppressed  disown suppressed
active      confirm active     leave left        bounce suppressed  complain suppressed  disown suppressed
left        confirm active     leave left        bounce suppressed  complain suppressed  disown suppressed  undo active
suppressed  lift left          leave suppressed  bounce suppressed  complain suppressed  disown suppressed
pending     suppress suppressed
active      suppress suppressed
left        suppress suppressed
suppressed  suppress suppressed
"""
ENROLMENT_MOVES = """
active      finish finished    stop stopped      resume active      restart active
stopped     finish finished    stop stopped      resume active
finished                       stop finished     resume finished    restart active
"""
ISSUE_MOVES = """
scheduled   finish sent        cancel cancelled
sent                           cancel cancelled
cancelled                      cancel cancelled  schedule scheduled
"""
DELIVERY_MOVES = """
queued      claim claimed      cancel skipped     reconcile sent
claimed     intend sending     defer deferred    reject failed      cancel skipped     expire deferred
claimed     release deferred   reconcile sent
sending     accept sent        defer deferred    reject failed      lose uncertain     expire uncertain
sending     release deferred   reconcile sent
deferred    claim claimed      cancel skipped    reconcile sent
uncertain   claim claimed      accept sent       reject failed     reconcile sent
skipped     revive deferred
"""
TABLES = [
    (SUBSCRIBER, SubscriberState, SubscriberEvent, SUBSCRIBER_MOVES),
    (ENROLMENT, EnrolmentState, EnrolmentEvent, ENROLMENT_MOVES),
    (ISSUE, IssueState, IssueEvent, ISSUE_MOVES),
    (DELIVERY, DeliveryState, DeliveryEvent, DELIVERY_MOVES),
]


def expected(rows: str) -> dict[tuple[str, str], str]:
    """The moves that `rows` spell out."""
    moves: dict[tuple[str, str], str] = {}
    for state, *pairs in (row.split() for row in rows.strip().splitlines()):
        moves.update({(state, event): after for event, after in zip(pairs[::2], pairs[1::2], strict=True)})
    return moves


EVERY_PAIR = [
    pytest.param(moves, state, event, expected(rows).get((state, event)), id=f"{states.__name__}-{state}-{event}")
    for moves, states, events, rows in TABLES
    for state, event in product(states, events)
]


@pytest.mark.parametrize(("moves", "state", "event", "after"), EVERY_PAIR)
def test_every_state_meets_every_event_as_the_table_says(
    moves: Moves, state: StrEnum, event: StrEnum, after: str | None
) -> None:
    if after is None:
        with pytest.raises(IllegalTransition, match=f'There is no "{event}" for what is "{state}"'):
            lifecycle.move(moves, state, event)
    else:
        assert lifecycle.move(moves, state, event) == after


@pytest.mark.parametrize(("moves", "states", "events", "rows"), TABLES)
def test_a_table_holds_no_move_beyond_those(moves: Moves, states: type, events: type, rows: str) -> None:
    assert dict(moves) == expected(rows)
    assert all(isinstance(state, states) and isinstance(event, events) for state, event in moves)


def test_the_tables_cannot_be_changed() -> None:
    for moves, *_ in TABLES:
        with pytest.raises(TypeError):
            moves[SubscriberState.SUPPRESSED, SubscriberEvent.CONFIRM] = SubscriberState.ACTIVE  # type: ignore[index]


@pytest.mark.parametrize("gone", [DeliveryState.SENT, DeliveryState.FAILED])
def test_what_is_sent_or_failed_never_moves_again(gone: DeliveryState) -> None:
    assert not [event for state, event in DELIVERY if state is gone]


@pytest.mark.parametrize(
    ("event", "to", "states"),
    [
        (DeliveryEvent.CLAIM, None, {"queued", "deferred", "uncertain"}),
        (DeliveryEvent.INTEND, None, {"claimed"}),
        (DeliveryEvent.ACCEPT, None, {"sending", "uncertain"}),
        (DeliveryEvent.EXPIRE, None, {"claimed", "sending"}),
        (DeliveryEvent.EXPIRE, DeliveryState.DEFERRED, {"claimed"}),
        (DeliveryEvent.EXPIRE, DeliveryState.UNCERTAIN, {"sending"}),
        (DeliveryEvent.EXPIRE, DeliveryState.SENT, set()),
        (DeliveryEvent.CANCEL, DeliveryState.SKIPPED, {"queued", "claimed", "deferred"}),
        (DeliveryEvent.REVIVE, None, {"skipped"}),
    ],
)
def test_before_names_the_states_that_may_meet_an_event(
    event: DeliveryEvent, to: DeliveryState | None, states: set[str]
) -> None:
    found = lifecycle.before(event, to=to)
    assert set(found) == states
    assert len(found) == len(states)


def test_a_diagram_draws_each_move_that_leads_elsewhere() -> None:
    assert lifecycle.diagram(ENROLMENT) == (
        "stateDiagram-v2\n"
        "    active --> finished: finish\n"
        "    active --> stopped: stop\n"
        "    stopped --> finished: finish\n"
        "    stopped --> active: resume\n"
        "    finished --> active: restart"
    )


@pytest.mark.parametrize("moves", [SUBSCRIBER, ENROLMENT, ISSUE, DELIVERY])
def test_a_diagram_has_a_line_for_each_change_of_state_and_none_for_staying(moves: Moves) -> None:
    _, *lines = lifecycle.diagram(moves).splitlines()
    assert lines == [f"    {state} --> {after}: {event}" for (state, event), after in moves.items() if state != after]
