"""Do servers that offer CHUNKING stand messages that do not wait for answers, and are their refusals told apart?"""

import re
from collections import Counter
from collections.abc import Mapping

import pytest
from interop.collector import Arrived
from interop.run import GONE, LATER, MESSAGES, SOME, Hurried, Install, Post

from sequencer.core.model import DeliveryState

both = pytest.mark.parametrize("post", ["postfix", "exim"], indirect=True)
_TOLD = ("accepted", "deferred", "rejected", "uncertain")
PLAIN = {number for number in range(1, MESSAGES + 1) if number not in {**GONE, **LATER}}


@both
def test_whoever_is_not_refused_gets_one_message_and_nobody_else_gets_any(hurried: Hurried) -> None:
    by_recipient = Counter(one.recipient for one in hurried.arrived)
    expected = {f"reader{number}@example.org" for number in PLAIN}
    assert expected - set(by_recipient) == set(), "lost"
    assert {name: count for name, count in by_recipient.items() if count > 1} == {}, "doubled"
    assert set(by_recipient) == expected
    assert len({one.message_id for one in hurried.arrived}) == len(PLAIN)


@both
def test_a_refusal_is_that_reader_s_alone(hurried: Hurried) -> None:
    states = {row.subscriber_id: row.state for row in hurried.ledger}
    assert {number for number, state in states.items() if state is DeliveryState.FAILED} == set(GONE)
    assert {number for number, state in states.items() if state is DeliveryState.DEFERRED} == set(LATER)
    assert {number for number, state in states.items() if state is DeliveryState.SENT} == PLAIN
    assert hurried.suppressed == set(GONE.values())
    assert {row.reply[:9] for row in hurried.ledger if row.subscriber_id in GONE} == {"550 5.1.1"}
    assert {row.reply[:9] for row in hurried.ledger if row.subscriber_id in LATER} == {"450 4.2.1"}


@both
def test_one_pass_is_enough_and_nothing_is_in_doubt(hurried: Hurried) -> None:
    assert [hurried.done[name] for name in (*_TOLD, "trouble")] == [len(PLAIN), len(LATER), len(GONE), 0, ""]


@both
def test_each_message_is_its_reader_s_own_with_our_sender(hurried: Hurried, written: Mapping[str, Arrived]) -> None:
    assert {one.sender for one in hurried.arrived} == {"ann@example.org"}
    for one in hurried.arrived:
        assert re.findall(rb"^To: (.*)\r$", one.content, re.MULTILINE) == [one.recipient.encode()]
    passed = {one.recipient: one for one in hurried.arrived}
    same = set(written) & set(passed)
    assert len(same) >= SOME - 2
    assert {name: passed[name].original == written[name].content for name in same} == dict.fromkeys(same, True)


@both
def test_the_relay_was_spoken_to_in_chunks(hurried: Hurried) -> None:
    # Postfix counts the commands of a connection at its end; Exim puts a K to each message.
    lines = [one for one in hurried.logged if re.search(r" bdat=\d|<= .* K ", one)]
    assert lines
    assert not any(re.search(r" data=\d", one) for one in hurried.logged)


@pytest.mark.parametrize("post", ["postfix"], indirect=True)
def test_more_refusals_in_a_row_than_postfix_stands_cost_their_neighbours_nothing(post: Post, install: Install) -> None:
    row = {number: f"gone{number}@example.org" for number in range(40, 52)}
    installation, before = install(100, row), len(post.collector.arrived)
    passes = [installation.tick(post.relay.url(eager="on", connections=1), hours=hours) for hours in (0, 1)]
    assert "too many errors after" in "\n".join(post.relay.logged())
    assert [sum(int(str(done[name])) for done in passes) for name in _TOLD] == [88, 0, 12, 0]
    assert {one.attempt - one.spared for one in installation.ledger()} == {1}
    post.wait_for(before + 88)
    assert Counter(one.recipient for one in post.collector.arrived[before:]) == {
        f"reader{number}@example.org": 1 for number in range(1, 101) if number not in row
    }
