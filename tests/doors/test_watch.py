"""Can somebody watch a process from outside: whether it is ready, and what is counted in it?"""

import logging
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from door import Door
from house import DAY, EIGHT, NOW, House, small_course
from prometheus_client.parser import text_string_to_metric_families
from relay import ChaosRelay
from sqlalchemy import text

from sequencer.core.model import Blame, Deferred, Rejected, Stage, Uncertain
from sequencer.delivery.courier import SmtpCourier
from sequencer.errors import BadSettings
from sequencer.flows import dispatch, pauses
from sequencer.flows.pulse import SILENCE
from sequencer.store.database import Database, connect
from sequencer.store.pauses import Scope
from sequencer.values import Listen
from sequencer.watch.door import watched

ANN, BEN, CARL, DORA = (f"{name}@example.org" for name in ("ann", "ben", "carl", "dora"))
HERE = Listen(host="127.0.0.1", port=0)
OPERATE = (Path(__file__).resolve().parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")


class Watched:
    """A house whose process is watched."""

    def __init__(self, house: House, at: str) -> None:
        self.house = house
        self.door = Door(house, metrics=HERE)
        self.url = f"http://{at}"

    def get(self, path: str) -> httpx.Response:
        """What is answered there."""
        return httpx.get(f"{self.url}{path}", timeout=20)

    def numbers(self) -> dict[str, float]:
        """Each sample of a scrape, with its labels, but for those that say how long something took."""
        found = {}
        for family in text_string_to_metric_families(self.get("/metrics").text):
            for one in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
                found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
        return found


@pytest.fixture
def process(house: House, caplog: pytest.LogCaptureFixture) -> Iterator[Watched]:
    """A process that is watched; the small course is published."""
    caplog.set_level(logging.INFO, logger="sequencer")
    house.publish(small_course())
    made = Watched(house, "")
    with watched(made.door.app) as at:
        made.url = f"http://{at}"
        yield made


def test_what_happens_is_counted_by_kind_outcome_and_verdict(process: Watched) -> None:
    house, app = process.house, process.door.app
    for email in (ANN, BEN, CARL):
        house.join(email)
    process.door.now = EIGHT + timedelta(minutes=5)
    before = process.numbers()
    assert (before["sequencer_lessons_due"], before["sequencer_lessons_lag_seconds"]) == (3, 300)
    house.courier.answers = [
        (Stage.RCPT, Deferred(reply="450 later")),
        Rejected(reply="554 no", blame=Blame.MESSAGE),
        Uncertain(reply=""),
    ]
    app.pulse.passed(house.tick(EIGHT), at=time.monotonic(), seconds=0.2)
    house.sign_up(DORA, EIGHT)
    found = process.numbers()
    assert {name: value for name, value in found.items() if name.startswith("sequencer_deliveries_total")} == {
        "sequencer_deliveries_total{kind=confirmation,outcome=accepted,relay=script}": 3,
        "sequencer_deliveries_total{kind=lesson,outcome=deferred,relay=script}": 1,
        "sequencer_deliveries_total{kind=lesson,outcome=rejected,relay=script}": 1,
        "sequencer_deliveries_total{kind=lesson,outcome=uncertain,relay=script}": 1,
    }
    assert found["sequencer_signups_total{verdict=confirm}"] == 4
    assert found["sequencer_claims_total"] == 3
    assert found["sequencer_lessons_lag_seconds"] == 0
    assert found["sequencer_messages_waiting{kind=lesson,state=deferred}"] == 1
    assert found["sequencer_messages_waiting{kind=confirmation,state=queued}"] == 1
    assert found["sequencer_messages_uncertain"] == 1
    assert found["sequencer_pass_seconds_count"] == 1
    assert found["sequencer_pass_last_success_timestamp_seconds"] == process.door.now.timestamp()
    assert found["sequencer_events_total{event=subscriber.confirmed,level=info}"] == 3
    assert (found["sequencer_ready"], found["sequencer_database_up"]) == (1, 1)


def test_transactions_are_timed_with_what_bare_cursors_do(process: Watched) -> None:
    house, count = process.house, "sequencer_database_transaction_seconds_count"
    house.join(ANN)
    before = process.numbers()
    house.tick(EIGHT)
    found = process.numbers()
    assert found[f"{count}{{kind=write}}"] > before[f"{count}{{kind=write}}"] > 0
    assert found[f"{count}{{kind=read}}"] > before[f"{count}{{kind=read}}"] > 0
    # The scrape itself reads.
    assert found["sequencer_database_connections_in_use"] == 0


def test_relays_are_told_with_what_is_paused(process: Watched) -> None:
    house = process.house
    with ChaosRelay() as one:
        courier = SmtpCourier(one.settings(key="one", connections=3), one.settings(key="two", connections=5))
        app = replace(process.door.app, courier=courier)
        pauses.stop(house.db, Scope.RELAY, "one", reason="It is blocked", now=NOW)
        house.sign_up(ANN)
        dispatch.tick(house.db, courier, house.press, now=NOW)
        with watched(app) as at:
            process.url = f"http://{at}"
            found = process.numbers()
    assert found["sequencer_relay_left_alone{relay=one}"] == 1
    assert found["sequencer_relay_left_alone{relay=two}"] == 0
    assert found["sequencer_relay_connections_allowed{relay=two}"] == 5
    assert [found[f"sequencer_paused{{scope={scope}}}"] for scope in Scope] == [0, 1, 0, 0]


def test_a_scrape_names_nobody_and_has_few_labels(process: Watched) -> None:
    for number in range(30):
        process.house.sign_up(f"reader-{number}@example.org")
    before = len(process.numbers())
    for number in range(30):
        process.house.join(f"other-{number}@example.org")
    process.house.tick(EIGHT)
    said = process.get("/metrics").text
    assert "@" not in said
    assert "reader" not in said
    # Some events come for the first time; nothing comes once for each person.
    assert len(process.numbers()) - before < 30


def test_all_metrics_are_told_of_in_the_documents_and_no_others(process: Watched) -> None:
    process.house.join(ANN)
    families = {one.name for one in text_string_to_metric_families(process.get("/metrics").text)}
    ours = {name for name in families if name.startswith("sequencer_") and not name.endswith("_created")}
    listed = set(re.findall(r"^\| `(sequencer_[a-z_]+?)(?:_total)?[`{]", OPERATE, re.MULTILINE))
    # Those of a courier by SMTP, and of a process whose clock is the database's.
    others = {"sequencer_relay_connections_allowed", "sequencer_relay_left_alone", "sequencer_clock_ahead_seconds"}
    assert listed == ours | others


def test_where_it_stands_is_told_at_the_address_of_the_setting_and_nowhere_else(process: Watched) -> None:
    assert process.get("/healthz").json() == process.get("/readyz").json() == {"ok": True}
    answer = process.get("/")
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "error": "There is nothing here."})
    with process.door.open():
        assert process.door.ask.get("/metrics").status_code == 404


