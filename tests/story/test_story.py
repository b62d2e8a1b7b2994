"""With everything real: does a stranger become a reader, whatever is killed, refused or done twice on the way?"""

import json
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from story.stage import LESSONS, Moody, Stage, wait_for

from sequencer.core.model import DeliveryState

EMAIL = "reader@example.org"
BOTH = pytest.mark.parametrize("stage", ["sqlite", "postgresql"], indirect=True)
# A Monday; lessons go out at eight in London, which is at UTC then.
MONDAY = datetime(2026, 3, 2, 7, tzinfo=UTC)
DAY = timedelta(days=1)


def _subjects(stage: Stage, email: str = EMAIL) -> list[str]:
    return [str(one.parsed()["Subject"]) for one in stage.inbox.to(email) if one.is_lesson]


def _join(stage: Stage, *emails: str) -> None:
    for email in emails:
        stage.sign_up(email)
    for email in emails:
        stage.confirm(email)


def _next_lesson(stage: Stage, count: int) -> None:
    """Time passes until `count` lessons in all have been accepted and written down as such."""
    stage.let_time_pass()
    wait_for(f"lesson {count}", lambda: len(stage.settled()) == count)


def test_a_stranger_signs_up_confirms_and_gets_the_course_day_by_day(stage: Stage) -> None:
    service = stage.serve()
    _join(stage, EMAIL)
    code, seconds = stage.end(service)
    assert code == 0, stage.log()
    assert seconds < 10
    # The real clock confirmed them: rehearse the days that follow.
    today = datetime.now(UTC)
    assert stage.tick(today)["accepted"] == 0
    for day in range(1, LESSONS + 2):
        stage.tick(today + day * DAY)
    assert _subjects(stage) == [f"Subject {number}" for number in range(1, LESSONS + 1)]
    assert set(stage.inbox.lessons().values()) == {1}
    # All of this stands in the log, and nobody's address does.
    assert "subscriber.confirmed" in stage.log()
    assert "@" not in stage.log()


def test_a_whole_story_in_json_is_an_object_a_line_and_names_nobody(stage: Stage) -> None:
    path = stage.folder / "sequencer.toml"
    path.write_text(f'log_format = "json"\n{path.read_text()}')
    service = stage.serve()
    _join(stage, EMAIL, "other@example.org")
    _next_lesson(stage, 2)
    stage.end(service)
    told = [json.loads(line) for line in stage.log().splitlines()]
    assert [one["event"] for one in told if one["event"] == "delivery.accepted"] == ["delivery.accepted"] * 4
    assert (told[0]["event"], told[-1]["event"]) == ("course.published", "serve.stopped")
    assert "@" not in stage.log()


@BOTH
def test_killed_between_two_lessons_and_started_again_the_course_goes_on(stage: Stage) -> None:
    service = stage.serve()
    _join(stage, EMAIL, "other@example.org")
    _next_lesson(stage, 2)
    stage.kill(service)
    stage.serve()
    for lesson in range(2, LESSONS + 1):
        _next_lesson(stage, 2 * lesson)
    assert _subjects(stage) == [f"Subject {number}" for number in range(1, LESSONS + 1)]
    assert len(stage.inbox.lessons()) == 2 * LESSONS
    assert set(stage.inbox.lessons().values()) == {1}


def test_killed_while_the_relay_holds_its_answer_back_only_that_message_comes_twice(stage: Stage) -> None:
    service = stage.serve()
    _join(stage, EMAIL)
    stage.inbox.holds = True
    stage.let_time_pass()
    assert stage.inbox.held.wait(20)
    stage.kill(service)
    stage.inbox.holds = False
    stage.inbox.go_on.set()
    (row,) = stage.ledger()
    assert row.state is DeliveryState.SENDING
    stage.serve()
    wait_for("a doubt", lambda: stage.ledger()[0].state is DeliveryState.UNCERTAIN)
    # It rests for a quarter of an hour before it is sent once more.
    assert len(_subjects(stage)) == 1
    _next_lesson(stage, 1)
    for lesson in range(2, LESSONS + 1):
        _next_lesson(stage, lesson)
    assert _subjects(stage) == ["Subject 1", "Subject 1", "Subject 2"]
    assert [row.doubts for row in stage.ledger()] == [1, 0]
    assert sorted(stage.inbox.lessons().values()) == [1, 2]


def _answers(stage: Stage) -> bool:
    try:
        return httpx.get(f"{stage.url}/healthz").is_success
    except httpx.TransportError:
        return False


def test_told_to_end_while_a_message_is_on_the_wire_the_service_waits_for_the_answer(stage: Stage) -> None:
    service = stage.serve()
    _join(stage, EMAIL)
    stage.inbox.holds = True
    stage.let_time_pass()
    assert stage.inbox.held.wait(20)
    service.send_signal(signal.SIGTERM)
    wait_for("the end of the web door", lambda: not _answers(stage))
    assert service.poll() is None
    stage.inbox.go_on.set()
    assert service.wait(10) == 0, stage.log()
    assert [row.state for row in stage.ledger()] == [DeliveryState.SENT]


