"""What does a story need? The real program in processes of its own, a real relay, and a way to let time pass.

Nothing of the program is replaced. Time is made to pass in the rows: what is due later becomes due now.
"""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from sequencer import app as wiring
from sequencer import settings as options
from sequencer.core.model import Delivery, DeliveryKind, DeliveryState
from sequencer.demo.inbox import Inbox, Received
from sequencer.flows import subscription
from sequencer.message import address
from sequencer.store import deliveries

PATIENCE = 20.0  # seconds for any one thing to happen
LESSONS = 2

_COURSE = 'title = "Small"\nsender = "Ann Author <ann@example.org>"\nsend_at = "08:00"\n'
_LESSON = """---
id: lesson-{number}
subject: "Subject {number}"
preheader: "Preheader {number}"
theme: "Theme {number}"
---

Words of lesson {number}.
"""


def wait_for(what: str, until: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Come back when `until` is true; fail, saying `what` did not happen, when it takes too long."""
    deadline = time.monotonic() + patience
    while not until():
        assert time.monotonic() < deadline, f"within {patience:.0f} s {what} did not happen"
        threading.Event().wait(0.02)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Moody(Inbox):
    """An inbox that may hold back its answer to a final dot, or hang up instead of answering."""

    def __init__(self, port: int) -> None:
        super().__init__(lambda: datetime.now(UTC), port=port)
        self.holds = False
        self.held = threading.Event()
        self.go_on = threading.Event()
        self.hang_ups_before: int = 0
        self.hang_ups_after: int = 0

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's)
        self, server: SMTP, _session: Session, envelope: Envelope, recipient: str, _options: Sequence[str]
    ) -> str:
        """Aiosmtpd brings a recipient."""
        if self.hang_ups_before:
            self.hang_ups_before -= 1
            server.transport.close()
        envelope.rcpt_tos.append(recipient)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        """Aiosmtpd brings a message; it is kept, whatever the answer."""
        answer = await super().handle_DATA(server, session, envelope)
        if self.hang_ups_after:
            self.hang_ups_after -= 1
            server.transport.close()
        if self.holds:
            self.held.set()
            await asyncio.to_thread(self.go_on.wait, PATIENCE)
        return answer

    def to(self, email: str) -> list[Received]:
        """The messages to somebody."""
        return [one for one in self.messages() if one.recipient == email]

    def lessons(self) -> Counter[str]:
        """How often each lesson came, by its Message-ID."""
        return Counter(one.message_id for one in self.messages() if one.is_lesson)


@dataclass(slots=True)
class Stage:
    """One installation in a folder: settings, a course of a few lessons, a database and a relay."""

    folder: Path
    inbox: Moody
    mail_port: int
    web_port: int
    database_url: str
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)
    _app: wiring.App | None = None

    @property
    def url(self) -> str:
        """Where the service is."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def app(self) -> wiring.App:
        """The same installation, opened beside the program, to look at and to let time pass."""
        if self._app is None:
            loaded = options.load(self.folder / "sequencer.toml", {})
            self._app = wiring.open_app(loaded, clock=lambda: datetime.now(UTC))
        return self._app

    def set_up(self) -> None:
        """Write the settings and the course."""
        course = self.folder / "lessons" / "small"
        course.mkdir(parents=True)
        (course / "course.toml").write_text(_COURSE)
        for number in range(1, LESSONS + 1):
            (course / f"{number:02}.md").write_text(_LESSON.format(number=number))
        (self.folder / "sequencer.toml").write_text(
            "\n".join(
                [
                    f'base_url = "{self.url}"',
                    'secret_key = "a secret of stories that is long enough"',
                    'postal_address = "1 Example Street"',
                    f'relay_url = "smtp://127.0.0.1:{self.mail_port}?tls=off&connections=2&timeout=5"',
                    f'database_url = "{self.database_url}"',
                    "signup_caps = { ip = 1000 }",
                    f'listen = "127.0.0.1:{self.web_port}"',
                    "[forms.newsletter]",
                    'course = "small"',
                ]
            )
        )

    def tear_down(self) -> None:
        """No process outlives its story, and nobody is kept waiting."""
        self.inbox.go_on.set()
        for process in self._processes:
            self.kill(process)
            if process.stdout is not None:
                process.stdout.close()
        if self._app is not None:
            self._app.close()

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run the program with these words; it goes on in a process of its own."""
        with (self.folder / "log.txt").open("a") as log:
            process = subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-W", "error", "-m", "sequencer", *words],
                cwd=self.folder,
                env={key: value for key, value in os.environ.items() if not key.startswith("SEQUENCER_")},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._processes.append(process)
        return process

    def serve(self) -> subprocess.Popen[str]:
        """Run the service, and come back when it answers."""
        process = self.start("serve")

        def answers() -> bool:
            assert process.poll() is None, self.log()
            try:
                return httpx.get(f"{self.url}/healthz").is_success
            except httpx.TransportError:
                return False

        wait_for("an answer of the service", answers)
        return process

    def tick(self, now: datetime | None = None) -> Mapping[str, object]:
        """One pass in a process of its own; what it says."""
        return self.told(self.start("tick", "--json", *(("--now", now.isoformat()) if now else ())))

    def told(self, process: subprocess.Popen[str]) -> Mapping[str, object]:
        """What a pass says when it has come to its end."""
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, self.log()
        found: Mapping[str, object] = json.loads(said)
        return found

    def end(self, process: subprocess.Popen[str]) -> tuple[int, float]:
        """SIGTERM, and how the process ended: its exit code, and after how many seconds."""
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        return process.returncode, time.monotonic() - began

    def kill(self, process: subprocess.Popen[str]) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        process.kill()
        process.wait(PATIENCE)

    def log(self) -> str:
        """What the program wrote to stderr so far."""
        return (self.folder / "log.txt").read_text()

    def sign_up(self, email: str) -> None:
        """Somebody sends the form."""
        httpx.post(f"{self.url}/f/newsletter", data={"email": email, "timezone": "Europe/London"}).raise_for_status()

    def confirm(self, email: str) -> None:
        """They follow the link of the mail and press the button of the page."""
        wait_for(f"a confirmation mail to {email}", lambda: self.inbox.to(email))
        link = self.inbox.to(email)[0].link("/confirm/")
        page = httpx.get(link).raise_for_status()
        form = re.search(r'<form[^>]*method="post"[^>]*>', page.text, re.IGNORECASE)
        assert form is not None, page.text
        action = re.search(r'action="([^"]*)"', form.group())
        target = httpx.URL(link).join(action.group(1)) if action else link
        httpx.post(target).raise_for_status()

    def enrol(self, *emails: str, now: datetime) -> None:
        """An admin adds people who agreed elsewhere."""
        form = self.app.settings.forms["newsletter"]
        for email in emails:
            subscription.add(
                self.app.db,
                address.parse(email),
                form,
                name="",
                zone=ZoneInfo("Europe/London"),
                reason="At the fair.",
                now=now,
            )

    def ledger(self) -> list[Delivery]:
        """The rows of all lessons."""
        with self.app.db.read() as tx:
            return [row for row in deliveries.listed(tx) if row.kind is DeliveryKind.LESSON]

    def settled(self) -> list[Delivery]:
        """The rows of all lessons that were accepted."""
        return [row for row in self.ledger() if row.state is DeliveryState.SENT]

    def let_time_pass(self) -> None:
        """Whatever is due later is due now."""
        self._write("UPDATE enrolment SET next_due_at = 1 WHERE next_due_at IS NOT NULL")
        self._write("UPDATE delivery SET due_at = 1 WHERE due_at IS NOT NULL")

    def let_leases_end(self) -> None:
        """Whoever holds a row has held it too long."""
        self._write("UPDATE delivery SET lease_until = 1 WHERE lease_until IS NOT NULL")

    def _write(self, sql: str) -> None:
        with self.app.db.begin() as tx:
            tx.execute(text(sql))
