"""How does the program behave as a process: quick help, clean stops, private files, and a reference that is true?"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from click.testing import CliRunner
from door import wait_until

from sequencer.cli import init, main
from sequencer.cli.reference import commands_page

DOCS = Path(__file__).parent.parent.parent / "docs"
PROGRAM = (sys.executable, "-W", "error", "-m", "sequencer")
HEAVY = (
    *("sqlalchemy", "jinja2", "starlette", "rich", "apscheduler", "mjml", "httpx", "aiosmtplib", "structlog"),
    *("psycopg", "procrastinate", "celery", "prometheus_client", "opentelemetry", "cryptography"),
)


def environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SEQUENCER_")}


@contextmanager
def started(*words: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A command as a process; it is dead at the end, whatever happens."""
    process = subprocess.Popen(  # noqa: S603 (our own program)
        [*PROGRAM, *words], cwd=folder, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command that has ended by itself."""
    return subprocess.run(  # noqa: S603 (our own program)
        [*PROGRAM, *words], cwd=folder, env=environ(), capture_output=True, text=True, timeout=60, check=False
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.TransportError:
        return False


class Kept:
    """An SMTP server's memory."""

    def __init__(self) -> None:
        self.content: list[bytes] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        """Keep it."""
        self.content.append(bytes(envelope.content or b""))
        return "250 kept"


@pytest.fixture
def relay() -> Iterator[tuple[int, Kept]]:
    """A real SMTP server, and what it has got."""
    kept, port = Kept(), free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    yield port, kept
    controller.stop()


@pytest.fixture
def folder(tmp_path: Path, relay: tuple[int, Kept]) -> Path:
    """A folder as a new user has it: sequencer init, and the needed values filled in."""
    assert finished("init", folder=tmp_path).returncode == 0
    path, port = tmp_path / "sequencer.toml", free_port()
    text = path.read_text(encoding="utf-8")
    for before, after in (
        ('base_url = "https://mail.example.org"', f'base_url = "http://127.0.0.1:{port}"'),
        ('postal_address = ""', 'postal_address = "1 Example Street"'),
        ('# relay_url = "smtp://127.0.0.1:25"', f'relay_url = "smtp://127.0.0.1:{relay[0]}"'),
        ('# listen = "127.0.0.1:8080"', f'listen = "127.0.0.1:{port}"'),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")
    return tmp_path


def url_of(folder: Path) -> str:
    found = re.search(r'^base_url = "(.*)"$', (folder / "sequencer.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[1]


def test_help_reads_nothing_that_is_slow() -> None:
    code = (
        "import sys\nfrom sequencer.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 (ours)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_new_user_serves_signs_up_gets_the_mail_and_stops_cleanly(
    folder: Path, relay: tuple[int, Kept], stop: signal.Signals
) -> None:
    url = url_of(folder)
    with started("serve", folder=folder) as process:
        wait_until(lambda: answers(f"{url}/healthz"))
        assert httpx.post(f"{url}/f/newsletter", data={"email": "reader@example.com"}, timeout=30).status_code == 200
        wait_until(lambda: bool(relay[1].content))
        process.send_signal(stop)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    events = [line.split()[2] for line in err.splitlines()]
    assert events == ["course.published", "serve.started", "signup.taken", "delivery.accepted", "serve.stopped"]
    assert "reader" not in err
    secret = re.search(r'secret_key = "(.*)"', (folder / "sequencer.toml").read_text(encoding="utf-8"))
    assert secret
    assert secret[1] not in err
    assert b"Subject: Please confirm" in relay[1].content[0]
    for name in ("sequencer.toml", "sequencer.db"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_a_port_that_is_taken_is_named_and_the_option_too(folder: Path) -> None:
    port = int(url_of(folder).rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        for words, instead in (
            (("serve",), 'choose another with the option "listen"'),
            (("course", "preview", "--port", str(port)), "choose another with --port"),
            (("demo", "--once", "--site-port", str(port)), "choose another with --site-port"),
        ):
            done = finished(*words, folder=folder)
            assert done.returncode == 1
            said = f"Error: Nothing can listen on 127.0.0.1, port {port} (Address already in use); {instead}."
            assert done.stderr.splitlines()[-1] == said


def test_a_wrong_setting_ends_the_process_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "sequencer.toml").write_text('base_url = "x"\n', encoding="utf-8")
    done = finished("serve", folder=tmp_path)
    expected = (
        "Error: The option \"base_url\" is 'x'; it needs an address like https://mail.example.org, without a path.\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_tick_sends_what_is_due_and_ends(folder: Path, relay: tuple[int, Kept]) -> None:
    finished("subscriber", "add", "reader@example.com", folder=folder)
    done = finished("tick", "--json", folder=folder)
    assert done.returncode == 0
    assert json.loads(done.stdout)["accepted"] == 1
    assert len(relay[1].content) == 1


def test_two_ticks_at_once_send_each_mail_once(folder: Path, relay: tuple[int, Kept]) -> None:
    for number in range(5):
        finished("subscriber", "add", f"reader{number}@example.com", folder=folder)
    with started("tick", folder=folder) as one, started("tick", folder=folder) as two:
        assert [one.wait(30), two.wait(30)] == [0, 0]
    recipients = sorted(re.findall(rb"^To: (\S+)", b"\n".join(relay[1].content), re.MULTILINE))
    assert recipients == [f"reader{number}@example.com".encode() for number in range(5)]


def test_preview_shows_the_lessons_until_ctrl_c(folder: Path) -> None:
    with started("course", "preview", "--port", "0", folder=folder) as process:
        assert process.stdout
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address
        wait_until(lambda: answers(address[0]))
        assert "The distance that arrives with closeness" in httpx.get(address[0], timeout=30).text
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


# The reference


def test_the_reference_of_commands_is_what_the_commands_say() -> None:
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == commands_page(), (
        "run: python -m sequencer.cli.reference > docs/commands.md"
    )


def test_every_command_and_option_is_in_the_reference() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")

    def check(command: click.Command, path: str) -> None:
        section = page.partition(f"\n## {path}\n")[2].partition("\n## ")[0]
        assert section, path
        for parameter in command.params:
            names = parameter.opts if isinstance(parameter, click.Option) else [parameter.human_readable_name]
            assert all(name in section for name in names), (path, names)
        if isinstance(command, click.Group):
            ctx = click.Context(command)
            for name in command.list_commands(ctx):
                below = command.get_command(ctx, name)
                assert below
                check(below, f"{path} {name}")

    check(main, "sequencer")


def test_the_line_of_each_command_in_the_first_help_is_its_own() -> None:
    runner = CliRunner()
    first = runner.invoke(main, ["--help"]).stdout
    for name in main.list_commands(click.Context(main)):
        assert re.search(rf"^  {name} ", first, re.MULTILINE), name
        assert runner.invoke(main, [name, "--help"]).exit_code == 0


def test_the_page_of_settings_is_what_the_options_say() -> None:
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == init.settings_page(), (
        "run: python -c \"from sequencer.cli import init; print(init.settings_page(), end='')\" > docs/settings.md"
    )
