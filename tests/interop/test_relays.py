"""Does what we send get through the mail servers of other people: all of it, once, and unharmed?"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from interop import opendkim, relays
from interop.collector import Arrived
from interop.room import Room
from interop.run import MESSAGES, SOME, Drained, Install, Keyring, Post

from sequencer.core.model import DeliveryState


def test_every_reader_gets_one_message_and_no_other(drained: Drained) -> None:
    expected = {f"reader{number}@example.org" for number in range(1, MESSAGES + 1)}
    by_recipient = Counter(one.recipient for one in drained.arrived)
    by_message = Counter(one.message_id for one in drained.arrived)
    assert expected - set(by_recipient) == set(), "lost"
    assert {name: count for name, count in by_recipient.items() if count > 1} == {}, "doubled"
    assert set(by_recipient) == expected
    assert len(by_message) == MESSAGES


def test_the_ledger_says_sent_of_every_message(drained: Drained) -> None:
    assert Counter(row.state for row in drained.ledger) == {DeliveryState.SENT: MESSAGES}


def test_one_pass_is_enough_whatever_the_relay_takes_in_one_connection(drained: Drained) -> None:
    expected = {"accepted": MESSAGES, "deferred": 0, "rejected": 0, "uncertain": 0, "trouble": ""}
    assert [{name: done[name] for name in expected} for done in drained.passes] == [expected]


def test_a_relay_passes_on_the_very_bytes_that_we_wrote(drained: Drained, written: Mapping[str, Arrived]) -> None:
    passed = {one.recipient: one for one in drained.arrived}
    assert len(written) == SOME
    for recipient, one in written.items():
        assert passed[recipient].content != one.content, "a relay leaves a trace"
        assert passed[recipient].original == one.content


def test_the_unsubscribe_headers_arrive_in_one_piece(drained: Drained) -> None:
    for one in drained.arrived:
        head = one.content.partition(b"\r\n\r\n")[0] + b"\r\n"
        assert len(re.findall(rb"^List-Unsubscribe: <https://mail\.example\.org/u/[\w-]+>\r$", head, re.MULTILINE)) == 1
        assert head.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == 1


def test_lines_and_addresses_arrive_as_mail_wants_them(drained: Drained) -> None:
    for one in drained.arrived:
        lines = one.content.removesuffix(b"\r\n").split(b"\r\n")
        assert max(map(len, lines)) <= 998
        assert not any(b"\r" in line or b"\n" in line for line in lines)
        assert re.findall(rb"^To: (.*)\r$", one.content, re.MULTILINE) == [one.recipient.encode()]
        assert one.sender == "ann@example.org"


def test_a_mail_client_reads_both_parts(drained: Drained) -> None:
    one = drained.arrived[-1]
    parts = {part.get_content_type(): part.get_content() for part in one.parsed().walk() if not part.is_multipart()}
    number = one.recipient.removeprefix("reader").partition("@")[0]
    assert set(parts) == {"text/plain", "text/html"}
    assert all(f"Reader {number}" in words for words in parts.values())


def test_opendkim_verifies_what_arrived(drained: Drained, room_of_servers: Room, keyring: Keyring) -> None:
    said = opendkim.verdicts(room_of_servers, [one.content for one in drained.arrived], keyring.records)
    assert Counter(said) == {"verification (s=s1, d=example.org, 2048-bit key) succeeded": MESSAGES}


def test_opendkim_refuses_what_was_changed_on_the_way(
    drained: Drained, room_of_servers: Room, keyring: Keyring
) -> None:
    words, link = (
        [one.content.replace(old, new, 1) for one in drained.arrived[:SOME]]
        for old, new in ((b"steady", b"shaky"), (b"\r\nList-Unsubscribe: <https", b"\r\nList-Unsubscribe: <http"))
    )
    said = opendkim.verdicts(room_of_servers, [*words, *link], keyring.records)
    assert len(said) == 2 * SOME
    assert all("failed" in one for one in said)


@pytest.mark.parametrize("post", ["postfix", "exim"], indirect=True)
@pytest.mark.parametrize("spoilt", ["password", "certificate"])
def test_nothing_is_sent_by_a_login_that_fails_and_everything_once_it_works(
    spoilt: str, post: Post, install: Install, stranger: Path
) -> None:
    installation, before = install(SOME), len(post.collector.arrived)
    careful = replace(installation, trusts=stranger) if spoilt == "certificate" else installation
    done = careful.tick(post.relay.url(password="horse" if spoilt == "password" else relays.PASSWORD))
    assert done["trouble"]
    assert done["accepted"] == 0
    assert len(post.collector.arrived) == before
    assert installation.tick(post.relay.url(), hours=1)["accepted"] == SOME
    post.wait_for(before + SOME)
    assert len({one.recipient for one in post.collector.arrived[before:]}) == SOME
    assert {row.state for row in installation.ledger()} == {DeliveryState.SENT}