def test_after_the_end_nothing_is_counted_and_nobody_listens(process: Watched) -> None:
    app = process.door.app
    heard, handlers = app.pulse.heard, list(logging.getLogger("sequencer").handlers)
    with watched(app) as at:
        assert app.pulse.heard is not heard
    assert (app.pulse.heard, logging.getLogger("sequencer").handlers) == (heard, handlers)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{at}/healthz")


def test_an_address_that_is_taken_is_refused_in_a_sentence(sqlite_db: Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        door = Door(House(sqlite_db), metrics=Listen(host="127.0.0.1", port=port))
        with pytest.raises(BadSettings) as caught, watched(door.app):
            pass
    assert str(caught.value) == (
        f"Nothing can listen on 127.0.0.1:{port} (Address already in use); "
        'choose another address with the option "metrics".'
    )


def test_who_watches_nothing_does_not_even_read_the_library() -> None:
    words = "import sys, sequencer.cli.serve; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", words], check=True)  # noqa: S603 (ourselves)


def _stop(door: Door) -> None:
    door.app.pulse.stop()


def _fall_silent(door: Door) -> None:
    door.app.pulse.beat(-2 * SILENCE)


def _change_shape(door: Door) -> None:
    with door.app.db.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (_stop, "This process is stopping."),
        (_fall_silent, "The sender of this process has not done well for two minutes."),
        (_change_shape, "The database is not of the shape that this program knows."),
    ],
)
def test_who_is_not_ready_says_why(sqlite_db: Database, trouble: object, sentence: str) -> None:
    door = Door(House(sqlite_db), metrics=HERE)
    with door.open(), watched(door.app) as at:
        assert door.ask.get("/readyz").json() == {"ok": True}
        assert callable(trouble)
        trouble(door)
        for answer in (door.ask.get("/readyz"), httpx.get(f"http://{at}/readyz")):
            assert (answer.status_code, answer.json()) == (503, {"ok": False, "error": sentence})


def test_without_its_database_a_process_is_neither_ready_nor_healthy_and_can_still_be_scraped(tmp_path: Path) -> None:
    db = connect("sqlite:///gone/test.db", root=_folder(tmp_path))
    process = Watched(House(db), "")
    with process.door.open(), watched(process.door.app) as at:
        process.url = f"http://{at}"
        db.close()
        (tmp_path / "gone").rename(tmp_path / "away")
        for answer in (process.door.ask.get("/readyz"), process.get("/readyz"), process.get("/healthz")):
            assert (answer.status_code, answer.json()["error"]) == (503, "The database does not answer.")
        found = process.numbers()
        assert (found["sequencer_database_up"], found["sequencer_ready"]) == (0, 0)
        assert "sequencer_lessons_due" not in found


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "gone").mkdir()
    return tmp_path


def test_a_process_that_does_not_send_is_ready_without_a_sender(quiet_door: Door) -> None:
    assert quiet_door.app.pulse.silence(NOW.timestamp()) == 0
    assert quiet_door.ask.get("/readyz").json() == {"ok": True}
    assert DAY.total_seconds() > SILENCE
