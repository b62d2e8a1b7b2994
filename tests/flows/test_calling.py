"""Is every program told of everything, at least once and by one name, whatever goes wrong; and of nothing else?"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from house import DAY, NOW, SECRET, House, small_course
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receiver import Answer, Receiver
from sqlalchemy import text
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from sequencer.core import hooks as core
from sequencer.core.hooks import DISABLE_AFTER, RETRY_AFTER, Answered, Happening, Hook
from sequencer.core.model import SuppressionReason
from sequencer.delivery.hooks import Caller, Letter, Settle
from sequencer.errors import Conflict, NotFound
from sequencer.flows import calling, hooks, telling
from sequencer.flows.hooks import Wish
from sequencer.store import calls
from sequencer.store.calls import Logged
from sequencer.store.database import Database

EMAIL = "reader@example.org"
CALLER = Caller(timeout=5)
MINUTE = timedelta(minutes=1)
ALL = tuple(Happening)


class _Crash(Exception):
    """Somebody pulled the plug."""


@dataclass(slots=True)
class Shaky:
    """Posts; where its next word is True, it dies before any answer is written down."""

    deaths: list[bool]

    def post(
        self,
        batches: Sequence[Sequence[Letter]],
        settle: Settle,
        *,
        now: datetime,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Post, and perhaps die."""
        dies = bool(self.deaths) and self.deaths.pop()
        CALLER.post(batches, (lambda _: None) if dies else settle, now=now, stop=stop)
        if dies:
            raise _Crash


