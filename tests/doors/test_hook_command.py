"""What do the commands of `sequencer hook` say, and is what docs/hooks.md says true?"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from house import DAY, EIGHT, NOW, House, small_course
from installation import Run, sentence
from newsletters import an_issue, newsletter, read, schedule
from receiver import Answer, Receiver
from standardwebhooks import Webhook

from sequencer.core.hooks import MEANINGS, RETRY_AFTER, Happening
from sequencer.core.model import Blame, LeaveReason, Rejected, Stage, SuppressionReason
from sequencer.delivery.hooks import Caller
from sequencer.flows import calling, hooks, leaving, silence
from sequencer.flows.hooks import Wish
from sequencer.flows.leaving import Goodbye

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "hooks.md").read_text(encoding="utf-8")
EVENT = ("--event", "subscriber.confirmed")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


def part(name: str) -> str:
    """What stands between two marks of the page."""
    return PAGE.partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0]


def code(name: str) -> str:
    """The code between two marks of the page."""
    return part(name).partition("\n")[2].rpartition("```")[0]


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """Another program on loopback."""
    with Receiver() as made:
        yield made


@pytest.fixture
def told(run: Run, crm: Receiver) -> str:
    """A hook "crm" that is to be told of one person; its secret."""
    run("course", "apply", "small")
    result = run("hook", "add", crm.url, "--insecure", "--name", "crm", *EVENT)
    assert run("subscriber", "add", "ann@example.org", "--confirmed", "A list.").exit_code == 0
    return result.stdout.strip()


# add


def test_a_hook_is_added_and_its_secret_shown_once(run: Run) -> None:
    result = run("hook", "add", "https://crm.example/hook", "--name", "crm", *EVENT, "--event", "lesson.sent")
    assert result.exit_code == 0
    assert SECRET.fullmatch(result.stdout.strip())
    assert 'This is the secret of the hook "crm". It is not shown again' in result.stderr
    for words in (("hook", "list"), ("hook", "list", "--json"), ("hook", "log", "crm")):
        assert "whsec" not in run(*words).output
    (listed,) = [json.loads(line) for line in run("hook", "list", "--json").stdout.splitlines()]
    assert listed["events"] == ["lesson.sent", "subscriber.confirmed"]
    assert (listed["with_address"], listed["insecure"], listed["disabled_at"]) == (True, False, None)


def test_a_name_is_taken_once(run: Run) -> None:
    run("hook", "add", "https://crm.example/hook", *EVENT)
    assert sentence(run("hook", "add", "https://crm.example/other", *EVENT)) == (
        'There is a hook "main" already; choose another name.'
    )


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("http://127.0.0.1/", *EVENT), "begins with https://; --insecure lets it", 1),
        (("https://127.0.0.1/", *EVENT), "127.0.0.1 is at 127.0.0.1, which is not on the internet", 1),
        (("https://0x7f000001/", *EVENT), "which is not on the internet", 1),
        (("http://10.0.0.1/", "--insecure", *EVENT), "which is not on the internet", 1),
        (("https://crm.example/", "--event", "lesson.read"), "'lesson.read' is not one of", 2),
        (("https://crm.example/", *EVENT, "--name", " "), "a name has 1 to 100 characters", 2),
    ],
)
def test_what_cannot_be_a_hook_is_refused_in_a_sentence(run: Run, words: tuple[str, ...], said: str, code: int) -> None:
    assert said in sentence(run("hook", "add", *words), code)
    assert run("hook", "list", "--json").stdout == ""


# test


def test_a_test_shows_the_answer(run: Run, crm: Receiver, told: str) -> None:
    result = run("hook", "test", "crm")
    assert (result.exit_code, result.stdout) == (0, "It answered 200. thanks\n")
    assert Webhook(told).verify(crm.got[0].body, dict(crm.got[0].headers))["data"] == {"hook": "crm"}


def test_a_test_that_is_not_taken_says_why(run: Run, crm: Receiver, told: str) -> None:
    assert told
    crm.answers = [Answer(status=401, body=b"Who are you?")]
    result = run("hook", "test", "crm")
    assert "It answered 401. Who are you?" in result.stdout
    assert sentence(result) == "Only an answer of 200 to 299 counts as taken."
    run("hook", "add", "https://no-such-name.invalid/", "--name", "gone", *EVENT)
    assert sentence(run("hook", "test", "gone")).startswith("It could not be told: ")


# tick, log, list, replay


def test_a_tick_tells_what_is_due_and_the_log_says_so(run: Run, crm: Receiver, told: str) -> None:
    crm.answers = [Answer(status=500, body=b"broken")]
    run("tick")
    (logged,) = [json.loads(line) for line in run("hook", "log", "crm", "--json").stdout.splitlines()]
    assert (logged["status"], logged["attempt"], logged["reply"], logged["finished_at"]) == (500, 1, "broken", None)
    assert logged["due_at"] is not None
    assert "next try" in run("hook", "log", "crm").stdout
    assert "fails" in run("hook", "list").stdout
    later = f"{NOW.replace(year=2100):%Y-%m-%dT%H:%M:%SZ}"
    result = run("tick", "--now", later)
    assert told not in result.output
    (logged,) = [json.loads(line) for line in run("hook", "log", "crm", "--json").stdout.splitlines()]
    assert (logged["status"], logged["attempt"], logged["reply"]) == (200, 2, "thanks")
    assert [one.id for one in crm.got] == [logged["id"]] * 2
    assert "well" in run("hook", "list").stdout


def test_a_hook_that_is_gone_is_disabled_until_a_replay(run: Run, crm: Receiver, told: str) -> None:
    assert told
    crm.answers = [Answer(status=410)]
    assert "hook.disabled" in run("tick").stderr
    assert "disabled" in run("hook", "list").stdout
    assert json.loads(run("hook", "list", "--json").stdout)["why"].startswith("It answered 410")
    run("subscriber", "add", "bob@example.org", "--confirmed", "A list.")
    assert "it was disabled" in run("hook", "log", "crm").stdout
    said = run("hook", "replay", "crm").stdout
    assert said == 'The hook "crm" is told again of what happened: 2 calls. It is enabled again.\n'
    run("tick")
    assert len(crm.got) == 3
    assert run("hook", "replay", "crm").stdout == 'The hook "crm" is told again of what happened: 0 calls.\n'
    assert "2 calls" in run("hook", "replay", "crm", "--since", "2026-01-01").stdout
    assert "write an instant like" in sentence(run("hook", "replay", "crm", "--since", "then"), 2)


def test_a_secret_is_rotated_and_a_hook_removed(run: Run, crm: Receiver, told: str) -> None:
    result = run("hook", "rotate", "crm")
    new = result.stdout.strip()
    assert SECRET.fullmatch(new)
    assert new != told
    assert "The one before signs too for 24 hours." in result.stderr
    run("tick")
    for secret in (told, new):
        Webhook(secret).verify(crm.got[0].body, dict(crm.got[0].headers))
    assert run("hook", "remove", "crm").stdout == 'The hook "crm" is removed.\n'
    assert sentence(run("hook", "remove", "crm")) == 'There is no hook "crm"; "sequencer hook list" shows all.'


# docs/hooks.md


def test_the_page_names_every_event_with_its_meaning() -> None:
    rows = [f"| `{what}` | {meaning} |" for what, meaning in MEANINGS.items()]
    assert part("events").splitlines()[2:] == rows


def test_the_page_has_the_table_of_retries() -> None:
    rows = [f"| {number} | {_words(wait)} |" for number, wait in enumerate(RETRY_AFTER, start=2)]
    assert part("retries").splitlines()[2:] == rows


def _words(wait: timedelta) -> str:
    seconds = int(wait.total_seconds())
    for unit, size in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    raise AssertionError(wait)


def test_the_payloads_on_the_page_are_those_that_are_sent(house: House, crm: Receiver) -> None:
    house.publish(small_course(1))
    house.publish(newsletter())
    # She reads the newsletter already: of each event the page shows one.
    read(house, "ann@example.org", NOW)
    schedule(house, an_issue("march"), NOW, at=EIGHT)
    hooks.add(house.db, Wish(name="crm", url=crm.url, events=tuple(Happening), insecure=True), now=NOW)
    house.join("ann@example.org")
    house.tick(EIGHT)
    ann = house.person("ann@example.org")
    with house.db.begin() as tx:
        leaving.depart(tx, ann.id, Goodbye(reason=LeaveReason.TOO_OFTEN), now=EIGHT)
    house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 No such user", blame=Blame.ADDRESS))]
    house.sign_up("bob@example.org")
    house.tick(NOW)
    silence.suppress(house.db, ann.address, SuppressionReason.COMPLAINT, detail="abuse", now=EIGHT)
    calling.call_all(house.db, Caller(), clock=lambda: EIGHT + DAY)
    sent = {str(one.said["type"]): one.said for one in crm.got if "bob" not in str(one.said) or "550" in str(one.said)}
    shown = [json.loads(text) for text in code("payloads").split("\n\n")]
    assert {one["type"]: one for one in shown} == sent
    assert [one["type"] for one in shown] == list(Happening)


def test_the_program_on_the_page_verifies_what_is_sent(run: Run, crm: Receiver, told: str) -> None:
    run("tick")
    (got,) = crm.got
    names: dict[str, object] = {}
    exec(code("python"), names)  # noqa: S102 (the page's own words)
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    assert is_genuine(told, dict(got.headers), got.body)
    assert not is_genuine(told, dict(got.headers), got.body + b" ")
    assert not is_genuine(told.replace("whsec_", "whsec_AAAA"), dict(got.headers), got.body)
    old = {**got.headers, "webhook-timestamp": str(int(time.time()) - 400)}
    assert not is_genuine(told, old, got.body)


def test_the_script_on_the_page_signs_as_we_do(crm: Receiver) -> None:
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD0Nf8uGkGQ5M="
    given = {**os.environ, "SECRET": secret, "URL": crm.url}
    done = subprocess.run(  # noqa: S603 (our own page)
        ["/bin/sh", "-euc", code("shell")], env=given, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "thanks"), done.stderr
    assert Webhook(secret).verify(crm.got[0].body, dict(crm.got[0].headers))["type"] == "hook.test"
