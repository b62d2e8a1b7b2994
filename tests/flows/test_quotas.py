"""Is the quota of a key one for all processes, at the price of a look now and then?"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from house import NOW
from sqlalchemy import event

from sequencer.core.keys import KeyId, Scope
from sequencer.core.quota import Quota
from sequencer.flows import keys
from sequencer.store.database import Database
from sequencer.web.api.limits import Limits

MINUTE = timedelta(minutes=1)


@pytest.fixture
def key(db: Database) -> KeyId:
    """A key that has asked for nothing yet."""
    keys.new(db, "site", [Scope.READ_SUBSCRIBERS], now=NOW)
    return keys.listed(db)[0].id


@contextmanager
def commits(db: Database) -> Iterator[list[int]]:
    """How often anything is committed meanwhile."""
    seen: list[int] = []

    def count(*_: object) -> None:
        seen.append(1)

    event.listen(db.engine, "commit", count)
    yield seen
    event.remove(db.engine, "commit", count)


def test_several_processes_share_one_quota(db: Database, key: KeyId) -> None:
    processes = [Limits(db, 60) for _ in range(3)]
    allowed = [one.spend(key, NOW).allowed for _ in range(40) for one in processes]
    assert sum(allowed) == 60
    assert processes[0].spend(key, NOW + MINUTE / 2).allowed
    assert not any(one.spend(key, NOW).allowed for one in processes[1:])


def test_of_many_who_ask_at_one_moment_so_many_hear_yes(db: Database, key: KeyId) -> None:
    processes = [Limits(db, 90) for _ in range(4)]
    allowed: list[bool] = []

    def ask(one: Limits) -> None:
        allowed.extend(one.spend(key, NOW).allowed for _ in range(50))

    threads = [threading.Thread(target=ask, args=(one,)) for one in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 90


def test_the_database_is_asked_for_many_requests_at_once(db: Database, key: KeyId) -> None:
    one = Limits(db, 600)
    with commits(db) as seen:
        assert all(one.spend(key, NOW).allowed for _ in range(600))
        assert len(seen) == 30
        assert not any(one.spend(key, NOW).allowed for _ in range(1000))
        assert len(seen) == 31


def test_a_refusal_holds_until_the_moment_that_it_names(db: Database, key: KeyId) -> None:
    one = Limits(db, 3)
    assert [one.spend(key, NOW).allowed for _ in range(4)] == [True, True, True, False]
    later = one.spend(key, NOW + timedelta(seconds=15))
    assert (later.allowed, later.wait, later.reset) == (False, 5, 45)
    assert one.headers(later)["Retry-After"] == "5"
    assert one.spend(key, NOW + timedelta(seconds=20)).allowed


def test_what_is_left_is_told_with_what_is_held(db: Database, key: KeyId) -> None:
    one = Limits(db, 60)
    assert [one.spend(key, NOW).left for _ in range(5)] == [59, 58, 57, 56, 55]


def test_what_a_process_did_not_hand_out_within_a_minute_is_lost_to_it(db: Database, key: KeyId) -> None:
    one = Limits(db, 600)
    one.spend(key, NOW)
    with commits(db) as seen:
        one.spend(key, NOW + MINUTE - timedelta(seconds=1))
        assert seen == []
        one.spend(key, NOW + MINUTE)
        assert len(seen) == 1
        one.spend(key, NOW)
        assert len(seen) == 2


def test_who_dies_holding_requests_takes_no_more_than_those_with_them(db: Database, key: KeyId) -> None:
    quota = Quota(most=60, window=60)
    assert keys.lease(db, key, quota, most=2, now=NOW).granted == 2
    heir = Limits(db, 60)
    assert sum(heir.spend(key, NOW).allowed for _ in range(60)) == 58


def test_a_key_that_is_gone_is_no_trouble(db: Database) -> None:
    assert Limits(db, 60).spend(KeyId(404), NOW).allowed