@dataclass(slots=True)
class Meddling:
    """Posts, after something else has happened."""

    before: Callable[[], None]

    def post(
        self,
        batches: Sequence[Sequence[Letter]],
        settle: Settle,
        *,
        now: datetime,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Let it happen, and post."""
        self.before()
        CALLER.post(batches, settle, now=now, stop=stop)


def register(db: Database, url: str, *events: Happening, now: datetime = NOW, **more: object) -> str:
    """A hook on loopback; its secret."""
    given: dict[str, object] = {"name": "crm", "url": url, "events": events or ALL, "insecure": True}
    return hooks.add(db, Wish(**{**given, **more}), now=now)  # type: ignore[arg-type]


def happen(db: Database, house: House, number: int = 1, now: datetime = NOW) -> None:
    """Something happens so many times to a person."""
    person = house.person(EMAIL)
    for _ in range(number):
        with db.begin() as tx:
            telling.happened(tx, Happening.CONFIRMED, person, now=now)


def not_after_all(db: Database, house: House) -> None:
    """Something else happens, and is undone before it is committed."""
    person = house.person(EMAIL)
    with suppress(_Crash), db.begin() as tx:
        telling.happened(tx, Happening.BOUNCED, person, now=NOW)
        raise _Crash


def call(db: Database, now: datetime = NOW) -> None:
    """All that is due at `now` is called."""
    calling.call_all(db, CALLER, clock=lambda: now)


def the(db: Database, name: str = "crm") -> Hook:
    """The hook of this name."""
    return next(one for one in hooks.listed(db) if one.name == name)


def log(db: Database, name: str = "crm") -> list[Logged]:
    """The log of a hook, the oldest first."""
    return list(reversed(hooks.told(db, name, limit=1000)))


def rows(db: Database, table: str) -> int:
    """How many rows a table has."""
    with db.read() as tx:
        return int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 (our own names)


@pytest.fixture
def quiet(house: House) -> House:
    """A house with one person who has signed up, and no hook yet."""
    house.publish(small_course())
    house.sign_up(EMAIL)
    return house


# What is posted


def test_a_call_convinces_whoever_verifies_by_standard_webhooks(quiet: House) -> None:
    with Receiver() as crm:
        secret = register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        now = datetime.now(UTC)
        call(quiet.db, now)
    (got,) = crm.got
    said = Webhook(secret).verify(got.body, dict(got.headers))
    assert said == {
        "type": "subscriber.confirmed",
        "timestamp": "2026-03-02T07:00:00Z",
        "data": {"subscriber": {"id": quiet.person(EMAIL).id, "email": EMAIL}, "course": None},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(got.body + b" ", dict(got.headers))


def test_while_a_secret_is_rotated_both_sign_and_then_the_new_one_alone(quiet: House) -> None:
    now = datetime.now(UTC)
    with Receiver() as crm:
        old = register(quiet.db, crm.url)
        new = hooks.rotate(quiet.db, "crm", now=now)
        happen(quiet.db, quiet)
        call(quiet.db, now)
        assert new != old
        for secret in (old, new):
            Webhook(secret).verify(crm.got[0].body, dict(crm.got[0].headers))
        later = now + DAY
        happen(quiet.db, quiet, now=later)
        call(quiet.db, later)
    assert len(crm.got[0].headers["webhook-signature"].split()) == 2
    assert len(crm.got[1].headers["webhook-signature"].split()) == 1


def test_a_hook_without_addresses_is_told_ids_alone(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url, with_address=False)
        happen(quiet.db, quiet)
        call(quiet.db)
    assert crm.got[0].said["data"] == {"subscriber": {"id": quiet.person(EMAIL).id}, "course": None}
    assert EMAIL.encode() not in crm.got[0].body


def test_what_is_in_doubt_is_said_once_in_the_log_and_without_secrets(
    quiet: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Receiver(answers=[Answer(status=500)]) as crm:
        secret = register(quiet.db, crm.url)
        hooks.rotate(quiet.db, "crm", now=NOW)
        happen(quiet.db, quiet)
        call(quiet.db)
        call(quiet.db, NOW + MINUTE)
    ours = [one for one in caplog.records if one.name.startswith("sequencer.flows.calling")]
    assert [one.getMessage() for one in ours] == ["hook.deferred", "hook.called"]
    everything = " ".join(str(vars(one)) for one in caplog.records if one.name.startswith("sequencer"))
    assert secret not in everything
    assert "key=1" not in everything
    assert EMAIL not in everything


# Retries


def test_who_fails_is_tried_again_with_the_same_name_and_the_same_body(quiet: House) -> None:
    with Receiver(answers=[Answer(status=500, body=b"broken"), Answer(status=302)]) as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        call(quiet.db)
        assert the(quiet.db).failing_since == NOW
        call(quiet.db, NOW + timedelta(seconds=4))
        assert len(crm.got) == 1
        call(quiet.db, NOW + timedelta(seconds=6))
        call(quiet.db, NOW + 10 * MINUTE)
        call(quiet.db, NOW + DAY)
    assert len(crm.got) == 3
    assert len({(one.id, one.body) for one in crm.got}) == 1
    assert len({one.headers["webhook-timestamp"] for one in crm.got}) == 3
    assert the(quiet.db).failing_since is None
    (told,) = log(quiet.db)
    assert (told.attempt, told.status, told.finished_at) == (3, 200, NOW + 10 * MINUTE)


def test_who_is_overrun_hears_nothing_until_the_time_it_asked_for(quiet: House) -> None:
    with Receiver(answers=[Answer(status=429, headers=(("Retry-After", "600"),))]) as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        call(quiet.db)
        happen(quiet.db, quiet, 3, now=NOW + MINUTE)
        call(quiet.db, NOW + 9 * MINUTE)
        assert len(crm.got) == 1
        call(quiet.db, NOW + 11 * MINUTE)
    assert len(crm.got) == 5


def test_who_is_gone_is_told_nothing_more_until_a_replay(quiet: House, caplog: pytest.LogCaptureFixture) -> None:
    with Receiver(answers=[Answer(status=410)]) as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        call(quiet.db)
        happen(quiet.db, quiet, 2)
        call(quiet.db, NOW + DAY)
        assert len(crm.got) == 1
        assert the(quiet.db).why == "It answered 410: it does not want to be told any more."
        (told,) = [one for one in caplog.records if one.getMessage() == "hook.disabled"]
        assert told.__dict__["hook"] == "crm"
        done = hooks.replay(quiet.db, "crm", since=None, now=NOW + DAY)
        assert (done.calls, done.enabled) == (3, True)
        call(quiet.db, NOW + DAY)
    assert Counter(one.id for one in crm.got)[crm.got[0].id] == 2
    assert len({one.id for one in crm.got}) == 3


def test_who_fails_for_days_is_disabled_with_a_reason(quiet: House) -> None:
    with Receiver(answers=[Answer(status=500)] * 50) as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        now = NOW
        for _ in range(len(RETRY_AFTER) + 1):
            call(quiet.db, now)
            due = log(quiet.db)[0].due_at
            now = due or now
    assert the(quiet.db).disabled_at is not None
    assert the(quiet.db).why == "For 3 days nothing got through."
    assert now - NOW >= DISABLE_AFTER
    assert len(crm.got) <= len(RETRY_AFTER) + 1


def test_one_event_that_is_never_taken_is_given_up_and_the_others_go_on(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        now = NOW
        for _ in range(len(RETRY_AFTER) + 1):
            crm.answers = [Answer(status=500)]
            call(quiet.db, now)
            due = log(quiet.db)[0].due_at
            if due is None:
                break
            # Another event gets through in between.
            happen(quiet.db, quiet, now=now)
            call(quiet.db, now)
            now = due
    assert log(quiet.db)[0].finished_at == now
    assert the(quiet.db).disabled_at is None


def test_one_that_fails_is_asked_one_thing_at_a_time(quiet: House) -> None:
    with Receiver(answers=[Answer(status=500)] * 100) as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        call(quiet.db)
        happen(quiet.db, quiet, 30)
        tried = calling.call(quiet.db, CALLER, now=NOW)
    assert tried == 1
    assert len(crm.got) == 2


# Never lost, never before its commit


def test_what_is_undone_is_told_to_nobody(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        not_after_all(quiet.db, quiet)
        call(quiet.db)
    assert crm.got == []
    assert rows(quiet.db, "event") == 0


def test_nothing_is_told_before_its_commit(quiet: House) -> None:
    person = quiet.person(EMAIL)
    with Receiver() as crm:
        register(quiet.db, crm.url)
        with quiet.db.begin() as tx:
            telling.happened(tx, Happening.CONFIRMED, person, now=NOW)
            other = threading.Thread(target=call, args=(quiet.db,))
            other.start()
            other.join(20)
            assert not other.is_alive()
            assert crm.got == []
        call(quiet.db)
    assert len(crm.got) == 1


def test_where_nobody_listens_nothing_is_written(quiet: House) -> None:
    happen(quiet.db, quiet, 3)
    assert (rows(quiet.db, "event"), rows(quiet.db, "hook_call")) == (0, 0)
    with Receiver() as crm:
        register(quiet.db, crm.url, Happening.BOUNCED)
        happen(quiet.db, quiet)
        call(quiet.db)
    assert crm.got == []
    assert rows(quiet.db, "event") == 0


def test_what_was_under_way_when_we_died_is_told_again_by_the_same_name(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        with pytest.raises(_Crash):
            calling.call(quiet.db, Shaky([True]), now=NOW)
        call(quiet.db, NOW + DAY)
        assert len(crm.got) == 1  # while the lease lasts, by the database's clock
        with quiet.db.begin() as tx:
            tx.execute(text("UPDATE hook_call SET lease_until = 1"))
        call(quiet.db, NOW + MINUTE)
        call(quiet.db, NOW + DAY)
    assert len(crm.got) == 2
    assert len({one.id for one in crm.got}) == 1


def test_when_we_stop_what_has_no_answer_is_due_again_and_the_try_does_not_count(quiet: House) -> None:
    with Receiver(answers=[Answer(hangs=True)]) as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        calling.call(quiet.db, CALLER, now=NOW, stop=crm.began.is_set)
        (told,) = log(quiet.db)
        assert (told.attempt, told.due_at, told.under_way) == (0, NOW, False)
        call(quiet.db)
    assert len({one.id for one in crm.got}) == 1
    assert log(quiet.db)[0].status == 200


def test_two_who_call_at_once_make_each_call_once(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet, 60)
        both = [threading.Thread(target=call, args=(quiet.db,)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join(60)
    assert {one.reply for one in log(quiet.db)} == {"thanks"}
    assert sorted(Counter(one.id for one in crm.got).values()) == [1] * 60


_STATUS = st.sampled_from([200, 200, 204, 301, 404, 429, 500, 503, 504])


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    events=st.integers(1, 6),
    statuses=st.lists(_STATUS, max_size=15),
    deaths=st.lists(st.booleans(), max_size=4),
    undone=st.integers(0, 3),
)
def test_whatever_fails_each_event_arrives_at_least_once_by_one_name_and_no_other_does(
    quiet: House, events: int, statuses: list[int], deaths: list[bool], undone: int
) -> None:
    db = quiet.db
    with db.begin() as tx:
        for table in ("hook_call", "event", "hook"):
            tx.execute(text(f"DELETE FROM {table}"))  # noqa: S608 (our own names)
    with Receiver(answers=[Answer(status=one) for one in statuses]) as crm:
        register(db, crm.url)
        happen(db, quiet, events)
        for _ in range(undone):
            not_after_all(db, quiet)
        caller, now = Shaky(list(deaths)), NOW
        for _ in range(200):
            try:
                calling.call_all(db, caller, clock=lambda at=now: at)  # type: ignore[misc]
            except _Crash:
                with db.begin() as tx:
                    tx.execute(text("UPDATE hook_call SET lease_until = 1 WHERE lease_until IS NOT NULL"))
            if all(one.finished_at is not None for one in log(db)):
                break
            now += timedelta(hours=1)
            if the(db).disabled_at is not None:
                hooks.replay(db, "crm", since=None, now=now)
        told = {core.name(one.event) for one in log(db)}
    assert {one.id for one in crm.got} == told
    assert len(told) == events
    bodies = {one.id: one.body for one in crm.got}
    assert all(bodies[one.id] == one.body for one in crm.got)
    assert all(json.loads(body)["type"] == Happening.CONFIRMED for body in bodies.values())
    assert {one.status for one in log(db)} <= {200, 204}


# Replay, removing, forgetting


def test_a_replay_since_an_hour_repeats_what_got_through_as_well(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        happen(quiet.db, quiet, now=NOW + DAY)
        call(quiet.db, NOW + DAY)
        assert hooks.replay(quiet.db, "crm", since=None, now=NOW + DAY).calls == 0
        assert hooks.replay(quiet.db, "crm", since=NOW + DAY, now=NOW + DAY).calls == 1
        call(quiet.db, NOW + DAY)
    assert [one.id for one in crm.got][1:] == [crm.got[1].id] * 2


def test_a_hook_that_is_removed_takes_its_log_along_and_leaves_the_others(quiet: House) -> None:
    with Receiver() as crm, Receiver() as shop:
        register(quiet.db, crm.url)
        register(quiet.db, shop.url, name="shop")
        happen(quiet.db, quiet)
        hooks.remove(quiet.db, "crm")
        call(quiet.db)
        assert (len(crm.got), len(shop.got)) == (0, 1)
        assert rows(quiet.db, "event") == 1
        hooks.remove(quiet.db, "shop")
    assert (rows(quiet.db, "event"), rows(quiet.db, "hook_call"), rows(quiet.db, "hook")) == (0, 0, 0)


def test_what_two_hooks_are_told_of_one_event_has_one_name(quiet: House) -> None:
    with Receiver() as crm, Receiver() as shop:
        register(quiet.db, crm.url)
        register(quiet.db, shop.url, name="shop", with_address=False)
        happen(quiet.db, quiet)
        call(quiet.db)
    assert crm.got[0].id == shop.got[0].id


def test_after_a_month_what_was_told_is_forgotten_and_what_waits_is_not(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet, 3)
        call(quiet.db)
        happen(quiet.db, quiet)
        quiet.tidy(NOW + 29 * DAY)
        assert rows(quiet.db, "hook_call") == 4
        quiet.tidy(NOW + 31 * DAY)
    # With the person, who never confirmed, all is gone after their time: here they are kept by what waits.
    assert rows(quiet.db, "hook_call") == rows(quiet.db, "event")
    assert rows(quiet.db, "hook_call") <= 1


def test_names_are_given_once_and_known_or_not(quiet: House) -> None:
    register(quiet.db, "https://crm.example/")
    with pytest.raises(Conflict, match='There is a hook "crm" already'):
        register(quiet.db, "https://crm.example/")
    for act in (
        lambda: hooks.remove(quiet.db, "shop"),
        lambda: hooks.rotate(quiet.db, "shop", now=NOW),
        lambda: hooks.told(quiet.db, "shop", limit=1),
        lambda: hooks.test(quiet.db, CALLER, "shop", now=NOW),
        lambda: hooks.replay(quiet.db, "shop", since=None, now=NOW),
    ):
        with pytest.raises(NotFound, match='There is no hook "shop"'):
            act()


def test_a_test_is_signed_and_leaves_nothing_behind(quiet: House) -> None:
    with Receiver() as crm:
        secret = register(quiet.db, crm.url)
        now = datetime.now(UTC)
        assert hooks.test(quiet.db, CALLER, "crm", now=now) == Answered(status=200, reply="thanks")
    assert Webhook(secret).verify(crm.got[0].body, dict(crm.got[0].headers))["type"] == "hook.test"
    assert (rows(quiet.db, "event"), rows(quiet.db, "hook_call")) == (0, 0)


def test_a_hook_that_goes_while_it_is_called_is_no_trouble(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        assert calling.call(quiet.db, Meddling(lambda: hooks.remove(quiet.db, "crm")), now=NOW) == 1
    assert rows(quiet.db, "hook_call") == 0


def test_a_late_word_about_a_call_that_was_taken_over_changes_nothing(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        happen(quiet.db, quiet)
        with quiet.db.begin() as tx:
            (old,) = calls.claim(tx, the(quiet.db), now=NOW, limit=5)
            tx.execute(text("UPDATE hook_call SET lease_until = 1"))
        call(quiet.db)
        with quiet.db.begin() as tx:
            assert not calls.settle(tx, old, status=500, reply="late", due_at=NOW, over_at=None)
            assert not calls.settle(tx, replace(old, attempt=2), status=500, reply="late", due_at=NOW, over_at=None)
    assert len(crm.got) == 1
    assert log(quiet.db)[0].status == 200


def test_the_longest_that_can_be_said_is_less_than_twenty_kilobytes(quiet: House) -> None:
    with Receiver() as crm:
        register(quiet.db, crm.url)
        with quiet.db.begin() as tx:
            telling.suppressed(
                tx, quiet.person(EMAIL), SuppressionReason.BOUNCE, detail="\N{GRINNING FACE}" * 100_000, now=NOW
            )
        call(quiet.db)
    assert len(crm.got[0].body) < 20_000
    assert SECRET.encode() not in crm.got[0].body
