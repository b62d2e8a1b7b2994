"""Is what counts once only used up once, by whoever commits, on both databases?"""

import threading
from datetime import timedelta

import pytest
from house import NOW

from sequencer.store import used
from sequencer.store.database import Database

WEEK = NOW + timedelta(days=7)


class _ChangeOfMind(Exception):
    """Something goes wrong before the commit."""


def _first(db: Database, digest: str) -> bool:
    with db.begin() as tx:
        return used.first(tx, digest, until=WEEK, now=NOW)


def test_a_digest_is_used_up_once(db: Database) -> None:
    assert [_first(db, "a" * 64), _first(db, "a" * 64), _first(db, "b" * 64)] == [True, False, True]


def test_within_one_transaction_too(db: Database) -> None:
    with db.begin() as tx:
        assert [used.first(tx, "a" * 64, until=WEEK, now=NOW) for _ in range(3)] == [True, False, False]


def test_what_is_over_may_be_used_again_though_nobody_has_forgotten_it(db: Database) -> None:
    after, next_week = WEEK + timedelta(seconds=1), WEEK + timedelta(days=7)
    with db.begin() as tx:
        assert used.first(tx, "a" * 64, until=WEEK, now=NOW)
        assert not used.first(tx, "a" * 64, until=next_week, now=WEEK - timedelta(seconds=1))
        assert used.first(tx, "a" * 64, until=next_week, now=WEEK)
        assert not used.first(tx, "a" * 64, until=next_week, now=after)
        assert used.forget(tx, now=after) == 0
        assert used.forget(tx, now=next_week) == 1


def test_what_was_not_committed_is_not_used_up(db: Database) -> None:
    with pytest.raises(_ChangeOfMind), db.begin() as tx:  # noqa: PT012 (both lines belong to it)
        assert used.first(tx, "a" * 64, until=WEEK, now=NOW)
        raise _ChangeOfMind
    assert _first(db, "a" * 64)


@pytest.mark.parametrize("commits", [True, False])
def test_of_two_at_the_same_moment_the_second_waits_for_what_becomes_of_the_first(db: Database, commits: bool) -> None:  # noqa: FBT001 (a parameter of a test)
    answers: list[bool] = []
    other = threading.Thread(target=lambda: answers.append(_first(db, "a" * 64)))
    try:
        with db.begin() as tx:
            assert used.first(tx, "a" * 64, until=WEEK, now=NOW)
            other.start()
            threading.Event().wait(0.2)
            assert answers == []
            if not commits:
                raise _ChangeOfMind
    except _ChangeOfMind:
        assert not commits
    other.join()
    assert answers == [not commits]


def test_many_at_the_same_moment_have_one_winner(db: Database) -> None:
    answers: list[bool] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        answers.append(_first(db, "a" * 64))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]


def test_what_is_over_is_forgotten_so_many_at_a_time_and_nothing_else(db: Database) -> None:
    with db.begin() as tx:
        for number in range(5):
            used.first(tx, f"{number}" * 64, until=NOW + timedelta(hours=number), now=NOW)
    with db.begin() as tx:
        assert used.forget(tx, now=NOW - timedelta(seconds=1)) == 0
        assert used.forget(tx, now=NOW + timedelta(hours=3), limit=3) == 3
        assert used.forget(tx, now=NOW + timedelta(hours=3)) == 1
        assert used.forget(tx, now=NOW + timedelta(hours=3)) == 0
    assert [_first(db, "0" * 64), _first(db, "4" * 64)] == [True, False]
