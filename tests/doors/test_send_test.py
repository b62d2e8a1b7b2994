"""What arrives when an author sends lessons to themselves, and what is said where nothing does?"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import dkim as oracle
import pytest
from click.testing import CliRunner, Result
from door import Door, Page, wait_until
from installation import COURSE, LESSON, SETTINGS, sentence
from relay import EXTENSIONS, ChaosRelay, Fault, How, Step

from sequencer.cli import main

# What every installation says of itself; the tests say which relay, and nothing is ever written down.
BASE = SETTINGS[: SETTINGS.index("relay_url")] + 'database_url = "sqlite:///nowhere/test.db"\n'
NAMING = LESSON.replace("{number}.\n", '{number} for {{{{ subscriber.name or "you" }}}}.\n')
ME = "me@example.org"
Send = Callable[..., Result]


@pytest.fixture
def relay() -> Iterator[ChaosRelay]:
    """A strict mail server, whose complaints fail the test."""
    with ChaosRelay() as up:
        yield up


@pytest.fixture
def folder(folder: Path, relay: ChaosRelay) -> Path:
    """An installation that was never started, whose lessons name their reader; it is the current folder."""
    for number in (1, 2, 3):
        (folder / "lessons" / "small" / f"{number:02}.md").write_text(NAMING.format(number=number), encoding="utf-8")
    settle(folder, f'relay_url = "smtp://127.0.0.1:{relay.port}?tls=off&timeout=1"\n')
    return folder


def settle(folder: Path, more: str) -> None:
    """Write the settings, with these lines in them."""
    (folder / "sequencer.toml").write_text(BASE + more, encoding="utf-8")


@pytest.fixture
def send(folder: Path) -> Send:
    """Runs send-test in that folder; neither a traceback nor an exception ever, and nothing is written down."""
    before = {path.name for path in folder.iterdir()}

    def command(*words: str, to: str = ME) -> Result:
        result = CliRunner().invoke(main, ["course", "send-test", "--to", to, *words], prog_name="sequencer")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert {path.name for path in folder.iterdir()} - before <= {"dkim-s1.pem"}
        return result

    return command


def opened(content: bytes) -> EmailMessage:
    """A message as a mailbox reads it."""
    return message_from_bytes(content, _class=EmailMessage, policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    """Its words, as text or as HTML."""
    found = message.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


# What arrives


def test_the_first_lesson_arrives_marked_as_a_test_in_its_headers_alone(send: Send, relay: ChaosRelay) -> None:
    result = send("--name", "Ann")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "[Test 1/3] Subject 1: 250 2.0.0 Ok: queued as 1\n"
    (kept,) = relay.kept
    message = opened(kept.content)
    assert (kept.sender, kept.recipient, message["To"]) == ("ann@example.org", ME, ME)
    assert (message["Subject"], message["X-Sequencer-Test"]) == ("[Test 1/3] Subject 1", "yes")
    assert "Words of lesson 1 for Ann." in part(message, "plain")
    html = part(message, "html")
    words = " ".join(re.sub(r"<head>.*</head>|<[^>]*>", " ", html, flags=re.DOTALL).split())
    assert words.startswith("Preheader 1")
    assert "[Test" not in html


@pytest.mark.parametrize(
    "subject", ["Grüße, 你好, ليلى", "x" * 90, "Words " * 20 + "end", "=?utf-8?q?no=20word?=", "A: b <c>"]
)
def test_the_mark_stands_before_any_subject(send: Send, relay: ChaosRelay, folder: Path, subject: str) -> None:
    path = folder / "lessons" / "small" / "02.md"
    path.write_text(path.read_text(encoding="utf-8").replace("Subject 2", subject), encoding="utf-8")
    assert send("small", "--lesson", "2").exit_code == 0
    assert opened(relay.kept[0].content)["Subject"] == f"[Test 2/3] {subject}"


def test_all_lessons_arrive_in_order_with_a_line_each(send: Send, relay: ChaosRelay) -> None:
    result = send("--all", "--every", "0s")
    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        f"[Test {n}/3] Subject {n}" for n in (1, 2, 3)
    ]
    assert [opened(one.content)["Subject"] for one in relay.kept] == [f"[Test {n}/3] Subject {n}" for n in (1, 2, 3)]


def test_what_was_edited_is_sent_again_as_another_message(send: Send, relay: ChaosRelay, folder: Path) -> None:
    send()
    path = folder / "lessons" / "small" / "01.md"
    path.write_text(path.read_text(encoding="utf-8") + "\nAnd more.\n", encoding="utf-8")
    send()
    first, second = (opened(one.content) for one in relay.kept)
    assert ("And more." in part(first, "plain"), "And more." in part(second, "plain")) == (False, True)
    # Mailboxes show one of two messages with the same Message-ID.
    assert first["Message-ID"] != second["Message-ID"]


def test_every_link_of_ours_leads_to_a_page_that_says_it_was_a_test(
    send: Send, relay: ChaosRelay, quiet_door: Door
) -> None:
    send()
    message = opened(relay.kept[0].content)
    links = set(re.findall(r'https://mail\.example\.org[^\s"<>]*', part(message, "plain") + part(message, "html")))
    one_click = str(message["List-Unsubscribe"]).strip("<>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert one_click in links
    assert {link.split("/")[4] for link in links} >= {"u", "p", "v"}
    ask = quiet_door.ask
    for link in links:
        path = link.removeprefix("https://mail.example.org")
        assert Page(ask.get(path).raise_for_status().text).text("h1") == ["That was a test"]
        # Whoever mends the address by hand has nothing either: the secret of a test is thrown away.
        assert ask.get(path.removeprefix("/test")).status_code in (400, 404)
    pressed = ask.post(one_click.removeprefix("https://mail.example.org"), data={"List-Unsubscribe": "One-Click"})
    assert Page(pressed.raise_for_status().text).text("h1") == ["That was a test"]


def test_it_is_signed_as_real_mail_is(send: Send, relay: ChaosRelay, folder: Path) -> None:
    made = CliRunner().invoke(main, ["dkim", "new", "example.org"]).stdout
    found = re.search(r"^value +(.*)$", made, re.MULTILINE)
    assert found
    settle(folder, f'relay_url = "smtp://127.0.0.1:{relay.port}?tls=off"\ndkim_key = "dkim-s1.pem"\n')
    assert send().exit_code == 0
    records = {b"s1._domainkey.example.org.": found[1].encode()}
    content = relay.kept[0].content
    assert b"X-Sequencer-Test: yes" in content
    assert oracle.verify(content, dnsfunc=lambda name, timeout=5: records[name] if timeout else b"")


# What is said where nothing arrives


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(at=Step.RCPT, reply="550 5.1.1 No such user."), "The relay said: 550 5.1.1 No such user."),
        (Fault(at=Step.MAIL, reply="530 5.7.0 Log in first"), "The relay said: 530 5.7.0 Log in first."),
        (Fault(at=Step.RCPT, reply="451 4.7.1 greylisted"), "The relay said: 451 4.7.1 greylisted."),
        (Fault(at=Step.DOT, reply="554 5.6.0 We do not like it"), "The relay said: 554 5.6.0 We do not like it."),
    ],
)
def test_the_relay_refuses_in_its_own_words_and_nothing_is_tried_again(
    send: Send, relay: ChaosRelay, fault: Fault, said: str
) -> None:
    relay.faults.append(fault)
    result = send()
    assert (sentence(result), result.stdout) == (said, "")
    assert relay.kept == []
    assert relay.connections == 1


def test_a_refusal_in_the_middle_ends_it_there(send: Send, relay: ChaosRelay) -> None:
    relay.dice = lambda step: Fault(at=step, reply="550 Enough") if step is Step.RCPT and len(relay.kept) == 2 else None
    result = send("--all")
    assert sentence(result) == "The relay said: 550 Enough."
    assert len(result.stdout.splitlines()) == len(relay.kept) == 2


def test_no_answer_to_the_last_dot_is_told_as_what_it_is(send: Send, relay: ChaosRelay) -> None:
    relay.faults.append(Fault(at=Step.DOT, how=How.CLOSE, taken=True))
    said = sentence(send())
    assert said.startswith("The relay got the mail and never said whether it took it (")
    assert said.endswith("); look whether it arrives.")


def test_a_relay_that_is_down_is_named(send: Send, folder: Path) -> None:
    settle(folder, 'relay_url = "smtp://127.0.0.1:1?timeout=1"\n')
    assert sentence(send()).startswith("The relay 127.0.0.1:1 cannot be used: ")


def test_another_relay_stands_in_for_one_that_is_down(send: Send, relay: ChaosRelay, folder: Path) -> None:
    up = f'[relays.up]\nurl = "smtp://127.0.0.1:{relay.port}?tls=off"\n'
    settle(folder, f'[relays.down]\nurl = "smtp://127.0.0.1:1?timeout=1"\nweight = 9\n{up}')
    assert send("--all").exit_code == 0
    assert len(relay.kept) == 3


def test_an_address_that_is_not_ascii_needs_a_relay_that_takes_it(send: Send, relay: ChaosRelay) -> None:
    assert send(to="jürgen@bücher.example.org").exit_code == 0
    assert relay.recipients == ["jürgen@xn--bcher-kva.example.org"]
    relay.extensions = tuple(one for one in EXTENSIONS if one != "SMTPUTF8")
    said = "The relay offers no SMTPUTF8 (RFC 6531), which this address needs."
    assert sentence(send(to="jürgen@bücher.example.org")) == said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("other",), 1, 'there is no course "other"; there is small.'),
        (("--lesson", "4"), 1, "There is no lesson 4; the course has 3."),
        (("--lesson", "0"), 2, "0 is not in the range"),
        (("--to", "not-an-address"), 2, "Invalid value for '--to': This e-mail address cannot be used."),
        (("--every", "5s"), 2, "--every goes with --all."),
        (("--all", "--lesson", "2"), 2, "--lesson and --all exclude each other."),
        (("--all", "--every", "soon"), 2, '\'soon\' is not a time to wait; write one like "5s" or "1m".'),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(
    send: Send, relay: ChaosRelay, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in sentence(send(*words), code)
    assert relay.connections == 0


def test_somebody_has_to_get_it(send: Send, relay: ChaosRelay) -> None:
    result = CliRunner().invoke(main, ["course", "send-test"])
    assert "Missing option '--to'." in sentence(result, 2)
    assert relay.connections == 0
    assert send().exit_code == 0


def test_of_several_courses_one_has_to_be_named(send: Send, folder: Path) -> None:
    (folder / "lessons" / "other").mkdir()
    (folder / "lessons" / "other" / "course.toml").write_text(COURSE, encoding="utf-8")
    for command in (["send-test", "--to", ME], ["preview"]):
        said = sentence(CliRunner().invoke(main, ["course", *command]))
        assert said.endswith("lessons: there are several courses; name one of other, small.")
    assert send("small").exit_code == 0


def test_nothing_is_sent_where_one_lesson_is_broken(send: Send, relay: ChaosRelay, folder: Path) -> None:
    path = folder / "lessons" / "small" / "03.md"
    path.write_text(NAMING.format(number=3) + "\n{{ subscriber.nmae }}\n", encoding="utf-8")
    assert "small/03.md:9: " in sentence(send("--all"))
    assert relay.connections == 0
    assert send("--lesson", "1").exit_code == 0


def test_ctrl_c_between_two_lessons_ends_it_with_a_sentence(folder: Path, relay: ChaosRelay) -> None:
    with sending(folder, "--all", "--every", "1m") as process:
        assert process.stdout
        assert process.stdout.readline().startswith("[Test 1/3] ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (1, "", "Error: Stopped: 1 of 3 sent.\n")
    assert len(relay.kept) == 1


def test_ctrl_c_does_not_wait_for_a_relay_that_says_nothing(folder: Path, relay: ChaosRelay) -> None:
    relay.faults.append(Fault(at=Step.RCPT, how=How.HANG))
    settle(folder, f'relay_url = "smtp://127.0.0.1:{relay.port}?tls=off&timeout=60"\n')
    with sending(folder) as process:
        wait_until(lambda: "RCPT" in relay.said())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (1, "", "Error: Stopped: 0 of 1 sent.\n")


@contextmanager
def sending(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process; it is dead at the end, whatever happens."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SEQUENCER_")}
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-W", "error", "-m", "sequencer", "course", "send-test", "--to", ME, *words],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
