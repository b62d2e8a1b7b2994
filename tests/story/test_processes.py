"""Do the parts of the service work as processes of their own, and does each end when it is told to?"""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest
from story.stage import Stage, wait_for

EMAIL = "reader@example.org"

both = pytest.mark.parametrize("stage", ["sqlite", "postgresql"], indirect=True)


def _present(stage: Stage) -> list[dict[str, object]]:
    said, _ = stage.start("worker", "list", "--json").communicate(timeout=30)
    found: list[dict[str, object]] = json.loads(said)
    return found


@both
def test_web_worker_and_clock_share_the_work_of_serve(stage: Stage) -> None:
    web = stage.start("web")
    wait_for("an answer of the web door", lambda: _answers(stage, web))
    clock = stage.start("clock")
    stage.sign_up(EMAIL)
    worker = stage.start("worker", "--concurrency", "2")
    stage.confirm(EMAIL)
    stage.let_time_pass()
    wait_for("a lesson", lambda: len(stage.settled()) == 1)
    wait_for("all on the roster", lambda: len(_present(stage)) == 3)
    there = {str(one["kind"]): one for one in _present(stage)}
    assert set(there) == {"web", "clock", "worker"}
    assert [one["alive"] for one in there.values()] == [True] * 3
    assert (there["worker"]["engine"], there["worker"]["concurrency"]) == ("in-process", 2)
    assert there["worker"]["pid"] == worker.pid
    for process in (worker, clock, web):
        code, seconds = stage.end(process)
        assert (code, seconds < 10) == (0, True), stage.log()
    assert _present(stage) == []


@both
def test_a_worker_that_is_told_to_stop_finishes_what_is_on_the_wire(stage: Stage) -> None:
    stage.app  # noqa: B018 (opened before anybody sends)
    web = stage.start("web")
    wait_for("an answer of the web door", lambda: _answers(stage, web))
    stage.enrol(EMAIL, now=datetime.now(UTC))
    stage.let_time_pass()
    stage.inbox.holds = True
    worker = stage.start("worker")
    assert stage.inbox.held.wait(30)
    worker.send_signal(signal.SIGTERM)
    stage.inbox.go_on.set()
    assert worker.wait(20) == 0, stage.log()
    assert len(stage.settled()) == 1


@both
def test_a_worker_that_was_killed_is_listed_and_the_next_one_goes_on(stage: Stage) -> None:
    web = stage.start("web")
    wait_for("an answer of the web door", lambda: _answers(stage, web))
    worker = stage.start("worker")
    wait_for("it on the roster", lambda: len(_present(stage)) == 2)
    stage.kill(worker)
    stage.enrol(EMAIL, now=datetime.now(UTC))
    stage.let_time_pass()
    stage.start("worker")
    wait_for("a lesson", lambda: len(stage.settled()) == 1)
    assert [one["kind"] for one in _present(stage)] == ["web", "worker", "worker"]


def _answers(stage: Stage, process: "subprocess.Popen[str]") -> bool:
    assert process.poll() is None, stage.log()
    try:
        return httpx.get(f"{stage.url}/healthz").is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("stage", "missing", "engine", "variables", "said"),
    [
        (
            "sqlite",
            "nothing",
            "celery",
            {},
            'The engine "celery" needs PostgreSQL, as it is for several machines; set the option "database_url".',
        ),
        (
            "postgresql",
            "procrastinate",
            "procrastinate",
            {},
            (
                'The engine "procrastinate" needs a package that is not installed (procrastinate); '
                "run pip install 'sequencer[procrastinate]'."
            ),
        ),
        (
            "postgresql",
            "celery",
            "celery",
            {"SEQUENCER_BROKER_URL": "redis://127.0.0.1:1/0"},
            (
                'The engine "celery" needs a package that is not installed (celery); '
                "run pip install 'sequencer[celery]'."
            ),
        ),
        (
            "postgresql",
            "nothing",
            "celery",
            {},
            (
                'The engine "celery" needs a broker; set the option "broker_url" to an address like '
                "amqp://user:password@host/ (RabbitMQ) or redis://host:6379/0."
            ),
        ),
    ],
    indirect=["stage"],
)
def test_an_engine_that_lacks_something_says_what_in_one_sentence(
    stage: Stage, missing: str, engine: str, variables: dict[str, str], said: str
) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from sequencer.cli import main; main()"
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", program, "worker", "--engine", engine],
        cwd=stage.folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"Error: {said}")