def test_told_to_stop_while_the_relay_keeps_its_answer_the_service_ends_in_ten_seconds_and_says_uncertain(
    stage: Stage,
) -> None:
    service = stage.serve()
    stage.sign_up(EMAIL)
    stage.confirm(EMAIL)
    stage.inbox.holds = True
    stage.let_time_pass()
    assert stage.inbox.held.wait(20)
    code, seconds = stage.end(service)
    assert (code, seconds < 10) == (0, True)
    assert [row.state for row in stage.ledger()] == [DeliveryState.UNCERTAIN]


def test_a_relay_that_is_down_at_the_start_is_said_to_be_so_and_nobody_is_forgotten(stage: Stage) -> None:
    stage.inbox.stop()
    stage.inbox = Moody(stage.mail_port)
    stage.serve()
    stage.sign_up(EMAIL)
    wait_for("the relay's trouble in the log", lambda: "relay.trouble" in stage.log())
    stage.inbox.start()
    stage.confirm(EMAIL)
    _next_lesson(stage, 1)
    assert _subjects(stage) == ["Subject 1"]


def test_a_relay_that_hangs_up_before_the_content_gets_each_message_once(stage: Stage) -> None:
    people = [f"reader-{number}@example.org" for number in range(4)]
    stage.serve()
    _join(stage, *people)
    stage.inbox.hang_ups_before = 2
    stage.let_time_pass()

    def is_over() -> bool:
        stage.let_time_pass()
        return len(stage.settled()) == LESSONS * len(people)

    wait_for("the course's end", is_over)
    assert set(stage.inbox.lessons().values()) == {1}
    assert all(row.doubts == 0 for row in stage.ledger())
    assert "delivery.deferred" in stage.log()


def test_a_relay_that_hangs_up_instead_of_answering_gets_twice_only_what_is_uncertain(stage: Stage) -> None:
    people = [f"reader-{number}@example.org" for number in range(4)]
    stage.serve()
    _join(stage, *people)
    stage.inbox.hang_ups_after = 2
    stage.let_time_pass()

    def is_over() -> bool:
        stage.let_time_pass()
        return len(stage.settled()) == LESSONS * len(people)

    wait_for("the course's end", is_over)
    doubts = Counter(stage.app.press.message_id(row, "ann@example.org") for row in stage.ledger() if row.doubts)
    assert len(doubts) == 2
    assert stage.inbox.lessons() - doubts == Counter(set(stage.inbox.lessons()))


@BOTH
def test_two_passes_at_once_on_one_database_send_each_lesson_once(stage: Stage) -> None:
    # On an empty database: both make the tables, both publish the course.
    for process in [stage.start("tick", "--json", "--now", MONDAY.isoformat()) for _ in range(2)]:
        stage.told(process)
    people = [f"reader-{number}@example.org" for number in range(40)]
    stage.enrol(*people, now=MONDAY)
    for day in range(LESSONS):
        now = (MONDAY + day * DAY + timedelta(hours=2)).isoformat()
        told = [stage.told(one) for one in [stage.start("tick", "--json", "--now", now) for _ in range(2)]]
        assert sum(int(str(one["accepted"])) for one in told) == len(people), told
    assert len(stage.inbox.lessons()) == LESSONS * len(people)
    assert set(stage.inbox.lessons().values()) == {1}
    for email in people:
        assert _subjects(stage, email) == [f"Subject {number}" for number in range(1, LESSONS + 1)]


@BOTH
def test_a_pass_that_is_killed_leaves_the_rest_to_the_next_one(stage: Stage) -> None:
    stage.tick(MONDAY)
    people = [f"reader-{number}@example.org" for number in range(6)]
    stage.enrol(*people, now=MONDAY)
    stage.inbox.holds = True
    pass_ = stage.start("tick", "--json", "--now", (MONDAY + timedelta(hours=2)).isoformat())
    assert stage.inbox.held.wait(20), stage.log()
    stage.kill(pass_)
    stage.inbox.holds = False
    stage.inbox.go_on.set()
    on_the_wire = [row for row in stage.ledger() if row.state is DeliveryState.SENDING]
    assert 1 <= len(on_the_wire) <= 2
    stage.let_leases_end()
    for minutes in (0, 20):
        stage.tick(MONDAY + timedelta(hours=2, minutes=minutes))
    assert len(stage.settled()) == len(people)
    doubtful = {row.id for row in stage.ledger() if row.doubts}
    assert doubtful == {row.id for row in on_the_wire}
    assert all(1 <= count <= 2 for count in stage.inbox.lessons().values())
    assert sum(count - 1 for count in stage.inbox.lessons().values()) <= len(doubtful)
