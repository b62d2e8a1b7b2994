"""Is each event one line on stderr, as words or as JSON, with a traceback where there is one and nobody's address?"""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import SETTINGS, Run
from relay import ChaosRelay, Fault, How, Step

from sequencer.cli import logs
from sequencer.values import LogFormat

EMAIL = "reader@example.org"
log = logging.getLogger("sequencer.somewhere")


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is written there; the log is as before at the end."""
    root, ours = logging.getLogger(), logging.getLogger("sequencer")
    before = (root.handlers[:], root.level, ours.level)
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.to_stderr()
    yield written
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def _fail() -> None:
    try:
        raise ValueError(f"nothing for {EMAIL}")
    except ValueError:
        log.exception("request.failed", extra={"path": "f", "reason": "a bug"})


def test_words_are_a_line_with_fields_that_are_quoted_where_they_hold_spaces(stderr: io.StringIO) -> None:
    log.info("delivery.accepted", extra={"delivery": 12, "reply": "250 Ok", "relay": ""})
    assert stderr.getvalue()[19:] == 'Z INFO delivery.accepted delivery=12 reply="250 Ok" relay=""\n'


def test_json_is_a_line_with_the_same_fields_under_names_that_do_not_change(stderr: io.StringIO) -> None:
    logs.write_as(LogFormat.JSON)
    log.info("delivery.accepted", extra={"delivery": 12, "reply": "250 Ok\nand more", "relay": "", "wait": None})
    (line,) = stderr.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("ts").endswith("Z")
    expected = {"level": "info", "event": "delivery.accepted", "delivery": 12, "reply": "250 Ok\nand more"}
    assert found == {**expected, "relay": "", "wait": None}
    assert list(json.loads(line))[:3] == ["ts", "level", "event"]


def test_a_traceback_is_a_field_of_its_line(stderr: io.StringIO) -> None:
    logs.write_as(LogFormat.JSON)
    _fail()
    (line,) = stderr.getvalue().splitlines()
    found = json.loads(line)
    assert (found["event"], found["reason"], found["path"]) == ("request.failed", "a bug", "f")
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("ValueError: nothing for (address)")


def test_what_other_libraries_say_has_their_name(stderr: io.StringIO) -> None:
    logs.write_as(LogFormat.JSON)
    logging.getLogger("uvicorn.error").warning("Something %s", "odd")
    found = json.loads(stderr.getvalue())
    assert (found["level"], found["event"], found["logger"]) == ("warning", "Something odd", "uvicorn.error")


@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("550 5.1.1 <reader@example.org>: unknown", "550 5.1.1 <(address)>: unknown"),
        ("550 reader@example.org, other@example.org", "550 (address), (address)"),
        ("554 grüße@münchen.example is not here", "554 (address) is not here"),
        ('550 "odd reader"@example.org', "550 (address)"),
        ("250 2.0.0 Ok", "250 2.0.0 Ok"),
    ],
)
def test_addresses_that_a_relay_repeats_are_left_out(
    stderr: io.StringIO, log_format: LogFormat, said: str, written: str
) -> None:
    logs.write_as(log_format)
    log.info("delivery.rejected", extra={"reply": said})
    line = stderr.getvalue()
    reply = json.loads(line)["reply"] if log_format is LogFormat.JSON else json.loads(line.partition("reply=")[2])
    assert reply == written


def test_a_traceback_in_words_names_nobody_either(stderr: io.StringIO) -> None:
    _fail()
    assert "ValueError: nothing for (address)\n" in stderr.getvalue()
    assert EMAIL not in stderr.getvalue()


@pytest.mark.parametrize("log_format", LogFormat)
def test_the_setting_chooses_and_a_pass_names_nobody(run: Run, folder: Path, log_format: LogFormat) -> None:
    refused = Fault(at=Step.RCPT, how=How.SAY, reply=f"550 5.1.1 <{EMAIL}>: unknown user", nth=1)
    with ChaosRelay(faults=[refused]) as relay:
        settings = SETTINGS.replace("smtp://127.0.0.1:1?timeout=1", f"smtp://127.0.0.1:{relay.port}?tls=off")
        (folder / "sequencer.toml").write_text(f'log_format = "{log_format}"\n{settings}', encoding="utf-8")
        for email in (EMAIL, "second@example.org"):
            run("subscriber", "add", email)
        lines = [line for line in run("tick").stderr.splitlines() if line]
    assert EMAIL not in "".join(lines)
    assert "@" not in "".join(lines)
    if log_format is LogFormat.JSON:
        events = [json.loads(line) for line in lines]
        assert {one["event"] for one in events} >= {"delivery.accepted", "delivery.rejected", "subscriber.suppressed"}
        assert all(list(one)[:3] == ["ts", "level", "event"] for one in events)
    else:
        assert any(" INFO delivery.accepted " in line for line in lines)
