"""How do programs get keys, and what if one asks the same twice at the same moment?"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from house import DAY, NOW
from sqlalchemy import select

from sequencer.core.keys import Scope
from sequencer.errors import BadRequest, Conflict, NotFound
from sequencer.flows import keys
from sequencer.flows.keys import Answer, Asked, OtherRequest
from sequencer.store.database import Database, Transaction
from sequencer.store.tables import api_answer, api_key

MINUTE = timedelta(minutes=1)

# A process of its own that asks once; whoever acts says so, and stops in the middle until it is told to go on.
_ASKS = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from sequencer.flows import keys
from sequencer.flows.keys import Answer, Asked
from sequencer.store.database import connect

url, who = sys.argv[1:]

def act(tx):
    print("acts", flush=True)
    sys.stdin.readline()
    return Answer(status=201, body=who)

db = connect(url, root=Path())
print("ready", flush=True)
sys.stdin.readline()
answer = keys.once(db, Asked(key=1, name="k", request="r"), act, now=datetime(2026, 3, 2, 7, tzinfo=timezone.utc))
print(answer.status, answer.body, answer.again, flush=True)
"""


class _Process:
    """One such process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def go_on(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def said(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@contextmanager
def asking(db: Database, who: str) -> Iterator[_Process]:
    url = db.engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-c", _ASKS, url, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _Process(process)
        finally:
            process.kill()


def new(db: Database, name: str = "site") -> str:
    return keys.new(db, name, [Scope.READ_FORMS], now=NOW)


def asked(name: str = "k", request: str = "r") -> Asked:
    return Asked(key=keys.KeyId(1), name=name, request=request)


class Acts:
    """An act that counts how often it was done."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, _tx: Transaction) -> Answer:
        """Do it."""
        self.done += 1
        return Answer(status=201, body=f"no. {self.done}")


def test_a_new_key_is_known_by_its_text_and_kept_by_its_digest_alone(db: Database) -> None:
    text = keys.new(db, "site", [Scope.WRITE_EVENTS, Scope.READ_FORMS, Scope.READ_FORMS], now=NOW)
    key = keys.known(db, text)
    assert key is not None
    assert (key.name, key.scopes, key.created_at) == ("site", {Scope.READ_FORMS, Scope.WRITE_EVENTS}, NOW)
    with db.read() as tx:
        assert text not in str(tx.execute(select(api_key)).all())
    assert keys.known(db, text[:-1] + ("A" if text[-1] != "A" else "E")) is None


def test_no_two_keys_are_alike_and_no_two_have_one_name(db: Database) -> None:
    assert new(db, "one") != new(db, "two")
    with pytest.raises(Conflict, match='a key "one" already'):
        new(db, "one")
    keys.revoke(db, "one", now=NOW)
    with pytest.raises(Conflict):
        new(db, "one")
    assert [key.name for key in keys.listed(db)] == ["one", "two"]


def test_a_revoked_key_is_known_no_more(db: Database) -> None:
    text = new(db)
    keys.revoke(db, "site", now=NOW)
    assert keys.known(db, text) is None
    assert [key.revoked_at for key in keys.listed(db)] == [NOW]
    for name in ("site", "another"):
        with pytest.raises(NotFound, match=f'no key "{name}" that holds'):
            keys.revoke(db, name, now=NOW)


def test_a_scope_of_a_later_version_is_good_for_nothing(db: Database) -> None:
    text = new(db)
    with db.begin() as tx:
        tx.execute(api_key.update().values(scopes=("forms:read", "moons:write")))
    key = keys.known(db, text)
    assert key is not None
    assert key.scopes == {Scope.READ_FORMS}


def test_use_is_noted_once_a_minute(db: Database) -> None:
    new(db)
    for at, kept in ((NOW, NOW), (NOW + MINUTE / 2, NOW), (NOW + MINUTE, NOW + MINUTE)):
        (key,) = keys.listed(db)
        keys.note_use(db, key.id, now=at)
        (key,) = keys.listed(db)
        assert key.used_at == kept
        assert not keys.is_to_be_noted(key, kept + MINUTE / 2)
        assert keys.is_to_be_noted(key, kept + MINUTE)


def test_what_is_asked_twice_is_done_once_for_a_day(db: Database) -> None:
    new(db)
    act = Acts()
    said = [keys.once(db, asked(), act, now=at) for at in (NOW, NOW, NOW + DAY, NOW + DAY + MINUTE)]
    assert [(one.body, one.again) for one in said] == [
        ("no. 1", False), ("no. 1", True), ("no. 1", True), ("no. 2", False),
    ]  # fmt: skip
    assert {one.status for one in said} == {201}


def test_without_a_name_everything_is_done_as_often_as_it_is_asked(db: Database) -> None:
    act = Acts()
    assert [keys.once(db, None, act, now=NOW).body for _ in range(2)] == ["no. 1", "no. 2"]


def test_another_request_of_the_same_name_is_refused_and_not_done(db: Database) -> None:
    new(db)
    act = Acts()
    keys.once(db, asked(), act, now=NOW)
    with pytest.raises(OtherRequest):
        keys.once(db, asked(request="other"), act, now=NOW)
    assert act.done == 1


def test_what_is_refused_leaves_no_trace(db: Database) -> None:
    new(db)

    def refuse(_tx: Transaction) -> Answer:
        raise BadRequest("Not like this.")

    with pytest.raises(BadRequest, match="Not like this"):
        keys.once(db, asked(), refuse, now=NOW)
    assert keys.once(db, asked(request="better"), Acts(), now=NOW) == Answer(status=201, body="no. 1")


def test_old_answers_go_as_new_ones_come(db: Database) -> None:
    new(db)
    for number in range(5):
        keys.once(db, asked(f"old {number}"), Acts(), now=NOW)
    keys.once(db, asked("new"), Acts(), now=NOW + DAY + MINUTE)
    with db.read() as tx:
        assert len(tx.execute(select(api_answer)).all()) == 1


def test_of_two_processes_that_ask_the_same_at_once_one_acts_and_both_hear_the_same(db: Database) -> None:
    new(db)
    with asking(db, "one") as one, asking(db, "two") as two:
        assert (one.said(), two.said()) == ("ready", "ready")
        one.go_on()
        assert one.said() == "acts"
        two.go_on()
        one.go_on()
        assert one.said() == "201 one False"
        assert two.said() == "201 one True"


def test_who_waits_for_one_that_dies_acts_itself(db: Database) -> None:
    new(db)
    with asking(db, "two") as two:
        assert two.said() == "ready"
        with asking(db, "one") as one:
            assert one.said() == "ready"
            one.go_on()
            assert one.said() == "acts"
            two.go_on()
        assert two.said() == "acts"
        two.go_on()
        assert two.said() == "201 two False"
