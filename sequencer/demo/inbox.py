"""Where does the demo's mail arrive? A real SMTP server on loopback that keeps what it gets."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message as it arrived: when by the demo's clock, for whom by the envelope, and its bytes."""

    id: int
    at: datetime
    recipient: str
    content: bytes

    def parsed(self) -> EmailMessage:
        """The message as a mail client reads it."""
        return message_from_bytes(self.content, _class=EmailMessage, policy=policy.default)

    def part(self, kind: str) -> str:
        """The text of the "plain" or "html" part."""
        part = self.parsed().get_body((kind,))
        return str(part.get_content()) if isinstance(part, EmailMessage) else ""

    @property
    def message_id(self) -> str:
        """The Message-ID."""
        return str(self.parsed()["Message-ID"])

    @property
    def is_lesson(self) -> bool:
        """Whether this is a lesson; a confirmation mail belongs to no list."""
        return self.parsed()["List-Id"] is not None

    def link(self, containing: str) -> str:
        """The first link of the text part that holds `containing`; empty where there is none."""
        return next((link for link in _LINK.findall(self.part("plain")) if containing in link), "")


class Inbox:
    """The SMTP server and what it has received; `port` is where it listens once started."""

    def __init__(self, clock: Callable[[], datetime], *, port: int) -> None:
        self._clock = clock
        self._received: list[Received] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)

    def start(self) -> None:
        """Listen, in a thread."""
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        """Aiosmtpd brings a message."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        for recipient in envelope.rcpt_tos:
            self._received.append(
                Received(id=len(self._received) + 1, at=self._clock(), recipient=recipient, content=content)
            )
        return "250 2.0.0 Kept in the demo's inbox"

    def messages(self) -> Sequence[Received]:
        """All messages so far, the oldest first."""
        return tuple(self._received)
